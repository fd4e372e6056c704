"""The commands of `python -m training`, one file each: `add_to` declares the arguments, `run` does the work."""

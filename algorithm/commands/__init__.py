"""The commands of `python -m algorithm`, one file each: `add_to` declares the arguments, `run` does the work."""

"""The commands of `python -m evaluation`, one file each: `add` declares the arguments, `run` does the work."""

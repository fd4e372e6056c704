"""Mitotic figure detection in H&E images: the part that runs, without training and without torch."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("anaphase")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0.0.0+unknown"

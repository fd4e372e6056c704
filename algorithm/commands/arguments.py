"""Numbers on the command line, checked as they are read."""

import argparse
import math

SMALLEST = 1e-6
"""What counts as a positive number on the command line."""


def share(text: str) -> float:
    """From 0 to below 1."""
    return _number(text, 0.0, 1.0)


def probability(text: str) -> float:
    """Between 0 and 1."""
    return _number(text, SMALLEST, 1.0)


def positive(text: str) -> float:
    """Above 0."""
    return _number(text, SMALLEST, math.inf)


def _number(text: str, lowest: float, below: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not lowest <= value < below:
        raise argparse.ArgumentTypeError(f"{text} is no number from {lowest:g} to below {below:g}")
    return value

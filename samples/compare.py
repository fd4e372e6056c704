"""Compare an answer with the expected one: the same points, or the same types, with the same probabilities.

    python samples/compare.py FOUND EXPECTED

Both are a region's mitotic-figures.json or a stack's multiple-mitotic-figure-classification.json. Prints what was
found. Exit 0 where both agree, 1 where they differ, 2 for a wrong call. Standard library only.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

SPACING_MM = 0.25e-3
"""The sample's pixel, mm."""
PLACE_TOLERANCE_PX = 0.1
PROBABILITY_TOLERANCE = 1e-3

Point = tuple[str, float, float, float]
"""Name, x and y in px, probability."""


Typed = tuple[str, float]
"""Class and confidence of a crop."""


def points(document: dict[str, Any]) -> list[Point]:
    """The document's points, the most probable first."""
    rows = [
        (p["name"], p["point"][0] / SPACING_MM, p["point"][1] / SPACING_MM, p["probability"])
        for p in document["points"]
    ]
    return sorted(rows, key=lambda row: -row[3])


def types(document: list[dict[str, Any]]) -> list[Typed]:
    """The document's crops, in the stack's order."""
    return [(item["class"], item["confidence"]) for item in document]


def wrong_points(found: list[Point], expected: list[Point]) -> list[str]:
    """What tells the two apart, one sentence each; every expected point takes its nearest free found one, in turn."""
    if len(found) != len(expected):
        return [f"found {len(found)} points, expected {len(expected)}"]
    free = list(found)
    problems = []
    for name, x_px, y_px, probability in expected:
        distance_px, match = min((math.hypot(point[1] - x_px, point[2] - y_px), point) for point in free)
        free.remove(match)
        expectation = f"expected a {name} at {x_px:.2f}, {y_px:.2f} px with probability {probability:.4f}"
        if not distance_px <= PLACE_TOLERANCE_PX:
            problems.append(f"{expectation}; the nearest found lies {distance_px:.2f} px away")
        elif match[0] != name:
            problems.append(f"{expectation}; found a {match[0]} with {match[3]:.4f}")
        elif not abs(match[3] - probability) <= PROBABILITY_TOLERANCE:
            problems.append(f"{expectation}; found {match[3]:.4f}")
    return problems


def wrong_types(found: list[Typed], expected: list[Typed]) -> list[str]:
    """What tells the two apart, one sentence each."""
    if len(found) != len(expected):
        return [f"found {len(found)} crops, expected {len(expected)}"]
    problems = []
    for number, (found_one, (name, confidence)) in enumerate(zip(found, expected, strict=True)):
        if found_one[0] != name or not abs(found_one[1] - confidence) <= PROBABILITY_TOLERANCE:
            expectation = f"expected crop {number} {name} with confidence {confidence:.4f}"
            problems.append(f"{expectation}; found {found_one[0]} with {found_one[1]:.4f}")
    return problems


def compare_points(found: list[Point], expected: list[Point]) -> tuple[str, list[str]]:
    """Print the points; a line that counts them, and what is wrong."""
    for name, x_px, y_px, probability in found:
        print(f"  {name:<18}  x {x_px:8.1f} px  y {y_px:8.1f} px  probability {probability:.3f}")
    figures = sum(point[0] == "mitotic figure" for point in found)
    return f"{figures} mitotic figures and {len(found) - figures} lesser candidates", wrong_points(found, expected)


def compare_types(found: list[Typed], expected: list[Typed]) -> tuple[str, list[str]]:
    """Print the crops; a line that counts them, and what is wrong."""
    for number, (name, confidence) in enumerate(found):
        print(f"  crop {number:<3} {name:<9} confidence {confidence:.3f}")
    atypical = sum(name == "atypical" for name, _ in found)
    return f"{atypical} atypical and {len(found) - atypical} normal figures", wrong_types(found, expected)


def main(arguments: list[str]) -> int:
    """Compare the two files that are named, print, return the exit code."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found, expected = (json.loads(Path(argument).read_text()) for argument in arguments)
    if isinstance(expected, list):
        counted, problems = compare_types(types(found), types(expected))
    else:
        counted, problems = compare_points(points(found), points(expected))
    for problem in problems:
        print(f"WRONG: {problem}", file=sys.stderr)
    print(f"{counted}: {'not as expected' if problems else 'as expected'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

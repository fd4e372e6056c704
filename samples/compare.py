"""Compare a mitotic-figures.json with the expected one: same count, same places, same probabilities.

    python samples/compare.py FOUND EXPECTED

Prints what was found. Exit 0 where both agree, 1 where they differ, 2 for a wrong call. Standard library only.
"""

import json
import math
import sys
from pathlib import Path

SPACING_MM = 0.25e-3
"""The sample's pixel, mm."""
PLACE_TOLERANCE_PX = 0.1
PROBABILITY_TOLERANCE = 1e-3

Point = tuple[str, float, float, float]
"""Name, x and y in px, probability."""


def read_points(path: Path) -> list[Point]:
    """The document's points, the most probable first."""
    points = json.loads(path.read_text())["points"]
    rows = [(p["name"], p["point"][0] / SPACING_MM, p["point"][1] / SPACING_MM, p["probability"]) for p in points]
    return sorted(rows, key=lambda row: -row[3])


def differences(found: list[Point], expected: list[Point]) -> list[str]:
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


def main(arguments: list[str]) -> int:
    """Compare the two files that are named, print, return the exit code."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found, expected = (read_points(Path(argument)) for argument in arguments)
    for name, x_px, y_px, probability in found:
        print(f"  {name:<18}  x {x_px:8.1f} px  y {y_px:8.1f} px  probability {probability:.3f}")
    problems = differences(found, expected)
    for problem in problems:
        print(f"WRONG: {problem}", file=sys.stderr)
    figures = sum(point[0] == "mitotic figure" for point in found)
    verdict = "not as expected" if problems else "as expected"
    print(f"{figures} mitotic figures and {len(found) - figures} lesser candidates: {verdict}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Compare the evaluation's figures for a sample with the expected ones.

    python samples/score.py METRICS EXPECTED

EXPECTED names some of the figures: counts of a region, or what is said over all crops of a stack. Prints the scores.
Exit 0 where both agree, 1 where they differ, 2 for a wrong call. Standard library only.
"""

import json
import sys
from pathlib import Path

SCORES = ("f1_score", "precision", "recall", "AP", "froc_auc")  # track 1
SCORES += tuple(f"overall_{name}" for name in ("sensitivity", "specificity", "balanced_accuracy", "roc_auc"))  # track 2
TOLERANCE = 1e-9


def figures(metrics: Path) -> dict[str, float]:
    """Those over all cases, and the counts of the first case where it has any."""
    document = json.loads(metrics.read_text())
    counts = document["results"][0]["metrics"] if document["results"] else {}
    return {**document["aggregates"], **counts}


def main(arguments: list[str]) -> int:
    """Compare the two files that are named, print, return the exit code."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found, expected = figures(Path(arguments[0])), json.loads(Path(arguments[1]).read_text())
    for name in SCORES:
        if name in found:
            print(f"  {name:<25} {found[name]:.3f}")
    print("  " + ", ".join(f"{found[name]:g} {name.replace('_', ' ')}" for name in expected))
    wrong = {name: value for name, value in expected.items() if not abs(found[name] - value) <= TOLERANCE}
    if wrong:
        print(f"WRONG: expected {wrong}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

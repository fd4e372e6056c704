"""Compare the evaluation's counts for the sample with the expected ones.

    python samples/score.py METRICS EXPECTED

Prints the scores. Exit 0 where both agree, 1 where they differ, 2 for a wrong call. Standard library only.
"""

import json
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Compare the two files that are named, print, return the exit code."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found, expected = (json.loads(Path(argument).read_text()) for argument in arguments)
    counts, scores = found["results"][0]["metrics"], found["aggregates"]
    for name in ("f1_score", "precision", "recall", "AP", "froc_auc"):
        print(f"  {name:<10} {scores[name]:.3f}")
    print("  " + ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items()))
    if counts != expected:
        print(f"WRONG: expected {expected}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

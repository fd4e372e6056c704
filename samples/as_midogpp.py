"""Lay the sample region out as a small data set, to try training on: four cases, all of the one region.

    python samples/as_midogpp.py FOLDER

FOLDER, new, gets MIDOG++.json and images/ as MIDOG++ publishes them. Standard library only.
"""

import json
import shutil
import sys
from pathlib import Path

SAMPLES = Path(__file__).parent
CASES = 4
HALF_BOX_PX = 25
CATEGORIES = {"figures": (1, "mitotic figure"), "look_alikes": (2, "not mitotic figure")}


def main(arguments: list[str]) -> int:
    """Write the folder, return the exit code."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    (folder / "images").mkdir(parents=True)
    images = [{"id": case, "file_name": f"{case:03}.tiff", "tumor_type": "drawn"} for case in range(1, CASES + 1)]
    for image in images:
        shutil.copy(SAMPLES / "region" / "region.tiff", folder / "images" / str(image["file_name"]))
    document = {
        "images": images,
        "categories": [{"id": number, "name": name} for number, name in CATEGORIES.values()],
        "annotations": [annotation for image in images for annotation in _annotations(int(str(image["id"])))],
    }
    (folder / "MIDOG++.json").write_text(json.dumps(document) + "\n")
    return 0


def _annotations(image_id: int) -> list[dict[str, object]]:
    """Boxes of x1, y1, x2, y2 about all that is drawn."""
    drawn = json.loads((SAMPLES / "truth.json").read_text())["region"]
    return [
        {
            "image_id": image_id,
            "category_id": number,
            "bbox": [entry[axis] + side for side in (-HALF_BOX_PX, HALF_BOX_PX) for axis in ("x", "y")],
        }
        for kind, (number, _) in CATEGORIES.items()
        for entry in drawn[kind]
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

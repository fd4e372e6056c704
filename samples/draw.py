"""Draw the sample region and stack: `python samples/draw.py` writes both, and what is drawn in them.

Everything is drawn from a seed; no pixel of a real slide is in it.
"""

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.synthetic.optics import Scanner  # noqa: E402
from tests.synthetic.scene import Drawing, Drawn, draw_patch, draw_region  # noqa: E402
from tests.synthetic.tiff import write_region, write_stack  # noqa: E402

SPACING_UM = 0.25
REGION_SEED = 7
STACK = (
    "metaphase",
    "polar metaphase",
    "anaphase",
    "telophase",
    "tripolar metaphase",
    "stray chromosomes",
    "anaphase bridge",
    "asymmetric anaphase",
)


def draw_samples(folder: Path) -> None:
    """Write truth.json, and to its folders region and stack each an image and the evaluation's ground_truth.json."""
    for name in ("region", "stack"):
        (folder / name).mkdir(exist_ok=True)
    region = draw_region(REGION_SEED)
    patches = draw_stack()
    write_region(folder / "region" / "region.tiff", region.pixels, SPACING_UM)
    write_stack(folder / "stack" / "stack.tiff", np.stack([patch.pixels for patch in patches]), SPACING_UM)
    truth = {
        "spacing_um": SPACING_UM,
        "region": {
            "figures": [_entry(figure) for figure in region.figures],
            "look_alikes": [_entry(look_alike) for look_alike in region.look_alikes],
        },
        "stack": [_entry(patch.figures[0]) for patch in patches],
    }
    (folder / "truth.json").write_text(json.dumps(truth, indent=2) + "\n")
    for name, of_sample in (("region", _region_truth(region)), ("stack", _stack_truth(patches))):
        (folder / name / "ground_truth.json").write_text(json.dumps(of_sample, indent=1) + "\n")


def draw_stack() -> list[Drawing]:
    """One patch of 128 px a figure of STACK, in its middle, each stained a little differently."""
    gains = np.random.default_rng(REGION_SEED).uniform(0.85, 1.1, size=(len(STACK), 2))
    return [
        draw_patch(100 + page, kind, scanner=Scanner(haematoxylin=float(gains[page, 0]), eosin=float(gains[page, 1])))
        for page, kind in enumerate(STACK)
    ]


def _region_truth(region: Drawing) -> dict[str, dict[str, object]]:
    """The region's figures as the challenge's ground truth has them, in mm; domain and kind of region are made up."""
    millimetres = SPACING_UM / 1000
    annotations = [[round(figure.x * millimetres, 6), round(figure.y * millimetres, 6), 0] for figure in region.figures]
    return {"region.tiff": {"annotations": annotations, "tumor domain": 1, "roi type": "hotspot"}}


def _stack_truth(patches: list[Drawing]) -> list[dict[str, object]]:
    """The patches' types as the challenge's ground truth has them; the domain is made up."""
    labels = ["atypical" if patch.figures[0].atypical else "normal" for patch in patches]
    return [{"image": "stack.tiff", "labels": labels, "tumordomains": [1] * len(patches)}]


def _entry(thing: Drawn) -> dict[str, str | int | bool]:
    """A figure or look-alike as truth.json has it: middle in px, 0 at the first pixel's."""
    entry: dict[str, str | int | bool] = {"kind": thing.kind, "x": thing.x, "y": thing.y}
    return entry | {"atypical": thing.atypical} if thing.mitotic else entry


if __name__ == "__main__":
    draw_samples(ROOT / "samples")

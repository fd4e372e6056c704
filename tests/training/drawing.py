"""Small drawn data sets, and a recipe that trains on them in a second."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.arrays import CANDIDATE, paint_ellipse, plain
from tests.synthetic.tiff import write_region
from training.data.read import Data
from training.data.regions import Region, in_memory
from training.recipe import Recipe, recipe_from

FIGURE_RADIUS_PX = 6


def tiny_tree(**changes: Any) -> dict[str, Any]:
    """A recipe as parsed YAML: a network of 120,000 parameters on tiles of 32 px; `changes` replace whole sections."""
    tree = {
        "name": "tiny",
        "system": "segmentation",
        "folds": 2,
        "model": {
            "name": "vm_unet",
            "width": 8,
            "depths": [1, 1, 1, 1],
            "decoder_depths": [1, 1, 1, 1],
            "state_size": 2,
            "drop_path": 0.1,
        },
        "input": {
            "tile_px": 32,
            "resolution_um_px": 0.25,
            "overlap": 0.0,
            "scale": 1 / 255,
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        },
        "postprocess": {
            "threshold": 0.5,
            "lower_threshold": 0.1,
            "dilation_radius_um": 1.0,
            "minimum_area_um2": 1.0,
        },
        "augment": {"rotation": 0.5, "scale": [0.9, 1.1], "stain": 0.5, "stain_gain": 0.2, "jpeg": 0.2, "blur": 0.2},
        "optimiser": {"learning_rate": 2e-3, "batch_size": 4, "epochs": 2, "batches_per_epoch": 3},
        **changes,
    }
    masks = {"masks": {"disk_radius_um": FIGURE_RADIUS_PX * 0.25}}
    return {**masks, **tree} if tree["system"] == "segmentation" else tree


def tiny_recipe(**changes: Any) -> Recipe:
    return recipe_from(tiny_tree(**changes), "tiny")


def drawn_pixels(
    width: int, height: int, figures: list[tuple[float, float]], look_alikes: list[tuple[float, float]], seed: int = 0
) -> NDArray[np.uint8]:
    """Grainy stroma with dark disks at the figures and paler ones at the look-alikes."""
    pixels = plain(width, height)
    for x, y in look_alikes:
        paint_ellipse(pixels, x, y, FIGURE_RADIUS_PX, FIGURE_RADIUS_PX, CANDIDATE)
    for x, y in figures:
        paint_ellipse(pixels, x, y, FIGURE_RADIUS_PX, FIGURE_RADIUS_PX)
    grain = np.random.default_rng(seed).integers(-8, 9, pixels.shape)
    return (pixels + grain).clip(1, 255).astype(np.uint8)


def drawn_region(name: str, domain: str = "drawn", seed: int = 0) -> Region:
    """96 x 80 px with two figures."""
    figures = [(20.0, 24.0), (70.0, 52.0)]
    return in_memory(name, name, domain, drawn_pixels(96, 80, figures, [], seed), 0.25, np.array(figures))


def drawn_data() -> Data:
    """Four regions of four slides, and a picture without figures."""
    regions = [drawn_region(f"slide {number}", seed=number) for number in range(4)]
    picture = in_memory("free", "free", "free", drawn_pixels(64, 64, [], [(30, 30)]), 0.25, np.empty((0, 2)))
    return Data([regions], [picture], ["drawn"])


def write_midogpp(folder: Path, images: list[dict[str, Any]], spacing_um: float = 0.25) -> Path:
    """A folder in MIDOG++'s layout, boxes x1, y1, x2, y2.

    images: name, figures and look_alikes, and where wanted width, height, off_tissue (figures annotated and not
    drawn, on glass), file (False: not written) and tumor_type.
    """
    (folder / "images").mkdir(parents=True)
    entries, annotations = [], []
    for number, image in enumerate(images, start=1):
        width, height = image.get("width", 128), image.get("height", 96)
        figures, look_alikes = image.get("figures", []), image.get("look_alikes", [])
        pixels = drawn_pixels(width, height, figures, look_alikes, number)
        for x, y in image.get("off_tissue", []):
            pixels[max(0, y - 40) : y + 40, max(0, x - 40) : x + 40] = 245
        if image.get("file", True):
            write_region(folder / "images" / image["name"], pixels, spacing_um)
        entries.append(
            {
                "license": 1,
                "id": number,
                "file_name": image["name"],
                "width": width,
                "height": height,
                "tumor_type": image.get("tumor_type", "drawn tumour"),
            }
        )
        for category, points in ((1, [*figures, *image.get("off_tissue", [])]), (2, look_alikes)):
            for x, y in points:
                box = [x - 25, y - 25, x + 25, y + 25]
                annotations.append({"bbox": box, "category_id": category, "image_id": number, "labels": [category]})
    categories = [{"id": 1, "name": "mitotic figure"}, {"id": 2, "name": "not mitotic figure"}]
    document = {"info": {}, "licenses": [], "images": entries, "categories": categories, "annotations": annotations}
    (folder / "MIDOG++.json").write_text(json.dumps(document))
    return folder


def tiny_classifier_tree(**changes: Any) -> dict[str, Any]:
    """A network of 5,000 parameters on patches of 32 px; `changes` replace whole sections."""
    encoder = {"name": "preact_resnet", "width": 4, "units": [1, 1, 1, 1], "bottleneck": False}
    tree = {
        "name": "tiny",
        "system": "classification",
        "folds": 2,
        "model": {"name": "multitask", "encoder": encoder, "head": [8], "decoder_width": 4},
        "input": {"patch_px": 32, "resolution_um_px": 0.25, "scale": 1 / 255, "mean": [0.5] * 3, "std": [0.25] * 3},
        "masks": {"disk_radius_um": FIGURE_RADIUS_PX * 0.25},
        "augment": {"rotation": 0.5, "stain": 0.5, "stain_gain": 0.2},
        "optimiser": {"learning_rate": 5e-3, "batch_size": 6, "epochs": 2, "batches_per_epoch": 3},
    }
    return {**tree, **changes}


def tiny_classifier_recipe(**changes: Any) -> Recipe:
    return recipe_from(tiny_classifier_tree(**changes), "tiny")


def typed_region(name: str, atypical: list[bool], domain: str = "drawn", seed: int = 0) -> Region:
    """As `drawn_region`, its two figures typed; an atypical one has a bright hole."""
    region = drawn_region(name, domain, seed)
    pixels = region.read(0, 0, region.width, region.height).copy()
    for (x, y), of_figure in zip(region.figures, atypical, strict=True):
        if of_figure:
            paint_ellipse(pixels, x, y, FIGURE_RADIUS_PX / 2, FIGURE_RADIUS_PX / 2, (235, 225, 235))
    painted = in_memory(name, name, domain, pixels, region.spacing_um, region.figures)
    return replace(painted, atypical=np.array(atypical))


def typed_data(domains: str = "a", slides: int = 4) -> Data:
    """As many slides of each domain, each with a normal and an atypical figure."""
    regions = [
        typed_region(f"{domain} {number}", [number % 2 == 0, number % 2 == 1], domain, seed=number)
        for domain in domains
        for number in range(slides)
    ]
    return Data([regions], [], ["drawn"])

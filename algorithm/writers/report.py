"""run.json: what was run on which image with which model, and what came of it."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from algorithm.bundle import AnyBundle
from algorithm.detectors import Detector, Result
from algorithm.images import Image
from algorithm.writers.versions import versions


@dataclass(frozen=True)
class Run:
    """One detector at work, who chose its bundle (an option, the platform, the default), and the device asked for."""

    detector: Detector
    bundle_chosen_by: str
    device_option: str


def findings(result: Result) -> dict[str, object]:
    """Counts, tissue in mm2, and mitotic figures per mm2 of it (None without tissue)."""
    figures = int(np.count_nonzero(result.detections.scores >= result.threshold))
    return {
        "mitotic_figures": figures,
        "non_mitotic_figures": len(result.detections) - figures,
        "tissue_mm2": result.tissue_mm2,
        "mitotic_figures_per_mm2": figures / result.tissue_mm2 if result.tissue_mm2 > 0 else None,
    }


def bundle_entry(bundle: AnyBundle, chosen_by: str) -> dict[str, object]:
    """Which bundle it was, and who chose it."""
    manifest = bundle.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "path": str(bundle.path),
        "chosen_by": chosen_by,
        "members": len(manifest.members),
        "intended_use": manifest.intended_use,
    }


def run_document(
    run: Run, image: Image, result: Result, started: datetime, seconds: dict[str, float]
) -> dict[str, object]:
    """The document of run.json; `seconds` by step of the work. Lengths in um, areas in mm2."""
    detector, manifest = run.detector, run.detector.bundle.manifest
    return {
        "versions": versions(),
        "image": {
            "file": str(image.path),
            "width_px": image.width,
            "height_px": image.height,
            "spacing_um": list(image.spacing_um),
            "spacing_source": image.spacing_source,
        },
        "bundle": bundle_entry(detector.bundle, run.bundle_chosen_by),
        "settings": {
            "device": run.device_option,
            "overlap": detector.overlap,
            "resolution_um_px": manifest.input.resolution_um_px,
            **detector.postprocess.model_dump(mode="json"),
        },
        "device": {"used": detector.device, "providers": list(detector.providers)},
        "result": findings(result),
        "tiles": {"total": result.tiles_total, "run": result.tiles_run},
        "started": started.isoformat(timespec="seconds"),
        "seconds": {step: round(duration, 3) for step, duration in seconds.items()},
    }

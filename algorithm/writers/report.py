"""run.json: what was run on which image with which model, and what came of it."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from algorithm.bundle import AnyBundle
from algorithm.classifier import Classifier
from algorithm.detections import Detections
from algorithm.detectors import Detector, Result
from algorithm.images import Image
from algorithm.mixed import FUSION_RADIUS_UM, AnyDetector, MixedEnsemble
from algorithm.wilson import wilson_interval
from algorithm.writers.versions import versions

FEWEST_FIGURES = 10
"""Of fewer a share says nothing."""


@dataclass(frozen=True)
class ClassificationRun:
    """One classifier at work, who chose its bundle (an option, the platform, the default), and the device asked for."""

    classifier: Classifier
    bundle_chosen_by: str
    device_option: str


@dataclass(frozen=True)
class Run:
    """One detector at work, likewise, or several bundles' together; and, where asked for, the classifier that types
    what is found."""

    detector: AnyDetector
    bundle_chosen_by: str
    device_option: str
    typing: ClassificationRun | None = None


def findings(result: Result) -> dict[str, object]:
    """Counts, tissue in mm2, and mitotic figures per mm2 of it (None without tissue); types where figures have them."""
    figures = int(np.count_nonzero(result.detections.scores >= result.threshold))
    return {
        "mitotic_figures": figures,
        "non_mitotic_figures": len(result.detections) - figures,
        "tissue_mm2": result.tissue_mm2,
        "mitotic_figures_per_mm2": figures / result.tissue_mm2 if result.tissue_mm2 > 0 else None,
        **_typing(result.detections),
    }


def _typing(detections: Detections) -> dict[str, object]:
    """How many figures were typed, how many of them are atypical, their share and its Wilson 95 % interval.

    Share and interval are None, and a note says why, where fewer than FEWEST_FIGURES were typed.
    """
    if detections.called_atypical is None:
        return {}
    typed, atypical = int(detections.typed.sum()), int(detections.called_atypical.sum())
    enough = typed >= FEWEST_FIGURES
    return {
        "typed": typed,
        "atypical": atypical,
        "atypical_rate": atypical / typed if enough else None,
        "atypical_rate_interval_95": list(wilson_interval(atypical, typed)) if enough else None,
        "atypical_rate_note": None if enough else f"too few figures, under {FEWEST_FIGURES}",
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


def classifier_settings(classifier: Classifier) -> dict[str, object]:
    """What a classifier takes and how it decides; all of it is the bundle's."""
    manifest = classifier.bundle.manifest
    return {
        "patch_px": manifest.input.patch_px,
        "resolution_um_px": manifest.input.resolution_um_px,
        **manifest.postprocess.model_dump(mode="json"),
    }


def run_document(
    run: Run, image: Image, result: Result, started: datetime, seconds: dict[str, float]
) -> dict[str, object]:
    """The document of run.json; `seconds` by step of the work. Lengths in um, areas in mm2."""
    return {
        "versions": versions(),
        "image": {
            "file": str(image.path),
            "width_px": image.width,
            "height_px": image.height,
            "spacing_um": list(image.spacing_um),
            "spacing_source": image.spacing_source,
        },
        **_detector_entries(run),
        **_classifier_entry(run.typing),
        "result": findings(result),
        "tiles": {"total": result.tiles_total, "run": result.tiles_run},
        "started": started.isoformat(timespec="seconds"),
        "seconds": {step: round(duration, 3) for step, duration in seconds.items()},
    }


def _detector_entries(run: Run) -> dict[str, object]:
    """The bundle, its settings and device; of a mixed ensemble a list of these, and how what they find is fused."""
    parts = [_part_entries(part, run.bundle_chosen_by) for part in run.detector.parts]
    asked: dict[str, object] = {"device": run.device_option}
    if isinstance(run.detector, MixedEnsemble):
        bundles = [{**part.pop("bundle"), **part} for part in parts]
        common = {"threshold": run.detector.threshold, "fusion_radius_um": FUSION_RADIUS_UM}
        return {"bundles": bundles, "settings": asked | common}
    (part,) = parts
    return {**part, "settings": asked | part["settings"]}


def _part_entries(part: Detector, chosen_by: str) -> dict[str, dict[str, object]]:
    return {
        "bundle": bundle_entry(part.bundle, chosen_by),
        "settings": {
            "resolution_um_px": part.bundle.manifest.input.resolution_um_px,
            **part.settings.model_dump(mode="json", exclude={"postprocess"}),
            **part.postprocess.model_dump(mode="json"),
        },
        "device": {"used": part.device, "providers": list(part.providers)},
        **_second_stage_entry(part),
    }


def _second_stage_entry(part: Detector) -> dict[str, dict[str, object]]:
    """Its bundle, which the detector's own brings along unless another was asked for."""
    second, own = part.second_stage, part.bundle.manifest.second_stage
    if second is None:
        return {}
    brought = own is not None and second.bundle.path == part.bundle.path / own.folder
    entry = bundle_entry(second.bundle, "bundle" if brought else "option")
    return {"second_stage": {**entry, "settings": {"threshold": second.threshold}}}


def _classifier_entry(typing: ClassificationRun | None) -> dict[str, object]:
    if typing is None:
        return {}
    entry = bundle_entry(typing.classifier.bundle, typing.bundle_chosen_by)
    return {"classifier": {**entry, "settings": classifier_settings(typing.classifier)}}

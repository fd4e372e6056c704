"""All the files of one stack, laid down together: the platform's document, a table, a record of the run."""

import csv
import io
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from algorithm.classifier import Types
from algorithm.contract import CLASSES_FILE, class_name, classes_document, probabilities, write_json_atomically
from algorithm.patches import Page
from algorithm.writers.folder import CLASSES_CSV_FILE, RUN_FILE, replaced
from algorithm.writers.report import ClassificationRun, bundle_entry, classifier_settings
from algorithm.writers.versions import versions


@dataclass(frozen=True, eq=False)
class TypedStack:
    """A stack's path, its pages in order and what the figure on each is."""

    path: Path
    pages: list[Page]
    types: Types


def findings(stack: TypedStack) -> dict[str, object]:
    """Counts of figures and of pages that were smaller than what the network takes, and so mirrored at the border."""
    atypical = int(np.count_nonzero(stack.types.atypical))
    return {
        "figures": len(stack.types),
        "atypical": atypical,
        "normal": len(stack.types) - atypical,
        "mirrored": sum(page.mirrored for page in stack.pages),
    }


def write_classes(
    folder: Path, run: ClassificationRun, stack: TypedStack, started: datetime, seconds: dict[str, float]
) -> None:
    """Write the folder's three files, all or none; earlier results in it are replaced.

    Raises AlgorithmError where the folder cannot be written, ContractError for a result the platform would refuse.
    """
    begun = time.perf_counter()
    with replaced(folder) as partial:
        document = classes_document(stack.types.atypical, stack.types.confidences)
        write_json_atomically(partial / CLASSES_FILE, document)
        (partial / CLASSES_CSV_FILE).write_text(classes_csv(stack), encoding="utf-8")
        seconds = {**seconds, "writing": time.perf_counter() - begun}
        write_json_atomically(partial / RUN_FILE, run_document(run, stack, started, seconds))


def classes_csv(stack: TypedStack) -> str:
    """The table with its header: page from 1, file, class, P(atypical), votes for atypical, every member's P(atypical).

    ContractError for a value that is no probability.
    """
    types = stack.types
    members = types.member_probabilities.shape[1]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = ["page", "file", "class", "probability_atypical", "votes_atypical"]
    writer.writerow(header + [f"probability_atypical_member_{number}" for number in range(1, members + 1)])
    for index, confidence in enumerate(probabilities(types.confidences).tolist()):
        row: list[object] = [index + 1, stack.pages[index].file, class_name(bool(types.atypical[index]))]
        row += [f"{confidence:.6f}", int(types.votes[index])]
        writer.writerow(row + [f"{value:.6f}" for value in types.member_probabilities[index]])
    return text.getvalue()


def run_document(
    run: ClassificationRun, stack: TypedStack, started: datetime, seconds: dict[str, float]
) -> dict[str, object]:
    """The document of run.json; `seconds` by step of the work."""
    classifier = run.classifier
    return {
        "versions": versions(),
        "stack": {"file": str(stack.path), "pages": _kinds_of(stack.pages)},
        "bundle": bundle_entry(classifier.bundle, run.bundle_chosen_by),
        "settings": {"device": run.device_option, **classifier_settings(classifier)},
        "device": {"used": classifier.device, "providers": list(classifier.providers)},
        "result": findings(stack),
        "started": started.isoformat(timespec="seconds"),
        "seconds": {step: round(duration, 3) for step, duration in seconds.items()},
    }


def _kinds_of(pages: list[Page]) -> list[dict[str, object]]:
    """The sizes and spacings that occur, the most frequent first, and how many pages have each."""
    kinds = Counter((page.width, page.height, page.spacing_um, page.spacing_source) for page in pages)
    return [
        {"count": count, "width_px": width, "height_px": height, "spacing_um": list(spacing), "spacing_source": source}
        for (width, height, spacing, source), count in kinds.most_common()
    ]

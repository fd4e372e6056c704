"""`classify STACK|FOLDER|IMAGE... --output DIR`: figures typed as normal or atypical, a folder of results each."""

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from algorithm.bundle import find_bundle, load_classification_bundle
from algorithm.classifier import Classifier
from algorithm.commands.arguments import positive
from algorithm.commands.console import counting_bar, introduction, say
from algorithm.commands.several import Answer, answer_each, prepare_folders
from algorithm.images.base import Pixels
from algorithm.images.stack import open_stack
from algorithm.patches import Page, stack_patches
from algorithm.writers.classes import TypedStack, findings, write_classes
from algorithm.writers.folder import CLASSIFICATION_FILES
from algorithm.writers.report import ClassificationRun


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("classify", help="type mitotic figures as normal or atypical")
    parser.add_argument(
        "stacks",
        type=Path,
        nargs="+",
        metavar="STACK|FOLDER|IMAGE",
        help="TIFF or MHA of a figure a page, folder of an image a figure, or one image; 8-bit RGB",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="results go to DIR/<stem of STACK>/")
    parser.add_argument("--bundle", type=Path, metavar="PATH", help="folder of a classification bundle")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the model runs")
    parser.add_argument("--spacing-um", type=positive, metavar="X", help="um per pixel, overrides what the files say")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Type the figures of every stack; one that fails is reported and the others are done. Returns the exit code."""
    folders = prepare_folders(arguments.stacks, arguments.output, CLASSIFICATION_FILES)
    path, chosen_by = find_bundle(arguments.bundle, "classification")
    classifier = Classifier(load_classification_bundle(path), arguments.device)
    this_run = ClassificationRun(classifier, chosen_by, arguments.device)
    if not arguments.json:
        say(introduction(classifier, chosen_by))

    def work(stack: Path, folder: Path) -> Answer:
        return _classify(this_run, stack, folder, arguments.spacing_um)

    return answer_each("stack", arguments.stacks, folders, work, _sentence, arguments.json)


def _classify(this_run: ClassificationRun, path: Path, folder: Path, spacing_um: float | None) -> Answer:
    started, begun = datetime.now(UTC), time.perf_counter()
    typed = _typed(this_run.classifier, path, spacing_um)
    write_classes(folder, this_run, typed, started, {"classification": time.perf_counter() - begun})
    return findings(typed)


def _typed(classifier: Classifier, path: Path, spacing_um: float | None) -> TypedStack:
    pages: list[Page] = []
    with open_stack(path, spacing_um) as stack, counting_bar(path.name, len(stack)) as progress:

        def patches() -> Iterator[Pixels]:
            for page, patch in stack_patches(stack, classifier.bundle.manifest.input):
                pages.append(page)
                yield patch

        return TypedStack(path, pages, classifier.classify(patches(), progress))


def _sentence(answer: Answer) -> str:
    mirrored = f", {answer['mirrored']} smaller than the network's patch and mirrored" if answer["mirrored"] else ""
    return f"{answer['stack']}: {answer['atypical']} atypical of {answer['figures']}{mirrored} -> {answer['output']}"

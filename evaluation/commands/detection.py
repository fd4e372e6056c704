"""`detection`: a folder of detections held against a ground truth, for people."""

import argparse
import math
from pathlib import Path

from evaluation.answers import read_points
from evaluation.cases import DetectionCase
from evaluation.commands.people import (
    FILES,
    add_arguments,
    read_answers,
    say_where,
    show,
    show_comparison,
    shown,
    watched,
    write,
)
from evaluation.contract import DETECTION
from evaluation.detection import ScoredCase, score
from evaluation.detection_summary import DetectionSummary, summarise
from evaluation.ground_truth import DetectionTruth
from evaluation.matching import MATCHINGS
from evaluation.output_folder import require_replaceable
from evaluation.truth_tables import read_any_detection_truth
from evaluation.wording import DETECTION_LABELS, Sources, counted, number

SPACING_UM = 0.25
"""Of MIDOG++'s images, about: its scanners have 0.23 to 0.25 um a pixel."""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its arguments."""
    parser = subparsers.add_parser("detection", help="score a folder of detections, with a report for people")
    add_arguments(parser, DETECTION.answer_file, "the challenge's ground_truth.json, MIDOG++.json, or a CSV")
    parser.add_argument(
        "--matching", choices=tuple(MATCHINGS), default="greedy", help="how figures and detections are paired"
    )
    parser.add_argument(
        "--spacing-um", type=_positive, default=SPACING_UM, metavar="X", help="um per pixel of MIDOG++.json (0.25)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Score the results, print a table, write metrics.json and report.html. Raises EvaluationError."""
    # late: matplotlib takes seconds, and the container does without it
    from evaluation.report import detection_page

    require_replaceable(arguments.output, FILES)
    truth = read_any_detection_truth(arguments.ground_truth, arguments.spacing_um)
    scored = _score(arguments.predictions, truth, arguments.matching, arguments.only_answered)
    against = None
    if arguments.against is not None:
        answered = {each.case.name: truth[each.case.name] for each in scored}
        against = _score(arguments.against, answered, arguments.matching, only_answered=False)
    summary = summarise(scored, arguments.matching, against)
    sources = Sources(
        arguments.predictions.name, arguments.ground_truth.name, arguments.against and arguments.against.name
    )
    write(arguments.output, "detection", sources, summary, detection_page(summary, sources))
    _print(summary)  # last, so that nothing is lost where nobody reads to the end
    say_where(arguments.output)
    return 0


def _score(folder: Path, truth: dict[str, DetectionTruth], matching: str, only_answered: bool) -> list[ScoredCase]:
    def read(name: str, path: Path) -> DetectionCase:
        known = truth[name]
        return DetectionCase(name, known.domain, known.roi_type, known.points_mm, *read_points(path))

    cases = read_answers(folder, truth, DETECTION.answer_file, only_answered, read)
    return [score(case, MATCHINGS[matching]) for case in watched(cases, f"matching {folder.name}")]


def _print(summary: DetectionSummary) -> None:
    overall = summary.overall
    counts = overall.counts
    title = f"{counted(overall.cases, 'case')}, {counted(overall.mitotic_figures, 'mitotic figure')}"
    rows = [(DETECTION_LABELS[name], shown(estimate)) for name, estimate in overall.measures.items()]
    found = (
        ("found", str(counts.true_positives)),
        ("missed", str(counts.false_negatives)),
        ("false positives", str(counts.false_positives)),
        ("cases that greedy and optimal matching count unlike", str(len(summary.matched_otherwise))),
    )
    best = summary.best
    chosen = "–" if best is None else f"{best.threshold:.3f} (F1 {best.counts.f1:.3f})"
    show(title, ("", "value (95 % interval)"), [*rows, *found, ("best threshold, chosen on these very cases", chosen)])
    groups = [*summary.domains, *summary.roi_types]
    show(
        "By tumour domain and kind of region",
        ("", "cases", "figures", "F1", "precision", "recall"),
        [
            (
                group.name,
                str(group.cases),
                str(group.mitotic_figures),
                shown(group.measures["f1"]),
                number(group.measures["precision"].value),
                number(group.measures["recall"].value),
            )
            for group in groups
        ],
    )
    if summary.against is not None:
        show_comparison(DETECTION_LABELS, overall.measures, summary.against.measures, summary.against.differences)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no positive number")
    return value

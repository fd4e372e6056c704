"""`classification`: a folder of classified crops held against a ground truth, for people."""

import argparse
from pathlib import Path

from evaluation.answers import read_classes
from evaluation.cases import ClassificationCase
from evaluation.classification_summary import ClassificationSummary, summarise
from evaluation.commands.people import (
    FILES,
    add_arguments,
    read_answers,
    say_where,
    show,
    show_comparison,
    shown,
    write,
)
from evaluation.contract import CLASSIFICATION
from evaluation.errors import EvaluationError
from evaluation.ground_truth import ClassificationTruth
from evaluation.output_folder import require_replaceable
from evaluation.truth_tables import read_any_classification_truth
from evaluation.wording import CLASSIFICATION_LABELS, Sources, counted, number


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its arguments."""
    parser = subparsers.add_parser(
        "classification", help="score a folder of classified crops, with a report for people"
    )
    add_arguments(parser, CLASSIFICATION.answer_file, "the challenge's ground_truth.json, or a CSV")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Score the results, print a table, write metrics.json and report.html. Raises EvaluationError."""
    # late: matplotlib takes seconds, and the container does without it
    from evaluation.report import classification_page

    require_replaceable(arguments.output, FILES)
    truth = read_any_classification_truth(arguments.ground_truth)
    cases = _read(arguments.predictions, truth, arguments.only_answered)
    against = None
    if arguments.against is not None:
        against = _read(arguments.against, {case.name: truth[case.name] for case in cases}, only_answered=False)
    summary = summarise(cases, against)
    sources = Sources(
        arguments.predictions.name, arguments.ground_truth.name, arguments.against and arguments.against.name
    )
    write(arguments.output, "classification", sources, summary, classification_page(summary, sources))
    _print(summary)  # last, so that nothing is lost where nobody reads to the end
    say_where(arguments.output)
    return 0


def _read(folder: Path, truth: dict[str, ClassificationTruth], only_answered: bool) -> list[ClassificationCase]:
    def read(name: str, path: Path) -> ClassificationCase:
        known = truth[name]
        answers, confidences = read_classes(path)
        if len(answers) != len(known.labels):
            raise EvaluationError(f"{path} has {len(answers)} classes for the {len(known.labels)} crops of {name}.")
        return ClassificationCase(name, known.domains, known.labels, answers, confidences)

    return read_answers(folder, truth, CLASSIFICATION.answer_file, only_answered, read)


def _print(summary: ClassificationSummary) -> None:
    overall = summary.overall
    rows = [(CLASSIFICATION_LABELS[name], shown(estimate)) for name, estimate in overall.measures.items()]
    calibration = ("Expected calibration error", number(summary.calibration_error))
    title = f"{counted(overall.cases, 'case')}, {counted(overall.crops, 'crop')}"
    show(title, ("", "value (95 % interval)"), [*rows, calibration])
    show(
        "By tumour domain",
        ("", "cases", "crops", "balanced accuracy", "sensitivity", "specificity"),
        [
            (
                group.name,
                str(group.cases),
                str(group.crops),
                shown(group.measures["balanced_accuracy"]),
                number(group.measures["sensitivity"].value),
                number(group.measures["specificity"].value),
            )
            for group in summary.domains
        ],
    )
    if summary.against is not None:
        show_comparison(CLASSIFICATION_LABELS, overall.measures, summary.against.measures, summary.against.differences)

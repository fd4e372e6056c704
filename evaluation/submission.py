"""A submission as the platform lays it before an evaluation: read, held against the ground truth, and scored.

Several processes read and match jobs; nothing that comes out depends on how many, nor on the order of the jobs.
"""

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from evaluation import classification, detection
from evaluation.answers import read_classes, read_points
from evaluation.cases import ClassificationCase, DetectionCase
from evaluation.contract import DETECTION, PREDICTIONS_FILE
from evaluation.errors import EvaluationError
from evaluation.ground_truth import (
    ClassificationTruth,
    DetectionTruth,
    read_classification_truth,
    read_detection_truth,
)
from evaluation.jobs import Job, Jobs, read_jobs, shown_name

CHUNK = 50
"""Jobs that a process is given at once."""
SEVERAL = 400
"""Jobs that are worth the start of other processes."""

Truth = TypeVar("Truth")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome:
    """What is written as metrics.json, and what its reader should know besides, a line each."""

    document: dict[str, object]
    notes: tuple[str, ...]


def evaluate(folder: Path, ground_truth: Path, processes: int | None = None) -> Outcome:
    """Score the submission in a folder; processes: as many as there are processors, unless given.

    Raises EvaluationError with a line for each job that cannot be scored. As in the official evaluators, a second job
    for an image counts like any other, and images of the ground truth without a job count for nothing; notes say so.
    """
    jobs = read_jobs(folder)
    if processes is None:
        processes = len(os.sched_getaffinity(0))
    document: dict[str, object]
    if jobs.track == DETECTION:
        regions = read_detection_truth(ground_truth)
        document = detection.document(_each(_region, jobs, regions, processes))
        return Outcome(document, _notes(jobs, regions))
    stacks = read_classification_truth(ground_truth)
    document = classification.document(_each(_stack, jobs, stacks, processes))
    return Outcome(document, _notes(jobs, stacks))


def _region(job: Job, truth: DetectionTruth) -> detection.ScoredCase:
    points_mm, scores, figures = read_points(job.answer)
    case = DetectionCase(job.image, truth.domain, truth.roi_type, truth.points_mm, points_mm, scores, figures)
    return detection.score(case)


def _stack(job: Job, truth: ClassificationTruth) -> ClassificationCase:
    answers, confidences = read_classes(job.answer)
    if len(answers) != len(truth.labels):
        raise EvaluationError(f"{job.answer} has {len(answers)} items for a stack of {len(truth.labels)} crops.")
    return ClassificationCase(job.image, truth.domains, truth.labels, answers, confidences)


def _each(
    work: Callable[[Job, Truth], Result], jobs: Jobs, truths: Mapping[str, Truth], processes: int
) -> list[Result]:
    """The result of each job, in the jobs' order; EvaluationError with a line for each that has none."""
    pairs = [(job, truths.get(job.image)) for job in jobs.jobs]
    if processes > 1 and len(pairs) >= SEVERAL:
        outcomes = _by_processes(partial(_outcome, work), pairs, processes)
    else:
        outcomes = [_outcome(work, pair) for pair in pairs]
    problems = [outcome for outcome in outcomes if isinstance(outcome, str)]
    if jobs.problems or problems:
        raise EvaluationError(*sorted([*jobs.problems, *problems]))
    return [outcome for outcome in outcomes if not isinstance(outcome, str)]


def _by_processes(
    work: Callable[[tuple[Job, Truth | None]], Result], pairs: Sequence[tuple[Job, Truth | None]], processes: int
) -> list[Result]:
    # Fresh processes: forked ones would have locks of threads that they have not.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        try:
            return list(pool.map(work, pairs, chunksize=CHUNK))
        except BrokenProcessPool as error:
            raise EvaluationError("A process that read answers was ended, perhaps for want of memory.") from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _outcome(work: Callable[[Job, Truth], Result], pair: tuple[Job, Truth | None]) -> Result | str:
    """A job's result, or in one line why it has none."""
    job, truth = pair
    where = f"job {shown_name(job.pk)} (image {shown_name(job.image)})"
    if truth is None:
        return f"{where}: the ground truth has no such image."
    try:
        return work(job, truth)
    except EvaluationError as error:
        return f"{where}: {error}"


def _notes(jobs: Jobs, images: Iterable[str]) -> tuple[str, ...]:
    times = Counter(job.image for job in jobs.jobs)
    repeated = sorted(image for image, count in times.items() if count > 1)
    unanswered = sorted(set(images) - times.keys())
    notes = [f"Track {jobs.track.number}, jobs: {len(jobs.jobs)}."]
    if repeated:
        notes.append(f"{PREDICTIONS_FILE} has several jobs, each counted, for {_few(repeated)}.")
    if unanswered:
        notes.append(f"The ground truth has images without a job, not counted: {_few(unanswered)}.")
    return tuple(notes)


def _few(names: Sequence[str]) -> str:
    rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(map(shown_name, names[:5])) + rest

"""The charts of a detector's page."""

import numpy as np
from markupsafe import Markup

from evaluation.charts import BLUE, GREEN, GREY, PALE, VERMILION, bars, blank, look, square, svg
from evaluation.detection_summary import DetectionSummary
from evaluation.froc import MOST_FALSE_POSITIVES
from evaluation.matching import Counts

LEVELS_OF_F1 = (0.2, 0.4, 0.6, 0.8)


@look
def detection_charts(summary: DetectionSummary) -> dict[str, Markup]:
    """Every chart of the page by its name there."""
    return {
        "precision_recall": precision_recall(summary),
        "free_response": free_response(summary),
        "thresholds": thresholds(summary),
        "domains": domains(summary),
    }


def precision_recall(summary: DetectionSummary) -> Markup:
    """Precision against recall over all thresholds, with the answers' own decision and the best threshold."""
    figure, axes = blank()
    for f1 in LEVELS_OF_F1:
        recalls = np.linspace(f1 / (2 - f1), 1)
        axes.plot(recalls, f1 * recalls / (2 * recalls - f1), color=PALE, linewidth=1, zorder=1)
        axes.annotate(f"F1 {f1}", (1.04, f1 / (2 - f1)), fontsize=9, color=GREY, va="center", annotation_clip=False)
    if summary.against is not None:
        other = [point.counts for point in summary.against.curve]
        axes.plot(*_recall_and_precision(other), color=GREY, linestyle="--", label="the other system", gid="other")
    curve = [point.counts for point in summary.curve]
    axes.plot(*_recall_and_precision(curve), color=BLUE, label="all thresholds", gid="curve", zorder=3)
    answered = _recall_and_precision([summary.overall.counts])
    axes.plot(*answered, "o", color=VERMILION, markersize=9, label="as answered", zorder=5)
    if summary.best is not None:
        best = _recall_and_precision([summary.best.counts])
        label = f"best here, from {summary.best.threshold:.2f}"
        axes.plot(*best, "D", color="none", markeredgecolor=GREEN, markeredgewidth=2, label=label, zorder=4)
    square(axes, "recall", "precision")
    axes.grid(visible=False)
    axes.legend(loc="lower left")
    counts = summary.overall.counts
    said = f"As answered: recall {counts.recall:.3f}, precision {counts.precision:.3f}."
    return svg(figure, "precision-recall", "Precision and recall at every threshold", said)


def free_response(summary: DetectionSummary) -> Markup:
    """Recall against false positives an image, as the challenge measures the area."""
    figure, axes = blank()
    curves = [(summary.froc, BLUE, "-", "these results", "curve")]
    if summary.against is not None:
        curves.insert(0, (summary.against.froc, GREY, "--", "the other system", "other"))
    for curve, colour, style, label, gid in curves:
        if curve is not None:
            x, y = curve.false_positives, curve.sensitivity
            axes.plot(x, y, style, color=colour, marker="o", markersize=3.5, label=label, gid=gid)
            axes.hlines(y[-1], x[-1], max(x[-1], MOST_FALSE_POSITIVES), color=colour, linestyle=":", linewidth=1.2)
    axes.set(xlim=(-0.15, MOST_FALSE_POSITIVES), ylim=(-0.02, 1.02), xlabel="false positives an image", ylabel="recall")
    if summary.against is not None:
        axes.legend(loc="lower right")
    area = summary.overall.measures["froc_auc"].value
    said = "No detections." if area is None else f"The area from 0 to 8 is {area:.2f}."
    return svg(figure, "free-response", "Free-response curve (FROC)", said)


def thresholds(summary: DetectionSummary) -> Markup:
    """F1, precision and recall against the threshold."""
    figure, axes = blank(5.2, 3.4)
    places = [point.threshold for point in summary.curve]
    for name, colour, style in (("precision", VERMILION, ":"), ("recall", GREEN, "--"), ("f1", BLUE, "-")):
        values = [getattr(point.counts, name) for point in summary.curve]
        label = "F1" if name == "f1" else name
        axes.plot(places, values, style, color=colour, label=label, drawstyle="steps-pre", gid=f"{name}-curve")
    said = "No detections."
    if summary.best is not None:
        axes.axvline(summary.best.threshold, color=GREY, linewidth=1)
        said = f"F1 is highest, {summary.best.counts.f1:.3f}, from {summary.best.threshold:.3f} on."
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="threshold on the probability")
    figure.legend(loc="outside upper left", ncols=3)
    return svg(figure, "thresholds", "F1, precision and recall against the threshold", said)


def domains(summary: DetectionSummary) -> Markup:
    """F1 of each tumour domain with its interval."""
    rows = [(group.name, group.measures["f1"]) for group in summary.domains]
    figure = bars(rows, summary.overall.measures["f1"], "F1, with 95 % interval")
    said = "; ".join(f"{name} {'undefined' if f1.value is None else f'{f1.value:.3f}'}" for name, f1 in rows)
    return svg(figure, "domains", "F1 of each tumour domain", f"{said}.")


def _recall_and_precision(counts: list[Counts]) -> tuple[list[float], list[float]]:
    return [each.recall for each in counts], [each.precision for each in counts]

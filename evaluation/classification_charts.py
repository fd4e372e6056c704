"""The charts of a classifier's page."""

from markupsafe import Markup

from evaluation.charts import BLUE, GREY, PALE, VERMILION, bars, blank, look, square, svg
from evaluation.classification_summary import ClassificationSummary


@look
def classification_charts(summary: ClassificationSummary) -> dict[str, Markup]:
    """Every chart of the page by its name there; no diagram of what is undefined."""
    charts = {"domains": domains(summary)}
    if summary.roc is not None:
        charts["roc"] = roc(summary)
    if summary.bins:
        charts["reliability"] = reliability_diagram(summary)
    return charts


def roc(summary: ClassificationSummary) -> Markup:
    """Sensitivity against the share of false alarms over all thresholds, with the answers' own decision."""
    figure, axes = blank()
    axes.plot((0, 1), (0, 1), color=PALE, linewidth=1.5)
    if summary.against is not None and summary.against.roc is not None:
        axes.plot(*summary.against.roc, color=GREY, linestyle="--", label="the other system", gid="other")
    if summary.roc is not None:
        axes.plot(*summary.roc, color=BLUE, label="all thresholds", gid="curve")
    sensitivity, specificity = (summary.overall.measures[name].value for name in ("sensitivity", "specificity"))
    if sensitivity is not None and specificity is not None:
        axes.plot(1 - specificity, sensitivity, "o", color=VERMILION, markersize=9, label="as answered", zorder=4)
    square(axes, "1 - specificity", "sensitivity for atypical figures")
    axes.legend(loc="lower right")
    area = summary.overall.measures["roc_auc"].value
    return svg(figure, "roc", "Receiver operating characteristic (ROC)", f"The area under the curve is {area:.3f}.")


def reliability_diagram(summary: ClassificationSummary) -> Markup:
    """The share of atypical figures against what P(atypical) says; circles by the number of crops."""
    figure, axes = blank()
    bins = summary.bins or []
    axes.plot((0, 1), (0, 1), color=GREY, linewidth=1.2, linestyle="--", label="as it should be")
    x, y = [each.mean_probability for each in bins], [each.share_positive for each in bins]
    most = max(each.items for each in bins)
    axes.plot(x, y, color=BLUE, linewidth=1.2, gid="curve")
    sizes = [25 + 225 * each.items / most for each in bins]
    axes.scatter(x, y, s=sizes, color=BLUE, alpha=0.8, clip_on=False, zorder=3, label="crops of a bin")
    square(axes, "mean P(atypical) of the bin", "share that is atypical")
    axes.legend(loc="upper left")
    said = f"The expected calibration error is {summary.calibration_error:.3f}."
    return svg(figure, "reliability", "Reliability of the probabilities", said)


def domains(summary: ClassificationSummary) -> Markup:
    """Balanced accuracy of each tumour domain with its interval."""
    rows = [(group.name, group.measures["balanced_accuracy"]) for group in summary.domains]
    figure = bars(rows, summary.overall.measures["balanced_accuracy"], "balanced accuracy, with 95 % interval")
    said = "; ".join(f"{name} {'undefined' if each.value is None else f'{each.value:.3f}'}" for name, each in rows)
    return svg(figure, "domains", "Balanced accuracy of each tumour domain", f"{said}.")

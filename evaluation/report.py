"""The page for people: one file with all that it shows, which needs no network."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from evaluation.classification_charts import classification_charts
from evaluation.classification_summary import ClassificationSummary
from evaluation.detection_charts import detection_charts
from evaluation.detection_summary import DetectionSummary
from evaluation.matching import RADIUS_MM
from evaluation.wording import CLASSIFICATION_LABELS, DETECTION_LABELS, Sources, counted, number, signed


def detection_page(summary: DetectionSummary, sources: Sources) -> str:
    """The HTML of a detector's results; the same summary gives the same bytes."""
    rows = [
        {
            "name": case.name,
            "domain": case.domain,
            "right": case.counts.true_positives,
            "missed": case.counts.false_negatives,
            "extra": case.counts.false_positives,
        }
        for case in summary.cases
    ]
    return _page(
        "detection.html.jinja",
        summary=summary,
        sources=sources,
        rows=rows,
        labels=DETECTION_LABELS,
        charts=detection_charts(summary),
        radius_um=f"{1000 * RADIUS_MM:g}",
    )


def classification_page(summary: ClassificationSummary, sources: Sources) -> str:
    """The HTML of a classifier's results; the same summary gives the same bytes."""
    rows = [
        {
            "name": case.name,
            "domain": ", ".join(case.domains),
            "right": case.crops - case.errors,
            "missed": case.confusion.false_negatives,
            "extra": case.confusion.false_positives,
        }
        for case in summary.cases
    ]
    return _page(
        "classification.html.jinja",
        summary=summary,
        sources=sources,
        rows=rows,
        labels=CLASSIFICATION_LABELS,
        charts=classification_charts(summary),
    )


def _page(template: str, **values: object) -> str:
    environment = Environment(
        loader=PackageLoader("evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "signed": signed, "counted": counted}
    return environment.get_template(template).render(**values)

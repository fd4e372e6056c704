"""The words and numbers that the tables and the page have in common."""

from dataclasses import dataclass

DETECTION_LABELS = {
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "froc_auc": "FROC area",
    "average_precision": "AP",
}
CLASSIFICATION_LABELS = {
    "balanced_accuracy": "Balanced accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "accuracy": "Accuracy",
    "roc_auc": "ROC AUC",
}


@dataclass(frozen=True)
class Sources:
    """The names of what was compared, as the page shows them."""

    predictions: str
    ground_truth: str
    against: str | None = None


def number(value: float | None, digits: int = 3) -> str:
    """A figure as it is shown; a dash for one that is undefined."""
    return "–" if value is None else f"{value:.{digits}f}"


def signed(value: float | None) -> str:
    """A difference as it is shown, with its sign."""
    return "–" if value is None else f"{value:+.3f}"


def counted(count: int, noun: str) -> str:
    """A number of things, "1 case" or "2 cases"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"

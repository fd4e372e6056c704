"""The figures of a run in a line for its user."""

TITLES = {
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "balanced_accuracy": "balanced accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "auroc": "AUROC",
}


def figures_line(found: dict[str, float], part: str) -> str:
    """Those of `validation` or of what was `tested`: the first of them, which counts most, then the others."""
    first, *others = (
        f"{title} {found[f'{part}_{name}']:.3f}" for name, title in TITLES.items() if f"{part}_{name}" in found
    )
    return f"{first} ({', '.join(others)})"

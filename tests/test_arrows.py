"""The house's arrows: training imports algorithm and evaluation; nothing else is imported between the three."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {"algorithm": set(), "evaluation": set(), "training": {"algorithm", "evaluation"}}
ELSEWHERE = {"samples", "tests"}
TRAINING_ONLY = {"lightning", "onnx", "onnxscript", "tensorboard", "timm", "torch", "torchmetrics", "torchvision"}
IMPORTERS = {"__import__", "import_module"}


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and top-level name of all that a module imports, wherever it stands; by import_module("...") too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
            if called in IMPORTERS:
                yield node.lineno, str(node.args[0].value).partition(".")[0]


def wrong_arrows(root: Path) -> list[str]:
    """Every import that the house does not have, as "path:line imports name"."""
    found = []
    for package, allowed in ALLOWED.items():
        forbidden = (set(ALLOWED) | ELSEWHERE) - allowed - {package}
        if package != "training":
            forbidden |= TRAINING_ONLY
        for path in sorted((root / package).rglob("*.py")):
            names = imported(ast.parse(path.read_text(), filename=str(path)))
            found += [f"{path.relative_to(root)}:{line} imports {name}" for line, name in names if name in forbidden]
    return found


def test_the_house_has_no_other_arrow() -> None:
    for package in ALLOWED:
        assert list((ROOT / package).rglob("*.py")), f"{package} has no modules to look at"
    assert wrong_arrows(ROOT) == []


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("algorithm", "from training.models import vm_unet"),
        ("algorithm", "import evaluation.matching"),
        ("algorithm", "def late() -> None:\n    import torch.nn as nn"),
        ("algorithm", "import numpy, torch"),
        ("algorithm", "from importlib import import_module\nimport_module('training.fit')"),
        ("evaluation", "from algorithm import contract"),
        ("evaluation", "try:\n    import torchmetrics\nexcept ImportError:\n    pass"),
        ("evaluation", "__import__('training')"),
        ("training", "from tests.tiny_bundle import make"),
    ],
)
def test_a_planted_arrow_is_seen(tmp_path: Path, package: str, line: str) -> None:
    module = tmp_path / package / "deep" / "module.py"
    module.parent.mkdir(parents=True)
    module.write_text(f"{line}\n")
    assert len(wrong_arrows(tmp_path)) == 1


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("training", "import torch, onnx\nfrom algorithm.bundle import load_bundle\nimport evaluation.detection"),
        ("algorithm", "import onnxruntime\nfrom algorithm.errors import AlgorithmError"),
        ("evaluation", "import torchlike\nfrom evaluation import matching"),
    ],
)
def test_an_arrow_of_the_house_is_not(tmp_path: Path, package: str, line: str) -> None:
    module = tmp_path / package / "module.py"
    module.parent.mkdir()
    module.write_text(f"{line}\n")
    assert wrong_arrows(tmp_path) == []

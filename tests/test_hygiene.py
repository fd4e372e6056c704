"""What no file of the packages does: run code out of a data file, lift Pillow's limit, grow beyond 400 lines."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("algorithm", "evaluation", "training", "samples")
LONGEST = 400
PICKLES = {"cloudpickle", "cPickle", "dill", "joblib", "marshal", "pickle", "shelve"}
SAFE_LOADERS = {"CSafeLoader", "SafeLoader"}


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def last_name(node: ast.AST) -> str:
    """`c` of `a.b.c`, `c` of `c`, nothing of anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_constant(node: ast.AST, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def offences(source: str) -> Iterator[str]:
    """Every unsafe thing in a module's source, in a few words."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (f"imports {a.name}" for a in node.names if a.name.partition(".")[0] in PICKLES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in PICKLES:
            yield f"imports {node.module}"
        elif isinstance(node, ast.keyword) and node.arg == "weights_only" and not is_constant(node.value, True):
            yield "weights_only is not True"
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and not is_constant(node.value, False):
            yield "allow_pickle"
        elif isinstance(node, ast.Assign) and is_constant(node.value, None):
            yield from ("lifts MAX_IMAGE_PIXELS" for t in node.targets if last_name(t) == "MAX_IMAGE_PIXELS")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from yaml_offences(node)


def yaml_offences(call: ast.Call) -> Iterator[str]:
    if last_name(call.func.value) != "yaml":
        return
    loaders = [last_name(k.value) for k in call.keywords if k.arg == "Loader"] + [last_name(a) for a in call.args[1:]]
    safe = len(loaders) == 1 and loaders[0] in SAFE_LOADERS
    if (call.func.attr in {"load", "load_all"} and not safe) or call.func.attr.startswith(("unsafe_", "full_")):
        yield f"yaml.{call.func.attr} without SafeLoader"


def test_no_module_is_unsafe() -> None:
    assert modules()
    found = [f"{path.relative_to(ROOT)}: {offence}" for path in modules() for offence in offences(path.read_text())]
    assert found == []


def test_no_module_is_long() -> None:
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in modules()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=trusted)",
        "numpy.load(path, allow_pickle=True)",
        "Image.MAX_IMAGE_PIXELS = None",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.load(text, yaml.FullLoader)",
        "yaml.unsafe_load(text)",
    ],
)
def test_an_unsafe_line_is_seen(source: str) -> None:
    assert len(list(offences(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(path, weights_only=True)",
        "numpy.load(path, allow_pickle=False)",
        "Image.MAX_IMAGE_PIXELS = 400_000_000",
        "yaml.safe_load(text)",
        "yaml.load(text, Loader=yaml.CSafeLoader)",
        "json.load(file)",
    ],
)
def test_a_safe_line_is_not(source: str) -> None:
    assert list(offences(source)) == []

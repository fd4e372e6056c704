"""The pinned sets hold what pyproject.toml asks for, by name and version alone."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"([A-Za-z0-9._-]+)==([0-9][0-9A-Za-z.]*)")
EXTRAS = {
    "algorithm-cpu": ["cpu"],
    "algorithm-gpu": ["gpu"],
    "evaluation": ["evaluation"],
    "train": ["cpu", "train", "evaluation", "slides"],
    "full": ["cpu", "train", "evaluation", "slides", "dev"],
}


def pins(name: str) -> dict[str, Version]:
    """Version by canonical name; fails on a line that is neither a comment nor `name==version`."""
    found = {}
    for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        match = PIN.fullmatch(line)
        assert match, f"{name}.txt: {line!r}"
        found[canonicalize_name(match[1])] = Version(match[2])
    return found


ON_TOP_OF_FULL = {"benchmarks"}


def test_every_set_is_known() -> None:
    assert {path.stem for path in (ROOT / "requirements").iterdir()} == set(EXTRAS) | ON_TOP_OF_FULL


@pytest.mark.parametrize("name", sorted(ON_TOP_OF_FULL))
def test_a_set_on_top_of_another_changes_nothing_of_it(name: str) -> None:
    assert pins(name)
    assert not pins(name).keys() & pins("full").keys()


EVALUATION_READS_NO_IMAGES = {"imagecodecs", "tifffile", "pydantic"}


@pytest.mark.parametrize("name", EXTRAS)
def test_a_set_meets_its_extras(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [line for e in EXTRAS[name] for line in project["optional-dependencies"][e]]
    if name == "evaluation":
        wanted = [line for line in wanted if Requirement(line).name not in EVALUATION_READS_NO_IMAGES]
    pinned = pins(name)
    for requirement in map(Requirement, wanted):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{name}.txt lacks {requirement}"
        assert version in requirement.specifier, f"{name}.txt has {requirement.name} {version}, not {requirement}"


@pytest.mark.parametrize("name", EXTRAS)
def test_a_set_holds_one_runtime(name: str) -> None:
    """The evaluation runs no model."""
    assert len({"onnxruntime", "onnxruntime-gpu"} & set(pins(name))) == (name != "evaluation")


@pytest.mark.parametrize("name", ["algorithm-cpu", "algorithm-gpu", "evaluation"])
def test_what_runs_in_a_container_has_no_torch(name: str) -> None:
    assert "torch" not in pins(name)

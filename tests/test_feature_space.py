"""The features of a tiny MitDet with and without InCDP, from a run's folder to a picture."""

import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from algorithm.errors import AlgorithmError
from tests.synthetic.tiff import write_region
from tests.training.crops import PLACES, tiny_nuclei_recipe
from tests.training.drawing import drawn_pixels, write_midogpp
from training.data.read import read_data
from training.fit import fit
from training.stages import PARENT

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "feature_space.py"
RECIPE = tiny_nuclei_recipe(
    sampling={"balance": "none", "reach_um": 1.5},
    optimiser={"learning_rate": 5e-3, "batch_size": 6, "epochs": 1, "batches_per_epoch": 2},
)


def write_data(folder: Path, count: int) -> Path:
    """Regions of thirty dark disks, of which five are annotated as figures."""
    images = [
        {"name": f"{number}.tiff", "width": 192, "height": 160, "figures": PLACES[number::6], "file": False}
        for number in range(count)
    ]
    write_midogpp(folder, images)
    for image in images:
        write_region(folder / "images" / str(image["name"]), drawn_pixels(192, 160, PLACES, []), 0.25)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "drawn", 4)


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run"
    fit(RECIPE, read_data([data], [], RECIPE.input.resolution_um_px), path, 0, resume=False)
    return path


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


def draw(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", [SCRIPT.name, *map(str, words)])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_both_networks_see_what_they_were_not_trained_on(
    run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two regions of five figures, each annotated and found; and nothing is written into the run."""
    before = sorted(path.name for path in run.rglob("*"))
    draw(monkeypatch, run, "--data", data, "--output", tmp_path / "new" / "features.png")
    said = capsys.readouterr().out
    assert "20 mitotic figures and 20 other nuclei." in said
    rows = [line.split(" | ") for line in said.splitlines() if "InCDP" in line]
    assert [row[:2] for row in rows] == [["| without InCDP", "64"], ["| with InCDP", "64"]]
    assert rows[0][2] != rows[1][2]
    picture = np.asarray(Image.open(tmp_path / "new" / "features.png"))
    assert picture.shape == (800, 1840, 3)
    assert all((panel < 255).any(axis=2).sum() > 200 for panel in (picture[40:, :800], picture[40:, 800:1600]))
    assert sorted(path.name for path in run.rglob("*")) == before


def test_a_run_without_child_classes_is_refused(
    run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        draw(monkeypatch, run / PARENT, "--data", data, "--output", tmp_path / "features.png")
    assert "has no child classes: give a run of nuclei with model.children" in capsys.readouterr().err


def test_other_data_are_refused(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With them, other regions might validate, and the networks have been trained on these."""
    other = write_data(tmp_path / "drawn", 3)
    with pytest.raises(AlgorithmError, match="started with other data or another fold"):
        draw(monkeypatch, run, "--data", other, "--output", tmp_path / "features.png")
    assert not (tmp_path / "features.png").exists()


def test_classes_that_lie_apart_are_separate_whatever_their_length(script: dict[str, Any]) -> None:
    features = np.array([[1.0, 0.0], [9.0, 0.0], [0.0, 1.0], [0.0, 5.0]])
    assert script["separation"](features, np.array([0, 0, 1, 1])) == pytest.approx(1)
    # the other of a class is at a distance of sqrt 2, those of the other class are at half of it in the mean
    assert script["separation"](features, np.array([0, 1, 0, 1])) == pytest.approx(-0.5)


def test_a_crop_is_of_the_nearest_child_of_its_own_class(script: dict[str, Any]) -> None:
    centres = np.array([[0.0], [10.0], [1.0], [20.0]])  # two of each class
    features, classes = np.array([[1.0], [6.0], [1.0], [0.0], [12.0]]), np.array([0, 0, 1, 1, 1])
    assert script["nearest_children"](features, classes, centres).tolist() == [0, 1, 2, 2, 3]

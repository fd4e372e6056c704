"""Mining look-alikes with networks whose answers are known, and with a run, round by round, as a user does."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from tests.training.drawing import drawn_pixels, tiny_tree, write_midogpp
from tests.training.published import write_nct_crc
from training import mining
from training.__main__ import main
from training.checkpoints import BEST, LAST, load_checkpoint
from training.data.look_alikes import LookAlike, read_look_alikes
from training.data.regions import Region, in_memory
from training.data.stain_template import as_template
from training.mining import Miner, predict_any_class
from training.recipe import DetectionRecipe, recipe_from

LOOK_ALIKES = [(20.0, 24.0), (70.0, 52.0)]


def recipe() -> DetectionRecipe:
    made = recipe_from(tiny_tree(), "tiny")
    assert isinstance(made, DetectionRecipe)
    return made


def dark(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A network that takes whatever is dark for a figure, at 0.4."""
    return np.where(tiles.max(axis=3) < 170, 0.4, 0.1).astype(np.float32)[None]


@pytest.fixture
def miner(monkeypatch: pytest.MonkeyPatch) -> type[Miner]:
    monkeypatch.setattr(mining, "load_checkpoint", lambda _: {"model": None})
    monkeypatch.setattr(mining, "build_model", lambda *_: nn.Identity())
    monkeypatch.setattr(mining, "predict_any_class", lambda *_: dark)
    return Miner


def looked_at(miner: type[Miner], region: Region, known: list[LookAlike], threshold: float = 0.25) -> mining.Mined:
    found = miner(Path("runs/a"), recipe(), threshold, known, torch.device("cpu")).mine("drawn", [region], lambda: None)
    assert found[1].look_alikes == len(found[0])
    return found[0]


def free_region() -> Region:
    return in_memory("free", "free", "free", drawn_pixels(96, 80, LOOK_ALIKES, []), 0.25, np.empty((0, 2)))


def test_predictions_become_look_alikes_of_the_first_round(miner: type[Miner]) -> None:
    mined = looked_at(miner, free_region(), [])
    points = np.array([(each.x, each.y) for _, each in mined])
    np.testing.assert_allclose(points, LOOK_ALIKES, atol=1.0)
    for region, each in mined:
        assert (region.name, each.data_set, each.region, each.width, each.height) == ("free", "drawn", "free", 96, 80)
        assert (each.mined_in, each.run, round(each.score, 3)) == (1, "runs/a", 0.4)


def test_the_threshold_is_a_least_score(miner: type[Miner]) -> None:
    assert looked_at(miner, free_region(), [], threshold=0.45) == []


def test_the_next_round_does_not_repeat_what_is_known(miner: type[Miner]) -> None:
    """Within 7.5 um, 30 px, of a look-alike of the same region it is the same one."""
    known = LookAlike("drawn", "free", 96, 80, 20.0, 24.0 + 25, 0.3, 3, "runs/0")
    ((_, second),) = looked_at(miner, free_region(), [known])
    assert (round(second.x), round(second.y), second.mined_in) == (70, 52, 4)
    assert len(looked_at(miner, free_region(), [replace(known, y=24.0 + 35)])) == 2
    assert len(looked_at(miner, free_region(), [replace(known, region="another")])) == 2
    assert len(looked_at(miner, free_region(), [replace(known, data_set="another")])) == 2


def test_annotations_are_no_look_alikes_anew(miner: type[Miner]) -> None:
    """Within 15 um, 60 px, of a figure, and within 7.5 of a look-alike that is annotated already."""
    made = miner(Path("a"), recipe(), 0.25, [], torch.device("cpu"))

    def counts_with(figure: tuple[float, float]) -> tuple[int, int, int]:
        region = replace(free_region(), figures=np.array([figure]), hard_negatives=np.array([(70.0, 52.0 - 25)]))
        _, counts = made.mine("drawn", [region], lambda: None)
        assert counts.area_mm2 == pytest.approx(96 * 80 / 16e6)
        assert (counts.regions, counts.predictions) == (1, 2)
        return counts.near_figures, counts.known, counts.look_alikes

    assert counts_with((20.0, 24.0 + 55)) == (2, 0, 0)
    assert counts_with((0.0, 24.0 + 50)) == (1, 1, 0)
    assert counts_with((20.0, 24.0 + 65)) == (0, 1, 1)


def test_predictions_close_together_are_one(miner: type[Miner]) -> None:
    pixels = drawn_pixels(96, 80, [(30.0, 30.0), (50.0, 30.0)], [])
    region = in_memory("free", "free", "free", pixels, 0.25, np.empty((0, 2)))
    assert len(looked_at(miner, region, [])) == 1


def test_every_region_advances_the_bar(miner: type[Miner]) -> None:
    steps: list[int] = []
    made = miner(Path("a"), recipe(), 0.25, [], torch.device("cpu"))
    _, counts = made.mine("drawn", [free_region(), free_region()], lambda: steps.append(1))
    assert (len(steps), counts.regions, counts.predictions) == (2, 2, 4)


def test_a_run_on_normalised_stains_sees_them(miner: type[Miner]) -> None:
    seen = []
    made = miner(
        Path("a"), recipe().model_copy(update={"stain_normalisation": "macenko"}), 0.25, [], torch.device("cpu")
    )
    made.predict = lambda tiles: (seen.append(tiles), dark(tiles))[1]
    region = free_region()
    made.mine("drawn", [region], lambda: None)
    expected = as_template(region, "macenko", 0).read(0, 0, 32, 32)
    assert any(np.array_equal(tile, expected) for tiles in seen for tile in tiles)
    assert not np.array_equal(expected, region.read(0, 0, 32, 32))


def test_a_box_of_any_class_counts() -> None:
    """The larger of both logits stands where the detector reads that of a figure."""

    class Answer(nn.Module):
        def forward(self, tiles: Tensor) -> list[tuple[Tensor, Tensor]]:
            levels = [(len(tiles), tiles.shape[2] // stride, tiles.shape[3] // stride) for stride in (8, 16, 32)]
            logits = [torch.tensor([-2.0, 1.0])[None, :, None, None].expand(n, 2, h, w) for n, h, w in levels]
            return [(each, torch.ones(n, 4, h, w)) for each, (n, h, w) in zip(logits, levels, strict=True)]

    boxes = {"name": "rtmdet", "width": 0.125, "depth": 0.33}
    postprocess = {"threshold": 0.5, "lower_threshold": 0.05}
    made = recipe_from(tiny_tree(system="boxes", model=boxes, postprocess=postprocess, sampling={}), "tiny")
    assert isinstance(made, DetectionRecipe)
    answers = predict_any_class(made, Answer(), torch.device("cpu"))(np.zeros((2, 32, 32, 3), np.uint8))
    assert answers.shape == (1, 2, 5, 16 + 4 + 1)
    assert (answers[:, :, 4] == 1.0).all()


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """An annotated data set, a folder of pictures and patches of two classes."""
    folder = tmp_path_factory.mktemp("sources")
    images = [{"name": f"{n:03}.tiff", "figures": [(20, 24), (70, 52)]} for n in range(1, 5)]
    write_midogpp(folder / "drawn", images)
    (folder / "free").mkdir()
    Image.fromarray(drawn_pixels(96, 80, LOOK_ALIKES, [])).save(folder / "free" / "a.png")
    write_nct_crc(folder / "NCT", {"DEB": 1, "MUS": 1})
    return [folder / "drawn", folder / "free", folder / "NCT"]


@pytest.fixture(scope="module")
def words(sources: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    optimiser = {"batch_size": 4, "epochs": 1, "batches_per_epoch": 1}
    path.write_text(yaml.safe_dump(tiny_tree(model={"name": "unet", "width": 4, "levels": 2}, optimiser=optimiser)))
    return ["fit", str(path), "--data", str(sources[0]), "--figure-free", str(sources[1])]


@pytest.fixture
def run(runs: list[Path], tmp_path: Path) -> Path:
    """Hardly trained, and so unsure that at a threshold of 0.01 it takes anything for a figure."""
    return Path(shutil.copytree(runs[0], tmp_path / "run"))


def test_rounds(
    run: Path, words: list[str], sources: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mined = tmp_path / "new" / "look-alikes.csv"
    mine = ["mine", str(run), "--threshold", "0.01", "--output", str(mined), "--sources"]
    assert main([*mine, str(sources[1])]) == 0
    said = capsys.readouterr()
    first = read_look_alikes(mined)
    assert first
    assert {(each.data_set, each.region, each.mined_in) for each in first} == {("free", "a.png", 1)}
    assert f"{mined}: {len(first)} look-alikes of round 1, {len(first)} in all" in said.out
    assert said.err == ""
    assert main([*mine, str(sources[1]), str(sources[2]), "--tissue", "DEB", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    every = read_look_alikes(mined)
    assert every[: len(first)] == first
    assert {(each.data_set, each.mined_in) for each in every[len(first) :]} == {("NCT", 2)}
    assert (told["round"], told["look_alikes"]) == (2, len(every))
    assert [source["look_alikes"] for source in told["sources"]] == [0, len(every) - len(first)]
    assert [source["regions"] for source in told["sources"]] == [1, 1]
    names = ["look-alikes-1.png", "look-alikes-2.png", "look-alikes.csv"]
    assert sorted(path.name for path in mined.parent.iterdir()) == names

    output = tmp_path / "second"
    assert main([*words, "--mined", str(mined), "--output", str(output)]) == 0
    left_out = len(every) - len(first)
    line = f"look-alikes.csv: {len(first)} mined look-alikes, {left_out} of other data sets left out"
    assert line in capsys.readouterr().out
    assert [file["file"] for file in load_checkpoint(output / LAST)["mined"]] == ["look-alikes.csv"]
    assert main([*words, "--output", str(output), "--resume"]) == 1
    assert "other mined look-alikes. Give the same --mined" in capsys.readouterr().err
    assert main([*words, "--mined", str(mined), "--output", str(output), "--resume"]) == 0
    assert not torch.equal(*(next(iter(load_checkpoint(r / BEST)["model"].values())) for r in (run, output)))


def test_nothing_found_is_an_empty_file(run: Path, sources: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    """By default it lies in the run's folder."""
    assert main(["mine", str(run), "--sources", str(sources[1]), "--threshold", "0.999999"]) == 0
    assert "0 look-alikes of round 1, 0 in all" in capsys.readouterr().out
    assert read_look_alikes(run / "look-alikes.csv") == []
    assert not list(run.glob("*.png"))


@pytest.mark.parametrize(
    ("more", "code", "problem"),
    [
        (["--sources", "{free}", "{free}"], 2, "Two sources are called free"),
        (["--sources", "{free}", "--tissue", "DEB"], 1, "no tissue called DEB. They have no classes of tissue"),
        (["--sources", "{NCT}", "--tissue", "Necrosis"], 1, "no tissue called Necrosis. They have DEB, MUS"),
        (["--sources", "{NCT}/nowhere"], 1, "holds no pictures"),
        (["--sources", "{free}", "--output", "{free}/a.png"], 1, "a.png cannot be read"),
    ],
)
def test_what_cannot_be_is_said(
    run: Path, sources: list[Path], more: list[str], code: int, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {folder.name: folder for folder in sources}
    assert main(["mine", str(run), *(word.format(**places) for word in more)]) == code
    assert problem in capsys.readouterr().err
    assert not (run / "look-alikes.csv").exists()


def test_a_threshold_is_a_probability(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["mine", str(run), "--sources", "a", "--threshold", "1"])
    assert "1 is no number from" in capsys.readouterr().err

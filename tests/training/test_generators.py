"""Generators: what they make of crops, runs that train with them, and what is refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from algorithm.errors import AlgorithmError
from tests.training.crops import data_of_nuclei, tiny_nuclei_recipe, tiny_nuclei_tree
from tests.training.restaining import tiny_restain_recipe
from training.__main__ import main
from training.checkpoints import BEST, load_checkpoint, save_checkpoint
from training.data.split import split_fold
from training.fit import fit
from training.generators import Generators, read_generator, read_generators
from training.systems.nuclei import Nuclei, find_crops

ALONE = {"balance": "none", "reach_um": 1.5}
NUCLEI = tiny_nuclei_recipe(model={**tiny_nuclei_tree()["model"], "children": 0}, sampling={**ALONE, "unsa": "restain"})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both domains' generators."""
    path = tmp_path_factory.mktemp("generators") / "runs"
    fit(tiny_restain_recipe(), data_of_nuclei(), path, 0, resume=False)
    return path


def system_of(generators: Generators, unsa: str = "restain") -> Nuclei:
    recipe = tiny_nuclei_recipe(sampling={"unsa": unsa, "reach_um": 1.5})
    split = replace(split_fold(data_of_nuclei(), recipe, 0), generators=generators)
    crops = find_crops(recipe, [region for regions in split.training for region in regions])
    return Nuclei(recipe, split, torch.device("cpu"), crops)


def test_pictures_of_any_size_are_what_the_network_makes_of_them(runs: Path) -> None:
    """Those that do not fit the network as if they were reflected at their border, and each by itself."""
    generators, rng = read_generators(runs, 0.25), np.random.default_rng(0)
    pictures = rng.integers(0, 256, (3, 16, 20, 3), np.uint8)
    with torch.no_grad():
        expected = read_generator(runs / "b").network(torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255)
    found = generators.shown(pictures, "b").astype(int)
    np.testing.assert_allclose(found, 255 * expected.permute(0, 2, 3, 1).numpy(), atol=0.51)
    cut = generators.shown(pictures[:, :15, :18], "b")
    padded = np.pad(pictures[:, :15, :18], ((0, 0), (0, 1), (0, 2), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(cut, generators.shown(padded, "b")[:, :15, :18])
    assert np.abs(generators.shown(pictures[1:2], "b")[0].astype(int) - found[1]).max() <= 1
    assert not np.array_equal(generators.shown(pictures, "a"), found)


def test_batches_have_crops_in_the_colours_of_the_domains_they_are_said_to_be_of(runs: Path) -> None:
    """And these domains are those of templates."""
    generators = read_generators(runs, 0.25)
    system, templates = system_of(generators), system_of(generators, "template")
    assert torch.equal(system.make(0, 0)[3], templates.make(0, 0)[3])
    crops, regions = [system.crops.pixels(number, 16) for number in range(3)], [system.crops.of(n) for n in range(3)]
    other = system.colours.staining(regions[0])
    shown = system.colours.shown(crops, regions, [(0, None), (1, other), (1, other)])
    np.testing.assert_array_equal(shown[0], crops[0])
    np.testing.assert_array_equal(shown[1:], generators.shown(np.stack(crops[1:]), "b"))


def test_a_run_is_trained_with_generators_and_remembers_them(runs: Path, tmp_path: Path) -> None:
    generators = read_generators(runs, 0.25)
    fit(NUCLEI, data_of_nuclei(), tmp_path / "run", 0, resume=False, generators=generators)
    used = load_checkpoint(tmp_path / "run" / BEST)["generators"]
    assert [(of["domain"], of["file"]) for of in used] == [("a", f"a/{BEST}"), ("b", f"b/{BEST}")]
    copy = shutil.copytree(runs, tmp_path / "copy")
    fit(NUCLEI, data_of_nuclei(), tmp_path / "run", 0, resume=True, generators=read_generators(copy, 0.25))
    changed = load_checkpoint(copy / "a" / BEST)
    changed["model"]["generator.final_conv.bias"] += 1
    save_checkpoint(copy / "a" / BEST, changed)
    with pytest.raises(AlgorithmError, match=r"started with other generators\. Give the same --generators"):
        fit(NUCLEI, data_of_nuclei(), tmp_path / "run", 0, resume=True, generators=read_generators(copy, 0.25))


def test_missing_generators_are_named(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(AlgorithmError, match=r"sampling\.unsa=restain needs generators\. Give --generators"):
        fit(NUCLEI, data_of_nuclei(), tmp_path / "run", 0, resume=False)
    with pytest.raises(AlgorithmError, match="holds no runs of generators"):
        read_generators(tmp_path, 0.25)
    only = shutil.copytree(runs, tmp_path / "only", ignore=shutil.ignore_patterns("b"))
    with pytest.raises(AlgorithmError, match="No generator has the colours of b, but of a"):
        fit(NUCLEI, data_of_nuclei(), tmp_path / "run", 0, resume=False, generators=read_generators(only, 0.25))
    assert not (tmp_path / "run").exists()


def test_wrong_generators_are_named(runs: Path, tmp_path: Path) -> None:
    generators = read_generators(runs, 0.25)
    with pytest.raises(
        AlgorithmError, match="held out 0 of 2 folds by slide, not 1 of 2 folds by slide as this run does"
    ):
        fit(NUCLEI, data_of_nuclei(), tmp_path / "run", 1, resume=False, generators=generators)
    with pytest.raises(AlgorithmError, match=r"has learnt 0\.25 um/px, and crops have 0\.5"):
        read_generators(runs, 0.5)
    unfinished = shutil.copytree(runs / "a", tmp_path / "a")
    save_checkpoint(unfinished / BEST, {**load_checkpoint(unfinished / BEST), "epoch": 1})
    with pytest.raises(AlgorithmError, match=r"has only 1 of 2 epochs\. Go on with it"):
        read_generators(tmp_path, 0.25)
    changes = {"recipe": NUCLEI.model_dump(mode="json")}
    save_checkpoint(unfinished / BEST, {**load_checkpoint(unfinished / BEST), **changes})
    with pytest.raises(AlgorithmError, match="is a run of tiny, which does not restain"):
        read_generators(tmp_path, 0.25)


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["fit", "mitdet_small", "--generators", "runs"], "mitdet_small restains nothing. Set sampling.unsa=restain"),
        (["fit", "restain_small", "--generators", "runs"], "restain_small restains nothing."),
        (["fit", "restain_small", "--masks", "masks"], "restain_small learns nothing from masks."),
        (["fit", "restain_small", "--mined", "mined.csv"], "restain_small learns colours: look-alikes are of no use."),
    ],
)
def test_files_of_no_use_are_refused(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--data", "data", "--output", "run"]) == 1
    assert sentence in capsys.readouterr().err

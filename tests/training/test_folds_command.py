"""`folds`: the CSV of cases, the table of folds; and runs by domain, from fit to the bundle's manifest."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from tests.training.drawing import tiny_tree, write_midogpp
from tests.training.published import CCMCT, CMC, Marked, write_database, write_tupac16
from training.__main__ import main
from training.checkpoints import BEST, load_checkpoint


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    images = [
        {"name": f"{n:03}.tiff", "width": 96, "height": 80, "figures": [(20, 24), (70, 52)], "tumor_type": tumour}
        for n, tumour in enumerate(["human melanoma", "canine lymphosarcoma"] * 2, 1)
    ]
    return write_midogpp(tmp_path / "drawn", images)


def test_the_published_domains(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Systems of the paper: seven folds, one a tumour. The folder holds no image."""
    output = tmp_path / "folds.csv"
    assert main(["folds", str(shared_data / "MIDOGpp"), "--by", "domain", "--output", str(output)]) == 0
    table = rows(output)
    totals: dict[str, tuple[int, int, int, int]] = {}
    for row in table:
        before = totals.get(row["domain"], (int(row["fold"]), 0, 0, 0))
        more = (1, int(row["mitotic_figures"]), int(row["hard_negatives"]))
        assert int(row["fold"]) == before[0]
        totals[row["domain"]] = (before[0], *(a + b for a, b in zip(before[1:], more, strict=True)))
    assert totals == {
        "canine cutaneous mast cell tumor": (0, 50, 2327, 1366),
        "canine lung cancer": (1, 44, 855, 951),
        "canine lymphosarcoma": (2, 55, 3959, 4257),
        "canine soft tissue sarcoma": (3, 100, 1286, 2375),
        "human breast cancer": (4, 150, 1721, 2714),
        "human melanoma": (5, 49, 1150, 925),
        "human neuroendocrine tumor": (6, 55, 639, 1761),
    }
    assert table[0] == {
        "data_set": "MIDOGpp",
        "case": "001.tiff",
        "slide": "001",
        "domain": "human breast cancer",
        "scanner": "Hamamatsu XR",
        "fold": "4",
        "mitotic_figures": "0",
        "hard_negatives": "4",
    }
    said = capsys.readouterr().out
    assert "503 cases, 11937 mitotic figures, 14349 hard negatives; 50 unlabelled images left out" in said
    assert "274 boxes clipped at the border" in said
    assert "2,327" in said
    assert "14,349" in said
    assert [path.name for path in tmp_path.iterdir()] == ["folds.csv"]


def test_folds_by_slide_are_those_of_fit(data: Path, tmp_path: Path) -> None:
    output = tmp_path / "folds.csv"
    assert main(["folds", str(data), "--folds", "2", "--output", str(output)]) == 0
    assert {row["slide"]: row["fold"] for row in rows(output)} == {"001": "0", "002": "0", "003": "1", "004": "1"}


def test_slides_of_all_layouts_need_no_image(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By domain: MIDOG++'s two tumours, CCMCT, CMC and TUPAC16."""
    ccmct, cmc, output = tmp_path / "CCMCT", tmp_path / "CMC", tmp_path / "folds.csv"
    write_database(ccmct / "MITOS_WSI_CCMCT_ODAEL.sqlite", CCMCT, {1: "a.svs"}, [Marked(1, 2, [(9, 8)])])
    write_database(cmc / "MITOS_WSI_CMC_CODAEL_TR.sqlite", CMC, {1: "b.svs"}, [Marked(1, 1, [(9, 8)])])
    tupac16 = write_tupac16(tmp_path / "TUPAC_AL", {"01/01": ([(9, 8)], []), "01/02": ([(7, 6)], [(5, 4)])})
    words = ["folds", *map(str, (data, ccmct, cmc, tupac16)), "--by", "domain", "--output", str(output)]
    assert main(words) == 0
    found = rows(output)[4:]
    assert [
        (row["data_set"], row["case"], row["slide"], row["mitotic_figures"], row["hard_negatives"]) for row in found
    ] == [
        ("CCMCT", "a.svs", "a", "1", "0"),
        ("CMC", "b.svs", "b", "0", "1"),
        ("TUPAC_AL", "01/01.tif", "01_stitched1", "1", "0"),
        ("TUPAC_AL", "01/02.tif", "01_stitched1", "1", "1"),
    ]
    assert [row["scanner"] for row in found] == ["Aperio CS2", "Aperio CS2", "", ""]
    assert len({row["fold"] for row in rows(output)}) == 5
    assert "CMC: SlideRunner database, 1 cases, 0 mitotic figures, 1 hard negatives" in capsys.readouterr().out


def test_by_domain_their_number_is_not_a_choice(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "folds.csv"
    assert main(["folds", str(data), "--by", "domain", "--folds", "3", "--output", str(output)]) == 2
    assert "leave --folds out" in capsys.readouterr().err
    assert not output.exists()


def test_a_place_that_cannot_be_written_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("no folder")
    assert main(["folds", str(data), "--output", str(tmp_path / "taken" / "folds.csv")]) == 1
    assert "folds.csv cannot be written" in capsys.readouterr().err


def test_a_domain_is_held_out_by_its_name(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The paper's name of lymphosarcoma; then validated, and told in the bundle."""
    recipe, run, card = tmp_path / "tiny.yaml", tmp_path / "run", tmp_path / "card.yaml"
    recipe.write_text(yaml.safe_dump(tiny_tree(folds_by="domain")))
    words = ["fit", str(recipe), "optimiser.epochs=1", "optimiser.batches_per_epoch=1", "--data", str(data)]
    assert main([*words, "--output", str(run), "--fold", "canine lymphoma"]) == 0
    assert load_checkpoint(run / BEST)["fold"] == "canine lymphosarcoma"
    assert main([*words, "--output", str(run), "--fold", "0", "--resume"]) == 0
    assert main([*words, "--output", str(run), "--fold", "human melanoma", "--resume"]) == 1
    assert "another recipe or fold" in capsys.readouterr().err
    assert main(["validate", str(run), "--data", str(data)]) == 0
    card.write_text("{name: a, version: '1', intended_use: b, datasets: [{name: a, licence: b, source: c}]}")
    assert main(["export", str(run), "--output", str(tmp_path / "new"), "--card", str(card)]) == 0
    manifest = json.loads((tmp_path / "new" / "manifest.json").read_text())
    assert manifest["members"][0]["held_out"] == "canine lymphosarcoma"
    assert manifest["provenance"]["folds"] == "one domain left out"


def test_each_network_of_a_run_is_tested(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, run = tmp_path / "tiny.yaml", tmp_path / "run"
    recipe.write_text(yaml.safe_dump(tiny_tree(folds_by="domain")))
    words = ["fit", str(recipe), "optimiser.epochs=1", "optimiser.batches_per_epoch=1", "optimiser.averages=[1e-3]"]
    assert main([*words, "--data", str(data), "--output", str(run), "--fold", "canine lymphoma"]) == 0
    said = capsys.readouterr().out
    assert "raw, held-out domain: " in said
    assert "mean-0.001, held-out domain: " in said
    assert main(["validate", str(run / "mean-0.001"), "--data", str(data)]) == 0

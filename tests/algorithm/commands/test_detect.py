"""`detect`: images in, a folder of results for each, and an exit code that tells how many failed."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from algorithm.__main__ import main
from algorithm.contract import validate_points_document
from algorithm.writers.folder import DETECTION_FILES
from tests.algorithm.commands.conftest import DOTS, dotted
from tests.algorithm.images.drawing import write_tiff
from tests.arrays import CANDIDATE, paint_ellipse, plain
from tests.tiny_boxes import write_tiny_boxes
from tests.tiny_bundle import take_along, write_tiny_bundle
from tests.tiny_classifier import write_tiny_classifier
from tests.tiny_nuclei import write_tiny_nuclei


def detect(bundle: Path, output: Path, *words: str | Path) -> int:
    return main(["detect", *map(str, words), "--output", str(output), "--bundle", str(bundle), "--device", "cpu"])


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def places_px(output: Path, spacing_um: float = 0.25) -> np.ndarray:
    document = read(output / "region" / "mitotic-figures.json")
    validate_points_document(document)
    return np.array([point["point"][:2] for point in document["points"]]) * 1000 / spacing_um


def test_all_files_say_the_same(tmp_path: Path, region: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "new" / "results"
    assert detect(bundle, output, region) == 0
    folder = output / "region"
    assert sorted(path.name for path in folder.iterdir()) == sorted(DETECTION_FILES)
    np.testing.assert_allclose(places_px(output), DOTS, atol=0.5)
    rows = list(csv.DictReader((folder / "detections.csv").read_text().splitlines()))
    np.testing.assert_allclose([[float(row["x_px"]), float(row["y_px"])] for row in rows], places_px(output), atol=1e-3)
    features = read(folder / "detections.geojson")["features"]
    assert [feature["properties"]["classification"]["name"] for feature in features] == ["Mitotic figure"] * 3
    with Image.open(folder / "overlay.png") as overlay:
        assert overlay.mode == "RGB"
    said = capsys.readouterr()
    assert f"bundle tiny 1 (option: {bundle}), device cpu (CPUExecutionProvider)" in said.out
    assert f"{region}: 3 mitotic figures (0 candidates below the threshold), 0.00" in said.out
    assert said.err == ""


def test_the_run_is_recorded(tmp_path: Path, region: Path, bundle: Path) -> None:
    assert detect(bundle, tmp_path / "results", region, "--overlap", "0.25", "--threshold", "0.6") == 0
    run = read(tmp_path / "results" / "region" / "run.json")
    assert run["image"] == {
        "file": str(region),
        "width_px": 160,
        "height_px": 120,
        "spacing_um": [0.25, 0.25],
        "spacing_source": "tag",
    }
    assert (run["bundle"]["name"], run["bundle"]["chosen_by"], run["bundle"]["path"]) == ("tiny", "option", str(bundle))
    assert (run["settings"]["overlap"], run["settings"]["threshold"], run["settings"]["device"]) == (0.25, 0.6, "cpu")
    assert run["device"] == {"used": "cpu", "providers": ["CPUExecutionProvider"]}
    found = run["result"]
    assert found["mitotic_figures"] == 3
    assert found["tissue_mm2"] == pytest.approx(160 * 120 * 0.25**2 / 1e6, rel=0.05)
    assert found["mitotic_figures_per_mm2"] == pytest.approx(3 / found["tissue_mm2"])
    assert run["tiles"]["run"] == run["tiles"]["total"] > 1
    assert {"anaphase", "python", "numpy", "onnxruntime"} <= set(run["versions"])
    assert set(run["seconds"]) == {"tissue", "detection", "writing"}
    assert run["started"].endswith("+00:00")


def test_a_bundle_of_nuclei_writes_the_same_files(
    tmp_path: Path, region: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nuclei, output = write_tiny_nuclei(tmp_path / "nuclei", members=2, patch_px=32), tmp_path / "results"
    assert detect(nuclei, output, region) == 0
    np.testing.assert_allclose(places_px(output), DOTS, atol=4)
    run = read(output / "region" / "run.json")
    assert run["tiles"] == {"total": 3, "run": 3}
    assert run["settings"]["candidates"]["stain_model"] == "ruifrok"
    assert (run["settings"]["patch_px"], run["settings"]["threshold"]) == (32, 0.5)
    assert "overlap" not in run["settings"]
    assert detect(nuclei, output, region, "--overlap", "0.5") == 1
    assert "Leave --overlap out." in capsys.readouterr().err


def test_a_second_stage_judges_what_is_found(tmp_path: Path, region: Path, bundle: Path) -> None:
    second = write_tiny_nuclei(tmp_path / "second", threshold=0.999999)
    assert detect(bundle, tmp_path / "alone", region) == 0
    assert detect(bundle, tmp_path / "judged", region, "--second-stage", second) == 0
    alone, judged = (read(tmp_path / name / region.stem / "run.json") for name in ("alone", "judged"))
    assert alone["result"]["mitotic_figures"] == 3
    assert judged["result"]["mitotic_figures"] == 0
    assert judged["result"]["non_mitotic_figures"] == 3 + alone["result"]["non_mitotic_figures"]
    assert judged["second_stage"]["settings"] == {"threshold": 0.999999}
    assert judged["second_stage"]["chosen_by"] == "option"
    assert "second stage" in judged["seconds"]
    assert "second_stage" not in alone


def test_a_bundles_own_second_stage_needs_no_option(
    tmp_path: Path, region: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files are those of the option, which takes the place of what a bundle brings along."""
    second, other = (write_tiny_nuclei(tmp_path / str(t), patch_px=32, threshold=t) for t in (0.999999, 0.2))
    bundle = write_tiny_boxes(tmp_path / "boxes")
    assert detect(bundle, tmp_path / "asked", region, "--second-stage", second) == 0
    both = take_along(bundle, second)
    assert detect(both, tmp_path / "own", region) == 0
    assert f"bundle tiny 1 (its second stage: {both / 'second_stage'}), device cpu" in capsys.readouterr().out
    for name in set(DETECTION_FILES) - {"run.json"}:
        asked, own = ((tmp_path / output / "region" / name).read_bytes() for output in ("asked", "own"))
        assert own == asked
    run = read(tmp_path / "own" / "region" / "run.json")
    assert (run["second_stage"]["chosen_by"], run["result"]["mitotic_figures"]) == ("bundle", 0)
    assert detect(both, tmp_path / "other", region, "--second-stage", other) == 0
    run = read(tmp_path / "other" / "region" / "run.json")
    assert (run["second_stage"]["path"], run["second_stage"]["chosen_by"]) == (str(other), "option")
    assert run["result"]["mitotic_figures"] > 0


def test_a_damaged_second_stage_is_one_line(tmp_path: Path, region: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = take_along(write_tiny_boxes(tmp_path / "boxes"), write_tiny_nuclei(tmp_path / "second"))
    (bundle / "second_stage" / "member_0.onnx").write_bytes(b"no graph")
    assert detect(bundle, tmp_path / "results", region) == 1
    complaint = capsys.readouterr().err
    assert "second_stage/member_0.onnx is not the file of the manifest" in complaint
    assert complaint.count("\n") == 1


def test_of_several_bundles_each_has_its_second_stage(tmp_path: Path, region: Path, bundle: Path) -> None:
    second = write_tiny_nuclei(tmp_path / "second", patch_px=32, threshold=0.999999)
    both = take_along(write_tiny_boxes(tmp_path / "boxes"), second)
    assert detect(bundle, tmp_path / "mixed", region, "--bundle", both) == 0
    run = read(tmp_path / "mixed" / "region" / "run.json")
    assert ["second_stage" in each for each in run["bundles"]] == [True, False]
    assert "second_stage" not in run
    assert detect(bundle, tmp_path / "asked", region, "--bundle", both, "--second-stage", second) == 0
    run = read(tmp_path / "asked" / "region" / "run.json")
    assert [each["second_stage"]["chosen_by"] for each in run["bundles"]] == ["option", "option"]
    assert run["result"]["mitotic_figures"] == 0


def dots(large: int, small: int) -> np.ndarray:
    """Dark dots in a row, the large ones first: the tiny classifier calls those of 8 px atypical, of 5 px normal."""
    pixels = plain(48 * (large + small), 48)
    for number in range(large + small):
        radius = 8 if number < large else 5
        paint_ellipse(pixels, 24 + 48 * number, 24, radius, radius)
    return pixels


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_classifier(tmp_path_factory.mktemp("classifier"), patch_px=32)


def test_figures_are_typed_where_that_is_asked_for(
    tmp_path: Path, bundle: Path, classifier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    region = write_tiff(tmp_path / "region.tiff", dots(4, 8))
    assert detect(bundle, tmp_path / "plain", region) == 0
    assert detect(bundle, tmp_path / "typed", region, "--classifier", classifier) == 0
    before, after = tmp_path / "plain" / "region", tmp_path / "typed" / "region"
    assert (after / "mitotic-figures.json").read_bytes() == (before / "mitotic-figures.json").read_bytes()
    rows = list(csv.DictReader((after / "detections.csv").read_text().splitlines()))
    assert [row["type"] for row in sorted(rows, key=lambda row: float(row["x_px"]))] == ["atypical"] * 4 + [
        "normal"
    ] * 8
    assert all((float(row["probability_atypical"]) >= 0.5) == (row["type"] == "atypical") for row in rows)
    features = read(after / "detections.geojson")["features"]
    assert [feature["properties"]["metadata"]["type"] for feature in features] == [row["type"] for row in rows]
    assert [f"{feature['properties']['measurements']['atypical probability']:.6f}" for feature in features] == [
        row["probability_atypical"] for row in rows
    ]
    run = read(after / "run.json")
    found = run["result"]
    assert (found["typed"], found["atypical"], found["atypical_rate"]) == (12, 4, pytest.approx(1 / 3))
    assert found["atypical_rate_interval_95"] == pytest.approx([0.1381, 0.6094], abs=1e-4)
    assert found["atypical_rate_note"] is None
    assert run["classifier"]["name"] == "tiny classifier"
    assert run["classifier"]["chosen_by"] == "option"
    assert run["classifier"]["settings"]["vote"] == "majority"
    assert set(run["seconds"]) == {"tissue", "detection", "typing", "writing"}
    said = capsys.readouterr().out
    assert f"bundle tiny classifier 1 (option: {classifier}), device cpu" in said
    assert "; 4 of 12 atypical (33%, 95 % interval 14% to 61%) -> " in said
    untyped = read(before / "run.json")
    assert "classifier" not in untyped
    assert "typed" not in untyped["result"]


def test_of_few_figures_no_rate_is_given(
    tmp_path: Path, bundle: Path, classifier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    region = write_tiff(tmp_path / "region.tiff", dots(2, 7))
    empty = write_tiff(tmp_path / "empty.tiff", plain(60, 60))
    assert detect(bundle, tmp_path / "results", region, empty, "--classifier", classifier) == 0
    found, none = (read(tmp_path / "results" / name / "run.json")["result"] for name in ("region", "empty"))
    assert (found["typed"], found["atypical"]) == (9, 2)
    assert (none["typed"], none["atypical"]) == (0, 0)
    for result in (found, none):
        assert result["atypical_rate"] is None
        assert result["atypical_rate_interval_95"] is None
        assert result["atypical_rate_note"] == "too few figures, under 10"
    assert "; 2 of 9 atypical (too few figures, under 10) -> " in capsys.readouterr().out


def test_typing_without_a_classifier_is_one_line_before_any_work(
    tmp_path: Path, region: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("algorithm.bundle.BUNDLES_DIR", tmp_path)
    assert detect(bundle, tmp_path / "results", region, "--classify") == 1
    assert "names no bundle for classification" in capsys.readouterr().err
    assert detect(bundle, tmp_path / "results", region, "--classifier", bundle) == 1
    assert "is a bundle for detection (tiny 1), not for classification" in capsys.readouterr().err
    assert list((tmp_path / "results").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "agreement"), [([], 0.0), (["--threshold", "0.32"], 0.5), (["--threshold", "0.2"], 1.0)]
)
def test_agreement_is_at_the_threshold_asked_for(
    tmp_path: Path, bundle: Path, words: list[str], agreement: float
) -> None:
    """A pale dot, to which the members give 0.35 and 0.29."""
    pixels = plain(96, 96)
    paint_ellipse(pixels, 48, 48, 8, 8, CANDIDATE)
    assert detect(bundle, tmp_path / "results", write_tiff(tmp_path / "region.tiff", pixels), *words) == 0
    (row,) = csv.DictReader((tmp_path / "results" / "region" / "detections.csv").read_text().splitlines())
    assert float(row["agreement"]) == agreement
    (feature,) = read(tmp_path / "results" / "region" / "detections.geojson")["features"]
    assert feature["properties"]["measurements"]["agreement of members"] == agreement


def test_bundles_detect_together(
    tmp_path: Path, region: Path, bundle: Path, classifier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = write_tiny_boxes(tmp_path / "boxes", threshold=0.3, merge_radius_um=5)
    words = [region, "--bundle", boxes, "--classifier", classifier]
    assert detect(bundle, tmp_path / "results", *words) == 0
    said = capsys.readouterr().out
    assert said.index(f"(option: {boxes})") < said.index(f"(option: {bundle})")
    run = read(tmp_path / "results" / "region" / "run.json")
    assert [(entry["path"], entry["chosen_by"]) for entry in run["bundles"]] == [
        (str(boxes), "option"),
        (str(bundle), "option"),
    ]
    assert [entry["settings"]["threshold"] for entry in run["bundles"]] == [0.3, 0.5]
    assert run["bundles"][1]["device"] == {"used": "cpu", "providers": ["CPUExecutionProvider"]}
    assert run["settings"] == {"device": "cpu", "threshold": 0.4, "fusion_radius_um": 7.5}
    assert (run["result"]["mitotic_figures"], run["result"]["typed"]) == (3, 3)
    assert set(run["seconds"]) == {"tissue", "detection", "fusion", "typing", "writing"}
    np.testing.assert_allclose(places_px(tmp_path / "results"), DOTS, atol=4)
    rows = list(csv.DictReader((tmp_path / "results" / "region" / "detections.csv").read_text().splitlines()))
    assert [float(row["agreement"]) for row in rows] == [1, 1, 1]
    for row in rows:
        members = [float(row["probability_member_1"]), float(row["probability_member_2"])]
        assert float(row["probability"]) == pytest.approx(np.mean(members), abs=1e-6)


def test_one_broken_bundle_of_several_is_one_line(
    tmp_path: Path, region: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert detect(bundle, tmp_path / "results", region, "--bundle", tmp_path / "none") == 1
    assert f"{tmp_path / 'none' / 'manifest.json'} cannot be read" in capsys.readouterr().err
    assert list((tmp_path / "results").iterdir()) == []


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, region: Path, bundle: Path) -> None:
    contents = []
    for name in ("first", "second"):
        assert detect(bundle, tmp_path / name, region) == 0
        contents.append(
            [(tmp_path / name / "region" / file).read_bytes() for file in DETECTION_FILES if file != "run.json"]
        )
    assert contents[0] == contents[1]


def test_points_are_level0_pixels_and_millimetres_at_any_resolution(tmp_path: Path, region: Path) -> None:
    coarse = write_tiny_bundle(tmp_path / "coarse", resolution_um_px=0.5)
    assert detect(coarse, tmp_path / "results", region) == 0
    np.testing.assert_allclose(places_px(tmp_path / "results"), DOTS, atol=0.5)


def test_spacing_is_refused_where_it_is_unknown_and_recorded_where_it_is_given(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    region = tmp_path / "region.png"
    Image.fromarray(dotted()).save(region)
    assert detect(bundle, tmp_path / "results", region) == 1
    assert "--spacing-um 0.25" in capsys.readouterr().err
    assert list((tmp_path / "results").iterdir()) == []
    assert detect(bundle, tmp_path / "results", region, "--spacing-um", "0.24") == 0
    image = read(tmp_path / "results" / "region" / "run.json")["image"]
    assert (image["spacing_um"], image["spacing_source"]) == ([0.24, 0.24], "option")
    np.testing.assert_allclose(places_px(tmp_path / "results", 0.24), DOTS, atol=0.5)


def test_an_image_without_tissue_has_no_figures_and_no_density(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    region = write_tiff(tmp_path / "region.tiff", np.full((100, 100, 3), 245, dtype=np.uint8))
    assert detect(bundle, tmp_path / "results", region) == 0
    assert read(tmp_path / "results" / "region" / "mitotic-figures.json")["points"] == []
    assert read(tmp_path / "results" / "region" / "run.json")["result"]["mitotic_figures_per_mm2"] is None
    assert "0 mitotic figures (0 candidates below the threshold), no tissue" in capsys.readouterr().out


def test_one_bad_image_does_not_stop_the_others(
    tmp_path: Path, region: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.tiff"
    bad.write_bytes(b"II*\0 and nothing more")
    assert detect(bundle, tmp_path / "results", bad, region, "--json") == 3
    said = capsys.readouterr()
    first, second = json.loads(said.out)["images"]
    assert first["image"] == str(bad)
    assert "bad.tiff" in first["error"]
    assert said.err == f"error: {first['error']}\n"
    assert (second["image"], second["output"]) == (str(region), str(tmp_path / "results" / "region"))
    assert second["mitotic_figures"] == 3
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["region"]


def test_two_images_of_one_stem_are_refused_before_any_work(
    tmp_path: Path, region: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert detect(bundle, tmp_path / "results", region, tmp_path / "other" / "region.png") == 2
    assert "would both be written" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_foreign_files_in_the_way_are_kept_and_named(
    tmp_path: Path, region: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = tmp_path / "results" / "region" / "note.txt"
    note.parent.mkdir(parents=True)
    note.write_text("mine")
    assert detect(bundle, tmp_path / "results", region) == 1
    assert "note.txt lies there already" in capsys.readouterr().err
    assert note.read_text() == "mine"


def test_a_region_beyond_the_contract_is_refused_before_the_work(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = write_tiff(tmp_path / "wide.tiff", np.full((8, 11_000, 3), 200, dtype=np.uint8))
    assert detect(bundle, tmp_path / "results", wide, "--spacing-um", "1.0") == 1
    assert "spans 11.0 x 0.0 mm" in capsys.readouterr().err


def test_a_broken_bundle_is_one_line(tmp_path: Path, region: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert detect(tmp_path / "no-bundle", tmp_path / "results", region) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("error: ")
    assert complaint.count("\n") == 1
    assert list((tmp_path / "results").iterdir()) == []

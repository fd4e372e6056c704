"""A submission is scored whatever the order of its jobs, and every job that cannot be is named with the reason."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from evaluation import submission as module
from evaluation.errors import EvaluationError
from evaluation.submission import Outcome, evaluate
from tests.evaluation.submissions import Submission, crops, document, draw_classification, draw_detection, lay, region

FOUND = [(0.1, 0.1, True, 0.9)]
REGIONS = Submission(
    {f"{letter}.tiff": region([(0.1, 0.1)], number) for number, letter in enumerate("abcd")},
    {f"{letter}.tiff": document(FOUND) for letter in "abc"},
)
STACKS = Submission(
    [{"image": f"{letter}.tiff", "labels": ["normal", "atypical"], "tumordomains": [1, 1]} for letter in "abc"],
    {f"{letter}.tiff": crops(0.1, 0.9) for letter in "abc"},
)

DRAWN = [*map(draw_detection, (1, 8, 20, 24)), *map(draw_classification, (3, 4))]


def score(folder: Path, processes: int = 1) -> Outcome:
    return evaluate(folder, folder / "ground_truth.json", processes)


def relay(folder: Path, jobs: Any) -> None:
    (folder / "predictions.json").write_text(json.dumps(jobs))


def problems(folder: Path) -> list[str]:
    with pytest.raises(EvaluationError) as caught:
        score(folder)
    found = list(caught.value.problems)
    assert all("\n" not in problem for problem in found)
    return found


def test_the_sockets_say_which_track_it_is(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    lay(tmp_path / "1", REGIONS)
    lay(tmp_path / "2", STACKS)
    assert score(tmp_path / "1").document["aggregates"]["f1_score"] == 1  # type: ignore[index]
    assert score(tmp_path / "2").document["aggregates"]["overall_accuracy"] == 1  # type: ignore[index]


def test_sockets_were_called_interfaces(tmp_path: Path) -> None:
    jobs = lay(tmp_path, REGIONS)
    expected = score(tmp_path).document
    for job in jobs:
        for value in job["inputs"] + job["outputs"]:
            value["interface"] = value.pop("socket")
    relay(tmp_path, jobs)
    assert score(tmp_path).document == expected


def test_other_outputs_do_not_matter(tmp_path: Path) -> None:
    jobs = lay(tmp_path, REGIONS)
    expected = score(tmp_path).document
    jobs[0]["outputs"].insert(0, {"socket": {"slug": "overlay", "relative_path": "../overlay.png"}})
    relay(tmp_path, jobs)
    assert score(tmp_path).document == expected


@pytest.mark.parametrize("drawn", DRAWN, ids=[f"submission {number}" for number in range(len(DRAWN))])
def test_the_order_of_the_jobs_does_not_matter(drawn: Submission, tmp_path: Path) -> None:
    jobs = lay(tmp_path, drawn)
    expected = json.dumps(score(tmp_path).document)
    for seed in range(5):
        random.Random(seed).shuffle(jobs)
        relay(tmp_path, jobs)
        assert json.dumps(score(tmp_path).document) == expected


@pytest.mark.parametrize("drawn", [draw_detection(8), draw_classification(3)], ids=["detection", "classification"])
def test_the_number_of_processes_does_not_matter(
    drawn: Submission, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = lay(tmp_path, drawn)
    expected = json.dumps(score(tmp_path).document)
    monkeypatch.setattr(module, "SEVERAL", 1)
    monkeypatch.setattr(module, "CHUNK", 2)
    random.Random(0).shuffle(jobs)
    relay(tmp_path, jobs)
    assert json.dumps(score(tmp_path, processes=2).document) == expected


def test_other_processes_report_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEVERAL", 1)
    lay(tmp_path, REGIONS)
    (tmp_path / "job-1" / "output" / "mitotic-figures.json").unlink()
    with pytest.raises(EvaluationError, match=r"^job job-1 \(image b\.tiff\): .* cannot be read"):
        score(tmp_path, processes=2)


ANSWERS: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "is not valid JSON"),
    "a doubled key": ('{"points": [], "points": []}', "occurs twice"),
    "NaN": ('{"points": NaN}', "NaN is no JSON number"),
    "nested without end": ("[" * 200_000, "nested too deeply"),
    "a list": ([], "is a list of 0, not an object"),
    "no points": ({"type": "Multiple points", "version": {"major": 1, "minor": 0}}, "`points` is missing"),
    "no version": ({"type": "Multiple points", "points": []}, "`version` is missing"),
    "no name": (document([]) | {"points": [{"point": [0, 0, 0], "probability": 1}]}, "`name` is missing"),
    "another name": (document([]) | {"points": [{"name": "x", "point": [0, 0, 0], "probability": 1}]}, '`name` is "x"'),
    "no probability": (document([]) | {"points": [{"name": "mitotic figure", "point": [0, 0, 0]}]}, "`probability` is"),
    "no place": (document([]) | {"points": [{"name": "mitotic figure", "probability": 1}]}, "`point` is missing"),
    "pixels": (document([(512, 300, True, 0.9)]), "x is 512, outside"),
    "a place before the image": (document([(0.1, -0.1, True, 0.9)]), "y is -0.1, outside"),
    "a percentage": (document([(0.1, 0.1, True, 90)]), "`probability` is 90, outside 0 to 1"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_malformed_answer_is_named_with_its_job(kind: str, tmp_path: Path) -> None:
    content, reason = ANSWERS[kind]
    lay(tmp_path, REGIONS)
    path = tmp_path / "job-1" / "output" / "mitotic-figures.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    (found,) = problems(tmp_path)
    assert found.startswith("job job-1 (image b.tiff): ")
    assert reason in found


CLASSES: dict[str, tuple[Any, str]] = {
    "too few": (crops(0.5), "has 1 items for a stack of 2 crops"),
    "too many": (crops(0.5, 0.5, 0.5), "has 3 items for a stack of 2 crops"),
    "an integer": ([{"class": "normal", "confidence": 0}] * 2, "not written as a float"),
    "another class": ([{"class": "mitosis", "confidence": 0.5}] * 2, '`class` is "mitosis"'),
    "no class": ([{"confidence": 0.5}] * 2, "`class` is missing"),
    "no confidence": ([{"class": "normal"}] * 2, "`confidence` is missing"),
    "an object": ({}, "is an object of 0, not a list"),
    "texts": (["normal"] * 2, "not an object"),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_a_malformed_classification_is_named_with_its_job(kind: str, tmp_path: Path) -> None:
    content, reason = CLASSES[kind]
    lay(tmp_path, STACKS)
    (tmp_path / "job-2" / "output" / "multiple-mitotic-figure-classification.json").write_text(json.dumps(content))
    (found,) = problems(tmp_path)
    assert found.startswith("job job-2 (image c.tiff): ")
    assert reason in found


def replaced(key: str, value: Any) -> Any:
    return lambda job: job.update({key: value})


JOBS: dict[str, tuple[Any, str]] = {
    "no inputs": (lambda job: job.pop("inputs"), "`inputs` is null, not a list"),
    "inputs of another kind": (replaced("inputs", [1]), "one of its `inputs` has no `socket`"),
    "another input": (
        lambda job: job["inputs"][0]["socket"].update(slug="ct-image"),
        'its inputs are "ct-image", not histopathology-region-of-interest-cropout',
    ),
    "an input too many": (lambda job: job["inputs"].append(job["inputs"][0]), "its inputs are"),
    "no image": (lambda job: job["inputs"][0].pop("image"), "names no image"),
    "an image without a name": (lambda job: job["inputs"][0].update(image={"name": None}), "names no image"),
    "no outputs": (replaced("outputs", []), "without mitotic-figures"),
    "another output": (
        lambda job: job["outputs"][0]["socket"].update(slug="overlay"),
        'its outputs are "overlay", without mitotic-figures',
    ),
    "no relative path": (lambda job: job["outputs"][0]["socket"].pop("relative_path"), "`relative_path` is null"),
    "a path that leads out": (
        lambda job: job["outputs"][0]["socket"].update(relative_path="../../job-0/output/mitotic-figures.json"),
        "not a path inside the job's folder",
    ),
    "a path from the root": (
        lambda job: job["outputs"][0]["socket"].update(relative_path="/etc/passwd"),
        '`relative_path` is "/etc/passwd", not a path inside',
    ),
    "an empty path": (lambda job: job["outputs"][0]["socket"].update(relative_path=""), "not a path inside"),
    "a path of two lines": (lambda job: job["outputs"][0]["socket"].update(relative_path="a\nb"), r"a\nb"),
    "a file that is not there": (
        lambda job: job["outputs"][0]["socket"].update(relative_path="points.json"),
        "cannot be read: No such file",
    ),
    "an image that is not in the ground truth": (
        lambda job: job["inputs"][0].update(image={"name": "z.tiff"}),
        "the ground truth has no such image",
    ),
}


@pytest.mark.parametrize("kind", JOBS)
def test_a_job_that_is_not_understood_is_named(kind: str, tmp_path: Path) -> None:
    change, reason = JOBS[kind]
    jobs = lay(tmp_path, REGIONS)
    change(jobs[1])
    relay(tmp_path, jobs)
    (found,) = problems(tmp_path)
    assert found.startswith("job job-1")
    assert reason in found


@pytest.mark.parametrize("pk", [None, 5, "", "..", ".", "/tmp", "a/b", "a\nb", "job-1/"])
def test_a_key_that_is_no_folder_s_name_is_refused(pk: Any, tmp_path: Path) -> None:
    jobs = lay(tmp_path, REGIONS)
    jobs[2]["pk"] = pk
    relay(tmp_path, jobs)
    (found,) = problems(tmp_path)
    assert "not the name of a folder" in found
    assert found.startswith(f"job {pk}:" if pk in ("..", ".", "/tmp", "a/b", "job-1/") else "job ")


def test_every_offending_job_is_named(tmp_path: Path) -> None:
    jobs = lay(tmp_path, REGIONS)
    jobs[2]["outputs"] = []
    jobs.append({"pk": "job-9"})
    relay(tmp_path, jobs)
    (tmp_path / "job-0" / "output" / "mitotic-figures.json").write_text("[]")
    assert [found.split()[1].rstrip(":") for found in problems(tmp_path)] == ["job-0", "job-2", "job-9"]


def test_a_job_of_the_other_track_is_named(tmp_path: Path) -> None:
    (tmp_path / "2").mkdir()
    other = lay(tmp_path / "2", STACKS)[0] | {"pk": "other"}
    jobs = lay(tmp_path, REGIONS)
    relay(tmp_path, [other, *jobs])
    assert problems(tmp_path) == ["job other: it answers track 2, and the submission is one of track 1."]


@pytest.mark.parametrize("content", [[], {}, {"pk": "job-0"}, "job"])
def test_no_jobs_are_refused(content: Any, tmp_path: Path) -> None:
    lay(tmp_path, REGIONS)
    relay(tmp_path, content)
    (found,) = problems(tmp_path)
    assert "predictions.json" in found
    assert "not a list of one job or more" in found


def test_the_other_track_s_ground_truth_is_refused(tmp_path: Path) -> None:
    lay(tmp_path, REGIONS)
    (tmp_path / "ground_truth.json").write_text(json.dumps(STACKS.truth))
    with pytest.raises(EvaluationError, match="no ground truth of track 1"):
        score(tmp_path)


def test_a_second_job_for_an_image_counts_as_officially_and_a_note_says_so(tmp_path: Path) -> None:
    jobs = lay(tmp_path, REGIONS)
    twin = json.loads(json.dumps(jobs[0])) | {"pk": "job-7"}
    (tmp_path / "job-7" / "output").mkdir(parents=True)
    (tmp_path / "job-7" / "output" / "mitotic-figures.json").write_text(json.dumps(document([])))
    relay(tmp_path, [twin, *jobs])
    outcome = score(tmp_path)
    results: Any = outcome.document["results"]
    assert [(each["image"], len(each["pred"])) for each in results][:2] == [("a.tiff", 1), ("a.tiff", 0)]
    assert outcome.document["aggregates"]["recall"] == pytest.approx(3 / 4, abs=1e-6)  # type: ignore[index]
    assert any("several jobs, each counted, for a.tiff" in note for note in outcome.notes)


def test_images_without_a_job_do_not_count_as_officially_and_a_note_says_so(tmp_path: Path) -> None:
    lay(tmp_path, REGIONS)
    outcome = score(tmp_path)
    aggregates: Any = outcome.document["aggregates"]
    assert aggregates["recall"] == pytest.approx(1, abs=1e-6)
    assert "tumor_3_f1" not in aggregates
    assert any(note.endswith("without a job, not counted: d.tiff.") for note in outcome.notes)

"""What the algorithm writes is what the evaluation reads: the platform's words on both sides."""

import json
from pathlib import Path

import numpy as np
import pytest

from algorithm import contract as writer
from evaluation import contract as reader
from evaluation.answers import read_classes, read_points


@pytest.mark.parametrize(
    "name",
    [
        "ATYPICAL",
        "DOCUMENT_TYPE",
        "HIGHEST_MM",
        "INPUT_FOLDER",
        "LOWEST_MM",
        "MITOTIC_FIGURE",
        "NON_MITOTIC_FIGURE",
        "NORMAL",
        "OUTPUT_FOLDER",
    ],
)
def test_a_name_is_the_same_on_both_sides(name: str) -> None:
    assert getattr(reader, name) == getattr(writer, name)


def test_the_sockets_are_the_same_on_both_sides() -> None:
    assert reader.DETECTION.image_slug == writer.REGION_SOCKET.slug
    assert reader.DETECTION.answer_file == writer.REGION_SOCKET.output_file
    assert reader.CLASSIFICATION.image_slug == writer.STACK_SOCKET.slug
    assert reader.CLASSIFICATION.answer_file == writer.STACK_SOCKET.output_file


def test_a_written_document_is_read_as_it_was(tmp_path: Path) -> None:
    points_px, scores = np.array([[0, 0], [400, 120.5], [30, 7]]), np.array([0.9, 0.5, 0.1])
    path = tmp_path / writer.MITOTIC_FIGURES_FILE
    path.write_text(json.dumps(writer.points_document(points_px, scores, 0.5, (0.25, 0.25))))
    points_mm, read, figures = read_points(path)
    np.testing.assert_allclose(points_mm, points_px * 0.00025, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(read, scores)
    assert figures.tolist() == [True, True, False]


def test_written_classes_are_read_as_they_were(tmp_path: Path) -> None:
    called, confidences = np.array([True, False, True, False]), np.array([1.0, 0.0, 0.4375, 0.1234565])
    path = tmp_path / writer.CLASSES_FILE
    writer.write_json_atomically(path, writer.classes_document(called, confidences))
    answers, read = read_classes(path)
    np.testing.assert_array_equal(answers, called)
    np.testing.assert_allclose(read, confidences, rtol=0, atol=1e-6)

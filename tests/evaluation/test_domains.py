"""Tumour domains in a fixed order."""

import pytest

from evaluation.domains import as_number, in_order


def test_numbers_come_by_value_before_names() -> None:
    assert in_order(["10", "lung", "2", "-1", "breast", "0"]) == ["-1", "0", "2", "10", "breast", "lung"]


@pytest.mark.parametrize(("text", "value"), [("7", 7), ("-3", -3), ("0", 0), ("007", "007"), ("", ""), ("²", "²")])
def test_what_is_written_as_a_number_is_one(text: str, value: int | str) -> None:
    assert as_number(text) == value

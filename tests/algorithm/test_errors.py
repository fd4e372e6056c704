"""Errors for users: one line, the problem and what to do."""

import pytest

import algorithm
from algorithm.errors import AlgorithmError, BundleError, ContractError, InputError, SpacingError


def test_one_line_of_problem_and_fix() -> None:
    error = InputError("region.tiff is cut\n short.", "Copy it again.")
    assert str(error) == "region.tiff is cut short. Copy it again."
    assert (error.problem, error.fix) == ("region.tiff is cut short.", "Copy it again.")


@pytest.mark.parametrize("kind", [InputError, SpacingError, BundleError, ContractError])
def test_every_kind_can_be_caught_as_one(kind: type[AlgorithmError]) -> None:
    with pytest.raises(AlgorithmError):
        raise kind("a", "b")


def test_a_spacing_error_is_an_input_error() -> None:
    assert issubclass(SpacingError, InputError)


def test_the_package_knows_its_version() -> None:
    assert algorithm.__version__[0].isdigit()

import pytest
from pydantic import Field, ValidationError

from algorithm.settings import Settings, first_problem


class Inner(Settings):
    radius_um: float = Field(gt=0)


class Outer(Settings):
    name: str
    inner: Inner


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"nam": "a"}, "unknown key 'nam'; the nearest valid key is 'name'"),
        ({"name": "a", "inner": {"radius": 1}}, "inner: unknown key 'radius'; the nearest valid key is 'radius_um'"),
        ({"name": "a", "inner": {"radius_um": 0}}, "inner.radius_um: should be greater than 0"),
        ({"name": "a", "inner": {"radius_um": float("nan")}}, "inner.radius_um: should be a finite number"),
        ({"name": "a"}, "inner: Field required"),
    ],
)
def test_the_first_problem_is_named_with_its_place(data: dict, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(data)
    assert first_problem(caught.value) == problem


def test_settings_cannot_be_changed() -> None:
    inner = Inner(radius_um=1)
    with pytest.raises(ValidationError, match="frozen"):
        inner.radius_um = 2

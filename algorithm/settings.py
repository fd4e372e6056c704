"""The base of every settings model: frozen, strict about its keys, and plain about what is wrong."""

import difflib
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator


class Settings(BaseModel):
    """Frozen settings. An unknown key is an error that names the key and the nearest valid one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _know_every_key(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    raise ValueError(f"unknown key '{key}'; the nearest valid key is '{cls._nearest(str(key))}'")
        return data

    @classmethod
    def _nearest(cls, key: str) -> str:
        return difflib.get_close_matches(key, cls.model_fields, n=1, cutoff=0)[0]


def first_problem(error: ValidationError) -> str:
    """What is wrong with the first offending setting, and where: "input.overlap: should be less than 1"."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    problem = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{place}: {problem}" if place else problem

"""Tumour domains, which the challenge numbers and others name: text here, in a fixed order."""

import re
from collections.abc import Iterable

WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")


def in_order(domains: Iterable[str]) -> list[str]:
    """Numbers first, by value, then names, by letter."""
    return sorted(domains, key=lambda domain: (isinstance(number := as_number(domain), str), number))


def as_number(domain: str) -> int | str:
    """The domain as it stood in the ground truth's file: a number where it is written as one."""
    return int(domain) if WHOLE_NUMBER.fullmatch(domain) else domain

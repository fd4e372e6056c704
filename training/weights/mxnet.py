"""MXNet's files of named arrays, `.params`, read without MXNet.

Source: NDArray::Save and NDArray::Load of MXNet's src/ndarray/ndarray.cc. All is little-endian: the file's mark, a
reserved number, how many arrays, the arrays; how many names, the names, each behind its length. An array is its shape,
the device it was on, its type and its numbers; behind a mark of its own since 2017, before which sides had 32 bits.
"""

import math
import struct
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from algorithm.errors import InputError

FILE_MARK = 0x112
WITH_LONG_SIDES = 0xF993FAC8
WITH_STORAGE = (0xF993FAC9, 0xF993FACA)
MOST_SIDES = 32
TYPES = {0: np.float32, 1: np.float64, 2: np.float16, 3: np.uint8, 4: np.int32, 5: np.int8, 6: np.int64}


def read_mxnet(path: Path) -> dict[str, Tensor]:
    """The arrays of a file by their names. Raises InputError for one that is damaged or holds sparse arrays."""
    try:
        return _named_arrays(_Reader(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no file of MXNet's arrays: {error}.", "Fetch it again.") from error


class _Reader:
    """Goes through bytes from the front. Raises ValueError where they end too early."""

    def __init__(self, content: bytes) -> None:
        self._content, self._place = content, 0

    def take(self, count: int) -> bytes:
        if count > len(self._content) - self._place:
            raise ValueError("it ends too early")
        self._place += count
        return self._content[self._place - count : self._place]

    def numbers(self, kinds: str) -> tuple[int, ...]:
        """As struct spells them: I and i for 32 bits, Q and q for 64."""
        return struct.unpack(f"<{kinds}", self.take(struct.calcsize(f"<{kinds}")))


def _named_arrays(reader: _Reader) -> dict[str, Tensor]:
    mark, _, count = reader.numbers("QQQ")
    if mark != FILE_MARK:
        raise ValueError("it does not begin as one")
    arrays = [_array(reader) for _ in range(count)]
    (named,) = reader.numbers("Q")
    if named != count:
        raise ValueError(f"it has {count} arrays and {named} names")
    names = [reader.take(reader.numbers("Q")[0]).decode() for _ in range(count)]
    return dict(zip(names, arrays, strict=True))


def _array(reader: _Reader) -> Tensor:
    (first,) = reader.numbers("I")
    if first in WITH_STORAGE and reader.numbers("i") != (0,):
        raise ValueError("it holds sparse arrays")
    marked = first == WITH_LONG_SIDES or first in WITH_STORAGE
    (sides,) = reader.numbers("I") if marked else (first,)
    if not 0 < sides <= MOST_SIDES:
        raise ValueError(f"an array has {sides} sides")
    shape = reader.numbers(f"{sides}{'q' if marked else 'I'}")
    *_, kind = reader.numbers("iii")
    if kind not in TYPES or min(shape) < 0:
        raise ValueError(f"an array is of type {kind} and shape {shape}")
    numbers = np.frombuffer(reader.take(math.prod(shape) * np.dtype(TYPES[kind]).itemsize), TYPES[kind])
    return torch.from_numpy(numbers.reshape(shape).copy())

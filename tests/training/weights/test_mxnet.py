"""MXNet's files of arrays: every form it has had, and what is damaged."""

import struct
from pathlib import Path

import numpy as np
import pytest

from algorithm.errors import InputError
from tests.training.mxnet import KINDS, MARKS, Form, mxnet_bytes, write_mxnet
from training.weights.files import read_foreign
from training.weights.mxnet import read_mxnet

ARRAYS = {
    "arg:conv_weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "aux:bn_moving_mean": np.array([0.5, -1.5], np.float32),
}


@pytest.mark.parametrize("form", MARKS)
def test_every_form_is_read(form: Form, tmp_path: Path) -> None:
    found = read_foreign(write_mxnet(tmp_path / "net-0001.params", ARRAYS, form))
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].numpy().dtype == array.dtype
        np.testing.assert_array_equal(found[name].numpy(), array)


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_is_read(kind: str, tmp_path: Path) -> None:
    array = np.array([[1, 2, 3]], kind)
    found = read_mxnet(write_mxnet(tmp_path / "net.params", {"a": array}))["a"].numpy()
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_a_file_that_ends_anywhere_is_refused(tmp_path: Path) -> None:
    whole = mxnet_bytes(ARRAYS)
    for length in range(len(whole)):
        (tmp_path / "net.params").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"net\.params is no file of MXNet's arrays: it ends too early"):
            read_mxnet(tmp_path / "net.params")


ONE = struct.pack("<QQQ", 0x112, 0, 1)
FLOAT = struct.pack("<iii", 1, 0, 0)


@pytest.mark.parametrize(
    "content, problem",
    [
        (b"PK" + bytes(40), "it does not begin as one"),
        (ONE + struct.pack("<Ii", 0xF993FAC9, 1) + bytes(40), "it holds sparse arrays"),
        (ONE + struct.pack("<I", 0) + bytes(40), "an array has 0 sides"),
        (ONE + struct.pack("<I", 2**31) + bytes(40), "an array has 2147483648 sides"),
        (ONE + struct.pack("<II", 1, 2) + struct.pack("<iii", 1, 0, 12) + bytes(40), "an array is of type 12"),
        (ONE + struct.pack("<IIq", 0xF993FAC8, 1, -1) + FLOAT + bytes(40), r"and shape \(-1,\)"),
        (ONE + struct.pack("<III", 2, 2**31, 2**31) + FLOAT + bytes(40), "it ends too early"),
        (ONE + struct.pack("<II", 1, 1) + FLOAT + bytes(4) + struct.pack("<Q", 2) + bytes(40), "1 arrays and 2 names"),
        (ONE + struct.pack("<II", 1, 1) + FLOAT + bytes(4) + struct.pack("<QQ", 1, 1) + b"\xff", "can't decode"),
    ],
)
def test_what_is_damaged_is_refused_with_the_reason(content: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "net.params").write_bytes(content)
    with pytest.raises(InputError, match=problem):
        read_mxnet(tmp_path / "net.params")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_foreign(tmp_path / "none.params")

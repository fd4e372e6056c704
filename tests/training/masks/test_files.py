"""The file of masks: what is written is read, and nothing else is."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithm.errors import InputError
from training.masks.figure import WAYS, FigureMask
from training.masks.files import DataSetMasks, RegionMasks, read_masks, write_masks


def region(name: str, count: int, seed: int = 0) -> RegionMasks:
    rng = np.random.default_rng(seed)
    masks = [
        FigureMask(
            int(rng.integers(-3, 7000)), int(rng.integers(5000)), rng.random(rng.integers(1, 40, 2)) < 0.5, WAYS[n % 3]
        )
        for n in range(count)
    ]
    return RegionMasks(name, 7215, 5412, 0.23 + 0.01 * seed, rng.random((count, 2)) * 5000, masks)


def content() -> DataSetMasks:
    return DataSetMasks(
        "drawn", [region("001.tiff", 4), region("002.tiff", 0), region("Straße 3", 2, seed=1)], {"blur_um": 0.5}
    )


def assert_same(found: DataSetMasks, expected: DataSetMasks) -> None:
    assert found.data_set == expected.data_set
    for one, two in zip(found.regions, expected.regions, strict=True):
        assert (one.name, one.width, one.height, one.spacing_um) == (two.name, two.width, two.height, two.spacing_um)
        np.testing.assert_array_equal(one.figures, two.figures)
        for mask, wanted in zip(one.masks, two.masks, strict=True):
            assert (mask.x, mask.y, mask.way) == (wanted.x, wanted.y, wanted.way)
            assert mask.mask.dtype == np.bool_
            np.testing.assert_array_equal(mask.mask, wanted.mask)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_masks(tmp_path / "a.npz", content())
    assert_same(read_masks(tmp_path / "a.npz"), content())


@given(st.lists(st.integers(0, 5), max_size=4), st.integers(0, 1000))
def test_any_number_of_figures(tmp_path_factory: pytest.TempPathFactory, counts: list[int], seed: int) -> None:
    path = tmp_path_factory.mktemp("masks") / "a.npz"
    made = DataSetMasks("drawn", [region(str(n), count, seed + n) for n, count in enumerate(counts)], {})
    write_masks(path, made)
    assert_same(read_masks(path), made)


def test_the_same_masks_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_masks(tmp_path / name, content())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_figure_takes_little_room(tmp_path: Path) -> None:
    """A thousand disks of 441 px."""
    rows, columns = np.ogrid[-12:13, -12:13]
    disk = rows**2 + columns**2 <= 144
    masks = [FigureMask(n, 2 * n, disk, "disk") for n in range(1000)]
    made = RegionMasks("a", 7000, 5000, 0.25, np.random.default_rng(0).random((1000, 2)), masks)
    write_masks(tmp_path / "a.npz", DataSetMasks("drawn", [made], {}))
    assert (tmp_path / "a.npz").stat().st_size < 40_000


@pytest.mark.parametrize("damaged", [b"", b"text", b"PK\x03\x04 broken"])
def test_another_file_is_refused(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(damaged)
    with pytest.raises(InputError, match=r"a\.npz holds no masks.*make-masks"):
        read_masks(tmp_path / "a.npz")


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    write_masks(tmp_path / "a.npz", content())
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-200])
    with pytest.raises(InputError, match=r"a\.npz holds no masks"):
        read_masks(tmp_path / "a.npz")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.npz cannot be read: No such file"):
        read_masks(tmp_path / "a.npz")


def test_other_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", weights=np.zeros(3))
    with pytest.raises(InputError, match=r"a\.npz holds no masks: it has no schema"):
        read_masks(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", np.array(1)),
        ("bits", np.zeros(3, np.uint8)),
        ("way", np.full(6, 9, np.uint8)),
        ("centres", np.zeros((5, 2))),
        ("x_y", np.zeros((5, 2), np.int32)),
        ("regions", np.array(["a"])),
        ("data_set", np.array({"a": 1}, dtype=object)),
    ],
)
def test_parts_that_do_not_agree_are_refused(tmp_path: Path, key: str, value: np.ndarray) -> None:
    write_masks(tmp_path / "a.npz", content())
    with np.load(tmp_path / "a.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "b.npz", **{**arrays, key: value})
    with pytest.raises(InputError, match=r"b\.npz holds no masks"):
        read_masks(tmp_path / "b.npz")

"""N pages in, N pages out, in their order and as SimpleITK has them; odd patches are taken or refused as documented."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from algorithm.errors import InputError, SpacingError
from algorithm.images import stack as stacks
from algorithm.images.stack import open_stack
from tests.algorithm.images.broken import BROKEN
from tests.algorithm.images.drawing import PER_CM, segment, tissue, write_jpeg, write_mha, write_png, write_tiff


def pages_of(path: Path, spacing_um: float | None = None) -> list[NDArray[np.uint8]]:
    with open_stack(path, spacing_um) as stack:
        pages = []
        for page in stack.pages():
            with page:
                pages.append(page.read(0, 0, page.width, page.height))
        assert len(pages) == len(stack)
    return pages


def patches(count: int, width: int = 20, height: int = 16, channels: int = 3) -> NDArray[np.uint8]:
    """(count, height, width, channels): noise, so that no two pages are alike."""
    return np.random.default_rng(count).integers(0, 256, (count, height, width, channels), dtype=np.uint8)


def write_tiff_stack(path: Path, pages: Any, **options: Any) -> Path:
    """A page of its own for each of the arrays, whatever their sizes."""
    settings: dict[str, Any] = {"photometric": "rgb", "resolution": (PER_CM, PER_CM), "resolutionunit": "CENTIMETER"}
    with tifffile.TiffWriter(path) as tiff:
        for page in pages:
            tiff.write(page, metadata=None, **(settings | options))
    return path


def write_mha_stack(path: Path, pages: NDArray[np.uint8], compressed: bool = False, **changes: str) -> Path:
    count, height, width, channels = pages.shape
    header = {"NDims": "3", "DimSize": f"{width} {height} {count}", "ElementSpacing": "0.00025 0.00025 1"}
    flat = pages.reshape(count * height, width, channels)
    return write_mha(path, flat, compressed, **(header | changes))


def write_by_simpleitk(path: Path, pages: NDArray[np.uint8], compressed: bool = False) -> Path:
    volume = SimpleITK.GetImageFromArray(pages, isVector=True)
    volume.SetSpacing((0.00025, 0.0003, 1.0))
    SimpleITK.WriteImage(volume, str(path), compressed)
    return path


WRITERS: dict[str, Callable[[Path, NDArray[np.uint8]], Path]] = {
    "tiff": write_tiff_stack,
    "tiff deflate": lambda path, pages: write_tiff_stack(path, pages, compression="zlib"),
    "tiff tiles": lambda path, pages: write_tiff_stack(path, pages, tile=(16, 16), compression="lzw"),
    "tiff at once": lambda path, pages: write_tiff(path, pages),
    "bigtiff": lambda path, pages: write_tiff(path, pages, bigtiff=True),
    "mha": write_mha_stack,
    "mha compressed": lambda path, pages: write_mha_stack(path, pages, compressed=True),
    "simpleitk's mha": lambda path, pages: write_by_simpleitk(path.with_suffix(".mha"), pages),
    "simpleitk's mha compressed": lambda path, pages: write_by_simpleitk(path.with_suffix(".mha"), pages, True),
    "simpleitk's tiff": lambda path, pages: write_by_simpleitk(path.with_suffix(".tif"), pages),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("count", [1, 2, 16, 257])
def test_as_many_pages_as_there_are_in_their_order(writer: str, count: int, tmp_path: Path) -> None:
    drawn = patches(count)
    path = WRITERS[writer](tmp_path / "stack", drawn)
    np.testing.assert_array_equal(np.stack(pages_of(path)), drawn)


@pytest.mark.parametrize("writer", WRITERS)
def test_pages_are_those_that_simpleitk_reads(writer: str, tmp_path: Path) -> None:
    path = WRITERS[writer](tmp_path / "stack", patches(5))
    path = path.rename(tmp_path / ("stack.mha" if "mha" in writer else "stack.tif"))
    read = SimpleITK.ReadImage(str(path))
    np.testing.assert_array_equal(np.stack(pages_of(path)), SimpleITK.GetArrayFromImage(read)[..., :3])
    with open_stack(path) as stack:
        assert [page.spacing_um for page in stack.pages()] == [
            pytest.approx((read.GetSpacing()[0] * 1000, read.GetSpacing()[1] * 1000), rel=1e-6)
        ] * 5


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=12), st.booleans())
def test_pages_of_any_sizes_come_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[tuple[int, int]], compressed: bool
) -> None:
    drawn = [patches(1, width, height)[0] for width, height in sizes]
    path = tmp_path_factory.mktemp("stack") / "stack.tiff"
    found = pages_of(write_tiff_stack(path, drawn, compression="zlib" if compressed else None))
    for page, expected in zip(found, drawn, strict=True):
        np.testing.assert_array_equal(page, expected)


def test_a_folder_is_read_in_the_order_that_people_count(tmp_path: Path) -> None:
    names = ["9.png", "10.jpg", "patch2.png", "patch10.tif", "patch10b.png", "Patch11.mha", "patch100.tiff"]
    for number, name in enumerate(names):
        pixels = np.full((20, 20, 3), 10 * number, np.uint8)
        write = {".png": write_png, ".jpg": write_jpeg, ".mha": write_mha}.get(Path(name).suffix, write_tiff)
        write(tmp_path / name, pixels)
    for other in ("labels.csv", ".hidden.png", "notes.txt"):
        (tmp_path / other).touch()
    (tmp_path / "folder.png").mkdir()
    with open_stack(tmp_path) as stack:
        assert [page.path.name for page in stack.pages()] == names
    assert [int(page[5, 5, 0]) for page in pages_of(tmp_path)] == [10 * number for number in range(len(names))]


@pytest.mark.parametrize("write", [write_png, write_jpeg, write_tiff, write_mha])
def test_a_single_image_is_a_stack_of_one(write: Callable[..., Path], tmp_path: Path) -> None:
    (page,) = pages_of(write(tmp_path / "patch", tissue(30, 20)))
    assert page.shape == (20, 30, 3)


@pytest.mark.parametrize("write", [write_tiff_stack, write_mha_stack])
def test_alpha_is_dropped(write: Callable[..., Path], tmp_path: Path) -> None:
    drawn = patches(3, channels=4)
    options = {"extrasamples": ["unassalpha"]} if write is write_tiff_stack else {}
    np.testing.assert_array_equal(np.stack(pages_of(write(tmp_path / "stack", drawn, **options))), drawn[..., :3])


def test_reduced_copies_are_no_pages(tmp_path: Path) -> None:
    path = tmp_path / "stack.tiff"
    drawn = patches(3)
    with tifffile.TiffWriter(path) as tiff:
        for page in drawn:
            tiff.write(page, photometric="rgb", metadata=None)
            tiff.write(page[::4, ::4], photometric="rgb", metadata=None, subfiletype=1)
    np.testing.assert_array_equal(np.stack(pages_of(path)), drawn)
    reader = SimpleITK.ImageFileReader()  # the header alone: SimpleITK 2.5.7 writes beyond its memory in such a file
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    assert reader.GetSize()[2] == 3


SPACINGS: dict[str, tuple[dict[str, Any], float, str]] = {
    "a microscope's": ({"resolution": (20_000, 20_000)}, 0.5, "tag"),
    "none": ({"resolutionunit": "NONE"}, 0.25, "default"),
    "a screen's": ({"resolution": (72, 72), "resolutionunit": "INCH"}, 0.25, "default"),
}


@pytest.mark.parametrize("case", SPACINGS)
def test_the_spacing_is_the_files_or_the_challenges_or_the_one_given(case: str, tmp_path: Path) -> None:
    options, spacing_um, source = SPACINGS[case]
    path = write_tiff_stack(tmp_path / "stack.tiff", patches(2), **options)
    for given_um, expected in ((None, (spacing_um, source)), (0.3, (0.3, "option"))):
        with open_stack(path, given_um) as stack:
            assert [(page.spacing_um[0], page.spacing_source) for page in stack.pages()] == [expected] * 2
    with open_stack(path, 3.0) as stack, pytest.raises(SpacingError, match=r"stack\.tiff, page 1, is outside"):
        next(stack.pages())


def test_images_and_planes_without_a_spacing_have_the_challenges(tmp_path: Path) -> None:
    for path in (
        write_mha_stack(tmp_path / "stack.mha", patches(2), ElementSpacing="1 1 1"),
        write_png(tmp_path / "patch.png", patches(1)[0], per_metre=2835),
    ):
        with open_stack(path) as stack:
            assert {(page.spacing_um, page.spacing_source) for page in stack.pages()} == {((0.25, 0.25), "default")}


def test_a_page_that_is_not_rgb_is_named(tmp_path: Path) -> None:
    path = tmp_path / "stack.tiff"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(patches(1)[0], photometric="rgb")
        tiff.write(patches(1)[0, ..., 0], photometric="minisblack")
    with pytest.raises(InputError, match=r"stack\.tiff, page 2, is grey, not RGB"):
        open_stack(path)
    write_png(tmp_path / "grey.png", patches(1)[0, ..., 0])
    with pytest.raises(InputError, match=r"grey\.png is 8-bit grey, not 8-bit RGB"):
        pages_of(tmp_path / "grey.png")


def test_a_damaged_page_is_named_and_the_ones_before_are_read(tmp_path: Path) -> None:
    path = write_tiff_stack(tmp_path / "stack.tiff", [tissue()] * 3, compression="zlib", rowsperstrip=83)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        offset, length = tiff.pages[1].dataoffsets[0], tiff.pages[1].databytecounts[0]
    data[offset + length // 2 : offset + length // 2 + 12] = b"\x5a" * 12
    path.write_bytes(data)
    with open_stack(path) as stack:
        first, second, third = stack.pages()
        for page in (first, third):
            np.testing.assert_array_equal(page.read(0, 0, 97, 83), tissue())
        with pytest.raises(InputError, match=r"stack\.tiff, page 2, is damaged in strip or tile 0"):
            second.read(0, 0, 97, 83)


@pytest.mark.parametrize("case", sorted(set(BROKEN) - {"two images", "directory loop over two", "mha volume"}))
def test_what_is_refused_as_a_region_is_refused_as_a_stack(case: str, tmp_path: Path) -> None:
    BROKEN[case](tmp_path / "stack.file")
    with pytest.raises(InputError) as refusal:
        pages_of(tmp_path / "stack.file")
    assert not isinstance(refusal.value, SpacingError)
    assert str(tmp_path / "stack.file") in refusal.value.problem
    assert "\n" not in str(refusal.value)


def test_directories_in_a_loop_and_files_cut_short_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "stack.tiff"
    BROKEN["directory loop over two"](path)
    with pytest.raises(InputError, match="form a loop"):
        open_stack(path)
    write_mha_stack(path, patches(16))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="do not hold 20 x 16 px"):
        open_stack(path)
    write_tiff_stack(path, patches(16))
    path.write_bytes(path.read_bytes()[: segment(path)[0] + 100])
    with pytest.raises(InputError, match=r"stack\.tiff"):
        open_stack(path)


def test_more_than_the_limit_is_refused_by_the_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiff, mha = write_tiff_stack(tmp_path / "a.tiff", patches(4)), write_mha_stack(tmp_path / "a.mha", patches(4))
    for path in (tiff, mha):
        assert len(open_stack(path, max_pixels=4 * 320)) == 4
        with pytest.raises(
            InputError, match=r"a\.(tiff, page 4, declares 20 x 16|mha declares 4 planes of 20 x 16) px"
        ):
            open_stack(path, max_pixels=4 * 320 - 1)
    monkeypatch.setattr("algorithm.images.tiff_header.MAX_PAGES", 3)
    with pytest.raises(InputError, match="more than 3 images"):
        open_stack(tiff)


def test_a_thousand_planes_declared_in_a_small_file_are_not_allocated(tmp_path: Path) -> None:
    path = write_mha_stack(tmp_path / "a.mha", patches(1), DimSize="20 16 1000000000")
    with pytest.raises(InputError, match="planes of 20 x 16 px"):
        open_stack(path)
    with pytest.raises(InputError, match="more than three dimensions"):
        open_stack(write_mha_stack(tmp_path / "b.mha", patches(2), NDims="4", DimSize="20 16 1 2"))
    with pytest.raises(InputError, match="0 planes"):
        open_stack(write_mha_stack(tmp_path / "c.mha", patches(2), DimSize="20 16 0"))


def test_a_folder_without_images_and_a_path_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").touch()
    with pytest.raises(InputError, match="holds no image"):
        open_stack(tmp_path)
    with pytest.raises(InputError, match="cannot be opened"):
        open_stack(tmp_path / "absent.tiff")


def test_the_files_are_closed(tmp_path: Path) -> None:
    stack = stacks.open_stack(write_tiff_stack(tmp_path / "stack.tiff", patches(3)))
    assert isinstance(stack, stacks._TiffStack)
    with stack:
        for page in stack.pages():
            page.close()
    assert stack._file.closed

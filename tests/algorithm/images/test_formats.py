"""Every format gives the pixels that were drawn, whole or by windows, from one thread or many."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import SimpleITK
import tifffile

from algorithm.errors import InputError
from algorithm.images import open_image
from tests.algorithm.images.drawing import tissue, write_jpeg, write_mha, write_png, write_tiff

LOSSLESS: dict[str, Callable[[Path], Path]] = {
    "strips": lambda path: write_tiff(path, tissue()),
    "one strip": lambda path: write_tiff(path, tissue(), rowsperstrip=83),
    "tiles": lambda path: write_tiff(path, tissue(), tile=(32, 16)),
    "deflate strips": lambda path: write_tiff(path, tissue(), compression="zlib"),
    "deflate tiles, predictor": lambda path: write_tiff(
        path, tissue(), tile=(32, 32), compression="zlib", predictor=True
    ),
    "lzw": lambda path: write_tiff(path, tissue(), compression="lzw"),
    "jpeg 2000": lambda path: write_tiff(path, tissue(), tile=(32, 32), compression="jpeg2000"),
    "aperio jpeg 2000": lambda path: write_tiff(path, tissue(), tile=(32, 32), compression="aperio_jp2000_rgb"),
    "bigtiff": lambda path: write_tiff(path, tissue(), bigtiff=True, tile=(32, 32), compression="zlib"),
    "rgba": lambda path: write_tiff(path, tissue(channels=4), compression="zlib"),
    "mha": lambda path: write_mha(path, tissue()),
    "mha rgba": lambda path: write_mha(path, tissue(channels=4)),
    "mha compressed": lambda path: write_mha(path, tissue(), compressed=True),
    "mha of one plane": lambda path: write_mha(
        path, tissue(), NDims="3", DimSize="97 83 1", ElementSpacing="0.00025 0.00025 1"
    ),
    "png": lambda path: write_png(path, tissue()),
    "png rgba": lambda path: write_png(path, tissue(channels=4)),
}


@pytest.fixture(params=LOSSLESS)
def lossless(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return LOSSLESS[request.param](tmp_path / "region")  # no suffix: the content says what it is


def test_the_whole_is_what_was_drawn(lossless: Path) -> None:
    with open_image(lossless) as image:
        assert (image.width, image.height) == (97, 83)
        pixels = image.read(0, 0, 97, 83)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, tissue())


def test_windows_are_parts_of_the_whole(lossless: Path) -> None:
    whole = tissue()
    random = np.random.default_rng(7)
    with open_image(lossless) as image:
        for _ in range(40):
            x, y = random.integers(97), random.integers(83)
            width, height = random.integers(1, 98 - x), random.integers(1, 84 - y)
            np.testing.assert_array_equal(
                image.read(x, y, width, height), whole[y : y + height, x : x + width], strict=True
            )


def test_many_threads_read_what_one_reads(lossless: Path) -> None:
    whole = tissue()
    windows = [(x, y) for y in range(0, 70, 5) for x in range(0, 80, 5)]
    with open_image(lossless) as image, ThreadPoolExecutor(8) as threads:
        for (x, y), pixels in zip(windows, threads.map(lambda at: image.read(*at, 13, 11), windows), strict=True):
            np.testing.assert_array_equal(pixels, whole[y : y + 11, x : x + 13])


@pytest.mark.parametrize("window", [(-1, 0, 4, 4), (0, -1, 4, 4), (94, 0, 4, 4), (0, 80, 4, 4), (0, 0, 0, 4)])
def test_a_window_outside_the_image_is_a_mistake(window: tuple[int, int, int, int], tmp_path: Path) -> None:
    with open_image(write_tiff(tmp_path / "region.tiff", tissue())) as image, pytest.raises(ValueError, match="window"):
        image.read(*window)


@pytest.mark.parametrize("layout", [{"tile": (32, 32)}, {"rowsperstrip": 16}])
@pytest.mark.parametrize(("stored", "subsampling"), [("rgb", (1, 1)), ("ycbcr", (1, 1)), ("ycbcr", (2, 2))])
def test_jpeg_in_tiff(layout: dict[str, object], stored: str, subsampling: tuple[int, int], tmp_path: Path) -> None:
    coding = {"compression": "jpeg", "subsampling": subsampling, "compressionargs": {"outcolorspace": stored}}
    path = write_tiff(tmp_path / "a.tiff", tissue(), **layout, **coding)
    with open_image(path) as image:
        pixels = image.read(0, 0, 97, 83)
    np.testing.assert_array_equal(pixels, tifffile.imread(path))
    assert np.abs(pixels.astype(int) - tissue()).mean() < 12  # RGB, not YCbCr or BGR


def test_jpeg(tmp_path: Path) -> None:
    path = write_jpeg(tmp_path / "a.jpg", tissue())
    with open_image(path) as image:
        pixels = image.read(0, 0, 97, 83)
    np.testing.assert_array_equal(pixels, imagecodecs.jpeg8_decode(path.read_bytes()))
    assert np.abs(pixels.astype(int) - tissue()).mean() < 12


def test_mha_written_by_simpleitk(tmp_path: Path) -> None:
    volume = SimpleITK.GetImageFromArray(tissue(), isVector=True)
    volume.SetSpacing((0.00025, 0.0003))
    for compressed in (False, True):
        path = tmp_path / f"{compressed}.mha"
        SimpleITK.WriteImage(volume, str(path), compressed)
        with open_image(path) as image:
            assert image.spacing_um == pytest.approx((0.25, 0.3))
            np.testing.assert_array_equal(image.read(0, 0, 97, 83), tissue())


def test_a_thumbnail_or_a_smaller_level_beside_the_image_is_no_second_image(tmp_path: Path) -> None:
    path = tmp_path / "region.tiff"
    with tifffile.TiffWriter(path) as tiff:
        for pixels, kind in ((tissue(), 0), (tissue(60, 50), 1), (tissue(30, 20), 0)):
            tiff.write(
                pixels, photometric="rgb", subfiletype=kind, resolution=(40_000, 40_000), resolutionunit="CENTIMETER"
            )
    with open_image(path) as image:
        np.testing.assert_array_equal(image.read(0, 0, 97, 83), tissue())


def test_a_path_that_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        open_image(tmp_path / "absent.tiff")
    with pytest.raises(InputError, match="cannot be opened"):
        open_image(tmp_path)


def test_the_real_slides_read_as_tifffile_reads_them(shared_data: Path) -> None:
    for path in sorted((shared_data / "slides").glob("*.svs")):
        with open_image(path, spacing_um=0.5) as image:
            whole = tifffile.imread(path, key=0)
            assert (image.height, image.width) == whole.shape[:2]
            np.testing.assert_array_equal(image.read(500, 700, 900, 600), whole[700:1300, 500:1400])

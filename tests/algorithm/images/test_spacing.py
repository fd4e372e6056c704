"""The spacing of every kind of file, and the refusal of those that have none to believe."""

from pathlib import Path
from typing import Any

import pytest
import SimpleITK
import tifffile

from algorithm.errors import SpacingError
from algorithm.images import open_image
from tests.algorithm.images.drawing import drop_tag, tissue, write_jpeg, write_mha, write_png, write_tiff

ACCEPTED: dict[str, tuple[dict[str, Any], tuple[float, float]]] = {
    "centimetre": ({}, (0.25, 0.25)),
    "inch": ({"resolution": (101_600, 101_600), "resolutionunit": "INCH"}, (0.25, 0.25)),
    "anisotropic": ({"resolution": (40_000, 20_000)}, (0.25, 0.5)),
    "rgba": ({}, (0.25, 0.25)),
    "tiled jpeg": ({"tile": (32, 32), "compression": "jpeg"}, (0.25, 0.25)),
}
REFUSED: dict[str, dict[str, Any]] = {
    "none": {"resolution": None, "resolutionunit": None},
    "unit none": {"resolutionunit": "NONE"},
    "72 dpi": {"resolution": (72, 72), "resolutionunit": "INCH"},
}


def itk_spacing_um(path: Path) -> tuple[float, float]:
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return reader.GetSpacing()[0] * 1000, reader.GetSpacing()[1] * 1000


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_believable_tag_is_used_as_simpleitk_reads_it(case: str, tmp_path: Path) -> None:
    options, expected_um = ACCEPTED[case]
    path = write_tiff(tmp_path / "region.tiff", tissue(channels=4 if case == "rgba" else 3), **options)
    with open_image(path) as image:
        assert image.spacing_um == pytest.approx(expected_um, rel=1e-9)
        assert image.spacing_um == pytest.approx(itk_spacing_um(path), rel=1e-6)
        assert image.spacing_source == "tag"
        assert image.read(0, 0, image.width, image.height).shape == (83, 97, 3)


@pytest.mark.parametrize("case", REFUSED)
def test_no_believable_tag_is_an_error_that_names_the_option(case: str, tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "region.tiff", tissue(), **REFUSED[case])
    if case == "none":
        path.write_bytes(drop_tag(drop_tag(path.read_bytes(), 282), 283))
    with pytest.raises(SpacingError, match=r"region\.tiff .*--spacing-um 0\.25"):
        open_image(path)
    assert min(itk_spacing_um(path)) > 300  # what SimpleITK would go on with


def test_a_resolution_without_its_unit_is_not_believed(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "region.tiff", tissue())
    path.write_bytes(drop_tag(path.read_bytes(), 296))
    with pytest.raises(SpacingError):
        open_image(path)


@pytest.mark.parametrize("numerator_denominator", [(0, 1), (1, 0), (1, 1), (2**32 - 1, 1)])
def test_one_absurd_axis_is_enough_to_refuse(numerator_denominator: tuple[int, int], tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "region.tiff", tissue())
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages.first.tags[283].overwrite(numerator_denominator)
    with pytest.raises(SpacingError):
        open_image(path)


@pytest.mark.parametrize("case", [*ACCEPTED, *REFUSED])
def test_the_option_is_used_and_recorded(case: str, tmp_path: Path) -> None:
    options = REFUSED[case] if case in REFUSED else ACCEPTED[case][0]
    with open_image(write_tiff(tmp_path / "region.tiff", tissue(), **options), spacing_um=0.5) as image:
        assert image.spacing_um == (0.5, 0.5)
        assert image.spacing_source == "option"


@pytest.mark.parametrize("spacing_um", [0.0, -0.25, 0.05, 2.0, float("nan"), float("inf")])
def test_an_absurd_option_is_refused(spacing_um: float, tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "region.tiff", tissue())
    with pytest.raises(SpacingError):
        open_image(path, spacing_um=spacing_um)


@pytest.mark.parametrize(("spacing_um", "accepted"), [(0.099, False), (0.1, True), (1.0, True), (1.01, False)])
def test_the_ends_of_the_range(spacing_um: float, accepted: bool, tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "region.tiff", tissue(), resolution=(10_000 / spacing_um, 10_000 / spacing_um))
    if accepted:
        assert open_image(path).spacing_um == pytest.approx((spacing_um, spacing_um))
    else:
        with pytest.raises(SpacingError):
            open_image(path)


def test_mha_png_and_jpeg_say_theirs_too(tmp_path: Path) -> None:
    mha = write_mha(tmp_path / "a.mha", tissue(), ElementSpacing="0.00025 0.0005")
    assert open_image(mha).spacing_um == pytest.approx((0.25, 0.5))
    assert open_image(mha).spacing_um == pytest.approx(itk_spacing_um(mha))
    assert open_image(write_png(tmp_path / "a.png", tissue())).spacing_um == pytest.approx((0.25, 0.25))
    assert open_image(write_jpeg(tmp_path / "a.jpg", tissue())).spacing_um == pytest.approx((0.25, 0.25))


def test_mha_png_and_jpeg_with_a_screens_spacing_are_refused(tmp_path: Path) -> None:
    for path in (
        write_mha(tmp_path / "a.mha", tissue(), ElementSpacing="1 1"),
        write_png(tmp_path / "a.png", tissue(), per_metre=2835),
        write_jpeg(tmp_path / "a.jpg", tissue(), per_cm=28),
    ):
        with pytest.raises(SpacingError):
            open_image(path)

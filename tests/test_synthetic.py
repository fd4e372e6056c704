"""The drawn tissue: the same each time, with its spacing, and with what the truth says where it says."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from samples.draw import draw_samples
from tests.synthetic.figures import ATYPICAL, NORMAL
from tests.synthetic.optics import ABSORBERS, GLASS, Scanner
from tests.synthetic.scene import Drawing, draw_patch, draw_region
from tests.synthetic.tiff import write_region

ROOT = Path(__file__).resolve().parents[1]
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def small() -> Drawing:
    """A region with one figure and one look-alike."""
    return draw_region(3, size=384, glass_px=60, figures=("metaphase",), others=("pyknotic cell",))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the samples drawn afresh."""
    folder = tmp_path_factory.mktemp("samples")
    draw_samples(folder)
    return folder


def haematoxylin(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How much haematoxylin each pixel (..., 3) shows."""
    absorbance = -np.log10(np.maximum(pixels, 1) / 255.0) - GLASS
    return np.asarray((absorbance @ np.linalg.pinv(ABSORBERS))[..., 0])


def around(pixels: NDArray[np.uint8], x: int, y: int, radius: int) -> NDArray[np.uint8]:
    return pixels[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1]


def test_one_seed_gives_one_picture(small: Drawing) -> None:
    again = draw_region(3, size=384, glass_px=60, figures=("metaphase",), others=("pyknotic cell",))
    other = draw_region(4, size=384, glass_px=60, figures=("metaphase",), others=("pyknotic cell",))
    assert np.array_equal(small.pixels, again.pixels) and small.drawn == again.drawn
    assert not np.array_equal(small.pixels, other.pixels)


def test_nuclei_hold_more_haematoxylin_than_the_tissue(small: Drawing) -> None:
    stain = haematoxylin(small.pixels)
    nuclei = [float(np.mean(haematoxylin(around(small.pixels, n.x, n.y, 7)))) for n in small.nuclei]
    assert len(nuclei) > 30
    assert np.mean(nuclei) > 1.5 * np.median(stain[~small.empty])


def test_glass_is_bright_and_colourless(small: Drawing) -> None:
    glass = small.pixels[:, -25:].astype(int)
    assert glass.mean() > 230
    assert np.ptp(glass.reshape(-1, 3).mean(axis=0)) < 12
    assert small.pixels[~small.empty].mean() < 180


@pytest.mark.parametrize("kind", [*NORMAL, *ATYPICAL])
def test_a_figure_lies_dark_in_the_middle_of_its_patch(kind: str) -> None:
    patch = draw_patch(5, kind)
    (figure,) = patch.figures
    assert (figure.kind, figure.x, figure.y, figure.atypical) == (kind, 64, 64, kind in ATYPICAL)
    middle = haematoxylin(around(patch.pixels, 64, 64, 30))
    chromosomes = middle > 0.6
    assert 100 < chromosomes.sum() < 900
    rows, columns = np.nonzero(chromosomes)
    assert np.hypot(rows.mean() - 30, columns.mean() - 30) < 6


def test_less_stain_makes_a_paler_patch() -> None:
    pale = draw_patch(5, "metaphase", scanner=Scanner(haematoxylin=0.6, eosin=0.6))
    assert pale.pixels.mean() > draw_patch(5, "metaphase").pixels.mean() + 10


def test_a_region_too_small_for_its_figures_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        draw_region(3, size=192, glass_px=0)


@pytest.mark.parametrize("spacing_um", [0.25, 0.5])
def test_the_spacing_is_in_the_tags(small: Drawing, tmp_path: Path, spacing_um: float) -> None:
    write_region(tmp_path / "region.tiff", small.pixels, spacing_um)
    with tifffile.TiffFile(tmp_path / "region.tiff") as tiff:
        tags = tiff.pages.first.tags
        pixels_per_cm = [np.divide(*tags[name].value) for name in ("XResolution", "YResolution")]
        assert tags["ResolutionUnit"].value == 3
        assert np.array_equal(tiff.asarray(), small.pixels)
    assert pixels_per_cm == [10_000 / spacing_um] * 2


def test_the_sample_region_shows_what_the_truth_says(samples: Path) -> None:
    truth = json.loads((samples / "truth.json").read_text())["region"]
    pixels = tifffile.imread(samples / "region" / "region.tiff")
    assert pixels.shape == (1024, 1024, 3) and pixels.dtype == np.uint8
    assert len(truth["figures"]) == 12 and len(truth["look_alikes"]) == 10
    assert (samples / "region" / "region.tiff").stat().st_size < 3 * MEGABYTE
    tissue = haematoxylin(pixels[:, :850])
    for figure in truth["figures"]:
        darkest = np.sort(haematoxylin(around(pixels, figure["x"], figure["y"], 20)), axis=None)[-120:]
        assert darkest.mean() > np.quantile(tissue, 0.97), figure


def test_the_sample_stack_has_a_page_a_figure(samples: Path) -> None:
    truth = json.loads((samples / "truth.json").read_text())["stack"]
    with tifffile.TiffFile(samples / "stack" / "stack.tiff") as tiff:
        assert [page.shape for page in tiff.pages] == [(128, 128, 3)] * 8
        assert [np.divide(*page.aspage().tags["XResolution"].value) for page in tiff.pages] == [40_000] * 8
    assert [entry["atypical"] for entry in truth].count(True) == 4


@pytest.mark.parametrize("name", ["region", "stack"])
def test_the_samples_are_the_drawn_ones(samples: Path, name: str) -> None:
    """Other processors may round a pixel otherwise, so a few may differ; the bytes agree on the same machine."""
    kept, drawn = (tifffile.imread(folder / name / f"{name}.tiff") for folder in (ROOT / "samples", samples))
    assert np.mean(kept != drawn) < 1e-3
    for file in ("truth.json", f"{name}/ground_truth.json"):
        assert (samples / file).read_text() == (ROOT / "samples" / file).read_text()

"""A file that is broken, hostile or of a kind not taken gives an InputError that says so, and nothing else."""

import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import tifffile

from algorithm.errors import InputError, SpacingError
from algorithm.images import open_image
from tests.algorithm.images.broken import BROKEN
from tests.algorithm.images.drawing import tissue, write_tiff


def read_whole(path: Path) -> None:
    with open_image(path, spacing_um=0.25) as image:
        image.read(0, 0, image.width, image.height)


@pytest.mark.parametrize("case", BROKEN)
def test_refused(case: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "region.file"
    BROKEN[case](path)
    with pytest.raises(InputError) as refusal:
        read_whole(path)
    assert not isinstance(refusal.value, SpacingError)
    assert str(path) in refusal.value.problem
    assert refusal.value.fix
    assert "\n" not in str(refusal.value)
    assert capfd.readouterr() == ("", "")  # the message is the caller's to print, and the only one


def test_kinds_not_taken_are_refused_by_their_header(tmp_path: Path) -> None:
    reasons = {
        "16-bit": "16-bit",
        "float": "float",
        "grey": "grey",
        "palette": "palette",
        "cmyk": "CMYK",
        "planar": "separate planes",
        "two images": "more than one image",
        "turned": "turned",
        "directory loop": "loop",
        "cut in the last strip": "cut short",
        "png palette": "palette",
        "png 16-bit": "16-bit",
        "jpeg grey": "grey",
        "jpeg cmyk": "CMYK",
        "mha 16-bit": "MET_USHORT",
        "mha in another file": "another file",
    }
    for case, reason in reasons.items():
        BROKEN[case](tmp_path / "region")
        with pytest.raises(InputError, match=reason):
            open_image(tmp_path / "region", spacing_um=0.25)


def test_the_rest_of_a_damaged_file_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "region.tiff"
    BROKEN["deflate damaged in the middle"](path)
    with open_image(path) as image:
        np.testing.assert_array_equal(image.read(0, 0, 97, 32), tissue()[:32])
        for _ in range(2):  # not only the first time
            with pytest.raises(InputError, match="strip or tile 2"):
                image.read(0, 0, 97, 83)


def test_simpleitk_would_have_gone_on(tmp_path: Path) -> None:
    """Why pixels are not read through SimpleITK: it returns wrong ones where the stream is damaged."""
    path = tmp_path / "region.mha"
    BROKEN["mha deflate damaged in the middle"](path)
    assert (SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))) != tissue()).any()


def measure(path: Path) -> tuple[str, int]:
    """What `open_image` says of a file in a process of its own, and the memory that the reading took, in MB."""
    code = """
import resource, sys
from pathlib import Path
from algorithm.errors import InputError
from algorithm.images import open_image
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
for name in sys.argv[1:]:
    before = peak()
    try:
        image = open_image(Path(name), spacing_um=0.25)
        image.read(0, 0, image.width, image.height)
    except InputError as error:
        print(peak() - before, error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    memory, _, message = done.stdout.strip().partition(" ")
    return message, int(memory)


def test_a_small_file_that_declares_a_huge_image_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tiff"
    tile = zlib.compress(bytes(512 * 512 * 3))
    tifffile.imwrite(
        path,
        (tile for _ in range(59 * 59)),
        shape=(30_000, 30_000, 3),
        dtype=np.uint8,
        tile=(512, 512),
        compression="zlib",
        photometric="rgb",
    )
    assert path.stat().st_size < 4_000_000
    message, memory_mb = measure(path)
    assert "30000 x 30000 px, more than the limit of 400000000" in message
    assert memory_mb < 100


@pytest.mark.parametrize("case", ["jpeg tile of 65,500 px", "jpeg 16,000 x 16,000", "mha deflate with more pixels"])
def test_what_a_stream_declares_is_not_allocated(case: str, tmp_path: Path) -> None:
    BROKEN[case](tmp_path / "region")
    message, memory_mb = measure(tmp_path / "region")
    assert message
    assert memory_mb < 100


def test_the_limit_can_be_set(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "region.tiff", tissue())
    with open_image(path, max_pixels=97 * 83) as image:
        assert image.width == 97
    with pytest.raises(InputError, match="limit of 8050 px"):
        open_image(path, max_pixels=97 * 83 - 1)

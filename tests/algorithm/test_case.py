"""The input folder of the platform: both layouts, both spellings of a request, and everything that is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from algorithm.case import find_case
from algorithm.contract import INPUTS_FILE, REGION_SOCKET, STACK_SOCKET
from algorithm.errors import AlgorithmError


def entry(key: str = "socket", slug: str = REGION_SOCKET.slug, path: str = REGION_SOCKET.folder) -> dict[str, Any]:
    described = {"slug": slug, "kind": "Image", "super_kind": "Image", "relative_path": path}
    return {"file": None, "image": {"name": "350.tiff"}, "value": None, key: described}


def lay(folder: Path, request: Any = None, images: tuple[str, ...] = ("a1b2.tiff",)) -> Path:
    """An input folder with empty image files and, unless it is None, a request."""
    place = folder / REGION_SOCKET.folder
    place.mkdir(parents=True)
    for name in images:
        (place / name).touch()
    if request is not None:
        (folder / INPUTS_FILE).write_text(json.dumps(request))
    return folder


@pytest.mark.parametrize("request_2025", [[entry("socket")], [entry("interface")], None])
@pytest.mark.parametrize("name", ["a1b2.tif", "a1b2.tiff", "a1b2.mha", "A1B2.TIFF"])
def test_the_image_is_found(tmp_path: Path, request_2025: Any, name: str) -> None:
    case = find_case(lay(tmp_path, request_2025, (name, "notes.txt")))
    assert case.socket == REGION_SOCKET
    assert case.image == tmp_path / REGION_SOCKET.folder / name


@pytest.mark.parametrize("key", ["socket", "interface"])
def test_a_stack_is_found(tmp_path: Path, key: str) -> None:
    place = tmp_path / STACK_SOCKET.folder
    place.mkdir(parents=True)
    (place / "a1b2.mha").touch()
    (tmp_path / INPUTS_FILE).write_text(json.dumps([entry(key, STACK_SOCKET.slug, STACK_SOCKET.folder)]))
    found = find_case(tmp_path)
    assert (found.socket, found.image) == (STACK_SOCKET, place / "a1b2.mha")
    (tmp_path / INPUTS_FILE).unlink()
    assert find_case(tmp_path) == found
    lay(tmp_path)
    assert find_case(tmp_path).socket == REGION_SOCKET


def test_a_region_and_a_stack_in_one_request_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AlgorithmError, match="asks for histopathology-region-of-interest-cropout \\+ stacked-"):
        find_case(lay(tmp_path, [entry(), entry(slug=STACK_SOCKET.slug, path=STACK_SOCKET.folder)]))


def test_the_socket_goes_before_the_interface(tmp_path: Path) -> None:
    both = entry("socket") | {"interface": {"slug": "something-older", "relative_path": "elsewhere"}}
    assert find_case(lay(tmp_path, [both])).socket == REGION_SOCKET


def test_the_request_says_where_the_image_lies(tmp_path: Path) -> None:
    (tmp_path / "images" / "elsewhere").mkdir(parents=True)
    (tmp_path / "images" / "elsewhere" / "x.mha").touch()
    (tmp_path / INPUTS_FILE).write_text(json.dumps([entry(path="images/elsewhere")]))
    assert find_case(tmp_path).image == tmp_path / "images" / "elsewhere" / "x.mha"


def test_the_input_folder_may_be_a_link(tmp_path: Path) -> None:
    lay(tmp_path / "true", [entry()])
    (tmp_path / "input").symlink_to(tmp_path / "true")
    assert find_case(tmp_path / "input").image.is_file()


REFUSED = {
    "an unknown socket": (
        [entry(slug="a-stack-of-photographs")],
        f"Supported: {REGION_SOCKET.slug}; {STACK_SOCKET.slug}.",
    ),
    "a socket too many": ([entry(), entry(slug="a-mask")], "asks for a-mask + histopathology"),
    "the same socket twice": ([entry(), entry()], "is given twice"),
    "no socket": ([], "asks for nothing"),
    "an object": (entry(), "is not a list of inputs"),
    "a text for an input": (["image"], "input 0 has neither `socket` nor `interface`"),
    "an input without description": ([{"image": {}}], "input 0 has neither"),
    "a socket that is a text": ([{"socket": REGION_SOCKET.slug}], "input 0 has neither"),
    "a socket without slug": ([{"socket": {"relative_path": "images"}}], "input 0 lacks a `slug`"),
    "a number for a path": ([{"socket": {"slug": REGION_SOCKET.slug, "relative_path": 7}}], "input 0 lacks"),
    "a path upwards": ([entry(path="images/../../etc")], "no relative_path inside"),
    "a path from the root": ([entry(path="/etc")], "no relative_path inside"),
    "a path with a zero byte": ([entry(path="images\0")], "no relative_path inside"),
    "a path that is no text": ([entry(path="images\ud800")], "no relative_path inside"),
    "a folder that is not there": ([entry(path="images/nowhere")], "nowhere cannot be read: No such file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_broken_request_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    request, problem = REFUSED[case]
    with pytest.raises(AlgorithmError) as caught:
        find_case(lay(tmp_path, request))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("request_2025", [[entry()], None])
@pytest.mark.parametrize(
    ("images", "said"), [((), "holds 0 images"), (("a.tif", "b.mha"), "holds 2 images"), (("a.svs",), "holds 0 images")]
)
def test_other_than_one_image_is_refused(tmp_path: Path, request_2025: Any, images: tuple[str, ...], said: str) -> None:
    with pytest.raises(AlgorithmError, match=said):
        find_case(lay(tmp_path, request_2025, images))


def test_an_empty_input_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AlgorithmError, match="cannot be read: No such file or directory"):
        find_case(tmp_path)

"""One case as the platform lays it in /input: which socket is asked for, and which image answers it."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from algorithm.contract import IMAGE_SUFFIXES, INPUTS_FILE, REGION_SOCKET, SOCKETS, STACK_SOCKET, Socket
from algorithm.errors import ContractError, InputError
from algorithm.strict_json import read_json

INPUTS_MAX_BYTES = 1_000_000
FIX = f"Write {INPUTS_FILE} as the platform does."


@dataclass(frozen=True)
class Case:
    """A socket and the image file laid into its folder."""

    socket: Socket
    image: Path


def find_case(folder: Path) -> Case:
    """Read the input folder: by inputs.json where it is (2025), else by the region's folder (2022).

    Without inputs.json a stack's folder is taken where the region's is not there.
    Raises ContractError for a request that is not understood, InputError where the image is not exactly one.
    """
    request = folder / INPUTS_FILE
    if not request.exists():
        region = (folder / REGION_SOCKET.folder).is_dir() or not (folder / STACK_SOCKET.folder).is_dir()
        socket = REGION_SOCKET if region else STACK_SOCKET
        return Case(socket, _only_image(folder / socket.folder))
    entries = _entries(read_json(request, INPUTS_MAX_BYTES), request)
    slugs = tuple(sorted(entries))
    if slugs not in SOCKETS:
        supported = "; ".join(" + ".join(known) for known in SOCKETS)
        raise ContractError(
            f"{request} asks for {' + '.join(slug[:80] for slug in slugs) or 'nothing'}, which is not supported.",
            f"Supported: {supported}.",
        )
    socket = SOCKETS[slugs]
    return Case(socket, _only_image(folder / _inside(entries[socket.slug], request)))


def _entries(document: object, request: Path) -> dict[str, str]:
    """The relative path by slug; `socket` describes an input, on images made before December 2025 `interface`."""
    if not isinstance(document, list):
        raise ContractError(f"{request} is not a list of inputs.", FIX)
    paths: dict[str, str] = {}
    for number, entry in enumerate(document):
        described = (entry.get("socket") or entry.get("interface")) if isinstance(entry, dict) else None
        if not isinstance(described, dict):
            raise ContractError(f"{request}: input {number} has neither `socket` nor `interface`.", FIX)
        slug, path = described.get("slug"), described.get("relative_path")
        if not isinstance(slug, str) or not isinstance(path, str):
            raise ContractError(f"{request}: input {number} lacks a `slug` or a `relative_path` in text.", FIX)
        if slug in paths:
            raise ContractError(f"{request}: {slug[:80]} is given twice.", FIX)
        paths[slug] = path
    return paths


def _inside(relative_path: str, request: Path) -> PurePosixPath:
    """The path, which may not lead out of the input folder."""
    path = PurePosixPath(relative_path)
    if path.is_absolute() or ".." in path.parts or not relative_path.isprintable():
        raise ContractError(f"{request}: {relative_path[:80]!r} is no relative_path inside the input folder.", FIX)
    return path


def _only_image(folder: Path) -> Path:
    try:
        images = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    except OSError as error:
        raise InputError(
            f"The image folder {folder} cannot be read: {error.strerror}.", "Lay one image there."
        ) from error
    if len(images) != 1:
        found = ", ".join(path.name for path in images[:3]) or "none"
        raise InputError(
            f"{folder} holds {len(images)} images ({', '.join(IMAGE_SUFFIXES)}): {found}.", "Lay exactly one there."
        )
    return images[0]

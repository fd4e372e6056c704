"""Which file of a folder of results answers which image of the ground truth."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from evaluation.errors import EvaluationError

NAMED = 10
"""Names that a message spells out; the rest is counted."""


@dataclass(frozen=True)
class Results:
    """The result of each image that has one, by the image's name; and results of images that are not in the truth."""

    files: dict[str, Path]
    ignored: list[Path]


def find_results(folder: Path, images: Collection[str], file_name: str, only_answered: bool = False) -> Results:
    """Find `<stem>/<file_name>` or `<stem>.json` of each image in a folder.

    Raises EvaluationError for a folder that is none or holds no result of these images, for an image with both files,
    for two images of one stem, and, unless only_answered, for images without a result, which it names.
    """
    if not folder.is_dir():
        raise EvaluationError(f"{folder} is no folder of results.")
    stems = {name: PurePosixPath(name).stem for name in images}
    shared = [stem for stem, number in Counter(stems.values()).items() if number > 1]
    if shared:
        raise EvaluationError(f"The ground truth has several images of one stem: {_listed(shared)}.")
    present = {name: _present(folder, stem, file_name) for name, stem in stems.items()}
    both = [stems[name] for name, found in present.items() if len(found) > 1]
    if both:
        raise EvaluationError(f"{folder} has a folder and a file for {_listed(both)}: take one of them away.")
    files = {name: found[0] for name, found in present.items() if found}
    missing = [name for name in images if name not in files]
    if not files:
        raise EvaluationError(
            f"{folder} has no result of any of the {len(images)} images of the ground truth, "
            f"neither <stem>/{file_name} nor <stem>.json."
        )
    if missing and not only_answered:
        raise EvaluationError(
            f"{folder} has no result for {len(missing)} of {len(images)} images: {_listed(missing)}. "
            "An image in which nothing was found has a result too; --only-answered leaves these images out."
        )
    known = set(files.values())
    everything = [*folder.glob(f"*/{file_name}"), *folder.glob("*.json")]
    return Results(files, sorted(path for path in everything if path not in known))


def _present(folder: Path, stem: str, file_name: str) -> list[Path]:
    return [path for path in (folder / stem / file_name, folder / f"{stem}.json") if path.is_file()]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more

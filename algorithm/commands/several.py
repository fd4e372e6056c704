"""One input after the other, each with a folder of results; one that fails does not stop the others."""

from collections.abc import Callable
from pathlib import Path

from algorithm.commands.console import UsageError, complain, say, say_json
from algorithm.errors import AlgorithmError
from algorithm.writers.folder import require_replaceable, require_writable

DONE, FAILED, SOME_FAILED = 0, 1, 3
Answer = dict[str, object]
"""What is known of one input: its path, then `output` and the findings, or `error`."""


def prepare_folders(inputs: list[Path], output: Path, files: tuple[str, ...]) -> list[Path]:
    """The folder of every input, DIR/<stem>, known to take the files.

    Raises UsageError where two inputs would share one, AlgorithmError where one cannot be written or holds anything
    but such files.
    """
    owners: dict[str, Path] = {}
    for path in inputs:
        stem = (path.resolve() if path.name in ("", "..") else path).stem  # "." and ".." have names of their own
        if stem in owners:
            both = f"{owners[stem]} and {path}"
            raise UsageError(f"{both} would both be written to {output / stem}: give them one after the other.")
        owners[stem] = path
    folders = [output / stem for stem in owners]
    require_writable(output)
    for folder in folders:
        require_replaceable(folder, files)
    return folders


def answer_each(
    kind: str,
    inputs: list[Path],
    folders: list[Path],
    work: Callable[[Path, Path], Answer],
    sentence: Callable[[Answer], str],
    as_json: bool,
) -> int:
    """Do the work for every input and its folder, say what came of it, and return the exit code.

    kind: what one input is called in the answer, which as JSON is a list of them under its plural.
    """
    answers = []
    for path, folder in zip(inputs, folders, strict=True):
        answers.append(_attempt(kind, path, folder, work))
        if "error" in answers[-1]:
            complain(f"error: {answers[-1]['error']}")
        elif not as_json:
            say(sentence(answers[-1]))
    if as_json:
        say_json({f"{kind}s": answers})
    failed = sum("error" in answer for answer in answers)
    if failed == 0:
        return DONE
    return FAILED if failed == len(answers) else SOME_FAILED


def _attempt(kind: str, path: Path, folder: Path, work: Callable[[Path, Path], Answer]) -> Answer:
    try:
        return {kind: str(path), "output": str(folder), **work(path, folder)}
    except AlgorithmError as error:
        return {kind: str(path), "error": str(error)}

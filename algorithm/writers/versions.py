"""Which versions are at work: of the project, of Python, and of what the results depend on."""

import platform
from importlib.metadata import PackageNotFoundError, version

from algorithm import __version__

DISTRIBUTIONS = ("numpy", "scipy", "tifffile", "imagecodecs", "pillow", "pydantic")
RUNTIMES = ("onnxruntime", "onnxruntime-gpu")


def installed(distribution: str) -> str | None:
    """The version of a distribution, None where it is absent."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def versions() -> dict[str, str]:
    """Version by name, of what is installed."""
    found = {name: installed(name) for name in (*DISTRIBUTIONS, *RUNTIMES)}
    known = {name: text for name, text in found.items() if text is not None}
    return {"anaphase": __version__, "python": platform.python_version(), **known}

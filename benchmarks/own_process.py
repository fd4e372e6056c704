"""Measuring in a process of its own, whose memory is its own."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def in_a_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns, called in a new process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *arguments).result()

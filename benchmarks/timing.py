"""Timing several ways to do one thing, in turn, so that a busy machine is unfair to none of them."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import torch

ROUNDS = 5
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
Name = TypeVar("Name")


def conditions() -> str:
    """Where and how often, for the line above a table."""
    threads = torch.get_num_threads()
    on_cpu = f"{threads} thread{'s' * (threads > 1)}"
    where = torch.cuda.get_device_name() if DEVICE.type == "cuda" else on_cpu
    return f"{where}; median of {ROUNDS} interleaved rounds"


def median_seconds(ways: Mapping[Name, Callable[[], object]]) -> dict[Name, float]:
    """Of each way, once it has run untimed, which compiles or chooses what the first use does."""
    seconds: dict[Name, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(ROUNDS):
        for name, way in ways.items():
            seconds[name].append(_seconds(way))
    return {name: statistics.median(values) for name, values in seconds.items()}


def _seconds(way: Callable[[], object]) -> float:
    _finish_on_device()
    start = time.perf_counter()
    way()
    _finish_on_device()
    return time.perf_counter() - start


def _finish_on_device() -> None:
    """Waits for what a GPU still has to do."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()

"""How fast the forms of the selective scan are, forward and backward, as ratios within one run.

    python benchmarks/selective_scan.py

Needs anaphase[train]. The last table is in benchmarks/README.md.
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from training.models import selective_scan as scan
from training.models import selective_scan_native as native
from training.models.vm_unet import scan_orders

ROUNDS = 5
SIZES = ((8, 64, 4, 4096), (1, 192, 16, 4096))
ORDERS = scan_orders(64, 64, torch.device("cpu"))


def main() -> None:
    print(f"{torch.get_num_threads()} threads; median of {ROUNDS} interleaved rounds; ratio to chunked")
    print("| batch | channels | state | length | form | seconds | times chunked |\n|---|---|---|---|---|---|---|")
    forms: dict[str, Callable[..., Tensor]] = {"chunked": scan.selective_scan_chunked}
    if native.available():
        forms["compiled"] = scan.selective_scan
    for size in SIZES:
        seconds = {name: [] for name in forms}
        arguments = make_arguments(*size)
        for _ in range(ROUNDS):
            for name, form in forms.items():
                seconds[name].append(time_once(form, arguments))
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        for name, median in medians.items():
            cells = [*size, name, f"{median:.3f}", f"{median / medians['chunked']:.2f}"]
            print("| " + " | ".join(str(cell) for cell in cells) + " |")


def make_arguments(batch: int, channels: int, state: int, length: int) -> list[Tensor]:
    """Random arguments of a scan in four directions, as `selective_scan` takes them."""
    torch.manual_seed(0)
    by_direction, coefficients = (batch, length, 4, channels), (batch, length, 4, state)
    shapes = [(batch, length, channels), by_direction, (4, channels), (4, state, channels)]
    u, delta, bias, A, B, C, D = (torch.rand(shape) for shape in [*shapes, coefficients, coefficients, (4, channels)])
    return [part.requires_grad_() for part in (u, delta, bias - 4, -4 * A, B, C, D)]


def time_once(form: Callable[..., Tensor], arguments: list[Tensor]) -> float:
    """Seconds of one forward and backward pass."""
    start = time.perf_counter()
    torch.autograd.grad(form(*arguments, ORDERS).sum(), arguments)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

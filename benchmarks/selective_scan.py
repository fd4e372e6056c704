"""How fast the forms of the selective scan are, forward and backward, as ratios within one run.

    python benchmarks/selective_scan.py

Needs anaphase[train]; takes the GPU where there is one. The last table is in benchmarks/README.md.
"""

from collections.abc import Callable
from functools import partial

import torch
from timing import DEVICE, conditions, median_seconds
from torch import Tensor

from training.models import selective_scan as scan
from training.models import selective_scan_mamba as mamba
from training.models import selective_scan_native as native
from training.models import selective_scan_triton as triton
from training.models.vm_unet import scan_orders

SIZES = ((8, 64, 4, 4096), (1, 192, 16, 4096))
ORDERS = scan_orders(64, 64, DEVICE)


def main() -> None:
    print(f"{conditions()}; ratio to chunked")
    print("| batch | channels | state | length | form | seconds | times chunked |\n|---|---|---|---|---|---|---|")
    forms = forms_at_hand()
    for size in SIZES:
        arguments = make_arguments(*size)
        medians = median_seconds({name: partial(run_once, form, arguments) for name, form in forms.items()})
        for name, median in medians.items():
            cells = [*size, name, f"{median:.4f}", f"{median / medians['chunked']:.3f}"]
            print("| " + " | ".join(str(cell) for cell in cells) + " |")


def forms_at_hand() -> dict[str, Callable[..., Tensor]]:
    """The forms that run on the device, by name; chunked is the first."""
    forms = {"chunked": scan.selective_scan_chunked}
    if DEVICE.type == "cpu" and native.available():
        forms["compiled"] = native.selective_scan_native
    if DEVICE.type == "cuda" and triton.available():
        forms["triton"] = triton.selective_scan_triton
    if DEVICE.type == "cuda" and mamba.available():
        forms["mamba_ssm"] = mamba.selective_scan_mamba
    return forms


def make_arguments(batch: int, channels: int, state: int, length: int) -> list[Tensor]:
    """Random arguments of a scan in four directions, as `selective_scan` takes them."""
    torch.manual_seed(0)
    by_direction, coefficients = (batch, length, 4, channels), (batch, length, 4, state)
    shapes = [(batch, length, channels), by_direction, (4, channels), (4, state, channels)]
    shapes += [coefficients, coefficients, (4, channels)]
    u, delta, bias, A, B, C, D = (torch.rand(shape, device=DEVICE) for shape in shapes)
    return [part.requires_grad_() for part in (u, delta, bias - 4, -4 * A, B, C, D)]


def run_once(form: Callable[..., Tensor], arguments: list[Tensor]) -> None:
    """One forward and backward pass."""
    torch.autograd.grad(form(*arguments, ORDERS).sum(), arguments)


if __name__ == "__main__":
    main()

"""The project's kernels for a GPU against the definition: on one where there is one, else in Triton's interpreter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training.models.scans import assert_close, orders_for, random_inputs, values_and_gradients
from training.models import selective_scan as scan
from training.models import selective_scan_triton as own
from training.models.selective_scan import selective_scan_chunked, selective_scan_reference
from training.models.vm_unet import scan_orders

pytest.importorskip("triton", reason="Triton is not installed: it comes with anaphase[dev] on Linux")
ROOT = Path(__file__).parents[3]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
on_a_gpu = pytest.mark.skipif(DEVICE == "cpu", reason="no GPU here")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of three steps and blocks of four channels: the interpreter takes its time."""
    monkeypatch.setattr(own, "STEPS", 3)
    monkeypatch.setattr(own, "CHANNELS", 4)


def assert_as_defined(inputs: list[Tensor]) -> None:
    expected = values_and_gradients(selective_scan_reference, inputs, torch.float64)
    assert_close(values_and_gradients(own.selective_scan_triton, inputs, torch.float32, DEVICE), expected)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("length", [1, 2, 3, 4, 6, 7])
def test_kernels_agree_with_the_definition(length: int) -> None:
    """One step, a chunk, a step less and more, two chunks and a step; five channels are a block and a part of one."""
    assert_as_defined(random_inputs(length, k=2))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("n", "channels"), [(1, 4), (3, 1), (16, 3)])
def test_any_size_of_state(n: int, channels: int) -> None:
    assert_as_defined(random_inputs(5, batch=1, k=2, channels=channels, n=n))


def test_full_chunks_and_blocks() -> None:
    assert_as_defined(random_inputs(own.STEPS + 1, batch=1, k=1, channels=own.CHANNELS + 1))


@pytest.mark.usefixtures("small")
def test_time_steps_that_vanish_or_are_huge_leave_numbers() -> None:
    """exp(100) is more than float32 holds; softplus and its derivative are not."""
    inputs = random_inputs(7, batch=1, channels=3)
    inputs[1] *= torch.tensor([-120.0, 120.0, 1.0])[:, None]
    assert_as_defined(inputs)


@pytest.mark.usefixtures("small")
def test_small_time_steps_are_exact() -> None:
    """Where softplus(x) is about exp(x), log(1 + exp(x)) in float32 would lose most of it."""
    u, delta, bias, A, B, C, _ = random_inputs(2, batch=1, k=1, channels=3)
    inputs = [1e6 * u, -10 - delta.abs(), bias, A, B, C, torch.zeros_like(bias)]
    assert_as_defined(inputs)


@pytest.mark.usefixtures("small")
def test_any_layout() -> None:
    """Transposed inputs, and the gradient of a sum, which is one number seen as many."""
    inputs = [part.float() for part in random_inputs(4, batch=1, k=2)]
    turned = [part.to(DEVICE).transpose(-1, -2).contiguous().transpose(-1, -2).requires_grad_() for part in inputs]
    assert not turned[0].is_contiguous()
    defined = [part.clone().requires_grad_() for part in inputs]
    orders = orders_for(inputs)
    own.selective_scan_triton(*turned, orders.T.contiguous().T.to(DEVICE)).sum().backward()
    selective_scan_reference(*defined, orders).sum().backward()
    assert_close([part.grad.cpu() for part in turned], [part.grad for part in defined])


@pytest.mark.usefixtures("small")
def test_mixed_precision_is_float32_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half precision goes in, as autocast hands it over; nothing in between is rounded to it."""
    monkeypatch.setattr(scan, "fastest_form", lambda _: own.selective_scan_triton)
    inputs = [part.float() for part in random_inputs(4, batch=1, k=2)]
    for number in (0, 1, 4, 5):
        inputs[number] = inputs[number].bfloat16()
    orders = orders_for(inputs)
    with torch.autocast(DEVICE, torch.bfloat16):
        y = scan.selective_scan(*(part.to(DEVICE) for part in inputs), orders.to(DEVICE))
    assert y.dtype == torch.float32
    assert_close([y.cpu()], [selective_scan_reference(*(part.double() for part in inputs), orders)])


def test_the_compiler_takes_the_kernels(tmp_path: Path) -> None:
    """Down to a GPU's machine code, for which no GPU is needed; the interpreter lets more pass."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(tmp_path)
    command = [sys.executable, "-m", "tests.training.models.compile_kernels"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["scan_forward", "scan_backward"]


@on_a_gpu
@pytest.mark.parametrize(("batch", "side", "channels", "n"), [(2, 64, 192, 16), (3, 17, 80, 4)])
def test_a_network_s_sizes_on_a_gpu(batch: int, side: int, channels: int, n: int) -> None:
    inputs = random_inputs(side * side, batch, 4, channels, n)
    inputs[1] -= 4
    expected = values_and_gradients(selective_scan_chunked, inputs, torch.float64, DEVICE)
    assert_close(values_and_gradients(own.selective_scan_triton, inputs, torch.float32, DEVICE), expected)


@on_a_gpu
def test_the_same_inputs_give_the_same_bytes_on_a_gpu() -> None:
    inputs = [part.to(DEVICE, torch.float32).requires_grad_() for part in random_inputs(32 * 32, 2, 4, 96, 16)]
    orders = scan_orders(32, 32, torch.device(DEVICE))
    runs = []
    for _ in range(2):
        y = own.selective_scan_triton(*inputs, orders)
        runs.append([y, *torch.autograd.grad(y.square().sum(), inputs)])
    assert all(torch.equal(one, other) for one, other in zip(*runs, strict=True))

"""What is handed to mamba_ssm's kernel and made of its answer: with a stand-in for it, and with itself where it is."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from tests.training.models.scans import Scan, assert_close, orders_for, random_inputs, values_and_gradients
from training.models import selective_scan as scan
from training.models import selective_scan_mamba as mamba
from training.models import selective_scan_native as native
from training.models import selective_scan_triton as triton


def stand_in(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, *, delta_bias: Tensor, delta_softplus: bool
) -> Tensor:
    """selective_scan_fn as mamba_ssm documents it, one step after the other.

    u and delta (batch, D, L), A (D, N), B and C (batch, groups, N, L), D and delta_bias (D,); D channels in groups that
    follow each other. All float32, as the kernel takes them here.
    """
    assert {part.dtype for part in (u, delta, A, B, C, D, delta_bias)} == {torch.float32}
    assert delta_softplus
    assert all(part.stride(-1) == 1 or part.shape[-1] == 1 for part in (u, delta, A, B, C, D))
    B, C = (part.repeat_interleave(u.shape[1] // part.shape[1], dim=1) for part in (B, C))
    delta = softplus(delta + delta_bias[:, None])
    state = torch.zeros(len(u), *A.shape)
    y = []
    for t in range(u.shape[2]):
        inflow = (delta * u)[..., t, None] * B[..., t]
        state = torch.exp(delta[..., t, None] * A) * state + inflow
        y.append((state * C[..., t]).sum(-1) + D * u[..., t])
    return torch.stack(y, dim=-1)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mamba, "_kernel", lambda: stand_in)


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("length", [1, 2, 7])
def test_directions_become_groups_and_come_back(length: int) -> None:
    inputs = random_inputs(length)
    expected = values_and_gradients(scan.selective_scan_reference, inputs, torch.float64)
    assert_close(values_and_gradients(mamba.selective_scan_mamba, inputs, torch.float32), expected)


@pytest.mark.usefixtures("kernel")
def test_mixed_precision_is_float32_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the stand-in asserts."""
    monkeypatch.setattr(scan, "fastest_form", lambda _: mamba.selective_scan_mamba)
    inputs = [part.float() for part in random_inputs(4)]
    for number in (0, 1, 4, 5):
        inputs[number] = inputs[number].bfloat16()
    orders = orders_for(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        y = scan.selective_scan(*inputs, orders)
    assert y.dtype == torch.float32
    assert_close([y], [scan.selective_scan_reference(*(part.double() for part in inputs), orders)])


def test_itself_agrees_with_the_definition() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    if not mamba.available():
        pytest.skip("mamba_ssm is not installed")
    inputs = random_inputs(129, channels=8)
    expected = values_and_gradients(scan.selective_scan_reference, inputs, torch.float64)
    assert_close(values_and_gradients(mamba.selective_scan_mamba, inputs, torch.float32, "cuda"), expected)


class OnGPU(Tensor):
    """A tensor that says it is on a GPU."""

    device = torch.device("cuda")


@pytest.mark.parametrize(
    ("at_hand", "u", "form"),
    [
        ({mamba, triton, native}, torch.ones(1).as_subclass(OnGPU), mamba.selective_scan_mamba),
        ({triton, native}, torch.ones(1).as_subclass(OnGPU), triton.selective_scan_triton),
        ({native}, torch.ones(1).as_subclass(OnGPU), scan.selective_scan_chunked),
        ({mamba, triton}, torch.ones(1).double().as_subclass(OnGPU), scan.selective_scan_chunked),
        ({mamba, triton, native}, torch.ones(1), native.selective_scan_native),
        ({mamba, triton}, torch.ones(1), scan.selective_scan_chunked),
        ({mamba, triton, native}, torch.ones(1).double(), scan.selective_scan_chunked),
    ],
)
def test_the_fastest_form_at_hand_is_taken(
    monkeypatch: pytest.MonkeyPatch, at_hand: set[object], u: Tensor, form: Scan
) -> None:
    for module in (mamba, triton, native):
        monkeypatch.setattr(module, "available", lambda module=module: module in at_hand)
    assert scan.fastest_form(u) is form
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    assert scan.fastest_form(u) is scan.selective_scan_chunked

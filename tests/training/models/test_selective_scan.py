"""Every form of the scan against its definition, against SciPy's filter and against a geometric series."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import lfilter
from torch import Tensor

from tests.training.models.scans import Scan, assert_close, orders_for, random_inputs, values_and_gradients
from training.models import selective_scan as scans
from training.models import selective_scan_native as native
from training.models.selective_scan import (
    selective_scan,
    selective_scan_chunked,
    selective_scan_reference,
)

# One chunk or segment, a step less and more, several of them, odd, prime, and two levels of chunks.
LENGTHS = [1, 2, 3, 4, 13, 15, 16, 17, 32, 35, 49, 63, 64, 65, 97, 127, 128, 129, 192, 256, 289]


@pytest.fixture
def compiled() -> None:
    if not native.available():
        pytest.skip("no C compiler here")


@pytest.fixture
def fresh_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """An empty cache of compiled code, and no memory of one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    native._library.cache_clear()
    yield monkeypatch
    native._library.cache_clear()


@pytest.mark.parametrize("length", LENGTHS)
def test_chunks_agree_with_the_definition(length: int) -> None:
    inputs = random_inputs(length)
    expected = values_and_gradients(selective_scan_reference, inputs, torch.float64)
    found = values_and_gradients(selective_scan_chunked, inputs, torch.float64)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    assert_close(values_and_gradients(selective_scan_chunked, inputs, torch.float32), expected)


@pytest.mark.parametrize("channels_at_once", [0, 1, 2, 3])
def test_channels_taken_in_groups_make_no_difference(monkeypatch: pytest.MonkeyPatch, channels_at_once: int) -> None:
    """Even where the last group is smaller, and where one channel is more than is allowed."""
    inputs = random_inputs(35)
    whole = values_and_gradients(selective_scan_chunked, inputs, torch.float64)
    directions, state_size, channels = inputs[3].shape
    assert channels % 3
    monkeypatch.setattr(scans, "STATES_AT_ONCE", 35 * directions * state_size * channels_at_once)
    for one, other in zip(values_and_gradients(selective_scan_chunked, inputs, torch.float64), whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("length", LENGTHS)
def test_compiled_code_agrees_with_the_definition(length: int) -> None:
    inputs = random_inputs(length)
    expected = values_and_gradients(selective_scan_reference, inputs, torch.float64)
    found = values_and_gradients(native.selective_scan_native, inputs, torch.float32)
    assert_close(found, expected)


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("form", [selective_scan_chunked, native.selective_scan_native])
def test_time_steps_that_vanish_or_are_huge_keep_to_numbers(form: Scan) -> None:
    """exp(100) is more than float32 holds; softplus and its derivative are not, nor the decay of many such steps."""
    inputs = random_inputs(40)
    inputs[1] *= torch.tensor([-120.0, 120.0, 1.0])[:, None]
    expected = values_and_gradients(selective_scan_reference, inputs, torch.float64)
    assert_close(values_and_gradients(form, inputs, torch.float32), expected)


@pytest.mark.usefixtures("compiled")
def test_compiled_code_takes_any_layout() -> None:
    """Transposed inputs, and the gradient of a sum, which is one number seen as many."""
    inputs = [part.float() for part in random_inputs(12)]
    turned = [part.transpose(-1, -2).contiguous().transpose(-1, -2).requires_grad_() for part in inputs]
    assert not turned[0].is_contiguous()
    defined = [part.clone().requires_grad_() for part in inputs]
    native.selective_scan_native(*turned, orders_for(inputs)).sum().backward()
    selective_scan_reference(*defined, orders_for(inputs)).sum().backward()
    for one, other in zip(turned, defined, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-4)


def test_gradients_of_chunks_are_those_of_finite_differences() -> None:
    leaves = [part.requires_grad_() for part in random_inputs(6, batch=1, k=2, channels=2, n=2)]
    assert torch.autograd.gradcheck(selective_scan_chunked, [*leaves, orders_for(leaves)])


@pytest.mark.parametrize("length", [1, 7, 24])
@pytest.mark.parametrize("scan", [selective_scan_reference, selective_scan_chunked, selective_scan])
def test_constant_decay_is_a_geometric_series(scan: Scan, length: int) -> None:
    delta, decay, skip = 0.3, -0.7, 2.0
    ones, by_direction = torch.ones(1, length, 1), torch.ones(1, length, 1, 1)
    before_softplus = np.log(np.expm1(delta))
    bias = torch.full((1, 1), before_softplus - 1)
    coefficients = torch.full((1, 1, 1), decay), by_direction, by_direction, torch.full((1, 1), skip)
    y = scan(ones, by_direction, bias, *coefficients, torch.arange(length)[None])
    q = np.exp(delta * decay)
    expected = delta * (1 - q ** np.arange(1, length + 1)) / (1 - q) + skip
    np.testing.assert_allclose(y[0, :, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("scan", [selective_scan_reference, selective_scan_chunked, selective_scan])
def test_constant_coefficients_are_a_filter(scan: Scan) -> None:
    """With one state, SciPy's recursive filter of first order says the same."""
    rng = np.random.default_rng(0)
    u, delta, decay = rng.normal(size=60), 0.2, -1.5
    ones, none = torch.ones(1, 60, 1, 1), torch.zeros(1, 1)
    signal = torch.from_numpy(u).float().view(1, 60, 1)
    steps = np.log(np.expm1(delta)) * ones
    y = scan(signal, steps, none, torch.full((1, 1, 1), decay), 2 * ones, 3 * ones, none, torch.arange(60)[None])
    expected = lfilter([6 * delta], [1, -np.exp(delta * decay)], u)
    np.testing.assert_allclose(y[0, :, 0], expected, rtol=1e-4, atol=1e-5)


def test_the_scan_looks_back_and_never_ahead() -> None:
    """Along its order, whatever that is: the places visited from the changed one on differ, no other."""
    u, *rest = random_inputs(20, k=1)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(2))
    changed = u.clone()
    changed[:, order[11]] += 1
    before, after = (selective_scan_chunked(signal, *rest, order[None]) for signal in (u, changed))
    differs = (before != after).any(dim=-1).any(dim=0)
    assert differs.nonzero().flatten().tolist() == sorted(order[11:].tolist())


def test_float64_is_kept() -> None:
    inputs = random_inputs(17)
    orders = orders_for(inputs)
    expected = selective_scan_reference(*inputs, orders)
    torch.testing.assert_close(selective_scan(*inputs, orders), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("form", [selective_scan_reference, selective_scan_chunked, native.selective_scan_native])
def test_half_precision_is_float32_inside(monkeypatch: pytest.MonkeyPatch, form: Scan) -> None:
    """u, delta, B and C as autocast hands them over; nothing in between is rounded to bfloat16."""
    given: set[torch.dtype] = set()

    def noting(*parts: Tensor) -> Tensor:
        given.update(part.dtype for part in parts[:-1])
        return form(*parts)

    monkeypatch.setattr("training.models.selective_scan.fastest_form", lambda _: noting)
    inputs = [part.float() for part in random_inputs(40)]
    for number in (0, 1, 4, 5):
        inputs[number] = inputs[number].bfloat16()
    orders = orders_for(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        y = selective_scan(*inputs, orders)
    assert given == {y.dtype} == {torch.float32}
    assert_close([y], [selective_scan_reference(*(part.double() for part in inputs), orders)])


def test_a_network_of_half_precision_gets_its_own_type_back() -> None:
    inputs = [part.bfloat16().requires_grad_() for part in random_inputs(40)]
    y = selective_scan(*inputs, orders_for(inputs))
    y.sum().backward()
    expected = selective_scan_reference(*(part.detach().float() for part in inputs), orders_for(inputs))
    torch.testing.assert_close(y, expected.bfloat16(), rtol=0.01, atol=0.01)
    assert {part.grad.dtype for part in inputs} == {torch.bfloat16}


@pytest.mark.parametrize("compiler", ["/nowhere/cc", "false"])
def test_without_a_compiler_the_scan_is_as_right(fresh_library: pytest.MonkeyPatch, compiler: str) -> None:
    """CC names nothing, or something that compiles nothing."""
    fresh_library.setenv("CC", compiler)
    assert not native.available()
    inputs = random_inputs(15)
    expected = values_and_gradients(selective_scan_reference, inputs, torch.float64)
    assert_close(values_and_gradients(selective_scan, inputs, torch.float32), expected)


def not_loaded(path: str) -> None:
    raise OSError(f"{path}: failed to map segment from shared object")


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("kept", [True, False])
def test_a_library_that_cannot_be_kept_or_loaded_is_done_without(
    fresh_library: pytest.MonkeyPatch, tmp_path: Path, kept: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """As under a home that is read-only, or where nothing may be executed. It is said once."""
    if kept:
        fresh_library.setattr(native.ctypes, "CDLL", not_loaded)
    else:
        (tmp_path / "anaphase").write_text("a file, no folder")
    assert not native.available()
    assert not native.available()
    (warning,) = caplog.messages
    assert warning.startswith("The selective scan runs slower, since its compiled form cannot be kept or loaded: ")


@pytest.mark.usefixtures("compiled")
def test_the_library_is_kept_and_taken_again(fresh_library: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert native.available()
    (library,) = (tmp_path / "anaphase").iterdir()
    made = library.stat().st_mtime_ns
    native._library.cache_clear()
    assert native.available()
    assert [path.stat().st_mtime_ns for path in (tmp_path / "anaphase").iterdir()] == [made]


@pytest.mark.usefixtures("compiled")
def test_denormal_numbers_survive_the_library() -> None:
    """-ffast-math in the link would make the whole process flush them to zero."""
    assert native.available()
    assert np.float32(1e-40) * np.float32(0.5) > 0

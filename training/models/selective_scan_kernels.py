"""The selective scan's kernels for GPUs, in Triton's language; see selective_scan.py for the meaning and the shapes.

One program does one direction of one map, for BLOCK channels, step by step, with the (N, channels) state in registers.
Going backward needs every state: they are made again chunk by chunk from `starts`, the states before each STEPS steps
that the forward pass left, and stay in registers too. No two programs write to one place: what they share, the caller
sums over programs, so that the same inputs give the same bytes.

All tensors are contiguous float32, orders int64. STATES and BLOCK are powers of two; what lies beyond the length, N and
the channels reads as zero and is not written.
"""

import triton
import triton.language as tl


@triton.jit
def _time_step(x):
    """softplus(x) and its derivative, written so that nothing overflows."""
    small = tl.exp(-tl.abs(x))
    ratio = small / (2.0 + small)  # log1p(small) = 2 atanh(ratio), a series of which 8 terms are enough up to 1 / 3
    square = ratio * ratio
    series = 1 / 9 + square * (1 / 11 + square * (1 / 13 + square * (1 / 15)))
    series = 1.0 + square * (1 / 3 + square * (1 / 5 + square * (1 / 7 + square * series)))
    larger = 1.0 / (1.0 + small)
    return tl.maximum(x, 0.0) + 2.0 * ratio * series, tl.where(x < 0, small * larger, larger)


@triton.jit
def _read(row, columns, width):
    return tl.load(row + columns, mask=columns < width, other=0.0)


@triton.jit
def _write(row, columns, width, values):
    tl.store(row + columns, values, mask=columns < width)


@triton.jit
def _visit(orders, number, k, t, length, directions):
    """Step t: its row in tensors by place and in tensors by place and direction; past the end, of the first place."""
    place = number * length + tl.load(orders + k * length + t, mask=t < length, other=0)
    return place, place * directions + k


@triton.jit
def _inputs(u, raw, bias, B, place, row, d, n, channels, N):
    """What a step takes: u and time step with its derivative (BLOCK,), B (STATES, 1)."""
    delta, slope = _time_step(_read(raw + row * channels, d, channels) + bias)
    return _read(u + place * channels, d, channels), delta, slope, _read(B + row * N, n, N)[:, None]


@triton.jit
def scan_forward(
    orders, u, raw, bias, A, B, C, D, starts, y, length, channels, directions,
    N: tl.constexpr, STEPS: tl.constexpr, STATES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Writes starts (batch, directions, chunks, N, channels) and y (batch, L, directions, channels)."""
    k, number = tl.program_id(1), tl.program_id(2).to(tl.int64)
    d, n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK), tl.arange(0, STATES)
    cells = tl.where((n[:, None] < N) & (d < channels), n[:, None] * channels + d, N * channels)
    own_A = _read(A + k * N * channels, cells, N * channels)
    own_bias, skip = _read(bias + k * channels, d, channels), _read(D + k * channels, d, channels)
    chunks = tl.cdiv(length, STEPS)
    state = tl.zeros((STATES, BLOCK), tl.float32)
    for chunk in range(chunks):
        start = (number * directions + k) * chunks + chunk
        _write(starts + start * N * channels, cells, N * channels, state)
        found = ()
        for step in tl.static_range(STEPS):
            place, row = _visit(orders, number, k, chunk * STEPS + step, length, directions)
            ut, delta, _, Bt = _inputs(u, raw, own_bias, B, place, row, d, n, channels, N)
            state = tl.exp(delta * own_A) * state + delta * ut * Bt
            found = found + (tl.sum(state * _read(C + row * N, n, N)[:, None], 0) + skip * ut,)
        for step in tl.static_range(STEPS):  # after all steps, so that none of them waits for a write
            t = chunk * STEPS + step
            _, row = _visit(orders, number, k, t, length, directions)
            _write(y + row * channels, d, tl.where(t < length, channels, 0), found[step])


@triton.jit
def scan_backward(
    orders, u, raw, bias, A, B, C, D, y_gradient, starts,
    u_gradient, raw_gradient, bias_gradient, A_gradient, B_gradient, C_gradient, D_gradient,
    length, channels, directions,
    N: tl.constexpr, STEPS: tl.constexpr, STATES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Writes the gradients: of u by direction as y was, of bias, A and D for each map, of B and C for each block."""
    k, number = tl.program_id(1), tl.program_id(2).to(tl.int64)
    d, n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK), tl.arange(0, STATES)
    cells = tl.where((n[:, None] < N) & (d < channels), n[:, None] * channels + d, N * channels)
    own_A = _read(A + k * N * channels, cells, N * channels)
    own_bias, skip = _read(bias + k * channels, d, channels), _read(D + k * channels, d, channels)
    chunks = tl.cdiv(length, STEPS)
    earlier_blocks = tl.program_id(0) * tl.num_programs(2).to(tl.int64) * length * directions
    flow = tl.zeros((STATES, BLOCK), tl.float32)  # the gradient of the state after a step that comes from later steps
    g_A, g_bias, g_skip = flow, tl.zeros((BLOCK,), tl.float32), tl.zeros((BLOCK,), tl.float32)
    for later in range(chunks):
        chunk = chunks - 1 - later
        start = (number * directions + k) * chunks + chunk
        state = _read(starts + start * N * channels, cells, N * channels)
        before = ()
        for step in tl.static_range(STEPS):
            before = before + (state,)
            place, row = _visit(orders, number, k, chunk * STEPS + step, length, directions)
            ut, delta, _, Bt = _inputs(u, raw, own_bias, B, place, row, d, n, channels, N)
            state = tl.exp(delta * own_A) * state + delta * ut * Bt
        for left in tl.static_range(STEPS):
            t = chunk * STEPS + STEPS - 1 - left
            place, row = _visit(orders, number, k, t, length, directions)
            real_channels, real_n = tl.where(t < length, channels, 0), tl.where(t < length, N, 0)
            ut, delta, slope, Bt = _inputs(u, raw, own_bias, B, place, row, d, n, channels, N)
            yt = _read(y_gradient + place * channels, d, real_channels)
            g = _read(C + row * N, n, N)[:, None] * yt + flow
            _write(C_gradient + (earlier_blocks + row) * N, n, real_n, tl.sum(state * yt, 1))
            _write(B_gradient + (earlier_blocks + row) * N, n, real_n, tl.sum(g * (delta * ut), 1))
            state = before[STEPS - 1 - left]
            flow = g * tl.exp(delta * own_A)
            exponent = flow * state  # the gradient of delta * A
            into = tl.sum(g * Bt, 0)
            g_raw = (into * ut + tl.sum(exponent * own_A, 0)) * slope
            _write(u_gradient + row * channels, d, real_channels, into * delta + skip * yt)
            _write(raw_gradient + row * channels, d, real_channels, g_raw)
            g_A += exponent * delta
            g_bias += g_raw
            g_skip += ut * yt
    own = number * directions + k
    _write(A_gradient + own * N * channels, cells, N * channels, g_A)
    _write(bias_gradient + own * channels, d, channels, g_bias)
    _write(D_gradient + own * channels, d, channels, g_skip)

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithm.detectors.bands import Lookahead


@settings(deadline=None)
@given(st.lists(st.integers(1, 20), max_size=12), st.integers(0, 15), st.integers(1, 12))
def test_every_row_comes_once_with_its_neighbours(heights: list[int], halo: int, minimum: int) -> None:
    total = sum(heights)
    whole = np.arange(total, dtype=np.float32).reshape(1, total, 1)
    lookahead = Lookahead(halo, minimum)
    parts = [lookahead.push(band) for band in np.split(whole, np.cumsum(heights)[:-1], axis=1)] if heights else []
    handed_on = [part for part in (*parts, lookahead.finish()) if part is not None]
    assert lookahead.finish() is None
    seen: list[float] = []
    for rows, core in handed_on:
        own = rows[0, core, 0].tolist()
        wanted = [row for row in range(total) if own[0] - halo <= row <= own[-1] + halo]
        assert set(wanted) <= set(rows[0, :, 0].tolist())
        assert rows.shape[1] <= 2 * halo + minimum + max(heights)
        seen += own
    assert seen == list(range(total))

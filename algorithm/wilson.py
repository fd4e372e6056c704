"""How sure a share is that was counted in few cases."""

import math

Z_95 = 1.959963984540054
"""Of the normal distribution: 95 % lies within so many standard deviations."""


def wilson_interval(counted: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, counted / of, within 0 to 1; raises ValueError for a share of nothing.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
    Statistical Association 1927.
    """
    if not 0 <= counted <= of or of == 0:
        raise ValueError(f"{counted} of {of} is no share")
    share, weight = counted / of, Z_95**2 / of
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
    return (0.0 if counted == 0 else middle - half), (1.0 if counted == of else middle + half)

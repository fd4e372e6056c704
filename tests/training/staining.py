"""Tissue of two stains, whose vectors and amounts are known."""

import numpy as np

from training.data.regions import Pixels

VECTORS = np.array([[0.55, 0.76, 0.34], [0.18, 0.86, 0.48]])
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)


def stained(gains: tuple[float, float], vectors: np.ndarray = VECTORS, seed: int = 0) -> Pixels:
    """Nuclei and what is between them: pixels of one stain alone, and of both."""
    rng = np.random.default_rng(seed)
    amounts = rng.gamma(2.0, 0.25, (120, 120, 2)) * rng.integers(0, 2, (120, 120, 2)) * gains
    return np.clip(255 * np.exp(-amounts @ vectors), 1, 255).astype(np.uint8)

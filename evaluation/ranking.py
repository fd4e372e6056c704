"""The area under the ROC curve for any weights of the cases, exactly and for many draws at once."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evaluation.bootstrap import Statistic, share
from evaluation.cases import Flags, Floats


def roc_auc_statistic(truth: Flags, scores: Floats, case: NDArray[np.int64], cases: int) -> Statistic:
    """The area under the ROC curve of items (N,) pooled over cases, of which item n belongs to case[n].

    An item of a case drawn w times counts w times. The area is the share of pairs of a positive and a negative that the
    positive wins, ties being a half: sum p (Q - q / 2) / (sum p sum q) over the distinct scores, rising, with p
    positives and q negatives at a score, and Q negatives up to it. NaN in a draw that lacks one kind.
    """
    distinct, level = np.unique(scores, return_inverse=True)
    shape = (cases, len(distinct))
    positives, negatives = (
        csr_array((np.ones(kind.sum()), (case[kind], level[kind])), shape=shape) for kind in (truth, ~truth)
    )

    def statistic(weights: Floats) -> Floats:
        p, q = weights @ positives, weights @ negatives
        pairs = p.sum(axis=1) * q.sum(axis=1)
        won = (p * (q.cumsum(axis=1) - q / 2)).sum(axis=1)
        return share(won, pairs)

    return statistic


def standing(scores: Floats) -> Floats:
    """The share of scores (N,) below each, ties as a half: what two systems of different scales have in common."""
    ordered = np.sort(scores)
    below, up_to = (np.searchsorted(ordered, scores, side=side) for side in ("left", "right"))
    return (below + up_to) / (2 * max(len(scores), 1))

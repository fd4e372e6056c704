"""Mitotic figures typed as normal or atypical: patches to P(atypical) of every member, to votes, to a class."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from algorithm.bundle import ClassificationBundle
from algorithm.classification_manifest import ClassificationPostprocess
from algorithm.images.base import Pixels
from algorithm.patches import in_batches
from algorithm.runtime import DeviceOption, Members
from algorithm.size import Size

Logits = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Patches (B, P, P, 3) uint8 RGB to the members' logits (M, B)."""
Counter = Callable[[int], None]
"""Called with the patches done so far."""


@dataclass(frozen=True, eq=False)
class Types:
    """What figures are, in their order.

    atypical: (N,) bool, the class. confidences: (N,) float64, the mean P(atypical) of the members, whatever the class.
    votes: (N,) int64, how many members vote atypical. member_probabilities: (N, M) float64, P(atypical) of each.
    """

    atypical: NDArray[np.bool_]
    confidences: NDArray[np.float64]
    votes: NDArray[np.int64]
    member_probabilities: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.atypical)


class Classifier:
    """A classification bundle ready to type patches.

    device, providers: what its sessions say they use. Raises BundleError and AlgorithmError as Members does.
    """

    def __init__(self, bundle: ClassificationBundle, device: DeviceOption = "auto", threads: int | None = None) -> None:
        self.bundle = bundle
        manifest = bundle.manifest
        size = Size.square(manifest.input.patch_px)
        self._members = Members(bundle, size, {manifest.output.name: (1,)}, device, threads)
        self.device, self.providers = self._members.device, self._members.providers

    def classify(self, patches: Iterable[Pixels], progress: Counter | None = None) -> Types:
        """Type patches, each (P, P, 3) uint8 RGB at the bundle's resolution; any number of them, also none.

        No more than a batch of them is held at a time, and what comes of a patch does not depend on its batch, as far
        as ONNX Runtime's result does not. Raises BundleError where a member answers with something that is no number.
        """
        postprocess, members = self.bundle.manifest.postprocess, len(self.bundle.manifest.members)
        found = [np.empty((0, members))]
        done = 0
        for batch in in_batches(patches, self._members.batch_size):
            found.append(member_probabilities(self._members.logits, batch, postprocess))
            done += len(batch)
            if progress is not None:
                progress(done)
        return decide(np.concatenate(found), postprocess)


def member_probabilities(
    logits: Logits, batch: NDArray[np.uint8], postprocess: ClassificationPostprocess
) -> NDArray[np.float64]:
    """P(atypical) of patches (B, P, P, 3) by each member, (B, M): the mean over the rotations that are asked for."""
    turned = [
        expit(logits(np.rot90(batch, turns, axes=(1, 2))).astype(np.float64) / postprocess.temperature)
        for turns in range(postprocess.rotations)
    ]
    return np.asarray(np.mean(turned, axis=0).T)


def decide(member_probabilities: NDArray[np.float64], postprocess: ClassificationPostprocess) -> Types:
    """From P(atypical) of every member (N, M) to classes, whatever the order of the members.

    By majority each member votes atypical from the threshold on, and as many votes for either class leave it to the
    mean probability; by mean that decides alone.
    """
    threshold, members = postprocess.threshold, member_probabilities.shape[1]
    votes = (member_probabilities >= threshold).sum(axis=1)
    mean = np.sort(member_probabilities, axis=1).mean(axis=1)
    by_mean = mean >= threshold
    atypical = (
        np.where(2 * votes == members, by_mean, 2 * votes > members) if postprocess.vote == "majority" else by_mean
    )
    return Types(atypical, mean, votes, member_probabilities)

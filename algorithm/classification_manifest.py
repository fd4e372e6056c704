"""The manifest of a bundle that types mitotic figures: normal or atypical."""

from typing import Annotated, Literal

from pydantic import Field

from algorithm.manifest import (
    AnyMember,
    AnyProvenance,
    ManifestHead,
    Normalisation,
    PatchSize,
    Positive,
    Probability,
    Score,
    Text,
)
from algorithm.settings import Settings

Vote = Literal["majority", "mean"]


class ClassScores(Settings):
    """What one member called the figures of some slides, counted as the challenge does; atypical is positive."""

    balanced_accuracy: Score
    sensitivity: Score
    specificity: Score
    auroc: Score


class ClassValidation(ClassScores):
    """Scores on the figures that chose the epoch which was kept, at the member's own threshold."""

    epoch: Annotated[int, Field(ge=1)]
    threshold: Probability


class EnsembleClassValidation(ClassScores):
    """Scores on slides, each typed by the members that were not trained on it, at the threshold that they chose."""

    slides: Annotated[int, Field(ge=1)]
    threshold: Probability


class ClassificationMember(AnyMember):
    """A member that types figures."""

    validation: ClassValidation | None = None
    tested: ClassScores | None = None


class ClassificationInput(Normalisation, PatchSize):
    """What the network takes: a patch a figure, normalised."""


class ClassificationOutput(Settings):
    """What the network gives: one logit a figure, of P(atypical), (B, 1)."""

    name: Text = "logits"
    classes: tuple[Literal["atypical"]] = ("atypical",)
    activation: Literal["sigmoid"] = "sigmoid"


class ClassificationPostprocess(Settings):
    """From logits to classes.

    temperature: divides every logit before the sigmoid. rotations: how many quarter turns of a patch a member's
    probability is the mean of. threshold: from it on a member votes atypical. vote: "majority" of the members, ties by
    the mean probability; or "mean", the mean probability alone, against the same threshold.
    """

    threshold: Probability = 0.5
    temperature: Positive = 1.0
    vote: Vote = "majority"
    rotations: Literal[1, 4] = 1


class ClassificationProvenance(AnyProvenance):
    """Where a typing model comes from."""

    validation: EnsembleClassValidation | None = None


class ClassificationManifest(ManifestHead):
    """The manifest of a classification bundle."""

    task: Literal["classification"] = "classification"
    members: Annotated[tuple[ClassificationMember, ...], Field(min_length=1)]
    input: ClassificationInput
    output: ClassificationOutput = ClassificationOutput()
    postprocess: ClassificationPostprocess
    provenance: ClassificationProvenance
    intended_use: Text

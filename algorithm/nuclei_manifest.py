"""The manifest of a bundle that judges nuclei: how they are found, what its graphs give, what becomes a detection."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from algorithm.manifest import (
    ManifestHead,
    MaybeInner,
    Member,
    Normalisation,
    PatchSize,
    Probability,
    Provenance,
    Text,
    Thresholds,
)
from algorithm.settings import Settings
from algorithm.stain import StainModel

Reference = Literal["maximum", "percentile"]


class CandidateSettings(Settings):
    """How nuclei are found by their haematoxylin.

    stain_model: how the stains are told apart: by sparse factors (vahadane), macenko or the constants of ruifrok.
    reference, share: a nucleus holds more than this share of the region's maximum of haematoxylin, or of its 99.9th
    percentile, which no single dark artefact moves. minimum_area_um2: what is smaller is no nucleus.
    """

    stain_model: StainModel = "vahadane"
    reference: Reference = "maximum"
    share: Probability = 0.4
    minimum_area_um2: Annotated[float, Field(ge=0, le=100)] = 3.75


class NucleiInput(Normalisation, PatchSize):
    """What the network takes: a crop a nucleus, normalised."""


class NucleiOutput(Settings):
    """What the network gives of a crop: P(mitotic figure), and where it sees what it sees.

    probability: the name of the first, (B,). activation: of the second, (B, P / stride, P / stride): the class
    activation map of mitotic figures, at least 0, with a value for every stride x stride px of the crop.
    """

    probability: Text = "probability"
    activation: Text = "activation"
    stride: Annotated[int, Field(ge=1)] = 8
    classes: tuple[Literal["mitotic figure"]] = ("mitotic figure",)


class NucleiPostprocess(Thresholds):
    """From judged crops to detections. merge_radius_um: of two no further apart the better one stays."""

    threshold: Probability = 0.5
    lower_threshold: Probability = 0.1
    merge_radius_um: Annotated[float, Field(ge=0, le=25)] = 7.5


class NucleiManifest(ManifestHead):
    """The manifest of a detection bundle that judges nuclei."""

    task: Literal["detection"] = "detection"
    detector: Literal["nuclei"] = "nuclei"
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    candidates: CandidateSettings = CandidateSettings()
    input: NucleiInput
    output: NucleiOutput = NucleiOutput()
    postprocess: NucleiPostprocess = NucleiPostprocess()
    second_stage: MaybeInner = None
    provenance: Provenance
    intended_use: Text

    @model_validator(mode="after")
    def _crops_fit_the_stride(self) -> Self:
        if self.input.patch_px % self.output.stride:
            raise ValueError(f"input.patch_px {self.input.patch_px} is no multiple of output.stride")
        return self

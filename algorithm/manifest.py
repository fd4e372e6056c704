"""The manifest of a model bundle: all that the algorithm knows of a model, in units of the tissue where it can be.

Here are the parts that every kind has and those of detection by segmentation; boxes_manifest.py has those of detection
by boxes, nuclei_manifest.py those of detection by nuclei, classification_manifest.py those of typing.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from algorithm.settings import Settings
from algorithm.size import TileSize
from algorithm.tiles import Blending

Centre = Literal["rectangle", "box", "centroid"]
Device = Literal["cpu", "cuda"]
Target = Literal["any", "cpu", "cuda"]
Task = Literal["detection", "classification"]
Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Score = Annotated[float, Field(ge=0, le=1)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Resolution = Annotated[float, Field(ge=0.1, le=4)]


def _lies_in_the_bundle(name: str) -> str:
    if "/" in name or "\\" in name or name in (".", ".."):
        raise ValueError(f"'{name}' is not a plain name in the bundle's folder")
    return name


PlainName = Annotated[Text, AfterValidator(_lies_in_the_bundle)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ModelFile(Settings):
    """An ONNX file in the bundle's folder and its SHA-256 in hexadecimal."""

    file: PlainName
    sha256: Digest


class InnerBundle(Settings):
    """A folder in the bundle's, a bundle itself, and the SHA-256 of its manifest, which has those of its graphs."""

    folder: PlainName
    sha256: Digest


MaybeInner = Annotated[InnerBundle | None, Field(exclude_if=lambda inner: inner is None)]
"""Where there is none the manifest has no such key."""


class Scores(Settings):
    """What one member found of the mitotic figures of some regions, counted as the challenge does."""

    f1: Score
    precision: Score
    recall: Score


class Validation(Scores):
    """Scores on the regions that chose the epoch which was kept and the member's own threshold, at that threshold."""

    epoch: Annotated[int, Field(ge=1)]
    threshold: Probability


class EnsembleValidation(Scores):
    """Scores of the ensemble on slides that no member was trained on, at the threshold that they chose."""

    slides: Annotated[int, Field(ge=1)]
    threshold: Probability


class AnyMember(Settings):
    """One network of the ensemble: one graph for any device, or one for each where the best graph differs.

    recipe: the one that it was trained by. held_out: what it was not trained on, a domain by name or a fold of slides
    by number. A fold of slides validates. tested: on a held-out domain, which chose neither epoch nor threshold, at
    the threshold that others chose.
    """

    files: dict[Target, ModelFile]
    recipe: Text | None = None
    held_out: Annotated[int, Field(ge=0)] | Text | None = None
    validation: Settings | None = None
    tested: Settings | None = None
    note: str = ""

    @model_validator(mode="after")
    def _runs_everywhere(self) -> Self:
        if set(self.files) not in ({"any"}, {"cpu", "cuda"}):
            raise ValueError("files must name 'any', or both 'cpu' and 'cuda'")
        return self

    def file_for(self, device: Device) -> ModelFile:
        """The graph to run on a device."""
        return self.files.get(device) or self.files["any"]


class Member(AnyMember):
    """A member that detects."""

    validation: Validation | None = None
    tested: Scores | None = None


class Normalisation(Settings):
    """How pixels become what the network takes: (value * scale - mean) / std, NCHW float32."""

    channel_order: Literal["RGB"] = "RGB"
    scale: Positive
    mean: tuple[float, float, float]
    std: tuple[Positive, Positive, Positive]


class Tiling(Settings):
    """Tiles at one resolution: squares of a side, or rectangles of a width and a height.

    overlap: of the shorter side the share, in px, that neighbouring tiles have in common, side by side or one above
    the other.
    """

    tile_px: TileSize
    resolution_um_px: Resolution
    overlap: Share


class PatchSize(Settings):
    """A square about a figure or nucleus, at one resolution."""

    patch_px: Annotated[int, Field(ge=16, le=1024)]
    resolution_um_px: Resolution


class InputSettings(Normalisation, Tiling):
    """What the network takes: tiles, normalised."""


class OutputSettings(Settings):
    """What the network gives: one logit a pixel and class, (B, classes, H / stride, W / stride)."""

    name: Text = "logits"
    stride: Literal[1] = 1
    classes: tuple[Literal["mitotic figure"]] = ("mitotic figure",)
    activation: Literal["sigmoid"] = "sigmoid"


class Thresholds(Settings):
    """At and above the threshold a detection is a mitotic figure; down to the lower one candidates are reported."""

    threshold: Probability
    lower_threshold: Probability

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Self:
        if self.lower_threshold > self.threshold:
            raise ValueError(f"lower_threshold {self.lower_threshold} is above threshold {self.threshold}")
        return self

    def at(self, threshold: float) -> Self:
        """With another decision threshold; one under the lower one takes that along."""
        lower = min(self.lower_threshold, threshold)
        return self.model_copy(update={"threshold": threshold, "lower_threshold": lower})


class Postprocess(Thresholds):
    """From maps to detections: thresholds on the mean probability, lengths in um.

    spread_turns: whether every member sees tiles turned by a quarter more than the one before it does: networks see the
    same cell differently when it lies differently, so their mean knows more, at no cost.
    """

    dilation_radius_um: Annotated[float, Field(ge=0, le=25)]
    minimum_area_um2: Annotated[float, Field(ge=0, le=100)]
    centre: Centre = "rectangle"
    blending: Blending = "uniform"
    fusion: Literal["mean"] = "mean"
    spread_turns: bool = False


def check_turns(tiling: Tiling, postprocess: Postprocess) -> None:
    """Raises ValueError where members are to see tiles in turns of their own, and tiles are no squares."""
    if postprocess.spread_turns and not tiling.tile_px.is_square:
        raise ValueError(f"postprocess.spread_turns is for square tiles, and input.tile_px is {tiling.tile_px}")


class DataSource(Settings):
    """A data set the model was trained on."""

    name: Text
    licence: Text
    source: Text


class AnyProvenance(Settings):
    """Where the model comes from. folds: how the members' were made. parity: of the graphs with the checkpoints.

    validation: of the ensemble; none where its threshold is the mean of the members' own.
    """

    recipe: Text
    datasets: tuple[DataSource, ...]
    folds: str | None = None
    validation: Settings | None = None
    parity: dict[str, Any]
    code_revision: Text
    tools: dict[str, str]
    date: Text


class Provenance(AnyProvenance):
    """Where a detecting model comes from."""

    validation: EnsembleValidation | None = None


class ManifestHead(Settings):
    """With what every manifest begins, version 1 of the schema."""

    schema_version: Literal[1] = 1
    name: Text
    version: Text


class SegmentationManifest(ManifestHead):
    """The manifest of a detection bundle that segments."""

    task: Literal["detection"] = "detection"
    detector: Literal["segmentation"] = "segmentation"
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    input: InputSettings
    output: OutputSettings = OutputSettings()
    postprocess: Postprocess
    second_stage: MaybeInner = None
    provenance: Provenance
    intended_use: Text

    @model_validator(mode="after")
    def _tiles_can_be_turned(self) -> Self:
        check_turns(self.input, self.postprocess)
        return self

"""The manifest of a bundle that detects with boxes: what its graphs give, and how boxes become detections."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from algorithm.manifest import InputSettings, ManifestHead, MaybeInner, Member, Provenance, Text, Thresholds
from algorithm.settings import Settings
from algorithm.size import Size

Views = Literal["one", "five", "eight"]
Overlap = Annotated[float, Field(gt=0, le=1)]


class BoxesOutput(Settings):
    """What the network gives of a tile: (B, 4 + classes, N), for each of its N boxes left, top, right and bottom, px of
    the tile with pixel centres at whole numbers, and a logit for each class.

    strides: the network's levels; each has a box for every stride x stride px of the tile.
    """

    name: Text = "boxes"
    strides: tuple[Annotated[int, Field(ge=1)], ...] = (8, 16, 32)
    classes: tuple[Literal["mitotic figure"], Literal["look-alike"]] = ("mitotic figure", "look-alike")
    activation: Literal["sigmoid"] = "sigmoid"

    def boxes_of(self, tile_px: Size) -> int:
        """How many boxes a tile has."""
        return sum((tile_px.width // stride) * (tile_px.height // stride) for stride in self.strides)


class BoxesPostprocess(Thresholds):
    """From the boxes of mitotic figures to detections; look-alikes only keep the network from taking them for figures.

    suppression_iou: of two boxes of one member in one view that overlap by more, the better one stays. fusion_iou:
    boxes of several members and views that overlap by more are one. merge_radius_um: of two detections no further apart
    the better one stays. views: how each tile is looked at: as it lies; also mirrored and in three more quarter turns,
    as published; or in all eight ways.
    """

    suppression_iou: Overlap = 0.65
    fusion_iou: Overlap = 0.55
    merge_radius_um: Annotated[float, Field(ge=0, le=25)] = 7.5
    views: Views = "one"


class BoxesManifest(ManifestHead):
    """The manifest of a detection bundle that finds boxes."""

    task: Literal["detection"] = "detection"
    detector: Literal["boxes"] = "boxes"
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    input: InputSettings
    output: BoxesOutput = BoxesOutput()
    postprocess: BoxesPostprocess
    second_stage: MaybeInner = None
    provenance: Provenance
    intended_use: Text

    @property
    def turns_rectangles(self) -> bool:
        """Whether networks see tiles turned by a quarter that are no squares, so that they take both sizes."""
        return self.postprocess.views != "one" and not self.input.tile_px.is_square

    @model_validator(mode="after")
    def _tiles_fit_the_strides(self) -> Self:
        if any(side % stride for side in self.input.tile_px for stride in self.output.strides):
            raise ValueError(f"input.tile_px {self.input.tile_px} is no multiple of output.strides")
        return self

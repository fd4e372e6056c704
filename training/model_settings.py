"""The networks of recipes: which there are, and the arguments of each."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from algorithm.settings import Settings

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class VMUNetSettings(Settings):
    """The arguments of `training.models.vm_unet.VMUNet`."""

    name: Literal["vm_unet"]
    width: int = Field(96, multiple_of=4)
    depths: tuple[int, int, int, int] = (2, 2, 2, 2)
    decoder_depths: tuple[int, int, int, int] = (2, 2, 2, 1)
    state_size: int = 16
    patch_size: Literal[2, 4, 8] = 4
    drop_path: Share = 0.2
    stem: tuple[Count, ...] = ()

    @model_validator(mode="after")
    def _stem_reaches_the_patches(self) -> Self:
        if self.stem and 2 ** len(self.stem) != self.patch_size:
            raise ValueError(f"stem has {len(self.stem)} levels, which do not make patches of {self.patch_size} px")
        return self

    @property
    def tiles_are_multiples_of_px(self) -> int:
        """Of the patches, whose map is halved three times."""
        return 8 * self.patch_size


class UNetSettings(Settings):
    """The arguments of `training.models.unet.UNet`."""

    name: Literal["unet"]
    width: int = Field(64, ge=1)
    levels: int = Field(4, ge=1, le=6)

    @property
    def tiles_are_multiples_of_px(self) -> int:
        """Of what the poolings make a pixel of."""
        return int(2**self.levels)


class RTMDetSettings(Settings):
    """The arguments of `training.models.rtmdet.RTMDet`; the published RTMDet-S, for figures and their look-alikes."""

    name: Literal["rtmdet"]
    width: float = Field(0.5, ge=0.03125)
    depth: Positive = 0.33
    classes: int = Field(2, ge=1)

    @property
    def tiles_are_multiples_of_px(self) -> int:
        """Of what a place of the coarsest map stands for."""
        return 32


class MitDetSettings(Settings):
    """The arguments of `training.models.mitdet.MitDet`; the published parent network."""

    name: Literal["mitdet"]
    width: Count = 64
    units: tuple[Count, Count, Count, Count] = (3, 3, 6, 3)
    children: int = Field(0, ge=0)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    efdmix: Share = 0.5
    efdmix_alpha: Positive = 0.1
    efdmix_detached: bool = False
    frozen: bool = False

    @property
    def tiles_are_multiples_of_px(self) -> int:
        """Of what a place of its map stands for."""
        return 8


class PreActResNetSettings(Settings):
    """The arguments of `training.models.preact_resnet.PreActResNet`."""

    name: Literal["preact_resnet"]
    width: int = Field(64, ge=1)
    units: tuple[Count, Count, Count, Count] = (3, 4, 6, 3)
    bottleneck: bool = True
    padding: Literal["tf_same", "symmetric"] = "tf_same"


class TimmSettings(Settings):
    """The arguments of `training.models.timm_encoder.TimmEncoder`; it gives maps where there are decoders."""

    name: Literal["timm"]
    model: str
    pretrained: bool = False
    enlarge: Annotated[float, Field(ge=1)] = 1.0
    image_px: Count | None = None
    lora_rank: int = Field(0, ge=0)
    lora_alpha: Positive = 16.0


class MultitaskSettings(Settings):
    """The arguments of `training.models.multitask.Multitask`."""

    name: Literal["multitask"]
    encoder: Annotated[PreActResNetSettings | TimmSettings, Field(discriminator="name")]
    head: tuple[Count, ...] = (512, 128)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    decoders: bool = True
    decoder_width: Count = 64


class RestainerSettings(Settings):
    """The arguments of `training.models.restainer.Restainer`."""

    name: Literal["restainer"]
    width: Count = 64
    levels: int = Field(4, ge=1, le=6)
    discriminator_width: Count = 64

    @property
    def tiles_are_multiples_of_px(self) -> int:
        """Of what the poolings make a pixel of."""
        return int(2**self.levels)


SegmentationModel = VMUNetSettings | UNetSettings
ModelSettings = SegmentationModel | MultitaskSettings | RTMDetSettings | MitDetSettings | RestainerSettings

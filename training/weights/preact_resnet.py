"""ImageNet weights for the pre-activated ResNet-50: HoVer-Net's, and those of timm's resnetv2_50.

Sources: HoVer-Net's public code, whose file is ImageNet-ResNet50-Preact_pytorch.tar, and timm/models/resnetv2.py, where
the norm that ends a stage here begins the next one. Both are the same network but for the first convolution's stride,
which no tensor shows, and for the padding, which moves the maps by a pixel.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Size, Tensor

from algorithm.errors import InputError
from training.models.preact_resnet import Padding
from training.weights.files import Imported, require_shape

ENCODER = "encoder."
PREFIX = re.compile(r"^(module\.)+")
SEPARATORS = re.compile(r"[./]+")
"""HoVer-Net's keys have slashes in their names, `d0.units.1.preact/bn.weight`, and as a name, `conv0./.weight`."""
COUNTER = "num_batches_tracked"
POST_ACTIVATED = "layer1.0.conv1.weight"
FIX = "Take HoVer-Net's ImageNet-ResNet50-Preact_pytorch.tar, or timm's resnetv2_50.a1h_in1k."
FIT = "Both files are of width 64 and units [3, 4, 6, 3] with bottlenecks: set model.encoder so."


@dataclass(frozen=True)
class Layout:
    """A project's spelling of the encoder's keys.

    sign: a key by which a file is known; spellings: the encoder's keys for the file's, one after the other; others: how
    keys begin that are of parts behind the encoder.
    """

    name: str
    sign: str
    padding: Padding
    padded: str
    spellings: tuple[tuple[str, str], ...]
    others: tuple[str, ...]

    def spell(self, key: str) -> str:
        """The encoder's key for the file's."""
        for pattern, name in self.spellings:
            key = re.sub(pattern, name, key)
        return key


HOVERNET = Layout(
    name="HoVer-Net",
    sign="conv0.weight",
    padding="tf_same",
    padded="padded as TensorFlow's",
    spellings=(
        (r"^conv0\.bn\.", "stem.norm."),
        (r"^conv0\.", "stem.convolution."),
        (r"^d(\d)\.", r"stages.\1."),
        (r"\.blk_bna\.bn\.", ".norm."),
        (r"\.shortcut\.", ".units.0.shortcut."),
        (r"\.preact\.bn\.", ".norms.0."),
        (r"\.conv(\d)\.bn\.", r".norms.\1."),
        (r"\.conv1\.", ".convolutions.0."),
        (r"\.conv2\.", ".convolutions.1."),
        (r"\.conv3\.", ".convolutions.2."),
    ),
    others=("conv_bot.", "decoder.", "upsample2x."),
)
RESNETV2 = Layout(
    name="timm's resnetv2_50",
    sign="stages.0.blocks.0.conv1.weight",
    padding="symmetric",
    padded="padded on both sides",
    spellings=(
        (r"^norm\.", "stages.3.norm."),
        (r"^stages\.3\.blocks\.0\.norm1\.", "stages.2.norm."),
        (r"^stages\.2\.blocks\.0\.norm1\.", "stages.1.norm."),
        (r"^stages\.1\.blocks\.0\.norm1\.", "stages.0.norm."),
        (r"^stages\.0\.blocks\.0\.norm1\.", "stem.norm."),
        (r"^stem\.conv\.", "stem.convolution."),
        (r"\.blocks\.", ".units."),
        (r"\.downsample\.conv\.", ".shortcut."),
        (r"\.(norm|conv)1\.", r".\g<1>s.0."),
        (r"\.(norm|conv)2\.", r".\g<1>s.1."),
        (r"\.(norm|conv)3\.", r".\g<1>s.2."),
        (r"\.convs\.", ".convolutions."),
    ),
    others=("head.",),
)


def import_preact_resnet(
    source: Mapping[str, Tensor], shapes: Mapping[str, Size], padding: Padding, where: str
) -> Imported:
    """The source's tensors under the network's keys, float32: all of the encoder, nothing of what is behind it.

    Shapes and padding are the network's, `where` is named in errors. Raises InputError for another layout, for padding
    or sizes that are not the file's, and for tensors that are missing.
    """
    keys = {SEPARATORS.sub(".", PREFIX.sub("", key)): key for key in source}
    layout = _layout_of(keys, where)
    if padding != layout.padding:
        raise InputError(
            f"{where} is of {layout.name}, whose convolutions of stride 2 are {layout.padded}; the recipe's are not.",
            f"Add model.encoder.padding={layout.padding}.",
        )
    if len(keys) < len(source):
        raise InputError(f"{where} has a tensor twice, in two spellings.", FIX)
    unused = [key for key in keys if key.startswith(layout.others)]
    spelt = {ENCODER + layout.spell(key): source[keys[key]] for key in keys if key not in unused}
    foreign = next((key for key in spelt if key not in shapes), None)
    if foreign is not None:
        raise InputError(f"{where} does not fit: the network has no {foreign}.", FIT)
    wanted = [key for key in shapes if key.startswith(ENCODER) and (key in spelt or not key.endswith(COUNTER))]
    return Imported({key: _fitting(key, spelt, shapes[key], where) for key in wanted}, unused)


def _layout_of(keys: Mapping[str, str], where: str) -> Layout:
    if POST_ACTIVATED in keys:
        raise InputError(
            f"{where} is a post-activated ResNet, as torchvision's (it has {keys[POST_ACTIVATED]}): its norms stand "
            "behind the convolutions and fit none before them.",
            FIX,
        )
    layout = next((layout for layout in (HOVERNET, RESNETV2) if layout.sign in keys), None)
    if layout is None:
        raise InputError(f"{where} is laid out neither as HoVer-Net nor as timm's resnetv2_50.", FIX)
    return layout


def _fitting(key: str, spelt: Mapping[str, Tensor], shape: Size, where: str) -> Tensor:
    if key not in spelt:
        raise InputError(f"{where} has nothing for {key}, so it holds no whole encoder.", f"{FIX} {FIT}")
    require_shape(key, spelt[key].shape, shape, where, FIT)
    return spelt[key] if key.endswith(COUNTER) else spelt[key].to(torch.float32).contiguous()

"""COCO weights for RTMDet: those of mmdetection, whose keys are the network's own.

The file of RTMDet-S is rtmdet_s_8xb32-300e_coco_20220905_161602-387a891e.pth; its configuration says that the network
sees B, G, R, where this project's sees R, G, B.
"""

import re
from collections.abc import Mapping

import torch
from torch import Size, Tensor

from algorithm.errors import InputError
from training.weights.files import Imported, require_shape

PREFIX = re.compile(r"^(module\.)+")
FIRST = "backbone.stem.0.conv.weight"
SIGNS = (FIRST, "bbox_head.cls_convs.0.0.conv.weight", "bbox_head.rtm_reg.0.weight")
CLASSES, DISTANCES = "bbox_head.rtm_cls.", "bbox_head.rtm_reg."
BESIDE = ("data_preprocessor.", "steps")
"""What a checkpoint has beside the network: means of the input, and the mean of weights' own counter."""
COUNTER = "num_batches_tracked"
LOGARITHMS_FROM = 32
"""Channels of the first convolution with which mmdetection's networks, L and X, say the logarithms of distances."""
FIX = "Take mmdetection's, as rtmdet_s_8xb32-300e_coco_20220905_161602-387a891e.pth."
FIT = "RTMDet-S is of model.width=0.5 and model.depth=0.33, M of 0.75 and 0.67: set those of the file."


def import_rtmdet(source: Mapping[str, Tensor], shapes: Mapping[str, Size], where: str) -> Imported:
    """The source's tensors under the network's keys, float32, none sharing memory with another.

    All of the network but what says the classes, which are others; of L's and X's, also but what says the distances,
    which are logarithms there. Shapes are the network's, `where` is named in errors. Raises InputError for another
    layout, for sizes that are not the file's, and for tensors that are missing.
    """
    spelt = {PREFIX.sub("", key): tensor for key, tensor in source.items()}
    missing = next((key for key in SIGNS if key not in spelt), None)
    if missing is not None:
        raise InputError(f"{where} is not laid out as mmdetection's RTMDet: it has no {missing}.", FIX)
    if len(spelt) < len(source):
        raise InputError(f"{where} has a tensor twice, in two spellings.", FIX)
    dropped = _dropped(shapes)
    taken = {key: tensor for key, tensor in spelt.items() if not key.startswith(dropped)}
    foreign = next((key for key in taken if key not in shapes), None)
    if foreign is not None:
        raise InputError(f"{where} does not fit: the network has no {foreign}.", FIT)
    wanted = [key for key in shapes if _is_wanted(key, taken, dropped)]
    tensors = {key: _fitting(key, taken, shapes[key], where) for key in wanted}
    tensors[FIRST] = tensors[FIRST].flip(1)
    return Imported(tensors, [key for key in spelt if key not in taken])


def _dropped(shapes: Mapping[str, Size]) -> tuple[str, ...]:
    """How the keys begin that the network does not take."""
    says_logarithms = shapes[FIRST][0] >= LOGARITHMS_FROM
    return (CLASSES, *BESIDE, DISTANCES) if says_logarithms else (CLASSES, *BESIDE)


def _is_wanted(key: str, taken: Mapping[str, Tensor], dropped: tuple[str, ...]) -> bool:
    """All but what stays as it begins; counters of batches may be missing."""
    return key in taken or not (key.startswith(dropped) or key.endswith(COUNTER))


def _fitting(key: str, taken: Mapping[str, Tensor], shape: Size, where: str) -> Tensor:
    if key not in taken:
        raise InputError(f"{where} has no {key}, so it holds no whole RTMDet of this size.", FIT)
    require_shape(key, taken[key].shape, shape, where, FIT)
    kind = torch.int64 if key.endswith(COUNTER) else torch.float32
    return taken[key].to(kind, copy=True).contiguous()  # a copy: levels share convolutions, files cannot

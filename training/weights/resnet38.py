"""Weights for MitDet: ImageNet's for ResNet38 from MXNet's file or psa's, and checkpoints of MitDet's own code.

The file of the network's authors is ilsvrc-cls_rna-a1_cls1000_ep-0001.params. MitDet's code has psa's names, and heads
fc8_20 and fc8_200 for parents and children, in which the mitotic figure comes first; here it comes last.
"""

import re
from collections.abc import Mapping

import torch
from torch import Size, Tensor

from algorithm.errors import InputError
from training.weights.files import Imported, require_shape

PREFIX = re.compile(r"^((module|arg|aux)[.:])+")
TRUNK = "trunk."
SIGNS = ("conv1a.weight", "b2.conv_branch2a.weight", "bn7.weight")
PARENTS, CHILDREN = ("fc8.weight", "fc8_20.weight"), "fc8_200.weight"
PARENT_HEAD, CHILD_HEAD = "parent_head.weight", "child_head.weight"
OTHERS = ("fc8", "linear1000")
"""How the keys of heads begin."""
COUNTER = "num_batches_tracked"
NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_var": "running_var"}
"""MXNet's names for what psa calls so; some files leave out "moving"."""
MXNET = re.compile(r"(?P<kind>res|bn)(?P<stage>\d)(a|b(?P<unit>\d))_branch(?P<branch>\w+?)_(?P<part>(moving_)?[a-z]+)")
FIX = "Take ilsvrc-cls_rna-a1_cls1000_ep-0001.params, psa's resnet38 weights or a checkpoint of MitDet's code."
FIT = "The published network is of model.width=64 and model.units=[3, 3, 6, 3], its children are 4: set those."


def import_resnet38(source: Mapping[str, Tensor], shapes: Mapping[str, Size], where: str) -> Imported:
    """The source's tensors under the network's keys, float32.

    All of the trunk; the heads where the source has those of figures, turned so that the figure is the last class.
    Shapes are the network's, `where` is named in errors. Raises InputError for another layout, for sizes that are not
    the file's, and for tensors that are missing.
    """
    spelt = {_psa_key(PREFIX.sub("", key)): tensor for key, tensor in source.items()}
    missing = next((key for key in SIGNS if key not in spelt), None)
    if missing is not None:
        raise InputError(f"{where} is not laid out as a ResNet38: it has no {missing}.", FIX)
    if len(spelt) < len(source):
        raise InputError(f"{where} has a tensor twice, in two spellings.", FIX)
    heads = _heads(spelt, shapes)
    trunk = {TRUNK + key: tensor for key, tensor in spelt.items() if not key.startswith(OTHERS)}
    foreign = next((key for key in trunk if key not in shapes), None)
    if foreign is not None:
        raise InputError(f"{where} does not fit: the network has no {foreign}.", FIT)
    found = {**trunk, **{key: _figure_last(spelt[origin]) for key, origin in heads.items()}}
    wanted = [key for key in shapes if key in found or (key.startswith(TRUNK) and not key.endswith(COUNTER))]
    tensors = {key: _fitting(key, found, shapes[key], where) for key in wanted}
    return Imported(tensors, [key for key in spelt if key.startswith(OTHERS) and key not in heads.values()])


def _psa_key(key: str) -> str:
    """psa's name for MXNet's: conv1a_weight is conv1a.weight, bn4b2_branch2a_gamma is b4_2.bn_branch2a.weight."""
    if key == "conv1a_weight":
        return "conv1a.weight"
    name, _, part = key.partition("_")
    if name == "bn7":
        return f"bn7.{_norm(part)}"
    found = MXNET.fullmatch(key)
    if found is None:
        return key
    unit = f"b{found['stage']}" if found["unit"] is None else f"b{found['stage']}_{found['unit']}"
    kind = "conv" if found["kind"] == "res" else "bn"
    return f"{unit}.{kind}_branch{found['branch']}.{_norm(found['part'])}"


def _norm(part: str) -> str:
    return NORM.get(part) or NORM.get(f"moving_{part}", part)


def _heads(spelt: Mapping[str, Tensor], shapes: Mapping[str, Size]) -> dict[str, str]:
    """Which of the source's heads the network takes, by its own keys: psa's fc8 says the classes of photographs."""
    parents = [key for key in PARENTS if key in spelt and len(spelt[key]) == shapes[PARENT_HEAD][0]]
    heads = {PARENT_HEAD: parents[0]} if parents else {}
    if CHILDREN in spelt and CHILD_HEAD in shapes:
        heads[CHILD_HEAD] = CHILDREN
    return heads


def _figure_last(weight: Tensor) -> Tensor:
    """A head (classes, channels, 1, 1) of other tissue's classes, then the figure's, as (classes, channels)."""
    return weight.flatten(1).roll(len(weight) // 2, 0)


def _fitting(key: str, found: Mapping[str, Tensor], shape: Size, where: str) -> Tensor:
    if key not in found:
        raise InputError(f"{where} has no {key.removeprefix(TRUNK)}, so it holds no whole ResNet38 of this size.", FIT)
    require_shape(key, found[key].shape, shape, where, FIT)
    return found[key].to(torch.int64 if key.endswith(COUNTER) else torch.float32).contiguous()

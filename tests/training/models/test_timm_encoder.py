"""Encoders of timm: tiny networks of each kind under the head, and sentences where something is missing."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from algorithm.errors import AlgorithmError
from algorithm.size import Size
from training.graph import write_onnx
from training.model_settings import MultitaskSettings
from training.models.build import build_model
from training.models.lora import merge_lora
from training.models.timm_encoder import TimmEncoder
from training.weights.files import network_shapes


def settings(encoder: dict[str, Any], **others: Any) -> MultitaskSettings:
    tree = {"name": "multitask", "encoder": {"name": "timm", **encoder}, "head": [8], "decoder_width": 4}
    return MultitaskSettings.model_validate({**tree, **others})


def test_without_timm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(AlgorithmError, match=r"timm, which cannot be imported.*anaphase\[pretrained\]"):
        TimmEncoder("resnet18")


class WithTimm:
    """What needs timm, and a torchvision of torch's build."""

    @pytest.fixture(autouse=True)
    def _timm(self) -> None:
        pytest.importorskip("timm", exc_type=(ImportError, RuntimeError))


class TestConvolutionalNetworks(WithTimm):
    def test_maps_serve_all_tasks(self) -> None:
        model = build_model(settings({"model": "test_convnext"})).eval()
        assert model.encoder.channels == [24, 32, 48, 64]
        images = torch.rand(2, 3, 64, 96)
        with torch.no_grad():
            assert [tuple(x.shape[2:]) for x in model.encoder(images)] == [(16, 24), (8, 12), (4, 6), (2, 3)]
            tasks = model.all_tasks(images)
            assert torch.equal(tasks.atypical, model(images))
        assert tasks.segmentation.shape == (2, 1, 64, 96)
        assert tasks.pixel_classes.shape == (2, 3, 64, 96)

    def test_images_are_enlarged_for_it(self) -> None:
        torch.manual_seed(0)
        enlarging = TimmEncoder("test_convnext", maps=True, enlarge=1.5).eval()
        as_large = TimmEncoder("test_convnext", maps=True).eval()
        as_large.load_state_dict(enlarging.state_dict())
        even = torch.rand(2, 3, 1, 1)
        with torch.no_grad():
            found, expected = (enlarging(even.expand(-1, -1, 64, 64)), as_large(even.expand(-1, -1, 96, 96)))
        assert all(torch.allclose(x, y, atol=1e-5) for x, y in zip(found, expected, strict=True))

    def test_pooled_features_are_timms_own(self) -> None:
        torch.manual_seed(0)
        encoder = TimmEncoder("test_convnext").eval()
        images = torch.rand(2, 3, 64, 64)
        with torch.no_grad():
            (features,) = encoder(images)
            network = encoder.network
            expected = network.forward_head(network.forward_features(images), pre_logits=True)
        assert features.shape == (2, encoder.channels[0], 1, 1)
        assert torch.equal(features[:, :, 0, 0], expected)

    def test_lora_is_refused(self) -> None:
        with pytest.raises(AlgorithmError, match="test_resnet has no attention that LoRA could adapt"):
            TimmEncoder("test_resnet", lora_rank=2)


class TestTransformers(WithTimm):
    def test_lora_trains_and_exports_merged(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        own = settings({"model": "test_vit", "image_px": 32, "lora_rank": 2}, decoders=False)
        model = build_model(own)
        images, wanted = torch.rand(4, 3, 32, 32), torch.tensor([[0.0], [1.0], [0.0], [1.0]])
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0)
        original = model.encoder.network.blocks[0].attn.qkv.parametrizations.weight.original.clone()
        for _ in range(2):
            optimiser.zero_grad()
            nn.functional.binary_cross_entropy_with_logits(model(images), wanted).backward()
            optimiser.step()
        attention = model.encoder.network.blocks[0].attn.qkv
        assert torch.equal(attention.parametrizations.weight.original, original)
        assert not torch.equal(attention.weight, original)
        again = build_model(own, model.state_dict()).eval()
        with torch.no_grad():
            expected = again(images).numpy()
        write_onnx(merge_lora(again), Size.square(32), tmp_path / "graph.onnx")
        assert again.encoder.network.blocks[0].attn.qkv.weight.requires_grad is False
        session = onnxruntime.InferenceSession(tmp_path / "graph.onnx", providers=["CPUExecutionProvider"])
        (found,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
        np.testing.assert_allclose(found, expected, atol=1e-4)

    @pytest.mark.parametrize("name", ["vit_small_patch16_dinov3", "vit_small_patch16_dinov3_qkvb"])
    def test_dinov3_is_adapted(self, name: str) -> None:
        """With biases its attention takes the matrix out of its layer."""
        torch.manual_seed(0)
        encoder = TimmEncoder(name, image_px=32, lora_rank=2)
        (features,) = encoder(torch.rand(1, 3, 32, 32))
        assert features.shape == (1, *encoder.channels, 1, 1)
        features.square().sum().backward()
        ups = [
            parameter
            for key, parameter in encoder.named_parameters()
            if key.endswith("qkv.parametrizations.weight.0.up")
        ]
        assert ups
        assert all(up.grad.abs().sum() > 0 for up in ups)

    def test_decoders_are_refused(self) -> None:
        with pytest.raises(AlgorithmError, match=r"test_vit has strides of \[16, .*Add model\.decoders=false"):
            build_model(settings({"model": "test_vit", "image_px": 32}))


class TestNames(WithTimm):
    def test_an_unknown_name_is_refused(self) -> None:
        with pytest.raises(AlgorithmError, match=r"has no resnett18\. Give a name of timm"):
            TimmEncoder("resnett18")

    def test_a_setting_that_the_network_has_not_is_refused(self) -> None:
        with pytest.raises(AlgorithmError, match=r"timm cannot make test_convnext with .*img_size"):
            TimmEncoder("test_convnext", image_px=64)

    def test_weights_are_fetched_for_a_new_network_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not for its shapes, nor where a checkpoint has them."""
        timm = pytest.importorskip("timm", exc_type=(ImportError, RuntimeError))
        asked, create = [], timm.create_model

        def noting(name: str, pretrained: bool, **given: Any) -> nn.Module:
            asked.append(pretrained)
            return create(name, pretrained=False, **given)

        monkeypatch.setattr(timm, "create_model", noting)
        own = settings({"model": "test_resnet", "pretrained": True}, decoders=False)
        model = build_model(own)
        build_model(own, model.state_dict())
        assert network_shapes(own).keys() == model.state_dict().keys()
        assert asked == [True, False, False]

"""VM-UNet: a U-shaped segmentation network whose blocks are selective scans over the image in four directions.

Source: Ruan, Li and Xiang, "VM-UNet: Vision Mamba UNet for Medical Image Segmentation", 2024, section 3, with the
module names of its public code, so that VMamba and VM-UNet checkpoints load by key. Feature maps are (batch, height,
width, channels) inside.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, log

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.selective_scan import selective_scan
from training.models.unet import DoubleConvolution

DIRECTIONS = 4


class VMUNet(nn.Module):
    """Images to logits of one map per class, at the images' resolution.

    Input (batch, 3, height, width), height and width multiples of 8 * patch_size; output (batch, classes, height,
    width). The published configuration is the default: 27,427,561 parameters in 222 tensors. Pixels become tokens and
    tokens pixels by patches, as published, or, where `stem` has channels, through a U-Net's outer levels, which learn
    fine texture from far fewer images: `stem` is their channels from full resolution on, each level half as large as
    the one before and the tokens half as large as the last.
    """

    def __init__(
        self,
        width: int = 96,
        depths: Sequence[int] = (2, 2, 2, 2),
        decoder_depths: Sequence[int] = (2, 2, 2, 1),
        state_size: int = 16,
        patch_size: int = 4,
        drop_path: float = 0.2,
        stem: Sequence[int] = (),
        classes: int = 1,
    ) -> None:
        super().__init__()
        widths = [width * 2**stage for stage in range(4)]
        rates = np.linspace(0, drop_path, sum(depths)).tolist()
        decoder_rates = np.linspace(drop_path, 0, sum(decoder_depths)).tolist()
        if stem and 2 ** len(stem) != patch_size:
            raise ValueError(f"a stem of {len(stem)} levels for patches of {patch_size} px")
        self.patch_embed = ConvolutionalStem([*stem, width]) if stem else PatchEmbed(patch_size, width)
        self.layers = nn.ModuleList()
        for stage, depth in enumerate(depths):
            blocks = [VSSBlock(widths[stage], state_size, rates.pop(0)) for _ in range(depth)]
            self.layers.append(EncoderStage(blocks, PatchMerging(widths[stage]) if stage < 3 else None))
        self.layers_up = nn.ModuleList()
        for stage, depth in enumerate(decoder_depths):
            blocks = [VSSBlock(widths[3 - stage], state_size, decoder_rates.pop(0)) for _ in range(depth)]
            upsample = PatchExpand(widths[4 - stage]) if stage > 0 else None
            self.layers_up.append(DecoderStage(blocks, upsample))
        self.final_up = ConvolutionalHead([*stem, width]) if stem else ImageExpand(patch_size, width)
        self.final_conv = nn.Conv2d(self.final_up.channels, classes, 1)
        self.apply(_initialise_linear)

    def forward(self, images: Tensor) -> Tensor:
        *finer, x = self.patch_embed(images)
        entering = []
        for stage in self.layers:
            entering.append(x)
            x = stage(x)
        for number, stage in enumerate(self.layers_up):
            x = stage(x if number == 0 else x + entering[4 - number])
        return self.final_conv(self.final_up(x, finer).permute(0, 3, 1, 2))


class LayerNorm(nn.LayerNorm):
    """torch's, but in float32 under autocast on a CPU too, as it is on a GPU.

    Left to bfloat16, a CPU sums the gradients of weight and bias over all places in it and loses most of them.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.to(self.weight.dtype))


class PatchEmbed(nn.Module):
    """Cuts images into square patches and embeds each: (B, 3, H, W) to (B, H / patch_size, W / patch_size, width).

    A list of that alone: there are no finer maps.
    """

    def __init__(self, patch_size: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch_size, stride=patch_size)
        self.norm = LayerNorm(width)

    def forward(self, images: Tensor) -> list[Tensor]:
        return [self.norm(self.proj(images).permute(0, 2, 3, 1))]


class ConvolutionalStem(nn.Module):
    """A U-Net's way down in place of PatchEmbed; widths: channels at each resolution, the last are the tokens'.

    The maps of all resolutions, finest first, (B, C, H, W); the last are the tokens, of PatchEmbed's shape. Source of
    the idea: Xiao et al., "Early Convolutions Help Transformers See Better", NeurIPS 2021, section 4.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            DoubleConvolution(before, after) for before, after in zip([3, *widths], widths, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        self.norm = LayerNorm(widths[-1])

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = [self.stages[0](images)]
        for stage in self.stages[1:]:
            maps.append(stage(self.pool(maps[-1])))
        return [*maps[:-1], self.norm(maps[-1].permute(0, 2, 3, 1))]


class ConvolutionalHead(nn.Module):
    """A U-Net's way up from tokens (B, h, w, C) and the stem's finer maps to (B, H, W, channels)."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        coarse_to_fine = widths[::-1]
        steps = list(pairwise(coarse_to_fine))
        self.channels = coarse_to_fine[-1]
        self.upsample = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2, 2) for coarse, fine in steps)
        self.stages = nn.ModuleList(DoubleConvolution(2 * fine, fine) for _, fine in steps)

    def forward(self, tokens: Tensor, finer: list[Tensor]) -> Tensor:
        x = tokens.permute(0, 3, 1, 2)
        for upsample, stage, fine in zip(self.upsample, self.stages, finer[::-1], strict=True):
            x = stage(torch.cat([fine, upsample(x)], dim=1))
        return x.permute(0, 2, 3, 1)


class PatchMerging(nn.Module):
    """Halves the resolution and doubles the channels: the four pixels of each 2 x 2 square side by side, projected."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = LayerNorm(4 * channels)
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        corners = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        return self.reduction(self.norm(torch.cat(corners, dim=-1)))


class Expansion(nn.Module):
    """Enlarges a map by `factor`: `expanded` channels are laid out as factor x factor pixels, then normalised."""

    def __init__(self, channels: int, expanded: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.expand = nn.Linear(channels, expanded, bias=False)
        self.norm = LayerNorm(expanded // factor**2)

    def enlarged(self, x: Tensor) -> Tensor:
        height, width = x.shape[1:3]
        x = self.expand(x).unflatten(-1, (self.factor, self.factor, -1))
        x = x.permute(0, 1, 3, 2, 4, 5).reshape(-1, height * self.factor, width * self.factor, x.shape[-1])
        return self.norm(x)


class PatchExpand(Expansion):
    """Doubles the resolution between two stages and halves the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 2 * channels, factor=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.enlarged(x)


class ImageExpand(Expansion):
    """Enlarges tokens to a map (B, H, W, channels) of the image's size, with a quarter of their channels."""

    def __init__(self, patch_size: int, width: int) -> None:
        super().__init__(width, width * patch_size**2 // 4, factor=patch_size)
        self.channels = width // 4

    def forward(self, tokens: Tensor, _: list[Tensor]) -> Tensor:
        return self.enlarged(tokens)


class EncoderStage(nn.Module):
    """Blocks at one resolution, then the way down."""

    def __init__(self, blocks: list["VSSBlock"], downsample: PatchMerging | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class DecoderStage(nn.Module):
    """The way up, then blocks at one resolution."""

    def __init__(self, blocks: list["VSSBlock"], upsample: PatchExpand | None) -> None:
        super().__init__()
        self.upsample = upsample
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.upsample is None else self.upsample(x)
        for block in self.blocks:
            x = block(x)
        return x


class VSSBlock(nn.Module):
    """x + DropPath(SS2D(LayerNorm(x))); there is no MLP branch."""

    def __init__(self, channels: int, state_size: int, drop_path: float) -> None:
        super().__init__()
        self.ln_1 = LayerNorm(channels)
        self.self_attention = SS2D(channels, state_size)
        self.drop_path = drop_path

    def forward(self, x: Tensor) -> Tensor:
        branch = self.self_attention(self.ln_1(x))
        if self.training and self.drop_path > 0:
            kept = torch.rand(x.shape[0], 1, 1, 1, device=x.device) >= self.drop_path
            branch = branch * kept / (1 - self.drop_path)
        return x + branch


class SS2D(nn.Module):
    """Selective scan over a feature map in four directions: rows, columns, and both backwards.

    Inner width D = 2 * channels, rank of the time step R = ceil(channels / 16), as VM-UNet sets them.
    """

    def __init__(self, channels: int, state_size: int) -> None:
        super().__init__()
        inner, self.rank, self.state_size = 2 * channels, ceil(channels / 16), state_size
        self.in_proj = nn.Linear(channels, 2 * inner, bias=False)
        self.conv2d = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        spread = inner**-0.5
        self.x_proj_weight = nn.Parameter(
            torch.empty(DIRECTIONS, self.rank + 2 * state_size, inner).uniform_(-spread, spread)
        )
        spread = self.rank**-0.5
        self.dt_projs_weight = nn.Parameter(torch.empty(DIRECTIONS, inner, self.rank).uniform_(-spread, spread))
        self.dt_projs_bias = nn.Parameter(_time_step_bias(DIRECTIONS, inner))
        decays = torch.arange(1, state_size + 1, dtype=torch.float32).log()
        self.A_logs = nn.Parameter(decays.repeat(DIRECTIONS * inner, 1))
        self.Ds = nn.Parameter(torch.ones(DIRECTIONS * inner))
        self.out_norm = LayerNorm(inner)
        self.out_proj = nn.Linear(inner, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x, gate = self.in_proj(x).chunk(2, dim=-1)
        x = F.silu(self.conv2d(x.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
        y = self.out_norm(self._scan(x)) * F.silu(gate)
        return self.out_proj(y)

    def _scan(self, x: Tensor) -> Tensor:
        """(batch, height, width, inner) to the same shape: scanned in four directions and summed."""
        height, width = x.shape[1:3]
        places = x.flatten(1, 2)
        projected = torch.einsum("bld,kcd->blkc", places, self.x_proj_weight)
        time_step, B, C = projected.split([self.rank, self.state_size, self.state_size], dim=-1)
        delta = torch.einsum("blkr,kdr->blkd", time_step, self.dt_projs_weight)
        A = -torch.exp(self.A_logs.unflatten(0, (DIRECTIONS, -1))).transpose(1, 2)
        D = self.Ds.unflatten(0, (DIRECTIONS, -1))
        orders = scan_orders(height, width, x.device)
        y = selective_scan(places, delta, self.dt_projs_bias, A, B, C, D, orders)
        return y.unflatten(1, (height, width))


def scan_orders(height: int, width: int, device: torch.device) -> Tensor:
    """(4, height * width): the places of a map by rows, by columns, and both backwards."""
    rows = torch.arange(height * width, device=device)
    onward = torch.stack([rows, rows.view(height, width).T.flatten()])
    return torch.cat([onward, onward.flip(1)])


def _time_step_bias(*shape: int) -> Tensor:
    """Biases whose softplus is log-uniform in [0.001, 0.1]."""
    step = torch.exp(torch.empty(*shape).uniform_(log(0.001), log(0.1))).clamp(min=1e-4)
    return step + torch.log(-torch.expm1(-step))


def _initialise_linear(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)

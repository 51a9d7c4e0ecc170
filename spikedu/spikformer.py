"""The Spikformer, whole, in the order in which it is understood.

Two compositions carry everything: `SpikingLinear` = SN(BN(X W)) and `SpikingConv2d` =
SN(BN(Conv2d(X))). Tokens are [T, B, N, D], images [T, B, C, H, W]: time first, then the
batch. Only the neurons know time; every other layer sees T and B merged, so BatchNorm
takes its statistics over both. Equation numbers as in `functional`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spikedu import arguments, fused
from spikedu.functional import lif_step, lif_step_hard

NEURONS = {"hard": lif_step_hard, "soft": lif_step}


@dataclass(frozen=True)
class SpikformerConfig:
    """Every choice that makes a Spikformer, with its symbol; presets are below."""

    dim: int = 384  # D: entries of a token; the stages have D/8, D/4, D/2, D channels
    depth: int = 4  # L: encoder blocks
    heads: int = 12  # h: D/h = d entries of a token in each
    steps: int = 4  # T: how often a still image is shown
    classes: int = 10  # K
    channels: int = 3  # C: colours, or 2 event polarities
    image_size: int = 32  # H = W
    pools: tuple[bool, ...] = (False, False, True, True)  # which stages halve the image
    mlp_ratio: float = 4.0  # hidden entries of the MLP, per D
    scale: float = 0.125  # s of Eq. (15): a constant, not 1/sqrt(d)
    qkv_bias: bool = True  # cancels in BatchNorm; the ImageNet and DVS releases drop it
    neuron: Literal["hard", "soft"] = "hard"  # the released one, or that of Eq. (1)

    def __post_init__(self) -> None:
        _validate(self)

    @property
    def patches(self) -> int:  # N: 64 for 32x32 images with two pooling stages
        return math.prod(grid(self, self.image_size, self.image_size))


def grid(config: SpikformerConfig, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of patches that an image of this size is split into."""
    pools = sum(config.pools)
    for name, size in (("image height", height), ("image width", width)):
        why = f"each of the {pools} pooling stages halves it"
        arguments.divides(name, size, 2**pools, why)
    return height // 2**pools, width // 2**pools


def _validate(c: SpikformerConfig) -> None:
    for name in "dim depth heads steps classes channels image_size".split():
        arguments.count(name, getattr(c, name))
    arguments.number("mlp_ratio", c.mlp_ratio, 0, above=True)
    arguments.number("scale", c.scale, 0, above=True)
    arguments.choice("neuron", c.neuron, tuple(NEURONS))
    arguments.choice("qkv_bias", c.qkv_bias, (True, False))
    arguments.flags("pools", c.pools, 4)
    arguments.divides("dim", c.dim, 8, "the stages have dim/8 to dim channels")
    arguments.divides("dim", c.dim, c.heads, "each head gets dim/heads entries")
    arguments.count("dim * mlp_ratio", round(c.dim * c.mlp_ratio))
    arguments.divides("image_size", c.image_size, 2 ** sum(c.pools), "pools halve it")


class LIF(nn.Module):
    """SN: neurons, [T, ...] current -> [T, ...] spikes, from rest at each call."""

    def __init__(self, config: SpikformerConfig, threshold: float = 1.0) -> None:
        super().__init__()
        self.step, self.threshold, self.beta = NEURONS[config.neuron], threshold, 0.5

    def forward(self, current: Float[Tensor, "T *shape"]) -> Float[Tensor, "T *shape"]:
        return fused.spikes(current, self.beta, self.threshold, self.step)

    def extra_repr(self) -> str:
        return f"{self.step.__name__}, beta={self.beta}, threshold={self.threshold}"


class SpikingLinear(nn.Module):
    """SN(BN(X W)): Eqs. (12), (13), (14), (16) and both layers of the MLP."""

    def __init__(self, config: SpikformerConfig, n_in: int, n_out: int, bias=True):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out, bias=bias)
        self.bn = nn.BatchNorm1d(n_out)
        self.lif = LIF(config)

    def forward(self, x: Float[Tensor, "T B N Din"]) -> Float[Tensor, "T B N Dout"]:
        current = self.bn(self.linear(x).flatten(0, 2))
        return self.lif(current.unflatten(0, x.shape[:3]))


class SpikingConv2d(nn.Module):
    """SN(BN(Conv2d(X))), 3x3: Eq. (6), and what Eq. (11) pools."""

    def __init__(self, config: SpikformerConfig, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel_size=3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(n_out)
        self.lif = LIF(config)

    def forward(self, x: Float[Tensor, "T B Cin H W"]) -> Float[Tensor, "T B Cout H W"]:
        current = self.bn(self.conv(x.flatten(0, 1)))
        return self.lif(current.unflatten(0, x.shape[:2]))


class PatchSplittingStage(nn.Module):
    """MP(SN(BN(Conv2d(I)))), Eq. (11); without the pool the image keeps its size."""

    def __init__(self, config: SpikformerConfig, n_in: int, n_out: int, pool: bool):
        super().__init__()
        self.spiking_conv = SpikingConv2d(config, n_in, n_out)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1) if pool else nn.Identity()

    def forward(self, x: Float[Tensor, "T B Cin H W"]) -> Float[Tensor, "T B Cout h w"]:
        x = self.spiking_conv(x)
        return self.pool(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class SpikingPatchSplitting(nn.Module):
    """x = SPS(I), Eq. (5): four stages, from image to a grid of spiking patches."""

    def __init__(self, config: SpikformerConfig) -> None:
        super().__init__()
        width = [config.channels] + [config.dim // n for n in (8, 4, 2, 1)]
        stages = zip(width, width[1:], config.pools, strict=False)
        self.stages = nn.Sequential(*(PatchSplittingStage(config, *s) for s in stages))

    def forward(self, images: Float[Tensor, "T B C H W"]) -> Float[Tensor, "T B D h w"]:
        return self.stages(images)


class SpikingPositionEmbedding(nn.Module):
    """RPE = SN(BN(Conv2d(x))) on the grid, Eq. (6): a patch sees its neighbours."""

    def __init__(self, config: SpikformerConfig) -> None:
        super().__init__()
        self.spiking_conv = SpikingConv2d(config, config.dim, config.dim)

    def forward(self, x: Float[Tensor, "T B D h w"]) -> Float[Tensor, "T B D h w"]:
        return self.spiking_conv(x)


class SpikingSelfAttention(nn.Module):
    """SSA(X), Eqs. (12)-(16): no softmax; the neuron of Eq. (15) has threshold 0.5."""

    def __init__(self, config: SpikformerConfig) -> None:
        super().__init__()
        dim, self.heads, self.scale = config.dim, config.heads, config.scale
        self.query = SpikingLinear(config, dim, dim, config.qkv_bias)
        self.key = SpikingLinear(config, dim, dim, config.qkv_bias)
        self.value = SpikingLinear(config, dim, dim, config.qkv_bias)
        self.lif = LIF(config, threshold=0.5)
        self.out = SpikingLinear(config, dim, dim)

    def split(self, x: Float[Tensor, "T B N D"]) -> Float[Tensor, "T B h N d"]:
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)

    def forward(self, x: Float[Tensor, "T B N D"]) -> Float[Tensor, "T B N D"]:
        q = self.split(self.query(x))  # Eq. (12)
        k = self.split(self.key(x))  # Eq. (13)
        v = self.split(self.value(x))  # Eq. (14)
        current = fused.spiking_attention(q, k, v, self.scale)
        spikes = self.lif(current.transpose(-3, -2).flatten(-2))  # Eq. (15)
        return self.out(spikes)  # Eq. (16)


class SpikingMLP(nn.Module):
    """MLP of Eq. (9), undefined in print: SN(BN(Linear)) twice, D -> 4D -> D."""

    def __init__(self, config: SpikformerConfig) -> None:
        super().__init__()
        hidden = round(config.dim * config.mlp_ratio)
        self.up = SpikingLinear(config, config.dim, hidden)
        self.down = SpikingLinear(config, hidden, config.dim)

    def forward(self, x: Float[Tensor, "T B N D"]) -> Float[Tensor, "T B N D"]:
        return self.down(self.up(x))


class EncoderBlock(nn.Module):
    """Eqs. (8), (9): attention and MLP, each added; counts 0..2+2l after block l."""

    def __init__(self, config: SpikformerConfig) -> None:
        super().__init__()
        self.ssa = SpikingSelfAttention(config)
        self.mlp = SpikingMLP(config)

    def forward(self, x: Float[Tensor, "T B N D"]) -> Float[Tensor, "T B N D"]:
        x = self.ssa(x) + x  # Eq. (8)
        return self.mlp(x) + x  # Eq. (9)


class Spikformer(nn.Module):
    """Eqs. (5)-(10): images [B, C, H, W] or frames [T, B, C, H, W] -> logits [B, K]."""

    def __init__(self, config: SpikformerConfig) -> None:
        arguments.instance("config", config, SpikformerConfig)
        super().__init__()
        self.config = config
        self.sps = SpikingPatchSplitting(config)
        self.rpe = SpikingPositionEmbedding(config)
        blocks = [EncoderBlock(config) for _ in range(config.depth)]
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(config.dim, config.classes)
        self.apply(_initialise)
        self.to(memory_format=torch.channels_last)  # what convolutions are fastest in

    def forward(self, images: Float[Tensor, "*T B C H W"]) -> Float[Tensor, "B K"]:
        arguments.images(images, self.config.channels, self.head.weight)
        grid(self.config, *images.shape[-2:])
        if images.ndim == 4:  # a still image is shown T times
            images = images.expand(self.config.steps, *images.shape)
        x = self.sps(images)  # Eq. (5)
        x = self.rpe(x) + x  # Eqs. (6), (7)
        x = self.blocks(x.flatten(-2).mT)  # tokens, row by row; Eqs. (8), (9)
        return self.head(x.mean(2).mean(0))  # over tokens and time, Eq. (10)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):  # convolutions and BatchNorm keep PyTorch's own
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


_DVS = dict(channels=2, image_size=128, pools=(True,) * 4, qkv_bias=False, scale=0.25)
_IMAGENET = dict(classes=1000, image_size=224, pools=(True,) * 4, qkv_bias=False)
_DIGITS = dict(channels=1, image_size=8, pools=(False, False, False, True))
DIGITS = SpikformerConfig(64, 2, 4, **_DIGITS)
CIFAR10_4_256 = SpikformerConfig(256, 4, 8)
CIFAR10_4_384 = SpikformerConfig(384, 4, 12)
CIFAR10_2_384 = SpikformerConfig(384, 2, 12)
CIFAR10_DVS_2_256 = SpikformerConfig(256, 2, 16, steps=16, **_DVS)
IMAGENET_8_384 = SpikformerConfig(384, 8, 12, **_IMAGENET)
IMAGENET_6_512 = SpikformerConfig(512, 6, 8, **_IMAGENET)
IMAGENET_8_512 = SpikformerConfig(512, 8, 8, **_IMAGENET)
IMAGENET_10_512 = SpikformerConfig(512, 10, 8, **_IMAGENET)
IMAGENET_8_768 = SpikformerConfig(768, 8, 12, **_IMAGENET)
PRESETS = {name: c for name, c in globals().items() if isinstance(c, SpikformerConfig)}

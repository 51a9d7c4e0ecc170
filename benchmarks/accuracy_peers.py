"""What `accuracy.py` trains beside our network: each gives scores [B, K] for images.

`loss(x, y)` is what the training minimises. Inputs are images [B, C, H, W].
"""

import math

import snntorch as snn
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from spikedu.spikformer import SpikformerConfig, SpikingPatchSplitting


class Scores(nn.Module):
    """A network whose scores are logits: cross-entropy with label smoothing."""

    smoothing = 0.1

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(self(x), y, label_smoothing=self.smoothing)


class TutorialMLP(Scores):
    """snnTorch's fifth tutorial: two layers, 25 steps, beta 0.95, spikes are counted.

    As there, the loss is the sum over time of the cross-entropy of the membranes.
    """

    def __init__(self, config: SpikformerConfig, hidden: int = 1000, steps: int = 25):
        super().__init__()
        self.steps = steps
        self.fc1 = nn.Linear(config.channels * config.image_size**2, hidden)
        self.lif1 = snn.Leaky(beta=0.95)
        self.fc2 = nn.Linear(hidden, config.classes)
        self.lif2 = snn.Leaky(beta=0.95)

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        current = self.fc1(x.flatten(1))  # the same at each step
        mem1, spikes, membranes = torch.zeros_like(current), [], []
        mem2 = torch.zeros(len(x), self.fc2.out_features, device=x.device)
        for _ in range(self.steps):
            spk1, mem1 = self.lif1(current, mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spikes.append(spk2)
            membranes.append(mem2)
        return torch.stack(spikes), torch.stack(membranes)

    def forward(self, x: Tensor) -> Tensor:
        return self.both(x)[0].sum(0)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        membranes = self.both(x)[1]
        return sum(cross_entropy(mem, y) for mem in membranes)


class ConvSNN(Scores):
    """Three layers Conv2d -> BN -> `snntorch.Leaky`, two of them pooled, and a readout.

    As wide as the parameters of `budget` allow; T as in our network, the image itself
    is the current at each step.
    """

    def __init__(self, config: SpikformerConfig, budget: int) -> None:
        super().__init__()
        self.steps = config.steps
        side = config.image_size // 4

        def build(c: int) -> tuple[nn.ModuleList, nn.ModuleList, nn.Linear]:
            widths = [config.channels, c, 2 * c, 4 * c]
            pairs = list(zip(widths, widths[1:], strict=False))
            convs = [nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in pairs]
            bns = [nn.BatchNorm2d(b) for _, b in pairs]
            readout = nn.Linear(4 * c * side**2, config.classes)
            return nn.ModuleList(convs), nn.ModuleList(bns), readout

        def count(c: int) -> int:
            with torch.device("meta"):
                return sum(p.numel() for m in build(c) for p in m.parameters())

        width = max(c for c in range(1, 512) if count(c) <= budget)
        self.convs, self.bns, self.readout = build(width)
        self.leaky = nn.ModuleList(snn.Leaky(beta=0.5) for _ in range(3))
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        x = x.expand(self.steps, *x.shape)
        for n in range(3):
            current = self.bns[n](self.convs[n](x.flatten(0, 1)))
            current = current.unflatten(0, x.shape[:2])
            mem, spikes = torch.zeros_like(current[0]), []
            for step in current:
                spk, mem = self.leaky[n](step, mem)
                spikes.append(spk)
            x = torch.stack(spikes)
            if n:
                x = self.pool(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return self.readout(x.flatten(2)).mean(0)


def block(n_in: int, n_out: int, bias: bool = True) -> nn.Sequential:
    """BN(X W) and ReLU, for tokens [B, N, D]."""
    return nn.Sequential(nn.Linear(n_in, n_out, bias), Channels(n_out), nn.ReLU())


class Channels(nn.BatchNorm1d):
    """BatchNorm over images and tokens of [B, N, D]."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, 1)).view_as(x)


def convolution(n_in: int, n_out: int) -> nn.Sequential:
    conv = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(n_out), nn.ReLU())


class SoftmaxBlock(nn.Module):
    def __init__(self, c: SpikformerConfig) -> None:
        super().__init__()
        hidden = round(c.dim * c.mlp_ratio)
        qkv = (block(c.dim, c.dim, c.qkv_bias) for _ in range(3))
        self.qkv, self.heads = nn.ModuleList(qkv), c.heads
        self.out = block(c.dim, c.dim)
        self.mlp = nn.Sequential(block(c.dim, hidden), block(hidden, c.dim))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            f(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for f in self.qkv
        )
        weights = torch.softmax(q @ k.mT / math.sqrt(q.shape[-1]), dim=-1)
        x = x + self.out((weights @ v).transpose(1, 2).flatten(2))
        return x + self.mlp(x)


class SoftmaxTwin(Scores):
    """The same layers without spikes: T = 1, ReLU, softmax(Q K^T / sqrt(d)) V."""

    def __init__(self, c: SpikformerConfig) -> None:
        super().__init__()
        widths, stages = [c.channels, c.dim // 8, c.dim // 4, c.dim // 2, c.dim], []
        for a, b, pool in zip(widths, widths[1:], c.pools, strict=False):
            stages.append(convolution(a, b))
            stages += [nn.MaxPool2d(3, stride=2, padding=1)] * pool
        self.stem, self.position = nn.Sequential(*stages), convolution(c.dim, c.dim)
        self.blocks = nn.Sequential(*(SoftmaxBlock(c) for _ in range(c.depth)))
        self.head = nn.Linear(c.dim, c.classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = (x + self.position(x)).flatten(2).mT
        return self.head(self.blocks(x).mean(1))


class StemAlone(Scores):
    """Our spiking patch splitting, its mean over the grid and time, and a Linear."""

    def __init__(self, c: SpikformerConfig) -> None:
        super().__init__()
        self.steps, self.stem = c.steps, SpikingPatchSplitting(c)
        self.head = nn.Linear(c.dim, c.classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x.expand(self.steps, *x.shape))
        return self.head(x.mean((0, 3, 4)))

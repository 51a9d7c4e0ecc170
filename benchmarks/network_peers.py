"""The released Spikformer as a user of snnTorch would write it, and SpikingJelly's own.

`Transcription` follows the published network layer by layer with `snntorch.Leaky`
looped over time. Its parts bear the released names, so `spikedu.released.export` gives
it our weights, and it must give our logits.
SpikingJelly 2.0.0 ships a later variant: it pools before the neuron and has no biases.
It does the same kind of work and is a peer in speed alone.
"""

import copy

import numpy as np
import snntorch as snn
import torch
from torch import Tensor, nn

from spikedu import released
from spikedu.spikformer import LIF, Spikformer, SpikformerConfig

try:
    from spikingjelly.activation_based import functional as jelly_functional
    from spikingjelly.activation_based.model import spikformer as jelly
except ImportError:
    jelly = None


class Neurons(nn.Module):
    """[T, ...] current -> spikes: H = U + (X - U)/2, fires on H >= U_th, reset to 0."""

    def __init__(self, threshold: float = 1.0) -> None:
        super().__init__()
        self.leaky = snn.Leaky(
            beta=0.5,
            threshold=float(np.nextafter(np.float32(threshold), np.float32(0))),  # >=
            reset_mechanism="zero",
            reset_delay=True,
            spike_grad=snn.surrogate.sigmoid(slope=4),
        )

    def forward(self, x: Tensor) -> Tensor:
        mem, spikes = torch.zeros_like(x[0]), []
        for current in x:
            spk, mem = self.leaky(current / 2, mem)
            spikes.append(spk)
        return torch.stack(spikes)


class PatchEmbed(nn.Module):
    """Four stages Conv2d -> BN -> neurons, some pooled, and the position embedding."""

    def __init__(self, c: SpikformerConfig) -> None:
        super().__init__()
        widths = [c.channels, c.dim // 8, c.dim // 4, c.dim // 2, c.dim]
        for n in range(4):
            conv = nn.Conv2d(widths[n], widths[n + 1], 3, padding=1, bias=False)
            self.add_module(f"proj_conv{n or ''}", conv)
            self.add_module(f"proj_bn{n or ''}", nn.BatchNorm2d(widths[n + 1]))
            self.add_module(f"proj_lif{n or ''}", Neurons())
        self.rpe_conv = nn.Conv2d(c.dim, c.dim, 3, padding=1, bias=False)
        self.rpe_bn = nn.BatchNorm2d(c.dim)
        self.rpe_lif = Neurons()
        self.pools = c.pools
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        steps, batch = x.shape[:2]
        for n, pool in enumerate(self.pools):
            x = getattr(self, f"proj_conv{n or ''}")(x.flatten(0, 1))
            x = getattr(self, f"proj_bn{n or ''}")(x)
            x = getattr(self, f"proj_lif{n or ''}")(x.unflatten(0, (steps, batch)))
            if pool:
                x = self.maxpool(x.flatten(0, 1)).unflatten(0, (steps, batch))
        position = self.rpe_bn(self.rpe_conv(x.flatten(0, 1)))
        x = x + self.rpe_lif(position.unflatten(0, (steps, batch)))
        return x.flatten(3).transpose(2, 3)  # [T, B, N, D]


def linear_bn(linear: nn.Linear, bn: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """BatchNorm1d wants the channels in the middle: two transposes."""
    steps, batch = x.shape[:2]
    x = linear(x.flatten(0, 1))
    return bn(x.transpose(1, 2)).transpose(1, 2).unflatten(0, (steps, batch))


class Attention(nn.Module):
    def __init__(self, c: SpikformerConfig) -> None:
        super().__init__()
        for name in ("q", "k", "v", "proj"):
            bias = c.qkv_bias or name == "proj"
            self.add_module(f"{name}_linear", nn.Linear(c.dim, c.dim, bias))
            self.add_module(f"{name}_bn", nn.BatchNorm1d(c.dim))
            self.add_module(f"{name}_lif", Neurons())
        self.attn_lif = Neurons(0.5)
        self.heads, self.scale = c.heads, c.scale

    def forward(self, x: Tensor) -> Tensor:
        q = self.q_lif(linear_bn(self.q_linear, self.q_bn, x))
        k = self.k_lif(linear_bn(self.k_linear, self.k_bn, x))
        v = self.v_lif(linear_bn(self.v_linear, self.v_bn, x))
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(2, 3) for y in (q, k, v))
        weights = q @ k.transpose(-2, -1) * self.scale
        x = (weights @ v).transpose(2, 3).flatten(3)
        x = self.attn_lif(x)
        return self.proj_lif(linear_bn(self.proj_linear, self.proj_bn, x))


class MLP(nn.Module):
    def __init__(self, c: SpikformerConfig) -> None:
        super().__init__()
        hidden = round(c.dim * c.mlp_ratio)
        self.fc1_linear, self.fc1_bn = nn.Linear(c.dim, hidden), nn.BatchNorm1d(hidden)
        self.fc1_lif = Neurons()
        self.fc2_linear, self.fc2_bn = nn.Linear(hidden, c.dim), nn.BatchNorm1d(c.dim)
        self.fc2_lif = Neurons()

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc1_lif(linear_bn(self.fc1_linear, self.fc1_bn, x))
        return self.fc2_lif(linear_bn(self.fc2_linear, self.fc2_bn, x))


class Block(nn.Module):
    def __init__(self, c: SpikformerConfig) -> None:
        super().__init__()
        self.attn, self.mlp = Attention(c), MLP(c)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(x)
        return x + self.mlp(x)


class Transcription(nn.Module):
    """Images [B, C, H, W] -> logits [B, K], with the weights of `model` if given."""

    def __init__(self, config: SpikformerConfig, model: Spikformer | None = None):
        super().__init__()
        self.steps = config.steps
        self.patch_embed = PatchEmbed(config)
        self.block = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.head = nn.Linear(config.dim, config.classes)
        if model is not None:
            weights = released.export(model)
            found = self.load_state_dict(weights, strict=False)
            constants = [name for name in found.missing_keys if ".leaky." not in name]
            assert not constants and not found.unexpected_keys, found

    def forward(self, images: Tensor) -> Tensor:
        x = self.patch_embed(images.unsqueeze(0).repeat(self.steps, 1, 1, 1, 1))
        for block in self.block:
            x = block(x)
        return self.head(x.mean(2).mean(0))


class Jelly(nn.Module):
    """SpikingJelly's own Spikformer of this size, reset before each batch."""

    def __init__(self, config: SpikformerConfig) -> None:
        super().__init__()
        self.net = jelly.Spikformer(
            T=config.steps,
            in_channels=config.channels,
            img_size_h=config.image_size,
            img_size_w=config.image_size,
            patch_size=4,
            num_classes=config.classes,
            embed_dims=config.dim,
            num_heads=config.heads,
            mlp_ratio=config.mlp_ratio,
            depths=config.depth,
        )

    def forward(self, images: Tensor) -> Tensor:
        jelly_functional.reset_net(self.net)
        return self.net(images).mean(0)


# ---------------------------------------------------------------- same network?
@torch.no_grad()
def spikes(net, x: Tensor) -> list[Tensor]:
    """What each group of neurons fires in one pass, in order; then the logits."""
    trace = []
    hooks = [
        module.register_forward_hook(lambda module, given, out: trace.append(out))
        for module in net.modules()
        if isinstance(module, LIF | Neurons)
    ]
    logits = net.eval()(x)
    for hook in hooks:
        hook.remove()
    return [*trace, logits]


def lively(model: Spikformer, x: Tensor) -> Spikformer:
    """A copy in which all neurons take part: BatchNorm that lifts every current.

    Networks that stay silent would agree whatever they compute.
    """
    model = copy.deepcopy(model).train()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.bias.uniform_(0.5, 1.5)
        for _ in range(10):  # statistics that are not 0 and 1
            model(x)
    return model


def agreement(model: Spikformer, x: Tensor, y: Tensor, make) -> str:
    """Ours and the transcription: logits, spikes, and the losses of five steps.

    A spike that flips at rounding makes two curves of one, so a third curve, of the
    transcription in another memory layout, says how far apart those lie.
    """
    x, y = x[:8], y[:8]
    model = lively(model, x)
    two = {"ours": model, "snnTorch": Transcription(model.config, model).to(x.device)}
    *ours, logits = spikes(two["ours"], x)
    *theirs, right = spikes(two["snnTorch"], x)
    said = [f"logits within {(logits - right).abs().max():.1e}"]
    if len(ours) == len(theirs):
        pairs = [
            (a if a.shape == b.shape else a.mT, b)
            for a, b in zip(ours, theirs, strict=True)
        ]
        if all(a.shape == b.shape for a, b in pairs):
            differ = sum(int((a != b).sum()) for a, b in pairs)
            total = sum(b.numel() for b in theirs)
            said.append(f"{differ} of {total:,} spikes differ")
            rates = [b.mean().item() for b in theirs]
            said.append(f"rates of the layers {min(rates):.2f} to {max(rates):.2f}")
    again = copy.deepcopy(two["snnTorch"])
    two["again"] = again.to(memory_format=torch.channels_last)
    curves = {}
    for name, net in two.items():
        step = make(net, x, y, "float32")
        curves[name] = torch.tensor([step().item() for _ in range(5)])
    off, noise = (curves[n] - curves["snnTorch"] for n in ("ours", "again"))
    said += [
        f"losses of five steps {listed(curves['ours'], '.3f')}",
        f"off by {listed(off.abs(), '.0e')}",
        f"the transcription in another memory layout: by {listed(noise.abs(), '.0e')}",
    ]
    return f"Ours against the transcription: {'; '.join(said)}."


def listed(values: Tensor, form: str) -> str:
    return ", ".join(format(value, form) for value in values.tolist())

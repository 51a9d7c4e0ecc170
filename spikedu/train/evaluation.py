"""How good a network is, and how busy its neurons are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from spikedu import arguments, data
from spikedu.spikformer import LIF, Spikformer
from spikedu.train import ranks

Counts = dict[str, tuple[float, int]]


@torch.no_grad()
def evaluate(model: Spikformer, images: data.Images) -> tuple[float, float]:
    """Mean cross-entropy (nats) and accuracy (0 to 1) in eval mode.

    Of several processes each takes its share, so that all of them have to call it.
    """
    arguments.instance("model", model, Spikformer)
    data.check("images", images, model.config.channels, model.config.classes)
    device = next(model.parameters()).device
    training, loss, right = model.training, 0.0, 0
    model.eval()
    pairs = (ranks.share(x).split(256) for x in images)
    for x, y in zip(*pairs, strict=True):
        if len(x):
            y = y.to(device)
            logits = at_least_float32(model(data.as_float(x.to(device))))
            loss += cross_entropy(logits, y, reduction="sum").item()
            right += (logits.argmax(1) == y).sum().item()
    model.train(training)
    if ranks.count() > 1:
        sums = torch.tensor([loss, right], dtype=torch.float64, device=device)
        loss, right = ranks.total(sums).tolist()
    return loss / len(images.labels), right / len(images.labels)


def at_least_float32(logits: Tensor) -> Tensor:
    """Half precision is for products: a loss is taken of more digits."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


@contextmanager
def spike_counts(model: nn.Module) -> Iterator[Counts]:
    """By layer: spikes, and neurons times steps, in the first batch that comes by."""
    counts, hooks = {}, []
    for name, module in model.named_modules():
        if isinstance(module, LIF):

            def note(module, inputs, spikes, name=name):
                if name not in counts:
                    counts[name] = spikes.float().sum().item(), spikes.numel()

            hooks.append(module.register_forward_hook(note))
    try:
        yield counts
    finally:
        for hook in hooks:
            hook.remove()


def firing_rates(counts: Counts) -> tuple[float, dict[str, float]]:
    """Spikes per neuron and step: of all neurons, and by layer."""
    spikes, chances = map(sum, zip(*counts.values(), strict=True))
    return spikes / chances, {name: s / n for name, (s, n) in counts.items()}

"""Which modules are neurons, what they are called, and which of them are meant."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import snntorch
from torch import nn

from spikedu.spikformer import LIF, SpikingSelfAttention

NAMES = "Leaky Lapicque Synaptic Alpha RLeaky RSynaptic SLSTM SConv2dLSTM"
BY_STEP = tuple(getattr(snntorch, name) for name in NAMES.split())
WHOLE = (LIF, snntorch.StateLeaky)  # all T steps in one call
OTHERS = (snntorch.SpikingNeuron, snntorch.LeakyParallel)
SUPPORTED = "spikedu.spikformer.LIF and snntorch." + ", ".join(
    kind.__name__ for kind in (*BY_STEP, snntorch.StateLeaky, snntorch.LinearLeaky)
)

Found = dict[str, tuple[str, nn.Module]]  # name -> (path, module)


def find(model: nn.Module) -> Found:
    """Name -> (path, module) of every neuron, known to us or not."""
    kinds = (*BY_STEP, *WHOLE, *OTHERS)
    found = {p: m for p, m in model.named_modules() if isinstance(m, kinds)}
    if not any(map(_known, found.values())):
        kind = type(model).__name__
        raise ValueError(f"model = {kind}: no neuron inside; supported: {SUPPORTED}")
    return {_name(path, found): (path, module) for path, module in found.items()}


def _known(module: nn.Module) -> bool:
    unlike = isinstance(module, snntorch.DeltaLeaky)  # a Leaky in name only
    return isinstance(module, (*BY_STEP, *WHOLE)) and not unlike


def _name(path: str, paths: dict[str, nn.Module]) -> str:
    if not path:  # the model is a neuron itself
        return type(paths[path]).__name__
    if not isinstance(paths[path], LIF):
        return path
    for tail in ("lif", "spiking_conv"):
        parent, _, last = path.rpartition(".")
        alone = sum(p.startswith(f"{parent}.") for p in paths) == 1
        if parent and last == tail and alone:
            path = parent
    return path


def matching(neurons: Found, pattern: str | Sequence[str]) -> Found:
    """Those that `pattern`, or one of several, names; each has to name one at least."""
    patterns = [pattern] if isinstance(pattern, str) else pattern
    right = isinstance(patterns, (list, tuple)) and patterns
    if not right or not all(isinstance(p, str) for p in patterns):
        raise TypeError(f"pattern = {pattern!r}: must be a string or a list of strings")
    for p in patterns:
        if not any(fnmatchcase(name, p) for name in neurons):
            there = ", ".join(neurons)
            raise ValueError(f"pattern = {p!r}: matches none of the neurons: {there}")
    found = {
        name: neuron
        for name, neuron in neurons.items()
        if any(fnmatchcase(name, p) for p in patterns)
    }
    for name, (_, module) in found.items():
        if not _known(module):
            kind = type(module).__name__
            raise ValueError(f"{name!r} is a {kind}; supported: {SUPPORTED}")
    return found


def attentions(model: nn.Module, neurons: dict[str, Any]) -> dict[str, Any]:
    """Our attentions by name, with the names of their recorded Q and K."""
    at = {about["path"]: name for name, about in neurons.items()}
    found = {}
    for path, module in model.named_modules():
        if isinstance(module, SpikingSelfAttention):
            inside = path + "." if path else ""
            q, k = (at.get(f"{inside}{part}.lif") for part in ("query", "key"))
            if q is not None and k is not None:
                known = {"heads": module.heads, "scale": module.scale}
                found[path or "ssa"] = {"q": q, "k": k, **known}
    return found

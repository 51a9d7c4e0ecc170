"""Names of the released Spikformer's state dict <-> ours, both ways, exact.

The CIFAR-10 release writes its token layers as Linear, the ImageNet and CIFAR10-DVS
ones as 1x1 convolutions; the first pools in its last two stages, the others in all
four. So names and shapes alone say which of the networks it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from spikedu import arguments
from spikedu.spikformer import Spikformer, SpikformerConfig

_STATE = re.compile(r"\.(weight|bias|running_mean|running_var|num_batches_tracked)$")
_BLOCK = {
    "attn.q": "ssa.query",
    "attn.k": "ssa.key",
    "attn.v": "ssa.value",
    "attn.proj": "ssa.out",
    "mlp.fc1": "mlp.up",
    "mlp.fc2": "mlp.down",
}
# What the released modules create and their forward never uses.
_UNUSED = re.compile(r"(block\.\d+\.norm[12]|norm)\.(weight|bias)|pos_embed")


def load(
    state_dict: Mapping[str, Tensor],
    *,
    heads: int,
    steps: int = 4,
    scale: float = 0.125,
) -> Spikformer:
    """The released network with these weights, in eval mode and in their dtype.

    Sizes come from the shapes; heads, T and s leave no trace in them and are given: for
    CIFAR10-DVS steps=16, scale=0.25. The config's image size is that of the release.
    Raises `ValueError` that lists every missing, unknown or misshapen entry.
    """
    theirs = _used(state_dict)
    with torch.device("meta"):
        model = Spikformer(_config(theirs, heads, steps, scale))
    weights = {}
    faults = {"missing": [], "misshapen": []}
    for name, (released, shape) in _names(model).items():
        value = theirs.pop(released, None)
        if value is None:
            faults["missing"].append(released)
        elif not _fits(tuple(value.shape), shape):
            faults["misshapen"].append(f"{released} {tuple(value.shape)}, not {shape}")
        else:
            weights[name] = value.detach().reshape(model.state_dict()[name].shape)
    _raise_if_any(faults | {"unknown": sorted(theirs)})
    model.load_state_dict({name: x.clone() for name, x in weights.items()}, assign=True)
    return model.eval()


def export(model: Spikformer) -> dict[str, Tensor]:
    """The state dict under the released names: `load` of it gives the same network.

    It has no entries for the LayerNorms that the release creates and never calls: give
    it to the released module with `strict=False`.
    """
    if not isinstance(model, Spikformer):
        raise TypeError(f"model = {type(model).__name__}: must be a Spikformer")
    if model.config.neuron != "hard":
        raise ValueError("model.config.neuron = 'soft': the released neuron is 'hard'")
    if model.config.pools[2:] != (True, True) or len(set(model.config.pools[:2])) > 1:
        raise ValueError(
            f"model.config.pools = {model.config.pools}: the releases pool in the last"
            " two stages or in all four"
        )
    ours, names, form = model.state_dict(), _names(model), torch.contiguous_format
    return {
        released: ours[name].detach().clone(memory_format=form).reshape(shape)
        for name, (released, shape) in names.items()
    }


def _used(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if not isinstance(state_dict, Mapping):
        kind = type(state_dict).__name__
        raise TypeError(f"state_dict = {kind}: must map released names to tensors")
    for name in state_dict:
        if not isinstance(name, str):
            raise TypeError(f"state_dict key = {name!r}: must be a released name")
    used = {k: v for k, v in state_dict.items() if not _UNUSED.fullmatch(k)}
    floats = {}
    for name, value in used.items():
        shown = f"state_dict[{name!r}]"
        arguments.instance(shown, value, Tensor)
        if not name.endswith(".num_batches_tracked"):
            arguments.tensor(shown, value)
            floats[shown] = value
        elif value.dtype != torch.int64:
            raise TypeError(f"{shown}.dtype = {value.dtype}: must be torch.int64")
    for shown, value in floats.items():
        arguments.same_dtype(*next(iter(floats.items())), shown, value)
    return used


def _config(theirs, heads: int, steps: int, scale: float) -> SpikformerConfig:
    linear = "block.0.attn.q_conv.weight" not in theirs
    kind = "linear" if linear else "conv"
    first, last, hidden, head = needed = (
        "patch_embed.proj_conv.weight",
        "patch_embed.proj_conv3.weight",
        f"block.0.mlp.fc1_{kind}.weight",
        "head.weight",
    )
    absent = [name for name in needed if name not in theirs or theirs[name].ndim < 2]
    _raise_if_any({"missing": absent, "unknown": sorted(theirs) if absent else []})
    channels, dim = theirs[first].shape[1], theirs[last].shape[0]
    blocks = (re.match(r"block\.(\d+)\.", name) for name in theirs)
    return SpikformerConfig(
        dim=dim,
        depth=len({block[1] for block in blocks if block}),
        heads=heads,
        steps=steps,
        classes=theirs[head].shape[0],
        channels=channels,
        image_size=32 if linear else 128 if channels == 2 else 224,
        pools=(not linear,) * 2 + (True, True),
        mlp_ratio=theirs[hidden].shape[0] / max(dim, 1),
        scale=scale,
        qkv_bias=f"block.0.attn.q_{kind}.bias" in theirs,
    )


def _names(model: Spikformer) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Our name -> (released name, released shape)."""
    config = model.config
    linear = config.pools == (False, False, True, True)
    kind = "linear" if linear else "conv"
    layers = {"head": "head"}
    for part in ("conv", "bn"):
        layers[f"rpe.spiking_conv.{part}"] = f"patch_embed.rpe_{part}"
        for n in range(4):
            ours = f"sps.stages.{n}.spiking_conv.{part}"
            layers[ours] = f"patch_embed.proj_{part}{n or ''}"
    for block in range(config.depth):
        for theirs, ours in _BLOCK.items():
            theirs, ours = f"block.{block}.{theirs}", f"blocks.{block}.{ours}"
            layers |= {
                f"{ours}.linear": f"{theirs}_{kind}",
                f"{ours}.bn": f"{theirs}_bn",
            }
    names = {}
    for name, value in model.state_dict().items():
        released = _STATE.sub(lambda state: "", name)
        shape = tuple(value.shape)
        if not linear and name.endswith(".linear.weight"):
            # Conv1d everywhere but in the MLP of the ImageNet release, which is Conv2d.
            shape += (1, 1) if ".mlp." in name and config.channels != 2 else (1,)
        names[name] = layers[released] + _STATE.search(name)[0], shape
    return names


def _fits(shape: tuple[int, ...], right: tuple[int, ...]) -> bool:
    kernels = ((1,), (1, 1))  # a 1x1 convolution may have one axis or two
    if right[2:] in kernels and shape[2:] in kernels:
        return shape[:2] == right[:2]
    return shape == right


def _raise_if_any(faults: dict[str, list[str]]) -> None:
    if any(faults.values()):
        listed = "; ".join(
            f"{kind}: {names}" for kind, names in faults.items() if names
        )
        raise ValueError(f"state_dict is not one of a released Spikformer: {listed}")

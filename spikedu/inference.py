"""A trained network made ready to be asked only."""

from __future__ import annotations

import copy

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from spikedu import arguments
from spikedu.spikformer import Spikformer, SpikingConv2d, SpikingLinear


def folded(model: Spikformer) -> Spikformer:
    """A copy in eval mode without BatchNorm: its scale and shift are in the weights.

    BN(X W) = X (W a) + b is what Eqs. (6) and (11) to (16) compute once the running
    statistics stand still. Rounding differs, so a spike at the threshold may too. The
    copy is for inference: it cannot be trained further, nor its weights be loaded.
    """
    arguments.instance("model", model, Spikformer)
    model = copy.deepcopy(model).eval().requires_grad_(False)
    for layer in model.modules():
        if isinstance(layer, SpikingConv2d):
            layer.conv = fuse_conv_bn_eval(layer.conv, layer.bn)
        elif isinstance(layer, SpikingLinear):
            layer.linear = fuse_linear_bn_eval(layer.linear, layer.bn)
        else:
            continue
        layer.bn = nn.Identity()
    return model.requires_grad_(False)

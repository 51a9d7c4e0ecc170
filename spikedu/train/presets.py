"""What `spikedu train --preset` knows: a network, the name of its data, a recipe."""

from __future__ import annotations

from dataclasses import replace

import torch

from spikedu.spikformer import CIFAR10_4_256, CIFAR10_4_384, DIGITS, SpikformerConfig
from spikedu.train.config import TrainConfig


def quick_precision() -> str:
    """bfloat16 where the machine multiplies it in hardware, else float32.

    Spikes and counts are exact in both; only the weights are rounded in the products.
    """
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported(False) else "float32"
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # not public yet
    has = any(getattr(torch.cpu, name, lambda: False)() for name in asked)
    return "bfloat16" if has else "float32"


QUICK = TrainConfig(epochs=46, precision=quick_precision())
# 49 patches; both pools come early, where they save most.
FASHION = SpikformerConfig(
    64, 2, 4, channels=1, image_size=28, pools=(True, True, False, False)
)
# As released with the network, 400 epochs: 20 of warm-up, mixup in the first 200.
RELEASED = TrainConfig(
    epochs=400,
    batch_size=128,
    learning_rate=5e-4,
    learning_rate_floor=1e-5,
    warmup=0.05,
    augment="released",
    mixup=0.5,
    mixup_until=0.5,
    precision="bfloat16",
)
RECIPES = {
    "digits": (DIGITS, "digits", QUICK),
    "fashion-mini": (FASHION, "fashion-mini", replace(QUICK, augment="flip")),
    "cifar10": (CIFAR10_4_384, "cifar10", RELEASED),
    "cifar10-256": (CIFAR10_4_256, "cifar10", RELEASED),
}

"""Out of memory: said in words, with the size that fits, measured here."""

from __future__ import annotations

from collections.abc import Callable

import torch

from spikedu.train import ranks
from spikedu.train.config import TrainConfig

# What PyTorch says on a CPU (Linux and macOS; Windows), and its GPU libraries.
SAID = ("can't allocate memory", "not enough memory", "ALLOC_FAILED")


def is_out(error: BaseException) -> bool:
    """Whether this is what PyTorch or Python raise where memory runs out."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(x in str(error) for x in SAID)


def fitting(attempt: Callable[[int], object], images: int) -> int:
    """Of `images` the half, quarter, ... for which `attempt` passes, or 0."""
    while images > 1:
        images //= 2
        try:
            attempt(images)
            return images
        except Exception as error:
            if not is_out(error):
                raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return 0


def advice(attempt: Callable[[int], object], config: TrainConfig) -> str:
    """How to go on, where a step with `config` ran out of memory."""
    parts = config.accumulate
    if ranks.count() > 1:  # one process alone cannot try a step
        return f"try --accumulate {2 * parts}"
    fits = fitting(attempt, -(-config.batch_size // parts))
    if not fits:
        return "not even a step of one image passes: take a smaller network"
    parts = -(-config.batch_size // fits)
    return (
        f"a step of {fits} images passes here: --batch-size {fits}, or --accumulate"
        f" {parts}, which cuts each batch into {parts} parts and also fits --resume"
    )

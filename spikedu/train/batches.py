"""What a step is given: which images, changed how."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from spikedu import augment, data
from spikedu.train import ranks
from spikedu.train.config import TrainConfig


def of_epoch(images: int, config: TrainConfig, generator: Generator) -> list[Tensor]:
    """The indices of each batch. A last one too small to be cut up is left out."""
    order = torch.randperm(images, generator=generator)
    parts = config.accumulate * ranks.count()
    return [batch for batch in order.split(config.batch_size) if len(batch) >= parts]


def prepared(
    images: data.Images,
    classes: int,
    config: TrainConfig,
    epoch: int,
    generator: Generator,
) -> tuple[Tensor, Tensor]:
    """This process's share of a batch: augmented images [B, C, H, W] and labels.

    Labels are [B]; where images are mixed they are probabilities [B, K]. Each process
    draws the whole batch: so the same images meet, however many processes there are.
    """
    x, y = augment.apply(images.images, config.augment, generator), images.labels
    if config.mixup and epoch < config.mixup_until * config.epochs:
        shares = one_hot(y, classes).to(x.dtype)
        x, y = augment.mixup(x, shares, config.mixup, generator)
    return ranks.share(x), ranks.share(y)

"""What a training is told, and what it tells."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

from spikedu import arguments, augment

PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class TrainConfig:
    """How to train: AdamW, linear warm-up, cosine down to a floor, label smoothing."""

    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 6e-3  # at the peak
    warmup: float = 0.1  # share of the steps
    weight_decay: float = 0.06  # not on biases and BatchNorm
    label_smoothing: float = 0.1
    seed: int = 0
    learning_rate_floor: float = 0.0  # where the warm-up starts and the cosine ends
    augment: str = "none"  # one of `augment.RECIPES`
    mixup: float = 0.0  # alpha of Beta(alpha, alpha); 0: no images are mixed
    mixup_until: float = 1.0  # share of the epochs after which it is off
    accumulate: int = 1  # parts a batch is cut into, so that less memory is needed
    precision: str = "float32"  # of the products; weights and optimizer stay float32
    patience: int | None = None  # epochs without a better test accuracy, then it ends
    sync_batchnorm: bool = False  # statistics over the images of all processes

    def __post_init__(self) -> None:
        arguments.count("epochs", self.epochs)
        arguments.count("batch_size", self.batch_size, low=2)
        arguments.number("warmup", self.warmup, 0, 1)
        arguments.count("seed", self.seed, low=0, high=2**32)
        arguments.number("learning_rate", self.learning_rate, 0, above=True)
        arguments.number("weight_decay", self.weight_decay, 0)
        arguments.number("label_smoothing", self.label_smoothing, 0, 1)
        floor, peak = self.learning_rate_floor, self.learning_rate
        arguments.number("learning_rate_floor", floor, 0, peak)
        arguments.choice("augment", self.augment, augment.RECIPES)
        arguments.number("mixup", self.mixup, 0)
        arguments.number("mixup_until", self.mixup_until, 0, 1)
        arguments.count("accumulate", self.accumulate, high=self.batch_size)
        arguments.choice("precision", self.precision, PRECISIONS)
        if self.patience is not None:
            arguments.count("patience", self.patience)
        arguments.choice("sync_batchnorm", self.sync_batchnorm, (True, False))


PLAIN = TrainConfig()


@dataclass
class History:
    """One entry per finished epoch in every list; losses in nats, accuracies 0 to 1."""

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.train_loss)

    def append(self, train: tuple[float, float], test: tuple[float, float]) -> None:
        for name, value in zip(fields(self), (*train, *test), strict=True):
            getattr(self, name.name).append(value)

    @property
    def best(self) -> int:
        """The first epoch, counted from 0, of the highest test accuracy."""
        return self.test_accuracy.index(max(self.test_accuracy))

    def ends(self, config: TrainConfig) -> bool:
        """Whether all epochs are done, or `patience` has run out."""
        if len(self) >= config.epochs or config.patience is None or not len(self):
            return len(self) >= config.epochs
        return len(self) - 1 - self.best >= config.patience


def learning_rate(step: int, steps_per_epoch: int, config: TrainConfig) -> float:
    """Linear from the floor over the warm-up, then half a cosine back to the floor."""
    arguments.count("step", step, low=0)
    arguments.count("steps_per_epoch", steps_per_epoch)
    total = config.epochs * steps_per_epoch
    warm = config.warmup * total
    floor, above = config.learning_rate_floor, config.learning_rate
    above -= floor
    if step < warm:
        return floor + above * (step + 1) / (warm + 1)
    angle = math.pi * (step - warm) / (total - warm)
    return floor + above * (1 + math.cos(angle)) / 2

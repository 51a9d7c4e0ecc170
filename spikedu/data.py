"""Real data sets behind one function."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from spikedu import arguments

SPLITS = ("train", "test")


class Images(NamedTuple):
    """Images [n, C, H, W] and their labels [n], int64.

    Images are float32 from 0 to 1, or uint8 from 0 to 255, divided by 255 where they
    are used (`as_float`): a big data set stays a quarter of the size.
    """

    images: Tensor
    labels: Tensor


def load(name: str = "digits", split: str = "train") -> Images:
    """One split of a data set that is on this machine; nothing is downloaded.

    "digits": 1,797 handwritten digits of 8x8 pixels inside scikit-learn, stratified
    into 1,437 to train on and 360 to test on, always the same ones.
    """
    arguments.choice("name", name, tuple(_LOADERS))
    arguments.choice("split", split, SPLITS)
    return _LOADERS[name](split)


def as_float(images: Tensor) -> Tensor:
    """uint8 from 0 to 255 as float32 from 0 to 1; floating point as it is."""
    arguments.instance("images", images, Tensor)
    if images.dtype == torch.uint8:
        return images.to(torch.float32).div_(255)
    arguments.tensor("images", images, finite=False)
    return images


def check(name: str, value: Images, channels: int, classes: int) -> None:
    """Raises where `value` is not `Images` for a network of these sizes."""
    arguments.instance(name, value, Images)
    images, labels = value
    if isinstance(images, Tensor):
        arguments.size("images.ndim", images.ndim, 4, "[n, C, H, W]")
        if images.dtype == torch.uint8:  # always finite: one image tells the rest
            images = as_float(images[:1])
    arguments.images(images, channels)
    arguments.instance(f"{name}.labels", labels, Tensor)
    if labels.dtype != torch.int64:
        raise TypeError(f"{name}.labels.dtype = {labels.dtype}: must be torch.int64")
    if labels.shape != value.images.shape[:1]:
        shape, right = tuple(labels.shape), tuple(value.images.shape[:1])
        raise ValueError(
            f"{name}.labels.shape = {shape}: must be {right}, one an image"
        )
    for label in labels.aminmax():
        arguments.count(f"{name}.labels", int(label), 0, classes - 1)


def _digits(split: str) -> Images:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    halves = train_test_split(
        pixels, labels, test_size=360, stratify=labels, random_state=0
    )
    pixels, labels = halves[SPLITS.index(split)], halves[2 + SPLITS.index(split)]
    images = torch.tensor(pixels, dtype=torch.float32).div(16).view(-1, 1, 8, 8)
    return Images(images, torch.tensor(labels, dtype=torch.int64))


_LOADERS = {"digits": _digits}

"""Real data sets behind one function.

| name | images | | where |
|---|---|---|---|
| digits | 1,437 + 360 of 1x8x8 | handwritten digits, stratified | in scikit-learn |
| fashion-mini | 5,000 + 1,000 of 1x28x28 | the first of each class of the next | here |
| fashion-mnist | 60,000 + 10,000 of 1x28x28 | ten kinds of clothes | to download |
| mnist | 60,000 + 10,000 of 1x28x28 | handwritten digits | to download |
| cifar10 | 50,000 + 10,000 of 3x32x32 | ten kinds of things | to download |

The first number is for training, the second for testing. The two that are here come as
float32; the big ones as uint8, see `as_float`.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from spikedu import arguments
from spikedu.data import files, places, sources

SPLITS = ("train", "test")


class Images(NamedTuple):
    """Images [n, C, H, W] and their labels [n], int64.

    Images are float32 from 0 to 1, or uint8 from 0 to 255, divided by 255 where they
    are used (`as_float`): a big data set stays a quarter of the size.
    """

    images: Tensor
    labels: Tensor


def load(
    name: str = "digits",
    split: str = "train",
    *,
    download: bool = False,
    folder: str | PathLike | None = None,
) -> Images:
    """One split of a data set.

    A big one is looked for in `folder`, in the folder $SPIKEDU_DATA, as torchvision
    keeps it in ./data and ~/data, and in the user's cache; what is nowhere is fetched
    with `download` alone, into `folder` or the cache. Raises `FileNotFoundError`,
    `ValueError` on a damaged file, `ConnectionError` where no server has it.
    """
    arguments.choice("name", name, NAMES)
    arguments.choice("split", split, SPLITS)
    arguments.instance("download", download, bool)
    if name in _SHIPPED:
        return _SHIPPED[name](split)
    images, labels = places.read(name, split, download, folder)
    return Images(torch.tensor(images), torch.tensor(labels, dtype=torch.int64))


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


def _fashion_mini(split: str) -> Images:
    file = sources.FASHION_MINI[split]
    path = Path(__file__).with_name(file.name)
    content = files.content(path, file, cure="install spikedu again")
    images = torch.tensor(files.tiles(files.picture(content), 28))
    # The sheet has class after class; here they take turns, so that the first n of a
    # split have n/10 of each.
    images = images.view(10, -1, 1, 28, 28).transpose(0, 1).flatten(0, 1)
    return Images(as_float(images), torch.arange(10).repeat(len(images) // 10))


_SHIPPED = {"digits": _digits, "fashion-mini": _fashion_mini}
NAMES = (*_SHIPPED, *sources.SOURCES)

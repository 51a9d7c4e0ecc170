"""Makes the sheets of fashion-mini from the files of Fashion-MNIST.

`python -m spikedu.data.fashion_mini` writes them where the package keeps them,
`python -m spikedu.data.fashion_mini FOLDER` into a folder. Fashion-MNIST is found as
`data.load("fashion-mnist")` finds it, for example in Debian's dataset-fashion-mnist.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from spikedu import data
from spikedu.data import sources

PER_CLASS = {"train": 500, "test": 100}  # the first of each class in the file
COLUMNS = 100


def make(folder: Path) -> None:
    """Two PNGs, each image a tile of 28x28 pixels, class after class, row by row."""
    for split, count in PER_CLASS.items():
        images, labels = (x.numpy() for x in data.load("fashion-mnist", split))
        first = [np.flatnonzero(labels == label)[:count] for label in range(10)]
        chosen = images[np.concatenate(first), 0].reshape(-1, COLUMNS, 28, 28)
        sheet = chosen.transpose(0, 2, 1, 3).reshape(-1, COLUMNS * 28)
        path = folder / sources.FASHION_MINI[split].name
        Image.fromarray(sheet).save(path, optimize=True)


if __name__ == "__main__":
    make(Path(*sys.argv[1:2] or [Path(__file__).parent]))

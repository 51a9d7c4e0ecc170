"""Other views of the training images, drawn anew for each batch.

All is drawn on the CPU from an explicit generator and then moved to the device of the
images, so that a GPU augments as a CPU does. Images are [B, C, H, W] from 0 to 1.

`released` is the recipe of the released CIFAR-10 code, timm's names in brackets:
1. flip left to right, p = 0.5;
2. with p = 0.5 one of equalize, rotate, shear_x, translate_x, translate_y, each as
   likely (rand-m9-n1-mstd0.4-inc1). The magnitude m is normal with mean 9 and standard
   deviation 0.4, at most 10; it stands for 3 m degrees, a shear of 0.03 m, or 0.045 m
   of the width or the height, to either side. Bicubic as PIL does it;
3. with p = 0.25 a rectangle erased (reprob): 2 % to 1/3 of the area, its height 0.3 to
   1/0.3 of its width.
What was not in the image, and the rectangle, is of the mean colour of CIFAR-10; black
where there is one channel. `mixup` follows apart, because it needs the classes.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Generator, Tensor

from spikedu import arguments
from spikedu.data import as_float

RECIPES = ("none", "shift", "flip", "released")
MEAN = (0.4914, 0.4822, 0.4465)  # of CIFAR-10, and the ground of its operations
SHIFT = 0.12  # of a side, at least one pixel


def apply(images: Tensor, recipe: str, generator: Generator) -> Tensor:
    """A new batch [B, C, H, W], float: uint8 images are divided by 255.

    "shift": each image by up to 12 % of its sides; "flip": half of them, left to right;
    "released": the three steps above; "none". The generator is a CPU's.
    """
    arguments.choice("recipe", recipe, RECIPES)
    _check(generator)
    images = as_float(images)
    arguments.tensor("images", images, "B C H W", finite=False)
    count, _, height, width = images.shape
    if recipe == "shift":
        reach = [max(1, round(SHIFT * side)) for side in (height, width)]
        by = [torch.randint(-n, n + 1, (count,), generator=generator) for n in reach]
        return shift(images, *by)
    if recipe in ("flip", "released"):
        images = flip(images, _chance(0.5, count, generator))
    if recipe == "released":
        images = _operate(images, generator)
        where = boxes(count, height, width, generator)
        where[~_chance(0.25, count, generator)] = 0
        images = erase(images, where, _ground(images))
    return images


def mixup(
    images: Tensor, targets: Tensor, alpha: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    """w x + (1 - w) y for each image x, y being the same place counted from the end.

    One w a batch, from Beta(alpha, alpha), also for the class probabilities [B, K].
    Alpha 0 mixes nothing. Source: Zhang et al., arXiv 1710.09412; pairs as in timm.
    """
    _check(generator)
    arguments.number("alpha", alpha, 0)
    images = as_float(images)
    arguments.tensor("targets", targets, "B K", finite=False)
    arguments.size("targets.shape[0]", len(targets), len(images), "one an image")
    if alpha == 0:
        return images, targets
    seed = torch.randint(2**63 - 1, (), generator=generator).item()
    weight = np.random.default_rng(seed).beta(alpha, alpha)
    return (
        images.lerp(images.flip(0), 1 - weight),
        targets.lerp(targets.flip(0), 1 - weight),
    )


# ---------------------------------------------------------------- operations
def flip(images: Tensor, which: Tensor) -> Tensor:
    """Left to right, the images for which `which` [B] is True."""
    which = which.to(images.device).view(-1, 1, 1, 1)
    return torch.where(which, images.flip(-1), images)


def shift(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """By whole pixels, `down` [B] and `right` [B]; zero where nothing was."""
    height, width = images.shape[-2:]
    rows, inside_y = _shifted(height, down, images.device)
    columns, inside_x = _shifted(width, right, images.device)
    at = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)
    moved = images.flatten(2).gather(2, at[:, None].expand(-1, images.shape[1], -1))
    inside = inside_y[:, None, :, None] & inside_x[:, None, None, :]
    return moved.view_as(images) * inside


def _shifted(length: int, by: Tensor, device) -> tuple[Tensor, Tensor]:
    source = torch.arange(length, device=device) - by.to(device)[:, None]
    kept = source.clamp(0, length - 1)
    return kept, kept == source


def rotate(images: Tensor, degrees: Tensor, fill: Tensor) -> Tensor:
    """Counter-clockwise about the centre, by `degrees` [B]."""
    return affine(images, _rotation(degrees, *images.shape[-2:]), fill)


def shear_x(images: Tensor, factor: Tensor, fill: Tensor) -> Tensor:
    """Each row to the left by `factor` [B] times its distance from the top edge."""
    return affine(images, _matrices(len(images), {1: factor}), fill)


def translate_x(images: Tensor, pixels: Tensor, fill: Tensor) -> Tensor:
    """To the left by `pixels` [B], which need not be whole."""
    return affine(images, _matrices(len(images), {2: pixels}), fill)


def translate_y(images: Tensor, pixels: Tensor, fill: Tensor) -> Tensor:
    """Up by `pixels` [B], which need not be whole."""
    return affine(images, _matrices(len(images), {5: pixels}), fill)


def affine(images: Tensor, matrices: Tensor, fill: Tensor) -> Tensor:
    """The pixel at (x, y) from (a x + b y + c, d x + e y + f), bicubic, cut to 0 to 1.

    Rows of `matrices` [B, 6] are a to f, for the middles of pixels, at x + 0.5; `fill`
    [C] is put where that is outside. As PIL's Image.transform, down to its cubic.
    """
    count, channels, height, width = images.shape
    x = torch.arange(width, device=images.device) + 0.5
    y = torch.arange(height, device=images.device)[:, None] + 0.5
    entries = matrices.float().to(images.device).view(count, 6, 1, 1)
    a, b, c, d, e, f = entries.unbind(1)
    x, y = a * x + b * y + c, d * x + e * y + f
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    columns, across = _taps(x, width)
    rows, down = _taps(y, height)
    pixels = images.flatten(2)
    out = torch.zeros_like(pixels)
    for row, weight in zip(rows, down, strict=True):
        for column, share in zip(columns, across, strict=True):
            at = (row * width + column).flatten(1)[:, None].expand(-1, channels, -1)
            part = (weight * share).flatten(1)[:, None].to(images.dtype)
            out.addcmul_(pixels.gather(2, at), part)
    out = out.view_as(images).clamp(0, 1)
    return torch.where(inside[:, None], out, fill.to(out).view(-1, 1, 1))


def _taps(at: Tensor, length: int) -> tuple[list[Tensor], list[Tensor]]:
    """Four neighbours of each coordinate and their weights: the cubic with a = -1."""
    first = (at - 0.5).floor()
    d = at - 0.5 - first
    places = [(first.long() + n).clamp(0, length - 1) for n in (-1, 0, 1, 2)]
    squared, cubed = d * d, d * d * d
    weights = [
        2 * squared - d - cubed,
        1 - 2 * squared + cubed,
        d + squared - cubed,
        cubed - squared,
    ]
    return places, weights


def equalize(images: Tensor) -> Tensor:
    """Each channel's histogram of 256 levels flattened, as PIL's ImageOps.equalize."""
    levels = (images * 255).round().long().flatten(2)
    counts = levels.new_zeros(*levels.shape[:2], 256)
    counts.scatter_add_(2, levels, torch.ones_like(levels))
    highest = (counts > 0).long().mul(torch.arange(256, device=images.device)).amax(2)
    last = counts.gather(2, highest[..., None])
    step = (levels.shape[2] - last) // 255
    below = counts.cumsum(2) - counts
    table = (step // 2 + below) // step.clamp(min=1)
    new = table.gather(2, levels).clamp(max=255)
    # Too few pixels for the levels: as it was.
    new = torch.where(step > 0, new, levels).view_as(images)
    return new.to(images.dtype) / 255


def erase(images: Tensor, where: Tensor, fill: Tensor) -> Tensor:
    """`fill` [C] in one rectangle of each image: top, left, height, width [B, 4]."""
    top, left, height, width = where.to(images.device).view(-1, 4, 1, 1).unbind(1)
    y = torch.arange(images.shape[-2], device=images.device)[:, None]
    x = torch.arange(images.shape[-1], device=images.device)
    inside = (y >= top) & (y < top + height) & (x >= left) & (x < left + width)
    return torch.where(inside[:, None], fill.to(images).view(-1, 1, 1), images)


def boxes(count: int, height: int, width: int, generator: Generator) -> Tensor:
    """Rectangles to erase [count, 4]: top, left, height, width, smaller than the image.

    Area and aspect are as above; the first of ten tries that fits counts, and where
    none does the rectangle is empty. Source: timm's RandomErasing, arXiv 1708.04896.
    """
    area, aspect = torch.rand(2, count, 10, generator=generator, dtype=torch.float64)
    area = (0.02 + (1 / 3 - 0.02) * area) * height * width
    aspect = torch.exp((2 * aspect - 1) * math.log(1 / 0.3))
    sizes = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], -1)
    sizes = sizes.round().long()
    limit = torch.tensor([height, width])
    fits = (sizes < limit).all(2)
    size = sizes[torch.arange(count), fits.long().argmax(1)] * fits.any(1)[:, None]
    place = torch.rand(count, 2, generator=generator, dtype=torch.float64)
    return torch.cat([(place * (limit - size + 1)).long(), size], 1)


# ------------------------------------------------------------------- draws
def _operate(images: Tensor, generator: Generator) -> Tensor:
    """Step 2 of `released`, in place."""
    count, _, height, width = images.shape
    kind = torch.randint(5, (count,), generator=generator)
    kind[_chance(0.5, count, generator)] = -1  # half of them stay
    noise = torch.randn(count, generator=generator, dtype=torch.float64)
    share = (9 + 0.4 * noise).clamp(0, 10) / 10
    share[_chance(0.5, count, generator)] *= -1
    matrices = _rotation(30 * share, height, width)
    for n, entry, most in ((2, 1, 0.3), (3, 2, 0.45 * width), (4, 5, 0.45 * height)):
        matrices[kind == n] = _matrices(count, {entry: most * share})[kind == n]
    for chosen, operation in (
        (kind == 0, lambda x, rows: equalize(x)),
        (kind > 0, lambda x, rows: affine(x, matrices[rows], _ground(x))),
    ):
        rows = chosen.nonzero()[:, 0]
        there = rows.to(images.device)
        images[there] = operation(images[there], rows)
    return images


def _matrices(count: int, entries: dict[int, Tensor]) -> Tensor:
    """The identity [count, 6] for `affine`, but for some entries."""
    matrices = torch.tensor([1, 0, 0, 0, 1, 0], dtype=torch.float64).repeat(count, 1)
    for place, value in entries.items():
        matrices[:, place] = value
    return matrices


def _rotation(degrees: Tensor, height: int, width: int) -> Tensor:
    angle = degrees.to("cpu", torch.float64).deg2rad()
    cos, sin, x, y = angle.cos(), angle.sin(), width / 2, height / 2
    rows = [cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y]
    return torch.stack(rows, 1)


def _chance(probability: float, count: int, generator: Generator) -> Tensor:
    return torch.rand(count, generator=generator) < probability


def _ground(images: Tensor) -> Tensor:
    channels = images.shape[1]
    return torch.tensor(MEAN if channels == 3 else (0.0,) * channels)


def _check(generator: Generator) -> None:
    arguments.instance("generator", generator, Generator)
    arguments.choice("generator.device", generator.device.type, ("cpu",))

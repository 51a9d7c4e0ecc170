"""Augmentation: each operation against PIL or by hand, the whole by its properties."""

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from spikedu import augment, data

BLACK, RED = torch.zeros(3), torch.tensor([1.0, 0, 0])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def photographs() -> torch.Tensor:
    """Clothes, upright and on their side, as the channels of 28 rows and 20 columns."""
    x = data.load("fashion-mini", "test").images[:12]
    colour = torch.cat([x, x.transpose(2, 3), x.flip(0)], 1)
    return colour[..., 4:24].clone()


def to_pil(image: torch.Tensor) -> Image.Image:
    levels = (image * 255).round().byte().numpy()
    return Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0)))


def from_pil(image: Image.Image) -> torch.Tensor:
    return torch.tensor(np.asarray(image)).permute(2, 0, 1) / 255


# ------------------------------------------------------------------ operations
def test_flip_by_hand():
    x = torch.arange(12.0).view(2, 1, 2, 3) / 12
    out = augment.flip(x, torch.tensor([True, False])) * 12
    assert out[0, 0].round().tolist() == [[2, 1, 0], [5, 4, 3]]
    assert torch.equal(out[1], x[1] * 12)


def test_shift_by_hand():
    x = torch.arange(1.0, 7).view(1, 1, 2, 3).repeat(3, 1, 1, 1)
    out = augment.shift(x, torch.tensor([1, 0, -1]), torch.tensor([0, -2, 1]))[:, 0]
    assert out.tolist() == [
        [[0, 0, 0], [1, 2, 3]],
        [[3, 0, 0], [6, 0, 0]],
        [[0, 4, 5], [0, 0, 0]],
    ]


def test_translation_by_a_whole_pixel_by_hand():
    x = torch.arange(6.0).view(1, 1, 2, 3) / 6
    fill = torch.tensor([1.0])
    left = augment.translate_x(x, torch.tensor([1.0]), fill)[0, 0] * 6
    up = augment.translate_y(x, torch.tensor([1.0]), fill)[0, 0] * 6
    torch.testing.assert_close(left, torch.tensor([[1.0, 2, 6], [4, 5, 6]]))
    torch.testing.assert_close(up, torch.tensor([[3.0, 4, 5], [6, 6, 6]]))


def test_a_quarter_turn_by_hand():
    x = torch.tensor([[1.0, 2], [3, 4]]).view(1, 1, 2, 2) / 4
    out = augment.rotate(x, torch.tensor([90.0]), torch.zeros(1))[0, 0] * 4
    torch.testing.assert_close(out, torch.tensor([[2.0, 4], [1, 3]]))


def test_the_cubic_by_hand():
    """Half way between pixels the weights are -1/8, 5/8, 5/8, -1/8, at a = -1."""
    x = torch.tensor([0.0, 0.4, 0.8, 0.4]).view(1, 1, 1, 4)
    out = augment.translate_x(x, torch.tensor([0.5]), torch.zeros(1))[0, 0, 0]
    assert out[1] == pytest.approx(0.625 * 1.2 - 0.125 * 0.4)
    assert out[0] == pytest.approx(0.625 * 0.4 - 0.125 * 0.8)  # the edge repeats


@pytest.mark.parametrize("degrees", [-30.0, -27.0, 3.5, 27.0])
def test_rotation_is_that_of_pil(photographs, degrees):
    many = torch.full((len(photographs),), degrees)
    ours = augment.rotate(photographs, many, RED)
    for image, out in zip(photographs, ours, strict=True):
        turned = to_pil(image).rotate(degrees, Image.BICUBIC, fillcolor=(255, 0, 0))
        close(out, from_pil(turned))


@pytest.mark.parametrize(
    ("operation", "entry", "by"),
    [
        (augment.shear_x, 1, 0.27),
        (augment.shear_x, 1, -0.3),
        (augment.translate_x, 2, 8.1),
        (augment.translate_x, 2, -3.0),
        (augment.translate_y, 5, 12.6),
        (augment.translate_y, 5, -0.5),
    ],
)
def test_shear_and_translation_are_those_of_pil(photographs, operation, entry, by):
    matrix = [1, 0, 0, 0, 1, 0]
    matrix[entry] = by
    ours = operation(photographs, torch.full((len(photographs),), by), RED)
    for image, out in zip(photographs, ours, strict=True):
        pil = to_pil(image)
        moved = pil.transform(
            pil.size, Image.AFFINE, matrix, Image.BICUBIC, fillcolor=(255, 0, 0)
        )
        close(out, from_pil(moved))


def close(ours: torch.Tensor, pil: torch.Tensor) -> None:
    """PIL cuts to whole levels, and nothing else is unlike."""
    assert (ours - pil).abs().max() <= 1.001 / 255


def test_each_image_has_its_own_angle(photographs):
    both = augment.rotate(photographs[:2], torch.tensor([10.0, -20]), BLACK)
    for n, degrees in enumerate((10.0, -20.0)):
        alone = augment.rotate(photographs[n : n + 1], torch.tensor([degrees]), BLACK)
        torch.testing.assert_close(both[n], alone[0])


def test_equalize_is_exactly_that_of_pil(photographs):
    noise = torch.randint(0, 256, (4, 3, 28, 20), generator=seeded()) / 255
    few = torch.randint(0, 3, (4, 3, 28, 20), generator=seeded()) * 40 / 255
    flat = torch.full((1, 3, 28, 20), 7 / 255)
    x = torch.cat([photographs, noise, few, flat, noise * 0.3])
    x = (x * 255).round() / 255
    for image, out in zip(x, augment.equalize(x), strict=True):
        right = from_pil(ImageOps.equalize(to_pil(image)))
        assert torch.equal((out * 255).round(), (right * 255).round())


def test_equalize_by_hand():
    """255 pixels of level 10, 255 of 20: step 255 / 255 = 1, so 10 -> 0, 20 -> 255."""
    x = torch.tensor([10.0, 20]).repeat_interleave(255).view(1, 1, 2, 255) / 255
    out = augment.equalize(x)[0, 0] * 255
    assert out[0].unique().tolist() == [0] and out[1].unique().tolist() == [255]


def test_erasing_by_hand():
    x = torch.zeros(2, 3, 3, 4)
    out = augment.erase(x, torch.tensor([[1, 2, 2, 1], [0, 0, 0, 0]]), RED)
    assert out[0, 0].tolist() == [[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0]]
    assert out[0, 1:].sum() == 0 and out[1].sum() == 0 and x.sum() == 0


def test_rectangles_keep_to_area_aspect_and_image():
    height, width = 48, 64
    top, left, h, w = augment.boxes(5000, height, width, seeded()).T.double()
    drawn = h > 0
    assert drawn.double().mean() > 0.999  # in ten tries one fits
    assert (top >= 0).all() and (top + h <= height).all() and (h < height).all()
    assert (left >= 0).all() and (left + w <= width).all() and (w < width).all()
    top, left, h, w = top[drawn], left[drawn], h[drawn], w[drawn]
    # Sides are rounded: half a pixel of each may be missing or too much.
    area = 0.5 * (h + w) + 0.25
    assert ((h * w - area) <= height * width / 3).all()
    assert ((h * w + area) >= height * width * 0.02).all()
    assert ((h - 0.5) / (w + 0.5) <= 1 / 0.3).all()
    assert ((h + 0.5) / (w - 0.5) >= 0.3).all()
    # Area is uniform before tries that do not fit are dropped: small ones always do.
    share = h * w / (height * width)
    assert 0.14 < share.mean() < 0.177 and abs((h / w).log().mean()) < 0.05
    assert top.min() == left.min() == 0
    assert (top + h == height).any() and (left + w == width).any()


def test_where_no_rectangle_fits_nothing_is_erased():
    where = augment.boxes(20, 1, 1, seeded())
    assert (where[:, 2] * where[:, 3] == 0).all()


# ----------------------------------------------------------------------- mixup
def test_mixup_by_hand():
    x = torch.tensor([0.0, 0.25, 1]).view(3, 1, 1, 1)
    y = torch.eye(3)
    mixed, targets = augment.mixup(x, y, 0.5, seeded())
    w = targets[0, 0].item()
    assert 0 < w < 1
    torch.testing.assert_close(mixed.flatten(), torch.tensor([1 - w, 0.25, w]))
    expected = torch.tensor([[w, 0, 1 - w], [0, 1, 0], [1 - w, 0, w]])
    torch.testing.assert_close(targets, expected)
    torch.testing.assert_close(targets.sum(1), torch.ones(3))


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_the_weight_is_beta_distributed(alpha):
    """Variance of Beta(a, a): 1 / (4 (2 a + 1))."""
    g, x, y = seeded(), torch.zeros(2, 1, 1, 1), torch.eye(2)
    w = torch.stack([augment.mixup(x, y, alpha, g)[1][0, 0] for _ in range(3000)])
    assert w.mean() == pytest.approx(0.5, abs=0.02)
    assert w.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_no_mixup_at_alpha_zero():
    x, y = torch.rand(2, 1, 2, 2), torch.eye(2)
    mixed, targets = augment.mixup(x, y, 0.0, seeded())
    assert torch.equal(mixed, x) and torch.equal(targets, y)


# --------------------------------------------------------------------- recipes
@pytest.mark.parametrize("recipe", augment.RECIPES)
@pytest.mark.parametrize("shape", [(40, 3, 32, 32), (40, 1, 28, 20), (40, 1, 8, 8)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_recipe_keeps_shape_range_and_dtype(recipe, shape, dtype):
    x = torch.rand(shape, generator=seeded()).to(dtype)
    before = x.clone()
    out = augment.apply(x, recipe, seeded(1))
    assert out.shape == x.shape and out.dtype == dtype and torch.equal(x, before)
    assert out.isfinite().all() and out.min() >= 0 and out.max() <= 1
    assert torch.equal(out, augment.apply(x, recipe, seeded(1)))
    if recipe != "none":
        assert not torch.equal(out, x)
        assert not torch.equal(out, augment.apply(x, recipe, seeded(2)))


@pytest.mark.parametrize("recipe", augment.RECIPES)
def test_bytes_and_an_empty_batch(recipe):
    x = torch.randint(0, 256, (9, 3, 32, 32), dtype=torch.uint8, generator=seeded())
    out = augment.apply(x, recipe, seeded())
    assert torch.equal(out, augment.apply(data.as_float(x), recipe, seeded()))
    assert augment.apply(x[:0], recipe, seeded()).shape == (0, 3, 32, 32)


def test_the_random_state_of_torch_and_numpy_is_left_alone():
    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    x = torch.rand(8, 3, 32, 32, generator=seeded())
    augment.mixup(augment.apply(x, "released", seeded()), torch.eye(8), 0.5, seeded())
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


def test_shift_goes_a_pixel_for_digits_and_three_for_clothes():
    for side, reach in ((8, 1), (28, 3)):
        x = torch.zeros(600, 1, side, side)
        x[:, 0, side // 2, side // 2] = 1
        places = augment.apply(x, "shift", seeded()).nonzero()[:, 2:] - side // 2
        seen = {tuple(place) for place in places.tolist()}
        steps = range(-reach, reach + 1)
        assert seen == {(down, right) for down in steps for right in steps}


def test_flip_turns_half_of_the_images():
    x = torch.rand(1, 3, 8, 8, generator=seeded()).repeat(2000, 1, 1, 1)
    out = augment.apply(x, "flip", seeded())
    turned = (out == x.flip(-1)).flatten(1).all(1)
    assert ((out == x).flatten(1).all(1) ^ turned).all()
    assert turned.double().mean() == pytest.approx(0.5, abs=0.05)


def test_the_released_recipe_does_each_thing_as_often_as_it_says(monkeypatch):
    """Told apart by their arguments: of 4000 images each operation takes a tenth."""
    seen = {"equalize": 0, "affine": [], "erase": 0}

    def equalize(x):
        seen["equalize"] += len(x)
        return x

    def affine(x, matrices, fill):
        seen["affine"].append(matrices)
        assert fill.tolist() == pytest.approx(augment.MEAN)
        return x

    def erase(x, where, fill):
        seen["erase"] += (where[:, 2] > 0).sum().item()
        return x

    for name, fake in (("equalize", equalize), ("affine", affine), ("erase", erase)):
        monkeypatch.setattr(augment, name, fake)
    augment.apply(torch.zeros(4000, 3, 32, 64), "released", seeded())
    a, b, c, d, e, f = torch.cat(seen["affine"]).T
    rotated, sheared, across, down = (d != 0), (b != 0) & (d == 0), (c != 0), (f != 0)
    counts = [seen["equalize"], rotated, sheared, across & ~rotated, down & ~rotated]
    counts = [int(torch.as_tensor(x).sum()) for x in counts]
    assert all(count == pytest.approx(400, abs=60) for count in counts), counts
    assert seen["erase"] == pytest.approx(1000, abs=90)
    angle = torch.asin(d[rotated]).rad2deg()
    for values, most in (
        (angle, 30),
        (b[sheared], 0.3),
        (c[across & ~rotated], 0.45 * 64),
        (f[down & ~rotated], 0.45 * 32),
    ):
        share = values.abs() / most
        assert share.mean() == pytest.approx(0.9, abs=0.01)
        assert share.std() == pytest.approx(0.04, abs=0.01) and share.max() <= 1.0001
        assert (values > 0).double().mean() == pytest.approx(0.5, abs=0.1)


def test_the_ground_of_one_channel_is_black():
    x = torch.ones(300, 1, 8, 8)
    values = augment.apply(x, "released", seeded()).unique()
    assert values.min() == 0 and math.isclose(values.max(), 1)


# -------------------------------------------------------------------- bad input
@pytest.mark.usefixtures("our_own_messages")
def test_nonsense_is_named():
    x, y, g = torch.rand(2, 3, 4, 4), torch.eye(2), seeded()
    for call, error, words in (
        (lambda: augment.apply(x, "cut", g), ValueError, "recipe = 'cut'.*'released'"),
        (lambda: augment.apply(x, "flip", 3), TypeError, "generator = 'int'"),
        (lambda: augment.apply(x[0], "flip", g), ValueError, r"images\.shape"),
        (lambda: augment.apply(x.int(), "flip", g), TypeError, r"images\.dtype"),
        (lambda: augment.mixup(x, y, -1, g), ValueError, "alpha = -1"),
        (lambda: augment.mixup(x, y[:1], 1, g), ValueError, r"targets\.shape\[0\] = 1"),
        (lambda: augment.mixup(x, y[0], 1, g), ValueError, r"targets\.shape"),
    ):
        with pytest.raises(error, match=words):
            call()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("recipe", augment.RECIPES)
def test_a_gpu_augments_as_the_cpu_does(recipe):
    x = torch.rand(64, 3, 32, 32, generator=seeded())
    there = augment.apply(x.cuda(), recipe, seeded()).cpu()
    torch.testing.assert_close(there, augment.apply(x, recipe, seeded()))

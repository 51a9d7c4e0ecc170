"""The coder bench: codes against snnTorch's, errors against closed forms, by hand."""

import re

import numpy as np
import pytest
import torch
from snntorch import spikegen

from spikedu import data
from spikedu.figures.views import RasterView
from spikedu.scenes import encoding
from spikedu.scenes.encoding import coder_bench, digits
from spikedu.scenes.encoding_words import (
    BITS,
    CHANGE,
    CODES,
    DARK,
    DRIFT,
    LATENCY,
    RATE,
    REPEAT,
    STILL,
)
from spikedu.widgets import CoderBench
from spikedu.widgets import coder_bench as widget

EACH_CODE = pytest.mark.parametrize("code", CODES)
# Black, darker than a latency needs, 1/4, 3/4, white; 3/8 in between.
SMALL = np.array([[[0.0, 0.005, 0.25], [0.75, 1.0, 0.375]]])


def frames_of(image, code, steps):
    move = code == DRIFT
    return np.stack([np.roll(image, t * move, axis=1).ravel() for t in range(steps)])


# ---------------------------------------------------------------- images
def test_the_ten_digits_are_real_ones_in_order():
    images, labels = data.load("digits")
    found = digits()
    assert found.shape == (10, 8, 8) and found.min() == 0 and found.max() == 1
    for k, image in enumerate(found):
        same = (images[:, 0].numpy() == image).all(axis=(1, 2))
        assert labels[int(same.argmax())] == k and same.any()


# ---------------------------------------------------------------- by hand
def test_latency_by_hand():
    # With 5 steps a pixel fires at round(4 (1 - p)): 3, 1, 0, and 2.5 -> 2 (even).
    view = coder_bench(images=SMALL, image=0, code=LATENCY, steps=5)
    t, n = np.nonzero(view.train)
    assert sorted(zip(n.tolist(), t.tolist(), strict=True)) == [
        (2, 3),
        (3, 1),
        (4, 0),
        (5, 2),
    ]
    back = [0, 0, 0.25, 0.75, 1, 0.5]
    assert view.shown[-1].ravel().tolist() == back
    assert view.error == pytest.approx(np.sqrt((0.005**2 + 0.125**2) / 6), abs=1e-12)
    # Before step 3 nobody knows of the pixel that fires then.
    assert view.shown[2].ravel().tolist() == [0, 0, 0, 0.75, 1, 0.5]
    assert (view.spikes, view.bits) == (4, 30)


def test_delta_on_a_still_image_by_hand():
    view = coder_bench(images=SMALL, image=0, code=STILL, steps=3)
    assert view.train[0].tolist() == [0, 0, 1, 1, 1, 1]
    assert not view.train[1:].any()
    assert view.shown[-1].ravel().tolist() == [0, 0, 0.25, 0.25, 0.25, 0.25]
    off = [0, 0.005, 0, 0.5, 0.75, 0.125]
    assert view.error == pytest.approx(np.sqrt(np.square(off).mean()), abs=1e-12)


def test_delta_on_a_drifting_image_by_hand():
    # Row 0 is 0, .005, .25; then .25, 0, .005; then .005, .25, 0.
    view = coder_bench(images=SMALL, image=0, code=DRIFT, steps=3)
    assert view.train[:, 0].tolist() == [0, 1, 0]  # +.25, then -.245
    assert view.train[:, 1].tolist() == [0, 0, 1]
    assert view.train[:, 2].tolist() == [1, 0, 0]  # +.25, -.245, -.005
    # Row 1 is .75, 1, .375; then .375, .75, 1; then 1, .375, .75.
    assert view.train[:, 3].tolist() == [1, -1, 1]
    assert view.train[:, 4].tolist() == [1, -1, -1]
    assert view.train[:, 5].tolist() == [1, 1, -1]
    # A receiver knows that nothing is below 0: pixel 4 ends there, not at -.25.
    assert view.shown[-1].ravel().tolist() == [0.25, 0.25, 0.25, 0.25, 0, 0.25]
    assert view.frames[2, 1].tolist() == [1, 0.375, 0.75]


def test_rate_and_repeat_by_hand():
    sure = np.array([[[0.0, 1.0]]])
    view = coder_bench(images=sure, image=0, code=RATE, steps=4, seed=7)
    assert view.train.tolist() == [[0, 1]] * 4
    assert view.error == 0 and not view.law.any() and not view.average.any()
    view = coder_bench(images=SMALL, image=0, code=REPEAT, steps=2)
    assert view.spikes == 0 and view.error == 0 and view.bits == 2 * 6 * 32
    assert (view.shown == SMALL).all()


def test_what_has_come_back_is_a_mean_over_the_steps_so_far():
    view = coder_bench(steps=9, seed=4)
    for t in range(9):
        mean = view.train[: t + 1].mean(axis=0)
        np.testing.assert_allclose(view.shown[t].ravel(), mean, rtol=0, atol=1e-15)


# ---------------------------------------------------------------- snnTorch
@pytest.mark.parametrize("steps", [2, 5, 16, 17, 32])
@pytest.mark.parametrize("image", range(10))
def test_latency_is_snntorchs_linear_and_normalised_one(image, steps):
    ours = coder_bench(image=image, code=LATENCY, steps=steps)
    pixels = torch.tensor(digits()[image].ravel())
    options = {"threshold": DARK, "normalize": True, "linear": True, "clip": True}
    theirs = spikegen.latency(pixels, num_steps=steps, **options)
    assert (ours.train == theirs.numpy()).all()


@pytest.mark.parametrize("code", [STILL, DRIFT])
@pytest.mark.parametrize("image", range(10))
def test_delta_is_snntorchs_with_off_spikes(image, code):
    ours = coder_bench(image=image, code=code, steps=20)
    frames = torch.from_numpy(frames_of(digits()[image], code, 20))
    theirs = spikegen.delta(frames, threshold=CHANGE, off_spike=True)
    assert (ours.train == theirs.numpy()).all()
    assert (ours.train == -1).any() == (code == DRIFT)


def test_rate_has_the_probabilities_of_snntorchs():
    still, seeds = digits()[3], 100
    ours = np.mean([coder_bench(steps=32, seed=s).train for s in range(seeds)], (0, 1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pixels = torch.from_numpy(still.ravel().copy())
        theirs = spikegen.rate(pixels, num_steps=32 * seeds).mean(dim=0).numpy()
    # Five standard errors of a mean of 3,200 throws, at most 0.044.
    bound = 5 * np.sqrt(still.ravel() * (1 - still.ravel()) / (32 * seeds))
    assert (abs(ours - still.ravel()) <= bound).all()
    assert (abs(ours - theirs) <= 2 * bound).all()


# ---------------------------------------------------------------- the law
@pytest.mark.parametrize("image", [0, 3, 8])
def test_the_error_of_many_runs_follows_the_law(image):
    view = coder_bench(image=image)
    p = digits()[image]
    for steps in (1, 2, 8, 32):
        law = np.sqrt((p * (1 - p)).mean() / steps)
        assert view.law[steps - 1] == pytest.approx(law, rel=1e-12)
    ratio = view.average / view.law
    assert abs(ratio - 1).max() < 0.05
    # It is an average of runs, not the law again.
    assert abs(ratio - 1).max() > 1e-4
    slope = np.polyfit(np.log(np.arange(1, 33)), np.log(view.average), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.02)


def test_more_runs_come_closer_to_the_law():
    still = digits()[3]
    law = encoding.rate_law(still)
    few, many = (abs(encoding.rate_error(still, n) / law - 1).mean() for n in (8, 2048))
    assert many < few / 4 and many < 0.01


@EACH_CODE
def test_the_curve_holds_the_error_of_each_number_of_steps(code):
    curve = coder_bench(code=code, seed=5).errors
    for steps in (1, 2, 3, 16, 31, 32):
        view = coder_bench(code=code, steps=steps, seed=5)
        off = view.shown[-1] - view.frames[-1]
        assert view.error == pytest.approx(np.sqrt((off**2).mean()), abs=1e-12)
        assert curve[steps - 1] == pytest.approx(view.error, abs=1e-12)
    shown = coder_bench(code=code, seed=5).panels[-1]
    assert shown.points == ((16.0, curve[15], "T = 16"),)
    assert shown.names[0] == "this run"


# ---------------------------------------------------------------- what is said
@EACH_CODE
@pytest.mark.parametrize("steps", [1, 2, 16, 32])
def test_the_code_gives_what_is_shown(code, steps):
    view = coder_bench(image=8, code=code, steps=steps, seed=11)
    names = {}
    exec(view.code, names)
    assert (np.asarray(names["spikes"]).astype(int) == view.train).all()
    np.testing.assert_allclose(names["shown"], view.shown[-1].ravel(), atol=1e-15)
    assert names["error"] == pytest.approx(view.error, abs=1e-15)


def test_the_code_of_images_of_your_own_starts_from_them():
    view = coder_bench(images=SMALL, image=0, steps=3)
    names = {"images": SMALL}
    exec(view.code, names)
    assert (names["spikes"] == view.train).all() and "digits" not in view.code


@EACH_CODE
@pytest.mark.parametrize("steps", [1, 32])
def test_the_sentence_has_the_numbers(code, steps):
    view = coder_bench(code=code, steps=steps)
    plural = "s" * (steps > 1)
    if code == REPEAT:
        cost = f"with no spikes: {view.bits:,} bits (32 per pixel and step) in {steps}"
        assert "0 spikes" not in view.sentence + "".join(view.said)
    else:
        cost = f"{view.spikes:,} spikes in {steps} step{plural}, {view.bits:,} bits"
        assert view.said[-1].startswith(f"{abs(view.train[-1]).sum()} spike")
        assert f" {view.spikes} so far; off by" in view.said[-1]
    assert cost in view.sentence
    assert f"off by {view.error:.3f}" in view.sentence
    assert view.bits == steps * 64 * BITS[code] and 40 <= len(view.alt) <= 300
    assert view.said[-1].endswith(f"; off by {view.error:.3f}")


def test_a_latency_of_one_step_tells_nothing():
    view = coder_bench(images=SMALL, image=0, code=LATENCY, steps=1)
    assert view.train.tolist() == [[0, 0, 1, 1, 1, 1]]
    assert view.shown.ravel().tolist() == [0, 0, 1, 1, 1, 1]
    assert view.sentence.startswith(
        "With a single step all pixels but the dark fire at step 0: 4 spikes in 1 step"
    )
    assert f"each is taken for white, off by {view.error:.3f}." in view.sentence
    assert "fires earlier" not in view.sentence
    two = coder_bench(images=SMALL, image=0, code=LATENCY, steps=2)
    assert "fires earlier" in two.sentence


def test_an_image_without_light_is_told_as_it_is():
    for code in CODES:
        view = coder_bench(images=np.zeros((1, 2, 2)), image=0, code=code)
        assert view.spikes == 0 and view.error == 0
        assert ("no spikes" if code == REPEAT else "0 spikes") in view.sentence
    assert "at no step" in coder_bench(images=[[[0.0]]], image=0, code=STILL).sentence


def test_off_spikes_are_told_apart_from_on_spikes():
    view = coder_bench(code=DRIFT)
    _, rasters, _ = view.rows
    # A raster for each sign, and its title names it: the colour need not.
    for sign, what, raster in zip(
        (1, -1), ("brighter", "darker"), rasters, strict=True
    ):
        assert raster.title == f"one neuron per pixel, got {what}: 64 neurons"
        assert (raster.counts == (view.train == sign).sum(axis=0)).all()
        assert raster.counts.any()


@EACH_CODE
def test_every_raster_says_that_a_neuron_is_a_pixel(code):
    rasters = coder_bench(code=code).rows[1]
    assert len(rasters) == 1 + (code == DRIFT)
    for raster in rasters:
        assert isinstance(raster, RasterView)
        assert raster.title.startswith("one neuron per pixel")
    assert ("no spikes" in rasters[0].title) == (code == REPEAT)


# ---------------------------------------------------------------- the widget
def test_presets_show_what_their_names_say():
    w = widget()
    assert isinstance(w, CoderBench)
    found = {}
    for name in w.PRESETS:
        w.preset(name)
        found[name.partition(",")[0].partition(":")[0] + str(len(found))] = w.view
    noisy, fine, latency, still, drift, repeat = found.values()
    assert noisy.error > 0.15 and fine.law[31] == pytest.approx(noisy.law[1] / 4)
    assert fine.error < noisy.error / 3
    assert latency.train.sum(axis=0).max() == 1
    assert latency.spikes == (digits()[3] >= DARK).sum()
    assert still.train[0].any() and not still.train[1:].any()
    assert (abs(drift.train[1:]).sum(axis=1) > 0).all()
    assert repeat.spikes == 0


def test_with_17_steps_a_latency_loses_nothing_of_17_gray_values():
    assert coder_bench(code=LATENCY, steps=17).error == 0
    assert coder_bench(code=LATENCY, steps=16).error > 0


def test_images_of_your_own_reach_the_widget():
    w = widget(SMALL, code=LATENCY, steps=5)
    assert w.values["image"] == 0 and w.view.spikes == 4
    assert w.controls["image"].max == 0
    w.preset("delta, still: silent after step 0")
    assert w.view.train[0].tolist() == [0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coder_bench(image=10), "image = 10: must be a whole number from 0 to"),
        (lambda: coder_bench(code="phase"), "code = 'phase': must be one of 'rate',"),
        (
            lambda: coder_bench(steps=0),
            "steps = 0: must be a whole number from 1 to 32",
        ),
        (
            lambda: coder_bench(seed=-1),
            "seed = -1: must be a whole number from 0 to 99",
        ),
        (lambda: widget([[0.5]]), "images.shape = (1, 1): must be [n, H, W]"),
        (lambda: widget([[[16.0]]]), "images = 16.00 to 16.00: must be gray values"),
        (lambda: widget(np.zeros((1, 28, 28))), "must be [n, H, W] of at most 128"),
        (lambda: widget([[[np.nan]]]), "images = 1 NaN or infinite entries"),
    ],
)
def test_a_bad_value_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()

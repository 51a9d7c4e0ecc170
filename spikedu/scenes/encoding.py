"""One still image as spikes: five codes, what they cost, and what comes back.

The formulas are those of `snntorch.spikegen` (`rate`; `latency`, linear, normalised and
clipped; `delta` with off spikes); a test compares them. `repeat` is what the released
Spikformer does. Pixels p are gray values from 0 (black) to 1 (white).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikedu.figures import arrays, words
from spikedu.figures.views import (
    CurveView,
    HeatView,
    RasterView,
    Screen,
)
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
    code_lines,
    said,
    sentence,
)

BOX = {"steps": (1, 32), "seed": (0, 99)}
MOST_PIXELS = 128  # each is a row of the raster
DRAWS = 128  # averaged over, for the error that rate coding has on the whole


@functools.cache
def digits() -> NDArray[np.float64]:
    """Ten real handwritten digits [10, 8, 8] from 0 to 1: image k shows a k."""
    from spikedu.data import load

    images, labels = (x.numpy() for x in load("digits"))
    first = [int(np.argmax(labels == k)) for k in range(10)]
    found = images[first, 0].astype(np.float64)
    found.flags.writeable = False
    return found


@dataclass(frozen=True, eq=False, kw_only=True)
class CoderBenchView(Screen):
    """What the coder bench shows, and its numbers.

    `train[t, n]` is 1, 0 or -1 (an off spike); `shown` and `frames`, [T, H, W], are
    what the receiver has made of it after each step, and what was sent. `errors[k]` is
    the error with k + 1 steps, `average[k]` that of 128 runs of the rate code, `law[k]`
    what theory expects of them.
    """

    train: NDArray[np.int64]
    shown: NDArray[np.float64]
    frames: NDArray[np.float64]
    errors: NDArray[np.float64]
    average: NDArray[np.float64]
    law: NDArray[np.float64]
    bits: int

    @property
    def error(self) -> float:
        """Root mean square over the pixels, after all steps; white is 1."""
        return float(self.errors[len(self.train) - 1])

    @property
    def spikes(self) -> int:
        """How many were sent, off spikes too."""
        return int(np.abs(self.train).sum())


def coder_bench(
    *,
    images: ArrayLike | None = None,
    image: int = 3,
    code: str = RATE,
    steps: int = 16,
    seed: int = 0,
) -> CoderBenchView:
    """One of `images` [n, H, W] (0 to 1; `digits()`) as spikes over `steps`, and back.

    `code` is one of CODES; `seed` belongs to the rate code. At most 128 pixels.
    Raises `ValueError` for other images and for a value that no slider reaches.
    """
    found = digits() if images is None else gray(images)
    arrays.count("image", image, 0, len(found) - 1)
    arrays.choice("code", code, CODES)
    arrays.count("steps", steps, *BOX["steps"])
    arrays.count("seed", seed, *BOX["seed"])
    still = found[image]
    most = BOX["steps"][1]
    frames = sent(still, code, most)
    train = spikes_of(frames[:steps], code, seed)
    shown = received(train, frames[:steps], code)
    errors = _errors(frames, code, seed)
    average = _averaged(still.tobytes())
    law = rate_law(still)
    wrong = _rms(shown - frames[:steps])
    rows = _rows(train, shown, frames[:steps], still, code, errors, average, law)
    alt = (
        f"Image {image} of {len(found)} in the code {code}. "
        f"{sentence(code, train, errors, law)}"
    )
    return CoderBenchView(
        train=train,
        shown=shown.reshape(steps, *still.shape),
        frames=frames[:steps].reshape(steps, *still.shape),
        errors=errors,
        average=average,
        law=law,
        bits=train.size * BITS[code],
        rows=rows,
        sentence=sentence(code, train, errors, law),
        alt=alt,
        code=code_lines(image, code, steps, seed, images is None),
        steps=steps,
        at=steps - 1,
        said=said(code, train, wrong),
    )


def gray(images: ArrayLike) -> NDArray[np.float64]:
    """Images [n, H, W] from 0 to 1, or a `ValueError` that says what is wrong."""
    found = arrays.array("images", images, "n H W")
    if found.min() < 0 or found.max() > 1:
        low, high = words.number(found.min()), words.number(found.max())
        arrays.fail("images", f"{low} to {high}", "gray values from 0 to 1")
    if found[0].size > MOST_PIXELS:
        right = f"[n, H, W] of at most {MOST_PIXELS} pixels, as 8 x 8"
        arrays.fail("images.shape", found.shape, right)
    return found


# ---------------------------------------------------------------- there and back
def sent(still: NDArray[np.float64], code: str, steps: int) -> NDArray[np.float64]:
    """What the sensor sees [T, N]: the image, T times, or moving by a pixel a step."""
    move = code == DRIFT
    return np.stack([np.roll(still, t * move, axis=1).ravel() for t in range(steps)])


def spikes_of(frames: NDArray[np.float64], code: str, seed: int) -> NDArray[np.int64]:
    """The spikes [T, N] of frames [T, N]: 1, 0, or -1 for a pixel that got darker."""
    steps = len(frames)
    if code == RATE:
        # Row by row: with more steps the first ones stay as they were.
        found = np.random.default_rng(seed).random(frames.shape) < frames
    elif code == LATENCY:
        when = np.round((steps - 1) * (1 - frames[0]))
        found = (np.arange(steps)[:, None] == when) & (frames >= DARK)
    elif code == REPEAT:
        found = np.zeros(frames.shape)
    else:
        change = np.diff(frames, axis=0, prepend=0)
        found = (change >= CHANGE).astype(int) - (change <= -CHANGE)
    return found.astype(np.int64)


def received(
    train: NDArray[np.int64], frames: NDArray[np.float64], code: str
) -> NDArray[np.float64]:
    """Gray values [T, N] that a receiver has made of the spikes up to each step."""
    steps = np.arange(len(train))[:, None]
    if code == RATE:
        return train.cumsum(axis=0) / (steps + 1)
    if code == LATENCY:
        return (train * (1 - steps / max(len(train) - 1, 1))).cumsum(axis=0)
    if code == REPEAT:
        return frames
    # It knows that a gray value lies from 0 to 1, at every step.
    shown, now = np.empty(train.shape), np.zeros(train.shape[1])
    for t, signs in enumerate(train):
        now = np.clip(now + CHANGE * signs, 0, 1)
        shown[t] = now
    return shown


def _rms(wrong: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt((wrong**2).mean(axis=-1))


def _errors(frames: NDArray[np.float64], code: str, seed: int) -> NDArray[np.float64]:
    """Of each number of steps, up to the most that the slider reaches."""
    if code != LATENCY:
        train = spikes_of(frames, code, seed)
        return _rms(received(train, frames, code) - frames)
    # A latency depends on how many steps there are; one spike a pixel, so in one go.
    last = np.arange(len(frames))[:, None]
    when = np.round(last * (1 - frames[0]))
    shown = (1 - when / np.maximum(last, 1)) * (frames >= DARK)
    return _rms(shown - frames)


@functools.lru_cache(maxsize=64)
def _averaged(pixels: bytes) -> NDArray[np.float64]:
    # The same for every code, seed and number of steps: once for each image.
    found = rate_error(np.frombuffer(pixels))
    found.flags.writeable = False
    return found


def rate_error(still: NDArray[np.float64], draws: int = DRAWS) -> NDArray[np.float64]:
    """The rate code's error with 1 to 32 steps, averaged over draws of its own."""
    p, steps = still.ravel(), np.arange(1, BOX["steps"][1] + 1)
    random = np.random.default_rng(draws)
    total = np.zeros(len(steps))
    for _ in range(draws):
        fires = random.random((len(steps), p.size)) < p
        wrong = fires.cumsum(axis=0) / steps[:, None] - p
        total += (wrong**2).mean(axis=1)
    return np.sqrt(total / draws)


def rate_law(still: NDArray[np.float64]) -> NDArray[np.float64]:
    """What theory expects: sqrt(mean p(1-p) / T), of a mean of T throws of a coin."""
    p, steps = still.ravel(), np.arange(1, BOX["steps"][1] + 1)
    return np.sqrt((p * (1 - p)).mean() / steps)


# ---------------------------------------------------------------- views and words
def _rows(train, shown, frames, still, code, errors, average, law):
    steps, unit = len(train), {"unit": "% of white", "limits": (0, 100)}
    seen = frames if code == DRIFT else frames[:1]
    maps = [
        HeatView.of(
            np.rint(100 * x).reshape(-1, *still.shape), "T R C", title=t, **unit
        )
        for x, t in ((seen, "image"), (shown, "what comes back"))
    ]
    signs = {
        STILL: {1: ", got brighter"},  # darker none gets, from black
        DRIFT: {1: ", got brighter", -1: ", got darker"},
        REPEAT: {1: ", gray values, no spikes"},
    }.get(code, {1: ""})
    rasters = [
        RasterView.of(train == sign, name=f"one neuron per pixel{what}")
        for sign, what in signs.items()
    ]
    curve = CurveView.of(
        np.arange(1, len(errors) + 1),
        {
            "this run": errors,
            f"rate, mean of {DRAWS} runs": average,
            "sqrt(mean p(1-p) / T)": law,
        },
        title="error of the image that comes back",
        xlabel="steps T",
        ylabel="RMS error (white = 1)",
        meanings=["membrane", "current", "baseline"],
        points=[(steps, errors[steps - 1], f"T = {steps}")],
    )
    return tuple(maps), tuple(rasters), (curve,)

"""What the coder bench says: the five codes, what they cost, and their code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikedu.figures import words

RATE, LATENCY, STILL, DRIFT, REPEAT = CODES = (
    "rate",
    "latency",
    "delta, still image",
    "delta, drifting image",
    "repeat",
)
DARK = 0.01  # a darker pixel has no latency: it never fires
CHANGE = 0.25  # the threshold of `delta`, and what a spike of it is taken for
# For each pixel at each step: a spike or none; one of either sign or none; a float32.
BITS = {RATE: 1, LATENCY: 1, STILL: 2, DRIFT: 2, REPEAT: 32}


def sentence(
    code: str,
    train: NDArray[np.int64],
    errors: NDArray[np.float64],
    law: NDArray[np.float64],
) -> str:
    """What was sent, what it cost, and how far off is what comes back."""
    steps, total = len(train), int(np.abs(train).sum())
    error = f"{errors[steps - 1]:.3f}"
    cost = (
        f"{words.plural(total, 'spike')} in {words.plural(steps, 'step')}, "
        f"{train.size * BITS[code]:,} bits ({BITS[code]} per pixel and step)"
    )
    if code == RATE:
        return (
            f"Each pixel fires with the probability p of its gray value: {cost}. Its "
            f"rate gives p back, here off by {error}; sqrt(mean p(1-p) / T) expects "
            f"{law[steps - 1]:.3f}."
        )
    if code == LATENCY and steps == 1:
        return (
            f"With a single step all pixels but the dark fire at step 0: {cost}. Their "
            "times tell nothing of the gray values; each is taken for white, off by "
            f"{error}."
        )
    if code == LATENCY:
        return (
            f"A brighter pixel fires earlier, each at most once: {cost}. The time of "
            f"the spike gives the gray value back, off by {error}."
        )
    fires = f"a pixel fires where it changes by {CHANGE} or more: {cost}"
    if code == STILL:
        when = "all at step 0, when the image appears" if total else "at no step"
        return (
            f"{fires.capitalize()}, {when}. A still image changes no more; what comes "
            f"back stays off by {error}."
        )
    if code == DRIFT:
        return (
            f"The image moves to the right, a pixel a step; {fires}. A receiver that "
            f"takes each spike for {CHANGE} is off by {error}."
        )
    bits = f"{train.size * BITS[code]:,} bits ({BITS[code]} per pixel and step)"
    return (
        f"All {train.shape[1]} gray values are sent as numbers at every step, with no "
        f"spikes: {bits} in {words.plural(steps, 'step')}. They are off by {error} "
        "from step 0 on; a later step brings nothing new."
    )


def said(
    code: str, train: NDArray[np.int64], errors: NDArray[np.float64]
) -> tuple[str, ...]:
    """A line for each step; `errors[t]` of what has come back by then."""
    if code == REPEAT:
        return tuple(f"gray values, no spikes; off by {error:.3f}" for error in errors)
    counts = np.abs(train).sum(axis=1)
    return tuple(
        f"{words.plural(int(now), 'spike')} now, {total} so far; off by {error:.3f}"
        for now, total, error in zip(counts, counts.cumsum(), errors, strict=True)
    )


def code_lines(image: int, code: str, steps: int, seed: int, own: bool) -> str:
    """Runs as it stands with the ten digits, else from `images` on."""
    lines = ["import numpy as np"]
    if own:
        lines += ["from spikedu.scenes.encoding import digits", "", "images = digits()"]
    lines += [f"image = images[{image}]  # [H, W], 0 to 1"]
    if code == DRIFT:
        moved = f"np.roll(image, t, axis=1).ravel() for t in range({steps})"
        lines += [f"frames = np.stack([{moved}])"]
    else:
        lines += [f"frames = np.tile(image.ravel(), ({steps}, 1))"]
    lines += {
        RATE: [
            f"random = np.random.default_rng({seed}).random(frames.shape)",
            "spikes = random < frames",
            "shown = spikes.mean(axis=0)",
        ],
        LATENCY: [
            f"step = np.arange({steps})[:, None]",
            f"when = np.round({steps - 1} * (1 - frames))",
            f"spikes = (step == when) & (frames >= {DARK})",
            f"shown = (spikes * (1 - step / {max(steps - 1, 1)})).sum(axis=0)",
        ],
        REPEAT: [
            "spikes = np.zeros(frames.shape)  # the next layer sees frames",
            "shown = frames[-1]",
        ],
    }.get(
        code,
        [
            "change = np.diff(frames, axis=0, prepend=0)",
            f"up, down = change >= {CHANGE}, change <= -{CHANGE}",
            "spikes, shown = up.astype(int) - down, 0",
            "for signs in spikes:",
            f"    shown = np.clip(shown + {CHANGE} * signs, 0, 1)",
        ],
    )
    lines += ["error = np.sqrt(((shown - frames[-1]) ** 2).mean())"]
    return "\n".join(lines)

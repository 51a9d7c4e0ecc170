"""One neuron under a constant current, and twenty like it with noise of their own.

`widgets/static/neuron.js` computes the same in the page. This file is the truth: a
test runs both and demands the same bits and the same words. So each operation stands in
the same order here, there and in `spikedu.functional`, and all text rounds by `fixed`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from spikedu.figures import arrays
from spikedu.figures.views import MembraneView, RasterView
from spikedu.figures.words import ordinal

STEPS, NEURONS = 100, 20
RESETS = ("subtract, one step later (Eq. 1)", "to zero (released network)", "none")
SUBTRACT, TO_ZERO, NONE = RESETS
# What the sliders reach: lowest, highest.
BOX = {
    "beta": (0.0, 1.0),
    "threshold": (0.1, 2.0),
    "current": (-0.5, 1.5),
    "noise": (0.0, 0.5),
    "seed": (0, 99),
}


@dataclass(frozen=True, eq=False)
class LifExplorerView:
    """What the LIF explorer shows; membrane and current of neuron 0 are `[T]` slices.

    `u`, `s` and `current`, all [T, N], are the simulation of every neuron.
    """

    u: NDArray[np.float64]
    s: NDArray[np.float64]
    current: NDArray[np.float64]
    membrane: MembraneView  # of neuron 0, with its current
    raster: RasterView
    # The constant current to pass to fire at all; at decay 0 the released neuron fires
    # on it.
    rheobase: float
    sentence: str  # what happens
    alt: str
    code: str

    @property
    def rate(self) -> float:
        """Spikes per step of neuron 0."""
        return float(self.s[:, 0].sum() / len(self.s))

    @property
    def population_rate(self) -> float:
        """Spikes per neuron per step."""
        return float(self.s.sum() / self.s.size)

    @property
    def text(self) -> str:
        """All of it in words: what happens, each spike, the code."""
        return "\n".join([self.alt, self.membrane.text, self.raster.text, self.code])


def lif_explorer(
    *,
    beta: Real = 0.8,
    threshold: Real = 1.0,
    current: Real = 0.3,
    reset: str = SUBTRACT,
    noise: Real = 0.0,
    seed: int = 0,
) -> LifExplorerView:
    """100 steps of Eq. (1), or of another reset rule, for 20 neurons.

    All get the same constant `current`; each adds noise of standard deviation `noise`.
    Raises `ValueError` for a value that the sliders do not reach (`BOX`).
    """
    beta = arrays.number("beta", beta, *BOX["beta"])
    threshold = arrays.number("threshold", threshold, *BOX["threshold"])
    current = arrays.number("current", current, *BOX["current"])
    arrays.choice("reset", reset, RESETS)
    noise = arrays.number("noise", noise, *BOX["noise"])
    seed = arrays.count("seed", seed, *BOX["seed"])

    i = np.full((STEPS, NEURONS), current)
    if noise > 0:
        i = current + noise * bell(seed)
    u, s = _simulate(i, beta, threshold, reset)
    happens = _sentence(beta, threshold, current, reset, noise, s)
    alt = (
        f"{happens} Decay {fixed(beta)}, threshold {fixed(threshold)}, input current "
        f"{fixed(current)}, noise {fixed(noise)}, reset {reset}: neuron 0 fires "
        f"{fixed(s[:, 0].sum() / STEPS)} times per step."
    )
    return LifExplorerView(
        u,
        s,
        i,
        membrane=MembraneView.of(u[:, 0], threshold, s[:, 0], i[:, 0]),
        raster=RasterView.of(s),
        rheobase=_rheobase(beta, threshold, reset),
        sentence=happens,
        alt=alt,
        code=_code(beta, threshold, current, reset, noise, seed),
    )


# ---------------------------------------------------------------- the neuron
def _simulate(i, beta, threshold, reset):
    u, s = np.zeros(i.shape[1]), np.zeros(i.shape[1])
    membrane, spikes = np.empty_like(i), np.empty_like(i)
    for t, x in enumerate(i):
        if reset == TO_ZERO:
            rest = u * (1 - s)
            u = rest + (x - rest) * (1 - beta)
            s = (u >= threshold).astype(float)
        else:
            u = beta * u + x
            if reset == SUBTRACT:
                u = u - s * threshold
            s = (u > threshold).astype(float)
        membrane[t], spikes[t] = u, s
    return membrane, spikes


def _rheobase(beta: float, threshold: float, reset: str) -> float:
    if reset == TO_ZERO:
        return threshold if beta < 1 else math.inf
    return threshold * (1 - beta)


# ---------------------------------------------------------------- the noise
def bell(seed: int, steps: int = STEPS, neurons: int = NEURONS) -> NDArray[np.float64]:
    """Bell-shaped noise [T, N], mean 0, standard deviation 1, within 3.47 of 0.

    Four uniform numbers summed, from an integer hash: JavaScript gets the same bits,
    and neuron n gets the same numbers however many others there are.
    """
    n = np.arange(neurons, dtype=np.uint32)[None, :]
    t = np.arange(steps, dtype=np.uint32)[:, None]
    own = _mix(_mix(np.full((1, 1), seed, np.uint32)) ^ n)
    a, b = _mix(own + 2 * t), _mix(own + 2 * t + np.uint32(1))
    low = np.uint32(0xFFFF)
    total = sum(
        part.astype(np.float64) for part in (a & low, a >> 16, b & low, b >> 16)
    )
    return (total / 65536 - 2) * 1.7320508075688772


def _mix(x: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """A bijection of 32-bit integers with good avalanche (C. Wellons' "lowbias32")."""
    x = (x + np.uint32(0x9E3779B9)) & np.uint32(0xFFFFFFFF)
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


# ---------------------------------------------------------------- the words
def fixed(x: float) -> str:
    """Two decimals, ties up: as JavaScript can do it too."""
    return f"{math.floor(x * 100 + 0.5) / 100:.2f}"


def _sentence(beta, threshold, current, reset, noise, s) -> str:
    times = np.flatnonzero(s[:, 0]).tolist()
    gaps = np.diff(times).astype(int).tolist()
    if noise > 0:
        return _noisy(times, gaps, s)
    if _settles(beta, current, reset) == threshold and beta == 0:
        return _at_once(threshold, reset)
    if beta > 0 and abs(_settles(beta, current, reset) - threshold) <= 1e-9:
        return _edge(threshold, _fires(times, gaps, reset))
    if len(times) == 0:
        return _silent(beta, threshold, current, reset)
    return _fires(times, gaps, reset)


def _settles(beta, current, reset) -> float:
    """Where the membrane would go if it never fired; nan for decay 1."""
    if beta == 1:
        return math.nan
    return current if reset == TO_ZERO else current / (1 - beta)


def _at_once(threshold, reset) -> str:
    here = (
        f"at exactly the rheobase the membrane equals the threshold {fixed(threshold)}"
    )
    if reset == TO_ZERO:
        return (
            f"Fires at every step from step 0 on: {here}, and this neuron fires on it."
        )
    return f"Never fires: {here}, which it would have to pass."


def _edge(threshold, fires) -> str:
    """At the rheobase what is computed depends on rounding; what is true does not."""
    if not fires:
        return (
            "Never fires: this is exactly the rheobase: in exact arithmetic the "
            f"membrane only approaches the threshold {fixed(threshold)} and never "
            "reaches it."
        )
    return (
        f"{fires} That is the computer's rounding: at exactly the rheobase the "
        "membrane, in exact arithmetic, only approaches the threshold."
    )


def _fires(times, gaps, reset) -> str:
    """Empty for a neuron that does not."""
    if len(times) == 0:
        return ""
    first = f"step {times[0]}"
    if len(times) == 1:
        return f"Fires once in {STEPS} steps, at {first}."
    low, high = min(gaps), max(gaps)
    if high == 1:
        why = "the input brings back at once what the reset takes"
        why = "nothing resets the membrane" if reset == NONE else why
        return f"Fires at every step from {first} on: {why}."
    if low == high:
        return f"Fires every {ordinal(low)} step, first at {first}."
    return f"Fires every {low} to {high} steps, first at {first}."


def _noisy(times, gaps, s) -> str:
    rate = fixed(s.sum() / s.size)
    everyone = f"the {NEURONS} neurons fire {rate} times per step each."
    if len(times) == 0:
        return f"Neuron 0 does not fire in {STEPS} steps; {everyone}"
    if len(times) == 1:
        return f"Neuron 0 fires once, at step {times[0]}; {everyone}"
    apart = f"{min(gaps)} to {max(gaps)} steps apart"
    return f"Neuron 0 fires {len(times)} times, {apart}; {everyone}"


def _silent(beta, threshold, current, reset) -> str:
    if beta == 1 and (reset == TO_ZERO or current == 0):
        return "Never fires: the membrane takes nothing in and stays at 0."
    if beta == 1 and current < 0:
        return f"Never fires: the membrane falls by {fixed(-current)} at every step."
    if beta == 1:
        grows = f"the membrane climbs by {fixed(current)} at every step"
        return f"Does not fire within {STEPS} steps: {grows}."
    end = _settles(beta, current, reset)
    formula = "i" if reset == TO_ZERO else "i / (1 - beta)"
    if end > threshold:
        way = f"the membrane is still on its way to {formula} = {fixed(end)}"
        return f"Does not fire within {STEPS} steps: {way}."
    side = "just below" if fixed(end) == fixed(threshold) else "below"
    rests = f"the membrane settles at {formula} = {fixed(end)}"
    return f"Never fires: {rests}, {side} the threshold {fixed(threshold)}."


# ---------------------------------------------------------------- the code
def _exact(x: float) -> str:
    return f"{x:.2f}" if float(f"{x:.2f}") == x else repr(x)


def _code(beta, threshold, current, reset, noise, seed) -> str:
    """Runs as it stands, and gives the same spikes."""
    step = {SUBTRACT: "", TO_ZERO: ", step=lif_step_hard", NONE: ", step=no_reset"}
    i = _exact(current)
    lines = ["import torch"]
    hard = ", lif_step_hard" if reset == TO_ZERO else ""
    lines += [f"from spikedu.functional import lif{hard}"]
    if noise > 0:
        lines += ["from spikedu.scenes.neuron import bell"]
    lines += [""]
    if reset == NONE:
        lines += [
            "def no_reset(u, s, current, beta, threshold):",
            "    u = beta * u + current",
            "    return u, (u > threshold).to(u.dtype)",
            "",
        ]
    if noise > 0:
        lines += [f"current = {i} + {_exact(noise)} * torch.from_numpy(bell({seed}))"]
    else:
        shape = f"({STEPS}, {NEURONS})"
        lines += [f"current = torch.full({shape}, {i}, dtype=torch.float64)"]
    arguments = f"beta={_exact(beta)}, threshold={_exact(threshold)}{step[reset]}"
    lines += [f"membrane, spikes = lif(current, {arguments})"]
    return "\n".join(lines)

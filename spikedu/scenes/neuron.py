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
from spikedu.figures.views import MembraneView, RasterView, Screen
from spikedu.scenes.lif_words import (
    NONE as NONE,
)
from spikedu.scenes.lif_words import (
    RESETS,
    SUBTRACT,
    TO_ZERO,
    code,
    fixed,
    rate,
    sentence,
)

STEPS, NEURONS = 100, 20
# What the sliders reach: lowest, highest.
BOX = {
    "beta": (0.0, 1.0),
    "threshold": (0.1, 2.0),
    "current": (-0.5, 1.5),
    "noise": (0.0, 0.5),
    "seed": (0, 99),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class LifExplorerView(Screen):
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

    @property
    def rate(self) -> float:
        """Spikes per step of neuron 0."""
        return float(self.s[:, 0].sum() / len(self.s))

    @property
    def population_rate(self) -> float:
        """Spikes per neuron per step."""
        return float(self.s.sum() / self.s.size)


def lif_explorer(
    *,
    beta: Real = 0.8,
    threshold: Real = 1.0,
    current: Real = 0.3,
    reset: str = SUBTRACT,
    noise: Real = 0.0,
    seed: int = 0,
    steps: int = STEPS,
    neurons: int = NEURONS,
) -> LifExplorerView:
    """`steps` of Eq. (1), or of another reset rule, for so many `neurons`.

    All get the same constant `current`; each adds noise of standard deviation `noise`.
    Raises `ValueError` for a value that the sliders do not reach (`BOX`).
    """
    beta = arrays.number("beta", beta, *BOX["beta"])
    threshold = arrays.number("threshold", threshold, *BOX["threshold"])
    current = arrays.number("current", current, *BOX["current"])
    arrays.choice("reset", reset, RESETS)
    noise = arrays.number("noise", noise, *BOX["noise"])
    seed = arrays.count("seed", seed, *BOX["seed"])

    arrays.count("steps", steps, 2, 1000)
    arrays.count("neurons", neurons, 2, 128)

    i = np.full((steps, neurons), current)
    if noise > 0:
        i = current + noise * bell(seed, steps, neurons)
    u, s = simulate(i, beta, threshold, reset)
    happens = sentence(beta, threshold, current, reset, noise, s)
    alt = (
        f"{happens} Decay {fixed(beta)}, threshold {fixed(threshold)}, input current "
        f"{fixed(current)}, noise {fixed(noise)}, reset {reset}: neuron 0 fires "
        f"{rate(s[:, 0].sum() / steps)} times per step."
    )
    membrane = MembraneView.of(u[:, 0], threshold, s[:, 0], i[:, 0])
    alike = "each with its own noise" if noise > 0 else "without noise all alike"
    raster = RasterView.of(s, marked=0, name=alike)
    return LifExplorerView(
        u=u,
        s=s,
        current=i,
        membrane=membrane,
        raster=raster,
        rheobase=_rheobase(beta, threshold, reset),
        rows=((membrane,), (raster,)),
        sentence=happens,
        alt=alt,
        code=code(beta, threshold, current, reset, noise, seed, i.shape),
        steps=steps,
    )


# ---------------------------------------------------------------- the neuron
def simulate(
    i: NDArray[np.floating], beta: float, threshold: float, reset: str
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Membrane and spikes [T, ...] of a current, from rest, by one of RESETS.

    In the current's own precision: float32 gives the bits that `spikedu.fused` gives.
    """
    u, s = np.zeros_like(i[0]), np.zeros_like(i[0])
    membrane, spikes = np.empty_like(i), np.empty_like(i)
    for t, x in enumerate(i):
        if reset == TO_ZERO:
            rest = u * (1 - s)
            u = rest + (x - rest) * (1 - beta)
            s = np.array(u >= threshold, i.dtype)
        else:
            u = beta * u + x
            if reset == SUBTRACT:
                u = u - s * threshold
            s = np.array(u > threshold, i.dtype)
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

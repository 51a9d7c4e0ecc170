"""A pretended derivative of the spike, and what becomes of it over the steps.

The forward pass is S = H(U - U_th), whatever the surrogate. Backward, dS/dU is replaced
by `derivative`; through the membrane dU[t]/dU[0] = b^t, as the reset carries no
gradient (`functional.lif_step`, `snntorch.Leaky`). A test compares it with autograd.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from spikedu.figures import arrays
from spikedu.figures.views import (
    BarsView,
    CurveView,
    MembraneView,
    Screen,
    TermsView,
)
from spikedu.scenes.surrogate_words import (
    ATAN,
    FAST,
    FLAT,
    RATE,
    SIGMOID,
    STEPS,
    STRAIGHT,
    SURROGATES,
    THRESHOLD,
    TRIANGULAR,
    UPDATES,
    code_lines,
    sentence,
)

__all__ = ["ATAN", "FAST", "SIGMOID", "STRAIGHT", "SURROGATES", "TRIANGULAR"]

BOX = {
    "slope": (0.5, 30.0),
    "membrane": (-4.0, 4.0),
    "current": (-4.0, 1.5),
    "beta": (0.0, 1.0),
}
REACH, POINTS = 5.0, 30  # of the curves: up to so far from U_th, so many on a side


@dataclass(frozen=True, eq=False, kw_only=True)
class SurrogateShaperView(Screen):
    """What the surrogate shaper shows: one neuron, T = 20 steps, and its gradient.

    Of each step, all [T]: `u`, `s`, the pretended derivative `factor`, `power` = b^t,
    `product` = dS[t]/dU[0], `at_input` = d rate / d i[t]. `gradient` is their sum, that
    of a constant input. `learned` are the currents of the rescue, update by update.
    """

    u: NDArray[np.float64]
    s: NDArray[np.float64]
    factor: NDArray[np.float64]
    power: NDArray[np.float64]
    product: NDArray[np.float64]
    at_input: NDArray[np.float64]
    pretended: float  # at the membrane of the slider
    learned: NDArray[np.float64]
    rescued: int | None  # updates until it fires, None where so many do not suffice

    @property
    def gradient(self) -> float:
        """d rate / d i, of the same current i at every step."""
        return float(self.at_input.sum())


def surrogate_shaper(
    *,
    surrogate: str = ATAN,
    slope: Real = 2.0,
    membrane: Real = 0.5,
    current: Real = 0.05,
    beta: Real = 0.8,
) -> SurrogateShaperView:
    """A surrogate at a `membrane`, and the gradient of a neuron under `current`.

    `surrogate` is one of SURROGATES; `slope` is atan's alpha, else k. The last two have
    none. Raises `ValueError` for a value that no slider reaches.
    """
    arrays.choice("surrogate", surrogate, SURROGATES)
    slope = arrays.number("slope", slope, *BOX["slope"])
    membrane = arrays.number("membrane", membrane, *BOX["membrane"])
    current = arrays.number("current", current, *BOX["current"])
    beta = arrays.number("beta", beta, *BOX["beta"])
    u, s = neuron(current, beta)
    factor, power = (
        derivative(surrogate, u - THRESHOLD, slope),
        beta ** np.arange(STEPS),
    )
    at_input = inputs_gradient(factor, beta)
    learned, rescued = rescue(surrogate, slope, current, beta)
    pretended = derivative(surrogate, np.array([membrane - THRESHOLD]), slope).item()
    gradient = float(at_input.sum())
    happens = sentence(surrogate, membrane, pretended, u, s, gradient, learned, rescued)
    steep = "" if surrogate in FLAT else f", slope {slope:g}"
    return SurrogateShaperView(
        u=u,
        s=s,
        factor=factor,
        power=power,
        product=factor * power,
        at_input=at_input,
        pretended=pretended,
        learned=learned,
        rescued=rescued,
        rows=(
            _functions(surrogate, slope, membrane, pretended),
            (MembraneView.of(u, THRESHOLD, s, names=["the neuron"]),),
            (_bars(at_input), _rescue(learned, rescued, current, beta)),
            (_terms(factor, power),),
        ),
        sentence=happens,
        alt=f"Surrogate {surrogate}{steep}. {happens}",
        code=code_lines(surrogate, slope, current, beta),
        steps=STEPS,
    )


# ---------------------------------------------------------------- the surrogates
def derivative(surrogate: str, x: NDArray[np.float64], slope: Real) -> NDArray:
    """The pretended dS/dU at x = U - U_th, by the formulas of `snntorch.surrogate`."""
    if surrogate == ATAN:
        return slope / 2 / (1 + (math.pi / 2 * slope * x) ** 2)
    if surrogate == SIGMOID:
        small = np.exp(-slope * np.abs(x))  # even in x, and never too large
        return slope * small / (1 + small) ** 2
    if surrogate == FAST:
        return 1 / (1 + slope * np.abs(x)) ** 2
    if surrogate == TRIANGULAR:
        return np.where(x < 0, 1.0, -1.0)
    return np.ones_like(x)


def smooth(surrogate: str, x: NDArray[np.float64], slope: Real) -> NDArray:
    """What has `derivative` as its slope, and is 1/2 at the threshold."""
    if surrogate == ATAN:
        return 0.5 + np.arctan(math.pi / 2 * slope * x) / math.pi
    if surrogate == SIGMOID:
        return 0.5 + np.tanh(slope * x / 2) / 2
    if surrogate == FAST:
        return 0.5 + x / (1 + slope * np.abs(x))
    return 0.5 - np.abs(x) if surrogate == TRIANGULAR else 0.5 + x


# ---------------------------------------------------------------- the neuron
def neuron(current: float, beta: float) -> tuple[NDArray, NDArray]:
    """Eq. (1) from rest under a constant current: membrane and spikes, both [T]."""
    u = s = 0.0
    trace = []
    for _ in range(STEPS):
        u = beta * u + current - s * THRESHOLD
        s = float(u > THRESHOLD)
        trace.append((u, s))
    return tuple(np.array(trace).T)


def inputs_gradient(factor: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """d rate / d i[t], [T]: the factor of each later spike, times b per step."""
    found, later = np.empty(STEPS), 0.0
    for t in reversed(range(STEPS)):
        later = found[t] = factor[t] + beta * later
    return found / STEPS


def needed(beta: float) -> float:
    """The constant current above which the neuron fires within T steps, from rest."""
    return THRESHOLD / float((beta ** np.arange(STEPS)).sum())


def rescue(
    surrogate: str, slope: float, current: float, beta: float
) -> tuple[NDArray[np.float64], int | None]:
    """Gradient ascent on the rate until the neuron fires: currents, and after how many.

    At most 100 updates; the first current is the one given.
    """
    found = [current]
    # d rate / d i, with dU[t]/di = 1 + b + ... + b^t.
    reach = (beta ** np.arange(STEPS)).cumsum() / STEPS
    for update in range(UPDATES + 1):
        u, s = neuron(found[-1], beta)
        if s.any():
            return np.array(found), update
        if update < UPDATES:
            gradient = derivative(surrogate, u - THRESHOLD, slope) @ reach
            found.append(found[-1] + RATE * float(gradient))
    return np.array(found), None


# ---------------------------------------------------------------- views
def _functions(surrogate, slope, membrane, pretended) -> tuple[CurveView, CurveView]:
    # Denser towards the threshold, where a steep surrogate happens.
    near = np.linspace(-1, 1, 2 * POINTS + 1)
    x = REACH * near * np.abs(near)
    # What is marked stands in the title: beside the mark it would lie on the curve.
    given = {"xlabel": "membrane potential U (U_th = 1)"}
    spike = float(membrane > THRESHOLD)
    forward = CurveView.of(
        THRESHOLD + x,
        {
            "S = H(U - U_th)": (x > 0).astype(float),
            "smooth": smooth(surrogate, x, slope),
        },
        title=f"forward: S = {spike:.0f}",
        ylabel="spike",
        meanings=["spike", "membrane"],
        points=[(membrane, spike, "")],
        **given,
    )
    backward = CurveView.of(
        THRESHOLD + x,
        {"pretended": derivative(surrogate, x, slope), "true": np.zeros_like(x)},
        title=f"backward: dS/dU = {pretended:.2g}",
        ylabel="dS/dU",
        meanings=["membrane", "baseline"],
        points=[(membrane, pretended, "")],
        **given,
    )
    return forward, backward


def _bars(at_input: NDArray[np.float64]) -> BarsView:
    # Small ones in a power of ten: their numbers at the axis stay short.
    most = float(np.abs(at_input).max())
    power = max(math.floor(math.log10(most)), -300) if 0 < most < 0.1 else 0
    return BarsView.of(
        at_input / 10.0**power,
        range(STEPS),
        title="gradient at the input" + f", in units of 1e{power}" * (power < 0),
        x="step t of the input i[t]",
        y="d rate / d i[t]",
        meaning="current",
    )


def _rescue(learned, rescued, current, beta) -> CurveView:
    last = UPDATES if rescued is None else max(rescued, 1)
    course = np.append(learned, np.full(last + 1, learned[-1]))[: last + 1]
    name = "stays silent" if rescued is None else "fires"
    return CurveView.of(
        np.arange(last + 1),
        {"i": course, "needed to fire": np.full(last + 1, needed(beta))},
        title=f"rescue by learning: {name}",
        xlabel=f"updates (learning rate {RATE:g})",
        ylabel="input current i",
        meanings=["current", "threshold"],
        points=[(len(learned) - 1, learned[-1], "")],
    )


def _terms(factor: NDArray[np.float64], power: NDArray[np.float64]) -> TermsView:
    return TermsView.of(
        {
            "dS[t]/dU[t], pretended": ("surrogate(u - threshold)", factor),
            "dU[t]/dU[0] = b^t": ("beta ** t", power),
            "dS[t]/dU[0]": ("their product", factor * power),
        },
        title="the way of the gradient back to step 0",
    )

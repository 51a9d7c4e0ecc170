"""Four faces of Eq. (1): equation, circuit, line of code and trace, at one step."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from spikedu.figures import arrays
from spikedu.figures.views import CircuitView, MembraneView, Screen, TermsView
from spikedu.figures.views.circuit import INPUT, KEPT, RESET
from spikedu.figures.words import listed, plural
from spikedu.scenes.lif_words import SUBTRACT, fixed
from spikedu.scenes.neuron import simulate

STEPS = 24
DRIVES = ("constant", "pulses", "ramp", "on, then off")
CONSTANT, PULSES, RAMP, OFF = DRIVES
# Pulses close enough to add up, one alone, and two as near as can be.
PULSE_STEPS = (2, 4, 6, 12, 18, 19)
# What the sliders reach: lowest, highest.
BOX = {"beta": (0.0, 1.0), "threshold": (0.1, 2.0), "weight": (-0.5, 1.5)}


@dataclass(frozen=True, eq=False, kw_only=True)
class FacesView(Screen):
    """What the four faces show of one neuron; all arrays are [T].

    `kept` b U[t], `current` W X[t+1] and `reset` -S[t] U_th add up to `u`; `s` is 1
    where `u` passes the threshold; `cause`: see `causes`.
    """

    x: NDArray[np.float64]
    u: NDArray[np.float64]
    s: NDArray[np.float64]
    kept: NDArray[np.float64]
    current: NDArray[np.float64]
    reset: NDArray[np.float64]
    cause: NDArray[np.int64]


def four_faces(
    *,
    beta: Real = 0.8,
    threshold: Real = 1.0,
    weight: Real = 0.5,
    drive: str = PULSES,
) -> FacesView:
    """24 steps of Eq. (1) from rest under W X, X being one of DRIVES, as high as 1.

    Raises `ValueError` for a value that the sliders do not reach (`BOX`).
    """
    beta = arrays.number("beta", beta, *BOX["beta"])
    threshold = arrays.number("threshold", threshold, *BOX["threshold"])
    weight = arrays.number("weight", weight, *BOX["weight"])
    x = inputs(drive)
    current = weight * x
    u, s = (a[:, 0] for a in simulate(current[:, None], beta, threshold, SUBTRACT))
    kept = beta * _before(u)
    reset = 0.0 - threshold * _before(s)  # 0.0, where -threshold * 0 is -0.0
    cause = causes(kept, current, reset, s)
    happens = _sentence(s, u, threshold, cause)
    circuit = CircuitView.of(u, s, current, beta=beta, threshold=threshold, cause=cause)
    trace = MembraneView.of(u, threshold, s, current, names=["the neuron"])
    terms = TermsView.of(
        {
            "b · U[t], what is left": ("u = beta * u", kept),
            "+ W · X[t+1], the input": ("u += weight * x[t + 1]", current),
            "− S[t] · U_th, the reset": ("u -= s * threshold", reset),
            "= U[t+1], the membrane": ("u", u),
            "U[t+1] − U_th": ("u - threshold", u - threshold),
            "S[t+1] = 1 where U > U_th": ("s = float(u > threshold)", s),
        },
        cause,
        title="Eq. (1)",
    )
    alt = (
        f"{happens} Decay {fixed(beta)}, threshold {fixed(threshold)}, input weight "
        f"{fixed(weight)}, input {drive}: equation, circuit, code and trace of one "
        "neuron."
    )
    fired = np.flatnonzero(s)
    return FacesView(
        x=x,
        u=u,
        s=s,
        kept=kept,
        current=current,
        reset=reset,
        cause=cause,
        rows=((circuit, trace), (terms,)),
        sentence=happens,
        alt=alt,
        code=code(beta, threshold, weight, _listed(x)),
        steps=STEPS,
        at=int(fired[0]) if len(fired) else int(u.argmax()),
        said=tuple(
            _said(t, kept, current, reset, u, threshold, cause) for t in range(STEPS)
        ),
    )


def inputs(drive: str) -> NDArray[np.float64]:
    """X [T], each value from 0 to 1."""
    arrays.choice("drive", drive, DRIVES)
    x = np.zeros(STEPS)
    if drive == CONSTANT:
        x[:] = 1
    elif drive == PULSES:
        x[list(PULSE_STEPS)] = 1
    elif drive == RAMP:
        x[:] = np.arange(1, STEPS + 1) / STEPS
    else:
        x[: STEPS // 2] = 1
    return x


def causes(kept, current, reset, s) -> NDArray[np.int64]:
    """Which term decided each step: 0 leftover, 1 input, 2 reset, -1 none of them.

    At a spike after a silent step: the term that rose most since that step, as the
    rises add up to that of the membrane; for the reset, that is its absence. At a
    spike right after a spike nothing is crossed: the larger of leftover and input.
    Elsewhere the reset, where it acts. Of equals, input before leftover before reset.
    """
    rises = np.stack([a - _before(a) for a in (kept, current, reset)])
    order = np.array([INPUT, KEPT, RESET])
    crossing = order[_first_most(rises[order])]
    order = order[:2]
    staying = order[_first_most(np.stack([kept, current])[order])]
    after = _before(s) > 0
    silent = np.where(after, RESET, -1)
    return np.where(s > 0, np.where(after, staying, crossing), silent)


def _first_most(values: NDArray) -> NDArray:
    """The first row that is highest, rounding apart: 0.4 - 0.3 is not yet a rise."""
    return (values >= values.max(axis=0) - 1e-9).argmax(axis=0)


def _before(values: NDArray) -> NDArray:
    return np.concatenate([[0.0], values[:-1]])


# ---------------------------------------------------------------- words
NOUNS = {KEPT: "the leftover b·U", INPUT: "the input", RESET: "the absent reset"}


def _sentence(s, u, threshold, cause) -> str:
    times = np.flatnonzero(s).tolist()
    if not times:
        top, edge = fixed(u.max()), fixed(threshold)
        side = "which does not pass" if top == edge else "below"
        return (
            f"Never fires: the membrane is {top} at most, {side} the threshold {edge}."
        )
    when = "step" if len(times) == 1 else "steps"
    found = [int((cause[times] == k).sum()) for k in NOUNS]
    whose = [f"{NOUNS[k]} {n}" for k, n in zip(NOUNS, found, strict=True) if n]
    return (
        f"{plural(len(times), 'spike')}, at {when} {listed(times, 5)}. Spikes that "
        f"each term decides: {', '.join(whose)}."
    )


def _said(t, kept, current, reset, u, threshold, cause) -> str:
    left, i, here, edge = (fixed(x) for x in (kept[t], current[t], u[t], threshold))
    fires = u[t] > threshold
    if fires and here == edge:
        here = f"a little more than {edge}"
    if reset[t] and fires:
        return (
            f"Less the reset {edge}, {left} and the input {i} are {here}: again over."
        )
    if reset[t]:
        return f"The reset takes {edge} away, one step after the spike: {here} is left."
    if not fires:
        side = "not over" if here == edge else "below"
        return f"{left} is left, {i} comes in: {here}, {side} {edge}."
    over = f"over the threshold {edge}"
    if cause[t] == INPUT:
        return f"The input of {i} lifts b·U = {left} {over}."
    if cause[t] == KEPT:
        was = fixed(kept[t - 1])
        return (
            f"The leftover b·U, up from {was} to {left}, brings the membrane with the "
            f"input {i} {over}."
        )
    return f"No reset this time: b·U = {left} and the input {i} come to {here}, {over}."


def code(beta: float, threshold: float, weight: float, x: str) -> str:
    """Eq. (1) as a loop of its own, for the input that the code `x` makes."""
    return "\n".join(
        [
            f"beta, threshold, weight = {beta!r}, {threshold!r}, {weight!r}",
            f"x = {x}",
            "u, s = 0.0, 0.0",
            "membrane, spikes = [], []",
            "for t in range(-1, len(x) - 1):",
            "    u = beta * u + weight * x[t + 1] - s * threshold",
            "    s = float(u > threshold)",
            "    membrane.append(u)",
            "    spikes.append(s)",
        ]
    )


def _listed(x) -> str:
    if len(set(x.tolist())) > 2:
        return f"[(t + 1) / {len(x)} for t in range({len(x)})]"
    if x.all():
        return f"[1] * {len(x)}"
    return "[" + ", ".join(f"{value:g}" for value in x) + "]"

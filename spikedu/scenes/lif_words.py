"""The LIF explorer in words and in Python; `widgets/static/neuron.js` says the same."""

from __future__ import annotations

import math

import numpy as np

from spikedu.figures.words import ordinal

RESETS = ("subtract, one step later (Eq. 1)", "to zero (released network)", "none")
SUBTRACT, TO_ZERO, NONE = RESETS


def fixed(x: float) -> str:
    """Two decimals, ties up: as JavaScript can do it too."""
    return f"{math.floor(x * 100 + 0.5) / 100:.2f}"


def rate(x: float) -> str:
    """Never 0.00 of a neuron that fires."""
    return "under 0.01" if 0 < x < 0.005 else fixed(x)


def sentence(beta, threshold, current, reset, noise, s) -> str:
    """What neuron 0 does, from the spikes s [T, N] of all."""
    steps = len(s)
    times = np.flatnonzero(s[:, 0]).tolist()
    gaps = np.diff(times).astype(int).tolist()
    if noise > 0:
        return _noisy(times, gaps, s)
    if _settles(beta, current, reset) == threshold and beta == 0:
        return _at_once(threshold, reset)
    if beta > 0 and abs(_settles(beta, current, reset) - threshold) <= 1e-9:
        return _edge(threshold, _fires(times, gaps, reset, steps))
    if len(times) == 0:
        return _silent(beta, threshold, current, reset, steps)
    return _fires(times, gaps, reset, steps)


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


def _fires(times, gaps, reset, steps) -> str:
    """Empty for a neuron that does not."""
    if len(times) == 0:
        return ""
    first = f"step {times[0]}"
    if len(times) == 1:
        return f"Fires once in {steps} steps, at {first}."
    low, high = min(gaps), max(gaps)
    if high == 1:
        why = "the input brings back at once what the reset takes"
        why = "nothing resets the membrane" if reset == NONE else why
        return f"Fires at every step from {first} on: {why}."
    if low == high:
        return f"Fires every {ordinal(low)} step, first at {first}."
    return f"Fires every {low} to {high} steps, first at {first}."


def _noisy(times, gaps, s) -> str:
    steps, neurons = s.shape
    often = rate(s.sum() / s.size)
    everyone = f"the {neurons} neurons fire {often} times per step each."
    if len(times) == 0:
        return f"Neuron 0 does not fire in {steps} steps; {everyone}"
    if len(times) == 1:
        return f"Neuron 0 fires once, at step {times[0]}; {everyone}"
    low, high = min(gaps), max(gaps)
    apart = f"{low} to {high} steps apart" if low < high else f"{low} steps apart"
    if high == 1:
        apart = f"at every step from {times[0]} to {times[-1]}"
    return f"Neuron 0 fires {len(times)} times, {apart}; {everyone}"


def _silent(beta, threshold, current, reset, steps) -> str:
    if beta == 1 and (reset == TO_ZERO or current == 0):
        return "Never fires: the membrane takes nothing in and stays at 0."
    if beta == 1 and current < 0:
        return f"Never fires: the membrane falls by {fixed(-current)} at every step."
    if beta == 1:
        grows = f"the membrane climbs by {fixed(current)} at every step"
        return f"Does not fire within {steps} steps: {grows}."
    end = _settles(beta, current, reset)
    formula = "i" if reset == TO_ZERO else "i / (1 - beta)"
    if end > threshold:
        way = f"the membrane is still on its way to {formula} = {fixed(end)}"
        return f"Does not fire within {steps} steps: {way}."
    side = "just below" if fixed(end) == fixed(threshold) else "below"
    rests = f"the membrane settles at {formula} = {fixed(end)}"
    return f"Never fires: {rests}, {side} the threshold {fixed(threshold)}."


# ---------------------------------------------------------------- the code
def _exact(x: float) -> str:
    return f"{x:.2f}" if float(f"{x:.2f}") == x else repr(x)


def code(beta, threshold, current, reset, noise, seed, shape) -> str:
    """Runs as it stands, and gives the same spikes."""
    step = {SUBTRACT: "", TO_ZERO: ", step=lif_step_hard", NONE: ", step=no_reset"}
    i, (t, n) = _exact(current), shape
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
        bell = f"torch.from_numpy(bell({seed}, {t}, {n}))"
        lines += [f"current = {i} + {_exact(noise)} * {bell}"]
    else:
        lines += [f"current = torch.full(({t}, {n}), {i}, dtype=torch.float64)"]
    arguments = f"beta={_exact(beta)}, threshold={_exact(threshold)}{step[reset]}"
    lines += [f"membrane, spikes = lif(current, {arguments})"]
    return "\n".join(lines)

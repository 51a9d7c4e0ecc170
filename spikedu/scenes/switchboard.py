"""Two neuron rules under one stimulus: where they part, and where they cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from spikedu.figures import arrays
from spikedu.figures.views import DifferenceView, MembraneView, Screen
from spikedu.figures.words import plural
from spikedu.scenes.lif_words import fixed
from spikedu.scenes.neuron import bell

STEPS, NEURONS = 40, 16
# Neuron n gets (n + 1) / 8 of the input: neuron 7 gets the stimulus itself.
SHOWN = 7
SHARES = np.arange(1, NEURONS + 1) / (SHOWN + 1)
PULSE = 2  # step of the impulse that lands on the threshold, and of the next one
NEXT = 12
NOISE = 0.3
SAME = 1e-9  # membranes that differ by rounding alone


@dataclass(frozen=True)
class Rule:
    """One way to step a neuron; `lines` are the body of its step function.

    They take `u, s, current, beta, threshold` and leave the new `u, s`. In a rule of
    the same step `u` is the membrane after the reset. snnTorch's `reset_delay=False`
    is the same as long as no membrane is still over the threshold then.
    """

    name: str
    short: str
    lines: tuple[str, ...]

    @property
    def until_it_fires(self) -> tuple[str, ...]:
        """Its lines without a reset of the same step."""
        fires = [k for k, line in enumerate(self.lines) if line.startswith("s =")]
        return self.lines[: fires[0] + 1]


FIRES, FIRES_AT = "s = (u > threshold) * 1.0", "s = (u >= threshold) * 1.0"
EQ_1 = "u = beta * u + current - s * threshold"
ALL = (
    Rule("Eq. (1): subtracts, one step later", "Eq. (1)", (EQ_1, FIRES)),
    Rule(
        "subtracts in the same step",
        "same-step reset",
        ("u = beta * u + current", FIRES, "u = u - s * threshold"),
    ),
    Rule(
        "to zero, one step later",
        "zero later",
        ("u = beta * u * (1 - s) + current", FIRES),
    ),
    Rule(
        "to zero in the same step",
        "zero now",
        ("u = beta * u + current", FIRES, "u = u * (1 - s)"),
    ),
    Rule(
        "released network: to zero, (1-b) on the input, >=",
        "released",
        ("u = u * (1 - s)", "u = u + (current - u) * (1 - beta)", FIRES_AT),
    ),
    Rule(
        "b multiplies the reset too",
        "b on reset",
        ("u = beta * (u - s * threshold) + current", FIRES),
    ),
    Rule("fires on >= instead of >", "fires on >=", (EQ_1, FIRES_AT)),
    Rule(
        "(1-b) on the input",
        "(1-b) input",
        ("u = beta * u + (1 - beta) * current - s * threshold", FIRES),
    ),
    Rule("no reset", "no reset", ("u = beta * u + current", FIRES)),
)
RULES = tuple(rule.name for rule in ALL)
LATER, SAME_STEP, ZERO_LATER, ZERO, RELEASED, SCALED, REACHES, INPUT, NONE = RULES
STIMULI = (
    "constant",
    "impulse on the threshold, then one of the amplitude",
    "ramp",
    "noisy",
)
CONSTANT, IMPULSE, RAMP, NOISY = STIMULI
BOX = {"beta": (0.0, 1.0), "threshold": (0.1, 2.0), "amplitude": (-0.5, 2.0)}


def _step(lines: tuple[str, ...]) -> Callable:
    found: dict = {}
    exec(_source(lines, "step"), found)  # of the table above, as the code shows it
    return found["step"]


def _source(lines: tuple[str, ...], name: str) -> str:
    head = f"def {name}(u, s, current, beta, threshold):"
    return "\n    ".join([head, *lines, "return u, s"])


STEP = {rule.name: _step(rule.lines) for rule in ALL}
CHARGE = {rule.name: _step(rule.until_it_fires) for rule in ALL}


@dataclass(frozen=True, eq=False, kw_only=True)
class SwitchboardView(Screen):
    """Membranes and spikes [T, 16] of both rules, and where they part.

    `u` is what a step leaves, `compared` what it compares with the threshold: before
    a reset of the same step. `parts_at`: the first step at which a spike differs,
    `membrane_parts_at` a `u`; None where none does. `only`: spikes of one rule alone.
    """

    current: NDArray[np.float64]
    u: tuple[NDArray[np.float64], NDArray[np.float64]]
    compared: tuple[NDArray[np.float64], NDArray[np.float64]]
    s: tuple[NDArray[np.float64], NDArray[np.float64]]
    parts_at: int | None
    membrane_parts_at: int | None
    only: tuple[int, int]


def switchboard(
    *,
    first: str = LATER,
    second: str = SAME_STEP,
    stimulus: str = CONSTANT,
    beta: Real = 0.8,
    threshold: Real = 1.0,
    amplitude: Real = 0.4,
) -> SwitchboardView:
    """Two of RULES, 40 steps of one of STIMULI, 16 neurons with 1/8 to 16/8 of it.

    The membranes shown are those `compared`, of neuron 7, whose share is 1. Raises
    `ValueError` for a value that the controls do not reach (`BOX`).
    """
    arrays.choice("first", first, RULES)
    arrays.choice("second", second, RULES)
    beta = arrays.number("beta", beta, *BOX["beta"])
    threshold = arrays.number("threshold", threshold, *BOX["threshold"])
    amplitude = arrays.number("amplitude", amplitude, *BOX["amplitude"])
    current = currents(stimulus, amplitude, threshold)
    found = [simulate(rule, current, beta, threshold) for rule in (first, second)]
    (u, s), (v, z) = found
    rules = [ALL[RULES.index(name)] for name in (first, second)]
    names = [rule.short for rule in rules]
    if first == second:
        names = [f"{names[0]}, A", f"{names[1]}, B"]
    spikes_part = _first(s != z)
    part = _first(np.abs(u - v) > SAME)
    only = int((s > z).sum()), int((z > s).sum())
    seen = tuple(
        compared(rule, current, *pair, beta, threshold)
        for rule, pair in zip((first, second), found, strict=True)
    )
    seen_part = _first(np.abs(seen[0] - seen[1]) > SAME)
    happens = _sentence(
        names, first == second, s, z, spikes_part, (seen_part, part), only
    )
    shown = [np.stack([a[:, SHOWN], b[:, SHOWN]], 1) for a, b in (seen, (s, z))]
    labels = [
        name + ", before reset" * (rule.lines != rule.until_it_fires)
        for name, rule in zip(names, rules, strict=True)
    ]
    labels[0] = f"neuron {SHOWN}, {labels[0]}"  # so is the other
    trace = MembraneView.of(
        shown[0],
        threshold,
        shown[1],
        current[:, SHOWN],
        names=labels,
    )
    alt = (
        f"{happens} Stimulus: {stimulus}; decay {fixed(beta)}, threshold "
        f"{fixed(threshold)}, amplitude {fixed(amplitude)}."
    )
    return SwitchboardView(
        current=current,
        u=(u, v),
        compared=seen,
        s=(s, z),
        parts_at=spikes_part,
        membrane_parts_at=part,
        only=only,
        rows=((trace,), (DifferenceView.of(s, z, tuple(names)),)),
        sentence=happens,
        alt=alt,
        code=_code(rules, stimulus, beta, threshold, amplitude),
        steps=STEPS,
    )


def currents(stimulus: str, amplitude: Real, threshold: Real) -> NDArray[np.float64]:
    """The input [T, 16]; neuron n gets `SHARES[n]` of it."""
    arrays.choice("stimulus", stimulus, STIMULI)
    x = np.full((STEPS, 1), float(amplitude))
    if stimulus == IMPULSE:
        x[:] = 0
        x[PULSE], x[NEXT] = threshold, amplitude
    elif stimulus == RAMP:
        x *= np.arange(1, STEPS + 1)[:, None] / STEPS
    elif stimulus == NOISY:
        x = x + NOISE * bell(0, STEPS, 1)
    return x * SHARES


def simulate(
    rule: str, current: NDArray[np.float64], beta: Real, threshold: Real
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Membrane and spikes [T, N] of one of RULES, from rest."""
    step, u, s = STEP[rule], np.zeros(current.shape[1]), np.zeros(current.shape[1])
    membrane, spikes = np.empty_like(current), np.empty_like(current)
    for t, i in enumerate(current):
        u, s = step(u, s, i, beta, threshold)
        membrane[t], spikes[t] = u, s
    return membrane, spikes


def compared(
    rule: str, current: NDArray, u: NDArray, s: NDArray, beta: Real, threshold: Real
) -> NDArray[np.float64]:
    """The membrane [T, N] that the threshold saw, of what `simulate` gave."""
    before = (np.concatenate([np.zeros_like(x[:1]), x[:-1]]) for x in (u, s))
    return CHARGE[rule](*before, current, beta, threshold)[0]


def _first(differ: NDArray) -> int | None:
    steps = np.flatnonzero(differ.any(axis=1))
    return int(steps[0]) if len(steps) else None


# ---------------------------------------------------------------- words
def _sentence(names, alike, s, z, spikes_part, parts, only) -> str:
    a, b = names
    seen_part, part = parts
    total = int(s.sum())
    if alike:
        return f"One rule against itself: {plural(total, 'spike')} each, all alike."
    if spikes_part is None:
        quiet = f"all {total} spikes are of both" if total else "nobody fires"
        quiet = "the only spike is of both" if total == 1 else quiet
        if part is None and seen_part is None:
            return (
                f"This stimulus cannot tell {a} from {b}: {quiet}, and the membranes "
                "are the same."
            )
        where = f"The membranes part at step {seen_part}"
        if seen_part is None:
            where = (
                "The membranes that the threshold sees are the same; those that a step "
                f"leaves part at step {part}"
            )
        return f"Spikes cannot tell {a} from {b}: {quiet}. {where}."
    n = int(np.flatnonzero(s[spikes_part] != z[spikes_part])[0])
    return (
        f"The spikes part at step {spikes_part}, first in neuron {n}. Fired by one "
        f'rule alone: {plural(only[0], "spike")} by "{a}", {only[1]} by "{b}".'
    )


def _code(rules, stimulus, beta, threshold, amplitude) -> str:
    x = {
        CONSTANT: [f"x = np.full(({STEPS}, 1), {amplitude!r})"],
        IMPULSE: [
            f"x = np.zeros(({STEPS}, 1))",
            f"x[{PULSE}], x[{NEXT}] = {threshold!r}, {amplitude!r}",
        ],
        RAMP: [f"x = {amplitude!r} * (np.arange(1, {STEPS + 1})[:, None] / {STEPS})"],
        NOISY: [f"x = {amplitude!r} + {NOISE} * bell(0, {STEPS}, 1)"],
    }
    lines = ["import numpy as np"]
    if stimulus == NOISY:
        lines += ["from spikedu.scenes.neuron import bell"]
    lines += ["", _source(rules[0].lines, "first"), ""]
    lines += [_source(rules[1].lines, "second"), ""]
    lines += x[stimulus]
    lines += [
        f"current = x * np.arange(1, {NEURONS + 1}) / {SHOWN + 1}",
        "found = []",
        "for step in (first, second):",
        f"    u, s = np.zeros({NEURONS}), np.zeros({NEURONS})",
        "    spikes = []",
        "    for i in current:",
        f"        u, s = step(u, s, i, {beta!r}, {threshold!r})",
        "        spikes.append(s)",
        "    found.append(np.stack(spikes))",
    ]
    return "\n".join(lines)

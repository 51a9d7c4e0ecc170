"""What the spike microscope says: where it stands, what made the spike, and in Python.

All numbers are rounded so that a membrane never reads as at its threshold unless it is.
"""

from __future__ import annotations

from numbers import Real

import numpy as np

from spikedu.figures import words
from spikedu.scenes.recorded import SAID, exact

MOST = 6  # tokens that a sentence lists


def where(at) -> str:
    """Which picture this is."""
    part = at.view.split(",")[0]
    return f"Sample {at.sample}, {at.block}, head {at.head}, {part}."


def _who(at) -> str:
    return f"token {at.token}, feature {at.feature}, step {at.time}"


def _does(at, course) -> str:
    return "fires" if course.spikes[at.time] else "does not fire"


def membrane(course, t: int) -> str:
    """How the membrane got where it is at step t, from what was left and the input."""
    # numpy's number, not Python's: compared in its own precision, as neurons do it.
    u, i = course.membrane[t], float(course.current[t])
    left, spiked = 0.0, False
    if t:
        left, spiked = float(course.membrane[t - 1]), bool(course.spikes[t - 1])
    hard = course.rule == "hard"
    if t == 0:
        first = "from rest"
    elif spiked and hard:
        first = "reset to 0 by its last spike"
    else:
        first = f"with {exact(left)} left from before"
    left = 0.0 if spiked and hard else left
    share = f"{exact(1 - course.beta)} x " if hard else ""
    terms = f"{exact(course.beta)} x {exact(left)} + {share}{exact(i)}"
    if spiked and not hard:
        terms += f" - {exact(course.threshold)}"
    th = course.threshold
    side = "above" if u > th else "at" if u == th else "below"
    now = exact(float(u), th)
    return f"{first}, the membrane is {terms}: {now}, {side} the threshold {exact(th)}"


def fires(at, part: str, course) -> str:
    """Of a neuron of Q, K or V."""
    current = exact(float(course.current[at.time]))
    return (
        f"The {part} of {_who(at)} {_does(at, course)}: the current is {current}; "
        f"{membrane(course, at.time)}."
    )


def output(at, course, scale: Real, paid, scaled: Real) -> str:
    """Of a neuron of Eq. (15): who paid how much."""
    payers = int((paid > 0).sum())
    verb = "contributes" if payers == 1 else "contribute"
    return (
        f"T{_who(at)[1:]} {_does(at, course)}: {words.plural(payers, 'key token')} "
        f"{verb} {words.plural(int(paid.sum()), 'count')}, times {exact(scale)} = "
        f"{exact(scaled)}; {membrane(course, at.time)}."
    )


def differs(current: Real, scaled: Real) -> str:
    """Where the product is not the recorded current."""
    return (
        f"Careful: the recorded current is {float(current):g}, not the {scaled:g} of "
        "these spikes."
    )


def pays(at, part: str, counts, mine) -> str:
    """What a spike of Q, K or V meets on the other side."""
    met = np.flatnonzero(counts)
    other = {"query": "key", "key": "query", "value": "query"}[part]
    if not mine[at.time, at.token, at.feature]:
        return "Without a spike it adds nothing to any output this step."
    if not len(met):
        return f"Its spike meets no {other} token: it adds nothing this step."
    listed = words.listed(met, MOST)
    what = "is counted with" if part != "value" else "is paid out to"
    return f"Its spike {what} {words.plural(len(met), f'{other} token')}: {listed}."


def to_input(onward) -> str:
    """Where the way down from Q, K or V leads, which is no cause."""
    return (
        "The weights are not recorded, so which entries of X paid is not known: down "
        "leads to the largest entry of this token, the first of equals, head "
        f"{onward['head']}, feature {onward['feature']}."
    )


def input_(at, parts, below: str | None, onward, largest: bool) -> str:
    """Of an entry of the residual stream; `largest` where ways down lead."""
    givers = [name for name, n in parts.items() if n]
    total = sum(parts.values())
    said = f"Entry {at.feature} of head {at.head} in X, token {at.token}, step "
    said += f"{at.time}, is {total}: "
    if givers:
        each = " each" if len(givers) > 1 else ""
        said += f"a spike{each} of {words.listed(givers)}."
    else:
        said += f"none of {words.plural(len(parts), 'layer')} spikes."
    if largest:
        said += " No entry of this token is larger."
    if below is None:
        return f"{said} Below are the patches of the image."
    if "head" in onward:
        first = f"leads to the first that fires, head {onward['head']}, "
        first += f"feature {onward['feature']}"
    else:
        first = "stays here, for none of them fires"
    return (
        f"{said} Below, the out layer of {below} mixes all neurons of this token; its "
        f"weights are not recorded, so down {first}."
    )


def each_step(at, course) -> tuple[str, ...]:
    """One line for each step, of the chosen feature, whichever row is pointed at."""
    steps = range(len(course.current))
    who = f"feature {at.feature}"
    return tuple(words.sentence(f"{who}: {membrane(course, t)}") for t in steps)


def code(at, names, layer: str, channel: int, course) -> str:
    """Python that computes the course, and for Eq. (15) who pays."""
    step = "lif_step_hard" if course.rule == "hard" else "lif_step"
    constants = f"{course.beta!r}, {course.threshold!r}, {step}"
    lines = ["import torch", f"from spikedu.functional import lif, {step}", ""]
    if layer == names.output:
        low = at.head * names.width
        part = f"[{at.time}, {at.sample}, :, {low}:{low + names.width}]"
        for x, name in zip("qkv", (names.query, names.key, names.value), strict=True):
            lines.append(f'{x} = recording.spikes["{name}"]{part}.astype(int)')
        lines += [
            f"counts = k @ q[{at.token}]  # of each key token",
            f"paid = counts * v[:, {at.feature}]",
            f"scaled = paid.sum() * {names.scale!r}",
        ]
    place = f"[:, {at.sample}, {at.token}, {channel}]"
    return "\n".join(
        [
            *lines,
            f'current = torch.from_numpy(recording.current("{layer}"){place})',
            f"membrane, spikes = lif(current, {constants})  # {SAID[course.rule]}",
        ]
    )


def code_input(at, channel: int) -> str:
    """Python that computes the sum."""
    return "\n".join(
        [
            "from spikedu.scenes.recorded import inputs",
            f'x = inputs(recording, "{at.block}", sample={at.sample})  # [S, T, N, D]',
            f"parts = x[:, {at.time}, {at.token}, {channel}]",
        ]
    )

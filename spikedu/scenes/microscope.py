"""One spike of a recorded Spikformer, and the spikes that made it: Eq. (15) and below.

`spike_microscope` looks at one neuron at one step; `onward` says where its strongest
causes are, so that a spike can be followed from block to block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikedu.figures import arrays, words
from spikedu.figures.views import HeatView, MembraneView, RasterView, Screen
from spikedu.scenes import microscope_panels as panels
from spikedu.scenes import microscope_words as told
from spikedu.scenes import recorded
from spikedu.scenes.recorded import Attention, Course

OUTPUT = "output, Eq. (15)"
QUERY, KEY, VALUE = "query, Eq. (12)", "key, Eq. (13)", "value, Eq. (14)"
INPUT = "input of the block, X"
VIEWS = (OUTPUT, QUERY, KEY, VALUE, INPUT)
PARTS = {OUTPUT: "output", QUERY: "query", KEY: "key", VALUE: "value"}


@dataclass(frozen=True, eq=False, kw_only=True)
class MicroscopeView(Screen):
    """What pays into one neuron at one step; [N] and [d] are of its head.

    `counts` [N] are q·k by key token, `paid` [N] those where V spikes, `scaled` their
    sum times s: the current of Eq. (15). `agrees`: that is what was recorded.
    `onward`: ways from here -> the values of the controls there.
    """

    fires: bool
    course: Course | None = None  # None for the input: a sum, not a neuron
    counts: NDArray[np.int64] | None = None
    paid: NDArray[np.int64] | None = None
    scaled: float | None = None
    parts: Mapping[str, int] = field(default_factory=dict)  # of the input, by layer
    agrees: bool = True
    onward: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where the microscope stands."""

    block: str
    view: str
    sample: int
    head: int
    token: int
    feature: int
    time: int


def views(recording: Any) -> tuple[str, ...]:
    """What there is to look at: the input too where all its layers were recorded."""
    known = recorded.attentions(recording)
    below = all(recorded.summands(recording, block) for block in known)
    return VIEWS if below else VIEWS[:-1]


def spike_microscope(
    *,
    recording: Any,
    block: str | None = None,
    view: str = OUTPUT,
    sample: int = 0,
    head: int = 0,
    token: int = 0,
    feature: int = 0,
    time: int = 0,
) -> MicroscopeView:
    """The neuron of that `token` and `feature` of a `head`, at step `time`.

    `block` is one such as "blocks.0.ssa" (the first), `view` one of `VIEWS`. Raises
    `ValueError` for a place that was not recorded.
    """
    block, names = recorded.attention(recording, block)
    arrays.choice("view", view, views(recording))
    steps, batch, tokens, dim = recording.spikes[names.query].shape
    sizes = {
        "sample": (sample, batch),
        "head": (head, names.heads),
        "token": (token, tokens),
        "feature": (feature, dim // names.heads),
        "time": (time, steps),
    }
    for name, (value, size) in sizes.items():
        arrays.count(name, value, 0, size - 1)
    place = Place(block, view, sample, head, token, feature, time)
    if view == INPUT:
        return _input(recording, names, place)
    return _neuron(recording, names, place)


# ---------------------------------------------------------------- a neuron
def _neuron(recording: Any, names: Attention, at: Place) -> MicroscopeView:
    layer = getattr(names, PARTS[at.view])
    q, k, v, mine = (
        recorded.of_head(recording, name, names.heads, at.sample, at.head)
        for name in (names.query, names.key, names.value, layer)
    )
    channel = at.head * q.shape[-1] + at.feature
    course = recorded.course(recording, layer, at.sample, (at.token, channel))
    more, sentence = {}, [told.fires(at, PARTS[at.view], course)]
    if at.view == OUTPUT:
        more = _attention(names, q[at.time], k[at.time], v[at.time], at, course)
        sentence = [told.output(at, course, names.scale, more["paid"], more["scaled"])]
        if not more["agrees"]:
            sentence.append(told.differs(course.current[at.time], more["scaled"]))
        below = panels.output(at, q[at.time], k[at.time], v[at.time], more)
    else:
        counts = _meets(at, q[at.time], k[at.time])
        sentence.append(told.pays(at, PARTS[at.view], counts, mine))
        below = panels.partners(at, PARTS[at.view], counts)
        more["onward"] = _down(recording, names, at)
        sentence += [told.to_input(way) for way in more["onward"].values()]
    if not course.agrees:
        sentence.append("Replayed, this neuron does not spike as it was recorded.")
        more["agrees"] = False
    train = RasterView.of(
        mine[:, at.token],
        most=mine.shape[-1],
        marked=at.feature,
        name=f"features of token {at.token}",
    )
    field_ = HeatView.of(
        mine[at.time],
        title=f"{PARTS[at.view]} spikes of head {at.head}, step {at.time}",
        rows="token",
        columns="feature",
        marked=[(0, at.token, at.feature)],
    )
    who = f"{PARTS[at.view]} of token {at.token}, feature {at.feature}"
    trace = MembraneView.of(
        course.membrane, course.threshold, course.spikes, course.current, [who]
    )
    rows, picks = panels.placed(((train, field_), (trace,)), below, VIEWS)
    return MicroscopeView(
        fires=bool(course.spikes[at.time]),
        course=course,
        rows=rows,
        picks=picks,
        sentence=" ".join(sentence),
        alt=words.clip([told.where(at), *sentence]),
        code=told.code(at, names, layer, channel, course),
        steps=len(mine),
        at=at.time,
        said=told.each_step(at, course),
        **more,
    )


def _attention(names, q, k, v, at: Place, course: Course) -> dict[str, Any]:
    """Which key tokens pay how much into the current, and the ways on from here."""
    common = q[at.token] & k  # [N, d]
    counts = common.sum(axis=1)
    column = v[:, at.feature]
    paid = counts * column
    current = course.current[at.time]
    scaled = current.dtype.type(paid.sum()) * current.dtype.type(names.scale)
    onward = {}
    if paid.any():
        m = int(paid.argmax())
        f_q = int((common & column[:, None]).sum(axis=0).argmax())
        f_k = int(common[m].argmax())
        onward = {
            "value": {"view": VALUE, "token": m},
            "query": {"view": QUERY, "feature": f_q},
            "key": {"view": KEY, "token": m, "feature": f_k},
        }
    agrees = bool(np.isclose(scaled, current, rtol=1e-5, atol=1e-6))
    found = {"counts": counts, "paid": paid, "scaled": float(scaled)}
    return {**found, "agrees": agrees, "onward": onward}


def _meets(at: Place, q, k) -> NDArray[np.int64]:
    """By token [N]: what the other side has for a spike of this Q, K or V neuron."""
    if at.view == VALUE:
        return (q & k[at.token]).sum(axis=1)
    return (k if at.view == QUERY else q)[:, at.feature].astype(np.int64)


def _down(recording: Any, names: Attention, at: Place) -> dict[str, Any]:
    """To the highest entry of the token in the block's input, where it was recorded."""
    if INPUT not in views(recording):
        return {}
    x = recorded.inputs(recording, at.block, at.sample)[:, at.time, at.token].sum(0)
    head, feature = divmod(int(x.argmax()), len(x) // names.heads)
    return {"down": {"view": INPUT, "head": head, "feature": feature}}


# ---------------------------------------------------------------- the sum below
def _input(recording: Any, names: Attention, at: Place) -> MicroscopeView:
    layers = recorded.summands(recording, at.block)
    spikes = recorded.inputs(recording, at.block, at.sample)  # [S, T, N, D]
    width = spikes.shape[-1] // names.heads
    channel = at.head * width + at.feature
    mine = spikes[:, :, at.token, channel]  # [S, T]
    parts = dict(zip(layers, mine[:, at.time].tolist(), strict=True))
    block, onward = _below(recording, at), {}
    if block:
        onward = {"down": {"block": block, "view": OUTPUT}}
        lif = recorded.attentions(recording)[block].output
        fired = recording.spikes[lif][at.time, at.sample, at.token]
        if fired.any():
            head, feature = divmod(int(fired.argmax()), width)
            onward["down"] |= {"head": head, "feature": feature}
    whole = spikes[:, at.time, at.token].sum(axis=0)
    largest = bool(whole[channel] == whole.max())
    sentence = told.input_(at, parts, block, onward.get("down"), largest)
    rows, picks = panels.input_(at, layers, spikes, names.heads, VIEWS)
    return MicroscopeView(
        fires=bool(mine[:, at.time].any()),
        parts=parts,
        rows=rows,
        picks=picks,
        sentence=sentence,
        alt=words.clip([told.where(at), sentence]),
        code=told.code_input(at, channel),
        steps=spikes.shape[1],
        at=at.time,
        said=tuple(f"The sum is {int(n)}." for n in mine.sum(axis=0)),
        onward=onward,
    )


def _below(recording: Any, at: Place) -> str | None:
    known = list(recorded.attentions(recording))
    k = known.index(at.block)
    return known[k - 1] if k else None

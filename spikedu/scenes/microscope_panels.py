"""The panels of the spike microscope, and what a click on each of them sets."""

from __future__ import annotations

import re

from spikedu.figures.views import BarsView, HeatView

TO_TIME = {"t": "time"}
TO_NEURON = {"row": "token", "column": "feature"}


def placed(first, below, views):
    """(rows, picks): the two rows of every neuron, and below them its causes.

    `below` are rows of (panel, {part: control}, view that a click leads to or None).
    """
    picks = {0: {"t": "time", "n": "feature"}, 1: TO_NEURON, 2: TO_TIME}
    rows, number = list(first), 3
    for row in below:
        rows.append(tuple(panel for panel, _, _ in row))
        for _, parts, view in row:
            to = {"view": next(k for k, v in enumerate(views) if v.startswith(view))}
            picks[number] = {**parts, **to}
            number += 1
    return tuple(rows), picks


def output(at, q, k, v, more):
    """Q of the token, where K meets it, the column of V; who pays how much."""
    n, c = at.token, at.feature
    # What is read aloud: "Q, token 2: row 0, feature 1: spike".
    ours = HeatView.of(q[n][None], title=f"Q, token {n}", rows="row", columns="feature")
    meets = HeatView.of(
        q[n] & k,
        title=f"Q[{n}, :] and K",
        rows="key token",
        columns="feature",
    )
    column = HeatView.of(
        v[:, c][:, None], title=f"V, feature {c}", rows="key token", columns="column"
    )
    return (
        (
            (ours, {"column": "feature"}, "query"),
            (meets, TO_NEURON, "key"),
            (column, {"row": "token"}, "value"),
        ),
        (
            (_bars(more["counts"], f"Q[{n}] · K, by key token", "K"), *TO_VALUE),
            (_bars(more["paid"], f"... times V[:, {c}]", "V"), *TO_VALUE),
        ),
    )


TO_VALUE = ({"bar": "token"}, "value")


def partners(at, part: str, counts):
    """The tokens on the other side, and how much of this neuron's spike they take."""
    n, c = at.token, at.feature
    title, meaning, to = {
        "query": (f"K[:, {c}]: key tokens that it meets", "K", "key"),
        "key": (f"Q[:, {c}]: query tokens that it meets", "Q", "query"),
        "value": (f"Q · K[{n}]: what each query token makes of it", "Q", "output"),
    }[part]
    return (((_bars(counts, title, meaning, part), {"bar": "token"}, to),),)


def _bars(heights, title: str, meaning: str, part: str = "query") -> BarsView:
    other = "key" if part == "query" else "query"
    labels = {"x": f"{other} token", "y": "count", "meaning": meaning}
    return BarsView.of(heights, range(len(heights)), title=title, **labels)


def _short(layer: str) -> str:
    """ "SPS", "RPE", "SSA 0", "MLP 0": a name as wide as its tile."""
    stem, _, part = layer.rpartition(".")
    block = re.search(r"blocks\.(\d+)\.(ssa|mlp)$", stem)
    if block:
        return f"{block[2].upper()} {block[1]}"
    return "RPE" if part == "rpe" else "SPS"


def input_(at, layers, spikes, heads: int, views):
    """The sum X of the head and its parts: [S, T, N, D] of all `layers`."""
    width = spikes.shape[-1] // heads
    part = slice(at.head * width, (at.head + 1) * width)
    now = spikes[:, at.time, :, part]  # [S, N, d]
    top = (0, max(len(layers), 1))
    total = HeatView.of(
        now.sum(axis=0),
        title=f"X, head {at.head}, step {at.time}",
        rows="token",
        columns="feature",
        unit="spikes added",
        limits=top,
        marked=[(0, at.token, at.feature)],
    )
    tiles = HeatView.of(
        now,
        "K R C",
        title="the spikes that add up to it",
        rows="token",
        columns="feature",
        names=[_short(name) for name in layers],
        marked=[(k, at.token, at.feature) for k in range(len(layers))],
    )
    mine = spikes[:, :, at.token, at.head * width + at.feature].sum(axis=0)
    course = BarsView.of(
        mine,
        range(len(mine)),
        title=f"X[{at.token}, {at.feature}] at each step",
        x="time (steps)",
        y="spikes added",
    )
    picks = {0: TO_NEURON, 1: {"bar": "time"}, 2: TO_NEURON}
    return ((total, course), (tiles,)), picks

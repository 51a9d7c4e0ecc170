"""A recording, opened: how alive each layer is, who fires, one membrane, who looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikedu.figures import arrays
from spikedu.figures.views import (
    FiringRateView,
    HeatView,
    MembraneView,
    RasterView,
    Screen,
)
from spikedu.figures.views.activity import ORDERS
from spikedu.figures.words import number, percent, plural
from spikedu.scenes import recorded

ORDER = tuple(ORDERS)
MOST_MARKS, FEWEST_ROWS, MOST_ROWS = 2**15, 16, 128  # rows x steps of a raster
MOST_TOKENS = 16  # rows and columns of a map; of more, every k-th


@dataclass(frozen=True, eq=False, kw_only=True)
class LookView(Screen):
    """What `look` shows of one layer: `spikes` [T, neurons] of one sample."""

    layer: str
    neuron: int  # the one whose membrane is shown
    spikes: NDArray[np.bool_]
    rates: FiringRateView
    raster: RasterView
    membrane: MembraneView | None  # None: only the spikes were recorded
    attention: NDArray[np.int64] | None  # Q K^T [T, tokens, tokens] of one head


def look(
    *,
    recording: Any,
    rates: FiringRateView,
    layer: str,
    sample: int = 0,
    order: str = ORDER[0],
    neuron: int = 0,
    head: int = 0,
) -> LookView:
    """One `layer` of a `Recording` for one sample; `neuron` counts through the layer.

    `rates` is `FiringRateView.of(recording.spikes)`, computed once. Of large layers
    every k-th row is drawn, after sorting; a neuron or head too high is the last.
    """
    arrays.choice("layer", layer, recording.names)
    whole = recording.spikes[layer]
    arrays.count("sample", sample, 0, whole.shape[1] - 1)
    spikes = whole[:, sample].reshape(len(whole), -1)
    steps, total = spikes.shape
    asked, neuron = neuron, min(arrays.count("neuron", neuron), total - 1)
    beyond = [_beyond("neuron", asked, total, "layer")] * (asked > neuron)
    most = min(max(MOST_MARKS // steps, FEWEST_ROWS), MOST_ROWS)
    raster = RasterView.of(spikes, order, most, name=layer)
    here = np.flatnonzero(raster.neurons == neuron)
    if len(here):
        raster = replace(raster, marked=int(here[0]))
    membrane = _membrane(recording, layer, sample, neuron, spikes[:, neuron])
    maps = _attention(recording, layer, sample, arrays.count("head", head))
    if maps and head >= maps[2]:
        beyond.append(_beyond("head", head, maps[2], "attention"))
    shown = (rates, raster, membrane, maps and maps[0])
    rows = tuple((view,) for view in shown if view is not None)
    sentence = _sentence(layer, sample, spikes, beyond, neuron, membrane)
    return LookView(
        rows=rows,
        sentence=sentence,
        alt=f"{sentence} {plural(len(rates.names), 'layer')} recorded.",
        code=_code(layer, sample, membrane is not None, neuron),
        steps=steps,
        picks={0: {"bar": "layer"}, 1: {"neuron": "neuron"}},
        layer=layer,
        neuron=neuron,
        spikes=spikes,
        rates=rates,
        raster=raster,
        membrane=membrane,
        attention=maps and maps[1],
    )


def _membrane(recording, layer, sample, neuron, spikes) -> MembraneView | None:
    shape = recording.spikes[layer].shape[2:]
    at = tuple(int(k) for k in np.unravel_index(neuron, shape))
    names = [f"neuron {neuron}"]
    if layer in recording.membranes:
        place = (slice(None), sample, *at)
        current = recording.currents[layer] if layer in recording.currents else None
        if current is not None and current.shape == recording.spikes[layer].shape:
            current = current[place]
        else:  # weights of its own stand between its input and its membrane
            current = None
        threshold = recording.threshold(layer)
        threshold = float(np.broadcast_to(threshold, shape)[at])
        u = recording.membrane(layer)[place]
        return MembraneView.of(u, threshold, spikes, current, names)
    if layer not in recording.currents:
        return None
    course = recorded.course(recording, layer, sample, at)
    given = (course.threshold, spikes, course.current, names)
    return MembraneView.of(course.membrane, *given)


def _attention(recording, layer, sample, head):
    """Of the attention that the layer belongs to: map, counts of Q K^T, heads."""
    for name in recording.attentions:
        if layer.startswith(f"{name}."):
            break
    else:
        return None
    about = recording.about["attentions"][name]
    heads = about["heads"]
    head = min(head, heads - 1)
    q, k = (
        recorded.of_head(recording, about[part], heads, sample, head)
        for part in ("q", "k")
    )
    counts = q.astype(np.int64) @ k.astype(np.int64).swapaxes(-1, -2)
    every = -(-counts.shape[-1] // MOST_TOKENS)
    which = "" if every == 1 else f", every {every}th token"
    title = f"{name}: Q Kᵀ of head {head}{which}"
    axes = {"rows": "query token", "columns": "key token"}
    shown = counts[:, ::every, ::every]
    return (
        HeatView.of(shown, "T R C", title=title, unit="counts", **axes),
        counts,
        heads,
    )


def _beyond(what: str, asked: int, count: int, whole: str) -> str:
    """A slider reaches as far as the largest layer needs."""
    return (
        f"There is no {what} {asked}: this {whole} has {count}, the last one is shown."
    )


def _sentence(layer, sample, spikes, beyond, neuron, membrane) -> str:
    steps, total = spikes.shape
    silent = int((~spikes.any(axis=0)).sum())
    busy = int(spikes.all(axis=0).sum())
    parts = [
        f"{layer}, sample {sample}: {plural(int(spikes.sum()), 'spike')} of "
        f"{plural(total, 'neuron')} in {plural(steps, 'step')}, "
        f"{number(spikes.mean())} per neuron per step; {percent(silent / total)} of "
        f"them silent here, {percent(busy / total)} fire at every step."
    ]
    times = int(spikes[:, neuron].sum())
    fires = f"fires {plural(times, 'time')}" if times else "never fires"
    end = "." if membrane is not None else "; its membrane was not recorded."
    return " ".join([*parts, *beyond, f"Neuron {neuron} {fires}{end}"])


def _code(layer, sample, membrane, neuron) -> str:
    lines = [
        f'spikes = recording.spikes["{layer}"][:, {sample}]',
        "spikes = spikes.reshape(len(spikes), -1)  # [T, neurons]",
        "rate = spikes.mean()",
    ]
    if membrane:
        lines += [
            f'membrane = recording.membrane("{layer}")[:, {sample}]',
            f"membrane = membrane.reshape(len(spikes), -1)[:, {neuron}]",
        ]
    return "\n".join(lines)

"""Views to what the page paints: a header in JSON and arrays behind it, in bytes.

`widgets/static/panels.js` chooses the marks; the functions are those of `static` and
name the same points. A frame: 4 bytes with the header's length, the header, the arrays.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikedu.figures import style, words
from spikedu.figures.frames import from_bytes, to_bytes
from spikedu.figures.views import (
    BarsView,
    CircuitView,
    CurveView,
    DifferenceView,
    FiringRateView,
    HeatView,
    LearningCurveView,
    MembraneView,
    RasterView,
    Screen,
    TermsView,
)

Panel = dict[str, Any]


def raster(view: RasterView) -> list[Panel]:
    """One mark per spike."""
    found = np.zeros((view.steps, len(view.neurons)), bool)
    found[view.times, view.rows] = True
    return [
        {
            "kind": "raster",
            "title": view.title,
            "meaning": view.meaning,
            "spikes": [found],
            "neurons": view.neurons,
            "marked": view.marked,
        }
    ]


def difference(view: DifferenceView) -> list[Panel]:
    """Both rasters; a spike of one alone is drawn at half height, in its colour."""
    found = np.zeros((2, view.steps, view.neurons), bool)
    for k in (1, 2):
        mine = view.who != 3 - k
        found[k - 1, view.times[mine], view.rows[mine]] = True
    return [
        {
            "kind": "raster",
            "title": "who fires:",
            "meaning": "spike",
            "spikes": list(found),
            "names": list(view.names),
            "neurons": np.arange(view.neurons),
            "marked": None,
        }
    ]


def membrane(view: MembraneView) -> list[Panel]:
    """Traces with threshold and spikes, under the current where there is one."""
    spikes = np.zeros(view.membrane.shape, bool)
    for k, times in enumerate(view.spike_times):
        spikes[times, k] = True
    one = len(view.names) == 1
    panels = [
        {
            "kind": "traces",
            "title": view.title if one else "membrane potential",
            "axis": "membrane",
            "meaning": "membrane",
            "lines": view.membrane,
            "names": ["membrane"] if one else list(view.names),
            "threshold": view.threshold,
            "spikes": spikes,
            "high": 1.1 * view.threshold,
        }
    ]
    if view.current is not None:
        own = f" of {view.names[0]}" if one else ""
        panels.insert(
            0,
            {
                "kind": "traces",
                "title": f"input current{own}",
                "axis": "current",
                "meaning": "current",
                "lines": view.current,
                "names": [],
                "steps": True,
                "high": 0.5,
            },
        )
    return panels


def heat(view: HeatView) -> list[Panel]:
    """Maps side by side."""
    return [
        {
            "kind": "heat",
            "title": view.title,
            "names": list(view.names),
            "rows": view.rows,
            "columns": view.columns,
            "unit": view.unit,
            "binary": view.binary,
            "low": view.low,
            "high": view.high,
            "marked": [list(cell) for cell in view.marked],
            "values": view.values.astype(bool) if view.binary else view.values,
        }
    ]


def bars(view: BarsView) -> list[Panel]:
    """Bars with their labels."""
    return [
        {
            "kind": "bars",
            "title": view.title,
            "x": view.x,
            "axis": view.y,
            "meaning": view.meaning,
            "labels": list(view.labels),
            "notes": list(view.notes),
            "levels": view.levels,
            "values": view.heights,
        }
    ]


def curve(view: CurveView) -> list[Panel]:
    """Curves over x, and the marks upon them."""
    return [
        {
            "kind": "curve",
            "title": view.title,
            "x": view.xlabel,
            "axis": view.ylabel,
            "meanings": list(view.meanings),
            "names": list(view.names),
            "points": [list(point) for point in view.points],
            "at": view.x,
            "values": view.y,
        }
    ]


def firing_rates(view: FiringRateView) -> list[Panel]:
    """A bar for each layer, and how many of it are dead or saturated."""
    notes = []
    for dead, full in zip(view.dead, view.saturated, strict=True):
        sick = [f"{words.percent(dead)} dead"] * bool(dead)
        sick += [f"{words.percent(full)} saturated"] * bool(full)
        notes.append(", ".join(sick))
    title, unit = view.title, "rate (spikes per neuron per step)"
    made = BarsView.of(view.rate, view.names, title=title, x="", y=unit, notes=notes)
    return [{**bars(made)[0], "sideways": True, "high": view.limit}]


def learning_curve(view: LearningCurveView) -> list[Panel]:
    """Loss over accuracy, by epoch."""
    panels = []
    for name in view.panels:
        found = view.series(name)
        if not found:
            continue
        unit = "loss (nats)" if name == "loss" else "accuracy (share)"
        labels = {"title": name, "xlabel": "epoch", "ylabel": unit}
        made = CurveView.of(view.epochs, found, meanings=list(found), **labels)
        levels = view.references if name == "accuracy" else {}
        panels.append({**curve(made)[0], "levels": dict(levels)})
    return panels


def terms(view: TermsView) -> list[Panel]:
    """A table in the page's own text, below the picture."""
    return [
        {
            "kind": "terms",
            "title": view.title,
            "names": list(view.names),
            "code": list(view.code),
            "values": view.values,
            "cause": view.cause,
        }
    ]


def circuit(view: CircuitView) -> list[Panel]:
    """What flows at each step; `widgets/static/circuit.js` knows where."""
    flows = (view.current, view.kept, view.leak, view.reset, view.membrane)
    names = ("title", "threshold", "most", "spikes", "cause")
    panel = {"kind": "circuit", **{name: getattr(view, name) for name in names}}
    low, high = view.span
    return [{**panel, "low": low, "high": high, "values": np.stack(flows)}]


DRAW = {
    RasterView: raster,
    DifferenceView: difference,
    MembraneView: membrane,
    HeatView: heat,
    BarsView: bars,
    CurveView: curve,
    FiringRateView: firing_rates,
    LearningCurveView: learning_curve,
    TermsView: terms,
    CircuitView: circuit,
}


def screen(view: Screen) -> dict[str, Any]:
    """The whole picture as JSON, but for its arrays, which are numpy's."""
    return {
        "rows": [[DRAW[type(one)](one) for one in row] for row in view.rows],
        "sentence": view.sentence,
        "alt": view.alt,
        "code": view.code,
        "steps": view.steps,
        "at": view.at,
        "said": list(view.said),
        "picks": {str(k): dict(v) for k, v in view.picks.items()},
    }


def pack(view: Screen, **more: Any) -> bytes:
    """A frame; `more` goes into its header."""
    found: list[bytes] = []
    at = 0

    def place(x: NDArray) -> dict[str, Any]:
        nonlocal at
        kind, data = to_bytes(x)
        data += bytes(-len(data) % 4)
        found.append(data)
        at += len(data)
        return {"$": kind, "shape": list(x.shape), "from": at - len(data)}

    def walk(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            return place(x)
        if isinstance(x, Mapping):
            return {key: walk(value) for key, value in x.items()}
        return [walk(value) for value in x] if isinstance(x, (list, tuple)) else x

    header = walk({**screen(view), **more})
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-(4 + len(text)) % 4)
    return b"".join([struct.pack("<I", len(text)), text, *found])


def unpack(frame: bytes) -> dict[str, Any]:
    """What the page reads from a frame: the inverse of `pack`, in float32."""
    (size,) = struct.unpack_from("<I", frame)
    body = memoryview(frame)[4 + size :]

    def walk(x: Any) -> Any:
        if isinstance(x, dict) and "$" in x:
            return from_bytes(body, x["$"], x["shape"], x["from"])
        if isinstance(x, dict):
            return {key: walk(value) for key, value in x.items()}
        return [walk(value) for value in x] if isinstance(x, list) else x

    return walk(json.loads(bytes(memoryview(frame)[4 : 4 + size])))


# Colours as the page needs them; `style` is their home.
PALETTE = {name: value for name, value in style.COLOURS.items() if value != style.INK}

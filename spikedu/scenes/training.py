"""Is the network learning, and is it alive? One screen of a run, at one moment."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from spikedu.figures import arrays, words
from spikedu.figures.views import CurveView, FiringRateView, HeatView, Screen
from spikedu.figures.words import number, percent, plural
from spikedu.scenes.moments import Moment, Run

SICK = 0.2  # the share of dead or saturated neurons from which on the words warn
WARNINGS = 3  # as many are told, the worst first
NONE = "none yet"  # what a list of layers offers before there is one
STEP = "training step"  # beside the steps of the neurons, on the same screen
HUGE = 1e30  # a curve beyond that has no axis in float32


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingView(Screen):
    """The numbers at the step that is shown; shares by layer, of the worst ones."""

    step: int | None
    loss: float | None
    accuracy: float | None
    rates: FiringRateView | None
    warnings: tuple[str, ...]


def training(
    *, run: Run | None = None, moment: int = 0, layer: str = NONE, attention: str = NONE
) -> TrainingView:
    """Loss so far, rates of all layers, the raster of one, and maps of one attention.

    `moment` counts the moments that `run` keeps, from 0; one beyond the last is the
    last. A layer that the moment does not have is not drawn.
    Raises `ValueError` for a name that the whole run does not have.
    """
    run = Run() if run is None else run
    arrays.count("moment", moment)
    arrays.choice("layer", layer, (NONE, *run.layers))
    arrays.choice("attention", attention, (NONE, *run.attentions))
    moments = run.moments
    k = min(moment, len(moments) - 1)
    newest = k == len(moments) - 1
    at = moments[k] if moments else None
    if newest and run.newest:  # the curve may be ahead of the last moment
        step, loss, accuracy = run.newest
    else:
        step, loss, accuracy = (at.step, at.loss, at.accuracy) if at else (None,) * 3
    rows = list(_curves(run, None if newest else at))
    every, one = run.over
    rates = replace(at.rates, over=every) if at and at.rates else None
    picks = {}
    if rates:
        rows.append((rates,))
        picks = {sum(map(len, rows)) - 1: {"bar": "layer"}}
    raster = at.raster(layer) if at and layer in at.rasters else None
    if raster:
        raster = replace(raster, name=f"{raster.name}, {one}")
        rows.append((raster,))
    if at and attention in at.maps:
        rows.append((_maps(moments, at, attention),))
    warnings = _warnings(run, at, newest)
    sentence = _sentence(run, at, newest, step, loss, accuracy, warnings)
    alt = [f"A training run. {sentence}"]
    alt += [view.alt for view in (rates, raster) if view]
    return TrainingView(
        rows=tuple(rows),
        sentence=sentence,
        alt=words.clip(alt),
        code=_code(k, layer if raster else None) if at else "",
        steps=raster.steps if raster else 0,
        picks=picks if rates and rates.names == run.layers else {},
        step=step,
        loss=loss,
        accuracy=accuracy,
        rates=rates,
        warnings=warnings,
    )


def _curves(run: Run, back: Moment | None):
    """Loss beside accuracy; a mark where the learner has gone back to."""
    points = run.curve.items
    views = []
    for name, unit, at in (("loss", "loss", 1), ("accuracy", "accuracy (share)", 2)):
        known = [(p[0], p[at]) for p in points if p[at] is not None]
        found = [(x, y) for x, y in known if math.isfinite(y)]
        if not found:
            continue
        x, y = np.array(found, dtype=float).T
        y = y.clip(-HUGE, HUGE)
        marks = []
        if back is not None:
            here = int(np.searchsorted(x, back.step, side="right")) - 1
            marks = [(x[here], y[here], "here")] if here >= 0 else []
        elif name == "loss" and run.broken is not None:
            marks = [(x[-1], y[-1], f"then {_bad(run.newest[1])}")]
        labels = {"title": name, "xlabel": STEP, "ylabel": unit}
        views.append(
            CurveView.of(x, {"so far": y}, meanings=["train"], points=marks, **labels)
        )
    if views:
        yield tuple(views)


def _maps(moments: list[Moment], at: Moment, name: str) -> HeatView:
    """One scale for the whole run: going back in time shows that maps grow."""
    top = max(float(m.maps[name].max()) for m in moments if name in m.maps)
    values = at.maps[name]
    return HeatView.of(
        values,
        "K R C",
        title=f"attention of {name}",
        unit="mean score",
        rows="query patch",
        columns="key patch",
        names=[f"head {k}" for k in range(len(values))],
        limits=(0.0, top or 1.0),
    )


def _bad(loss: float) -> str:
    return "NaN" if math.isnan(loss) else "infinite"


def _warnings(run: Run, at: Moment | None, newest: bool) -> tuple[str, ...]:
    found = []
    if at and at.rates:
        for row in at.rates.rows:
            for kind in ("dead", "saturated"):
                if row[kind] >= SICK:
                    found.append(
                        (row[kind], f"{row['layer']}: {percent(row[kind])} {kind}")
                    )
    found.sort(key=lambda one: -one[0])
    told = [text for _, text in found]
    if newest and run.broken is not None:
        told.insert(0, f"loss is {_bad(run.newest[1])} since {STEP} {run.broken}")
    elif at and not newest and at.loss is not None and not math.isfinite(at.loss):
        told.insert(0, f"loss is {_bad(at.loss)} at this {STEP}")
    return tuple(told)


def _sentence(run, at, newest, step, loss, accuracy, warnings) -> str:
    if step is None:
        return f"No {STEP} yet: the picture begins with the first one."
    first = f"{STEP} {step}"
    if run.status and newest:
        first = f"{run.status} at {first}"
    if not newest:
        first += f" of {(run.newest or (run.moments[-1].step,))[0]} so far"
    known = loss is not None and math.isfinite(loss)
    parts = [f"loss {number(loss)}"] if known else []
    if accuracy is not None:
        parts.append(f"accuracy {percent(accuracy)}")
    if at and at.right:
        parts.append(
            f"{at.right[0]} of {plural(at.right[1], 'probe image')} read right"
        )
    text = words.sentence(f"{first}: {', '.join(parts)}" if parts else first)
    if warnings:
        return f"{text} Look here: {words.listed(warnings, WARNINGS)}."
    if at and at.rates:
        limit = percent(SICK)
        text += f" In no layer are {limit} of the neurons dead, or {limit} saturated."
    return text


def _code(k: int, layer: str | None) -> str:
    lines = [
        f"moment = run.moments[{k}]",
        "rates = dict(zip(moment.rates.names, moment.rates.rate.tolist()))",
        "dead = dict(zip(moment.rates.names, moment.rates.dead.tolist()))",
    ]
    if layer is not None:
        lines.append(
            f"spikes, neurons = moment.rasters[{layer!r}]  # [T, n] of one image"
        )
    return "\n".join(lines)

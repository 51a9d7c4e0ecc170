"""A whole screen with matplotlib: the poster of a widget."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from spikedu.figures import style
from spikedu.figures.static import activity, base, fields, training
from spikedu.figures.static.circuit import circuit
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

DRAW = {
    RasterView: activity.raster,
    DifferenceView: activity.difference,
    MembraneView: activity.membrane,
    HeatView: fields.heat,
    BarsView: fields.bars,
    CurveView: fields.curve,
    TermsView: fields.terms,
    CircuitView: circuit,
    FiringRateView: training.firing_rates,
    LearningCurveView: training.learning_curve,
}
TIMED = {HeatView, BarsView, TermsView, CircuitView}
INCHES = {TermsView: 1.6, FiringRateView: 2.4, MembraneView: 2.8}


def screen(view: Screen, theme: style.Theme = "light", t: int | None = None):
    """Every panel of a `Screen`, at step `t` (the screen's own), as a `Picture`."""
    t = view.at if t is None else t
    if not view.rows:  # nothing to draw yet: its words are all there is
        figure = Figure(figsize=(base.WIDTH, 0.6))
        figure.text(0.02, 0.5, view.sentence, color=style.TEXT[theme], va="center")
        return base.Picture(figure, view.alt)
    heights = [max(_inches(one) for one in row) for row in view.rows]
    chosen = any("t" in part for part in view.picks.values())  # a click chose the step
    with matplotlib.rc_context(style.rc(theme)):
        size = (base.WIDTH, sum(heights))
        figure = Figure(figsize=size, layout="constrained")
        parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)
        for part, row in zip(parts[:, 0], view.rows, strict=True):
            for place, one in zip(
                part.subfigures(1, len(row), squeeze=False)[0], row, strict=True
            ):
                _one(one, place, theme, t)
                if chosen and isinstance(one, (MembraneView, RasterView)):
                    for axes in place.axes:
                        axes.axvline(t, color=style.TEXT[theme], alpha=0.35)
                for axes in place.axes * (len(row) > 1):
                    axes.set_title(axes.get_title("left"), fontsize=style.FONT_SIZE - 2)
        _settled(figure)
    return base.Picture(figure, view.alt)


def _settled(figure: Figure) -> None:
    """Lays it out once and for all: the solver's last bits differ from run to run."""
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine("none")
    for row in figure.subfigs:
        for part in (row, *row.subfigs):
            box = part.bbox_relative
            box.p0, box.p1 = (np.round(corner, 5) for corner in (box.p0, box.p1))
    for axes in figure.get_axes():
        axes.set_position(np.round(axes.get_position(original=True).bounds, 5))


def _inches(view) -> float:
    both = isinstance(view, MembraneView) and view.current is not None
    return 3.8 if both else INCHES.get(type(view), 2.4)


def _one(view, place, theme: style.Theme, t: int) -> None:
    draw, more = DRAW[type(view)], {"t": t} if type(view) in TIMED else {}
    if isinstance(view, LearningCurveView):
        draw(view, place.subplots(1, len(view.panels), squeeze=False)[0], theme)
    elif isinstance(view, MembraneView) and view.current is not None:
        ratios = {"height_ratios": [1, 2.6]}
        top, axes = place.subplots(2, 1, sharex=True, gridspec_kw=ratios)
        activity.current(view, top, theme)
        draw(view, axes, theme)
    else:
        draw(view, place.subplots(), theme, **more)

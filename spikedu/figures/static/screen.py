"""A whole screen with matplotlib: the poster of a widget."""

from __future__ import annotations

import textwrap

import matplotlib
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
INCHES = {TermsView: 1.6, MembraneView: 2.8}
# Left, right, top and bottom of a panel, in inches. Set by hand: matplotlib's solver
# takes as long as all of the drawing, and its last bits differ from run to run.
MARGINS = {
    HeatView: (0.45, 0.25, 0.5, 0.4),
    FiringRateView: (1.75, 3.6, 0.6, 0.5),
    TermsView: (0.15, 0.1, 0.3, 0.05),
    CircuitView: (0.0, 0.0, 0.3, 0.0),
}
USUAL, LEGEND_ROW = (0.85, 0.15, 0.32, 0.5), 0.21


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
        figure = Figure(figsize=(base.WIDTH, sum(heights)))
        parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)
        for part, row, high in zip(parts[:, 0], view.rows, heights, strict=True):
            for place, one in zip(
                part.subfigures(1, len(row), squeeze=False)[0], row, strict=True
            ):
                _one(one, place, theme, t)
                _adjust(one, place, base.WIDTH / len(row), high)
                if chosen and isinstance(one, (MembraneView, RasterView)):
                    for axes in place.axes:
                        axes.axvline(t, color=style.TEXT[theme], alpha=0.35)
                for axes in place.axes * (len(row) > 1):
                    # Characters that a panel holds; a map stands in its middle.
                    wide = 101 / len(row) - 14
                    most = round(wide * (0.6 if isinstance(one, HeatView) else 1))
                    words = textwrap.fill(axes.get_title("left"), most)
                    axes.set_title(words, fontsize=style.FONT_SIZE - 2)
    return base.Picture(figure, view.alt)


def _adjust(view, place, wide: float, high: float) -> None:
    left, right, top, bottom = MARGINS.get(type(view), USUAL)
    for legend in filter(None, (axes.get_legend() for axes in place.axes)):
        bottom += LEGEND_ROW * -(-len(legend.get_texts()) // legend._ncols)
    place.subplots_adjust(
        left=left / wide,
        right=1 - right / wide,
        bottom=bottom / high,
        top=1 - top / high,
        hspace=0.3,
        wspace=0.35,
    )


def _inches(view) -> float:
    both = isinstance(view, MembraneView) and view.current is not None
    if isinstance(view, FiringRateView):
        return 1.3 + 0.21 * len(view.names)
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

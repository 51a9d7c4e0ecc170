"""Learning curves and firing rates with matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spikedu.figures import style, words
from spikedu.figures.static import base
from spikedu.figures.views import FiringRateView, LearningCurveView


def learning_curve(
    view: LearningCurveView,
    axes: Sequence[Axes] | NDArray | Axes | None = None,
    theme: style.Theme = "light",
) -> base.Picture | list[Axes]:
    """Loss and accuracy side by side; `axes`: one for each panel of the view."""
    if axes is None:
        with matplotlib.rc_context(style.rc(theme)):
            figure = Figure(figsize=(base.WIDTH, 3.2), layout="constrained")
            axes = figure.subplots(1, len(view.panels), squeeze=False)[0]
            learning_curve(view, axes, theme)
        return base.Picture(figure, view.alt)
    axes = [axes] if isinstance(axes, Axes) else list(axes)
    if len(axes) != len(view.panels):
        names = " and ".join(view.panels)
        raise ValueError(f"axes = {len(axes)} of them: must be one for each of {names}")
    for panel, at in zip(view.panels, axes, strict=True):
        _panel(view, panel, at, theme)
    base.with_alt(axes[0], view.alt)
    return axes


def _panel(view: LearningCurveView, panel: str, axes: Axes, theme: style.Theme) -> None:
    for who, values in view.series(panel).items():
        mark = style.MARKS[who]
        (drawn,) = axes.plot(view.epochs, values, label=who, markersize=4)
        drawn.set(linestyle=mark.dash[0], marker=mark.marker[0])
        drawn.set_color(style.colour(who, theme))
    if panel == "accuracy":
        colour = style.colour("baseline", theme)
        for name, value in view.references.items():
            label = f"{name}: {words.number(value)}"
            dash = style.MARKS["baseline"].dash[0]
            line = {"linestyle": dash, "color": colour, "linewidth": 2}
            axes.axhline(value, label=label, **line)
    unit = "loss (nats)" if panel == "loss" else "accuracy (share)"
    axes.set(title=panel, xlabel="epoch", ylabel=unit)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if axes.get_legend_handles_labels()[0]:
        base.legend(axes, columns=2)


def firing_rates(
    view: FiringRateView, axes: Axes | None = None, theme: style.Theme = "light"
) -> base.Picture | Axes:
    """A bar for each layer's rate, and its numbers as a table to the right."""
    if axes is None:
        return base.picture(firing_rates, view, theme, 1.5 + 0.32 * len(view.names))
    rows = np.arange(len(view.names))
    axes.barh(rows, view.rate, height=0.6, color=style.colour("membrane", theme))
    axes.set_yticks(rows, [words.short(name) for name in view.names])
    axes.set(xlim=(0, view.limit), ylim=(len(rows) - 0.5, -0.5))
    axes.set(xlabel="rate (spikes per neuron per step)")
    axes.set_title(view.title, pad=26)
    axes.tick_params(axis="y", length=0)
    columns = (
        (54, "neurons", [f"{n:,}" for n in view.neurons]),
        (110, "rate", [words.number(x) for x in view.rate]),
        (176, "dead", [words.percent(x) for x in view.dead]),
        (250, "saturated", [words.percent(x) for x in view.saturated]),
    )
    for right, head, cells in columns:
        for row, cell in zip((-0.5, *rows.tolist()), (head, *cells), strict=True):
            _cell(axes, cell, row, right, head=row < 0)
    return base.with_alt(axes, view.alt)


def _cell(axes: Axes, text: str, row: Real, right: int, head: bool) -> None:
    # `right`: points from the axes to the right edge of the text.
    axes.annotate(
        text,
        (1, row),
        xycoords=("axes fraction", "data"),
        xytext=(right, 5 if head else 0),
        textcoords="offset points",
        ha="right",
        va="bottom" if head else "center",
        weight="bold" if head else "normal",
        annotation_clip=False,
    )

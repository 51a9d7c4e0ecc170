"""Spikes and membranes with matplotlib."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from spikedu.figures import style, words
from spikedu.figures.static import base
from spikedu.figures.views import DifferenceView, MembraneView, RasterView


def raster(
    view: RasterView, axes: Axes | None = None, theme: style.Theme = "light"
) -> base.Picture | Axes:
    """One mark per spike, time to the right, neuron 0 at the top."""
    if axes is None:
        height = min(max(2.4, 1.4 + 0.06 * len(view.neurons)), 4.5)
        return base.picture(raster, view, theme, height)
    rows = len(view.neurons)
    # A mark as high as its row is, in points.
    size = max(2.0, 0.7 * base.height(axes) / rows)
    (marks,) = axes.plot(
        view.times, view.rows, linestyle="", marker="|", markersize=min(size, 12.0)
    )
    # A step of a short recording is wide: so is its mark, and can be seen.
    step = 0.25 * base.width(axes) / view.steps
    marks.set(
        color=style.colour("spike", theme), markeredgewidth=min(max(1.3, step), 8)
    )
    base.time_axis(axes, view.steps)
    axes.set(title=view.title, ylabel="neuron", ylim=(rows - 0.5, -0.5))
    ticks = np.unique(np.linspace(0, rows - 1, min(rows, 6)).round().astype(int))
    axes.set_yticks(ticks, view.neurons[ticks])
    return base.with_alt(axes, view.alt)


def membrane(
    view: MembraneView, axes: Axes | None = None, theme: style.Theme = "light"
) -> base.Picture | Axes:
    """Traces, the threshold as a dashed line, a triangle at each spike.

    Where the view has a current and no `axes` are given, the current is on top.
    """
    if axes is None:
        return base.picture(
            membrane, view, theme, 3.0, current, view.current is not None
        )
    time = np.arange(view.steps)
    mark, spike = style.MARKS["membrane"], style.MARKS["spike"]
    for k, name in enumerate(view.names):
        line = style.PATTERNS[k % len(style.PATTERNS)][0]
        colour = style.colour("membrane", theme)
        alpha = 1.0 if k < len(style.PATTERNS) else 0.6
        label = f"membrane, {name}"
        (drawn,) = axes.plot(time, view.membrane[:, k], label=label, color=colour)
        drawn.set(linestyle=line, marker=mark.marker[0], markersize=4, alpha=alpha)
    line, colour = style.MARKS["threshold"].dash[0], style.colour("threshold", theme)
    label = f"threshold {words.number(view.threshold)}"
    axes.axhline(view.threshold, linestyle=line, color=colour, label=label)
    times = np.concatenate(view.spike_times)
    (marks,) = axes.plot(times, np.concatenate(view.spike_heights), linestyle="")
    marks.set(marker=spike.marker[0], markersize=7, label="spike" if len(times) else "")
    marks.set(color=style.colour("spike", theme), zorder=3)
    base.time_axis(axes, view.steps)
    axes.set(title=view.title, ylabel="membrane potential\n(threshold's scale)")
    base.legend(axes)
    return base.with_alt(axes, view.alt)


def current(view: MembraneView, axes: Axes, theme: style.Theme) -> None:
    dash = style.MARKS["current"].dash[0]
    for k in range(view.current.shape[1]):
        axes.step(
            np.arange(view.steps),
            view.current[:, k],
            where="mid",
            linestyle=dash if k == 0 else style.PATTERNS[k % len(style.PATTERNS)][0],
            color=style.colour("current", theme),
        )
    low, high = min(0.0, view.current.min()), max(0.0, view.current.max())
    room = 0.1 * (high - low or 1.0)  # from 0, or a constant looks like a ramp's detail
    axes.set(title="input current", ylabel="current\n(per step)")
    axes.set_ylim(low - room, high + room)
    axes.tick_params(labelbottom=False)


def difference(
    view: DifferenceView, axes: Axes | None = None, theme: style.Theme = "light"
) -> base.Picture | Axes:
    """A full bar where both fire; the upper or lower half where only one does."""
    if axes is None:
        height = min(max(2.4, 1.4 + 0.1 * view.neurons), 4.5)
        return base.picture(difference, view, theme, height)
    meanings = ("spike", "membrane", "threshold")
    low, high = (-0.4, -0.4, 0.05), (0.4, -0.05, 0.4)
    labels = ("both", f"only {view.names[0]}", f"only {view.names[1]}")
    for who, meaning in enumerate(meanings):
        mine = view.who == who
        rows, colour = view.rows[mine], style.colour(meaning, theme)
        ends = rows + low[who], rows + high[who]
        lines = axes.vlines(view.times[mine], *ends, colors=colour, label=labels[who])
        lines.set_linewidth(2)
    base.time_axis(axes, view.steps)
    axes.set(title=view.title, ylabel="neuron", ylim=(view.neurons - 0.5, -0.5))
    last = view.neurons - 1
    axes.set_yticks(np.unique(np.linspace(0, last, min(last + 1, 6)).round()))
    base.legend(axes)
    return base.with_alt(axes, view.alt)

"""Spikes and membranes with plotly."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from spikedu.figures import style, words
from spikedu.figures.interactive import base
from spikedu.figures.views import DifferenceView, MembraneView, RasterView

# Of a mark of `difference`, by whose spike it is: colour, and from where to where.
HALVES = (("spike", -0.4, 0.4), ("membrane", -0.4, -0.05), ("threshold", 0.05, 0.4))


def raster(view: RasterView, theme: style.Theme = "light") -> go.Figure:
    """One mark per spike, time to the right, neuron 0 at the top."""
    rows = len(view.neurons)
    height = min(170 + 9 * rows, 600)
    size = min(max(0.4 * (height - 110) / rows, 2), 8)
    figure = go.Figure()
    figure.add_scatter(
        x=view.times,
        y=view.rows,
        mode="markers",
        name="spike",
        marker={"symbol": "line-ns", "size": size, "line": {"width": 1.5}},
        marker_line_color=style.colour("spike", theme),
        customdata=view.neurons[view.rows],
        hovertemplate="neuron %{customdata} fires at step %{x}<extra></extra>",
    )
    ticks = np.unique(np.linspace(0, rows - 1, min(rows, 6)).round().astype(int))
    figure.update_xaxes(title=base.TIME, range=[-0.5, view.steps - 0.5])
    figure.update_yaxes(title="neuron", range=[rows - 0.5, -0.5], tickvals=ticks)
    figure.update_yaxes(ticktext=[str(n) for n in view.neurons[ticks]])
    figure.update_yaxes(showgrid=False)
    return base.finish(figure, view, height, theme, legend=False)


def difference(view: DifferenceView, theme: style.Theme = "light") -> go.Figure:
    """A full bar where both fire; the upper or lower half where only one does."""
    figure = go.Figure()
    labels = ("both", f"only {view.names[0]}", f"only {view.names[1]}")
    for who, (meaning, low, high) in enumerate(HALVES):
        mine = view.who == who
        times, rows = view.times[mine], view.rows[mine]
        where = zip(times, rows, strict=True)
        figure.add_scatter(
            x=_segments(times, times),
            y=_segments(rows + low, rows + high),
            mode="lines",
            name=labels[who],
            line={"width": 3, "color": style.colour(meaning, theme)},
            text=np.repeat([f"neuron {n}, step {t}" for t, n in where], 3),
            hovertemplate="%{text}",
        )
    figure.update_xaxes(title=base.TIME, range=[-0.5, view.steps - 0.5])
    figure.update_yaxes(title="neuron", range=[view.neurons - 0.5, -0.5])
    figure.update_xaxes(dtick=-(-view.steps // 20))
    figure.update_yaxes(showgrid=False, tickformat="d")
    height = min(210 + 12 * view.neurons, 620)
    return base.finish(figure, view, height, theme)


def _segments(start: NDArray, end: NDArray) -> NDArray[np.float64]:
    """start, end, gap, start, end, gap, ...: one trace for many separate lines."""
    return np.stack([start, end, np.full(len(start), np.nan)], axis=1).ravel()


def membrane(view: MembraneView, theme: style.Theme = "light") -> go.Figure:
    """Traces, the threshold as a dashed line, a triangle at each spike.

    Where the view has a current, it is on top.
    """
    both = view.current is not None
    heights = {"row_heights": [0.28, 0.72], "vertical_spacing": 0.06} if both else {}
    figure = make_subplots(rows=1 + both, cols=1, shared_xaxes=True, **heights)
    time = np.arange(view.steps)
    main = {"row": 1 + both, "col": 1}
    for k, name in enumerate(view.names):
        figure.add_scatter(
            x=time,
            y=view.membrane[:, k],
            mode="lines+markers",
            name=f"membrane, {name}",
            line={"dash": base.dash(k), "color": style.colour("membrane", theme)},
            marker={"size": 4},
            opacity=1.0 if k < len(style.PATTERNS) else 0.6,
            **main,
        )
    figure.add_scatter(
        x=[-0.5, view.steps - 0.5],
        y=[view.threshold, view.threshold],
        mode="lines",
        name=f"threshold {words.number(view.threshold)}",
        line_dash=style.MARKS["threshold"].dash[1],
        line_color=style.colour("threshold", theme),
        **main,
    )
    figure.add_scatter(
        x=np.concatenate(view.spike_times),
        y=np.concatenate(view.spike_heights),
        mode="markers",
        name="spike",
        marker={"symbol": style.MARKS["spike"].marker[1], "size": 9},
        marker_color=style.colour("spike", theme),
        **main,
    )
    figure.update_yaxes(title="membrane potential<br>(threshold's scale)", **main)
    figure.update_xaxes(range=[-0.5, view.steps - 0.5])
    figure.update_xaxes(title=base.TIME, **main)
    if both:
        _current(figure, view, time, theme)
    return base.finish(figure, view, 470 if both else 380, theme)


def _current(figure: go.Figure, view: MembraneView, time, theme: style.Theme) -> None:
    for k in range(view.current.shape[1]):
        figure.add_scatter(
            x=time,
            y=view.current[:, k],
            mode="lines",
            name="input current",
            line={"shape": "hvh", "dash": base.dash(k)},
            line_color=style.colour("current", theme),
            showlegend=k == 0,
            row=1,
            col=1,
        )
    figure.update_yaxes(title="current<br>(per step)", row=1, col=1)

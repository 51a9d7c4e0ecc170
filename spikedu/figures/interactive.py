"""Views to plotly: for figures to hover over, zoom into and compare.

The functions are those of `static`, and draw the same points. A plotly figure has no
place for an alt text, so it stands below the figure as its caption.
"""

from __future__ import annotations

import textwrap

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from spikedu.figures import style, words
from spikedu.figures.views import (
    FiringRateView,
    LearningCurveView,
    MembraneView,
    RasterView,
)

TIME = "time (steps)"
CAPTION_WIDTH = 95  # characters that fit under a figure as wide as a notebook cell


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
    figure.update_xaxes(title=TIME, range=[-0.5, view.steps - 0.5])
    figure.update_yaxes(title="neuron", range=[rows - 0.5, -0.5], tickvals=ticks)
    figure.update_yaxes(ticktext=[str(n) for n in view.neurons[ticks]])
    figure.update_yaxes(showgrid=False)
    return _finish(figure, view, height, theme, legend=False)


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
            line={"dash": _dash(k), "color": style.colour("membrane", theme)},
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
    figure.update_xaxes(title=TIME, **main)
    if both:
        _current(figure, view, time, theme)
    return _finish(figure, view, 470 if both else 380, theme)


def _current(figure: go.Figure, view: MembraneView, time, theme: style.Theme) -> None:
    for k in range(view.current.shape[1]):
        figure.add_scatter(
            x=time,
            y=view.current[:, k],
            mode="lines",
            name="input current",
            line={"shape": "hvh", "dash": _dash(k)},
            line_color=style.colour("current", theme),
            showlegend=k == 0,
            row=1,
            col=1,
        )
    figure.update_yaxes(title="current<br>(per step)", row=1, col=1)


def learning_curve(view: LearningCurveView, theme: style.Theme = "light") -> go.Figure:
    """Loss and accuracy side by side, references as dotted lines with their names."""
    figure = make_subplots(rows=1, cols=len(view.panels))
    for col, panel in enumerate(view.panels, start=1):
        at = {"row": 1, "col": col}
        for who, values in view.series(panel).items():
            mark = style.MARKS[who]
            figure.add_scatter(
                x=view.epochs,
                y=values,
                mode="lines+markers",
                name=f"{who} {panel}",
                line={"dash": mark.dash[1], "color": style.colour(who, theme)},
                marker={"symbol": mark.marker[1], "size": 6},
                **at,
            )
        unit = "loss (nats)" if panel == "loss" else "accuracy (share)"
        figure.update_yaxes(title=unit, **at)
        figure.update_xaxes(title="epoch", tickformat="d", **at)
    for name, value in view.references.items():
        figure.add_scatter(
            x=[view.epochs[0], view.epochs[-1]],
            y=[value, value],
            mode="lines+text",
            name=name,
            text=[f"{name}: {words.number(value)}", ""],
            textposition="top right",
            line_dash=style.MARKS["baseline"].dash[1],
            line_color=style.colour("baseline", theme),
            showlegend=False,
            row=1,
            col=len(view.panels),
        )
    return _finish(figure, view, 380, theme)


def firing_rates(view: FiringRateView, theme: style.Theme = "light") -> go.Figure:
    """A bar for each layer's rate, and its numbers as a table to the right."""
    rows = np.arange(len(view.names))
    figure = go.Figure()
    figure.add_bar(
        x=view.rate,
        y=rows,
        orientation="h",
        width=0.6,
        name="rate",
        marker_color=style.colour("membrane", theme),
        customdata=np.stack([view.neurons, view.dead, view.saturated], axis=1),
        hovertemplate="rate %{x:.3f}, %{customdata[0]} neurons, dead "
        "%{customdata[1]:.1%}, saturated %{customdata[2]:.1%}<extra></extra>",
    )
    columns = (
        (0.68, "neurons", [f"{n:,}" for n in view.neurons]),
        (0.77, "rate", [words.number(x) for x in view.rate]),
        (0.87, "dead", [words.percent(x) for x in view.dead]),
        (1.0, "saturated", [words.percent(x) for x in view.saturated]),
    )
    for right, head, cells in columns:
        for row, cell in zip((-0.7, *rows), (f"<b>{head}</b>", *cells), strict=True):
            figure.add_annotation(
                x=right,
                xref="paper",
                xanchor="right",
                y=row,
                text=cell,
                showarrow=False,
            )
    names = [words.short(name) for name in view.names]
    title = "rate (spikes per neuron per step)"
    figure.update_xaxes(title=title, range=[0, view.limit], domain=[0, 0.56])
    figure.update_yaxes(range=[len(rows) - 0.5, -1], tickvals=rows, ticktext=names)
    return _finish(figure, view, 190 + 32 * len(rows), theme, legend=False)


# ---------------------------------------------------------------- shared
def _dash(k: int) -> str:
    return style.PATTERNS[k % len(style.PATTERNS)][1]


def _finish(figure, view, height: int, theme: style.Theme, legend=True) -> go.Figure:
    style.colour("spike", theme)  # refuses an unknown theme
    lines = textwrap.wrap(view.alt, CAPTION_WIDTH)
    entries = sum(trace.showlegend is not False for trace in figure.data)
    # Pixels from the axis to the caption; a row of the legend holds about three.
    below = 62 + 22 * (1 + entries // 4) * legend
    bottom = below + 17 * len(lines) + 6
    figure.add_annotation(
        text="<br>".join(lines),
        x=0,
        y=0,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="top",
        yshift=-below,
        align="left",
        showarrow=False,
        name="alt text",
    )
    figure.update_layout(
        title={"text": view.title, "x": 0, "xref": "paper", "font_size": 15},
        height=height + 17 * len(lines),
        margin={"l": 70, "r": 20, "t": 46, "b": bottom},
        template="plotly_white" if theme == "light" else "plotly_dark",
        paper_bgcolor=style.PAPER[theme],
        plot_bgcolor=style.PAPER[theme],
        font={"color": style.TEXT[theme], "size": 13},
        showlegend=legend,
        legend={"orientation": "h", "y": 0, "yref": "paper", "yanchor": "top"},
        meta={"alt": view.alt},
    )
    # In pixels, as the caption is: under the axis title, above the caption.
    plot = max(height - 46 - below - 6, 1)
    figure.update_layout(legend_y=-46 / plot)
    figure.update_xaxes(zeroline=False)
    figure.update_yaxes(zeroline=False, automargin=True)
    return figure

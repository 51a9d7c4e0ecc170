"""Learning curves and firing rates with plotly."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from spikedu.figures import style, words
from spikedu.figures.interactive import base
from spikedu.figures.views import FiringRateView, LearningCurveView


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
    return base.finish(figure, view, 380, theme)


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
    return base.finish(figure, view, 190 + 32 * len(rows), theme, legend=False)

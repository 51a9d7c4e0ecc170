"""Maps, bars, curves and tables with plotly."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from spikedu.figures import style, words
from spikedu.figures.interactive import base
from spikedu.figures.views import BarsView, CurveView, HeatView, TermsView

MOST_ACROSS = 8  # maps in a row


def heat(view: HeatView, theme: style.Theme = "light", t: int = 0) -> go.Figure:
    """Maps side by side at step `t`, and what the colours mean."""
    tiles = view.at(t)
    across = min(len(tiles), MOST_ACROSS)
    down = -(-len(tiles) // across)
    titles = [words.short(name, 14) for name in view.names]
    figure = make_subplots(down, across, subplot_titles=titles, vertical_spacing=0.12)
    for k, tile in enumerate(tiles):
        name = f"{view.names[k]}, " if view.names[k] else ""
        figure.add_heatmap(
            z=tile,
            coloraxis="coloraxis",
            name=view.names[k],
            hovertemplate=f"{name}{view.rows} %{{y}}, {view.columns} %{{x}}: %{{z}} "
            f"{view.unit}<extra></extra>",
            row=k // across + 1,
            col=k % across + 1,
        )
    for k, row, column in view.marked:
        figure.add_shape(
            type="rect",
            x0=column - 0.5,
            x1=column + 0.5,
            y0=row - 0.5,
            y1=row + 0.5,
            line={"width": 3, "color": style.colour("threshold", theme)},
            row=k // across + 1,
            col=k % across + 1,
        )
    ink = "black" if theme == "light" else "white"
    key = f"; {ink}: spike" if view.binary else ""
    when = f", step {t}" if len(view.values) > 1 else ""
    frame = {"showline": True, "mirror": True, "linecolor": style.TEXT[theme]}
    bare = {"showgrid": False, "showticklabels": False, "constrain": "domain"}
    figure.update_xaxes(**bare, **frame)
    figure.update_yaxes(**bare, **frame)
    for k in range(1, len(tiles) + 1):
        axis = f"yaxis{k if k > 1 else ''}"
        square = {"scaleanchor": f"x{k if k > 1 else ''}", "autorange": "reversed"}
        figure.update_layout({axis: square})
    title = f"{view.columns} to the right{key}{when}"
    figure.update_xaxes(title=title, row=down, col=1)
    figure.update_yaxes(title=view.rows, row=down, col=1)
    figure.update_layout(coloraxis=_colours(view, theme))
    return base.finish(figure, view, 150 + 190 * down, theme, legend=False)


def _colours(view: HeatView, theme: style.Theme) -> dict[str, object]:
    ends = {"cmin": view.low, "cmax": view.high}
    if view.binary:
        colours = [[0, style.PAPER[theme]], [1, style.TEXT[theme]]]
        return {**ends, "colorscale": colours, "showscale": False}
    return {**ends, "colorscale": "Cividis", "colorbar_title": view.unit}


def bars(view: BarsView, theme: style.Theme = "light", t: int = 0) -> go.Figure:
    """A bar for each label at step `t`; levels as dashed lines."""
    at = np.arange(len(view.labels))
    figure = go.Figure()
    figure.add_bar(
        x=at,
        y=view.at(t),
        width=0.8,
        name=view.y,
        marker_color=style.colour(view.meaning, theme),
        customdata=np.stack([view.labels, view.notes], axis=1),
        hovertemplate="%{customdata[0]}: %{y} %{customdata[1]}<extra></extra>",
        showlegend=False,
    )
    for name, value in view.levels.items():
        figure.add_scatter(
            x=[-0.5, len(at) - 0.5],
            y=[value, value],
            mode="lines",
            name=name,
            line_dash=style.MARKS["threshold"].dash[1],
            line_color=style.colour("threshold", theme),
        )
    every = -(-len(at) // 12)
    ticks = [words.short(x, 16) for x in view.labels[::every]]
    figure.update_xaxes(title=view.x, tickvals=at[::every], ticktext=ticks)
    figure.update_yaxes(title=view.y)
    return base.finish(figure, view, 340, theme, legend=bool(view.levels))


def curve(view: CurveView, theme: style.Theme = "light") -> go.Figure:
    """Lines over x, a triangle at each mark with its name."""
    figure = go.Figure()
    few = len(view.x) <= 40
    for k, (name, y) in enumerate(zip(view.names, view.y, strict=True)):
        figure.add_scatter(
            x=view.x,
            y=y,
            mode="lines+markers" if few else "lines",
            name=name,
            line={
                "dash": base.dash(k),
                "color": style.colour(view.meanings[k], theme),
            },
            marker={"size": 5},
        )
    middle = (view.x.min() + view.x.max()) / 2
    for x, y, name in view.points:
        figure.add_scatter(
            x=[x],
            y=[y],
            mode="markers+text",
            name=name,
            text=[name],
            textposition="top left" if x > middle else "top right",
            marker={"symbol": style.MARKS["spike"].marker[1], "size": 10},
            marker_color=style.colour("spike", theme),
            showlegend=False,
        )
    figure.update_xaxes(title=view.xlabel)
    figure.update_yaxes(title=view.ylabel)
    return base.finish(figure, view, 380, theme)


def terms(view: TermsView, theme: style.Theme = "light", t: int = 0) -> go.Figure:
    """The terms at step `t` as a table; the one that decided is marked."""
    t = min(t, len(view.values) - 1)
    marks = ["▶ " if view.cause[t] == k else "" for k in range(len(view.names))]
    columns = [
        [mark + name for mark, name in zip(marks, view.names, strict=True)],
        [words.number(x) for x in view.values[t]],
        list(view.code),
    ]
    paint = {"fill_color": style.PAPER[theme], "line_color": style.GRID[theme]}
    figure = go.Figure()
    figure.add_table(
        header={"values": ["term", f"step {t}", "code"], "align": "left", **paint},
        cells={"values": columns, "align": "left", "height": 28, **paint},
        columnwidth=[2, 1, 3],
    )
    return base.finish(figure, view, 150 + 28 * len(view.names), theme, legend=False)

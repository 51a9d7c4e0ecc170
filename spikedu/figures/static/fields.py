"""Maps, bars, curves and tables with matplotlib."""

from __future__ import annotations

import functools

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from spikedu.figures import style, words
from spikedu.figures.static import base
from spikedu.figures.views import BarsView, CurveView, HeatView, TermsView

MOST_NUMBERS = 64  # cells of a map that are small enough a number to be written in
ROOM = 24  # points of a cell with room for one
NARROW = 200  # points; labels of a map beside others take two lines


def heat(
    view: HeatView, axes: Axes | None = None, theme: style.Theme = "light", t: int = 0
) -> base.Picture | Axes:
    """Maps side by side at step `t`, and what the colours mean."""
    if axes is None:
        with matplotlib.rc_context(style.rc(theme)):
            tall = 2.6 + 0.9 * (len(view.names) > 8)
            figure = Figure(figsize=(base.WIDTH, tall), layout="constrained")
            heat(view, figure.subplots(), theme, t)
        return base.Picture(figure, view.alt)
    tiles = view.at(t)
    count, rows, columns = tiles.shape
    across = min(count, max(1, int(np.ceil(np.sqrt(2 * count * rows / columns)))))
    down, gap = -(-count // across), max(1, columns // 8)
    wide = np.full((down * (rows + gap) - gap, across * (columns + gap) - gap), np.nan)
    ends = {"vmin": view.low, "vmax": view.high}
    for k, tile in enumerate(tiles):
        y, x = (k // across) * (rows + gap), (k % across) * (columns + gap)
        wide[y : y + rows, x : x + columns] = tile
        if view.names[k] and down == 1:
            axes.text(x - 0.5, -0.7, words.short(view.names[k], 14), va="bottom")
        frame = {"fill": False, "linewidth": 0.5, "edgecolor": style.TEXT[theme]}
        axes.add_patch(_box(x, y, columns, rows, **frame))
        for tile_, row, column in view.marked:
            if tile_ == k:
                colour = style.colour("threshold", theme)
                edge = {"fill": False, "linewidth": 2, "edgecolor": colour}
                axes.add_patch(_box(x + column, y + row, 1, 1, **edge))
        room = base.width(axes) / wide.shape[1] >= ROOM
        small = rows * columns <= MOST_NUMBERS and count <= 2 and room
        if not view.binary and small:
            _numbers(axes, tile, x, y, view)
    paper, ink = style.PAPER[theme], style.TEXT[theme]
    colours = ListedColormap([paper, ink]) if view.binary else "cividis"
    image = axes.imshow(wide, cmap=colours, interpolation="nearest", **ends)
    if not view.binary:
        axes.figure.colorbar(image, ax=axes, shrink=0.8, label=view.unit)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(view.title, pad=20 if any(view.names) and down == 1 else 8)
    when = f", step {t}" if len(view.values) > 1 else ""
    dark = "black" if theme == "light" else "white"
    key = f"; {dark}: spike" if view.binary else ""
    more = f"{key}{when}".removeprefix("; ").removeprefix(", ")
    gap = "\n" if base.width(axes) < NARROW else "; "
    below = f"{view.columns} to the right" + (f"{gap}{more}" if more else "")
    axes.set(xlabel=below, ylabel=f"{view.rows}")
    axes.spines[:].set_visible(False)
    return base.with_alt(axes, view.alt)


def _box(x, y, wide, high, **look):
    return matplotlib.patches.Rectangle((x - 0.5, y - 0.5), wide, high, **look)


def _numbers(axes: Axes, tile, x: int, y: int, view: HeatView) -> None:
    for (row, column), value in np.ndenumerate(tile):
        dark = (value - view.low) / (view.high - view.low) < 0.55
        text = f"{value:g}" if value == round(value) else f"{value:.2f}"
        at = {"ha": "center", "va": "center", "fontsize": 7}
        axes.text(x + column, y + row, text, color="white" if dark else "black", **at)


def bars(
    view: BarsView, axes: Axes | None = None, theme: style.Theme = "light", t: int = 0
) -> base.Picture | Axes:
    """A bar for each label at step `t`; levels as dashed lines."""
    if axes is None:
        return base.picture(functools.partial(bars, t=t), view, theme, 2.6)
    at = np.arange(len(view.labels))
    axes.bar(at, view.at(t), width=0.8, color=style.colour(view.meaning, theme))
    for name, value in view.levels.items():
        dash, colour = (
            style.MARKS["threshold"].dash[0],
            style.colour("threshold", theme),
        )
        axes.axhline(value, linestyle=dash, color=colour, label=name)
    every = -(-len(at) // 12)
    axes.set_xticks(at[::every], [words.short(x, 16) for x in view.labels[::every]])
    axes.set(title=view.title, xlabel=view.x, ylabel=view.y)
    if view.levels:
        base.legend(axes)
    return base.with_alt(axes, view.alt)


def curve(
    view: CurveView, axes: Axes | None = None, theme: style.Theme = "light"
) -> base.Picture | Axes:
    """Lines over x, a triangle at each mark with its name."""
    if axes is None:
        return base.picture(curve, view, theme, 2.8)
    for k, (name, y) in enumerate(zip(view.names, view.y, strict=True)):
        (line,) = axes.plot(view.x, y, label=name)
        line.set_color(style.colour(view.meanings[k], theme))
        line.set_linestyle(style.PATTERNS[k % len(style.PATTERNS)][0])
        line.set_marker("o" if len(view.x) <= 40 else "")
        line.set_markersize(4)
    for x, y, name in view.points:
        (mark,) = axes.plot([x], [y], marker="^", markersize=8, linestyle="")
        mark.set_color(style.colour("spike", theme))
        right = x > (view.x.min() + view.x.max()) / 2
        offset, side = (-8 if right else 8, 8), "right" if right else "left"
        axes.annotate(name, (x, y), offset, textcoords="offset points", ha=side)
    axes.set(title=view.title, xlabel=view.xlabel, ylabel=view.ylabel)
    base.legend(axes)
    return base.with_alt(axes, view.alt)


def terms(
    view: TermsView, axes: Axes | None = None, theme: style.Theme = "light", t: int = 0
) -> base.Picture | Axes:
    """The terms at step `t`; the one that decided is marked."""
    if axes is None:
        high = 0.8 + 0.25 * len(view.names)
        return base.picture(functools.partial(terms, t=t), view, theme, high)
    t = min(t, len(view.values) - 1)
    axes.set_axis_off()
    axes.set_title(f"{view.title}, step {t}")
    for k, (name, code) in enumerate(zip(view.names, view.code, strict=True)):
        y = 1 - (k + 1) / (len(view.names) + 1)
        mark = "▶ " if view.cause[t] == k else ""
        axes.text(0.0, y, f"{mark}{name}", transform=axes.transAxes)
        axes.text(0.45, y, words.number(view.values[t, k]), transform=axes.transAxes)
        axes.text(0.6, y, code, family="monospace", transform=axes.transAxes)
    return base.with_alt(axes, view.alt)

"""Views to matplotlib: for print, posters, and cells that show their own code.

Each function draws into `axes` and returns them, or makes a `Picture`, which a notebook
shows with its alt text. Nothing global is set and pyplot is not used.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from numbers import Real

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from spikedu.figures import style, words
from spikedu.figures.views import (
    FiringRateView,
    LearningCurveView,
    MembraneView,
    RasterView,
)

WIDTH = 7.0  # inches: as wide as a notebook cell
DPI = 110
TIME = "time (steps)"


class Picture:
    """A matplotlib `figure` and its `alt` text; a notebook shows both.

    matplotlib's own display of a figure has no place for an alt text.
    """

    def __init__(self, figure: Figure, alt: str):
        self.figure, self.alt = figure, alt

    @property
    def axes(self) -> list[Axes]:
        """The axes, top to bottom."""
        return self.figure.axes

    def image(self, kind: str = "png", dpi: float = DPI) -> bytes:
        """The file, "png", "svg", "webp", ...; the same bytes each time."""
        found = io.BytesIO()
        more = {"pil_kwargs": {"lossless": True}} if kind == "webp" else {}
        more = {"metadata": {"Software": None}} if kind == "png" else more
        self.figure.savefig(found, format=kind, dpi=dpi, **more)
        return found.getvalue()

    def _repr_html_(self) -> str:
        # WebP: half the bytes of a PNG, and a notebook holds many pictures.
        data = base64.b64encode(self.image("webp")).decode("ascii")
        alt = html.escape(self.alt)
        look = "max-width: 100%; height: auto"
        return f'<img alt="{alt}" style="{look}" src="data:image/webp;base64,{data}">'

    def __repr__(self) -> str:
        return f"Picture: {self.alt}"


def show(figure: Figure | Axes) -> Picture:
    """The `Picture` of a figure of your own that the functions below drew into.

    Its alt text is that of its axes, in order. End a cell with it.
    """
    figure = figure.figure if isinstance(figure, Axes) else figure
    found = [getattr(axes, "spikedu_alt", "") for axes in figure.axes]
    if not any(found):
        raise ValueError("figure = without alt text: must hold axes drawn by spikedu")
    if getattr(figure, "number", None) is not None:
        # pyplot would show it once more at the end of the cell, without alt text.
        import matplotlib.pyplot as plt

        plt.close(figure)
    return Picture(figure, words.clip([alt for alt in found if alt]))


def raster(
    view: RasterView, axes: Axes | None = None, theme: style.Theme = "light"
) -> Picture | Axes:
    """One mark per spike, time to the right, neuron 0 at the top."""
    if axes is None:
        height = min(max(2.4, 1.4 + 0.06 * len(view.neurons)), 4.5)
        return _picture(raster, view, theme, height)
    rows = len(view.neurons)
    # A mark as high as its row is, in points.
    size = max(2.0, 0.7 * _height(axes) / rows)
    (marks,) = axes.plot(
        view.times, view.rows, linestyle="", marker="|", markersize=min(size, 12.0)
    )
    # A step of a short recording is wide: so is its mark, and can be seen.
    step = 0.25 * _width(axes) / view.steps
    marks.set(
        color=style.colour("spike", theme), markeredgewidth=min(max(1.3, step), 8)
    )
    _time_axis(axes, view.steps)
    axes.set(title=view.title, ylabel="neuron", ylim=(rows - 0.5, -0.5))
    ticks = np.unique(np.linspace(0, rows - 1, min(rows, 6)).round().astype(int))
    axes.set_yticks(ticks, view.neurons[ticks])
    return _with_alt(axes, view.alt)


def membrane(
    view: MembraneView, axes: Axes | None = None, theme: style.Theme = "light"
) -> Picture | Axes:
    """Traces, the threshold as a dashed line, a triangle at each spike.

    Where the view has a current and no `axes` are given, the current is on top.
    """
    if axes is None:
        return _picture(membrane, view, theme, 3.0, _current, view.current is not None)
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
    _time_axis(axes, view.steps)
    axes.set(title=view.title, ylabel="membrane potential\n(threshold's scale)")
    _legend(axes)
    return _with_alt(axes, view.alt)


def _current(view: MembraneView, axes: Axes, theme: style.Theme) -> None:
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


def learning_curve(
    view: LearningCurveView,
    axes: Sequence[Axes] | NDArray | Axes | None = None,
    theme: style.Theme = "light",
) -> Picture | list[Axes]:
    """Loss and accuracy side by side; `axes`: one for each panel of the view."""
    if axes is None:
        with matplotlib.rc_context(style.rc(theme)):
            figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
            axes = figure.subplots(1, len(view.panels), squeeze=False)[0]
            learning_curve(view, axes, theme)
        return Picture(figure, view.alt)
    axes = [axes] if isinstance(axes, Axes) else list(axes)
    if len(axes) != len(view.panels):
        names = " and ".join(view.panels)
        raise ValueError(f"axes = {len(axes)} of them: must be one for each of {names}")
    for panel, at in zip(view.panels, axes, strict=True):
        _panel(view, panel, at, theme)
    _with_alt(axes[0], view.alt)
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
        _legend(axes, columns=2)


def firing_rates(
    view: FiringRateView, axes: Axes | None = None, theme: style.Theme = "light"
) -> Picture | Axes:
    """A bar for each layer's rate, and its numbers as a table to the right."""
    if axes is None:
        return _picture(firing_rates, view, theme, 1.5 + 0.32 * len(view.names))
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
    return _with_alt(axes, view.alt)


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


# ---------------------------------------------------------------- shared
def _picture(draw, view, theme, height, above=None, two=False) -> Picture:
    with matplotlib.rc_context(style.rc(theme)):
        size = (WIDTH, height + 1.2 * two)
        figure = Figure(figsize=size, layout="constrained")
        if two:
            ratios = {"height_ratios": [1, 2.6]}
            top, axes = figure.subplots(2, 1, sharex=True, gridspec_kw=ratios)
            above(view, top, theme)
        else:
            axes = figure.subplots()
        draw(view, axes, theme)
    return Picture(figure, view.alt)


def _time_axis(axes: Axes, steps: int) -> None:
    axes.set(xlabel=TIME, xlim=(-0.5, steps - 0.5))
    axes.xaxis.get_major_locator().set_params(integer=True)


def _height(axes: Axes) -> float:
    box = axes.get_position()
    return box.height * axes.figure.get_figheight() * 72


def _width(axes: Axes) -> float:
    return axes.get_position().width * axes.figure.get_figwidth() * 72


def _legend(axes: Axes, columns: int = 3) -> None:
    # Under the axis label: it can never lie over data.
    below = ScaledTranslation(0, -38 / 72, axes.figure.dpi_scale_trans)
    at = {"bbox_to_anchor": (0.5, 0), "bbox_transform": axes.transAxes + below}
    axes.legend(loc="upper center", borderaxespad=0, ncols=columns, **at)


def _with_alt(axes: Axes, alt: str) -> Axes:
    axes.spikedu_alt = alt
    return axes

"""The neuron as a circuit with matplotlib; `widgets/static/circuit.js` draws the same.

Both place their marks on a field of 100 x 70, y downwards.
"""

from __future__ import annotations

import functools
from numbers import Real

from matplotlib.axes import Axes
from matplotlib.patches import Circle, Polygon, Rectangle

from spikedu.figures import style
from spikedu.figures.static import base
from spikedu.figures.views.circuit import INPUT, KEPT, RESET, CircuitView

SYMBOLS = ((7, "U[t+1]"), (29, "b U[t]"), (55, "W X[t+1]"), (85, "S[t] U_th"))
SIGNS = ((17, "="), (42, "+"), (69, "−"))
SMALL = 8.5  # points


def circuit(
    view: CircuitView,
    axes: Axes | None = None,
    theme: style.Theme = "light",
    t: int = 0,
) -> base.Picture | Axes:
    """Eq. (1) in numbers at step `t`, and the circuit; arrows as wide as their flow."""
    if axes is None:
        return base.picture(functools.partial(circuit, t=t), view, theme, 3.2)
    t = min(t, len(view.membrane) - 1)
    axes.set(xlim=(0, 100), ylim=(70, 0))
    axes.set_axis_off()
    axes.set_title(f"{view.title}, step {t}")
    _equation(view, axes, theme, t)
    ink = style.TEXT[theme]
    for y in (22, 58):
        _wire(axes, ink, (12, 88), (y, y))
    _source(view, axes, theme, t)
    _leak(view, axes, theme, t)
    _capacitor(view, axes, theme, t)
    _switch(view, axes, theme, t)
    said = "U > U_th: spike" if view.spikes[t] else "U ≤ U_th: no spike"
    bold = "bold" if view.spikes[t] else "normal"
    _words(axes, 78, 17.5, said, weight=bold)
    return base.with_alt(axes, view.alt)


def _equation(view: CircuitView, axes: Axes, theme: style.Theme, t: int) -> None:
    values = (view.membrane, view.kept, view.current, view.reset)
    for term, ((x, symbol), value) in enumerate(zip(SYMBOLS, values, strict=True), -1):
        caused = term == view.cause[t] >= 0
        _words(axes, x, 3, symbol, weight="bold" if caused else "normal")
        _words(axes, x, 9, f"{value[t]:.2f}", weight="bold" if caused else "normal")
        if caused:
            colour = style.colour("threshold", theme)
            box = {"fill": False, "edgecolor": colour, "linewidth": 1.5}
            axes.add_patch(Rectangle((x - 10, 0), 20, 12, clip_on=False, **box))
    for x, sign in SIGNS:
        _words(axes, x, 3, sign)
        _words(axes, x, 9, sign)


def _source(view: CircuitView, axes: Axes, theme: style.Theme, t: int) -> None:
    ink, flow = style.TEXT[theme], view.current[t]
    _wire(axes, ink, (12, 12), (58, 22))
    paper = style.PAPER[theme]
    axes.add_patch(Circle((12, 40), 6, facecolor=paper, edgecolor=ink, zorder=2))
    _flow(axes, style.colour("current", theme), 12, 45, -10, flow, view.most)
    _label(axes, 12, "input W X", flow, bool(view.cause[t] == INPUT))


def _leak(view: CircuitView, axes: Axes, theme: style.Theme, t: int) -> None:
    ink = style.TEXT[theme]
    _wire(axes, ink, (36, 36), (22, 58))
    box = {"facecolor": style.PAPER[theme], "edgecolor": ink, "zorder": 2}
    axes.add_patch(Rectangle((33, 26), 6, 13, **box))
    _flow(axes, style.colour("membrane", theme), 36, 44, 10, view.leak[t], view.most)
    _label(axes, 36, "leak (1−b)U", view.leak[t], False)


def _capacitor(view: CircuitView, axes: Axes, theme: style.Theme, t: int) -> None:
    ink, (low, high) = style.TEXT[theme], view.span
    _wire(axes, ink, (60, 60), (22, 58))

    def level(u: Real) -> float:
        return 54 - 28 * (u - low) / (high - low)

    zero, here = level(0.0), level(view.membrane[t])
    paper = {"facecolor": style.PAPER[theme], "edgecolor": ink, "zorder": 2}
    axes.add_patch(Rectangle((52, 26), 16, 28, **paper))
    full = {"color": style.colour("membrane", theme), "zorder": 3}
    axes.add_patch(Rectangle((52, min(zero, here)), 16, abs(zero - here), **full))
    dash, colour = style.MARKS["threshold"].dash[0], style.colour("threshold", theme)
    edge = level(view.threshold)
    axes.plot([50, 73], [edge, edge], linestyle=dash, color=colour, zorder=4)
    _words(axes, 50, edge, "U_th", ha="right")
    if edge < zero - 4:
        _words(axes, 50, zero, "0", ha="right")
    _label(axes, 60, "U", view.membrane[t], bool(view.cause[t] == KEPT))


def _switch(view: CircuitView, axes: Axes, theme: style.Theme, t: int) -> None:
    ink, closed = style.TEXT[theme], view.reset[t] != 0
    _wire(axes, ink, (88, 88), (22, 30))
    _wire(axes, ink, (88, 88 if closed else 95), (30, 40 if closed else 38), 2)
    _wire(axes, ink, (88, 88), (40, 58))
    for y in (30, 40):
        axes.add_patch(Circle((88, y), 1, color=ink, zorder=3))
    fires = view.spikes[t]
    corners = [(73, 30), (73, 40), (81, 35)]
    look = {"facecolor": ink if fires else style.PAPER[theme], "edgecolor": ink}
    axes.add_patch(Polygon(corners, zorder=3, **look))
    axes.plot([81, 87], [35, 35], linestyle=":", color=ink)
    colour = style.colour("threshold", theme)
    _flow(axes, colour, 88, 45, 10, view.reset[t], view.most)
    _label(axes, 88, "reset S U_th", view.reset[t], bool(view.cause[t] == RESET))


def _wire(axes: Axes, ink: str, x: tuple, y: tuple, width: Real = 1.0) -> None:
    axes.plot(x, y, color=ink, linewidth=width, zorder=1)


def _flow(axes, colour, x, start, length, flow, most) -> None:
    """An arrow along a wire; backwards for a negative flow, none for none."""
    if flow == 0:
        return
    if flow < 0:
        start, length = start + length, -length
    wide = 1 + 6 * abs(flow) / most
    arrow = {"color": colour, "linewidth": wide, "shrinkA": 0, "shrinkB": 0}
    look = {"arrowstyle": "->,head_length=0.35,head_width=0.25", **arrow}
    ends = {"xy": (x, start + length), "xytext": (x, start)}
    axes.annotate("", **ends, arrowprops=look, zorder=5)


def _label(axes: Axes, x: Real, name: str, value: Real, caused: bool) -> None:
    weight = "bold" if caused else "normal"
    _words(axes, x, 62, ("▶ " if caused else "") + name, weight=weight)
    _words(axes, x, 68, f"{value:.2f}", weight=weight)


def _words(axes: Axes, x: Real, y: Real, text: str, ha="center", **look) -> None:
    axes.text(x, y, text, ha=ha, va="center", fontsize=SMALL, **look)

"""Colours by meaning, the same in every figure and widget, and never colour alone.

Okabe & Ito's eight colours, told apart by colour-blind eyes. `MARKS` gives each meaning
a line style or a marker as well, so that a figure also reads in black and white.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Theme = Literal["light", "dark"]
THEMES = ("light", "dark")
INK = "ink"  # the colour of text: black on light, nearly white on dark

# Eight colours, ten meanings: a learning curve has no membrane in it, so the pairs
# (membrane, train) and (threshold, test) share a colour and differ by mark.
COLOURS = {
    "membrane": "#0072B2",
    "threshold": "#D55E00",
    "spike": INK,
    "current": "#009E73",
    "Q": "#E69F00",
    "K": "#56B4E9",
    "V": "#CC79A7",
    "train": "#0072B2",
    "test": "#D55E00",
    "baseline": "#7F7F7F",
}


@dataclass(frozen=True)
class Mark:
    """How a meaning looks without its colour: (matplotlib, plotly) pairs."""

    dash: tuple[str, str] = ("-", "solid")
    marker: tuple[str, str] = ("", "")


SOLID, DASHED, DOTTED = ("-", "solid"), ("--", "dash"), (":", "dot")
MARKS = {
    "membrane": Mark(SOLID, (".", "circle")),
    "threshold": Mark(DASHED),
    "spike": Mark(SOLID, ("^", "triangle-up")),
    "current": Mark(SOLID),  # and drawn in steps, in a panel of its own
    "Q": Mark(SOLID, ("s", "square")),
    "K": Mark(SOLID, ("D", "diamond")),
    "V": Mark(SOLID, ("v", "triangle-down")),
    "train": Mark(SOLID, ("o", "circle")),
    "test": Mark(DASHED, ("s", "square")),
    "baseline": Mark(DOTTED),
}

# Traces of one meaning in one figure: same colour, next pattern.
PATTERNS = (SOLID, DASHED, DOTTED, ("-.", "dashdot"))

PAPER = {"light": "#FFFFFF", "dark": "#111111"}
TEXT = {"light": "#111111", "dark": "#EEEEEE"}
GRID = {"light": "#DDDDDD", "dark": "#3A3A3A"}
FONT_SIZE = 11  # points, at the 7 inches a notebook cell is wide


def colour(meaning: str, theme: Theme = "light") -> str:
    """The colour of a meaning, such as "threshold", on that paper."""
    if meaning not in COLOURS:
        known = ", ".join(COLOURS)
        raise ValueError(f"meaning = {meaning!r}: must be one of {known}")
    if theme not in THEMES:
        raise ValueError(f"theme = {theme!r}: must be 'light' or 'dark'")
    found = COLOURS[meaning]
    return TEXT[theme] if found is INK else found


def rc(theme: Theme = "light") -> dict[str, object]:
    """matplotlib settings for one figure: use inside `matplotlib.rc_context`."""
    ink, paper = TEXT[theme], PAPER[theme]
    return {
        "font.size": FONT_SIZE,
        "axes.titlesize": FONT_SIZE + 1,
        "axes.titlelocation": "left",
        "legend.fontsize": FONT_SIZE - 1,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.facecolor": paper,
        "figure.facecolor": paper,
        "savefig.facecolor": paper,
        "axes.edgecolor": ink,
        "axes.labelcolor": ink,
        "axes.titlecolor": ink,
        "text.color": ink,
        "xtick.color": ink,
        "ytick.color": ink,
        "grid.color": GRID[theme],
        "legend.frameon": False,
    }

"""What all matplotlib renderers share: pictures with alt texts, axes, legends."""

from __future__ import annotations

import base64
import html
import io
from numbers import Real

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation
from PIL import Image

from spikedu.figures import style, words

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

    def image(self, kind: str = "png", dpi: Real = DPI) -> bytes:
        """The file, "png", "svg", "webp", ...; the same bytes each time."""
        found, kept = io.BytesIO(), io.BytesIO()
        webp = kind == "webp"
        more = {"metadata": {"Software": None}} if kind == "png" else {}
        self.figure.savefig(found, format="raw" if webp else kind, dpi=dpi, **more)
        if not webp:
            return found.getvalue()
        size = tuple((self.figure.get_size_inches() * dpi).astype(int))
        whole = Image.frombytes("RGBA", size, found.getvalue()).convert("RGB")
        # 16 levels of each colour are what an eye tells apart in lines, marks and one
        # colour map; they take a third off the bytes, and white stays white.
        few = whole.point([round(level / 17) * 17 for level in range(256)] * 3)
        # Quality is effort here: 100 takes three times as long for a tenth less.
        few.save(kept, "webp", lossless=True, quality=0, method=1)
        return kept.getvalue()

    def _repr_html_(self) -> str:
        return self.html()

    def html(self, dpi: Real = DPI) -> str:
        """An `<img>` with the alt text, the picture inside."""
        # WebP: half the bytes of a PNG, and a notebook holds many pictures.
        data = base64.b64encode(self.image("webp", dpi)).decode("ascii")
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


# ---------------------------------------------------------------- shared
def picture(draw, view, theme, height, above=None, two=False) -> Picture:
    """A figure of one view, as high as it needs; `above` draws a panel on top."""
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


def time_axis(axes: Axes, steps: int) -> None:
    """Time to the right, whole steps."""
    axes.set(xlabel=TIME, xlim=(-0.5, steps - 0.5))
    axes.xaxis.get_major_locator().set_params(integer=True)


def height(axes: Axes) -> float:
    """In points."""
    return axes.bbox.height * 72 / axes.figure.dpi


def width(axes: Axes) -> float:
    """In points."""
    return axes.bbox.width * 72 / axes.figure.dpi


def legend(axes: Axes, columns: int = 3) -> None:
    """Under the axis label: it can never lie over data."""
    below = ScaledTranslation(0, -38 / 72, axes.figure.dpi_scale_trans)
    at = {"bbox_to_anchor": (0.5, 0), "bbox_transform": axes.transAxes + below}
    if axes.figure.bbox.width < 0.6 * WIDTH * axes.figure.dpi:  # beside another panel
        columns = 1
    axes.legend(loc="upper center", borderaxespad=0, ncols=columns, **at)


def with_alt(axes: Axes, alt: str) -> Axes:
    """Remembers the alt text, for `show`."""
    axes.spikedu_alt = alt
    return axes

"""Maps, bars and curves: numbers that are not one neuron's course in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikedu.figures import arrays, style, words
from spikedu.figures.words import listed, number, plural

AXES = ("R C", "K R C", "T R C", "T K R C")
MOST_TEXT = 400  # lines; a map of a whole layer is not read out cell by cell


def _fixed(array: NDArray) -> NDArray:
    array.flags.writeable = False
    return array


def _named(name: str, given: Sequence[str] | None, size: int, what: str) -> tuple:
    found = tuple(f"{what} {k}" for k in range(size)) if given is None else tuple(given)
    if len(found) != size:
        arrays.fail(f"number of {name}", len(found), f"{size}, one for each")
    return found


@dataclass(frozen=True, eq=False)
class HeatView:
    """Maps `values[T, K, R, C]`: K of them side by side, each R x C, at T times.

    T is 1 where time plays no part. `marked` are cells (tile, row, column) in a frame.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]  # of the K maps
    title: str
    rows: str  # what a row is, such as "query token"
    columns: str
    unit: str
    low: float
    high: float
    marked: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(
        cls,
        values: ArrayLike,
        axes: str = "R C",
        *,
        title: str,
        unit: str = "spikes",
        rows: str = "row",
        columns: str = "column",
        names: Sequence[str] | None = None,
        limits: tuple[Real, Real] | None = None,
        marked: Iterable[tuple[int, int, int]] = (),
    ) -> HeatView:
        """From an array with `axes` "R C", "K R C", "T R C" or "T K R C".

        `limits` are the ends of the colour scale; else 0 and the highest value, or, of
        values below 0, the same distance to both sides.
        """
        arrays.choice("axes", axes, AXES)
        found = arrays.array("values", values, axes)
        found = found[None] if "T" not in axes else found
        found = found[:, None] if "K" not in axes else found
        _, tiles, height, width = found.shape
        far = float(max(np.abs(found).max(), 1e-12))
        low, high = (-far if found.min() < 0 else 0.0, far)
        if unit == "spikes":
            arrays.spikes("values", found, "T K R C")
            low, high = 0.0, 1.0
        if limits is not None:
            low, high = (arrays.number("limits", x) for x in limits)
            if not low < high:
                arrays.fail("limits", limits, "two numbers, the first one lower")
        marked = tuple(tuple(int(x) for x in cell) for cell in marked)
        for cell in marked:
            inside = len(cell) == 3 and all(
                0 <= x < n for x, n in zip(cell, (tiles, height, width), strict=True)
            )
            if not inside:
                right = f"cells (tile, row, column) of {[tiles, height, width]}"
                arrays.fail("marked", cell, right)
        if names is None and tiles == 1:
            names = [""]
        names = _named("names", names, tiles, "map")
        words_ = (title, rows, columns, unit)
        return cls(_fixed(found), names, *words_, low, high, marked)

    @property
    def binary(self) -> bool:
        """Whether it shows spikes, drawn as ink or no ink."""
        return self.unit == "spikes"

    def at(self, t: int) -> NDArray[np.float64]:
        """The maps [K, R, C] of that time, or of the last there is."""
        return self.values[min(t, len(self.values) - 1)]

    @property
    def alt(self) -> str:
        """For an image: at most 300 characters."""
        times, tiles, height, width = self.values.shape
        what = plural(tiles, "map") if tiles > 1 else "A map"
        when = f" at {plural(times, 'time step')}" if times > 1 else ""
        sentences = [
            f"{self.title}: {what} of {height} x {width} ({self.rows} by "
            f"{self.columns}){when}."
        ]
        if self.binary:
            total = int(self.values.sum())
            share = words.percent(total / self.values.size)
            sentences.append(f"{plural(total, 'spike')}, {share} of all cells.")
        else:
            k, r, c = np.unravel_index(
                int(self.values.max(axis=0).argmax()), self.values.shape[1:]
            )
            name = f" of {self.names[k]}" if self.names[k] else ""
            sentences.append(
                f"From {number(self.values.min())} to {number(self.values.max())} "
                f"{self.unit}; highest in {self.rows} {r}, {self.columns} {c}{name}."
            )
        return words.clip(sentences)

    @property
    def text(self) -> str:
        """Every row of every map."""
        lines = [self.alt]
        for t, maps in enumerate(self.values):
            for name, tile in zip(self.names, maps, strict=True):
                for r, row in enumerate(tile):
                    when = f"step {t}, " * (len(self.values) > 1)
                    cells = listed(
                        f"{x:g}" if x == round(x) else number(x) for x in row
                    )
                    who = f"{when}{name} ".lstrip() if name else when
                    lines.append(f"{who}{self.rows} {r}: {cells}")
        if len(lines) > MOST_TEXT:
            rest = f"... and {len(lines) - MOST_TEXT} lines more"
            lines = [*lines[:MOST_TEXT], rest]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class BarsView:
    """Bars `heights[T, B]`, one for each of `labels`; T is 1 where time plays no part.

    `levels` are dashed lines across, by their name.
    """

    heights: NDArray[np.float64]
    labels: tuple[str, ...]
    title: str
    x: str
    y: str
    meaning: str
    levels: Mapping[str, float]
    notes: tuple[str, ...]  # beside each bar, "" for none

    @classmethod
    def of(
        cls,
        heights: ArrayLike,
        labels: Sequence[object],
        *,
        title: str,
        x: str,
        y: str,
        meaning: str = "membrane",
        levels: Mapping[str, Real] | None = None,
        notes: Sequence[str] | None = None,
    ) -> BarsView:
        """From heights [B], or [T, B] where they change in time."""
        found = arrays.array("heights", heights, "B | T B")
        found = found[None] if found.ndim == 1 else found
        labels = _named("labels", [str(label) for label in labels], found.shape[1], "")
        notes = [""] * found.shape[1] if notes is None else notes
        notes = _named("notes", notes, found.shape[1], "")
        style.colour(meaning)
        levels = {k: arrays.number(k, v) for k, v in (levels or {}).items()}
        return cls(_fixed(found), labels, title, x, y, meaning, levels, notes)

    @classmethod
    def histogram(
        cls, values: ArrayLike, bins: int = 20, *, x: str, **more: object
    ) -> BarsView:
        """Counts of values [...]: whole numbers one by one, others in `bins` bins."""
        found = np.asarray(values, dtype=np.float64).ravel()
        found = arrays.array("values", found, "N")
        arrays.count("bins", bins, 1)
        whole = (found == found.round()).all() and np.ptp(found) < 64
        if whole:
            low = int(found.min())
            counts = np.bincount((found - low).astype(int))
            labels = [str(low + k) for k in range(len(counts))]
        else:
            counts, edges = np.histogram(found, bins)
            labels = [number(x) for x in (edges[1:] + edges[:-1]) / 2]
        return cls.of(counts, labels, x=x, y="count", **more)

    def at(self, t: int) -> NDArray[np.float64]:
        """The heights [B] of that time, or of the last there is."""
        return self.heights[min(t, len(self.heights) - 1)]

    @property
    def alt(self) -> str:
        """For an image: at most 300 characters."""
        times, bars = self.heights.shape
        last = self.heights[-1]
        when = f", the last of {times} time steps" if times > 1 else ""
        low, high = int(last.argmin()), int(last.argmax())
        return words.clip(
            [
                f"{self.title}: {plural(bars, 'bar')} of {self.y} by {self.x}{when}.",
                f"Highest {number(last[high])} at {self.labels[high]}, lowest "
                f"{number(last[low])} at {self.labels[low]}.",
            ]
        )

    @property
    def text(self) -> str:
        """Every bar."""
        lines = [self.alt]
        for t, heights in enumerate(self.heights):
            when = f"step {t}, " if len(self.heights) > 1 else ""
            for label, height, note in zip(
                self.labels, heights, self.notes, strict=True
            ):
                lines.append(f"{when}{label}: {number(height)} {note}".rstrip())
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class CurveView:
    """Curves `y[K, M]` over `x[M]`; `points` are marks (x, y, name) upon them."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    names: tuple[str, ...]
    meanings: tuple[str, ...]
    points: tuple[tuple[float, float, str], ...]
    title: str
    xlabel: str
    ylabel: str

    @classmethod
    def of(
        cls,
        x: ArrayLike,
        curves: Mapping[str, ArrayLike],
        *,
        title: str,
        xlabel: str,
        ylabel: str,
        meanings: Sequence[str] | None = None,
        points: Iterable[tuple[Real, Real, str]] = (),
    ) -> CurveView:
        """From x [M] and, by name, curves [M]; meanings are those of `style`."""
        x = arrays.array("x", x, "M")
        if not isinstance(curves, Mapping) or not curves:
            arrays.fail("curves", repr(curves), "a mapping from names to arrays [M]")
        found = []
        for name, values in curves.items():
            y = arrays.array(f"curves[{name!r}]", values, "M")
            if y.shape != x.shape:
                right = f"{x.shape}, the shape of x"
                arrays.fail(f"curves[{name!r}].shape", y.shape, right)
            found.append(y)
        meanings = ["membrane"] * len(found) if meanings is None else list(meanings)
        meanings = _named("meanings", meanings, len(found), "")
        for meaning in meanings:
            style.colour(meaning)
        points = tuple(
            (arrays.number("points", a), arrays.number("points", b), str(name))
            for a, b, name in points
        )
        labels = (title, xlabel, ylabel)
        return cls(
            _fixed(x), _fixed(np.array(found)), tuple(curves), meanings, points, *labels
        )

    @property
    def alt(self) -> str:
        """For an image: at most 300 characters."""
        ends = f"from {number(self.x.min())} to {number(self.x.max())}"
        sentences = [f"{self.title}: {self.ylabel} over {self.xlabel} {ends}."]
        for name, y in zip(self.names, self.y, strict=True):
            top = number(self.x[int(y.argmax())])
            sentences.append(
                f"{name}: {number(y.min())} to {number(y.max())}, highest at {top}."
            )
        sentences += [f"{n} at {number(a)}: {number(b)}." for a, b, n in self.points]
        return words.clip(sentences)

    @property
    def text(self) -> str:
        """A Markdown table of at most 40 rows, and the marks."""
        every = -(-len(self.x) // 40)
        lines = [self.alt, f"| {self.xlabel} | " + " | ".join(self.names) + " |"]
        lines.append("|---" * (1 + len(self.names)) + "|")
        for x, *ys in zip(self.x[::every], *self.y[:, ::every], strict=True):
            lines.append(f"| {number(x)} | " + " | ".join(map(number, ys)) + " |")
        return "\n".join(lines)

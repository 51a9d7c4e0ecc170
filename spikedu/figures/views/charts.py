"""Bars and curves: numbers that are not one neuron's course in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikedu.figures import arrays, style, words
from spikedu.figures.words import number, plural


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
        labels = arrays.named(
            "labels", [str(label) for label in labels], found.shape[1], ""
        )
        notes = [""] * found.shape[1] if notes is None else notes
        notes = arrays.named("notes", notes, found.shape[1], "")
        style.colour(meaning)
        levels = {k: arrays.number(k, v) for k, v in (levels or {}).items()}
        return cls(arrays.fixed(found), labels, title, x, y, meaning, levels, notes)

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
        meanings = arrays.named("meanings", meanings, len(found), "")
        for meaning in meanings:
            style.colour(meaning)
        points = tuple(
            (arrays.number("points", a), arrays.number("points", b), str(name))
            for a, b, name in points
        )
        labels = (title, xlabel, ylabel)
        return cls(
            arrays.fixed(x),
            arrays.fixed(np.array(found)),
            tuple(curves),
            meanings,
            points,
            *labels,
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
        sentences += [
            f"{n or 'Mark'} at {number(a)}: {number(b)}." for a, b, n in self.points
        ]
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

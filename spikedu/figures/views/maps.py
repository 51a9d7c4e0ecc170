"""Maps: spikes or numbers in rows and columns, several side by side, over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikedu.figures import arrays, words
from spikedu.figures.words import listed, number, plural

AXES = ("R C", "K R C", "T R C", "T K R C")
MOST_TEXT = 400  # lines; a map of a whole layer is not read out cell by cell


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
        names = arrays.named("names", names, tiles, "map")
        words_ = (title, rows, columns, unit)
        return cls(arrays.fixed(found), names, *words_, low, high, marked)

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

"""Two spike trains in one picture: who fires where the other does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikedu.figures import arrays, words
from spikedu.figures.views.activity import MOST_ROWS
from spikedu.figures.words import listed, plural


@dataclass(frozen=True, eq=False)
class DifferenceView:
    """Two rasters in one: `who[k]` of mark k is 0 (both), 1 or 2 (only that one)."""

    times: NDArray[np.int64]
    rows: NDArray[np.int64]
    who: NDArray[np.int64]
    neurons: int
    steps: int
    names: tuple[str, str]

    @classmethod
    def of(
        cls, first: ArrayLike, second: ArrayLike, names: tuple[str, str] = ("A", "B")
    ) -> DifferenceView:
        """From two spike trains [T, N] of at most 128 neurons."""
        a = arrays.spikes("first", first, "T N")
        b = arrays.spikes("second", second, "T N")
        if b.shape != a.shape:
            arrays.fail("second.shape", b.shape, f"{a.shape}, as first is")
        arrays.count("number of neurons", a.shape[1], 1, MOST_ROWS)
        if len(names) != 2:
            arrays.fail("names", names, "two names")
        rows, times = np.nonzero((a | b).T)
        who = np.where(a & b, 0, np.where(a, 1, 2))[times, rows]
        parts = (arrays.fixed(x) for x in (times, rows, who))
        return cls(*parts, neurons=a.shape[1], steps=len(a), names=tuple(names))

    @property
    def title(self) -> str:
        """What the marks are."""
        return f"who fires: {self.names[0]}, {self.names[1]}, or both"

    @property
    def counts(self) -> tuple[int, int, int]:
        """Spikes of both, of the first alone, of the second alone."""
        return tuple(int((self.who == k).sum()) for k in range(3))

    @property
    def alt(self) -> str:
        """For an image: at most 300 characters."""
        both, first, second = self.counts
        a, b = self.names
        sentences = [
            f"Difference raster of {plural(self.neurons, 'neuron')} over "
            f"{plural(self.steps, 'step')}: {plural(both, 'spike')} of both, "
            f"{first} of {a} alone, {second} of {b} alone."
        ]
        alone = self.times[self.who > 0]
        if len(alone):
            sentences.append(f"They first differ at step {int(alone.min())}.")
        else:
            sentences.append("They fire alike.")
        return words.clip(sentences)

    @property
    def text(self) -> str:
        """Every spike that only one of them has, a line for each neuron."""
        lines = [self.alt]
        for row in range(self.neurons):
            here = self.rows == row
            parts = [
                f"{name} alone fires at {listed(self.times[here & (self.who == k)])}"
                for k, name in enumerate(self.names, start=1)
                if (here & (self.who == k)).any()
            ]
            lines.append(f"neuron {row}: " + ("; ".join(parts) or "no difference"))
        return "\n".join(lines)

"""Spikes and membranes, step by step. Time counts from 0, as indices do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikedu.figures import arrays, style, words
from spikedu.figures.words import listed, number, plural

Order = Literal["index", "rate", "first"]
ORDERS = {
    "index": "in their own order",
    "rate": "most active first",
    "first": "earliest first spike first",
}
MOST_ROWS = 128  # a raster higher than that is grey
MOST_TRACES = 6


@dataclass(frozen=True, eq=False)
class RasterView:
    """One mark per spike: `times[k]` (steps) and `rows[k]`; row r is `neurons[r]`."""

    times: NDArray[np.int64]
    rows: NDArray[np.int64]
    neurons: NDArray[np.int64]
    counts: NDArray[np.int64]  # spikes of every neuron, drawn or not
    steps: int
    every: int
    order: Order
    meaning: str = "spike"
    marked: int | None = None  # a row that stands out
    name: str = ""

    @classmethod
    def of(
        cls,
        spikes: ArrayLike,
        order: Order = "index",
        most: int = MOST_ROWS,
        *,
        meaning: str = "spike",
        marked: int | None = None,
        name: str = "",
    ) -> RasterView:
        """From spikes [T, N], 0 or 1; `marked` is a row that stands out.

        `order` sorts the neurons: "index", "rate" or "first" (spike). Of more than
        `most` neurons only every k-th row is drawn, after sorting; the title says so.
        """
        found = arrays.spikes("spikes", spikes, "T N")
        arrays.choice("order", order, tuple(ORDERS))
        arrays.count("most", most, 1)
        steps, total = found.shape
        counts = found.sum(axis=0)
        first = np.where(counts > 0, found.argmax(axis=0), steps)
        keys = {"index": np.arange(total), "rate": -counts, "first": first}
        every = -(-total // most)
        neurons = np.argsort(keys[order], kind="stable")[::every]
        rows, times = np.nonzero(found[:, neurons].T)
        style.colour(meaning)
        if marked is not None:
            arrays.count("marked", marked, 0, len(neurons) - 1)
        parts = (arrays.fixed(x) for x in (times, rows, neurons, counts))
        more = {"meaning": meaning, "marked": marked, "name": name}
        return cls(*parts, steps=steps, every=every, order=order, **more)

    @property
    def rate(self) -> float:
        """Spikes per neuron per step, over all neurons."""
        return float(self.counts.sum() / (self.counts.size * self.steps))

    @property
    def title(self) -> str:
        """What the rows are."""
        total = self.counts.size
        which = plural(total, "neuron") if self.every == 1 else self._thinned
        which = f"{self.name}: {which}" if self.name else which
        return which + ("" if self.order == "index" else f", {ORDERS[self.order]}")

    @property
    def _thinned(self) -> str:
        nth = words.ordinal(self.every)
        return f"every {nth} of {plural(self.counts.size, 'neuron')}"

    @property
    def alt(self) -> str:
        """For an image: at most 300 characters."""
        total, busiest = self.counts.size, int(self.counts.argmax())
        silent = int((self.counts == 0).sum())
        sentences = [
            f"Spike raster of {f'{self.name}, ' * bool(self.name)}"
            f"{plural(total, 'neuron')} over "
            f"{plural(self.steps, 'step')}: {plural(int(self.counts.sum()), 'spike')}, "
            f"{number(self.rate)} per neuron per step."
        ]
        if self.counts.any():
            most = plural(int(self.counts.max()), "time")
            alike = self.counts.min() == self.counts.max()
            who = "Each neuron fires" if alike else f"Neuron {busiest} fires most,"
            sentences.append(f"{who} {most}.")
            never = f"{plural(silent, 'neuron')} never fired."
            sentences.append(never if silent else "Every neuron fired.")
        if self.every > 1:
            sentences.append(f"Drawn: {self._thinned}.")
        return words.clip(sentences)

    @property
    def text(self) -> str:
        """Every spike that is drawn, a line for each row."""
        lines = [self.alt]
        for row, neuron in enumerate(self.neurons):
            when = listed(self.times[self.rows == row])
            lines.append(
                f"neuron {neuron} " + (f"fires at {when}" if when else "never fires")
            )
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class MembraneView:
    """Traces `membrane[T, K]` with a threshold, and where they spiked.

    A spike mark sits at `(spike_times[k][j], spike_heights[k][j])`, on its own trace.
    """

    membrane: NDArray[np.float64]
    threshold: float
    spike_times: tuple[NDArray[np.int64], ...]
    spike_heights: tuple[NDArray[np.float64], ...]
    current: NDArray[np.float64] | None
    names: tuple[str, ...]

    @classmethod
    def of(
        cls,
        membrane: ArrayLike,
        threshold: Real = 1.0,
        spikes: ArrayLike | None = None,
        current: ArrayLike | None = None,
        names: Sequence[str] | None = None,
    ) -> MembraneView:
        """From a membrane [T] or [T, K] of K neurons, at most 6 of them.

        `spikes` has the same shape; `current` too, or is [T], one input for all.
        """
        u = _columns("membrane", arrays.array("membrane", membrane, "T | T N"))
        threshold = arrays.number("threshold", threshold)
        steps, traces = u.shape
        if traces > MOST_TRACES:
            right = f"at most {MOST_TRACES}: pick some, as in membrane[:, :3]"
            arrays.fail("number of traces", traces, right)
        s = np.zeros(u.shape, dtype=bool)
        if spikes is not None:
            s = _columns("spikes", arrays.spikes("spikes", spikes, "T | T N"))
            _same_shape("spikes", s.shape, u.shape)
        if current is not None:
            current = _columns("current", arrays.array("current", current, "T | T N"))
            _same_shape("current", current.shape, (steps, current.shape[1]))
            if current.shape[1] != 1:
                _same_shape("current", current.shape, u.shape)
            current = arrays.fixed(current)
        names = [f"neuron {k}" for k in range(traces)] if names is None else list(names)
        if len(names) != traces:
            arrays.fail("names", names, f"{traces} names, one for each trace")
        times = tuple(arrays.fixed(np.flatnonzero(s[:, k])) for k in range(traces))
        heights = tuple(arrays.fixed(u[t, k]) for k, t in enumerate(times))
        return cls(arrays.fixed(u), threshold, times, heights, current, tuple(names))

    @property
    def steps(self) -> int:
        """T."""
        return len(self.membrane)

    @property
    def title(self) -> str:
        """Whose membrane it is."""
        return "membrane potential of " + listed(self.names)

    @property
    def alt(self) -> str:
        """For an image: at most 300 characters."""
        first = (
            f"Membrane potential over {plural(self.steps, 'step')}, "
            f"threshold {number(self.threshold)}."
        )
        each = []
        for name, u, times in zip(
            self.names, self.membrane.T, self.spike_times, strict=True
        ):
            low, high = number(u.min()), number(u.max())
            fires = "never fires"
            if len(times):
                often = plural(len(times), "time")
                fires = f"fires {often}, first at step {times[0]}"
            who = words.short(name)
            each.append(words.sentence(f"{who}: from {low} to {high}, {fires}"))
        return words.clip([first, *each])

    @property
    def text(self) -> str:
        """Every spike of every trace, and where each trace ends."""
        lines = [self.alt]
        for name, u, times in zip(
            self.names, self.membrane.T, self.spike_times, strict=True
        ):
            fires = f"fires at {listed(times)}" if len(times) else "never fires"
            lines.append(f"{name} {fires}; at the last step it is at {number(u[-1])}")
        if self.current is not None:
            low, high = number(self.current.min()), number(self.current.max())
            lines.append(f"input current from {low} to {high}")
        return "\n".join(lines)


def _columns(name: str, array: NDArray) -> NDArray:
    return array[:, None] if array.ndim == 1 else array


def _same_shape(name: str, shape: tuple, right: tuple) -> None:
    if shape != right:
        arrays.fail(f"{name}.shape", shape, f"{right}, as the membrane is")

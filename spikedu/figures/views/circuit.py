"""The neuron of Eq. (1) as an electric circuit: what flows where, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikedu.figures import arrays, words
from spikedu.figures.words import number, plural

KEPT, INPUT, RESET = range(3)  # b U[t], W X[t+1], S[t] U_th: the terms of Eq. (1)


@dataclass(frozen=True, eq=False)
class CircuitView:
    """A source charges a capacitor to `membrane`, a resistor discharges it.

    All [T]: `current` W X in; `kept` b U and `leak` (1 - b) U of the step before;
    `reset` S U_th taken out through a switch; `spikes`. `cause[t]` is the term
    that decided step t, one of KEPT, INPUT, RESET, or -1.
    """

    current: NDArray[np.float64]
    kept: NDArray[np.float64]
    leak: NDArray[np.float64]
    reset: NDArray[np.float64]
    membrane: NDArray[np.float64]
    spikes: NDArray[np.bool_]
    cause: NDArray[np.int64]
    threshold: float

    @classmethod
    def of(
        cls,
        membrane: ArrayLike,
        spikes: ArrayLike,
        current: ArrayLike,
        *,
        beta: Real,
        threshold: Real,
        cause: ArrayLike | None = None,
    ) -> CircuitView:
        """From one neuron of Eq. (1), all [T], that started from rest."""
        u = arrays.array("membrane", membrane, "T")
        s = arrays.spikes("spikes", spikes, "T")
        i = arrays.array("current", current, "T")
        beta = arrays.number("beta", beta, 0, 1)
        threshold = arrays.number("threshold", threshold)
        cause = np.full(len(u), -1) if cause is None else np.array(cause, np.int64)
        for name, found in (("spikes", s), ("current", i), ("cause", cause)):
            if found.shape != u.shape:
                arrays.fail(f"{name}.shape", found.shape, f"{u.shape}, as the membrane")
        before = np.concatenate([[0.0], u[:-1]])
        reset = np.concatenate([[0.0], threshold * s[:-1]])
        flows = (i, beta * before, (1 - beta) * before, reset)
        return cls(*flows, u, s, cause, threshold)

    @property
    def most(self) -> float:
        """The largest flow at any step: the widest arrow."""
        flows = np.abs([self.current, self.leak, self.reset])
        return float(max(flows.max(), 1e-9))

    @property
    def span(self) -> tuple[float, float]:
        """The ends of the capacitor's scale: all of the membrane, 0, the threshold."""
        low = min(float(self.membrane.min()), 0.0)
        return low, 1.08 * max(float(self.membrane.max()), self.threshold, low + 1e-9)

    @property
    def title(self) -> str:
        """What is drawn."""
        return "the neuron as a circuit"

    @property
    def alt(self) -> str:
        """For an image: at most 300 characters."""
        spikes = plural(int(self.spikes.sum()), "spike")
        low, high = number(self.current.min()), number(self.current.max())
        return words.clip(
            [
                f"Circuit of a source, a leak, a capacitor and a reset switch over "
                f"{plural(len(self.membrane), 'step')}: input from {low} to {high}, "
                f"{spikes} over the threshold {number(self.threshold)}."
            ]
        )

    @property
    def text(self) -> str:
        """What flows at every step."""
        lines = [self.alt]
        for t, u in enumerate(self.membrane):
            flows = (
                f"{number(self.current[t])} in, {number(self.leak[t])} leaks, "
                f"{number(self.reset[t])} reset"
            )
            spike = ", spike" if self.spikes[t] else ""
            lines.append(f"step {t}: {flows}, membrane {number(u)}{spike}")
        return "\n".join(lines)

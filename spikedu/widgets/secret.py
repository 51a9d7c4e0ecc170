"""The secret neuron: design stimuli, read the electrode, guess b, W and U_th."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikedu.scenes import secret
from spikedu.widgets.base import Explorer
from spikedu.widgets.controls import Choice, Slider

GUESS = secret.Neuron._fields


class SecretNeuron(Explorer):
    """Sliders over `scenes.secret.secret_neuron`; `reveal()` ends the search."""

    CONTROLS = (
        Choice("stimulus", "stimulus", secret.STIMULI),
        Slider("amplitude", "amplitude", *secret.BOX["amplitude"], step=0.1),
        Slider("width", "length, gap, start, rise", *secret.BOX["width"], step=1),
        Choice("electrode", "electrode sees", secret.ELECTRODES),
        Slider("beta", "guess of decay b", *secret.BOX["beta"], step=secret.GRID),
        Slider("weight", "guess of weight W", *secret.BOX["weight"], step=secret.GRID),
        Slider(
            "threshold", "guess of U_th", *secret.BOX["threshold"], step=secret.GRID
        ),
    )
    PRESETS: Mapping[str, Mapping[str, Any]] = {
        "weak pulse: how high, how fast down": {"amplitude": 0.3, "width": 1},
        "strong pulse: what a spike costs": {"amplitude": 3.0},
        "two pulses: what is left of the first": {
            "stimulus": secret.TWO,
            "amplitude": 0.3,
        },
        "spikes only: what cannot be told": {"electrode": secret.SPIKES},
    }
    UNTOUCHED = GUESS
    scene = staticmethod(secret.secret_neuron)

    def __init__(self, given: Mapping[str, Any] | None = None, **start: Any):
        # In a page without a kernel three values of each guess: the first, one below
        # it, and the secret, so that it can be found there too.
        seed = (given or {}).get("seed", 0)
        found, self.STATES = secret.hidden(seed), {"amplitude": (0.3, 1.0)}
        rng = np.random.default_rng([seed, 1])
        for name, value, first in zip(GUESS, found, secret.FIRST, strict=True):
            low, high = secret.DRAWN[name][0], round(first / secret.GRID)
            other = round(int(rng.integers(low, high)) * secret.GRID, 2)
            self.STATES[name] = (value, other)
        super().__init__(given, **start)

    def reveal(self) -> secret.Neuron:
        """The secret; the guess moves there."""
        found = secret.hidden(self._given["seed"])
        self.values = found._asdict()
        return found

    def check(self) -> secret.GuessError:
        """How far the guess is off over many stimuli, for this electrode."""
        guess = {name: self.values[name] for name in GUESS}
        seed, electrode = self._given["seed"], self.values["electrode"]
        return secret.check(**guess, seed=seed, electrode=electrode)


def secret_neuron(seed: int = 0, **start: Any) -> SecretNeuron:
    """A neuron whose b, W and U_th are hidden; another `seed`, another neuron.

    `w.view.error` is the guess's error under this stimulus, `w.check()` under many,
    `w.reveal()` the secret. Names and reaches: `scenes.secret.BOX`, and `stimulus`
    and `electrode`, of `STIMULI` and `ELECTRODES`. Raises `ValueError` outside.
    """
    return SecretNeuron({"seed": seed}, **start)

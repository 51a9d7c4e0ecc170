"""The surrogate shaper: a pretended derivative, and whom it can teach to fire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikedu.scenes import surrogate
from spikedu.scenes.surrogate import FAST, SIGMOID, STRAIGHT, SURROGATES, TRIANGULAR
from spikedu.widgets.base import Explorer
from spikedu.widgets.controls import Choice, Slider


class SurrogateShaper(Explorer):
    """Sliders over `scenes.surrogate.surrogate_shaper`; see `Explorer` for the rest."""

    CONTROLS = (
        Choice("surrogate", "surrogate", SURROGATES),
        Slider("slope", "slope k (atan: alpha)", *surrogate.BOX["slope"]),
        Slider("membrane", "membrane potential U", *surrogate.BOX["membrane"]),
        Slider("current", "input current i", *surrogate.BOX["current"]),
        Slider("beta", "decay b (beta)", *surrogate.BOX["beta"]),
    )
    PRESETS: Mapping[str, Mapping[str, Any]] = {
        "atan: silent, then rescued": {},
        "sigmoid, slope 25: dead": {"surrogate": SIGMOID, "slope": 25.0},
        "sigmoid, slope 2: rescued": {"surrogate": SIGMOID},
        "fast sigmoid, slope 25: slow": {"surrogate": FAST, "slope": 25.0},
        "0 in float32": {"surrogate": SIGMOID, "slope": 25.0, "current": -4.0},
        "straight through: 1 everywhere": {"surrogate": STRAIGHT},
        "triangular: a busy neuron is pushed down": {
            "surrogate": TRIANGULAR,
            "current": 1.3,
        },
    }
    STATES: Mapping[str, tuple[Any, ...]] = {
        "surrogate": SURROGATES,
        "slope": (2.0, 25.0),
    }
    scene = staticmethod(surrogate.surrogate_shaper)


def surrogate_shaper(**start: Any) -> SurrogateShaper:
    """The surrogate shaper: `surrogate_shaper(surrogate="sigmoid", slope=25)`.

    Names and reaches: `scenes.surrogate.BOX`, and `surrogate`, one of `SURROGATES`.
    `view` holds the trace, its gradient and the rescue. Raises `ValueError` for a value
    outside.
    """
    return SurrogateShaper(**start)

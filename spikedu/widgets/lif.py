"""The LIF explorer: one neuron's decay, threshold, input, reset rule and noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikedu.scenes import neuron
from spikedu.widgets.base import Explorer
from spikedu.widgets.canvas import Canvas, module
from spikedu.widgets.controls import Choice, Slider


class LifCanvas(Canvas):
    """Input current, membrane and raster, simulated and painted in the page."""

    _esm = module("neuron.js", "lif.js")


class LifExplorer(Explorer):
    """Sliders over `scenes.neuron.lif_explorer`; see `Explorer` for what it can do."""

    CONTROLS = (
        Slider("beta", "decay b (beta)", *neuron.BOX["beta"]),
        Slider("threshold", "threshold U_th", *neuron.BOX["threshold"]),
        Slider("current", "input current i", *neuron.BOX["current"]),
        Choice("reset", "reset rule", neuron.RESETS),
        Slider("noise", "noise on the input", *neuron.BOX["noise"]),
        Slider("seed", "seed of the noise", *neuron.BOX["seed"], step=1),
    )
    # Each is whole: what it does not name has the scene's default.
    PRESETS: Mapping[str, Mapping[str, Any]] = {
        "Eq. (1), regular": {"current": 0.4},
        "below rheobase: silent": {"current": 0.19},
        "released neuron, same input: silent": {
            "current": 0.4,
            "reset": neuron.TO_ZERO,
        },
        "noisy": {"current": 0.19, "noise": 0.15, "seed": 1},
    }
    CANVAS = LifCanvas
    PAGE = True
    scene = staticmethod(neuron.lif_explorer)


def lif_explorer(
    *, steps: int = neuron.STEPS, neurons: int = neuron.NEURONS, **start: Any
) -> LifExplorer:
    """The LIF explorer, from those values on: `lif_explorer(beta=0.9, current=0.2)`.

    Names and reaches: `scenes.neuron.BOX`, and `reset`, one of `RESETS`. `values`,
    `view` and `as_code()` say what is shown; `preset(name)` and `reset()` move it.
    Raises `ValueError` for a value outside.
    """
    return LifExplorer({"steps": steps, "neurons": neurons}, **start)

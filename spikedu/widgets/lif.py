"""The LIF explorer: one neuron's decay, threshold, input, reset rule and noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from spikedu.figures import static
from spikedu.scenes import neuron
from spikedu.widgets.base import STATIC, Canvas, Choice, Explorer, Slider, module


class LifCanvas(Canvas):
    """Input current, membrane and raster, simulated and painted in the page."""

    _esm = module("neuron.js", "canvas.js", "lif_paint.js", "shell.js", "lif.js")
    _css = (STATIC / "explorer.css").read_text("utf-8")

    beta = traitlets.Float().tag(sync=True)
    threshold = traitlets.Float().tag(sync=True)
    current = traitlets.Float().tag(sync=True)
    reset = traitlets.Int().tag(sync=True)
    noise = traitlets.Float().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)


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
    REVIVED_BY = "data-spikedu-lif"
    scene = staticmethod(neuron.lif_explorer)

    @staticmethod
    def poster(view: neuron.LifExplorerView) -> str:
        """Input current and membrane as a still picture, the alt text of all."""
        picture = static.membrane(view.membrane)
        return static.Picture(picture.figure, view.alt)._repr_html_()


def lif_explorer(**start: Any) -> LifExplorer:
    """The LIF explorer, from those values on: `lif_explorer(beta=0.9, current=0.2)`.

    Names and reaches: `scenes.neuron.BOX`, and `reset`, one of `RESETS`. `values`,
    `view` and `as_code()` say what is shown; `preset(name)` and `reset()` move it.
    Raises `ValueError` for a value outside.
    """
    return LifExplorer(**start)

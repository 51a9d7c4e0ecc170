"""The switchboard: two neuron rules, one stimulus, and where they part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikedu.scenes import switchboard as scene
from spikedu.widgets.base import Explorer
from spikedu.widgets.controls import Choice, Slider


class Switchboard(Explorer):
    """Sliders over `scenes.switchboard.switchboard`."""

    CONTROLS = (
        Choice("first", "first rule", scene.RULES),
        Choice("second", "second rule", scene.RULES),
        Choice("stimulus", "stimulus", scene.STIMULI),
        Slider("beta", "decay b (beta)", *scene.BOX["beta"]),
        Slider("threshold", "threshold U_th", *scene.BOX["threshold"]),
        Slider("amplitude", "amplitude", *scene.BOX["amplitude"]),
    )
    PRESETS: Mapping[str, Mapping[str, Any]] = {
        "reset: one step later or at once": {},
        "> and >=: alike under a constant": {"second": scene.REACHES},
        "> and >=: an impulse on the threshold parts them": {
            "second": scene.REACHES,
            "stimulus": scene.IMPULSE,
        },
        "b on the reset, or reset at once: spikes cannot tell": {
            "first": scene.SCALED,
        },
        "released network: silent where Eq. (1) fires": {"second": scene.RELEASED},
        "no reset never stops": {"second": scene.NONE},
    }
    STATES = {
        "first": (scene.LATER, scene.SCALED),
        "second": (
            scene.SAME_STEP,
            scene.RELEASED,
            scene.REACHES,
            scene.NONE,
        ),
        "stimulus": (scene.CONSTANT, scene.IMPULSE),
    }
    scene = staticmethod(scene.switchboard)


def switchboard(**start: Any) -> Switchboard:
    """The switchboard, from those values on: `switchboard(second="no reset")`.

    Names and reaches: `scenes.switchboard.BOX`; `first` and `second` of `RULES`,
    `stimulus` of `STIMULI`. Raises `ValueError` for a value outside.
    """
    return Switchboard(**start)

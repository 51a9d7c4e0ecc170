"""The four faces of Eq. (1): equation, circuit, code and trace move together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikedu.scenes import faces
from spikedu.widgets.base import Explorer
from spikedu.widgets.canvas import KERNEL, Canvas, module
from spikedu.widgets.controls import Choice, Slider


class FacesCanvas(Canvas):
    """The shared panels, and the circuit."""

    _esm = module("circuit.js") + KERNEL


class FourFaces(Explorer):
    """Sliders over `scenes.faces.four_faces`; point at a spike to see its cause."""

    CONTROLS = (
        Slider("beta", "decay b (beta)", *faces.BOX["beta"]),
        Slider("threshold", "threshold U_th", *faces.BOX["threshold"]),
        Slider("weight", "input weight W", *faces.BOX["weight"]),
        Choice("drive", "input X", faces.DRIVES),
    )
    PRESETS: Mapping[str, Mapping[str, Any]] = {
        "three pulses add up to a spike": {},
        "fast leak: pulses do not add up": {"beta": 0.5},
        "constant input: the leftover decides": {"drive": faces.CONSTANT},
        "no leak: pulses 6 steps apart add up too": {"beta": 1.0},
        "a spike follows a spike": {"weight": 1.5, "drive": faces.CONSTANT},
    }
    STATES = {
        "beta": (0.5, 0.8, 1.0),
        "threshold": (1.0,),
        "weight": (0.3, 0.5),
        "drive": (faces.CONSTANT, faces.PULSES),
    }
    CANVAS = FacesCanvas
    scene = staticmethod(faces.four_faces)


def four_faces(**start: Any) -> FourFaces:
    """The four faces, from those values on: `four_faces(beta=0.9, drive="ramp")`.

    Names and reaches: `scenes.faces.BOX`, and `drive`, one of `DRIVES`. Raises
    `ValueError` for a value outside.
    """
    return FourFaces(**start)

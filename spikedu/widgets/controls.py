"""The controls of a widget: sliders and lists, each an ipywidget and a native one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import ipywidgets
import traitlets

from spikedu.figures import arrays

WIDE = {"description_width": "150px"}


def _quiet(
    kind: type[ipywidgets.Widget], trait: traitlets.TraitType, name: str
) -> type:
    # Each value that the page sends comes back as an echo, for other views of the same
    # widget; a slider has no other view, and half of its bytes are that echo.
    return type(kind.__name__, (kind,), {name: trait.tag(sync=True, echo_update=False)})


IntSlider = _quiet(ipywidgets.IntSlider, traitlets.CInt(0), "value")
FloatSlider = _quiet(ipywidgets.FloatSlider, traitlets.CFloat(0.0), "value")


@dataclass(frozen=True)
class Slider:
    """A number from `low` to `high`, a multiple of `step`: 1, or 0.01."""

    name: str
    label: str
    low: Real
    high: Real
    step: Real = 0.01

    def tidy(self, value: Any) -> Real:
        """The multiple of the step next to `value`: a drag brings 0.30000000000000004.

        Raises `ValueError` for what is no number within the slider's reach.
        """
        if self.step == 1:
            return arrays.count(self.name, value, self.low, self.high)
        value = arrays.number(self.name, value, self.low, self.high)
        return math.floor(value * 100 + 0.5) / 100

    def to_page(self, value: Real) -> Real:
        return value

    def from_page(self, value: Real) -> Real:
        return value

    def control(self, value: Real) -> ipywidgets.Widget:
        kind = IntSlider if self.step == 1 else FloatSlider
        box = {"min": self.low, "max": self.high, "step": self.step}
        wide = ipywidgets.Layout(width="560px", max_width="100%")
        return kind(value, description=self.label, style=WIDE, layout=wide, **box)

    def trait(self) -> traitlets.TraitType:
        """What holds the value on the canvas."""
        kind = traitlets.Int if self.step == 1 else traitlets.Float
        return kind().tag(sync=True, echo_update=False)

    linked = "value"

    def spec(self) -> dict[str, Any]:
        """For the native control of a page without a kernel."""
        box = {"min": self.low, "max": self.high, "step": self.step}
        return {"name": self.name, "label": self.label, **box}


@dataclass(frozen=True)
class Choice:
    """One of `options`; the page knows it as an index."""

    name: str
    label: str
    options: tuple[str, ...]

    def tidy(self, value: Any) -> str:
        """`value` itself, where it is an option; else `ValueError`."""
        return arrays.choice(self.name, value, self.options)

    def to_page(self, value: str) -> int:
        return self.options.index(value)

    def from_page(self, value: int) -> str:
        return self.options[value]

    def control(self, value: str) -> ipywidgets.Widget:
        wide = ipywidgets.Layout(width="440px", max_width="100%")
        given = {"options": self.options, "value": value, "layout": wide}
        return ipywidgets.Dropdown(description=self.label, style=WIDE, **given)

    def trait(self) -> traitlets.TraitType:
        """What holds the value on the canvas."""
        return traitlets.Int().tag(sync=True, echo_update=False)

    linked = "index"

    def spec(self) -> dict[str, Any]:
        """For the native control of a page without a kernel."""
        return {"name": self.name, "label": self.label, "options": list(self.options)}


Control = Slider | Choice

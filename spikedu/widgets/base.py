"""What a widget is: named controls, a pure scene of their values, and a canvas.

The controls are ipywidgets, joined to the canvas in the browser (`jslink`), and the
canvas computes and paints in the page: no movement of a slider waits for the kernel.
Python hears of the values 300 ms after the last change, in one message. Its own view
comes from the scene, which is the truth; the page's copy of it is tested against it.
"""

from __future__ import annotations

import html
import inspect
import json
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

from spikedu.figures import arrays

STATIC = Path(__file__).parent / "static"
WIDE = {"description_width": "150px"}


def module(*names: str) -> str:
    """One ES module from files of `static/`, each after those that it imports.

    A widget's module reaches the page as text, where a relative import finds nothing;
    so the import lines go, and all names live in one scope.
    """
    parts = [(STATIC / name).read_text("utf-8") for name in names]
    return re.sub(r'^import .*? from "\./\w+\.js";\n', "", "\n".join(parts), flags=re.M)


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

    def control(self, value: Real) -> ipywidgets.Widget:
        kind = ipywidgets.IntSlider if self.step == 1 else ipywidgets.FloatSlider
        box = {"min": self.low, "max": self.high, "step": self.step}
        wide = ipywidgets.Layout(width="560px", max_width="100%")
        return kind(value, description=self.label, style=WIDE, layout=wide, **box)

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

    def control(self, value: str) -> ipywidgets.Widget:
        wide = ipywidgets.Layout(width="440px", max_width="100%")
        given = {"options": self.options, "value": value, "layout": wide}
        return ipywidgets.Dropdown(description=self.label, style=WIDE, **given)

    linked = "index"

    def spec(self) -> dict[str, Any]:
        """For the native control of a page without a kernel."""
        return {"name": self.name, "label": self.label, "options": list(self.options)}


class Canvas(anywidget.AnyWidget):
    """The page's side: state that is painted, and what the page tells."""

    controls = traitlets.List().tag(sync=True)
    presets = traitlets.Dict().tag(sync=True)
    start = traitlets.Dict().tag(sync=True)
    native = traitlets.Bool(False).tag(sync=True)
    # Counts changes made in Python, so that what the page told before one is ignored.
    edition = traitlets.Int(0).tag(sync=True)
    told = traitlets.Dict().tag(sync=True)


class Explorer(ipywidgets.VBox):
    """Base of the widgets. `values`, `view` and `as_code()` say what it shows.

    A subclass gives CONTROLS, PRESETS, CANVAS (a `Canvas` with `_esm`, and one trait
    per control), a pure `scene(**values)` with `alt` and `code`, and a `poster(view)`.
    """

    CONTROLS: tuple[Slider | Choice, ...] = ()
    PRESETS: Mapping[str, Mapping[str, Any]] = {}
    CANVAS: type[Canvas] = Canvas
    REVIVED_BY = ""  # the data attribute by which the module finds its posters

    def __init__(self, **start: Any):
        self._by_name = {control.name: control for control in self.CONTROLS}
        self._start = self._checked(start)
        self._view, self._heard = None, []
        self._message = ipywidgets.HTML(layout=ipywidgets.Layout(display="none"))
        self.controls = {c.name: c.control(self._start[c.name]) for c in self.CONTROLS}
        self.canvas = self.CANVAS(**self._state(self._start))
        self._links = [
            ipywidgets.jslink((self.controls[c.name], c.linked), (self.canvas, c.name))
            for c in self.CONTROLS
        ]
        self._notified = self._start
        self.canvas.observe(self._hear, "told")
        super().__init__([*self.controls.values(), self.canvas, self._message])
        self.add_class("spikedu-explorer")

    @staticmethod
    def scene(**values: Any) -> Any:
        """From values to a view, without side effects."""
        raise NotImplementedError

    @staticmethod
    def poster(view: Any) -> str:
        """An HTML image with alt text."""
        raise NotImplementedError

    # ------------------------------------------------------------ state as data
    @property
    def values(self) -> dict[str, Any]:
        """What the controls say. Set it, or some of it, to move them."""
        return {n: self._by_name[n].tidy(c.value) for n, c in self.controls.items()}

    @values.setter
    def values(self, new: Mapping[str, Any]) -> None:
        self._move(self._checked(new, self.values))
        self._notify()

    @property
    def view(self) -> Any:
        """The scene at these values."""
        values = self.values
        if self._view is None or self._view[0] != values:
            self._view = values, self.scene(**values)
        return self._view[1]

    def as_code(self) -> str:
        """Python that runs as it stands and computes what is shown."""
        return self.view.code

    def preset(self, name: str) -> None:
        """Moves the controls to a preset, as its button does."""
        arrays.choice("preset", name, tuple(self.PRESETS))
        self.values = {**self.defaults(), **self.PRESETS[name]}

    def reset(self) -> None:
        """Moves the controls to where they started."""
        self.values = self._start

    def on_change(self, call: Callable[[Any], None]) -> None:
        """Calls `call(view)` after each change, once the controls are at rest.

        What it raises is shown in the widget, in words.
        """
        self._heard.append(call)

    def _checked(self, new: Mapping[str, Any], base: Mapping | None = None) -> dict:
        known = ", ".join(self._by_name)
        for name in new:
            if name not in self._by_name:
                raise ValueError(f"values has {name!r}: must name some of {known}")
        merged = {**(self.defaults() if base is None else base), **new}
        return {name: c.tidy(merged[name]) for name, c in self._by_name.items()}

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The scene's own defaults."""
        given = inspect.signature(cls.scene).parameters
        return {name: parameter.default for name, parameter in given.items()}

    # ------------------------------------------------------------ page and kernel
    def _move(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            self.controls[name].value = value
        # In one message, with the edition: the page never paints half of a change.
        with self.canvas.hold_sync():
            for name, value in self._to_page(values).items():
                setattr(self.canvas, name, value)
            self.canvas.edition += 1

    def _hear(self, change: Any) -> None:
        told = change["new"]
        if told.get("edition") != self.canvas.edition:
            return
        self._try(self._take, told)

    def _take(self, told: Mapping[str, Any]) -> None:
        values = {}
        for name, control in self._by_name.items():
            index = isinstance(control, Choice)
            values[name] = control.options[told[name]] if index else told[name]
        # The slider's own message may still be under way: the told value is the last.
        for name, value in self._checked(values).items():
            if self.controls[name].value != value:
                self.controls[name].value = value
        self._notify()

    def _notify(self) -> None:
        if self.values == self._notified:
            return
        self._notified = self.values
        self._message.layout.display = "none"
        for call in self._heard:
            self._try(call, self.view)

    def _try(self, call: Callable[[Any], None], argument: Any) -> None:
        # JupyterLab drops what a callback raises: the learner would see nothing happen.
        try:
            call(argument)
        except Exception as error:
            name = getattr(call, "__name__", "a callback")
            words = f"{name} stopped: {type(error).__name__}: {error}"
            alert = 'class="spikedu-error" role="alert"'
            self._message.value = f"<p {alert}>{html.escape(words)}</p>"
            self._message.layout.display = ""
            if "PYTEST_CURRENT_TEST" in os.environ:
                raise

    def _to_page(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._by_name[name].to_page(v) for name, v in values.items()}

    def _state(self, values: Mapping[str, Any]) -> dict[str, Any]:
        presets = {
            name: self._to_page(self._checked(preset))
            for name, preset in self.PRESETS.items()
        }
        return {
            **self._to_page(values),
            "start": self._to_page(self._start),
            "presets": presets,
            "controls": [control.spec() for control in self.CONTROLS],
        }

    # ------------------------------------------------------------ without a kernel
    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.view.alt}"

    def to_html(self) -> str:
        """A poster that the module inside turns into the live widget, without kernel.

        The same text for the same values; it asks nothing of any other machine.
        """
        state = html.escape(json.dumps(self._state(self.values)))
        style, code = self.CANVAS._css, self.CANVAS._esm
        return (
            f"<style>{style}</style>\n"
            f'<div {self.REVIVED_BY}="{state}">{self.poster(self.view)}</div>\n'
            f'<script type="module">\n{code}\nrevive();\n</script>'
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        found = dict(super()._repr_mimebundle_(**kwargs) or {})
        return {**found, "text/plain": repr(self), "text/html": self.to_html()}

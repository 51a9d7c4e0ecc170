"""What a widget is: named controls, a pure scene of their values, and a canvas.

The controls are ipywidgets, heard by the canvas within the browser. A scene is
computed in the kernel, of the newest values only, and sent as one frame; or, where the
module imitates it (`PAGE`), in the page at every movement. Either way Python is the
truth: `values`, `view` and `as_code()` say what is shown.
"""

from __future__ import annotations

import base64
import html
import inspect
import itertools
import json
import os
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets

from spikedu.figures import arrays, canvas, static
from spikedu.figures.views import Screen
from spikedu.widgets.canvas import Canvas, canvas_class
from spikedu.widgets.controls import Choice, Control


class Explorer(ipywidgets.VBox):
    """Base of the widgets: a scene, its controls, and a canvas between them.

    A subclass gives CONTROLS, PRESETS, a pure `scene(**values) -> Screen`, and either
    PAGE (its module computes the scene) or STATES, the values of some controls of which
    a page without a kernel holds every combination. `given` goes to the scene as it is.
    """

    CONTROLS: tuple[Control, ...] = ()
    PRESETS: Mapping[str, Mapping[str, Any]] = {}
    STATES: Mapping[str, tuple[Any, ...]] = {}
    UNTOUCHED: tuple[str, ...] = ()  # controls that a preset leaves where they are
    CANVAS: type[Canvas] = Canvas
    PAGE = False

    def __init__(self, given: Mapping[str, Any] | None = None, **start: Any):
        self._given = dict(given or {})
        self._by_name = {control.name: control for control in self.CONTROLS}
        self._start = self._checked(start)
        self._view, self._heard, self._number = None, [], 0
        self._moving = False
        self._message = ipywidgets.HTML(layout=ipywidgets.Layout(display="none"))
        self.controls = {c.name: c.control(self._start[c.name]) for c in self.CONTROLS}
        made = canvas_class(self.CANVAS, tuple(self.CONTROLS))
        self.canvas = made(**self._state(self._start))
        self.canvas.me = self.canvas.model_id
        self.canvas.sources = {
            c.name: [self.controls[c.name].model_id, c.linked] for c in self.CONTROLS
        }
        self._notified = self._start
        if not self.PAGE:
            self._try(self._compute)
            for control in self.controls.values():
                control.observe(self._moved, "value")
        self.canvas.observe(self._hear, "told")
        super().__init__([*self.controls.values(), self.canvas, self._message])
        self.add_class("spikedu-explorer")

    @staticmethod
    def scene(**values: Any) -> Screen:
        """From values to a screen, without side effects."""
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
            self._view = values, self.scene(**self._given, **values)
        return self._view[1]

    @property
    def cursor(self) -> dict[str, int]:
        """{"t": step, "n": neuron} under the pointer or the keys, else {}."""
        return dict(self.canvas.cursor)

    @cursor.setter
    def cursor(self, to: Mapping[str, int]) -> None:
        steps = self.view.steps
        found = {k: arrays.count(f"cursor[{k!r}]", v) for k, v in to.items()}
        if found and (set(found) - {"t", "n"} or "t" not in found):
            arrays.fail("cursor", dict(to), '{"t": step, "n": neuron}, or {}')
        if found:
            arrays.count("cursor['t']", found["t"], 0, max(steps - 1, 0))
        self.canvas.cursor = found

    def as_code(self) -> str:
        """Python that runs as it stands and computes what is shown."""
        return self.view.code

    def preset(self, name: str) -> None:
        """Moves the controls to a preset, as its button does."""
        arrays.choice("preset", name, tuple(self.PRESETS))
        self.values = self._preset(name)

    def _preset(self, name: str) -> dict[str, Any]:
        found = {**self.defaults(), **self.PRESETS[name]}
        return {n: v for n, v in found.items() if n not in self.UNTOUCHED}

    def reset(self) -> None:
        """Moves the controls to where they started."""
        self.values = self._start

    def on_change(self, call: Callable[[Any], None]) -> None:
        """Calls `call(view)` after each change, once the controls are at rest.

        What it raises is shown in the widget, in words.
        """
        self._heard.append(call)
        self.canvas.heard = True

    def _checked(self, new: Mapping[str, Any], base: Mapping | None = None) -> dict:
        known = ", ".join(self._by_name)
        for name in new:
            if name not in self._by_name:
                raise ValueError(f"values has {name!r}: must name some of {known}")
        merged = {**(self.defaults() if base is None else base), **new}
        return {name: c.tidy(merged[name]) for name, c in self._by_name.items()}

    def defaults(self) -> dict[str, Any]:
        """The scene's own defaults."""
        found = inspect.signature(self.scene).parameters
        return {name: found[name].default for name in self._by_name}

    # ------------------------------------------------------------ page and kernel
    def _move(self, values: Mapping[str, Any]) -> None:
        self._moving = True
        for name, value in values.items():
            self.controls[name].value = value
        self._moving = False
        # In one message, with the edition: the page never paints half of a change.
        with self.canvas.hold_sync():
            for name, value in self._to_page(values).items():
                setattr(self.canvas, name, value)
            self.canvas.edition += 1
            if not self.PAGE:
                self._try(self._compute)

    def _moved(self, change: Any) -> None:
        # While the kernel is busy ipywidgets keeps only the newest value of a slider.
        if not self._moving:
            self._message.layout.display = "none"
            self._try(self._compute)

    def _compute(self) -> None:
        values = self.values
        self._number += 1
        shown = {"values": self._to_page(values), "number": self._number}
        self.canvas.frame = canvas.pack(self.view, **shown)

    def _hear(self, change: Any) -> None:
        told = change["new"]
        if told.get("edition") == self.canvas.edition:
            self._try(self._take, told)

    def _take(self, told: Mapping[str, Any]) -> None:
        found = {n: c.from_page(told[n]) for n, c in self._by_name.items()}
        # The slider's own message may still be under way: the told value is the last.
        for name, value in self._checked(found).items():
            if self.controls[name].value != value:
                self.controls[name].value = value
        self._notify()

    def _notify(self) -> None:
        if self.values == self._notified:
            return
        self._notified = self.values
        if self.PAGE:
            self._message.layout.display = "none"
        for call in self._heard:
            self._try(call, self.view)

    def _try(self, call: Callable[..., None], *given: Any) -> None:
        # JupyterLab drops what a callback raises: the learner would see nothing happen.
        try:
            call(*given)
        except Exception as error:
            name = getattr(call, "__name__", "a callback").replace(
                "_compute", "the scene"
            )
            self._alert(f"{name} stopped: {type(error).__name__}: {error}")
            if "PYTEST_CURRENT_TEST" in os.environ:
                raise

    def _alert(self, words: str) -> None:
        alert = 'class="spikedu-error" role="alert"'
        self._message.value = f"<p {alert}>{html.escape(words)}</p>"
        self._message.layout.display = ""

    def _to_page(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._by_name[name].to_page(v) for name, v in values.items()}

    def _state(self, values: Mapping[str, Any]) -> dict[str, Any]:
        presets = {name: self._to_page(self._preset(name)) for name in self.PRESETS}
        return {
            **self._to_page(values),
            "start": self._to_page(self._start),
            "presets": presets,
            "fixed": self._given if self.PAGE else {},
            "controls": [control.spec() for control in self.CONTROLS],
        }

    # ------------------------------------------------------------ without a kernel
    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.view.alt}"

    def to_html(self) -> str:
        """A poster that the module inside turns into the live widget, without kernel.

        The same text for the same values; it asks nothing of any other machine. Where
        the page cannot compute the scene, it holds a frame for each of STATES.
        """
        state, frames = self._state(self.values), ""
        if not self.PAGE:
            state, frames = self._still(state)
        kind = type(self).__name__
        data = html.escape(json.dumps(state))
        poster = self._poster()
        how = "from" if self.PAGE else "null"
        return (
            f"<style>{self.canvas._css}</style>\n"
            f'<div data-spikedu="{kind}" data-state="{data}" data-frames="{frames}">'
            f"{poster}</div>\n"
            f'<script type="module">\n{self.canvas._esm}\nrevive("{kind}", {how});\n'
            "</script>"
        )

    def _poster(self) -> str:
        return static.screen(self.view).html(dpi=72)

    def _still(self, state: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Sliders that stop only where there is a picture, and the pictures."""
        values = self.values
        kept = {n: self._kept(n, values[n]) for n in self._by_name}
        found = []
        for combination in itertools.product(*kept.values()):
            shown = dict(zip(kept, combination, strict=True))
            view = self.scene(**self._given, **shown)
            frame = canvas.pack(view, values=self._to_page(shown), number=0)
            found.append(struct.pack("<I", len(frame)) + frame)
        for spec in state["controls"]:
            control = self._by_name[spec["name"]]
            spec["values"] = [control.to_page(x) for x in kept[spec["name"]]]
        # A preset of which the page has no picture would move nothing.
        state["presets"] = {
            name: preset
            for name, preset in state["presets"].items()
            if all(
                preset.get(c["name"]) in (None, *c["values"]) for c in state["controls"]
            )
        }
        state["start"] = self._to_page(values)
        data = zlib.compress(b"".join(found), 9)
        return state, base64.b64encode(data).decode("ascii")

    def _kept(self, name: str, value: Any) -> list[Any]:
        control = self._by_name[name]
        found = {control.tidy(x) for x in self.STATES.get(name, ())} | {value}
        order = control.options.index if isinstance(control, Choice) else None
        return sorted(found, key=order)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        found = dict(super()._repr_mimebundle_(**kwargs) or {})
        return {**found, "text/plain": repr(self), "text/html": self.to_html()}


def link(*widgets: Explorer) -> None:
    """Joins the cursors of widgets: a step pointed at in one is marked in all."""
    group = f"group {min(map(id, widgets))}"
    for widget in widgets:
        widget.canvas.group = group

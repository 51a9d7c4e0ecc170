"""The page's side of a widget: one canvas, its modules, and what travels."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import anywidget
import rjsmin
import traitlets

STATIC = Path(__file__).parent / "static"
# Each after those that it imports.
SHARED = (
    "shell.js",
    "canvas.js",
    "legend.js",
    "panels.js",
    "timed.js",
    "maps.js",
    "charts.js",
    "frames.js",
    "transport.js",
    "words.js",
    "keys.js",
    "explorer.js",
)
KERNEL = "export default { render: ({ model, el }) => mount(el, model) };"


@functools.cache
def module(*names: str) -> str:
    """One ES module: the shared files of `static/`, and those named, after them.

    A widget's module reaches the page as text, where a relative import finds nothing;
    so the import lines go, and all names live in one scope. It is minified: the text is
    sent with every widget and kept in every page.
    """
    parts = [(STATIC / name).read_text("utf-8") for name in (*SHARED, *names)]
    text = re.sub(r'^import .*? from "\./\w+\.js";\n', "", "\n".join(parts), flags=re.M)
    return rjsmin.jsmin(text) + "\n"


class Canvas(anywidget.AnyWidget):
    """State that is painted, and what the page tells; a trait for each control."""

    _esm = module() + KERNEL
    _css = (STATIC / "explorer.css").read_text("utf-8")

    controls = traitlets.List().tag(sync=True)
    me = traitlets.Unicode("").tag(sync=True)  # its own model, in the page
    # By control: the model of its ipywidget, and the trait that holds the value.
    sources = traitlets.Dict().tag(sync=True)
    presets = traitlets.Dict().tag(sync=True)
    start = traitlets.Dict().tag(sync=True)
    fixed = traitlets.Dict().tag(sync=True)
    native = traitlets.Bool(False).tag(sync=True)
    # Counts changes made in Python, so that what the page told before one is ignored.
    edition = traitlets.Int(0).tag(sync=True)
    told = traitlets.Dict().tag(sync=True, echo_update=False)
    heard = traitlets.Bool(False).tag(sync=True)  # somebody waits for `told`
    # What the kernel computed: `figures.canvas.pack`. Empty where the page computes.
    frame = traitlets.Bytes(b"").tag(sync=True)
    # {"t": step, "n": neuron} or {}; widgets of one group share it within the page.
    cursor = traitlets.Dict().tag(sync=True, echo_update=False)
    group = traitlets.Unicode("").tag(sync=True)


@functools.cache
def canvas_class(base: type[Canvas], controls: tuple[Any, ...]) -> type[Canvas]:
    """`base` with a trait for each control, to which the page links it."""
    traits = {control.name: control.trait() for control in controls}
    return type(base.__name__, (base,), traits)

"""Widgets without a page: values, view and code; what goes over the wire."""

import json
import re
import subprocess
import sys

import matplotlib
import numpy as np
import pytest

from spikedu.figures import style
from spikedu.scenes import neuron
from spikedu.widgets import LifExplorer, lif_explorer
from spikedu.widgets.base import Explorer
from spikedu.widgets.canvas import STATIC
from spikedu.widgets.controls import Slider
from spikedu.widgets.lif import LifCanvas

DEFAULTS = {
    "beta": 0.8,
    "threshold": 1.0,
    "current": 0.3,
    "reset": neuron.SUBTRACT,
    "noise": 0.0,
    "seed": 0,
}


def tell(w: LifExplorer, edition: int | None = None, **values) -> None:
    """What the page sends, 300 ms after the last change."""
    told = {**w._to_page({**w.values, **values}), "spikes": 0, "sequence": 1}
    told["edition"] = w.canvas.edition if edition is None else edition
    w.canvas.set_state({"told": told})


@pytest.fixture
def wire(monkeypatch):
    """All messages that Python sends to the page, as (model, content)."""
    sent = []

    def send(widget, message, buffers=None):
        sent.append((widget, message))

    monkeypatch.setattr("ipywidgets.Widget._send", send)
    return sent


# ---------------------------------------------------------------- state is data
def test_it_starts_at_the_scenes_defaults_or_at_yours():
    assert lif_explorer().values == DEFAULTS
    w = lif_explorer(beta=0.9, reset=neuron.NONE)
    assert w.values == {**DEFAULTS, "beta": 0.9, "reset": neuron.NONE}
    assert w.canvas.beta == 0.9 and w.canvas.reset == 2
    w.values = {"beta": 0.1, "seed": 7}
    w.reset()
    assert w.values == {**DEFAULTS, "beta": 0.9, "reset": neuron.NONE}


def test_setting_values_moves_the_controls_and_the_canvas():
    w = lif_explorer()
    w.values = {"current": 0.9, "reset": neuron.TO_ZERO, "seed": 3}
    assert w.controls["current"].value == w.canvas.current == 0.9
    assert w.controls["reset"].value == neuron.TO_ZERO and w.canvas.reset == 1
    assert w.values == {
        **DEFAULTS,
        "current": 0.9,
        "reset": neuron.TO_ZERO,
        "seed": 3,
    }


def test_the_view_is_the_scene_at_these_values():
    w = lif_explorer(current=0.4)
    scene = neuron.lif_explorer(current=0.4)
    assert np.array_equal(w.view.u, scene.u) and w.view.code == w.as_code()
    assert w.view is w.view
    w.controls["current"].value = 0.19
    assert w.view.rate == 0


def test_a_drag_brings_a_number_next_to_the_grid():
    w = lif_explorer()
    w.controls["current"].value = 0.1 + 0.2
    assert w.values["current"] == 0.3 and "0.30," in w.as_code()


def test_the_code_runs_for_every_preset_and_gives_what_is_shown():
    for name in [None, *LifExplorer.PRESETS]:
        w = lif_explorer()
        if name:
            w.preset(name)
        names = {}
        exec(w.as_code(), names)
        assert np.array_equal(names["spikes"].numpy(), w.view.s), name


def test_each_preset_does_what_its_name_says():
    w = lif_explorer(beta=0.3, seed=9)
    shown = {}
    for name in LifExplorer.PRESETS:
        w.values = {"threshold": 0.5}
        w.preset(name)
        shown[name] = (w.values, w.view)
    regular, view = shown["Eq. (1), regular"]
    assert regular["reset"] == neuron.SUBTRACT and view.rate > 0.1
    assert len(set(np.diff(view.membrane.spike_times[0]))) == 1
    below, view = shown["below rheobase: silent"]
    assert 0 < view.rheobase - below["current"] <= 0.0101 and not view.s.any()
    released, view = shown["released neuron, same input: silent"]
    assert released["current"] == regular["current"] and not view.s.any()
    assert released["reset"] == neuron.TO_ZERO
    noisy, view = shown["noisy"]
    assert noisy["current"] == below["current"] and view.rate > 0
    assert len(set(view.raster.counts)) > 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"beta": 1.01}, "beta = 1.01: must be a number from 0 to 1"),
        ({"threshold": "high"}, "threshold = 'high': must be a number from 0.1 to 2"),
        ({"seed": 1.5}, "seed = 1.5: must be a whole number from 0 to 99"),
        ({"reset": 0}, "reset = 0: must be one of 'subtract"),
        ({"tau": 2}, "values has 'tau': must name some of beta, threshold, current"),
    ],
)
def test_a_bad_value_is_named_and_moves_nothing(values, message):
    w = lif_explorer()
    with pytest.raises(ValueError, match=re.escape(message)):
        w.values = {"current": 0.9, **values}
    assert w.values == DEFAULTS and w.canvas.current == 0.3
    with pytest.raises(ValueError, match=re.escape(message)):
        lif_explorer(**values)
    with pytest.raises(ValueError, match="preset = 'loud': must be one of 'Eq"):
        w.preset("loud")


def test_sliders_reach_just_what_the_scene_takes():
    for control in LifExplorer.CONTROLS:
        if isinstance(control, Slider):
            assert (control.low, control.high) == neuron.BOX[control.name]
            for edge in (control.low, control.high):
                neuron.lif_explorer(**{control.name: control.tidy(edge)})


# ---------------------------------------------------------------- page and kernel
def test_callbacks_hear_each_change_once_with_the_view():
    w = lif_explorer()
    rates = []
    w.on_change(lambda view: rates.append(view.rate))
    w.values = {"current": 0.4}
    w.values = {"current": 0.4}
    tell(w)  # the page has followed, and says so
    assert rates == [0.25]
    tell(w, current=0.19)
    assert w.values["current"] == 0.19 and rates == [0.25, 0]


def test_what_the_page_told_before_python_moved_is_ignored():
    w = lif_explorer()
    before = w.canvas.edition
    w.values = {"current": 0.4}
    tell(w, edition=before, current=1.0)
    assert w.values["current"] == 0.4
    tell(w, current=1.0)
    assert w.values["current"] == 1.0


def test_one_move_from_python_is_one_small_message_to_the_canvas(wire):
    w = lif_explorer()
    wire.clear()
    w.values = {"current": 0.4, "noise": 0.1, "reset": neuron.NONE}
    to_canvas = [message for widget, message in wire if widget is w.canvas]
    assert len(to_canvas) == 1 and len(wire) == 4
    assert to_canvas[0]["state"] == {
        "current": 0.4,
        "noise": 0.1,
        "reset": 2,
        "edition": 1,
    }
    assert sum(len(json.dumps(message)) for _, message in wire) < 1_000


def test_what_the_page_tells_costs_no_answer(wire):
    w = lif_explorer()
    w.controls["current"].set_state({"value": 0.9})  # what jslink's slider sent
    wire.clear()
    tell(w)
    assert w.view.rate > 0.5
    assert wire == []


def test_what_a_callback_raises_is_raised_under_pytest_and_shown_elsewhere(monkeypatch):
    w = lif_explorer()

    def plot_it(view):
        raise ZeroDivisionError("no <spikes> to divide by")

    w.on_change(plot_it)
    with pytest.raises(ZeroDivisionError):
        w.values = {"current": 0.4}
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    tell(w, current=0.5)
    words = "plot_it stopped: ZeroDivisionError: no &lt;spikes&gt; to divide by"
    assert words in w._message.value and w._message.layout.display == ""
    assert 'role="alert"' in w._message.value and w._message in w.children
    w._heard.clear()
    tell(w, current=0.6)
    assert w._message.layout.display == "none"


def test_nonsense_from_the_page_is_shown_in_words(monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    w = lif_explorer()
    tell(w, beta=7)
    assert "beta = 7: must be a number from 0 to 1" in w._message.value
    assert w.values == DEFAULTS


def test_sliders_are_joined_in_the_browser_not_in_the_kernel():
    w = lif_explorer()
    assert w.canvas.sources == {
        c.name: [w.controls[c.name].model_id, "index" if c.name == "reset" else "value"]
        for c in LifExplorer.CONTROLS
    }
    before = w.canvas.beta
    w.controls["beta"].value = 0.1
    assert w.canvas.beta == before


# ---------------------------------------------------------------- what is stored
def test_the_display_is_deterministic_and_has_a_poster_with_alt_text():
    first, second = (lif_explorer(current=0.4)._repr_mimebundle_() for _ in range(2))
    assert "application/vnd.jupyter.widget-view+json" in first
    for kind in ("text/plain", "text/html"):
        assert first[kind] == second[kind]
    alt = neuron.lif_explorer(current=0.4).alt
    assert first["text/plain"] == f"LifExplorer: {alt}"
    assert f'<img alt="{alt}"' in first["text/html"]
    assert len(first["text/html"]) <= 100_000
    assert len(lif_explorer(noise=0.5).to_html()) <= 100_000


def test_the_module_is_small_and_asks_nobody():
    sizes = len(LifCanvas._esm.encode()), len(LifCanvas._css.encode())
    assert sum(sizes) <= 60_000
    text = LifCanvas._esm + LifCanvas._css + lif_explorer().to_html()
    for call in ("http:", "https:", "//cdn", "fetch(", "XMLHttp", "@import", "url("):
        assert call not in text, call
    # Without its import lines, which could not be resolved from a page.
    assert "import " not in LifCanvas._esm.replace("import torch", "").replace(
        "import lif", ""
    ).replace("import bell", "")
    assert LifCanvas._esm.count("export default") == 1
    assert "</script" not in LifCanvas._esm


def test_no_template_stands_within_another():
    # rjsmin takes the spaces out of the inner one.
    for file in STATIC.glob("*.js"):
        assert not re.search(r"\$\{[^}]*`", file.read_text("utf-8")), file.name


def test_slider_values_never_go_by_custom_messages():
    for file in STATIC.glob("*.js"):
        assert ".send(" not in file.read_text("utf-8"), file.name


def test_files_of_the_module_are_short_enough_to_be_read():
    for file in STATIC.iterdir():
        assert len(file.read_text("utf-8").splitlines()) <= 300, file.name


def test_the_pages_colours_are_those_of_the_figures():
    text = (STATIC / "canvas.js").read_text("utf-8")
    found = dict(re.findall(r'(\w+): "(#\w{6})"', text))
    assert found == {n: c for n, c in style.COLOURS.items() if c is not style.INK}
    ours = np.array(
        json.loads(
            "["
            + re.search(r"CIVIDIS = \[(.*?)\];", text, re.S)[1].strip().rstrip(",")
            + "]"
        )
    )
    theirs = matplotlib.colormaps["cividis"](np.linspace(0, 1, len(ours)))[:, :3]
    assert len(ours) == 9 and np.abs(ours - 255 * theirs).max() < 1


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    r, g, b = (
        x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts
    )
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_colours_of_the_style_sheet_are_seen_on_light_and_on_dark():
    found = re.findall(r"([\w-]+):[^;:{}]*(#[0-9A-Fa-f]{6})", LifCanvas._css)
    assert ("border-left", "#D55E00") in found
    # A background is mixed with the paper, as thinly as a highlight.
    found = [pair for pair in found if pair[0] != "background"]
    for name, colour in found:
        for paper in ("#FFFFFF", "#111111"):
            dark, light = sorted((luminance(colour), luminance(paper)))
            least = 4.5 if name == "color" else 3  # WCAG 2.2, 1.4.3 and 1.4.11
            assert (light + 0.05) / (dark + 0.05) >= least, (name, colour, paper)


def test_the_style_sheet_styles_nothing_that_is_not_there():
    made = LifCanvas._esm + (STATIC.parent / "base.py").read_text("utf-8")
    for name in set(re.findall(r"\.(spikedu-\w+)", LifCanvas._css)):
        assert re.search(rf'["` ]{name}["` ]', made), name


def test_an_explorer_without_a_scene_says_so():
    with pytest.raises(NotImplementedError):
        Explorer.scene()


def test_widgets_start_without_torch():
    code = (
        "import sys; from spikedu.widgets import lif_explorer as new;"
        "new().to_html();"
        "print('torch' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.stdout.split() == ["False", "False"], said.stderr

"""Widgets in a real browser: the module in a bare page, then JupyterLab end to end."""

import base64
import json

import lab
import nbformat
import numpy as np
import pytest

from spikedu.figures import canvas as packed
from spikedu.figures.views import (
    BarsView,
    CurveView,
    HeatView,
    MembraneView,
    RasterView,
    Screen,
)
from spikedu.scenes import neuron
from spikedu.widgets import lif_explorer
from spikedu.widgets.canvas import Canvas
from spikedu.widgets.controls import Slider
from spikedu.widgets.lif import LifCanvas

pytestmark = pytest.mark.browser

LIGHT, DARK = "rgb(20, 20, 20)", "rgb(250, 250, 250)"
PAGE = f"""<!doctype html><html lang="en"><head><title>bare</title><style>
body {{ --jp-content-font-color1: {LIGHT}; background: white; width: 900px }}
body[data-jp-theme-light="false"] {{
  --jp-content-font-color1: {DARK}; background: #111 }}
{LifCanvas._css}
</style></head><body data-jp-theme-light="true">
<div class="spikedu-explorer">
  <div class="widget-inline-hbox"><label class="widget-label">decay</label>
    <div class="noUi-handle" tabindex="0" role="slider" aria-valuenow="0"
      aria-valuetext="0.30000000000000004"></div>
    <div class="widget-readout" contenteditable="true">0.3</div></div>
  <div id="here"></div>
</div></body></html>"""
# Counts what a kernel would be sent.
START = """
Object.assign(window, { store, mount, from });
window.begin = (state) => {
  window.model = store(state);
  window.sent = [];
  model.widget_manager = { get_model: async () => window.slider };
  model.save_changes = () =>
    sent.push([performance.now(), model.get("told"), model.get("cursor")]);
  window.stop = mount(document.getElementById("here"), model, from);
};
"""


class Bare:
    """A page that holds the canvas and nothing of Jupyter, with a stub model."""

    def __init__(self, page):
        self.page, self.errors = page, []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_content(PAGE)
        page.add_script_tag(content=LifCanvas._esm + START, type="module")
        page.wait_for_function("() => window.begin")

    def _said(self, message):
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def begin(self, native: bool = True, sources=None, **values):
        w = lif_explorer(**values)
        state = {**w._state(w.values), "native": native, "edition": 0, "cursor": {}}
        state["sources"] = sources or {}
        self.page.evaluate("state => begin(state)", state)
        self.page.wait_for_selector("canvas[data-paints]")
        return self

    def __getitem__(self, name: str) -> str:
        """A data attribute that the last paint left."""
        self.page.evaluate(
            "() => new Promise((ok) => requestAnimationFrame(() => "
            "requestAnimationFrame(ok)))"
        )
        return self.page.get_attribute("canvas", f"data-{name}")

    def painted(self) -> int:
        """How many pixels of the canvas carry ink."""
        return self.page.evaluate(
            """() => {
                const c = document.querySelector("canvas");
                const all = c.getContext("2d").getImageData(0, 0, c.width, c.height);
                return all.data.filter((x, k) => k % 4 === 3 && x > 0).length;
            }"""
        )


@pytest.fixture
def bare(browser):
    made = []

    def make(**options):
        page = browser.new_page(**options)
        made.append(Bare(page))
        return made[-1]

    yield make
    for one in made:
        assert one.errors == []
        one.page.close()


# ---------------------------------------------------------------- a bare page
def test_it_paints_what_the_scene_says(bare):
    values = {"current": 0.35, "noise": 0.2, "seed": 5}
    view = neuron.lif_explorer(**values)
    page = bare().begin(**values)
    assert int(page["spikes"]) == view.s[:, 0].sum() > 0
    assert int(page["raster-spikes"]) == view.s.sum()
    assert int(page["first-spike"]) == view.membrane.spike_times[0][0]
    assert float(page["rate"]) == view.rate
    assert page.painted() > 10_000
    canvas = page.page.locator("canvas")
    assert canvas.get_attribute("aria-label") == view.alt
    assert page.page.locator(".spikedu-sentence").inner_text() == view.sentence
    assert page.page.locator(".spikedu-code").inner_text() == view.code


def test_arrow_keys_on_a_slider_move_the_picture_the_right_way(bare):
    page = bare().begin()
    slider = page.page.get_by_label("input current i")
    slider.focus()
    before = int(page["spikes"])
    for _ in range(10):
        page.page.keyboard.press("ArrowRight")
    assert page["current"] == "0.4" and int(page["spikes"]) > before
    for _ in range(25):
        page.page.keyboard.press("ArrowLeft")
    assert page["current"] == "0.15" and page["spikes"] == "0"
    page.page.get_by_label("threshold U_th").focus()
    page.page.keyboard.press("Home")
    assert page["threshold"] == "0.1" and int(page["spikes"]) > before
    page.page.get_by_label("reset rule").select_option("none")
    assert page["reset"] == "2" and page["spikes"] == "100"
    assert page.page.locator("output").first.inner_text() == "0.80"


def test_a_drag_costs_no_message_and_its_end_costs_one(bare):
    page = bare().begin()
    box = page.page.get_by_label("decay b (beta)").bounding_box()
    y = box["y"] + box["height"] / 2
    page.page.mouse.move(box["x"] + box["width"] * 0.8, y)
    page.page.mouse.down()
    paints = int(page["paints"])
    for k in range(30):
        page.page.mouse.move(box["x"] + box["width"] * (0.8 - 0.02 * k), y)
        page.page.wait_for_timeout(10)
    assert page.page.evaluate("sent.length") == 0
    assert int(page["paints"]) - paints >= 10
    page.page.mouse.up()
    last = float(page["beta"])
    page.page.wait_for_timeout(500)
    sent = page.page.evaluate("sent")
    assert len(sent) == 1 and sent[0][1]["beta"] == last < 0.3
    assert len(json.dumps(sent[0][1])) < 200
    assert sent[0][1]["spikes"] == int(page["spikes"])


def test_what_is_told_is_what_python_takes(bare):
    page = bare().begin()
    page.page.get_by_role("button", name="noisy").click()
    page.page.wait_for_timeout(500)
    w = lif_explorer()
    w.canvas.set_state({"told": page.page.evaluate("model.get('told')")})
    expected = lif_explorer()
    expected.preset("noisy")
    assert w.values == expected.values
    assert w.view.s[:, 0].sum() == int(page["spikes"])


def test_presets_and_reset_move_all_sliders_at_once(bare):
    page = bare().begin(beta=0.5)
    for name in ["noisy", "below rheobase: silent"]:
        page.page.get_by_role("button", name=name).click()
    assert page["spikes"] == "0" and page["current"] == "0.19"
    assert page.page.get_by_label("input current i").input_value() == "0.19"
    page.page.get_by_role("button", name="Reset").click()
    assert page["beta"] == "0.5" and page["current"] == "0.3"


def test_the_page_follows_when_python_moves(bare):
    page = bare().begin(native=False)
    page.page.evaluate("model.set('current', 1.5)")
    assert page["spikes"] == "100"
    assert page.page.locator(".spikedu-controls").count() == 0


def test_the_sliders_of_ipywidgets_are_heard_and_moved_in_the_page(bare):
    page = bare()
    page.page.evaluate(
        """() => {
            window.slider = store({ value: 0.3 });
            slider.saved = 0;
            slider.save_changes = () => slider.saved++;
        }"""
    )
    page.begin(native=False, sources={"current": ["abc", "value"]})
    page.page.evaluate("() => slider.set('value', 0.4)")
    assert page["current"] == "0.4" and page["spikes"] == "25"
    assert page.page.evaluate("[slider.saved, sent.length]") == [0, 0]
    page.page.get_by_role("button", name="below rheobase: silent").click()
    assert page["spikes"] == "0"
    assert page.page.evaluate("[slider.saved, slider.get('value')]") == [1, 0.19]
    page.page.evaluate("() => { stop(); slider.set('value', 0.4); }")
    assert page["spikes"] == "0"


def test_values_are_read_with_the_pointer_and_with_keys(bare):
    page = bare().begin(current=0.4)
    view = neuron.lif_explorer(current=0.4)
    canvas, readout = (page.page.locator(s) for s in ("canvas", ".spikedu-readout"))

    def said(t, n):
        spike = "spike" if view.s[t, n] else "no spike"
        u, i = neuron.fixed(view.u[t, n]), neuron.fixed(view.current[t, n])
        return f"step {t}, neuron {n}: current {i}, membrane {u}, {spike}"

    canvas.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown"):
        page.page.keyboard.press(key)
    assert page["paints"] and readout.inner_text() == said(2, 1)
    assert page.page.locator("[aria-live]").inner_text() == said(2, 1)
    page.page.keyboard.press("End")
    assert page["paints"] and readout.inner_text() == said(99, 1)
    page.page.keyboard.press("Escape")
    assert page["paints"] and "use the arrow keys" in readout.inner_text()
    width = canvas.bounding_box()["width"]
    middle = 62 + (width - 62 - 14) * 0.505
    canvas.hover(position={"x": middle, "y": 387.5})  # row 14 of the raster
    assert page["paints"] and readout.inner_text() == said(50, 14)


def test_screen_readers_hear_the_end_of_a_change_only(bare):
    page = bare().begin()
    live = page.page.locator("[aria-live=polite]")
    page.page.get_by_label("input current i").focus()
    page.page.keyboard.press("ArrowRight")
    assert page["current"] == "0.31" and live.inner_text() == ""
    page.page.wait_for_timeout(500)
    assert live.inner_text() == neuron.lif_explorer(current=0.31).alt


def test_the_dark_theme_is_followed_live(bare):
    page = bare().begin()
    assert page["ink"] == LIGHT
    paints = page["paints"]
    page.page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    assert page["ink"] == DARK and page["paints"] != paints
    brightest = page.page.evaluate(
        """() => {
            const c = document.querySelector("canvas");
            const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
            let most = 0;
            for (let k = 0; k < data.length; k += 4) {
              if (data[k + 3] > 250) most = Math.max(most, data[k] + data[k + 1]);
            }
            return most;
        }"""
    )
    assert brightest == 500


def test_a_dense_screen_gets_a_sharp_picture(bare):
    page = bare(device_scale_factor=2).begin()
    width, shown = page.page.evaluate(
        "() => { const c = document.querySelector('canvas');"
        " return [c.width, c.clientWidth] }"
    )
    assert width == 2 * shown


def test_a_narrow_page_is_repainted(bare):
    page = bare().begin()
    page.page.evaluate("document.body.style.width = '380px'")
    page.page.wait_for_function("() => document.querySelector('canvas').width < 400")
    assert page["spikes"] == "16" and page.painted() > 5_000


def test_everything_that_can_be_focused_has_a_name_and_a_guard(bare):
    page = bare().begin()
    bad = page.page.evaluate(
        """() => [...document.querySelectorAll("#here *")]
          .filter((el) => el.tabIndex >= 0)
          .filter((el) => el.dataset.lmSuppressShortcuts !== "true"
            || !(el.getAttribute("aria-label") || el.labels?.[0]?.textContent
                 || el.textContent))
          .map((el) => el.outerHTML)"""
    )
    assert bad == []
    assert (
        page.page.evaluate(
            "[...document.querySelectorAll('#here *')]"
            ".filter((el) => el.tabIndex >= 0).length"
        )
        == 20  # 6 controls, 5 buttons, 5 of time, picture, code, words and their twin
    )


def test_the_focus_ring_has_the_colour_of_the_text(bare):
    page = bare().begin()
    for dark, ink in ((False, LIGHT), (True, DARK)):
        page.page.evaluate(
            f"document.body.dataset.jpThemeLight = '{not dark}'.toLowerCase()"
        )
        for name in (".noUi-handle", "#here input", "#here button", "#here canvas"):
            page.page.locator(name).first.focus()
            page.page.keyboard.press("Shift")  # as by the keyboard: the ring is shown
            ring = page.page.locator(name).first.evaluate(
                "el => { const { outlineStyle, outlineColor } = getComputedStyle(el);"
                " return [outlineStyle, outlineColor]; }"
            )
            assert ring == ["solid", ink], (name, dark)


def test_ipywidgets_sliders_get_names_and_guards(bare):
    page = bare().begin(native=False)
    handle, readout = (
        page.page.locator(s) for s in (".noUi-handle", ".widget-readout")
    )
    assert handle.get_attribute("aria-label") == "decay"
    assert handle.get_attribute("aria-valuetext") == "0.30"
    assert readout.get_attribute("aria-label") == "decay, as a number"
    for el in (handle, readout):
        assert el.get_attribute("data-lm-suppress-shortcuts") == "true"
    # Also one that appears, or changes, later.
    page.page.evaluate(
        """() => {
            const row = document.querySelector(".widget-inline-hbox");
            const again = row.cloneNode(true);
            again.querySelector(".noUi-handle").removeAttribute("aria-label");
            row.after(again);
        }"""
    )
    page.page.wait_for_timeout(100)
    assert page.page.locator(".noUi-handle").nth(1).get_attribute("aria-label")


def test_the_clean_up_leaves_nothing_that_listens(bare):
    page = bare().begin()
    page.page.evaluate("() => { stop(); model.set('current', 1.5); }")
    page.page.wait_for_timeout(400)
    assert page["spikes"] == "16" and page.page.evaluate("sent.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_without_a_kernel_is_live(browser, tmp_path, scheme):
    w = lif_explorer(current=0.4)
    body = w.to_html() + lif_explorer(current=0.19).to_html()
    file = tmp_path / "page.html"
    style = "<style>:root { color-scheme: light dark }</style>"
    file.write_text(f"<!doctype html><meta charset=utf-8>{style}{body}", "utf-8")
    page = browser.new_page(color_scheme=scheme)
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_function("() => document.querySelectorAll('canvas[data-rate]')[1]")
    spikes = [c.get_attribute("data-spikes") for c in page.locator("canvas").all()]
    assert spikes == [str(int(w.view.s[:, 0].sum())), "0"]
    page.get_by_label("input current i").nth(1).focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_selector("canvas[data-current='0.24']")
    assert int(page.locator("canvas").nth(1).get_attribute("data-spikes")) > 0
    ink = page.locator("canvas").first.get_attribute("data-ink")
    assert ink == {"light": "rgb(0, 0, 0)", "dark": "rgb(255, 255, 255)"}[scheme]
    assert asked == [file.as_uri()] and errors == []
    page.close()


# ---------------------------------------------------------------- JupyterLab
CELL = """from spikedu.widgets import lif_explorer
w = lif_explorer()
w"""


def test_in_jupyterlab(browser, tmp_path):
    cells = [nbformat.v4.new_code_cell(CELL), nbformat.v4.new_code_cell("1 + 1")]
    # Without a kernelspec JupyterLab asks for one.
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    made = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(made, tmp_path / "a.ipynb")
    with lab.notebook(tmp_path, "a.ipynb", browser) as opened:
        page = opened.page
        opened.run_all()
        page.wait_for_selector("canvas[data-paints]")
        canvas = page.locator("canvas.spikedu-canvas")
        slider = page.get_by_role("slider", name="input current i")
        slider.wait_for()

        # A focused slider, and keys that JupyterLab knows as: delete the cell.
        slider.focus()
        for key in ("ArrowRight", "ArrowRight", "d", "d"):
            page.keyboard.press(key)
        page.wait_for_selector("canvas[data-current='0.32']")
        assert opened.count_cells() == 2 and canvas.is_visible()

        # The kernel knows, and what it sets is followed.
        page.wait_for_timeout(600)
        assert opened.python("print(w.values['current'], w.view.rate)").split() == [
            "0.32",
            canvas.get_attribute("data-rate"),
        ]
        assert opened.python("w.preset('noisy')") == ""
        page.wait_for_selector("canvas[data-noise='0.15']")
        assert float(slider.get_attribute("aria-valuetext")) == 0.19

        sent = opened.bytes
        for _ in range(10):
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(30)
        page.wait_for_timeout(600)
        assert (opened.bytes - sent) / 10 <= 8_000

        before = canvas.get_attribute("data-ink")
        opened.theme(dark=True)
        page.wait_for_function(
            f"() => document.querySelector('canvas').dataset.ink !== '{before}'"
        )
        assert opened.errors == [] and opened.outside == []

        # Without the guard the cell would be gone: the trap is real.
        slider.evaluate("el => delete el.dataset.lmSuppressShortcuts")
        slider.focus()
        for key in ("d", "d"):
            page.keyboard.press(key)
        page.wait_for_function("() => !document.querySelector('canvas')")
        assert opened.count_cells() == 1


# ---------------------------------------------------------------- time under the hand
def at(page):
    page.evaluate(
        "() => new Promise((ok) => requestAnimationFrame(() => "
        "requestAnimationFrame(ok)))"
    )
    return page.locator("canvas").first.get_attribute("data-at")


def test_play_walks_through_time_pause_holds_it_and_the_end_stops_it(bare):
    page = bare().begin().page
    page.get_by_role("button", name="play").click()
    page.wait_for_function(
        "() => Number(document.querySelector('canvas').dataset.at) >= 3"
    )
    page.get_by_role("button", name="pause").click()
    held = at(page)
    page.wait_for_timeout(400)
    assert at(page) == held
    page.get_by_role("button", name="one step back").click()
    assert at(page) == str(int(held) - 1)
    scrub = page.get_by_label("time step")
    scrub.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert at(page) == "97"
    page.get_by_role("button", name="play").click()
    page.get_by_role("button", name="play").wait_for()  # it came to the end by itself
    assert at(page) == "99"
    page.get_by_role("button", name="play").click()  # and begins anew from there
    page.wait_for_function(
        "() => Number(document.querySelector('canvas').dataset.at) < 50"
    )


def test_who_asked_for_less_motion_gets_it(bare):
    shown = {}
    for motion in ("no-preference", "reduce"):
        page = bare(reduced_motion=motion).begin().page
        page.get_by_role("button", name="play").click()
        page.wait_for_timeout(1800)
        shown[motion] = int(at(page))
    assert shown["no-preference"] >= 10 and 1 <= shown["reduce"] <= 4


SOUND = """() => {
    window.clicks = 0;
    const parameter = { setValueAtTime() {}, exponentialRampToValueAtTime() {} };
    window.AudioContext = class {
      constructor() { this.currentTime = 0; }
      createOscillator() {
        const start = () => window.clicks++;
        return { frequency: {}, connect: (to) => to, stop() {}, start };
      }
      createGain() { return { gain: parameter, connect: (to) => to }; }
      close() { window.hushed = true; }
    };
}"""


def test_spikes_are_heard_only_on_demand(bare):
    page = bare().begin(current=0.4).page  # fires at 3, 7, 11, ...
    page.evaluate(SOUND)
    forward = page.get_by_role("button", name="one step forward")
    for _ in range(5):
        forward.click()
    assert at(page) == "4" and page.evaluate("window.clicks") == 0
    sound = page.get_by_role("button", name="sound of spikes")
    assert sound.get_attribute("aria-pressed") == "false"
    sound.click()
    assert sound.get_attribute("aria-pressed") == "true"
    for _ in range(8):
        forward.click()
    view = neuron.lif_explorer(current=0.4)
    assert page.evaluate("window.clicks") == view.s[5:13, 0].sum() == 2
    sound.click()
    forward.click()
    assert page.evaluate("[window.clicks, window.hushed]") == [2, True]


def test_the_picture_in_words_follows_the_controls(bare):
    page = bare().begin(current=0.4).page
    twin = page.locator(".spikedu-twin")
    twin.locator("summary").click()
    view = neuron.lif_explorer(current=0.4)
    times = ", ".join(map(str, view.membrane.spike_times[0]))
    words = twin.locator("pre")
    words.filter(has_text="neuron 7").wait_for()
    assert f"neuron 7 fires at {times}" in words.inner_text().splitlines()
    page.get_by_role("button", name="below rheobase: silent").click()
    assert at(page) == "" and "neuron 7 never fires" in words.inner_text()


def test_a_cursor_is_told_to_python_once_it_rests_and_set_from_there(bare):
    page = bare().begin()
    page.page.locator("canvas").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.page.keyboard.press(key)
    page.page.wait_for_timeout(500)
    sent = page.page.evaluate("sent")
    assert len(sent) == 1 and sent[0][2] == {"t": 1, "n": 1}
    page.page.evaluate("model.set('cursor', { t: 42, n: 3 })")
    assert at(page.page) == "42"
    assert "step 42, neuron 3" in page.page.locator(".spikedu-readout").inner_text()


def test_linked_pictures_mark_the_same_step_and_send_nothing(bare):
    page = bare().begin().page
    state = {**lif_explorer()._state(lif_explorer().values), "native": True}
    state |= {"edition": 0, "cursor": {}, "sources": {}}
    page.evaluate(
        """(state) => {
            const box = document.createElement("div");
            document.body.append(box);
            window.other = store({ ...state, group: "g" });
            window.saved = 0;
            other.save_changes = () => window.saved++;
            mount(box, other, from);
            model.set("group", "g");
        }""",
        state,
    )
    page.locator("canvas").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    at(page)
    both = [c.get_attribute("data-at") for c in page.locator("canvas").all()]
    assert both == ["1", "1"]
    page.keyboard.press("Escape")
    at(page)
    assert [c.get_attribute("data-at") for c in page.locator("canvas").all()] == [
        "",
        "",
    ]


# ---------------------------------------------------------------- frames of the kernel
FRAMED = f"""<!doctype html><html lang="en"><head><title>frames</title></head>
<body style="width: 900px"><style>{Canvas._css}</style><div id="here"></div></body>
</html>"""
BEGIN = """
window.decode = decode;
window.begin = (state) => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  window.give = (text) => model.set("frame", new DataView(bytes(text).buffer));
  window.model = store({ ...state, frame: new DataView(bytes(state.frame).buffer) });
  model.widget_manager = { get_model: async () => ({ comm_live: window.lives }) };
  window.stop = mount(document.getElementById("here"), model);
};
"""


def framed(x, number, times=12, **more):
    """A frame of a raster with x spikes, as the kernel packs it, for the page."""
    spikes = np.zeros((times, 3), bool)
    spikes[:x, 1] = True
    view = Screen(
        rows=((RasterView.of(spikes),),),
        sentence=f"{x} spikes.",
        alt=f"Exactly {x} spikes in the picture.",
        steps=times,
        **more,
    )
    frame = packed.pack(view, values={"x": x}, number=number)
    return base64.b64encode(frame).decode("ascii")


@pytest.fixture
def kernel(browser):
    """A page whose pictures come as frames, at x = 3."""
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(FRAMED)
    page.add_script_tag(content=Canvas._esm + BEGIN, type="module")
    page.wait_for_function("() => window.begin")
    controls = [Slider("x", "a number", 0, 9, 1).spec()]
    state = {"controls": controls, "x": 3, "start": {"x": 3}, "presets": {}}
    state |= {"native": True, "edition": 0, "cursor": {}, "frame": framed(3, 1)}
    page.evaluate("state => begin(state)", state)
    page.wait_for_selector("canvas[data-raster-spikes='3']")
    yield page
    assert errors == []
    page.close()


def test_an_older_frame_is_ignored_and_the_newest_is_shown(kernel):
    kernel.evaluate("frame => give(frame)", framed(5, 7))
    kernel.wait_for_selector("canvas[data-raster-spikes='5']")
    kernel.evaluate("frame => give(frame)", framed(9, 6))
    kernel.wait_for_timeout(100)
    assert kernel.get_attribute("canvas", "data-raster-spikes") == "5"
    assert kernel.locator(".spikedu-sentence").inner_text() == "5 spikes."
    assert kernel.get_attribute("canvas", "aria-label").startswith("Exactly 5")


def test_waiting_is_said_after_50_ms_and_silence_after_5_s(kernel):
    status = kernel.locator(".spikedu-status")
    kernel.clock.install()
    kernel.evaluate("model.set('x', 6)")
    assert status.inner_text() == ""
    kernel.clock.run_for(60)
    assert status.inner_text() == "computing ..."
    kernel.clock.run_for(5000)
    assert "No answer from Python for 5 seconds" in status.inner_text()
    kernel.evaluate("frame => give(frame)", framed(6, 2))
    assert status.inner_text() == ""
    kernel.clock.run_for(6000)
    assert status.inner_text() == ""


def test_a_dead_kernel_is_said_and_a_living_one_is_not(kernel):
    status = kernel.locator(".spikedu-status")
    tell = "lives => { window.lives = lives; model.fire('comm_live_update'); }"
    kernel.evaluate(tell, False)
    kernel.locator(".spikedu-status", has_text="run the cell again").wait_for()
    kernel.evaluate("model.set('x', 6)")  # what is said stays
    kernel.wait_for_timeout(100)
    assert "stopped or restarted" in status.inner_text()
    kernel.evaluate(tell, True)
    kernel.locator(".spikedu-status", has_text="computing ...").wait_for()


def test_a_click_chooses_what_the_screen_says(kernel):
    picks = {0: {"n": "x"}}
    kernel.evaluate("frame => give(frame)", framed(4, 2, picks=picks))
    kernel.wait_for_selector("canvas[data-raster-spikes='4']")
    kernel.locator("canvas").click(position={"x": 300, "y": 30 + 21})  # row 1 of 3
    assert kernel.evaluate("model.get('x')") == 1
    kernel.locator("canvas").focus()
    for key in ("Home", "ArrowDown", "ArrowDown", "Enter"):
        kernel.keyboard.press(key)
    assert kernel.evaluate("model.get('x')") == 2


def test_a_shorter_picture_keeps_the_cursor_inside(kernel):
    kernel.locator("canvas").focus()
    kernel.keyboard.press("End")
    assert at(kernel) == "11"
    kernel.evaluate("frame => give(frame)", framed(3, 2, times=5))
    kernel.wait_for_function(
        "() => document.querySelector('canvas').dataset.at === '4'"
    )
    assert kernel.get_by_label("time step").get_attribute("max") == "4"


def test_arrays_of_every_kind_arrive_as_they_were(kernel):
    rng = np.random.default_rng(0)
    sent = {
        "bits": rng.random((3, 7, 5)) < 0.5,
        "bytes": rng.integers(0, 256, (4, 5)),
        "large": np.array([0, 1, 2**24]),
        "floats": rng.normal(size=(40, 3)),
        "few": rng.choice([0.1, -2.5, 1e-9], size=(30, 4)),
        "one": np.array([[True]]),
    }
    view = Screen(rows=(), sentence="x.", alt="y")
    frame = packed.pack(view, **sent)
    found = kernel.evaluate(
        """(text) => {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const plain = (key, x) => (ArrayBuffer.isView(x) ? [...x] : x);
            return JSON.parse(JSON.stringify(decode(bytes), plain));
        }""",
        base64.b64encode(frame).decode("ascii"),
    )
    for name, array in sent.items():
        assert found[name]["shape"] == list(array.shape), name
        exact = array.astype(np.float32).ravel().tolist()
        assert found[name]["data"] == exact, name


def charted(number=2):
    """A frame of a map over three steps, bars and two curves; row 1 is marked."""
    spikes = np.zeros((3, 3), bool)
    spikes[2, 1] = True
    unit = {"title": "a map", "unit": "counts"}
    rows = (
        (RasterView.of(spikes, marked=1),),
        (HeatView.of(np.arange(18).reshape(3, 2, 3), "T R C", **unit),),
        (BarsView.of([3, 1.5], ["a", "b"], title="bars", x="x", y="y"),),
        (
            CurveView.of(
                [0, 1, 2],
                {"up": [0, 1, 4], "down": [4, 1, 0.5]},
                title="curves",
                xlabel="time",
                ylabel="y",
            ),
        ),
    )
    alt = "All kinds of pictures."
    screen = Screen(rows=rows, sentence="All.", alt=alt, steps=3, at=1)
    frame = packed.pack(screen, values={"x": 3}, number=number)
    return base64.b64encode(frame).decode("ascii")


def test_every_cell_bar_and_point_is_read_with_keys_and_named_with_its_step(kernel):
    kernel.evaluate("frame => give(frame)", charted())
    kernel.wait_for_selector("canvas[data-points='6']")
    readout, live = kernel.locator(".spikedu-readout"), kernel.locator(".spikedu-live")
    canvas = kernel.locator("canvas")
    canvas.focus()

    def after(*keys):
        for key in keys:
            kernel.keyboard.press(key)
        at(kernel)
        assert live.inner_text() == readout.inner_text()
        return readout.inner_text()

    assert after("PageDown") == "a map, step 1: row 0, column 0: 6 counts"
    assert after("ArrowDown", "End") == "a map, step 1: row 1, column 2: 11 counts"
    assert after("Home") == "a map, step 1: row 1, column 0: 9 counts"
    assert after("PageDown", "ArrowRight") == "bars, b: 1.50"
    assert after("PageDown", "End") == "curves, time 2: up 4, down 0.50"
    assert after("ArrowLeft") == "curves, time 1: up 1, down 1"
    assert after("Escape", "End") == "step 2: neuron 1: spike."
    assert after("PageDown") == "a map, step 2: row 0, column 0: 12 counts"


def test_curves_are_read_with_the_pointer_and_in_words(kernel):
    kernel.evaluate("frame => give(frame)", charted())
    kernel.wait_for_selector("canvas[data-points='6']")
    box = kernel.locator("canvas").bounding_box()
    at_end = {"x": box["width"] - 25, "y": box["height"] - 100}
    kernel.locator("canvas").hover(position=at_end)
    at(kernel)
    assert (
        kernel.locator(".spikedu-readout")
        .inner_text()
        .startswith("curves, time 2: up 4")
    )
    kernel.locator(".spikedu-twin summary").click()
    words = kernel.locator(".spikedu-words")
    words.filter(has_text="curves").wait_for()
    lines = words.inner_text().splitlines()
    assert "curves, up: from 0 to 4; at time 0: 0, 1: 1, 2: 4" in lines
    assert "a map, step 1, row 0: 6 7 8" in lines and "bars, a: 3" in lines
    kernel.get_by_label("time step").focus()
    kernel.keyboard.press("End")
    words.filter(has_text="step 2").wait_for()
    assert "a map, step 2, row 0: 12 13 14" in words.inner_text().splitlines()


def test_the_steps_of_time_are_announced(kernel):
    kernel.evaluate("frame => give(frame)", charted())
    kernel.wait_for_selector("canvas[data-points='6']")
    scrub = kernel.get_by_label("time step")
    scrub.focus()
    kernel.keyboard.press("End")
    said = "step 2: neuron 1: spike."
    assert scrub.get_attribute("aria-valuetext") == said
    kernel.get_by_role("button", name="one step back").click()
    live = kernel.locator(".spikedu-live")
    assert live.inner_text() == "step 1: neuron 1: no spike."


def test_the_marked_row_is_heard_and_what_cannot_be_heard_has_no_button(kernel):
    kernel.evaluate("frame => give(frame)", charted())
    kernel.wait_for_selector("canvas[data-points='6']")
    kernel.evaluate(SOUND)
    kernel.get_by_role("button", name="sound of spikes").click()
    forward = kernel.get_by_role("button", name="one step forward")
    for _ in range(3):
        forward.click()
    assert kernel.evaluate("window.clicks") == 1  # at step 2, of row 1
    silent = Screen(
        rows=((HeatView.of(np.ones((3, 2, 2)), "T R C", title="m", unit="n"),),),
        sentence="x.",
        alt="y",
        steps=3,
    )
    frame = packed.pack(silent, values={"x": 3}, number=3)
    kernel.evaluate("frame => give(frame)", base64.b64encode(frame).decode("ascii"))
    kernel.get_by_role("button", name="sound of spikes").wait_for(state="hidden")


def test_a_slow_scene_is_announced_when_it_has_come_not_before(kernel):
    live = kernel.locator(".spikedu-live")
    kernel.evaluate("model.set('x', 6)")
    kernel.wait_for_timeout(500)
    assert live.inner_text() == ""
    kernel.evaluate("frame => give(frame)", framed(6, 2))
    kernel.wait_for_timeout(500)
    assert live.inner_text() == "Exactly 6 spikes in the picture."


def test_a_legend_goes_on_in_a_new_row_where_it_does_not_fit(kernel):
    names = ["a neuron with a long name", "another one", "and one more of them"]
    membrane = np.zeros((4, 3))
    spikes = np.zeros((4, 3))
    heights = {}
    for number, some in ((2, names[:1]), (3, names)):
        view = MembraneView.of(
            membrane[:, : len(some)], 1.0, spikes[:, : len(some)], names=some
        )
        screen = Screen(rows=((view,),), sentence="x.", alt="y", steps=4)
        frame = packed.pack(screen, values={"x": 3}, number=number)
        kernel.evaluate("f => give(f)", base64.b64encode(frame).decode("ascii"))
        at(kernel)
        heights[number] = kernel.locator("canvas").bounding_box()["height"]
    assert heights[3] == heights[2] + 17

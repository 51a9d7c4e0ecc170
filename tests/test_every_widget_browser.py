"""Every widget under the hand in a real browser: without a kernel and in JupyterLab."""

import json
import os
import signal
from pathlib import Path

import lab
import nbformat
import pytest
from examples import MAKERS
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from spikedu.widgets.controls import Choice, Slider

pytestmark = pytest.mark.browser
TESTS = Path(__file__).parent
TWO_FRAMES = (
    "() => new Promise((ok) => requestAnimationFrame(() => requestAnimationFrame(ok)))"
)
SHOWN = "el => JSON.parse(el.dataset.shown)"


class Page:
    """A file that holds one widget, from disk, and all that it said and asked for."""

    def __init__(self, browser, file, scheme="light"):
        self.asked, self.said = [], []
        self.page = browser.new_page(
            color_scheme=scheme, viewport={"width": 900, "height": 1200}
        )
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("console", lambda m: self.said.append(m.text))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("canvas[data-paints]")
        self.canvas = self.page.locator("canvas").first

    def shown(self):
        self.page.evaluate(TWO_FRAMES)
        return self.canvas.evaluate(SHOWN)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """For each widget, itself and a page with it that needs no kernel."""
    folder, found = tmp_path_factory.mktemp("pages"), {}

    def of(name):
        if name not in found:
            w = MAKERS[name]()
            file = folder / f"{name}.html"
            style = "<style>:root { color-scheme: light dark }</style>"
            head = f"<meta charset=utf-8><title>{name}</title>{style}"
            text = f'<!doctype html><html lang="en">{head}<main>{w.to_html()}</main>'
            file.write_text(text, "utf-8")
            found[name] = w, file
        return found[name]

    return of


@pytest.mark.parametrize("name", MAKERS)
def test_it_moves_without_a_kernel(browser, files, name):
    w, file = files(name)
    opened = Page(browser, file)
    page, canvas = opened.page, opened.canvas
    assert opened.shown() == w._to_page(w.values)
    assert canvas.get_attribute("aria-label") == w.view.alt
    moved = 0
    for control in w.CONTROLS:
        if not w.PAGE and len(w._kept(control.name, w.values[control.name])) < 2:
            continue  # the page says that it stands still: its control is disabled
        field = page.get_by_label(control.label, exact=True)
        before, picture = opened.shown(), canvas.screenshot()
        if isinstance(control, Choice):
            values = field.locator("option").evaluate_all(
                "all => all.map(o => o.value)"
            )
            other = next(v for v in values if int(v) != before[control.name])
            field.select_option(other)
        else:
            field.focus()
            kept = (
                [control.low] if w.PAGE else w._kept(control.name, before[control.name])
            )
            first = before[control.name] == min(kept)
            page.keyboard.press("End" if first else "Home")
        after = opened.shown()
        assert after[control.name] != before[control.name], control.name
        assert {**after, control.name: 0} == {**before, control.name: 0}
        moved += canvas.screenshot() != picture
    movable = sum(
        w.PAGE or len(w._kept(c.name, w.values[c.name])) > 1 for c in w.CONTROLS
    )
    # A slider may change nothing at the others' values, as the seed of no noise.
    assert moved >= min(1, movable)

    if w.view.steps > 1:
        walk(page, canvas)
    assert opened.asked == [file.as_uri()] and opened.said == []
    page.close()


def walk(page, canvas):
    """Time: by buttons, by the scrub, by the keys; the words follow."""
    page.keyboard.press("Escape")
    page.get_by_role("button", name="one step forward").click()
    page.evaluate(TWO_FRAMES)
    assert canvas.get_attribute("data-at") == "0"
    readout = page.locator(".spikedu-readout").first
    first = readout.inner_text()
    assert first.startswith("step 0")
    scrub = page.get_by_label("time step")
    scrub.focus()
    page.keyboard.press("End")
    page.evaluate(TWO_FRAMES)
    last = int(scrub.get_attribute("max"))
    assert canvas.get_attribute("data-at") == str(last)
    assert readout.inner_text() != first
    canvas.focus()
    page.keyboard.press("Home")
    page.evaluate(TWO_FRAMES)
    assert readout.inner_text() == first


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_out(browser, files, name, scheme):
    _, file = files(name)
    opened = Page(browser, file, scheme)
    opened.page.locator(".spikedu-twin").evaluate("el => (el.open = true)")
    assert lab.axe(opened.page, "body") == []
    words = opened.page.locator(".spikedu-words").inner_text()
    assert len(words.splitlines()) > 1
    opened.page.close()


def test_a_notebook_exported_by_nbconvert_moves(browser, tmp_path):
    cells = ["from examples import MAKERS", *(f'MAKERS["{name}"]()' for name in MAKERS)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells], metadata=kernel
    )
    where = {"metadata": {"path": str(TESTS)}}
    NotebookClient(made, resources=where, store_widget_state=False).execute()
    # What nbconvert itself would load from elsewhere; nothing of ours needs it.
    export = HTMLExporter(require_js_url="", mathjax_url="")
    file = tmp_path / "exported.html"
    file.write_text(export.from_notebook_node(made)[0], "utf-8")
    opened = Page(browser, file)
    opened.page.wait_for_function(
        "count => document.querySelectorAll('canvas[data-paints]').length >= count",
        arg=len(MAKERS),
    )
    before = opened.shown()
    opened.page.get_by_label("input current i").first.focus()
    opened.page.keyboard.press("ArrowRight")
    after = opened.shown()
    assert after["current"] > before["current"] and after | before == before
    assert opened.asked == [file.as_uri()] and opened.said == []
    opened.page.close()


# ---------------------------------------------------------------- JupyterLab
# A scene that is slower than any hand.
SLOW = """import time
from spikedu.figures.views import CurveView, Screen
from spikedu.widgets.base import Explorer
from spikedu.widgets.controls import Slider
computed = []

class Slow(Explorer):
    CONTROLS = (Slider("x", "a slow number", 0, 99, 1),)

    @staticmethod
    def scene(*, x=0):
        time.sleep(0.2)
        computed.append(x)
        names = {"title": "a line", "xlabel": "x", "ylabel": "y"}
        view = CurveView.of([0, 1], {"y": [0, x]}, **names)
        return Screen(rows=((view,),), sentence=f"x is {x}.", alt=f"A line up to {x}.")

Slow()"""


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    start = f"import sys\nsys.path.insert(0, {str(TESTS)!r})\n"
    start += "from examples import MAKERS\nmade = {}"
    cells = [start] + [f"made[{n!r}] = MAKERS[{n!r}]()\nmade[{n!r}]" for n in MAKERS]
    cells.append(SLOW)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    cells = [nbformat.v4.new_code_cell(source) for source in cells]
    made = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(made, folder / "all.ipynb")
    with lab.notebook(folder, "all.ipynb", browser) as notebook:
        # Without it JupyterLab takes cells that are out of sight out of the page.
        notebook.page.evaluate(
            """() => {
                const { content } = window.jupyterapp.shell.currentWidget;
                const as = { ...content.notebookConfig, windowingMode: "none" };
                content.notebookConfig = as;
            }"""
        )
        notebook.run_all()
        yield notebook


def cell(opened, name):
    """The output of the cell of that widget."""
    return opened.page.locator(".jp-Cell").nth(1 + list(MAKERS).index(name))


def wait_for(opened, canvas, values):
    """Until the picture is of these values."""
    opened.page.wait_for_function(
        """([el, values]) => Object.entries(JSON.parse(el.dataset.shown || "{}"))
            .every(([name, value]) => values[name] === undefined
              || Math.abs(values[name] - value) < 1e-9)""",
        arg=[canvas.element_handle(), values],
        timeout=lab.PATIENCE,
    )


@pytest.mark.parametrize("name", MAKERS)
def test_it_moves_in_jupyterlab(opened, name):
    output, w = cell(opened, name), MAKERS[name]()
    output.scroll_into_view_if_needed()
    canvas = output.locator("canvas.spikedu-canvas")
    canvas.and_(opened.page.locator("[data-paints]")).wait_for(timeout=lab.PATIENCE)
    for control in [c for c in w.CONTROLS if isinstance(c, Slider)][:2]:
        slider = output.get_by_role("slider", name=control.label, exact=True)
        slider.focus()
        up = w.values[control.name] < control.high
        for _ in range(2):
            opened.page.keyboard.press("ArrowRight" if up else "ArrowLeft")
        now = float(slider.get_attribute("aria-valuetext"))
        assert abs(now - w.values[control.name]) > 1e-9
        wait_for(opened, canvas, {control.name: now})
        # Python says the same, once the hand rests.
        opened.page.wait_for_timeout(400)
        said = opened.python(f"print(made[{name!r}].values[{control.name!r}])")
        assert abs(float(said) - now) < 1e-9
    alt = opened.python(f"print(made[{name!r}].view.alt)")
    assert canvas.get_attribute("aria-label") == alt
    assert (
        lab.axe(
            opened.page,
            f".jp-Cell:nth-child({2 + list(MAKERS).index(name)}) .spikedu-widget",
        )
        == []
    )


def test_a_slow_scene_computes_the_newest_value_only_and_the_last_one_wins(opened):
    page = opened.page
    canvas = page.locator("canvas.spikedu-canvas").last
    canvas.scroll_into_view_if_needed()
    canvas.and_(page.locator("[data-paints]")).wait_for()
    status = page.locator(".spikedu-status").last
    slider = page.get_by_role("slider", name="a slow number", exact=True)
    slider.focus()
    opened.python("computed.clear()")
    for _ in range(40):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(10)
    assert status.inner_text() == "computing ..."
    wait_for(opened, canvas, {"x": 40})
    status.and_(page.locator(":empty")).wait_for(state="attached")
    computed = json.loads(opened.python("print(computed)"))
    assert computed[-1] == 40 and len(computed) < 20, computed
    assert canvas.get_attribute("aria-label") == "A line up to 40."


def test_the_page_and_the_machine_stayed_quiet(opened):
    assert opened.errors == [] and opened.outside == []


def test_the_dark_theme_reaches_every_widget(opened):
    inks = "all => all.map((el) => el.dataset.ink)"
    canvases = opened.page.locator("canvas.spikedu-canvas")
    before = canvases.evaluate_all(inks)
    opened.theme(dark=True)
    opened.page.wait_for_timeout(1000)
    after = canvases.evaluate_all(inks)
    opened.theme(dark=False)
    assert len(before) == len(MAKERS) + 1
    assert all(a != b for a, b in zip(before, after, strict=True))


def test_the_microscope_walks_by_a_click_and_by_its_buttons(opened):
    output, page = cell(opened, "spike_microscope"), opened.page
    output.scroll_into_view_if_needed()

    def values():
        page.wait_for_timeout(500)
        return json.loads(
            opened.python(
                "import json; print(json.dumps(made['spike_microscope'].values))"
            )
        )

    start = values()
    output.get_by_role("button", name="walk on along V").click()
    there = values()
    assert start["view"].startswith("output") and there["view"].startswith("value")
    assert output.get_by_role("button", name="walk on along V").is_disabled()
    output.get_by_role("button", name="walk back").click()
    assert values() == start
    canvas = output.locator("canvas.spikedu-canvas")
    canvas.click(position={"x": 140, "y": 80})  # in the raster: a feature and a step
    chosen = values()
    assert {k for k in start if start[k] != chosen[k]} <= {"feature", "time"}
    assert chosen != start
    wait_for(opened, canvas, {k: chosen[k] for k in ("feature", "time")})


@pytest.mark.parametrize("how", ["restarted", "killed"])
def test_a_kernel_that_is_gone_is_said_and_one_run_again_brings_it_back(opened, how):
    page = opened.page
    if how == "restarted":
        page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.sessionContext
                .session.kernel.restart()"""
        )
    else:
        os.kill(int(opened.python("import os; print(os.getpid())")), signal.SIGKILL)
    gone = page.locator(".spikedu-status", has_text="run the cell again")
    page.wait_for_function(
        f"""() => [...document.querySelectorAll(".spikedu-status")]
            .filter((el) => el.textContent.includes("run the cell again")).length
            > {len(MAKERS)}""",
        timeout=lab.PATIENCE,
    )
    assert gone.count() == len(MAKERS) + 1
    assert json.loads(
        page.locator("canvas.spikedu-canvas").first.get_attribute("data-shown")
    )
    opened.run_all()
    page.wait_for_function(
        """() => [...document.querySelectorAll(".spikedu-status")]
            .every((el) => el.textContent === "")""",
        timeout=lab.PATIENCE,
    )

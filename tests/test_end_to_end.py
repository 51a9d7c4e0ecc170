"""As a newcomer meets it: the first notebook, in JupyterLab, moved by the mouse."""

import shutil
from pathlib import Path

import lab
import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, folder)
    with lab.notebook(folder, "00_start_here.ipynb", browser) as notebook:
        notebook.run_all()
        notebook.page.wait_for_selector("canvas[data-paints]")
        yield notebook


def spikes(canvas):
    return int(canvas.get_attribute("data-spikes"))


def drag(page, slider, by):
    """Drag a slider's knob sideways by so many pixels, in small steps."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by, y, steps=12)
    page.mouse.up()
    page.wait_for_timeout(400)


def test_no_cell_of_the_first_notebook_fails(opened):
    failed = opened.page.evaluate(
        """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
            .flatMap((cell) => cell.type === "code" ? cell.outputs.toJSON() : [])
            .filter((output) => output.output_type === "error")"""
    )
    assert failed == []
    shown = opened.page.locator(".jp-OutputArea-output img").count()
    assert shown >= 2, "the figures of the notebook are on the page"


def test_the_equation_stands_beside_the_code_that_computes_it(opened):
    shown = opened.page.locator("details:not(.spikedu-twin) > pre").first
    source = shown.text_content()
    assert "def lif_step(" in source
    assert "u = beta * u + current - s.detach() * threshold" in source


def test_every_picture_says_what_it_shows(opened):
    images = opened.page.locator(".jp-OutputArea-output img").all()
    texts = [image.get_attribute("alt") or "" for image in images]
    assert all(40 <= len(text) <= 300 for text in texts), texts


def test_dragging_the_decay_slider_moves_the_picture_the_right_way(opened):
    page = opened.page
    canvas = page.locator("canvas.spikedu-canvas").first
    slider = page.get_by_role("slider", name="decay").first
    start = spikes(canvas), float(canvas.get_attribute("data-beta"))
    picture = canvas.screenshot()

    drag(page, slider, by=-40)  # a faster leak: fewer spikes
    fewer = spikes(canvas), float(canvas.get_attribute("data-beta"))
    assert fewer[1] < start[1] and fewer[0] < start[0]
    assert canvas.screenshot() != picture

    drag(page, slider, by=60)  # a slower leak: more spikes than at the start
    more = spikes(canvas), float(canvas.get_attribute("data-beta"))
    assert more[1] > start[1] and more[0] > start[0]

    # What is on the page is what Python computes at these values.
    assert opened.python("print(int(neuron.view.s[:, 0].sum()))").strip() == str(
        more[0]
    )


def test_the_console_is_silent_and_nothing_left_this_machine(opened):
    assert len(opened.requests) > 50, "the requests were seen"
    assert opened.outside == []
    assert opened.errors == []

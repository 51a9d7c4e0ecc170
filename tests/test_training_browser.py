"""The meter and the probe in JupyterLab: frames during a run, pause, the way back."""

import lab
import nbformat
import pytest

pytestmark = pytest.mark.browser

METER = """import time
import numpy as np
from spikedu.widgets import health_meter
meter, rng = health_meter(), np.random.default_rng(0)
meter"""
LOOP = """for step in range(200):
    hidden, output = rng.random((8, 4, 30)) < 0.3, rng.random((8, 4, 5)) < 0.2
    spikes = {"hidden": hidden, "output": output}
    meter.update(step, 2.3 * 0.99**step, spikes=spikes)
    time.sleep(0.02)
meter.finish()"""
PROBE = """import torch
from spikedu import data, train
from spikedu.spikformer import DIGITS, Spikformer
from spikedu.widgets import training_probe
torch.set_num_threads(1)
sets = [data.load("digits", split) for split in data.SPLITS]
few = [data.Images(x.images[:96], x.labels[:96]) for x in sets]
model = Spikformer(DIGITS)
probe = training_probe(model, few[1].images[:8], few[1].labels[:8], every=2)
probe"""
START = """config = train.TrainConfig(epochs=200, batch_size=32)
more = {"progress": False, "watch": probe.check}
probe.start(lambda: train.train(model, *few, config, **more));"""


@pytest.fixture
def opened(browser, tmp_path):
    def notebook(*cells):
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        made = nbformat.v4.new_notebook(metadata=kernel)
        made.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
        nbformat.write(made, tmp_path / "a.ipynb")
        return lab.notebook(tmp_path, "a.ipynb", browser)

    return notebook


def canvas(page):
    return page.locator("canvas.spikedu-canvas")


def start_last(notebook):
    """Runs the last cell, without waiting for its end."""
    notebook.page.evaluate(
        """async () => {
            const { content } = window.jupyterapp.shell.currentWidget;
            content.activeCellIndex = content.widgets.length - 1;
            window.jupyterapp.commands.execute("notebook:run-cell");
        }"""
    )


def count(page, name):
    return int(canvas(page).get_attribute(f"data-{name}") or 0)


def busy(page):
    return page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.sessionContext
            .session.kernel.status"""
    )


def run_cells(notebook, number):
    for k in range(number):
        notebook.page.evaluate(
            """(k) => {
                const { content } = window.jupyterapp.shell.currentWidget;
                content.activeCellIndex = k;
                return window.jupyterapp.commands.execute("notebook:run-cell");
            }""",
            k,
        )


def test_the_meter_is_painted_while_the_cell_runs(opened):
    with opened(METER, LOOP) as notebook:
        page = notebook.page
        run_cells(notebook, 1)
        canvas(page).and_(page.locator("[data-paints]")).wait_for()
        assert "No training step yet" in page.locator(".spikedu-sentence").inner_text()
        start_last(notebook)
        page.wait_for_selector("canvas[data-bars='2']", timeout=lab.PATIENCE)
        seen = []
        while busy(page) == "busy":
            seen.append((count(page, "paints"), count(page, "points")))
            page.wait_for_timeout(100)
        assert len(seen) > 10 and seen[-1][0] - seen[0][0] >= 10
        assert seen[-1][1] > seen[0][1] > 0
        page.wait_for_timeout(500)
        sentence = page.locator(".spikedu-sentence").inner_text()
        assert sentence.startswith("Training step 199: loss 0.31.")
        assert notebook.errors == [] and notebook.outside == []


def test_the_probe_pauses_goes_back_goes_on_and_stops(opened):
    with opened(PROBE, START) as notebook:
        page = notebook.page
        run_cells(notebook, 1)
        canvas(page).and_(page.locator("[data-paints]")).wait_for(timeout=lab.PATIENCE)
        start_last(notebook)
        sentence = page.locator(".spikedu-sentence")

        def step():
            words = sentence.inner_text().replace(":", "").split()
            return int(words[words.index("step") + 1])

        page.wait_for_function(
            "() => Number(document.querySelector('canvas').dataset.moment) >= 6",
            timeout=lab.PATIENCE,
        )
        # Pause, by keyboard. The cell has ended; the training goes on behind it.
        page.get_by_role("button", name="Pause").focus()
        page.keyboard.press("Space")
        page.locator(".spikedu-sentence", has_text="Paused at training step").wait_for(
            timeout=lab.PATIENCE
        )
        still = step()
        page.wait_for_timeout(1500)
        assert step() == still
        assert notebook.python("print(probe.running, probe.run.newest[0])").split() == [
            "True",
            str(still),
        ]

        # Back by keyboard: an earlier moment.
        slider = page.get_by_role("slider", name="moment of the run")
        slider.focus()
        newest = count(page, "moment")
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
        page.wait_for_function(  # not the slider alone: the frame of that moment
            "k => JSON.parse(document.querySelector('canvas').dataset.shown)"
            ".moment === k",
            arg=newest - 3,
        )
        back = step()
        assert back < still

        # On: the record grows, and the picture stays where the learner is.
        page.get_by_role("button", name="Resume").click()
        page.wait_for_function(
            f"() => Number(document.querySelector('.spikedu-sentence').textContent"
            f".match(/of (\\\\d+) so far/)?.[1]) > {still + 4}".replace("\\\\", "\\"),
            timeout=lab.PATIENCE,
        )
        assert step() == back
        page.get_by_role("button", name="Newest moment").click()
        page.wait_for_function(
            "() => !document.querySelector('.spikedu-sentence').textContent"
            ".includes('so far')",
            timeout=lab.PATIENCE,
        )
        # And back again while it trains on: the hand wins against the frames.
        slider.focus()
        page.keyboard.press("Home")
        page.wait_for_selector("canvas[data-moment='0']", timeout=lab.PATIENCE)
        page.wait_for_timeout(1500)
        assert count(page, "moment") == 0 and step() == 0

        page.get_by_role("button", name="Stop").click()
        page.locator(".spikedu-error").wait_for(state="hidden")
        notebook.python("history = probe.wait(60)")
        said = notebook.python("print(probe.running, probe.run.status, len(history))")
        running, status, epochs = said.split()
        assert (running, status) == ("False", "stopped") and 0 < int(epochs) < 200
        assert notebook.errors == [] and notebook.outside == []

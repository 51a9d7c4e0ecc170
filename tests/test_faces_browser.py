"""The four faces in a page: a hand on a spike marks the term that caused it."""

import pytest

from spikedu import widgets
from spikedu.scenes.faces import CONSTANT

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser, tmp_path):
    def opened(**start):
        text = widgets.four_faces(**start).to_html()
        file = tmp_path / "faces.html"
        file.write_text(f"<!doctype html><meta charset=utf-8>{text}", "utf-8")
        page = browser.new_page(viewport={"width": 900, "height": 900})
        page.goto(file.as_uri())
        page.wait_for_selector("canvas[data-paints]")
        return page

    return opened


def hover(page, step, steps=24):
    """The hand on the membrane at a step: the right half of the picture."""
    width = page.locator("canvas").evaluate("el => el.clientWidth")
    left, right = width / 2 + 62, width - 14
    x = left + (step + 0.5) / steps * (right - left)
    page.locator("canvas").hover(position={"x": x, "y": 160})
    page.wait_for_function(
        "t => document.querySelector('canvas').dataset.circuitStep === String(t)",
        arg=step,
    )
    return page.locator(".spikedu-cause").all_inner_texts()


def test_a_hand_on_a_spike_marks_its_cause(page):
    opened = page()
    (row,) = hover(opened, 6)
    assert row.startswith("▶ + W · X[t+1], the input") and "0.50" in row
    readout = opened.locator(".spikedu-readout").inner_text()
    assert readout.endswith(
        "The input of 0.50 lifts b·U = 0.52 over the threshold 1.00."
    )
    (row,) = hover(opened, 7)
    assert row.startswith("▶ − S[t] · U_th, the reset") and "-1" in row
    assert hover(opened, 9) == []
    opened.close()


def test_it_starts_at_the_first_spike(page):
    opened = page(drive=CONSTANT)
    (row,) = opened.locator(".spikedu-cause").all_inner_texts()
    assert row.startswith("▶ b · U[t], what is left") and "0.72" in row
    assert opened.locator("canvas").get_attribute("data-circuit-step") == "2"
    opened.close()

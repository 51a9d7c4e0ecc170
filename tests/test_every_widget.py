"""What every widget promises, over its whole slider box: see `examples.MAKERS`."""

import itertools
import math
import random
import re
import warnings

import numpy as np
import pytest
from examples import MAKERS

from spikedu.figures import canvas
from spikedu.figures.views import Screen
from spikedu.widgets import lif_explorer, link
from spikedu.widgets.controls import Choice, Slider

DRAWS, MOST_CORNERS = 1000, 200
each = pytest.mark.parametrize("name", MAKERS)


@pytest.fixture(scope="module")
def made():
    """Each widget once, however many tests look at it."""
    found = {}

    def one(name):
        if name not in found:
            found[name] = MAKERS[name]()
        return found[name]

    return one


def corners(controls):
    """Ends of every slider with ends of every other; some of them where too many."""
    ends = [
        control.options if isinstance(control, Choice) else (control.low, control.high)
        for control in controls
    ]
    every = list(itertools.product(*ends))
    random.Random(1).shuffle(every)
    names = [control.name for control in controls]
    return [dict(zip(names, values, strict=True)) for values in every[:MOST_CORNERS]]


def drawn(controls, rng):
    """Values somewhere in the box, often on its faces."""
    found = {}
    for control in controls:
        if isinstance(control, Choice):
            found[control.name] = rng.choice(control.options)
            continue
        low, high = control.low, control.high
        value = rng.choice([low, high, *[rng.uniform(low, high)] * 3])
        whole = control.step == 1
        found[control.name] = control.tidy(round(value) if whole else value)
    return found


def arrays_in(x):
    if isinstance(x, np.ndarray):
        yield x
    elif isinstance(x, dict):
        for value in x.values():
            yield from arrays_in(value)
    elif isinstance(x, (list, tuple)):
        for value in x:
            yield from arrays_in(value)


def hold(view, values):
    """What is true of every picture."""
    assert isinstance(view, Screen), values
    assert 40 <= len(view.alt) <= 400, (values, view.alt)
    assert view.sentence.strip().endswith((".", "!", "?")), (values, view.sentence)
    assert not re.search(r"\b(nan|inf|None)\b", view.sentence + view.alt), values
    found = canvas.screen(view)
    for array in arrays_in(found):
        assert array.size and np.isfinite(array.astype(float)).all(), values
    assert 0 <= view.at < max(view.steps, 1), values
    assert len(view.said) in (0, view.steps), values
    numbers = [x for x in re.findall(r"-?\d+\.\d+", view.sentence)]
    assert all(math.isfinite(float(x)) for x in numbers)
    compile(view.code, "code", "exec")
    return found


@each
def test_the_scene_holds_over_the_whole_box(name, made):
    w, rng = made(name), random.Random(name)
    if not w.CONTROLS:
        pytest.skip("it has no controls")
    rounds = corners(w.CONTROLS) + [drawn(w.CONTROLS, rng) for _ in range(DRAWS)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for values in rounds:
            try:
                hold(w.scene(**w._given, **values), values)
            except AssertionError:
                raise
            except Exception as error:
                raise AssertionError(f"{values}: {error!r}") from error


@each
def test_a_scene_is_pure(name, made):
    w = made(name)
    state = np.random.get_state()[1].copy()  # random's own is drawn from by beartype
    first, second = (canvas.pack(w.scene(**w._given, **w.values)) for _ in range(2))
    assert first == second
    assert (np.random.get_state()[1] == state).all()


@each
def test_a_frame_brings_the_page_what_the_screen_holds(name, made):
    w = made(name)
    found = canvas.unpack(canvas.pack(w.view, values=w._to_page(w.values), number=3))
    assert found["number"] == 3 and found["values"] == w._to_page(w.values)
    ours, theirs = canvas.screen(w.view), found
    pairs = zip(arrays_in(ours), arrays_in(theirs["rows"]), strict=True)
    for a, b in pairs:
        assert a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=1e-6)
    for key in ("sentence", "alt", "code", "steps", "at", "said"):
        assert theirs[key] == ours[key]


@each
def test_presets_and_reset_move_and_come_back(name, made):
    w = made(name)
    start = w.values
    for preset, moved in w.PRESETS.items():
        w.preset(preset)
        assert w.values == {**w.defaults(), **moved}, preset
        hold(w.view, preset)
    w.reset()
    assert w.values == start


@each
def test_a_page_without_a_kernel_is_small_and_the_same_each_time(name, made):
    w = made(name)
    pictures = 1
    for control in w.CONTROLS:
        pictures *= len(w._kept(control.name, w.values[control.name]))
    assert pictures <= 64
    text = w.to_html()
    assert text == w.to_html() and len(text.encode()) <= 100_000
    assert '<img alt="' in text
    for call in ("http:", "https:", "fetch(", "XMLHttp", "@import", "url("):
        assert call not in text, call


@each
def test_a_movement_costs_few_bytes(name, made, monkeypatch):
    w = made(name)
    sent = []

    def send(widget, message, buffers=None):
        sent.append(len(str(message)) + sum(map(len, buffers or [])))

    monkeypatch.setattr("ipywidgets.Widget._send", send)
    sliders = [c for c in w.CONTROLS if isinstance(c, Slider)]
    if not sliders:
        pytest.skip("it has no sliders")
    for control in sliders:
        sent.clear()
        here = w.values[control.name]
        to = control.low if here != control.low else control.high
        # What the page sends when a slider is dragged there.
        w.controls[control.name].set_state({"value": to})
        # The messages around them (headers, busy and idle) take some 2.5 kB more.
        assert sum(sent) <= 5_500, control.name
        w.controls[control.name].set_state({"value": here})


@each
def test_a_widget_says_itself(name, made):
    w = made(name)
    assert repr(w) == f"{type(w).__name__}: {w.view.alt}"
    assert w.view.alt in w.view.text
    for control in w.CONTROLS:
        assert 3 <= len(control.label) <= 40, control.label


def test_an_error_of_the_scene_is_shown_in_words_and_goes_when_it_works(monkeypatch):
    from spikedu.widgets.base import Explorer

    class Breaks(Explorer):
        CONTROLS = (Slider("x", "a number", 0, 9, 1),)

        @staticmethod
        def scene(*, x=0):
            if x == 5:
                raise ZeroDivisionError("five is <too> much")
            return Screen(rows=(), sentence="x.", alt="a" * 50)

    w = Breaks()
    before = w.canvas.frame
    with pytest.raises(ZeroDivisionError):
        w.controls["x"].value = 5
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    w.controls["x"].value = 4
    w.controls["x"].value = 5
    assert (
        "the scene stopped: ZeroDivisionError: five is &lt;too&gt;" in w._message.value
    )
    assert w._message.layout.display == "" and w.canvas.frame != before
    assert canvas.unpack(w.canvas.frame)["values"] == {"x": 4}
    w.controls["x"].value = 6
    assert w._message.layout.display == "none"
    assert canvas.unpack(w.canvas.frame)["values"] == {"x": 6}


def test_a_cursor_is_set_and_read_and_refused():
    w = lif_explorer()
    assert w.cursor == {}
    w.cursor = {"t": 7, "n": 3}
    assert w.canvas.cursor == {"t": 7, "n": 3}
    w.canvas.set_state({"cursor": {"t": 9, "n": 0}})
    assert w.cursor == {"t": 9, "n": 0}
    w.cursor = {}
    with pytest.raises(
        ValueError, match=r"cursor\['t'\] = 100: must be a whole number"
    ):
        w.cursor = {"t": 100}
    with pytest.raises(ValueError, match="cursor = .*must be .*step"):
        w.cursor = {"n": 1}


def test_linked_widgets_share_a_group_and_others_do_not():
    a, b, c = lif_explorer(), lif_explorer(), lif_explorer()
    link(a, b)
    assert a.canvas.group == b.canvas.group != "" == c.canvas.group

"""Figures: what a view holds, by value; that both renderers draw just that."""

import html
import re

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikedu.figures import interactive, static, style, words
from spikedu.figures.views import (
    FiringRateView,
    LearningCurveView,
    MembraneView,
    RasterView,
)
from spikedu.train import History

# [T, N] = [5, 4]: neuron 2 is silent, 1 fires most, 3 fires first.
SPIKES = np.array(
    [[0, 0, 0, 1], [0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 1]]
)
MEMBRANE = np.array([0.4, 0.8, 1.2, 0.1, -0.3])
CURVES = {
    "train_loss": [2.0, 1.0, 0.5],
    "test_loss": [2.1, 1.3, 0.9],
    "train_accuracy": [0.3, 0.7, 0.95],
    "test_accuracy": [0.25, 0.6, 0.8],
}
REFERENCES = {"logistic regression": 0.9, "chance": 0.1}


def views():
    spikes = MEMBRANE > 1
    two = np.stack([MEMBRANE, MEMBRANE - 1], axis=1)
    rng = np.random.default_rng(0)
    layers = {
        "first": SPIKES,
        "second": np.ones((4, 2, 3)),
        "third": np.zeros((4, 2, 3, 5)),
    }
    return {
        "raster": RasterView.of(SPIKES, order="rate"),
        "raster, thinned": RasterView.of(rng.random((30, 500)) < 0.1),
        "raster, silent": RasterView.of(np.zeros((3, 2))),
        "membrane": MembraneView.of(MEMBRANE, 1.0, spikes, current=np.full(5, 0.5)),
        "membrane, two": MembraneView.of(two, 0.5, two > 0.5, names=["a", "b"]),
        "learning_curve": LearningCurveView.of(**CURVES, references=REFERENCES),
        "learning_curve, loss": LearningCurveView.of(train_loss=[3.0]),
        "firing_rates": FiringRateView.of(layers),
    }


each = pytest.mark.parametrize("name", views())


def draw(module, name, **options):
    return getattr(module, name.partition(",")[0])(views()[name], **options)


# ---------------------------------------------------------------- views by value
def test_a_raster_holds_each_spike_once_row_by_row():
    view = RasterView.of(SPIKES)
    assert view.times.tolist() == [2, 1, 2, 4, 0, 4]
    assert view.rows.tolist() == [0, 1, 1, 1, 3, 3]
    assert view.neurons.tolist() == [0, 1, 2, 3]
    assert view.counts.tolist() == [1, 3, 0, 2]
    assert view.rate == 6 / 20
    assert view.title == "4 neurons"


@pytest.mark.parametrize(
    ("order", "neurons"),
    [("index", [0, 1, 2, 3]), ("rate", [1, 3, 0, 2]), ("first", [3, 1, 0, 2])],
)
def test_a_raster_sorts_its_rows(order, neurons):
    view = RasterView.of(SPIKES, order=order)
    assert view.neurons.tolist() == neurons
    for row, neuron in enumerate(neurons):
        assert view.times[view.rows == row].tolist() == list(
            np.flatnonzero(SPIKES[:, neuron])
        )


def test_a_large_layer_is_thinned_after_sorting_and_says_so():
    spikes = np.tile(np.arange(10) < 5, (6, 1))
    spikes[0, 7] = True
    view = RasterView.of(spikes, order="rate", most=4)
    assert view.every == 3
    assert view.neurons.tolist() == [0, 3, 5, 9]  # of 0 1 2 3 4, 7, 5 6 8 9
    assert view.title == "every 3rd of 10 neurons, most active first"
    assert view.counts.sum() == 31 and view.rate == 31 / 60
    assert "every 3rd of 10 neurons" in view.alt


def test_a_raster_in_words():
    text = RasterView.of(SPIKES).text.splitlines()
    assert text[1:] == [
        "neuron 0 fires at 2",
        "neuron 1 fires at 1, 2, 4",
        "neuron 2 never fires",
        "neuron 3 fires at 0, 4",
    ]
    assert text[0] == (
        "Spike raster of 4 neurons over 5 steps: 6 spikes, 0.30 per neuron per step. "
        "Neuron 1 fires most, 3 times. 1 neuron never fired."
    )


def test_where_all_fire_alike_none_fires_most():
    alt = RasterView.of(np.ones((3, 2))).alt
    assert "Each neuron fires 3 times." in alt and "most" not in alt


def test_a_membrane_marks_spikes_on_its_trace():
    view = views()["membrane"]
    assert view.membrane.shape == (5, 1) and view.membrane[:, 0].tolist() == [
        0.4,
        0.8,
        1.2,
        0.1,
        -0.3,
    ]
    assert [t.tolist() for t in view.spike_times] == [[2]]
    assert [h.tolist() for h in view.spike_heights] == [[1.2]]
    assert view.current.tolist() == [[0.5]] * 5
    assert view.alt == (
        "Membrane potential over 5 steps, threshold 1.00. "
        "Neuron 0: from -0.30 to 1.20, fires 1 time, first at step 2."
    )
    assert "neuron 0 fires at 2; at the last step it is at -0.30" in view.text


def test_each_trace_has_its_own_spikes_and_heights():
    two = np.stack([MEMBRANE, MEMBRANE[::-1] + 1], axis=1)
    view = MembraneView.of(two, 1.0, two > 1)
    assert [t.tolist() for t in view.spike_times] == [[2], [1, 2, 3, 4]]
    assert [h.tolist() for h in view.spike_heights] == [[1.2], [1.1, 2.2, 1.8, 1.4]]


def test_a_learning_curve_in_numbers_and_words():
    view = views()["learning_curve"]
    assert view.epochs.tolist() == [1, 2, 3] and view.panels == ("loss", "accuracy")
    assert view.series("loss")["test"].tolist() == [2.1, 1.3, 0.9]
    assert "Train loss goes from 2.00 to 0.50, test loss goes from 2.10" in view.alt
    assert "logistic regression at 0.90" in view.alt
    assert "epoch 2: train loss 1.00, test loss 1.30, train accuracy 0.70" in view.text
    assert views()["learning_curve, loss"].panels == ("loss",)


def test_a_history_of_training_fits():
    history = History(**CURVES)
    assert LearningCurveView.of(**vars(history)).text == (
        LearningCurveView.of(**CURVES).text
    )


def test_firing_rates_by_layer():
    view = views()["firing_rates"]
    assert view.neurons.tolist() == [4, 3, 15]
    assert view.rate.tolist() == [0.3, 1.0, 0.0]
    assert view.dead.tolist() == [0.25, 0.0, 1.0]
    assert view.saturated.tolist() == [0.0, 1.0, 0.0]
    assert view.rows[0] == {
        "layer": "first",
        "neurons": 4,
        "rate": 0.3,
        "dead": 0.25,
        "saturated": 0.0,
    }
    assert "| first | 4 | 0.30 | 25 % | 0 % |" in view.text


@pytest.mark.parametrize(
    ("spikes", "limit"), [(0, 0.1), (1, 0.2), (2, 0.3), (5, 0.6), (9, 1.0), (10, 1.0)]
)
def test_the_axis_of_rates_ends_above_the_highest(spikes, limit):
    train = np.arange(10)[:, None] < spikes
    view = FiringRateView.of({"layer": train})
    assert view.limit == pytest.approx(limit)
    drawn = static.firing_rates(view).axes[0].get_xlim()
    assert drawn == interactive.firing_rates(view).layout.xaxis.range == (0, view.limit)


def test_a_neuron_is_dead_or_saturated_only_over_all_samples():
    spikes = np.zeros((2, 2, 3))  # [T, B, N]
    spikes[:, 0, 0] = 1  # at every step of sample 0, never in sample 1
    spikes[:, :, 1] = 1
    view = FiringRateView.of({"x": spikes})
    assert view.dead.tolist() == [1 / 3] and view.saturated.tolist() == [1 / 3]


@given(
    hnp.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 40))),
    st.sampled_from(["index", "rate", "first"]),
    st.integers(1, 50),
)
@settings(max_examples=60, deadline=None)
def test_what_a_raster_draws_is_in_the_spikes(spikes, order, most):
    view = RasterView.of(spikes, order=order, most=most)
    assert len(view.neurons) <= most
    again = np.zeros_like(spikes)
    again[view.times, view.neurons[view.rows]] = True
    assert (again[:, view.neurons] == spikes[:, view.neurons]).all()
    assert not again[:, np.setdiff1d(np.arange(spikes.shape[1]), view.neurons)].any()
    assert 40 <= len(view.alt) <= 300


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RasterView.of([1, 0]), "spikes.shape = (2,): must be [T, N]"),
        (lambda: RasterView.of([[0.5]]), "spikes = 0.5 at [0, 0]: must be 0 or 1"),
        (lambda: RasterView.of([[0.0, np.nan]]), "1 NaN or infinite entries, first at"),
        (lambda: RasterView.of(np.zeros((0, 3))), "spikes.shape = (0, 3): must be"),
        (lambda: RasterView.of(SPIKES, most=0), "most = 0: must be a whole number"),
        (lambda: MembraneView.of([[[1.0]]]), "membrane.shape = (1, 1, 1): must be [T]"),
        (lambda: MembraneView.of([0.1, np.inf]), "membrane = 1 NaN or infinite"),
        (lambda: MembraneView.of([0.1], float("nan")), "threshold = nan: must be"),
        (lambda: MembraneView.of([0.1], spikes=[1, 0]), "spikes.shape = (2, 1): must"),
        (lambda: MembraneView.of([0.1], spikes=[0.1]), "spikes = 0.1 at [0]"),
        (lambda: MembraneView.of([0.1], current=[1, 0]), "current.shape = (2, 1)"),
        (lambda: MembraneView.of(np.ones((3, 9))), "number of traces = 9: must be"),
        (lambda: MembraneView.of([0.1], names=["a", "b"]), "names = ['a', 'b']: must"),
        (lambda: LearningCurveView.of(), "at least one, such as train_loss"),
        (
            lambda: LearningCurveView.of(train_loss=[1.0, np.nan]),
            "train_loss = 1 NaN or infinite entries, first at [1]",
        ),
        (
            lambda: LearningCurveView.of(train_loss=[1.0], test_loss=[1.0, 2.0]),
            "{'train_loss': 1, 'test_loss': 2}: must be the same number",
        ),
        (
            lambda: LearningCurveView.of(test_accuracy=[95.0]),
            "test_accuracy = 95.0: must be a number from 0 to 1",
        ),
        (
            lambda: LearningCurveView.of(train_loss=[1.0], references={"a": 95.0}),
            "references['a'] = 95.0: must be a number from 0 to 1",
        ),
        (
            lambda: LearningCurveView.of(train_loss=[1.0, 2.0], epochs=[2, 2]),
            "epochs = [2, 2]: must be 2 whole numbers, each above",
        ),
        (lambda: FiringRateView.of({}), "layers = {}: must be a mapping"),
        (lambda: FiringRateView.of({"a": [1, 0]}), "layers['a'].shape = (2,): must"),
        (lambda: FiringRateView.of({"a": [[0.3]]}), "layers['a'] = 0.3 at [0, 0]"),
    ],
)
def test_a_bad_argument_is_named_with_its_value_and_what_is_right(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_a_view_keeps_its_own_data():
    data = MEMBRANE.copy()
    view = MembraneView.of(data)
    data[0] = 9
    assert view.membrane[0, 0] == 0.4
    with pytest.raises(ValueError):
        view.membrane[0, 0] = 9


# ---------------------------------------------------------------- ink
def points(figure):
    """Every drawn curve as (x, y) lists, steps and full-width lines left out."""
    found = []
    if isinstance(figure, static.Picture):
        for axes in figure.axes:
            for line in axes.lines:
                x, y = (np.asarray(v, float) for v in line.get_data())
                across = line.get_transform() != axes.transData
                found.append(("across" if across else x.tolist(), y.tolist()))
            for bar in axes.patches:
                found.append(([bar.get_width()], [bar.get_y() + bar.get_height() / 2]))
        return found
    for trace in figure.data:
        x, y = np.asarray(trace.x, float), np.asarray(trace.y, float)
        if trace.type == "bar":
            found += [([a], [b]) for a, b in zip(x, y, strict=True)]
            continue
        across = trace.name in REFERENCES or str(trace.name).startswith("threshold")
        found.append(("across" if across else x.tolist(), y.tolist()))
    return found


@each
def test_both_renderers_draw_the_same_points(name):
    def order(curve):
        return str(curve)

    ours, theirs = points(draw(static, name)), points(draw(interactive, name))
    ours, theirs = sorted(ours, key=order), sorted(theirs, key=order)
    assert len(ours) == len(theirs) > 0
    for (x, y), (other_x, other_y) in zip(ours, theirs, strict=True):
        assert (x == "across") == (other_x == "across")
        if x != "across":
            np.testing.assert_allclose(x, other_x, rtol=0, atol=1e-12)
        np.testing.assert_allclose(y, other_y, rtol=0, atol=1e-12)


def test_the_points_are_those_of_the_view():
    (drawn,) = points(draw(static, "raster"))
    assert drawn == ([1, 2, 4, 0, 4, 2], [0, 0, 0, 1, 1, 2])
    found = points(draw(static, "membrane"))
    steps = list(range(5))
    assert ([2], [1.2]) in found and ("across", [1.0, 1.0]) in found
    assert (steps, MEMBRANE.tolist()) in found and (steps, [0.5] * 5) in found


@each
@pytest.mark.parametrize("theme", style.THEMES)
def test_every_figure_carries_its_alt_text_and_labels(name, theme):
    alt = views()[name].alt
    assert 40 <= len(alt) <= 300

    picture = draw(static, name, theme=theme)
    shown = picture._repr_html_()
    assert f'alt="{html.escape(alt)}"' in shown and shown.startswith("<img ")
    assert len(shown) < 120_000
    *_, last = picture.axes
    assert last.get_xlabel() and (last.get_ylabel() or last.get_yticklabels())

    figure = draw(interactive, name, theme=theme)
    (caption,) = [a.text for a in figure.layout.annotations if a.name == "alt text"]
    assert caption.replace("<br>", " ") == alt == figure.layout.meta["alt"]


def test_words_on_the_axes_name_units():
    said = " ".join(
        f"{axes.get_xlabel()} {axes.get_ylabel()}"
        for name in views()
        for axes in draw(static, name).axes
    )
    for unit in (
        "(steps)",
        "(threshold's scale)",
        "(nats)",
        "(share)",
        "per neuron per",
    ):
        assert unit in said


def test_the_same_picture_has_the_same_bytes():
    first, second = (draw(static, "membrane").image("png") for _ in range(2))
    assert first == second and first.startswith(b"\x89PNG")


def test_nothing_global_is_changed():
    before = dict(matplotlib.rcParams)
    for name in views():
        draw(static, name, theme="dark")
    assert dict(matplotlib.rcParams) == before


def test_drawing_into_axes_of_your_own():
    figure = matplotlib.figure.Figure()
    left, right = figure.subplots(1, 2)
    assert static.raster(views()["raster"], left) is left
    assert static.membrane(views()["membrane"], right) is right
    alt = static.show(figure).alt
    assert alt.startswith("Spike raster") and "Membrane potential" in alt
    with pytest.raises(ValueError, match="without alt text"):
        static.show(matplotlib.figure.Figure())
    with pytest.raises(ValueError, match="one for each of loss and accuracy"):
        static.learning_curve(views()["learning_curve"], left)


def test_show_closes_what_pyplot_would_show_once_more():
    import matplotlib.pyplot as plt

    _, axes = plt.subplots()
    picture = static.show(static.raster(views()["raster"], axes))
    assert plt.get_fignums() == [] and picture.alt == views()["raster"].alt


def test_each_meaning_has_a_colour_and_a_mark_without_colour():
    assert set(style.COLOURS) == set(style.MARKS)
    seen = set()
    for meaning, mark in style.MARKS.items():
        seen.add((style.COLOURS[meaning], mark))
    assert len(seen) == len(style.COLOURS)
    assert style.colour("spike", "dark") == style.TEXT["dark"]
    assert style.colour("membrane") == "#0072B2"
    with pytest.raises(ValueError, match="'voltage': must be one of membrane"):
        style.colour("voltage")


def test_words():
    assert [words.ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111)] == (
        "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 101st 111th".split()
    )
    assert [words.percent(x) for x in (0, 0.001, 0.25, 0.999, 1)] == (
        ["0 %", "under 1 %", "25 %", "over 99 %", "100 %"]
    )
    assert [words.number(x) for x in (0, 0.3, 0.0012, 123456.0)] == (
        ["0.00", "0.30", "0.0012", "1.23e+05"]
    )
    assert words.listed(range(5), 2) == "0, 1 and 3 more"
    long = ["a" * 200, "b" * 90, "c" * 90]
    assert words.clip(long) == "a" * 200 + " " + "b" * 90

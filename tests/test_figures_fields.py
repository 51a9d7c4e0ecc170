"""Maps, bars, curves, differences and terms: by value, in words, and as three inks."""

import html
import re

import matplotlib
import numpy as np
import pytest

from spikedu.figures import canvas, interactive, static, style, words
from spikedu.figures.views import (
    BarsView,
    CurveView,
    DifferenceView,
    HeatView,
    Screen,
    TermsView,
)

# [T, N] = [4, 3]
ONE = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]])
TWO = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
MAPS = np.arange(2 * 3 * 2 * 4).reshape(2, 3, 2, 4) - 20.0  # [T, K, R, C]
BIT = np.array([[1, 0, 1], [0, 0, 1]])
LABELS = {"xlabel": "current", "ylabel": "rate"}


def views():
    maps = {"title": "some maps", "unit": "counts", "marked": [(1, 0, 3), (2, 1, 0)]}
    terms = {"b U[t]": ("beta * u", [3e-9, 0.25]), "W X": ("+ current", [0.1, -2.0])}
    x = np.linspace(0, 1, 50)
    curves = {"f": x**2, "g": 1 - x}
    more = {"meanings": ["Q", "current"], "points": [(0.25, 0.5, "a"), (1, 0.5, "b")]}
    bars = {"title": "some bars", "x": "layer", "y": "rate", "meaning": "current"}
    return {
        "difference": DifferenceView.of(ONE, TWO, ("old", "new")),
        "difference, alike": DifferenceView.of(ONE, ONE),
        "heat": HeatView.of(MAPS, "T K R C", names=["p", "q", "r"], **maps),
        "heat, one": HeatView.of(MAPS[0, 0], title="a small map", unit="mV"),
        "heat, spikes": HeatView.of(BIT, title="spikes of a map"),
        "bars": BarsView.of([[1, 2], [3, 0.5]], ["a", "b"], levels={"top": 2}, **bars),
        "bars, counted": BarsView.histogram([0, 2, 2], title="a histogram", x="value"),
        "curve": CurveView.of(x, curves, title="two curves", **LABELS, **more),
        "curve, few": CurveView.of([1, 2], {"f": [3, 1]}, title="a line", **LABELS),
        "terms": TermsView.of(terms, [-1, 1], title="Eq. (1) in parts"),
    }


each = pytest.mark.parametrize("name", views())
steps = pytest.mark.parametrize("t", [0, 1])
TIMED = {"heat", "bars", "terms"}


def draw(module, name, theme="light", t=0):
    kind = name.partition(",")[0]
    more = {"t": t} if kind in TIMED else {}
    return getattr(module, kind)(views()[name], theme=theme, **more)


# ---------------------------------------------------------------- views by value
def test_a_difference_tells_whose_each_spike_is():
    view = views()["difference"]
    marks = list(zip(view.times, view.rows, view.who, strict=True))
    # Neuron by neuron: 0 (both), 1 (the first alone) or 2 (the second alone).
    assert [tuple(map(int, m)) for m in marks] == [
        (0, 0, 0),
        (1, 0, 2),
        (2, 0, 1),
        (1, 1, 1),
        (2, 1, 0),
        (3, 2, 2),
    ]
    assert view.counts == (2, 2, 2)
    assert view.alt == (
        "Difference raster of 3 neurons over 4 steps: 2 spikes of both, 2 of old "
        "alone, 2 of new alone. They first differ at step 1."
    )
    assert view.text.splitlines()[1:] == [
        "neuron 0: old alone fires at 2; new alone fires at 1",
        "neuron 1: old alone fires at 1",
        "neuron 2: new alone fires at 3",
    ]
    alike = views()["difference, alike"]
    assert alike.counts == (4, 0, 0) and alike.alt.endswith("They fire alike.")
    assert alike.text.splitlines()[1] == "neuron 0: no difference"


def test_a_map_holds_its_values_and_the_ends_of_its_colours():
    view = views()["heat"]
    assert view.values.shape == (2, 3, 2, 4) and (view.values == MAPS).all()
    assert (view.low, view.high) == (-27, 27)  # the highest is 27, the lowest -20
    assert (view.at(1) == MAPS[1]).all() and (view.at(9) == MAPS[1]).all()
    assert view.marked == ((1, 0, 3), (2, 1, 0)) and not view.binary
    assert view.alt == (
        "some maps: 3 maps of 2 x 4 (row by column) at 2 time steps. From -20.00 to "
        "27.00 counts; highest in row 1, column 3 of r."
    )
    assert "step 1, r row 1: 24, 25, 26, 27" in view.text
    positive = HeatView.of([[1, 4]], title="x", unit="V")
    assert (positive.low, positive.high) == (0, 4)
    wide = HeatView.of([[1, 4]], title="x", unit="V", limits=(-1, 9))
    assert (wide.low, wide.high) == (-1, 9)
    spikes = views()["heat, spikes"]
    assert spikes.binary and (spikes.low, spikes.high) == (0, 1)
    assert "3 spikes, 50 % of all cells." in spikes.alt


def test_a_map_that_is_too_long_to_be_read_out_says_so():
    lines = HeatView.of(np.zeros((500, 2)), title="x", unit="V").text.splitlines()
    assert len(lines) == 401 and lines[-1] == "... and 101 lines more"


def test_bars_hold_their_heights_and_a_histogram_counts():
    view = views()["bars"]
    assert view.heights.tolist() == [[1, 2], [3, 0.5]] and view.labels == ("a", "b")
    assert view.at(0).tolist() == [1, 2] and view.at(5).tolist() == [3, 0.5]
    assert view.levels == {"top": 2.0}
    assert "Highest 3.00 at a, lowest 0.50 at b." in view.alt
    assert "step 0, b: 2.00" in view.text
    counted = views()["bars, counted"]
    assert counted.labels == ("0", "1", "2") and counted.at(0).tolist() == [1, 0, 2]
    below = BarsView.histogram([-1, 0], title="x", x="y")
    assert below.labels == ("-1", "0") and below.at(0).tolist() == [1, 1]
    real = BarsView.histogram([0.1, 0.9, 0.95], 2, title="x", x="y")
    assert real.at(0).tolist() == [1, 2] and len(real.labels) == 2


def test_curves_hold_their_values_and_marks():
    view = views()["curve, few"]
    assert view.x.tolist() == [1, 2] and view.y.tolist() == [[3, 1]]
    assert view.alt == (
        "a line: rate over current from 1.00 to 2.00. f: 1.00 to 3.00, highest at 1.00."
    )
    assert view.text.splitlines()[-1] == "| 2.00 | 1.00 |"
    points = views()["curve"].points
    assert points == ((0.25, 0.5, "a"), (1.0, 0.5, "b"))
    assert "a at 0.25: 0.50." in views()["curve"].alt
    long = CurveView.of(range(100), {"f": range(100)}, title="x", **LABELS)
    assert len(long.text.splitlines()) == 1 + 2 + 34  # every third row


def test_terms_hold_a_column_each_and_what_decided():
    view = views()["terms"]
    assert view.values.tolist() == [[3e-9, 0.1], [0.25, -2.0]]
    assert view.cause.tolist() == [-1, 1] and view.code == ("beta * u", "+ current")
    assert view.text.splitlines()[1:] == [
        "step 0: b U[t] 3e-09, W X 0.10",
        "step 1: b U[t] 0.25, W X -2.00",
    ]
    assert view.alt == (
        "Eq. (1) in parts: a table of 2 terms at each of 2 steps. The terms are "
        "b U[t], W X."
    )


@each
def test_a_view_keeps_its_own_data(name):
    for value in vars(views()[name]).values():
        if isinstance(value, np.ndarray) and name != "terms":
            with pytest.raises(ValueError):
                value[...] = 9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DifferenceView.of([1], [1]), "first.shape = (1,): must be [T, N]"),
        (lambda: DifferenceView.of([[2]], [[1]]), "first = 2 at [0, 0]: must be 0 or"),
        (
            lambda: DifferenceView.of(ONE, TWO[:, :2]),
            "second.shape = (4, 2): must be (4, 3), as first is",
        ),
        (
            lambda: DifferenceView.of(np.zeros((1, 129)), np.zeros((1, 129))),
            "number of neurons = 129: must be a whole number from 1 to 128",
        ),
        (lambda: HeatView.of([1], title="x"), "values.shape = (1,): must be [R, C]"),
        (lambda: HeatView.of([[0.5]], title="x"), "values = 0.5 at [0, 0, 0, 0]: must"),
        (lambda: HeatView.of([[1]], "C R", title="x"), "axes = 'C R': must be one of"),
        (
            lambda: HeatView.of([[1]], title="x", limits=(1, 1)),
            "limits = (1, 1): must be two numbers, the first one lower",
        ),
        (
            lambda: HeatView.of([[1]], title="x", marked=[(0, 0, 1)]),
            "marked = (0, 0, 1): must be cells (tile, row, column) of [1, 1, 1]",
        ),
        (
            lambda: HeatView.of([[[1]], [[0]]], "K R C", title="x", names=["a"]),
            "number of names = 1: must be 2, one for each",
        ),
        (
            lambda: BarsView.of([1], ["a", "b"], title="x", x="y", y="z"),
            "number of labels = 2: must be 1, one for each",
        ),
        (
            lambda: BarsView.of([np.inf], ["a"], title="x", x="y", y="z"),
            "heights = 1 NaN or infinite entries, first at [0]",
        ),
        (
            lambda: BarsView.of([1], ["a"], title="x", x="y", y="z", meaning="heat"),
            "meaning = 'heat': must be one of membrane",
        ),
        (
            lambda: BarsView.of(
                [1], ["a"], title="x", x="y", y="z", levels={"l": np.nan}
            ),
            "l = nan: must be a finite number",
        ),
        (
            lambda: BarsView.histogram([0.5, 1], 0, title="x", x="y"),
            "bins = 0: must be a whole number from 1",
        ),
        (
            lambda: CurveView.of([1, 2], {"f": [1]}, title="x", **LABELS),
            "curves['f'].shape = (1,): must be (2,), the shape of x",
        ),
        (
            lambda: CurveView.of([1], {}, title="x", **LABELS),
            "curves = {}: must be a mapping from names to arrays [M]",
        ),
        (
            lambda: CurveView.of(
                [1], {"f": [1]}, title="x", points=[(1, np.nan, "a")], **LABELS
            ),
            "points = nan: must be a finite number",
        ),
        (
            lambda: CurveView.of([1], {"f": [1]}, title="x", meanings=[], **LABELS),
            "number of meanings = 0: must be 1, one for each",
        ),
        (lambda: TermsView.of({}, title="x"), "terms = {}: must be a mapping {term:"),
        (
            lambda: TermsView.of({"a": ("", [1]), "b": ("", [1, 2])}, title="x"),
            "b.shape = (2,): must be (1,), as the first",
        ),
        (
            lambda: TermsView.of({"a": ("", [1])}, [1], title="x"),
            "cause = [1]: must be [T] rows from 0 to 0, or -1",
        ),
    ],
)
def test_a_bad_argument_is_named_with_its_value_and_what_is_right(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


# ---------------------------------------------------------------- ink
def of_matplotlib(picture):
    """Every mark as (kind, numbers), in the order of the view."""
    found, axes = [], picture.axes[0]
    for lines in axes.collections:
        if isinstance(lines, matplotlib.collections.LineCollection):
            ends = [s.tolist() for s in lines.get_segments()]
            found.append(("segments", ends))
    for bars in axes.containers:
        found.append(
            ("bars", [[b.get_x() + b.get_width() / 2, b.get_height()] for b in bars])
        )
    for line in axes.lines:
        across = line.get_transform() != axes.transData
        x, y = (np.asarray(v, float).tolist() for v in line.get_data())
        found.append(("level", y) if across else ("line", [x, y]))
    if axes.images:
        frames = [p for p in axes.patches if p.get_linewidth() < 1]
        wide = np.ma.filled(axes.images[0].get_array(), np.nan)
        for frame in frames:
            x, y = round(frame.get_x() + 0.5), round(frame.get_y() + 0.5)
            high, across = round(frame.get_height()), round(frame.get_width())
            found.append(("map", wide[y : y + high, x : x + across].tolist()))
        seen = sum(np.size(tile) for kind, tile in found if kind == "map")
        assert seen == np.isfinite(wide).sum()  # nothing is drawn outside the frames
        for patch in axes.patches:
            if patch.get_linewidth() > 1:
                k, frame = next(
                    (k, f)
                    for k, f in enumerate(frames)
                    if f.get_bbox().contains(*patch.get_center())
                )
                row = patch.get_y() - frame.get_y()
                column = patch.get_x() - frame.get_x()
                found.append(("marked", [k, round(row), round(column)]))
    if not axes.axison:
        texts = [text.get_text() for text in axes.texts]
        found += [("term", texts[k : k + 3]) for k in range(0, len(texts), 3)]
    return found


def of_plotly(figure):
    found = []
    for trace in figure.data:
        if trace.type == "table":
            rows = zip(*trace.cells["values"], strict=True)
            found += [("term", list(row)) for row in rows]
        elif trace.type == "heatmap":
            found.append(("map", np.asarray(trace.z, float).tolist()))
        elif trace.type == "bar":
            pairs = zip(trace.x, trace.y, strict=True)
            found.append(("bars", [[float(x), float(y)] for x, y in pairs]))
        else:
            x, y = np.asarray(trace.x, float), np.asarray(trace.y, float)
            if figure.layout.xaxis.title.text == interactive.base.TIME:
                gaps = np.isnan(x[2::3]).all() and np.isnan(y[2::3]).all()
                assert gaps and len(x) % 3 == 0
                ends = np.stack([x, y], axis=1).reshape(-1, 3, 2)[:, :2]
                found.append(("segments", ends.tolist()))
            elif trace.name in views()["bars"].levels:
                found.append(("level", y.tolist()))
            else:
                found.append(("line", [x.tolist(), y.tolist()]))
    axes = list(figure.select_xaxes())
    for shape in figure.layout.shapes:
        number = [a.plotly_name.replace("axis", "") for a in axes].index(shape.xref)
        at = [shape.y0 + 0.5, shape.x0 + 0.5]
        found.append(("marked", [number, *map(round, at)]))
    return found


@each
@steps
def test_both_renderers_draw_the_same_marks(name, t):
    ours = of_matplotlib(draw(static, name, t=t))
    theirs = of_plotly(draw(interactive, name, t=t))
    assert len(ours) > 0
    assert [kind for kind, _ in ours] == [kind for kind, _ in theirs]
    for (kind, a), (_, b) in zip(ours, theirs, strict=True):
        if kind == "term":
            assert a == b
        else:
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12, err_msg=kind)


def on_the_page(name):
    view = views()[name]
    screen = Screen(rows=((view,),), sentence="It is.", alt=view.alt)
    (((panel,),),) = canvas.unpack(canvas.pack(screen))["rows"]
    return panel


@each
@steps
def test_the_page_gets_what_the_renderers_draw(name, t):
    marks = of_matplotlib(draw(static, name, t=t))
    of = {kind: [m for k, m in marks if k == kind] for kind, _ in marks}
    panel, close = on_the_page(name), {"rtol": 1e-6, "atol": 1e-6}
    assert panel["title"].rstrip(":") in views()[name].title
    if panel["kind"] == "heat":
        values = panel["values"][min(t, len(panel["values"]) - 1)]
        np.testing.assert_allclose(values, of["map"], **close)
        assert panel["marked"] == of.get("marked", [])
    elif panel["kind"] == "bars":
        values = panel["values"][min(t, len(panel["values"]) - 1)]
        np.testing.assert_allclose(values, np.array(of["bars"][0])[:, 1], **close)
        levels = [[value, value] for value in panel["levels"].values()]
        np.testing.assert_allclose(levels, of.get("level", []), **close)
    elif panel["kind"] == "curve":
        lines = [[panel["at"].tolist(), y.tolist()] for y in panel["values"]]
        lines += [[[x], [y]] for x, y, _ in panel["points"]]
        for a, b in zip(lines, of["line"], strict=True):
            np.testing.assert_allclose(a, b, **close)
    elif panel["kind"] == "raster":
        first, second = (spikes.astype(int) for spikes in panel["spikes"])
        who = np.where(first & second, 0, np.where(first, 1, np.where(second, 2, -1)))
        for k, segments in enumerate(of["segments"]):
            times, rows = np.nonzero(who == k)
            drawn = {(round(x), round(y)) for (x, y), _ in segments if x == round(x)}
            assert len(segments) == len(times)
            assert {x for x, _ in drawn} == set(times.tolist())
            middle = [np.mean([a[1], b[1]]) for a, b in segments]
            assert sorted(map(round, middle)) == sorted(rows.tolist())
    else:
        values = panel["values"][t]
        said = [
            (words.number(x), code)
            for x, code in zip(values, panel["code"], strict=True)
        ]
        assert said == [tuple(term[1:]) for term in of["term"]]
        bold = [term[0].startswith("▶") for term in of["term"]]
        assert bold == [k == panel["cause"][t] for k in range(len(bold))]


def test_the_marks_are_those_of_the_view():
    both, first, second = of_plotly(draw(interactive, "difference"))
    assert both[1] == [[[0, -0.4], [0, 0.4]], [[2, 0.6], [2, 1.4]]]
    assert [a for (a, _), _ in first[1]] == [2, 1]
    assert [(a, b) for (a, b), _ in second[1]] == [(1, 0.05), (3, 2.05)]
    maps = of_plotly(draw(interactive, "heat", t=1))
    assert [m for k, m in maps if k == "map"] == MAPS[1].tolist()
    assert [m for k, m in maps if k == "marked"] == [[1, 0, 3], [2, 1, 0]]
    bars = of_plotly(draw(interactive, "bars", t=1))
    assert bars == [("bars", [[0, 3], [1, 0.5]]), ("level", [2, 2])]
    assert of_plotly(draw(interactive, "terms", t=1)) == [
        ("term", ["b U[t]", "0.25", "beta * u"]),
        ("term", ["▶ W X", "-2.00", "+ current"]),
    ]
    assert of_plotly(draw(interactive, "curve, few")) == [("line", [[1, 2], [3, 1]])]


@each
@pytest.mark.parametrize("theme", style.THEMES)
def test_every_figure_carries_its_alt_text(name, theme):
    alt = views()[name].alt
    assert 40 <= len(alt) <= 300
    picture = draw(static, name, theme=theme)
    shown = picture._repr_html_()
    assert f'alt="{html.escape(alt)}"' in shown and len(shown) < 120_000
    figure = draw(interactive, name, theme=theme)
    (caption,) = [a.text for a in figure.layout.annotations if a.name == "alt text"]
    assert caption.replace("<br>", " ") == alt == figure.layout.meta["alt"]
    assert figure.layout.title.text == views()[name].title
    assert figure.layout.paper_bgcolor == style.PAPER[theme]


@each
def test_both_renderers_name_their_axes_alike(name):
    axes, layout = draw(static, name).axes[0], draw(interactive, name).layout
    if name == "terms":
        return
    down = list(draw(interactive, name).select_xaxes())[0].title.text
    assert axes.get_ylabel() == layout.yaxis.title.text
    assert axes.get_xlabel().replace("\n", "; ").startswith(down.partition(",")[0])


@pytest.mark.parametrize(("theme", "ink"), [("light", "black"), ("dark", "white")])
def test_a_map_of_spikes_says_which_ink_is_a_spike(theme, ink):
    picture = draw(static, "heat, spikes", theme=theme)
    assert f"{ink}: spike" in picture.axes[0].get_xlabel()
    figure = draw(interactive, "heat, spikes", theme=theme)
    assert f"{ink}: spike" in figure.layout.xaxis.title.text
    assert figure.layout.coloraxis.colorscale[1][1] == style.TEXT[theme]

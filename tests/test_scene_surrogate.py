"""The surrogate shaper: against autograd, snnTorch's surrogates, and by hand."""

import itertools
import re
from fractions import Fraction

import numpy as np
import pytest
import snntorch
import torch

from spikedu import functional
from spikedu.figures.views import BarsView, CurveView
from spikedu.scenes import surrogate as scene
from spikedu.scenes.surrogate import (
    ATAN,
    FAST,
    SIGMOID,
    STRAIGHT,
    SURROGATES,
    TRIANGULAR,
    surrogate_shaper,
)
from spikedu.widgets import SurrogateShaper
from spikedu.widgets import surrogate_shaper as widget

EACH = pytest.mark.parametrize("surrogate", SURROGATES)
THEIRS = {
    ATAN: lambda k: snntorch.surrogate.atan(alpha=k),
    SIGMOID: lambda k: snntorch.surrogate.sigmoid(slope=k),
    FAST: lambda k: snntorch.surrogate.fast_sigmoid(slope=k),
    TRIANGULAR: lambda k: snntorch.surrogate.triangular(),
    STRAIGHT: lambda k: snntorch.surrogate.straight_through_estimator(),
}
# Silent; firing now and then; at every step; no leak; no memory; never, far below.
NEURONS = [(0.05, 0.8), (0.4, 0.8), (1.4, 0.5), (0.3, 1.0), (1.2, 0.0), (-4.0, 0.8)]


def slope_of(call, x):
    x = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    call(x).sum().backward()
    return x.grad.numpy()


# ---------------------------------------------------------------- the surrogates
@EACH
@pytest.mark.parametrize("slope", [0.5, 2.0, 25.0])
def test_a_derivative_is_snntorchs(surrogate, slope):
    x = np.linspace(-2, 2, 41)
    ours, theirs = scene.derivative(surrogate, x, slope), THEIRS[surrogate](slope)
    np.testing.assert_allclose(ours, slope_of(theirs, x), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", ["atan", "sigmoid"])
@pytest.mark.parametrize("slope", [0.5, 4.0, 30.0])
def test_a_derivative_is_that_of_spikedu_functional(name, slope):
    x = np.linspace(-5, 3, 33)
    pretended = getattr(functional, name)

    def call(x):
        return functional.spike(x, lambda x: pretended(x, slope))

    ours = scene.derivative(name, x, slope)
    np.testing.assert_allclose(ours, slope_of(call, x), rtol=1e-12, atol=0)


def test_derivatives_by_hand():
    def at(surrogate, x, slope):
        return float(scene.derivative(surrogate, np.array([float(x)]), slope)[0])

    assert at(ATAN, 1 / np.pi, 2) == pytest.approx(0.5)
    assert at(SIGMOID, 0, 25) == 6.25 and at(SIGMOID, 0, 4) == 1
    assert at(FAST, -1, 4) == 0.04 and at(FAST, 0, 25) == 1
    assert [at(TRIANGULAR, x, 9) for x in (-3, 0, 3)] == [1, -1, -1]
    assert [at(STRAIGHT, x, 9) for x in (-3, 0, 3)] == [1, 1, 1]


@EACH
def test_the_smooth_function_has_the_derivative_as_its_slope(surrogate):
    x = np.array([-2.0, -0.3, -0.01, 0.02, 0.4, 3.0])
    h = 1e-6
    up, down = (scene.smooth(surrogate, x + d, 3.0) for d in (h, -h))
    slopes = scene.derivative(surrogate, x, 3.0)
    np.testing.assert_allclose((up - down) / (2 * h), slopes, rtol=1e-5)
    assert scene.smooth(surrogate, np.zeros(1), 3.0) == 0.5


# ---------------------------------------------------------------- the unrolled neuron
@EACH
@pytest.mark.parametrize(("current", "beta"), NEURONS)
def test_the_gradient_is_that_of_autograd_through_the_neuron(surrogate, current, beta):
    view = surrogate_shaper(surrogate=surrogate, slope=3, current=current, beta=beta)
    i = torch.full((20,), current, dtype=torch.float64, requires_grad=True)
    spike = THEIRS[surrogate](3.0)
    leaky = snntorch.Leaky(beta, spike_grad=spike, reset_mechanism="subtract")
    u, trace = leaky.init_leaky(), []
    for x in i:
        s, u = leaky(x, u)
        trace.append((u, s))
    membrane, spikes = (torch.stack(x) for x in zip(*trace, strict=True))
    spikes.mean().backward()
    # snnTorch holds beta in float32, and its gradients pass through float32 spikes.
    np.testing.assert_allclose(view.u, membrane.detach(), rtol=0, atol=1e-5)
    assert (view.s == spikes.detach().numpy()).all()
    np.testing.assert_allclose(view.at_input, i.grad, rtol=1e-5)


@EACH
@pytest.mark.parametrize(("current", "beta"), NEURONS)
def test_the_code_gives_what_is_shown(surrogate, current, beta):
    view = surrogate_shaper(surrogate=surrogate, slope=7, current=current, beta=beta)
    names = {}
    exec(view.code, names)
    found = {k: names[k].detach().numpy() for k in ("membrane", "spikes")}
    np.testing.assert_allclose(view.u, found["membrane"], rtol=0, atol=1e-12)
    assert (view.s == found["spikes"]).all()
    gradient = names["current"].grad.numpy()
    np.testing.assert_allclose(view.at_input, gradient, rtol=1e-11, atol=1e-300)
    assert view.gradient == pytest.approx(float(names["gradient"]), rel=1e-11)


def test_a_spike_a_reset_and_a_gradient_by_hand():
    # b = 1/2, i = 3/4: 0.75, 1.125 (fires), 0.5625 + .75 - 1 = 0.3125, 0.90625, ...
    view = surrogate_shaper(surrogate=FAST, slope=1.0, current=0.75, beta=0.5)
    assert view.u[:4].tolist() == [0.75, 1.125, 0.3125, 0.90625]
    assert view.s[:4].tolist() == [0, 1, 0, 0]
    # 1 / (1 + |u - 1|)^2
    assert view.factor[:2].tolist() == [0.64, pytest.approx(64 / 81)]
    assert view.power[:4].tolist() == [1, 0.5, 0.25, 0.125]
    assert view.product[1] == pytest.approx(32 / 81)
    # The last input reaches only the last spike, the one before it that and half of it.
    assert view.at_input[-1] * 20 == pytest.approx(view.factor[-1])
    before = view.factor[-2] + view.factor[-1] / 2
    assert view.at_input[-2] * 20 == pytest.approx(before)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 1.0])
def test_through_the_membrane_alone_the_gradient_is_b_to_the_t(beta):
    first = torch.zeros((), dtype=torch.float64, requires_grad=True)
    current = torch.full((20,), 0.6, dtype=torch.float64)
    membrane, spikes = functional.lif(current, beta, u=first)
    # Against U before the first step: one power more.
    ours = surrogate_shaper(current=0.6, beta=beta)
    for t in (0, 4, 19):
        (found,) = torch.autograd.grad(membrane[t], first, retain_graph=True)
        assert float(found) == pytest.approx(beta * ours.power[t], rel=1e-12)
    assert spikes.any() == ours.s.any()


def test_no_surrogate_changes_the_forward_pass():
    shown = [surrogate_shaper(surrogate=x, slope=9, current=0.4) for x in SURROGATES]
    for view in shown[1:]:
        assert (view.u == shown[0].u).all() and (view.s == shown[0].s).all()
        steps = [v.panels[0].y[0] for v in (view, shown[0])]
        assert (steps[0] == steps[1]).all()
    forward, backward, *_ = shown[0].panels
    assert (forward.y[0] == (forward.x > 1)).all() and not backward.y[1].any()


def test_a_membrane_on_the_threshold_does_not_fire():
    view = surrogate_shaper(current=1.0, beta=0.0, membrane=1.0)
    assert (view.u == 1).all() and not view.s.any()
    assert "the spike stays S = 0" in view.sentence
    assert view.panels[0].points == ((1.0, 0.0, ""),)
    assert view.panels[0].title == "forward: S = 0"
    assert "Mark at 1.00: 0.00." in view.panels[0].alt


# ---------------------------------------------------------------- the rescue
@EACH
def test_the_rescue_is_gradient_ascent_on_the_rate(surrogate):
    view = surrogate_shaper(surrogate=surrogate, slope=3)
    i = torch.tensor(0.05, dtype=torch.float64, requires_grad=True)
    spike = THEIRS[surrogate](3.0)
    for update, learned in enumerate(view.learned):
        assert float(i.detach()) == pytest.approx(learned, rel=1e-6)
        _, spikes = functional.lif(i.expand(20), 0.8, step=_step(spike))
        assert bool(spikes.any()) == (update == view.rescued)
        i.grad = None
        spikes.mean().backward()
        with torch.no_grad():
            i += 0.01 * i.grad
    assert view.rescued == len(view.learned) - 1


def _step(spike):
    def step(u, s, current, beta, threshold):
        u = beta * u + current - s.detach() * threshold
        return u, spike(u - threshold).to(u.dtype)

    return step


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.95, 1.0])
def test_the_current_that_is_needed_to_fire(beta):
    needed = scene.needed(beta)
    for near, fires in ((0.999999, False), (1.000001, True)):
        assert scene.neuron(needed * near, beta)[1].any() == fires


def test_what_is_0_in_float32_is_so_in_torch():
    view = surrogate_shaper(surrogate=SIGMOID, slope=25, current=-4)
    assert 0 < view.gradient < 1e-45 and "(0 in float32)" in view.sentence
    names = {}
    exec(view.code.replace("float64", "float32"), names)
    assert float(names["gradient"]) == 0
    assert "float32" not in surrogate_shaper(surrogate=SIGMOID, slope=25).sentence


# ---------------------------------------------------------------- what is said
def test_the_sentence_has_the_numbers():
    said = surrogate_shaper(membrane=1.5).sentence
    assert said.startswith(
        "At U = 1.50 the spike stays S = 1; its derivative is 0, and 0.29 is pretended."
    )
    assert "it fires after 14 updates." in said
    said = surrogate_shaper(current=0.4).sentence
    assert "The neuron fires 5 times; the gradient of its rate is" in said
    assert "it has no derivative" in surrogate_shaper(membrane=1).sentence


@EACH
def test_a_slope_is_named_only_where_it_changes_something(surrogate):
    one, other = (surrogate_shaper(surrogate=surrogate, slope=k) for k in (2, 30))
    same = (one.factor == other.factor).all()
    assert same == (surrogate in (TRIANGULAR, STRAIGHT))
    assert ("is pretended, whatever k." in other.sentence) == same
    assert ("slope 30" in other.alt) == (not same)


def exactly(current: str, beta: str) -> list[bool]:
    """Whether the neuron fires, in fractions."""
    u, s, fired = Fraction(0), False, []
    for _ in range(20):
        u = Fraction(beta) * u + Fraction(current) - s
        s = u > 1
        fired.append(s)
    return fired


def test_a_spike_of_the_rounding_is_told_as_one():
    view = surrogate_shaper(current=0.05, beta=1.0)
    assert view.s.sum() == 1 and not any(exactly("0.05", "1"))
    assert (
        "fires 1 time (1 by rounding: in exact arithmetic U does not pass 1); the "
        in view.sentence
    )


def test_no_other_spike_is():
    told = 0
    for i, b in itertools.product(range(5, 150, 5), range(0, 101, 10)):
        current, beta = f"{i / 100:.2f}", f"{b / 100:.2f}"
        view = surrogate_shaper(current=float(current), beta=float(beta))
        right = exactly(current, beta)
        first = np.flatnonzero(view.s != right)
        by_rounding = len(first) > 0 and bool(view.s[first[0]])
        assert ("by rounding" in view.sentence) == by_rounding, (current, beta)
        assert len(view.alt) <= 300
        told += by_rounding
    assert told >= 2


def test_no_number_at_the_gradient_s_axis_is_long():
    for slope, current in itertools.product((0.5, 2, 25, 30), (-4, -1, 0.05, 0.4)):
        for surrogate in SURROGATES:
            view = surrogate_shaper(surrogate=surrogate, slope=slope, current=current)
            (bars,) = (x for x in view.panels if isinstance(x, BarsView))
            unit = 1.0
            if "in units of" in bars.title:
                unit = float(bars.title.rpartition(" ")[2])
            np.testing.assert_allclose(bars.heights[0] * unit, view.at_input, 1e-12)
            assert abs(bars.heights).max() >= 0.1
    nothing = surrogate_shaper(surrogate=SIGMOID, slope=30, current=-4, beta=1.0)
    assert not nothing.panels[3].heights.min() < 0


def test_marks_have_no_words_that_lie_on_the_curve():
    view = surrogate_shaper(membrane=1.5)
    curves = [x for x in view.panels if isinstance(x, CurveView)]
    assert all(name == "" for x in curves for *_, name in x.points)
    assert [x.title for x in curves] == [
        "forward: S = 1",
        "backward: dS/dU = 0.29",
        "rescue by learning: fires",
    ]


def test_presets_show_what_their_names_say():
    w = widget()
    assert isinstance(w, SurrogateShaper)
    found = []
    for name in w.PRESETS:
        w.preset(name)
        found.append(w.view)
    atan, dead, rescued, slow, zero, straight, triangular = found
    assert not atan.s.any() and 1 < atan.rescued < 100
    assert dead.rescued is None and dead.learned[-1] - dead.learned[0] < 1e-6
    assert (rescued.u == dead.u).all() and 1 < rescued.rescued < 100
    assert slow.rescued is None and slow.learned[-1] - slow.learned[0] > 1e-3
    assert zero.rescued is None and np.float32(zero.gradient) == 0
    assert (straight.factor == 1).all() and straight.rescued < atan.rescued
    assert triangular.s.mean() > 0.5 and triangular.gradient < 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"surrogate": "relu"}, "surrogate = 'relu': must be one of 'atan',"),
        ({"slope": 0}, "slope = 0: must be a number from 0.5 to 30"),
        ({"membrane": 9}, "membrane = 9: must be a number from -4 to 4"),
        ({"current": float("nan")}, "current = nan: must be a number from -4 to 1.5"),
        ({"beta": 1.1}, "beta = 1.1: must be a number from 0 to 1"),
    ],
)
def test_a_bad_value_is_named(values, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        surrogate_shaper(**values)
    with pytest.raises(ValueError, match=re.escape(message)):
        widget(**values)

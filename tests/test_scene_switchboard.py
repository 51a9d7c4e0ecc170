"""The switchboard: each rule against an oracle, and where two of them part."""

import itertools

import numpy as np
import pytest
import snntorch
import torch

from spikedu import widgets
from spikedu.functional import lif, lif_step, lif_step_hard
from spikedu.scenes import switchboard as scene
from spikedu.scenes.switchboard import (
    CONSTANT,
    IMPULSE,
    NOISY,
    RAMP,
    RULES,
    SHOWN,
    STIMULI,
    switchboard,
)

EXACT = {"dtype": torch.float64}
# The rules that snnTorch knows: mechanism, and whether it acts one step later.
LEAKY = {
    scene.LATER: ("subtract", True),
    scene.SAME_STEP: ("subtract", False),
    scene.ZERO_LATER: ("zero", True),
    scene.ZERO: ("zero", False),
    scene.NONE: ("none", True),
}


def reaches(u, s, current, beta, threshold):
    u = beta * u + current - s * threshold
    return u, (u >= threshold).to(u.dtype)


def scaled(u, s, current, beta, threshold):
    u = beta * u - beta * s * threshold + current
    return u, (u > threshold).to(u.dtype)


def small_input(u, s, current, beta, threshold):
    return lif_step(u, s, (1 - beta) * current, beta, threshold)


OTHERS = {
    scene.LATER: lif_step,
    scene.RELEASED: lif_step_hard,
    scene.REACHES: reaches,
    scene.SCALED: scaled,
    scene.INPUT: small_input,
}
BOX = [(0.0, 0.5), (0.5, 1.0), (0.8, 0.7), (0.95, 2.0), (1.0, 1.0)]


@pytest.mark.parametrize("stimulus", STIMULI)
@pytest.mark.parametrize(("beta", "threshold"), BOX)
@pytest.mark.parametrize("rule", LEAKY)
def test_a_rule_is_snntorch_s(rule, beta, threshold, stimulus):
    current = scene.currents(stimulus, 1.3, threshold)
    mechanism, later = LEAKY[rule]
    leaky = snntorch.Leaky(
        beta=torch.tensor(beta, **EXACT),
        threshold=torch.tensor(threshold, **EXACT),
        reset_mechanism=mechanism,
        reset_delay=later,
    )
    u, s = scene.simulate(rule, current, beta, threshold)
    v, same = torch.zeros(16, **EXACT), np.ones(16, bool)
    compared = 0
    for t, i in enumerate(torch.from_numpy(current)):
        z, v = leaky(i, v)
        # snnTorch's reset is in float32.
        assert np.allclose(u[t, same], v.numpy()[same], atol=1e-5)
        assert np.array_equal(s[t, same], z.numpy()[same])
        compared += s[t, same].sum()
        if not later:  # still over the threshold after a reset: see `Rule`
            same &= u[t] <= threshold
    assert compared >= 10


@pytest.mark.parametrize("stimulus", STIMULI)
@pytest.mark.parametrize(("beta", "threshold"), BOX)
@pytest.mark.parametrize("rule", OTHERS)
def test_a_rule_is_the_readable_loop_s(rule, beta, threshold, stimulus):
    current = scene.currents(stimulus, 1.3, threshold)
    u, s = scene.simulate(rule, current, beta, threshold)
    v, z = lif(torch.from_numpy(current), beta, threshold, OTHERS[rule])
    assert np.allclose(u, v.numpy(), atol=1e-9)
    assert np.array_equal(s, z.numpy())


def test_every_rule_has_an_oracle():
    assert set(LEAKY) | set(OTHERS) == set(RULES) and len(RULES) >= 6


@pytest.mark.parametrize(
    ("rule", "membrane", "spikes"),
    [  # beta 0.5, threshold 1, a current of 0.75, by hand
        (scene.LATER, [0.75, 1.125, 0.3125, 0.90625], [0, 1, 0, 0]),
        (scene.SAME_STEP, [0.75, 0.125, 0.8125, 0.15625], [0, 1, 0, 1]),
        (scene.ZERO_LATER, [0.75, 1.125, 0.75, 1.125], [0, 1, 0, 1]),
        (scene.ZERO, [0.75, 0, 0.75, 0], [0, 1, 0, 1]),
        (scene.RELEASED, [0.375, 0.5625, 0.65625, 0.703125], [0, 0, 0, 0]),
        (scene.SCALED, [0.75, 1.125, 0.8125, 1.15625], [0, 1, 0, 1]),
        (scene.REACHES, [0.75, 1.125, 0.3125, 0.90625], [0, 1, 0, 0]),
        (scene.INPUT, [0.375, 0.5625, 0.65625, 0.703125], [0, 0, 0, 0]),
        (scene.NONE, [0.75, 1.125, 1.3125, 1.40625], [0, 1, 1, 1]),
    ],
)
def test_four_steps_by_hand(rule, membrane, spikes):
    u, s = scene.simulate(rule, np.full((4, 1), 0.75), 0.5, 1.0)
    assert u[:, 0].tolist() == membrane and s[:, 0].tolist() == spikes


def test_the_impulse_lands_exactly_on_the_threshold():
    given = {"second": scene.REACHES, "stimulus": IMPULSE, "threshold": 0.7}
    view = switchboard(**given, amplitude=0)
    (u, _), (s, z) = view.u, view.s
    assert u[2, SHOWN] == 0.7 and s[2, SHOWN] == 0 and z[2, SHOWN] == 1
    assert view.parts_at == 2 and view.only == (0, 1)
    assert view.sentence == (
        "The spikes part at step 2, first in neuron 7. Fired by one rule alone: "
        '0 spikes by "Eq. (1)", 1 by "fires on >=".'
    )


@pytest.mark.parametrize("stimulus", STIMULI)
@pytest.mark.parametrize(("beta", "threshold"), BOX)
def test_b_on_the_reset_and_a_reset_at_once_spike_alike(stimulus, beta, threshold):
    view = switchboard(
        first=scene.SCALED,
        second=scene.SAME_STEP,
        stimulus=stimulus,
        beta=beta,
        threshold=threshold,
        amplitude=1.1,
    )
    assert view.parts_at is None and view.only == (0, 0) and view.s[0].any()
    fires = int(np.flatnonzero(view.s[0].any(axis=1))[0])
    assert view.membrane_parts_at == fires  # at once, against one step later
    assert view.sentence.startswith("Spikes cannot tell b on reset from same-step")
    # What is drawn is the same line twice, and the sentence does not deny it.
    seen = view.panels[0].membrane
    assert np.abs(seen[:, 0] - seen[:, 1]).max() < 1e-9
    assert view.sentence.endswith(
        "The membranes that the threshold sees are the same; those that a step leaves "
        f"part at step {fires}."
    )


def test_what_parts_is_counted_by_hand():
    # Neuron 7 gets 0.75: Eq. (1) fires at 1, 4; at once it fires at 1, 3, ...
    view = switchboard(beta=0.5, threshold=1, amplitude=0.75)
    s, z = (a[:, SHOWN] for a in view.s)
    assert np.flatnonzero(s)[:2].tolist() == [1, 4]
    assert np.flatnonzero(z)[:2].tolist() == [1, 3]
    (a, b) = view.s
    assert view.only == (int((a - b > 0).sum()), int((b - a > 0).sum()))
    assert view.parts_at == min(t for t in range(40) if a[t].tolist() != b[t].tolist())
    # Neuron 15 gets 1.5: 1.5, spike; 1.25, spike, or after the reset .5 * .5 + 1.5.
    assert view.u[0][:2, 15].tolist() == [1.5, 1.25]
    assert view.u[1][:2, 15].tolist() == [0.5, 0.75]
    assert view.membrane_parts_at == 0
    trace, raster = view.panels
    assert np.array_equal(trace.membrane[:, 0], view.u[0][:, SHOWN])
    # 0.75; 0.375 + 0.75, a spike, 0.125 is left; 0.0625 + 0.75; 0.40625 + 0.75.
    assert trace.membrane[:4, 1].tolist() == [0.75, 1.125, 0.8125, 1.15625]
    assert trace.names[1] == "same-step reset, before reset"
    assert trace.names[0] == "neuron 7, Eq. (1)"
    assert raster.counts[1:] == view.only


@pytest.mark.parametrize("stimulus", STIMULI)
@pytest.mark.parametrize(("beta", "threshold"), BOX)
@pytest.mark.parametrize("rule", RULES)
def test_a_trace_shows_the_crossing(rule, beta, threshold, stimulus):
    values = {"beta": beta, "threshold": threshold, "amplitude": 1.3}
    view = switchboard(first=rule, second=rule, stimulus=stimulus, **values)
    trace, fired = view.panels[0].membrane[:, 0], view.s[0][:, SHOWN] > 0
    over = np.greater_equal if rule in (scene.REACHES, scene.RELEASED) else np.greater
    assert np.array_equal(over(trace, threshold), fired)
    assert np.array_equal(over(view.compared[0], threshold), view.s[0] > 0)


def test_a_single_spike_is_one():
    given = {"second": scene.SCALED, "stimulus": RAMP, "amplitude": 0.4}
    view = switchboard(**given, beta=0.5, threshold=1.5)
    assert view.s[0].sum() == 1
    assert view.sentence == (
        "Spikes cannot tell Eq. (1) from b on reset: the only spike is of both. The "
        "membranes part at step 39."
    )


def test_one_rule_against_itself_and_silence():
    view = switchboard(first=scene.ZERO, second=scene.ZERO)
    assert view.parts_at is None and view.membrane_parts_at is None
    assert view.sentence.startswith("One rule against itself: ")
    view = switchboard(second=scene.REACHES, amplitude=-0.5)
    assert view.sentence == (
        "This stimulus cannot tell Eq. (1) from fires on >=: nobody fires, and the "
        "membranes are the same."
    )


def test_a_small_difference_of_membranes_is_one():
    view = switchboard(second=scene.INPUT, stimulus=RAMP, beta=0.5, amplitude=0.02)
    assert np.abs(view.u[0] - view.u[1]).max() < 0.05
    assert view.parts_at is None and view.membrane_parts_at == 0
    assert view.sentence == (
        "Spikes cannot tell Eq. (1) from (1-b) input: nobody fires. The membranes part "
        "at step 0."
    )


PAIRS = [
    (a, b, STIMULI[k % 4]) for k, (a, b) in enumerate(itertools.combinations(RULES, 2))
]


@pytest.mark.parametrize(("first", "second", "stimulus"), PAIRS)
def test_the_code_runs_and_gives_the_same_spikes(first, second, stimulus):
    values = {"beta": 0.6, "threshold": 0.7, "amplitude": 2.0}
    view = switchboard(first=first, second=second, stimulus=stimulus, **values)
    names = {}
    exec(view.code, names)
    for made, shown in zip(names["found"], view.s, strict=True):
        assert np.array_equal(made, shown) and shown.any()


AMPLITUDES, DECAYS, THRESHOLDS = (0.1, 0.3, 0.4, 1.1), (0.0, 0.55, 1.0), (0.1, 0.7)


@pytest.mark.parametrize("stimulus", STIMULI)
def test_the_code_gives_the_same_spikes_where_rounding_decides(stimulus):
    grid = itertools.product(AMPLITUDES, DECAYS, THRESHOLDS)
    for amplitude, beta, threshold in grid:
        given = {"amplitude": amplitude, "beta": beta, "threshold": threshold}
        view = switchboard(stimulus=stimulus, second=scene.REACHES, **given)
        names = {}
        exec(view.code, names)
        assert np.array_equal(names["current"], view.current), given
        assert np.array_equal(names["found"], view.s), given


def test_the_stimuli():
    assert np.array_equal(scene.currents(CONSTANT, 0.4, 1)[5, [7, 15]], [0.4, 0.8])
    ramp = scene.currents(RAMP, 2.0, 1)[:, SHOWN]
    assert ramp[[0, 19, 39]].tolist() == [0.05, 1.0, 2.0]
    noisy = scene.currents(NOISY, 0.5, 1)[:, SHOWN]
    assert abs(noisy.mean() - 0.5) < 0.15 and 0.2 < noisy.std() < 0.4
    impulse = scene.currents(IMPULSE, 0.3, 0.7)[:, SHOWN]
    assert np.flatnonzero(impulse).tolist() == [2, 12]
    assert impulse[[2, 12]].tolist() == [0.7, 0.3]


def test_the_presets_do_what_their_names_say():
    widget = widgets.switchboard()
    views = []
    for name in widget.PRESETS:
        widget.preset(name)
        views.append(widget.view)
    reset, alike, impulse, scaled, released, unreset = views
    assert reset.parts_at is not None
    assert alike.parts_at is None and alike.membrane_parts_at is None
    assert impulse.parts_at == 2 and impulse.only[0] == 0 < impulse.only[1]
    assert scaled.parts_at is None and scaled.membrane_parts_at is not None
    assert released.s[0].any() and not released.s[1][:, SHOWN].any()
    last = unreset.s[1][:, SHOWN]
    assert last[int(last.argmax()) :].all() and last.any()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"first": "hard"}, "first = 'hard': must be one of"),
        ({"stimulus": "sine"}, "stimulus = 'sine': must be one of"),
        ({"beta": -0.1}, "beta = -0.1: must be a number from 0 to 1"),
        ({"amplitude": 3}, "amplitude = 3: must be a number from -0.5 to 2"),
    ],
)
def test_wrong_values_are_named(given, words):
    with pytest.raises(ValueError, match="^" + words):
        switchboard(**given)

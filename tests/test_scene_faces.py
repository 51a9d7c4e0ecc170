"""Four faces of Eq. (1): by hand, against snnTorch, and the causes of spikes."""

import itertools

import numpy as np
import pytest
import snntorch
import torch

from spikedu import widgets
from spikedu.figures import canvas, static
from spikedu.figures.views import CircuitView
from spikedu.scenes import faces
from spikedu.scenes.faces import CONSTANT, DRIVES, OFF, PULSES, RAMP, four_faces

KEPT, INPUT, RESET = range(3)
GRID = list(
    itertools.product((0.0, 0.5, 0.8, 1.0), (0.5, 1.0), (-0.5, 0.3, 0.5, 1.5), DRIVES)
)


def test_terms_by_hand():
    view = four_faces(beta=0.5, threshold=1.0, weight=0.75, drive=CONSTANT)
    assert view.kept[:6].tolist() == [0, 0.375, 0.5625, 0.15625, 0.453125, 0.6015625]
    assert view.current[:6].tolist() == [0.75] * 6
    assert view.reset[:6].tolist() == [0, 0, -1, 0, 0, -1]
    assert view.u[:5].tolist() == [0.75, 1.125, 0.3125, 0.90625, 1.203125]
    assert view.s[:6].tolist() == [0, 1, 0, 0, 1, 0]
    # The charge that was left lifts step 1; step 3 is silent; both rise at step 4,
    # the leftover alone changes: by 0.30.
    assert view.cause[:6].tolist() == [-1, KEPT, RESET, -1, KEPT, RESET]
    terms = view.panels[2]
    assert np.array_equal(terms.values[:, 0], view.kept)
    assert np.array_equal(terms.values[:, 3], view.u)
    assert terms.values[1].tolist() == [0.375, 0.75, 0, 1.125, 0.125, 1]
    assert np.array_equal(terms.cause, view.cause)
    assert view.at == 1 and view.steps == 24


def test_the_input_that_lifts_is_the_cause():
    view = four_faces(beta=0.8, threshold=1.0, weight=0.5, drive=PULSES)
    assert np.flatnonzero(view.s).tolist() == [6]
    assert view.cause[6] == INPUT and view.cause[7] == RESET and view.cause[8] == -1
    assert view.said[6] == "The input of 0.50 lifts b·U = 0.52 over the threshold 1.00."
    assert view.said[7] == (
        "The reset takes 1.00 away, one step after the spike: -0.18 is left."
    )
    assert view.said[2] == ("0.00 is left, 0.50 comes in: 0.50, below 1.00.")
    assert view.sentence == (
        "1 spike, at step 6. Spikes that each term decides: the input 1."
    )


def test_a_reset_that_is_over_is_the_cause():
    # 0.75, 1.5 spike, 1.25 - 1 ... : the membrane falls by the reset, then rises.
    view = four_faces(beta=1.0, threshold=1.0, weight=0.5, drive=CONSTANT)
    assert view.u[:6].tolist() == [0.5, 1.0, 1.5, 1.0, 1.5, 1.0]
    assert view.s[:6].tolist() == [0, 0, 1, 0, 1, 0]
    # Step 2: the leftover rose by 0.5. Step 4: it fell by 0.5, and 1.0 was not taken.
    assert view.cause[:5].tolist() == [-1, -1, KEPT, RESET, RESET]
    assert view.said[4] == (
        "No reset this time: b·U = 1.00 and the input 0.50 come to 1.50, over the "
        "threshold 1.00."
    )
    assert view.said[1] == ("0.50 is left, 0.50 comes in: 1.00, not over 1.00.")


def test_a_spike_after_a_spike_crosses_nothing():
    view = four_faces(beta=0.5, threshold=1.0, weight=1.5, drive=CONSTANT)
    assert view.s[:3].tolist() == [1, 1, 1]
    assert view.cause[:3].tolist() == [INPUT, INPUT, INPUT]
    assert view.u[1] == 0.75 + 1.5 - 1
    assert view.said[1] == (
        "Less the reset 1.00, 0.75 and the input 1.50 are 1.25: again over."
    )


@pytest.mark.parametrize(("beta", "threshold", "weight", "drive"), GRID)
def test_the_faces_are_snntorch_s_leaky(beta, threshold, weight, drive):
    view = four_faces(beta=beta, threshold=threshold, weight=weight, drive=drive)
    exact = {"dtype": torch.float64}
    leaky = snntorch.Leaky(
        beta=torch.tensor(beta, **exact),
        threshold=torch.tensor(threshold, **exact),
        reset_mechanism="subtract",
    )
    u = torch.zeros(1, **exact)
    for t, i in enumerate(view.current):
        s, u = leaky(torch.tensor([i], **exact), u)
        assert (view.u[t], view.s[t]) == (u.item(), s.item())
    assert np.allclose(view.kept + view.current + view.reset, view.u)


@pytest.mark.parametrize(("beta", "threshold", "weight", "drive"), GRID)
def test_the_cause_of_a_crossing_rose_most(beta, threshold, weight, drive):
    view = four_faces(beta=beta, threshold=threshold, weight=weight, drive=drive)
    terms = np.stack([view.kept, view.current, view.reset])
    rises = np.diff(terms, axis=1, prepend=0)
    for t, k in enumerate(view.cause):
        before = view.s[t - 1] if t else 0
        if view.s[t] and not before:
            assert rises[k, t] >= rises[:, t].max() - 1e-9 and rises[k, t] > 0
        elif view.s[t]:
            assert k in (KEPT, INPUT) and terms[k, t] >= terms[:2, t].max() - 1e-9
        else:
            assert k == (RESET if before else -1)


def test_those_cases_spike_reset_and_have_every_cause():
    found = [
        four_faces(beta=b, threshold=th, weight=w, drive=d) for b, th, w, d in GRID
    ]
    crossings = {
        int(view.cause[t])
        for view in found
        for t in range(1, 24)
        if view.s[t] and not view.s[t - 1]
    }
    assert crossings == {KEPT, INPUT, RESET}
    assert sum(0 < view.s.sum() < 24 for view in found) > 30


@pytest.mark.parametrize("drive", DRIVES)
def test_the_code_runs_and_gives_what_is_shown(drive):
    view = four_faces(beta=0.85, threshold=0.7, weight=0.45, drive=drive)
    names = {}
    exec(view.code, names)
    assert names["x"] == view.x.tolist()
    assert names["membrane"] == pytest.approx(view.u.tolist(), abs=1e-12)
    assert names["spikes"] == view.s.tolist() and sum(names["spikes"]) > 0


def test_each_line_of_code_gives_its_value():
    view = four_faces(beta=0.5, threshold=1.0, weight=0.75, drive=CONSTANT)
    at = {"u": 1.125, "s": 1.0, "beta": 0.5, "threshold": 1.0, "weight": 0.75, "t": 1}
    at["x"] = view.x
    terms = view.panels[2]
    for line in terms.code[:3]:
        exec(line, at)
    assert at["u"] == eval(terms.code[3], at) == 0.5625 + 0.75 - 1 == view.u[2]
    assert eval(terms.code[4], at) == view.u[2] - 1.0
    exec(terms.code[5], at)
    assert at["s"] == view.s[2] == 0


def test_the_presets_do_what_their_names_say():
    widget = widgets.four_faces()
    seen = {}
    for name in widget.PRESETS:
        widget.preset(name)
        seen[name] = widget.view
    three, fast, constant, leakless, follows = seen.values()
    assert np.flatnonzero(three.s)[0] == faces.PULSE_STEPS[2]
    assert fast.s.sum() == 0
    assert set(constant.cause[constant.s > 0]) == {KEPT}
    assert np.flatnonzero(leakless.s).tolist() == [6, 18]  # each third of the pulses
    assert not three.s[18] and "6 steps apart" in list(seen)[3]
    assert np.diff(faces.PULSE_STEPS)[2:4].tolist() == [6, 6]  # 6, 12, 18
    assert (follows.s[:-1] * follows.s[1:]).any()


def test_the_circuit_by_hand():
    view = CircuitView.of(
        [0.75, 1.3125, 0.734375], [0, 1, 0], [0.75] * 3, beta=0.75, threshold=1.0
    )
    assert view.kept.tolist() == [0, 0.5625, 0.984375]
    assert view.leak.tolist() == [0, 0.1875, 0.328125]
    assert view.reset.tolist() == [0, 0, 1]  # one step after the spike
    assert view.most == 1.0 and view.span == (0.0, 1.08 * 1.3125)
    # What comes in, less what leaves, is what the capacitor gains.
    gain = np.diff(view.membrane, prepend=0)
    assert np.allclose(view.current - view.leak - view.reset, gain)
    assert "step 2: 0.75 in, 0.33 leaks, 1.00 reset, membrane 0.73" in view.text
    assert "step 1: 0.75 in, 0.19 leaks, 0.00 reset, membrane 1.31, spike" in view.text
    assert 40 <= len(view.alt) <= 300


def test_the_page_and_the_poster_show_the_same_circuit():
    view = four_faces(beta=0.75, threshold=1.0, weight=0.75, drive=CONSTANT)
    (panel,) = canvas.unpack(canvas.pack(view))["rows"][0][0]
    current, kept, leak, reset, u = panel["values"]
    assert np.allclose(u, view.u) and np.allclose(kept, view.kept)
    assert np.allclose(-reset, view.reset) and np.allclose(current, 0.75)
    assert np.allclose(3 * leak, kept)
    assert panel["cause"].tolist() == view.cause.tolist()
    words = {
        text.get_text() for text in static.circuit(view.panels[0], t=2).axes[0].texts
    }
    assert {"0.73", "0.98", "0.33", "0.75", "1.00", "U ≤ U_th: no spike"} <= words
    assert "▶ reset S U_th" in words
    words = {
        text.get_text() for text in static.circuit(view.panels[0], t=1).axes[0].texts
    }
    assert {"U > U_th: spike", "▶ U"} <= words
    silent = static.circuit(view.panels[0], t=0).axes[0].texts  # nothing decided it
    assert view.cause[0] == -1
    assert {text.get_weight() for text in silent} == {"normal"}


def test_the_inputs():
    assert faces.inputs(CONSTANT).tolist() == [1] * 24
    assert faces.inputs(OFF).tolist() == [1] * 12 + [0] * 12
    assert faces.inputs(RAMP)[[0, 11, 23]].tolist() == [1 / 24, 0.5, 1]
    assert np.flatnonzero(faces.inputs(PULSES)).tolist() == list(faces.PULSE_STEPS)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"beta": 1.2}, "beta = 1.2: must be a number from 0 to 1"),
        ({"threshold": 0}, "threshold = 0: must be a number from 0.1 to 2"),
        ({"weight": float("nan")}, "weight = nan: must be a number from -0.5 to 1.5"),
        ({"drive": "noise"}, "drive = 'noise': must be one of"),
    ],
)
def test_wrong_values_are_named(given, words):
    with pytest.raises(ValueError, match="^" + words.replace(".", r"\.")):
        four_faces(**given)


def test_a_circuit_of_unequal_lengths_is_named():
    with pytest.raises(ValueError, match=r"spikes\.shape = \(2,\): must be \(3,\)"):
        CircuitView.of([0, 0, 0], [0, 0], [0, 0, 0], beta=0.5, threshold=1)

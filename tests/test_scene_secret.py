"""The secret neuron: identifiable, kept secret, scored by value."""

import itertools

import numpy as np
import pytest
import torch

from spikedu import widgets
from spikedu.figures import canvas
from spikedu.functional import lif
from spikedu.scenes import secret
from spikedu.scenes.secret import (
    BOX,
    CONSTANT,
    DRAWN,
    MEMBRANE,
    PULSE,
    RAMP,
    SPIKES,
    START,
    STIMULI,
    TWO,
    check,
    hidden,
    injected,
    secret_neuron,
)

SEEDS = range(60)


def corners():
    ends = [(low * secret.GRID, high * secret.GRID) for low, high in DRAWN.values()]
    return itertools.product(*ends)


def run(neuron, x):
    beta, weight, threshold = neuron
    u, s = lif(torch.from_numpy(weight * x), beta, threshold)
    return u.numpy(), s.numpy()


def test_the_secret_lies_on_the_grid_and_follows_the_seed():
    found = [hidden(seed) for seed in range(200)]
    assert hidden(3) == found[3] and len(set(found)) > 180
    for k, (low, high) in enumerate(DRAWN.values()):
        values = [neuron[k] for neuron in found]
        steps = [x / secret.GRID for x in values]
        assert np.allclose(steps, np.round(steps))
        assert min(steps) == pytest.approx(low, abs=1e-6)
        assert max(steps) == pytest.approx(high, abs=1e-6)


def test_both_traces_are_eq_1():
    for seed, kind in itertools.product((0, 1, 2), STIMULI):
        given = {"stimulus": kind, "amplitude": 2.0, "width": 7}
        view = secret_neuron(**given, beta=0.6, weight=0.9, threshold=0.8, seed=seed)
        for neuron, u, s in (
            (hidden(seed), view.secret_u, view.secret_s),
            ((0.6, 0.9, 0.8), view.u, view.s),
        ):
            right = run(neuron, view.x)
            assert np.array_equal(u, right[0]) and np.array_equal(s, right[1])
            assert s.any() or kind == TWO


def test_the_error_by_hand(monkeypatch):
    monkeypatch.setattr(secret, "hidden", lambda seed: secret.Neuron(0.5, 0.75, 1.0))
    given = {"stimulus": PULSE, "amplitude": 1.0, "width": 2}
    view = secret_neuron(**given, beta=0.5, weight=0.5, threshold=1.0)
    # Secret 0.75, 1.125 spike, -0.4375; guess 0.5, 0.75, 0.375.
    assert view.secret_u[START : START + 3].tolist() == [0.75, 1.125, -0.4375]
    assert view.u[START : START + 3].tolist() == [0.5, 0.75, 0.375]
    assert view.error == (1, 0.8125) and not view.error.none
    assert view.sentence == (
        "The secret fires 1 spike, your guess 0; they first differ at step 3. The "
        "membranes are at most 0.81 apart."
    )
    view = secret_neuron(**given, beta=0.5, weight=0.75, threshold=1.0)
    assert view.error == (0, 0.0) and view.error.none
    assert view.sentence.startswith("All spikes agree: 1 of each. The membranes agree")
    view = secret_neuron(
        stimulus=PULSE, amplitude=0.4, width=1, beta=0.5, weight=0.75, threshold=0.5
    )
    assert view.error.none  # silent: U_th is wrong, and nothing shows it
    assert view.sentence.endswith("only that it is not below 0.30.")


@pytest.mark.parametrize("seed", SEEDS)
def test_the_secret_can_be_read_off_the_electrode(seed):
    """W from a weak pulse, b from its decay, U_th from the cost of a spike."""
    view = secret_neuron(amplitude=0.3, width=1, seed=seed)
    assert not view.secret_s.any()
    weight = view.secret_u[START] / 0.3
    beta = view.secret_u[START + 1] / view.secret_u[START]
    view = secret_neuron(amplitude=3.0, width=6, seed=seed)
    t = int(view.secret_s.argmax())
    assert view.secret_s[t]
    kept = beta * view.secret_u[t] + weight * view.x[t + 1]
    threshold = kept - view.secret_u[t + 1]
    assert (beta, weight, threshold) == pytest.approx(hidden(seed))


@pytest.mark.parametrize("corner", list(corners()))
def test_every_neuron_can_be_kept_silent_and_made_to_fire(corner):
    assert not run(corner, injected(PULSE, 0.3, 1))[1].any()
    assert run(corner, injected(PULSE, 3.0, 6))[1].any()


@pytest.mark.parametrize("seed", SEEDS)
def test_only_the_secret_scores_zero(seed):
    found = hidden(seed)
    assert check(*found, seed=seed).none
    assert check(*found, seed=seed, electrode=SPIKES) == (0, None)
    steps = (-secret.GRID, 0, secret.GRID)
    for shift in itertools.product(steps, repeat=3):
        guess = [
            min(a + b, 1.0 if k == 0 else 9)
            for k, (a, b) in enumerate(zip(found, shift, strict=True))
        ]
        if any(shift):
            assert not check(*guess, seed=seed).none, shift


@pytest.mark.parametrize("seed", SEEDS)
def test_spikes_alone_tell_only_the_ratio(seed):
    beta, weight, threshold = hidden(seed)
    half = beta, weight / 2, threshold / 2
    assert half[1] >= BOX["weight"][0] and half[2] >= BOX["threshold"][0]
    assert check(*half, seed=seed, electrode=SPIKES).none
    seen = check(*half, seed=seed, electrode=MEMBRANE)
    assert seen.spikes == 0 and seen.membrane > 0.1 and not seen.none
    assert not check(beta, weight, threshold / 2, seed=seed, electrode=SPIKES).none


def test_spikes_alone_show_no_membrane():
    view = secret_neuron(electrode=SPIKES)
    assert view.secret_u is None and view.error.membrane is None
    assert view.panels[0].names == ("your guess",)
    assert view.sentence.endswith(
        "Spikes tell only the ratio W / U_th: 1.00 and 1.00 fire like 0.500 and 0.500, "
        "half of both."
    )


def test_the_only_threshold_shown_is_called_the_guess_s():
    trace = secret_neuron(threshold=0.7).panels[0]
    assert trace.threshold == 0.7 and trace.names[1] == "your guess and your U_th"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (PULSE, "one pulse of 1.50 for 1 step;"),
        (TWO, "two pulses of 1.50, 1 step apart;"),
        (CONSTANT, "a constant 1.50 from step 1 on;"),
        (RAMP, "a ramp to 1.50 over 1 step, then constant;"),
    ],
)
def test_the_alt_says_what_the_width_is(kind, words):
    alt = secret_neuron(stimulus=kind, amplitude=1.5, width=1).alt
    assert words in alt and len(alt) <= 300


def frame_of(monkeypatch, neuron, **given) -> bytes:
    monkeypatch.setattr(secret, "hidden", lambda seed: secret.Neuron(*neuron))
    return canvas.pack(secret_neuron(**given))


@pytest.mark.parametrize("kind", STIMULI)
def test_spikes_only_shows_nothing_but_spikes(kind, monkeypatch):
    """Two secrets of one ratio: all that reaches the page is the same, bit for bit."""
    given = {"stimulus": kind, "amplitude": 1.0, "electrode": SPIKES}
    one = frame_of(monkeypatch, (0.75, 0.65, 0.55), **given)
    assert one == frame_of(monkeypatch, (0.75, 1.3, 1.1), **given)
    assert one != frame_of(monkeypatch, (0.75, 0.65, 1.1), **given)
    given["electrode"] = MEMBRANE
    one = frame_of(monkeypatch, (0.75, 0.65, 0.55), **given)
    assert one != frame_of(monkeypatch, (0.75, 1.3, 1.1), **given)


def test_no_word_gives_the_secret_away(monkeypatch):
    monkeypatch.setattr(secret, "hidden", lambda seed: secret.Neuron(0.55, 0.65, 1.35))
    for kind, electrode in itertools.product(STIMULI, secret.ELECTRODES):
        view = secret_neuron(stimulus=kind, electrode=electrode, amplitude=2.0)
        said = view.sentence + view.alt + view.code + "".join(view.said)
        assert not any(x in said for x in ("0.55", "0.65", "1.35"))
        assert not any(isinstance(x, secret.Neuron) for x in vars(view).values())


@pytest.mark.parametrize("kind", STIMULI)
def test_the_code_is_the_guess_s(kind):
    view = secret_neuron(stimulus=kind, amplitude=1.7, width=20, threshold=0.85)
    names = {}
    exec(view.code, names)
    assert names["x"] == pytest.approx(view.x.tolist())
    assert names["membrane"] == pytest.approx(view.u.tolist(), abs=1e-12)
    assert names["spikes"] == view.s.tolist() and sum(names["spikes"]) > 0


def test_the_stimuli():
    assert np.flatnonzero(injected(PULSE, 2, 3)).tolist() == [2, 3, 4]
    assert np.flatnonzero(injected(TWO, 2, 3)).tolist() == [2, 5]
    assert np.flatnonzero(injected(CONSTANT, 2, 3)).tolist() == list(range(3, 40))
    assert injected(RAMP, 2, 4)[:6].tolist() == [0.5, 1, 1.5, 2, 2, 2]


def test_the_widget_reveals_scores_and_keeps_the_guess():
    widget = widgets.secret_neuron(seed=4, beta=0.55)
    assert not widget.check().none
    widget.preset("weak pulse: how high, how fast down")
    assert widget.values["beta"] == 0.55  # a new experiment keeps the guess
    assert not widget.view.secret_s.any() and not widget.view.s.any()
    page = widget.canvas.presets["spikes only: what cannot be told"]
    assert "beta" not in page and page["electrode"] == 1
    widget.preset("strong pulse: what a spike costs")
    assert widget.view.secret_s.any() and widget.view.error.membrane > 0
    assert widget.reveal() == hidden(4)
    assert widget.view.error.none and widget.check().none
    assert widget.values["threshold"] == hidden(4).threshold


def test_the_presets_do_what_their_names_say():
    for seed in SEEDS:
        values = widgets.SecretNeuron.PRESETS
        weak, strong, two, spikes = (
            secret_neuron(seed=seed, **given) for given in values.values()
        )
        assert not weak.secret_s.any() and strong.secret_s.any()
        left = weak.secret_u[START] * hidden(seed).beta ** 6
        second = two.secret_u[START + 6] - weak.secret_u[START]
        assert two.secret_s.any() or second == pytest.approx(left)
        assert spikes.secret_u is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"stimulus": "sine"}, "stimulus = 'sine': must be one of"),
        ({"width": 0}, "width = 0: must be a whole number from 1 to 20"),
        ({"weight": 0}, "weight = 0: must be a number from 0.05 to 2"),
        ({"seed": -1}, "seed = -1: must be a whole number from 0 to 999"),
        ({"electrode": "all"}, "electrode = 'all': must be one of"),
    ],
)
def test_wrong_values_are_named(given, words):
    with pytest.raises(ValueError, match="^" + words):
        secret_neuron(**given)
    with pytest.raises(ValueError, match="weight = 3: must be"):
        check(0.5, 3, 1)

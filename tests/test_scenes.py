"""Scenes: by value, against the package's neuron, over the whole slider box, in the
page's language bit for bit."""

import hashlib
import itertools
import json
import math
import random
import re
import shutil
import subprocess
import warnings

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spikedu.figures import canvas
from spikedu.functional import lif, lif_step, lif_step_hard
from spikedu.scenes import neuron
from spikedu.scenes.neuron import (
    BOX,
    NONE,
    RESETS,
    SUBTRACT,
    TO_ZERO,
    bell,
    fixed,
    lif_explorer,
)
from spikedu.widgets.lif import LifCanvas


def no_reset(u, s, current, beta, threshold):
    u = beta * u + current
    return u, (u > threshold).to(u.dtype)


STEP = {SUBTRACT: lif_step, TO_ZERO: lif_step_hard, NONE: no_reset}


def draws(count: int) -> list[dict]:
    """Values all over the box, some of them on its faces, all on the sliders' grid."""
    rng = random.Random(1)
    found = []
    for k in range(count):
        values = {"reset": RESETS[k % 3], "seed": rng.randint(*BOX["seed"])}
        for name in ("beta", "threshold", "current", "noise"):
            low, high = BOX[name]
            values[name] = round(rng.uniform(low, high), 2)
            if rng.random() < 0.2:
                values[name] = rng.choice([low, high])
        if rng.random() < 0.4:
            values["noise"] = 0.0
        if rng.random() < 0.2 and values["beta"] < 1:  # at the rheobase, give or take
            edge = values["threshold"] * (1 - values["beta"])
            low, high = BOX["current"]
            values["current"] = min(round(edge + rng.choice([-0.01, 0, 0.01]), 2), high)
        found.append(values)
    return found


# ---------------------------------------------------------------- by value
def test_the_membrane_of_eq_1_by_hand():
    view = lif_explorer(beta=0.5, threshold=1, current=0.75)
    by_hand = [0.75, 1.125, 0.3125, 0.90625, 1.203125, 0.3515625]
    assert view.u[:6, 0].tolist() == by_hand
    assert view.s[:6, 0].tolist() == [0, 1, 0, 0, 1, 0]
    assert view.membrane.membrane[:6, 0].tolist() == by_hand
    assert view.membrane.spike_times[0][:2].tolist() == [1, 4]
    assert view.rheobase == 0.5 and view.rate == 0.33


def test_the_released_neuron_by_hand():
    view = lif_explorer(beta=0.5, threshold=0.75, current=1.0, reset=TO_ZERO)
    # Fires where the membrane equals the threshold, restarts from 0.
    assert view.u[:5, 0].tolist() == [0.5, 0.75, 0.5, 0.75, 0.5]
    assert view.s[:5, 0].tolist() == [0, 1, 0, 1, 0]
    assert view.rheobase == 0.75
    assert lif_explorer(beta=1, reset=TO_ZERO).rheobase == math.inf


def test_what_is_at_the_threshold_does_not_fire_in_eq_1():
    view = lif_explorer(beta=0.5, threshold=0.75, current=0.5, reset=NONE)
    assert view.u[1, 0] == 0.75 and view.s[1, 0] == 0 and view.s[2, 0] == 1


@pytest.mark.parametrize("values", draws(120))
def test_the_scene_is_the_neuron_of_the_package(values):
    view = lif_explorer(**values)
    given = torch.from_numpy(view.current)
    step = STEP[values["reset"]]
    u, s = lif(given, values["beta"], values["threshold"], step)
    assert np.array_equal(view.u, u.numpy())
    assert np.array_equal(view.s, s.numpy())


def test_those_draws_spike_and_reset():
    spikes = {reset: [] for reset in RESETS}
    for values in draws(120):
        spikes[values["reset"]].append(lif_explorer(**values).s[:, 0].sum())
    for reset in (SUBTRACT, TO_ZERO):
        assert sum(0 < n < 100 for n in spikes[reset]) >= 10


@pytest.mark.parametrize("values", draws(24))
def test_the_code_runs_and_gives_the_same_spikes(values):
    view = lif_explorer(**values)
    names = {}
    exec(view.code, names)
    assert np.array_equal(view.s, names["spikes"].numpy())
    assert np.array_equal(view.u, names["membrane"].numpy())


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize(("beta", "threshold"), [(0.0, 0.8), (0.5, 1.0), (0.9, 1.5)])
def test_the_rheobase_parts_silence_from_firing(reset, beta, threshold):
    given = {"beta": beta, "threshold": threshold, "reset": reset}
    edge = lif_explorer(**given).rheobase
    if edge + 0.005 <= BOX["current"][1]:
        assert lif_explorer(current=edge + 0.005, **given).rate > 0
    assert lif_explorer(current=edge - 0.005, **given).rate == 0


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "Fires every 6th step, first at step 4."),
        ({"current": 0.65, "beta": 0.7}, "Fires every 2 to 3 steps, first at step 1."),
        ({"current": 0.21, "beta": 0.8}, "Fires every 15th step, first at step 13."),
        (
            {"current": 1.5},
            "Fires at every step from step 0 on: the input brings back at once what "
            "the reset takes.",
        ),
        (
            {"reset": NONE},
            "Fires at every step from step 4 on: nothing resets the membrane.",
        ),
        (
            {"current": 0.19},
            "Never fires: the membrane settles at i / (1 - beta) = 0.95, below the "
            "threshold 1.00.",
        ),
        (
            {"current": 0.2},
            "Never fires: this is exactly the rheobase: in exact arithmetic the "
            "membrane only approaches the threshold 1.00 and never reaches it.",
        ),
        (
            {"beta": 0.07, "current": 0.62, "threshold": 0.67},
            "Never fires: the membrane settles at i / (1 - beta) = 0.67, just below "
            "the threshold 0.67.",
        ),
        (
            {"beta": 0.5, "current": 1, "reset": TO_ZERO},
            "Fires once in 100 steps, at step 53. That is the computer's rounding: at "
            "exactly the rheobase the membrane, in exact arithmetic, only approaches "
            "the threshold.",
        ),
        (
            {"beta": 0.9, "current": 1, "reset": TO_ZERO},
            "Never fires: this is exactly the rheobase: in exact arithmetic the "
            "membrane only approaches the threshold 1.00 and never reaches it.",
        ),
        (
            {"beta": 0, "current": 1, "reset": TO_ZERO},
            "Fires at every step from step 0 on: at exactly the rheobase the membrane "
            "equals the threshold 1.00, and this neuron fires on it.",
        ),
        (
            {"beta": 0, "current": 1},
            "Never fires: at exactly the rheobase the membrane equals the threshold "
            "1.00, which it would have to pass.",
        ),
        (
            {"current": -0.5},
            "Never fires: the membrane settles at i / (1 - beta) = -2.50, below the "
            "threshold 1.00.",
        ),
        (
            {"reset": TO_ZERO},
            "Never fires: the membrane settles at i = 0.30, below the threshold 1.00.",
        ),
        (
            {"beta": 1, "reset": TO_ZERO},
            "Never fires: the membrane takes nothing in and stays at 0.",
        ),
        (
            {"beta": 1, "current": -0.25},
            "Never fires: the membrane falls by 0.25 at every step.",
        ),
        (
            {"beta": 1, "current": 0.01, "threshold": 2},
            "Does not fire within 100 steps: the membrane climbs by 0.01 at every "
            "step.",
        ),
        (
            {"beta": 0.99, "current": 0.03, "threshold": 2},
            "Does not fire within 100 steps: the membrane is still on its way to "
            "i / (1 - beta) = 3.00.",
        ),
        (
            {"beta": 1, "current": 0.01},
            "Fires once in 100 steps, at step 99.",
        ),
    ],
)
def test_the_sentence_says_what_happens(values, sentence):
    if "climbs" in sentence or "on its way" in sentence:
        assert not lif_explorer(**values).s.any()
    assert lif_explorer(**values).sentence == sentence


def at_the_rheobase() -> list[dict]:
    """All settings of the sliders, those of the released neuron in steps of 0.05."""
    found = []
    for b, th in itertools.product(range(100), range(10, 201)):
        given = {"beta": b / 100, "threshold": th / 100}
        if th <= 150 and b % 5 == th % 5 == 0:
            found.append({**given, "current": th / 100, "reset": TO_ZERO})
        product = th * (100 - b)
        if product % 100 == 0 and product <= 15000:
            current = product // 100 / 100
            found += [
                {**given, "current": current, "reset": r} for r in (SUBTRACT, NONE)
            ]
    return found


def test_at_the_rheobase_the_sentence_never_takes_rounding_for_physiology():
    fired = {reset: 0 for reset in RESETS}
    for values in at_the_rheobase():
        view = lif_explorer(**values)
        said, spikes = view.sentence, view.s.any()
        assert "exactly the rheobase" in said and len(view.alt) <= 300, values
        assert said.startswith("Fires" if spikes else "Never fires"), values
        if values["beta"] == 0:  # at the threshold at once, nothing is rounded
            assert "the membrane equals the threshold" in said, values
            assert spikes == (values["reset"] == TO_ZERO)
            continue
        assert "only approaches the threshold" in said, values
        assert ("That is the computer's rounding" in said) == spikes, values
        fired[values["reset"]] += spikes
    # Without rounding there would be none.
    assert all(n >= 10 for n in fired.values()), fired


def test_next_to_the_rheobase_the_sentence_does_not_name_it():
    for values in at_the_rheobase()[::7]:
        for off in (-0.01, 0.01):
            current = round(values["current"] + off, 2)
            if current <= BOX["current"][1]:
                view = lif_explorer(**{**values, "current": current})
                assert "rheobase" not in view.sentence, (values, off)


def test_by_eq_1_rounding_fires_too():
    view = lif_explorer(beta=0.2, threshold=0.7, current=0.56)
    assert view.s.any() and "That is the computer's rounding" in view.sentence


def test_the_sentence_of_a_noisy_neuron_counts():
    view = lif_explorer(current=0.19, noise=0.15, seed=1)
    times = np.flatnonzero(view.s[:, 0])
    gaps = np.diff(times)
    assert view.sentence == (
        f"Neuron 0 fires {len(times)} times, {gaps.min()} to {gaps.max()} steps apart; "
        f"the 20 neurons fire {view.s.mean():.2f} times per step each."
    )
    assert 0 < view.population_rate < 0.2


def noisy():
    """Noisy neurons over a part of the box in which all three cases turn up."""
    for current, noise, seed in itertools.product(
        (-0.2, 0.05, 0.1, 0.15, 0.9, 1.5), (0.01, 0.1, 0.2), range(15)
    ):
        yield lif_explorer(current=current, noise=noise, seed=seed)


def test_a_noisy_neuron_that_fires_does_not_fire_0_times():
    small = 0
    for view in noisy():
        said = view.sentence
        assert ("fire 0.00 times" in said) == (not view.s.any())
        small += 0 < view.s.mean() < 0.005
        assert ("fire under 0.01 times" in said) == (0 < view.s.mean() < 0.005)
    assert small >= 10
    alt = lif_explorer(current=0.15, noise=0.05, steps=1000, seed=2).alt
    assert "under 0.01 times per step." in alt


def test_gaps_of_one_length_are_no_range():
    every = equal = 0
    for view in noisy():
        times = np.flatnonzero(view.s[:, 0])
        gaps = set(np.diff(times).tolist())
        if gaps == {1}:
            every += 1
            said = f"times, at every step from {times[0]} to {times[-1]}; the"
            assert said in view.sentence
        elif len(gaps) == 1:
            equal += 1
            assert f"times, {gaps.pop()} steps apart; the" in view.sentence
    assert every >= 3 and equal >= 3


def test_the_raster_says_whether_there_is_noise():
    assert lif_explorer().raster.title == "without noise all alike: 20 neurons"
    noisy = lif_explorer(noise=0.1).raster.title
    assert noisy == "each with its own noise: 20 neurons"


def test_noise_is_bell_shaped_and_every_neurons_own():
    g = bell(7, steps=4000, neurons=20)
    assert abs(g.mean()) < 0.02 and abs(g.std() - 1) < 0.01
    inside = (abs(g) < 1).mean()
    assert abs(inside - 0.68) < 0.02  # a uniform distribution would give 0.58
    assert np.abs(np.corrcoef(g.T) - np.eye(20)).max() < 0.07
    assert np.abs(np.corrcoef(g[1:, 0], g[:-1, 0])[0, 1]) < 0.05
    assert np.array_equal(bell(7), g[:100]) and not np.array_equal(bell(8), g[:100])
    assert np.array_equal(bell(7, neurons=3), bell(7)[:, :3])


def test_without_noise_the_seed_changes_nothing_and_all_fire_together():
    one, other = lif_explorer(seed=1), lif_explorer(seed=2)
    assert np.array_equal(one.s, other.s)
    assert (one.s == one.s[:, :1]).all() and one.rate == one.population_rate


@given(
    *(st.floats(*BOX[name]) for name in ("beta", "threshold", "current", "noise")),
    st.sampled_from(RESETS),
    st.integers(*BOX["seed"]),
)
@example(1.0, 0.1, 1.5, 0.5, NONE, 0)
@example(1.0, 0.1, -0.5, 0.5, SUBTRACT, 99)
@example(0.0, 2.0, 0.0, 0.0, TO_ZERO, 0)
@example(5e-324, 0.1, 5e-324, 5e-324, SUBTRACT, 0)
@settings(max_examples=150, deadline=None)
def test_the_whole_slider_box_is_safe(beta, threshold, current, noise, reset, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        view = lif_explorer(
            beta=beta,
            threshold=threshold,
            current=current,
            noise=noise,
            reset=reset,
            seed=seed,
        )
    assert np.isfinite(view.u).all() and set(np.unique(view.s)) <= {0, 1}
    assert 40 <= len(view.alt) <= 300 and "nan" not in view.text
    assert view.raster.counts.sum() == view.s.sum()
    assert not math.isnan(view.rheobase)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"beta": 1.2}, "beta = 1.2: must be a number from 0 to 1"),
        ({"beta": math.nan}, "beta = nan: must be a number from 0 to 1"),
        ({"threshold": 0}, "threshold = 0: must be a number from 0.1 to 2"),
        ({"current": 9.0}, "current = 9.0: must be a number from -0.5 to 1.5"),
        ({"noise": -1}, "noise = -1: must be a number from 0 to 0.5"),
        ({"seed": 100}, "seed = 100: must be a whole number from 0 to 99"),
        ({"reset": "hard"}, "reset = 'hard': must be one of 'subtract, one step"),
    ],
)
def test_a_bad_value_is_named(values, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        lif_explorer(**values)


# ---------------------------------------------------------------- JavaScript
# Prints, for each draw on stdin, a digest of every bit, and every word.
IN_NODE = """
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { simulate, fixed, lifScreen } from "./module.mjs";
const digest = (array) => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return createHash("sha256").update(bytes).digest("hex");
};
const { draws, numbers } = JSON.parse(readFileSync(0, "utf-8"));
const found = draws.map((values) => {
  const { current, u, s, rate, times, sentence, alt, code } = simulate(values);
  const bits = [current, u, s].map(digest);
  const screen = lifScreen(values);
  return { bits, rate, times, sentence, alt, code, screen, some: [...u.slice(0, 40)] };
});
const plain = (key, x) => (ArrayBuffer.isView(x) ? [...x] : x);
console.log(JSON.stringify({ found, fixed: numbers.map(fixed) }, plain));
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Runs the very module that the page gets, on draws."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed: the page's arithmetic was not compared")
    folder = tmp_path_factory.mktemp("node")
    (folder / "module.mjs").write_text(LifCanvas._esm, "utf-8")
    (folder / "run.mjs").write_text(IN_NODE, "utf-8")

    def run(values: list[dict], numbers: list[float] = ()):
        size = {"steps": neuron.STEPS, "neurons": neuron.NEURONS}
        given = [{**size, **v, "reset": RESETS.index(v["reset"])} for v in values]
        said = subprocess.run(
            ["node", "run.mjs"],
            cwd=folder,
            input=json.dumps({"draws": given, "numbers": list(numbers)}),
            capture_output=True,
            text=True,
        )
        assert said.returncode == 0, said.stderr
        return json.loads(said.stdout)

    return run


def digest(array, dtype) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, dtype).tobytes()).hexdigest()


def test_the_page_computes_the_same_bits_and_says_the_same_words(node):
    at_edges = [{**v, "noise": 0.0, "seed": 0} for v in at_the_rheobase()[::5]]
    rare = [  # too few spikes for two decimals; gaps of one length
        {
            **draws(1)[0],
            "beta": 0.8,
            "threshold": 1.0,
            "current": i,
            "noise": x,
            "seed": k,
        }
        for i, x, k in itertools.product((0.1, 0.15, 0.9, 1.5), (0.01, 0.1), range(15))
    ]
    values = draws(300) + at_edges + rare
    assert sum(v["noise"] > 0 for v in values) > 100
    for drawn, theirs in zip(values, node(values)["found"], strict=True):
        view = lif_explorer(**drawn)
        assert view.u.ravel()[:40].tolist() == theirs["some"], drawn
        bits = [
            digest(view.current, "<f8"),
            digest(view.u, "<f8"),
            digest(view.s, "u1"),
        ]
        assert bits == theirs["bits"], drawn
        assert view.membrane.spike_times[0].tolist() == theirs["times"]
        assert view.rate == theirs["rate"]
        for name in ("sentence", "alt", "code"):
            assert getattr(view, name) == theirs[name], drawn


def plain(x):
    """A screen as the page has it: arrays as numbers and their shape."""
    if isinstance(x, np.ndarray):
        return {"data": x.astype(float).ravel().tolist(), "shape": list(x.shape)}
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    return [plain(value) for value in x] if isinstance(x, (list, tuple)) else x


def test_the_page_makes_the_same_screen_whatever_the_size(node):
    values = [{**v, "steps": 30 + k, "neurons": 2 + k} for k, v in enumerate(draws(12))]
    for drawn, theirs in zip(values, node(values)["found"], strict=True):
        ours = plain(canvas.screen(lif_explorer(**drawn)))
        assert theirs["screen"].pop("data") == {"rate": theirs["rate"]}
        assert ours == theirs["screen"], drawn


def test_the_page_rounds_as_python_does(node):
    rng = random.Random(2)
    numbers = [0.125, 0.375, -0.125, 0.005, 1.005, 2.675, -0.001, 1e6 + 0.125]
    numbers += [rng.uniform(-5, 5) for _ in range(500)]
    assert node([], numbers)["fixed"] == [fixed(x) for x in numbers]

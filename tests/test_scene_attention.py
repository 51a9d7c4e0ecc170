"""The slot machine against `functional`, a worked example, and what was recorded."""

import re

import numpy as np
import pytest
import torch
from examples import small_recording

from spikedu import functional
from spikedu.record import Recorder
from spikedu.scenes import attention
from spikedu.scenes.attention import HARD, KV, ORDERS, QK, ROOT, SOFT, multiply
from spikedu.spikformer import SpikformerConfig, SpikingSelfAttention
from spikedu.widgets import slot_machine


def run(view, scale, threshold, step, order):
    """Current, membrane and spikes by `functional`, from the view's Q, K, V."""
    q, k, v = (torch.from_numpy(x).double() for x in (view.q, view.k, view.v))
    current = functional.spiking_attention(q, k, v, scale, order)
    return current, *functional.lif(current, 0.5, threshold, step)


def test_one_query_by_hand():
    # Two tokens, three features: q meets key 0 once and key 1 twice; V pays from 1.
    q = np.array([[[1, 1, 0], [0, 0, 0]]], bool)
    k = np.array([[[0, 1, 1], [1, 1, 0]]], bool)
    v = np.array([[[0, 0, 1], [1, 0, 1]]], bool)
    first, counts = multiply(q, k, v, QK)
    assert first.tolist() == [[[1, 2], [0, 0]]]
    assert counts.tolist() == [[[2, 0, 3], [0, 0, 0]]]
    first, same = multiply(q, k, v, KV)
    assert first.tolist() == [[[1, 0, 1], [1, 0, 2], [0, 0, 1]]]
    assert np.array_equal(counts, same)


@pytest.mark.parametrize("neuron", [HARD, SOFT])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("scale", attention.SCALES)
def test_all_of_it_is_functionals(neuron, order, scale):
    rate = 0.65 if scale == "0.125" else 0.4  # neither silent nor always firing
    rates = {"rate_q": rate, "rate_k": rate, "rate_v": rate}
    sizes = {"tokens": 7, "dim": 4, "steps": 6}
    view = attention.slot_machine(
        **rates, **sizes, neuron=neuron, order=order, scale=scale
    )
    s = 4**-0.5 if scale == ROOT else float(scale)
    step = functional.lif_step_hard if neuron == HARD else functional.lif_step
    which = "qk" if order == QK else "kv"
    current, membrane, spikes = run(view, s, 0.5, step, which)
    assert np.array_equal(view.current, current.numpy())
    assert np.array_equal(view.membrane, membrane.numpy())
    assert np.array_equal(view.spikes, spikes.numpy())
    fired = view.spikes
    assert fired.any() and not fired.all()
    assert (fired[:-1] & ~fired[1:]).any()  # and some are silent after a spike


def test_a_current_that_lands_on_the_threshold():
    # One token, one feature, all rates 1, s = 1: the current is 1 at every step.
    one = dict(tokens=1, dim=1, steps=3, rate_q=1.0, rate_k=1.0, rate_v=1.0, scale="1")
    hard = attention.slot_machine(**one)
    assert hard.membrane[:, 0, 0].tolist() == [0.5, 0.5, 0.5] and hard.spikes.all()
    soft = attention.slot_machine(**one, neuron=SOFT, threshold=1.0)
    assert soft.membrane[:, 0, 0].tolist() == [1, 1.5, 0.75]
    assert soft.spikes[:, 0, 0].tolist() == [False, True, False]


def test_each_rate_moves_its_own_train_only():
    a = attention.slot_machine()
    b = attention.slot_machine(rate_k=0.1)
    assert np.array_equal(a.q, b.q) and np.array_equal(a.v, b.v)
    assert b.k.sum() < a.k.sum() and not (b.k & ~a.k).any()
    c = attention.slot_machine(seed=1)
    assert not np.array_equal(a.q, c.q)


@pytest.mark.parametrize("tokens", range(1, 9))
@pytest.mark.parametrize("dim", [1, 4, 8])
def test_the_costs_are_counted_products(tokens, dim):
    view = attention.slot_machine(tokens=tokens, dim=dim)
    n, d = tokens, dim
    by_hand = {
        QK: sum(d for _ in range(n * n)) + sum(n for _ in range(n * d)),
        KV: sum(n for _ in range(d * d)) + sum(d for _ in range(n * d)),
    }
    assert view.multiply_adds == by_hand
    said = view.sentence
    if n == d:
        assert "they cost the same, N = d" in said
    else:
        cheaper = min(by_hand, key=by_hand.get)
        assert f"{cheaper} is cheaper" in said


def test_the_sentence_counts_and_says_silence():
    view = attention.slot_machine()
    t = view.at
    spikes = view.spikes.sum(axis=(1, 2))
    assert spikes[t] == spikes.max()
    total = int(view.product[t].sum())
    assert view.said[t] in view.sentence
    assert view.said[t] == (
        f"Q K^T counts {total} coincidences, at most {view.product[t].max()} in a "
        f"cell; {spikes[t]} of 30 output neurons reach 0.5 and fire."
    )
    silent = attention.slot_machine(rate_v=0.0)
    assert not silent.current.any() and silent.product.any()
    assert "No output neuron ever fires: the current reaches 0, the" in silent.sentence


@pytest.mark.parametrize("order", ORDERS)
def test_titles_fit_a_third_of_the_width_and_the_sentence_has_the_rest(order):
    for view in (
        attention.slot_machine(scale="0.25", order=order),
        attention.recorded_slot_machine(recording=small_recording(), order=order),
    ):
        titles = [p.title for p in view.panels[:-1]]
        # A third of the width has no room for a step beside a scale of colours.
        for row in view.rows[:-1]:
            assert len(row) <= (3 if row[0].binary else 2)
        assert all(len(title) <= 8 for title in titles) and len(titles) == 8
        scale = re.search(r"scale=([\d.]+)", view.code)[1]
        assert f"the output of Eq. (15): its current is {titles[4]} times s = " in (
            view.sentence
        )
        assert f"{titles[4]} times s = {scale}." in view.sentence


@pytest.mark.parametrize("neuron", ["hard", "soft"])
@pytest.mark.parametrize("order", ORDERS)
def test_recorded_spikes_are_reproduced_exactly(neuron, order):
    recording = small_recording(neuron)
    fired = 0
    for block in ("blocks.0.ssa", "blocks.1.ssa"):
        whole = recording.spikes[f"{block}.lif"]
        current = recording.current(f"{block}.lif")
        for head in range(4):
            view = attention.recorded_slot_machine(
                recording=recording, block=block, head=head, sample=1, order=order
            )
            part = (slice(None), 1, slice(None), slice(8 * head, 8 * head + 8))
            assert np.array_equal(view.spikes, whole[part]) and view.agrees
            assert np.array_equal(view.current, current[part])
            membrane = recording.membrane(f"{block}.lif")
            assert np.array_equal(view.membrane, membrane[part])
            fired += view.spikes.sum()
    assert fired > 100


def test_a_recording_that_does_not_fit_is_marked():
    recording = small_recording()
    before = recording.spikes["blocks.0.ssa.lif"]
    recording.spikes["blocks.0.ssa.lif"] = ~before
    try:
        view = attention.recorded_slot_machine(recording=recording)
    finally:
        recording.spikes["blocks.0.ssa.lif"] = before
    assert not view.agrees
    assert view.sentence.endswith("These are not the recorded spikes.")


def test_many_tokens_are_thinned_and_still_all_summed():
    torch.manual_seed(0)
    config = SpikformerConfig(24, 1, 3, scale=0.3)
    ssa = SpikingSelfAttention(config)
    for part in (ssa.query, ssa.key, ssa.value):
        torch.nn.init.constant_(part.bn.weight, 3.0)
    with torch.no_grad(), Recorder(ssa) as recording:
        ssa(torch.randint(0, 3, (4, 2, 37, 24)).float())
    for head in range(3):
        view = attention.recorded_slot_machine(
            recording=recording, head=head, sample=1, time=2
        )
        part = (slice(None), 1, slice(None), slice(8 * head, 8 * head + 8))
        assert np.array_equal(view.spikes, recording.spikes["lif"][part])
        assert view.agrees and view.spikes.any()
    assert view.tokens == range(0, 37, 3)
    assert "Shown: every 3rd of 37 tokens; the sums run over all." in view.sentence
    maps = view.panels
    assert maps[0].values.shape == (1, 1, 13, 8)
    assert np.array_equal(maps[3].values[0, 0], view.product[2, ::3, ::3])
    assert np.array_equal(maps[4].values[0, 0], view.counts[2, ::3])


def test_the_code_runs_and_gives_what_is_shown():
    views = [
        attention.slot_machine(neuron=n, scale=s)
        for n in (HARD, SOFT)
        for s in (ROOT, "0.125")
    ]
    views += [
        attention.recorded_slot_machine(recording=small_recording(n), head=2)
        for n in ("hard", "soft")
    ]
    for recording, view in zip(
        [None] * 4 + [small_recording("hard"), small_recording("soft")],
        views,
        strict=True,
    ):
        names = {"recording": recording}
        exec(view.code, names)
        assert np.array_equal(names["current"].numpy(), view.current)
        assert np.array_equal(names["spikes"].numpy(), view.spikes)


def test_each_preset_does_what_its_name_says():
    w = slot_machine()
    usual = w.view
    w.preset("rare spikes: the output is silent")
    assert not w.view.spikes.any() and w.view.q.any()
    assert w.view.product.any() and w.view.counts.any()  # these are not silent
    w.preset("K^T V first: other counts between, same spikes")
    assert w.view.product.shape != usual.product.shape
    assert np.array_equal(w.view.spikes, usual.spikes)
    w.preset("every spike there is")
    assert w.view.q.all() and w.view.k.all() and w.view.v.all()
    w.preset("same input, Eq. (1): more spikes")
    assert np.array_equal(w.view.current, usual.current)
    assert w.view.spikes.sum() > usual.spikes.sum()

    w = slot_machine(small_recording())
    for name, block in (("first", "blocks.0"), ("last", "blocks.1")):
        w.preset(f"{name} block, where it spikes most")
        assert w.values["block"] == f"{block}.ssa"
        spikes = small_recording().spikes[f"{block}.ssa.lif"][:, 0]
        most = spikes.reshape(5, 16, 4, 8).sum(axis=(1, 3)).max()
        assert w.view.spikes[w.values["time"]].sum() == most > 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate_q": 1.1}, "rate_q = 1.1: must be a number from 0 to 1"),
        ({"tokens": 9}, "tokens = 9: must be a whole number from 1 to 8"),
        ({"scale": "0.3"}, "scale = '0.3': must be one of '0.125', '0.25', '1/sqrt"),
        ({"order": "V"}, "order = 'V': must be one of 'Q K^T first', 'K^T V first'"),
        ({"neuron": "LIF"}, "neuron = 'LIF': must be one of 'released"),
        ({"threshold": 0}, "threshold = 0: must be a number from 0.1 to 2"),
    ],
)
def test_a_bad_value_is_named(values, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        attention.slot_machine(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"block": "blocks.7.ssa"}, "block = 'blocks.7.ssa': must be one of 'blocks.0"),
        ({"head": 4}, "head = 4: must be a whole number from 0 to 3"),
        ({"sample": 3}, "sample = 3: must be a whole number from 0 to 2"),
        ({"time": 5}, "time = 5: must be a whole number from 0 to 4"),
    ],
)
def test_a_place_that_was_not_recorded_is_named(values, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        attention.recorded_slot_machine(recording=small_recording(), **values)

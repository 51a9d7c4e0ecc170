"""The spike microscope against the network's modules, recomputed with torch hooks."""

import re

import numpy as np
import pytest
import torch
from examples import digit_images, small_recording, small_spikformer

from spikedu import functional
from spikedu.record import Recorder, Recording
from spikedu.scenes import microscope, recorded
from spikedu.scenes.microscope import INPUT, KEY, OUTPUT, QUERY, VALUE, spike_microscope
from spikedu.widgets import spike_microscope as make

T, B, N, D, HEADS, WIDTH = 5, 3, 16, 32, 4, 8
STEPS = {"hard": functional.lif_step_hard, "soft": functional.lif_step}


@pytest.fixture(scope="module", params=["hard", "soft"])
def network(request):
    """The recording, and what hooks of this test saw: module path -> output."""
    model, seen = small_spikformer(request.param), {}

    def keep(path):
        return lambda module, given, output: seen.update({path: (given[0], output)})

    hooks = [m.register_forward_hook(keep(p)) for p, m in model.named_modules() if p]
    with torch.no_grad():
        model(digit_images())
    for hook in hooks:
        hook.remove()
    return small_recording(request.param), seen, request.param


def places(count: int):
    """Seeded places, and among them some that fire."""
    rng = np.random.default_rng(0)
    sizes = {"sample": B, "head": HEADS, "token": N, "feature": WIDTH, "time": T}
    for _ in range(count):
        yield {name: int(rng.integers(size)) for name, size in sizes.items()}


def test_who_pays_is_what_the_modules_multiply(network):
    recording, seen, _ = network
    fired = 0
    for k, at in enumerate(places(120)):
        block = f"blocks.{k % 2}.ssa"
        view = spike_microscope(recording=recording, block=block, **at)
        t, b, n = at["time"], at["sample"], at["token"]
        low = at["head"] * WIDTH
        q, k_, v = (
            seen[f"{block}.{part}"][1][t, b, :, low : low + WIDTH]
            for part in ("query", "key", "value")
        )
        counts = torch.einsum("d,md->m", q[n], k_)
        paid = counts * v[:, at["feature"]]
        channel = low + at["feature"]
        given, spikes = (x[:, b, n, channel] for x in seen[f"{block}.lif"])
        assert view.counts.tolist() == counts.tolist()
        assert view.paid.tolist() == paid.tolist()
        assert view.scaled == paid.sum() * 0.125 == given[t] and view.agrees
        assert np.array_equal(view.course.current, given.numpy())
        assert np.array_equal(view.course.spikes, spikes.bool().numpy())
        assert view.fires == bool(spikes[t])
        fired += view.fires
    assert 5 < fired < 110


@pytest.mark.parametrize(
    ("look", "part"),
    [(OUTPUT, "lif"), (QUERY, "query"), (KEY, "key"), (VALUE, "value")],
)
def test_each_neuron_is_replayed_as_it_was(network, look, part):
    recording, seen, neuron = network
    resets = 0
    for at in places(40):
        view = spike_microscope(
            recording=recording, block="blocks.1.ssa", view=look, **at
        )
        name = f"blocks.1.ssa.{part}"
        path = name if part == "lif" else f"{name}.lif"
        place = (slice(None), at["sample"], at["token"], at["head"] * 8 + at["feature"])
        given = seen[path][0][place]
        th = 0.5 if part == "lif" else 1.0
        membrane, spikes = functional.lif(given, 0.5, th, STEPS[neuron])
        assert np.array_equal(view.course.membrane, membrane.numpy())
        assert np.array_equal(view.course.membrane, recording.membrane(name)[place])
        assert np.array_equal(view.course.spikes, spikes.bool().numpy())
        assert view.course.threshold == th and view.course.agrees
        assert view.fires == bool(spikes[at["time"]])
        resets += bool(spikes[:-1].any())
    assert resets > 3


def test_the_input_is_the_sum_that_the_block_is_given(network):
    recording, seen, _ = network
    for block in (0, 1):
        x = seen[f"blocks.{block}"][0]
        parts = recorded.inputs(recording, f"blocks.{block}.ssa", sample=2)
        assert np.array_equal(parts.sum(axis=0), x[:, 2].numpy())
        assert len(parts) == 2 + 2 * block
    for at in places(30):
        view = spike_microscope(
            recording=recording, block="blocks.1.ssa", view=INPUT, **at
        )
        entry = x[at["time"], at["sample"], at["token"], at["head"] * 8 + at["feature"]]
        assert sum(view.parts.values()) == entry and view.fires == bool(entry)
        assert f"is {int(entry)}:" in view.sentence
    assert tuple(view.parts) == (
        "sps.stages.3",
        "rpe",
        "blocks.0.ssa.out",
        "blocks.0.mlp.down",
    )


def test_the_sentence_is_the_arithmetic(network):
    recording, _, neuron = network
    kinds = set()
    for at in places(200):
        view = spike_microscope(recording=recording, **at)
        said = view.sentence
        paid = view.paid
        start = "Token {token}, feature {feature}, step {time} ".format(**at)
        assert said.startswith(start + ("fires" if view.fires else "does not fire"))
        payers, total = map(
            int, re.search(r"(\d+) key tokens? contributes? (\d+) count", said).groups()
        )
        assert payers == (paid > 0).sum() and total == paid.sum()
        terms, result = re.search(r"the membrane is (.+?): (-?[\d.]+),", said).groups()
        worked = eval(terms.replace("x", "*"))
        t = at["time"]
        u = view.course.membrane[t]
        assert worked == pytest.approx(u, abs=2e-3)
        assert float(result) == pytest.approx(u, abs=1e-3)
        # What is written decides as the neuron did.
        shown, side = float(result), re.search(r", (above|at|below) the", said)[1]
        assert (shown > 0.5, shown == 0.5) == (side == "above", side == "at")
        fires = shown >= 0.5 if neuron == "hard" else shown > 0.5
        assert fires == view.fires
        spiked = t > 0 and bool(view.course.spikes[t - 1])
        kinds.add((t > 0, spiked, view.fires))
        assert ("from rest" in said) == (t == 0)
        if neuron == "hard":
            assert ("reset to 0" in said) == spiked
        else:
            assert terms.endswith(" - 0.5") == spiked
    assert len(kinds) >= 5


def test_one_sentence_word_by_word():
    w = make(small_recording())
    w.preset("a spike that needed what was left")
    at, c = w.values, w.view.course
    t = at["time"]
    payers, total = (w.view.paid > 0).sum(), w.view.paid.sum()
    left, now, th = c.membrane[t - 1], c.membrane[t], 0.5
    assert now == 0.5 * left + 0.5 * total * 0.125 and now >= th
    e = recorded.exact
    assert w.view.sentence == (
        f"Token {at['token']}, feature {at['feature']}, step {t} fires: {payers} key "
        f"tokens contribute {total} counts, times 0.125 = {e(total / 8)}; with "
        f"{e(left)} left from before, the membrane is 0.5 x {e(left)} + 0.5 x "
        f"{e(total / 8)}: {e(now, th)}, {'at' if now == th else 'above'} the threshold "
        "0.5."
    )


def test_numbers_are_told_from_the_threshold():
    assert recorded.exact(0.49996, 0.5) == "0.49996"
    assert recorded.exact(0.5, 0.5) == recorded.exact(0.50004) == "0.5"
    assert recorded.exact(-0.0001) == "0" and recorded.exact(12) == "12"
    assert recorded.exact(0.4875, 0.5) == "0.487"


# ---------------------------------------------------------------- walking
def test_the_ways_on_lead_to_the_strongest(network):
    recording, seen, _ = network
    differ = 0
    for at in places(200):
        view = spike_microscope(recording=recording, **at)
        if not view.paid.any():
            assert view.onward == {}
            continue
        t, b, n = at["time"], at["sample"], at["token"]
        low = at["head"] * WIDTH
        q, k, v = (
            seen[f"blocks.0.ssa.{part}"][1][t, b, :, low : low + WIDTH]
            for part in ("query", "key", "value")
        )
        each = q[n] * k * v[:, at["feature"], None]  # [N, d]: what every pair pays
        m, f = int(each.sum(1).argmax()), int(each.sum(0).argmax())
        assert view.onward["value"] == {"view": VALUE, "token": m}
        assert view.onward["query"] == {"view": QUERY, "feature": f}
        assert view.onward["key"]["token"] == m
        assert each[m, view.onward["key"]["feature"]] == 1
        differ += int(view.counts.argmax()) != m
        differ += int((k * v[:, at["feature"], None]).sum(0).argmax()) != f
    assert differ > 10


def test_a_walk_follows_the_strongest_spikes_down_to_the_image():
    w = make(
        small_recording(),
        **make(small_recording()).PRESETS["a spike of the last block"],
    )
    paid, at = w.view.paid, w.values
    assert w.view.fires and at["block"] == "blocks.1.ssa"
    assert w.walk()
    strongest = int(np.argmax(paid))
    assert w.values == {**at, "view": VALUE, "token": strongest} and w.view.fires
    here = w.values
    assert w.walk()
    x = recorded.inputs(small_recording(), "blocks.1.ssa", 0).sum(axis=0)
    row = x[here["time"], here["token"]]
    channel = w.values["head"] * WIDTH + w.values["feature"]
    assert w.values["view"] == INPUT and row[channel] == row.max() > 0
    assert w.walk()
    assert (w.values["block"], w.values["view"]) == ("blocks.0.ssa", OUTPUT)
    assert w.values["token"] == here["token"] and w.values["time"] == here["time"]
    while w.walk():
        pass
    assert (w.values["block"], w.values["view"]) == ("blocks.0.ssa", INPUT) or (
        not w.view.paid.any()
    )
    while w.back():
        pass
    assert w.values == at and not w.back()


@pytest.mark.parametrize(("way", "look"), [("query", QUERY), ("key", KEY)])
def test_the_other_ways_end_on_a_spike_that_is_counted(way, look):
    w = make(small_recording())
    paid = w.view.paid
    assert w.walk(way)
    assert w.values["view"] == look and w.view.fires
    if way == "key":
        assert paid[w.values["token"]] == paid.max()


def test_without_payers_there_is_no_way_on():
    recording = small_recording()
    dark = next(
        at
        for at in places(500)
        if not spike_microscope(recording=recording, **at).paid.any()
    )
    w = make(recording, **dark, block="blocks.0.ssa", view=OUTPUT)
    before = w.values
    assert not w.walk() and w.values == before
    with pytest.raises(ValueError, match="way = 'up': must be one of 'value', 'query'"):
        w.walk("up")


def buttons(w) -> dict:
    """By their words."""
    box = next(c for c in w.children if hasattr(c, "children"))
    return {b.description.removeprefix("walk "): b for b in box.children}


def alive(w) -> list[str]:
    """The buttons that can be pressed."""
    return [words for words, button in buttons(w).items() if not button.disabled]


def test_the_buttons_walk():
    w = make(small_recording())
    before = w.values
    buttons(w)["on along V"].click()
    assert w.values["view"] == VALUE
    buttons(w)["back"].click()
    assert w.values == before


def test_only_buttons_with_a_way_can_be_pressed():
    start = make(small_recording()).PRESETS["a spike of the last block"]
    w = make(small_recording(), **start)
    assert alive(w) == ["on along V", "on along Q", "on along K"]
    buttons(w)["on along Q"].click()
    assert w.values["view"] == QUERY and alive(w) == ["on down", "back"]
    here = w.values
    right = "way = 'key': must be 'down' from 'query, Eq. (12)'"
    with pytest.raises(ValueError, match=re.escape(right)):
        w.walk("key")
    assert w.values == here
    buttons(w)["on down"].click()
    assert w.values["view"] == INPUT and alive(w) == ["on down", "back"]
    while w.walk():
        pass
    assert alive(w) == ["back"]
    w.values = start  # by hand: the ways are those of the place, however it came
    assert alive(w) == ["on along V", "on along Q", "on along K", "back"]
    w.controls["view"].value = KEY
    assert alive(w) == ["on down", "back"]
    while w.back():
        pass
    assert alive(w) == ["on along V", "on along Q", "on along K"]


def test_where_down_leads_is_not_told_as_a_cause(network):
    recording, seen, neuron = network
    kinds = set()
    for at in places(60):
        t, b, n = at["time"], at["sample"], at["token"]
        x = seen["blocks.1"][0][t, b, n].numpy()
        for look in (QUERY, KEY, VALUE):
            view = spike_microscope(
                recording=recording, block="blocks.1.ssa", view=look, **at
            )
            head, feature = divmod(int(x.argmax()), WIDTH)
            assert view.sentence.endswith(
                "The weights are not recorded, so which entries of X paid is not "
                "known: down leads to the largest entry of this token, the first of "
                f"equals, head {head}, feature {feature}."
            )
            assert view.onward["down"] == {
                "view": INPUT,
                "head": head,
                "feature": feature,
            }
        view = spike_microscope(
            recording=recording, block="blocks.1.ssa", view=INPUT, **at
        )
        mine = x[at["head"] * WIDTH + at["feature"]]
        largest = mine == x.max()
        assert ("No entry of this token is larger." in view.sentence) == largest
        fired = np.flatnonzero(seen["blocks.0.ssa.lif"][1][t, b, n].numpy())
        end = "down stays here, for none of them fires."
        if len(fired):
            head, feature = divmod(int(fired[0]), WIDTH)
            end = f"the first that fires, head {head}, feature {feature}."
        assert view.sentence.endswith(end)
        assert "its weights are not recorded, so down" in view.sentence
        kinds.add((bool(largest), bool(len(fired))))
    assert {largest for largest, _ in kinds} == {False, True}
    # Neurons of Eq. (1) fire somewhere in every token.
    assert {some for _, some in kinds} == {neuron == "soft", True}


def test_what_is_read_aloud_names_rows_columns_and_owners():
    view = spike_microscope(recording=small_recording(), token=1, feature=4)
    for panel in view.panels:
        if hasattr(panel, "columns"):
            assert re.fullmatch("[a-z ]+", panel.rows), panel.title
            assert re.fullmatch("[a-z ]+", panel.columns), panel.title
    by_title = {p.title: p for p in view.panels}
    assert by_title["Q, token 1"].values.shape == (1, 1, 1, WIDTH)
    assert by_title["V, feature 4"].values.shape == (1, 1, N, 1)
    assert by_title["V, feature 4"].rows == "key token"
    assert view.panels[0].title == "features of token 1: 8 neurons"
    assert all(said.startswith("Feature 4: ") for said in view.said)
    assert view.said[0].startswith("Feature 4: from rest, the membrane is ")


def test_clicks_lead_to_what_they_show():
    w = make(small_recording())
    view = w.view
    names = {c.name for c in w.CONTROLS}
    for number, part in view.picks.items():
        assert number < len(view.panels)
        for key, value in part.items():
            assert (key if isinstance(value, int) else value) in names
    by_title = {p.title: view.picks[k] for k, p in enumerate(view.panels)}
    n, c = w.values["token"], w.values["feature"]
    value = list(microscope.VIEWS).index(VALUE)
    assert by_title[f"... times V[:, {c}]"] == {"bar": "token", "view": value}
    assert by_title[f"Q, token {n}"] == {"column": "feature", "view": 1}
    assert view.picks[0] == {"t": "time", "n": "feature"}


# ---------------------------------------------------------------- the rest
def test_a_current_that_is_not_the_product_is_marked():
    recording = small_recording()
    current = recording.currents["blocks.0.ssa.lif"]
    place = (1, 0, 2, 3)
    before = current[place]
    current[place] = before + 0.25
    try:
        view = spike_microscope(recording=recording, token=2, feature=3, time=1)
    finally:
        current[place] = before
    assert not view.agrees
    assert (
        f"the recorded current is {before + 0.25:g}, not the {before:g}"
        in view.sentence
    )


@pytest.mark.parametrize("neuron", ["hard", "soft"])
@pytest.mark.parametrize("look", microscope.VIEWS)
def test_the_code_gives_what_is_shown(neuron, look):
    recording = small_recording(neuron)
    for at in places(6):
        view = spike_microscope(
            recording=recording, block="blocks.1.ssa", view=look, **at
        )
        names = {"recording": recording}
        exec(view.code, names)
        if look == INPUT:
            assert names["parts"].tolist() == list(view.parts.values())
            continue
        assert np.array_equal(names["membrane"].numpy(), view.course.membrane)
        assert np.array_equal(names["spikes"].numpy() != 0, view.course.spikes)
        if look == OUTPUT:
            assert names["paid"].tolist() == view.paid.tolist()
            assert names["scaled"] == view.scaled


def test_each_preset_does_what_its_name_says():
    for neuron in ("hard", "soft"):
        w = make(small_recording(neuron))
        shown = {}
        for name in w.PRESETS:
            w.preset(name)
            shown[name] = w.view, w.values
            assert w.view.course.threshold == 0.5
        view, at = shown["a spike, well paid"]
        assert view.fires and at["block"] == "blocks.0.ssa"
        whole = small_recording(neuron).current("blocks.0.ssa.lif")[:, 0]
        fired = small_recording(neuron).spikes["blocks.0.ssa.lif"][:, 0]
        assert view.course.current[at["time"]] == whole[fired].max()
        view, at = shown["a spike that needed what was left"]
        share = 0.5 if neuron == "hard" else 1
        assert view.fires and share * view.course.current[at["time"]] < 0.5
        view, at = shown["nearly: below the threshold"]
        assert not view.fires and 0.25 < view.course.membrane[at["time"]] < 0.5
        view, at = shown["a spike of the last block"]
        assert view.fires and at["block"] == "blocks.1.ssa"


def test_part_of_a_network_is_enough():
    model = small_spikformer()
    with torch.no_grad(), Recorder(model, "blocks.1.ssa.*") as recording:
        model(digit_images())
    w = make(recording)
    assert INPUT not in w.controls["view"].options
    assert w.walk() and not w.walk()
    assert w.values["view"] == VALUE


def test_what_was_not_recorded_is_named():
    model = small_spikformer()
    with torch.no_grad(), Recorder(model, "sps.*") as recording:
        model(digit_images())
    with pytest.raises(ValueError, match="of sps.stages.0, .*: must be of a Spikform"):
        make(recording)
    with torch.no_grad(), Recorder(model, keep="spikes") as recording:
        model(digit_images())
    with pytest.raises(ValueError, match='with keep="spikes": spikes only'):
        make(recording)
    with pytest.raises(ValueError, match="recording = of nothing: must be of a Spik"):
        make(Recording())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"token": 16}, "token = 16: must be a whole number from 0 to 15"),
        ({"feature": 8}, "feature = 8: must be a whole number from 0 to 7"),
        ({"head": -1}, "head = -1: must be a whole number from 0 to 3"),
        ({"time": 1.5}, "time = 1.5: must be a whole number from 0 to 4"),
        ({"view": "W"}, "view = 'W': must be one of 'output, Eq. (15)', 'query"),
        ({"block": "blocks.2.ssa"}, "block = 'blocks.2.ssa': must be one of 'blocks.0"),
    ],
)
def test_a_bad_value_is_named(our_own_messages, values, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        spike_microscope(recording=small_recording(), **values)

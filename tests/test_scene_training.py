"""Runs, their moments and their screen: by value, from hand-made records."""

import math
import threading
import time

import numpy as np
import pytest
import snntorch
import torch
from examples import training_probe as probe_example
from torch import nn

from spikedu import data, train
from spikedu.figures.views import FiringRateView, HeatView, RasterView
from spikedu.scenes.moments import POINTS, Moment, Run, Thinned
from spikedu.scenes.training import training
from spikedu.spikformer import Spikformer, SpikformerConfig
from spikedu.widgets import health_meter, training_probe, training_replay

TINY = SpikformerConfig(
    16, 1, 2, steps=3, channels=1, image_size=8, pools=(False, False, True, True)
)
FEW = train.TrainConfig(epochs=3, batch_size=20, learning_rate=3e-3, seed=5)
PATIENCE = 20  # seconds


def toy(dead=0, full=0):
    """[5, 2, 10]: so many neurons silent, so many at every step, the rest once."""
    s = np.zeros((5, 2, 10))
    s[3, 0, dead:] = 1
    s[:, :, 10 - full :] = 1 if full else s[:, :, 10 - full :]
    return s


def a_run(losses=(2.0, 1.0, 0.5), **more):
    run = Run()
    for step, loss in enumerate(losses):
        run.point(10 * step, loss, 0.25 * step)
        moment = Moment.of(*run.newest, spikes={"a": toy(4), "b": toy(0, 3)}, **more)
        run.look(lambda moment=moment: moment)
    return run


@pytest.fixture
def wire(monkeypatch):
    """All messages that Python sends to the page, as (time, model, content)."""
    sent = []

    def send(widget, message, buffers=None):
        sent.append((time.monotonic(), widget, message))

    monkeypatch.setattr("ipywidgets.Widget._send", send)
    return sent


# ---------------------------------------------------------------- what is kept
def test_thinning_keeps_each_power_of_two_and_the_newest():
    kept = Thinned(4)
    seen = []
    for k in range(9):
        kept.offer(lambda k=k: k)
        seen.append(kept.items)
    assert seen == [
        [0],
        [0, 1],
        [0, 1, 2],
        [0, 2, 3],  # full: every second one goes, the newest stays
        [0, 2, 4],
        [0, 2, 4, 5],
        [0, 4, 6],
        [0, 4, 7],
        [0, 4, 8],
    ]


def test_what_is_not_kept_is_never_made():
    kept, made = Thinned(8), []
    for k in range(1000):
        kept.offer(lambda k=k: made.append(k) or k)
        assert len(kept.items if k % 100 == 0 else kept._kept) <= 8
    assert len(made) < 60 and kept.items[-1] == 999
    assert kept.items is not kept.items and made.count(999) == 1


def test_a_run_is_bounded_and_says_so():
    run = Run()
    for step in range(5000):
        run.point(step, 1.0)
    assert len(run.curve.items) <= POINTS == 200
    assert run.curve.items[-1][0] == 4999 and run.curve.items[0][0] == 0


def test_a_moment_is_small_whatever_the_network():
    spikes = np.random.default_rng(0).random((4, 2, 700)) < 0.5
    maps = np.ones((4, 2, 12, 100, 100))
    found = Moment.of(3, 1.0, spikes={"a": spikes}, maps={"m": maps}, sample=1)
    kept, total = found.rasters["a"]
    assert kept.shape == (4, 117) and total == 700
    assert np.array_equal(kept, spikes[:, 1, ::6])
    assert found.maps["m"].shape == (4, 64, 64)
    view = found.raster("a")
    assert view.neurons[1] == 6 and view.name == "a, every 6th of 700"


# ---------------------------------------------------------------- the screen
def test_the_numbers_at_the_newest_moment_and_further_back():
    run = a_run()
    view = training(run=run, moment=2, layer="a")
    assert (view.step, view.loss, view.accuracy) == (20, 0.5, 0.5)
    assert view.rates.dead.tolist() == [0.4, 0] and view.rates.saturated[1] == 0.3
    assert view.rates.rate[0] == pytest.approx(6 / 100)  # 6 neurons once, of 5*2*10
    assert view.warnings == ("a: 40 % dead", "b: 30 % saturated")
    assert view.sentence == (
        "Training step 20: loss 0.50, accuracy 50 %. Look here: a: 40 % dead, b: 30 % "
        "saturated."
    )
    (loss, accuracy), (rates,), (raster,) = view.rows
    assert loss.x.tolist() == [0, 10, 20] and loss.y.tolist() == [[2, 1, 0.5]]
    assert accuracy.y.tolist() == [[0, 0.25, 0.5]] and loss.points == ()
    assert isinstance(rates, FiringRateView) and isinstance(raster, RasterView)
    assert raster.counts.tolist() == [0] * 4 + [1] * 6 and view.steps == 5
    back = training(run=run, moment=1)
    assert (back.step, back.loss) == (10, 1.0)
    assert back.sentence.startswith(
        "Training step 10 of 20 so far: loss 1.00, accuracy 25 %."
    )
    assert back.rows[0][0].points == ((10.0, 1.0, "here"),) and len(back.rows) == 2
    names = {"run": run}
    exec(view.code, names)
    assert names["dead"] == {"a": 0.4, "b": 0.0} and names["neurons"] == 10
    assert np.array_equal(names["spikes"], toy(4)[:, 0] == 1)


def test_a_loss_that_is_not_a_number_is_said_since_when():
    run = a_run((2.0, math.nan, 1.0, math.nan, math.nan))
    view = training(run=run, moment=4)
    assert view.warnings[0] == "loss is NaN since training step 30"
    assert view.sentence.startswith(
        "Training step 40: accuracy 100 %. Look here: loss is NaN"
    )
    assert view.rows[0][0].points == ((20.0, 1.0, "then NaN"),)
    assert (
        training(run=run, moment=1).warnings[0] == "loss is NaN at this training step"
    )
    run.point(50, -math.inf)
    assert (
        "loss is infinite since training step 30"
        in training(run=run, moment=9).sentence
    )
    run.point(60, 1.0)
    assert "NaN" not in training(run=run, moment=9).sentence
    only = Run()
    only.point(0, math.nan)
    assert training(run=only).rows == ()


def test_two_kinds_of_steps_and_whose_rates_are_told_apart(tmp_path):
    run = a_run()
    view = training(run=run, moment=2, layer="a")
    (loss, accuracy), (rates,), (raster,) = view.rows
    assert loss.xlabel == accuracy.xlabel == "training step"
    assert rates.title == "firing rates of 2 layers, all samples"
    assert raster.title == "a, sample 0: 10 neurons"
    run.over = ("all probe images", "image 0")
    run.save(tmp_path / "run.npz")
    back = training(run=Run.load(tmp_path / "run.npz"), layer="a")
    assert back.rates.title == "firing rates of 2 layers, all probe images"
    assert back.rows[-1][0].title == "a, image 0: 10 neurons"


def test_the_meter_and_the_probe_say_whose_rates_and_raster_they_show():
    meter = health_meter(sample=1)
    meter.update(loss=1.0, spikes={"a": np.ones((3, 2, 4))})
    meter.finish()
    (_, (rates,), (raster,)) = meter.view.rows
    assert rates.title.endswith(", all samples")
    assert raster.title == "a, sample 1: 4 neurons"
    (rates,), (raster,) = probe_example().view.rows[1:3]
    assert rates.title.endswith(", all probe images") and ", image 0:" in raster.title


def test_maps_have_one_scale_for_the_whole_run():
    run = Run()
    for step, top in enumerate((1.0, 4.0)):
        maps = np.full((3, 2, 2, 4, 4), top)
        maps[0] = 0  # mean over time: two thirds
        moment = Moment.of(step, 1.0, spikes={"a": toy()}, maps={"m": maps})
        run.look(lambda moment=moment: moment)
    heat = training(run=run, moment=0, attention="m").rows[-1][0]
    assert isinstance(heat, HeatView) and heat.values.max() == pytest.approx(2 / 3)
    assert heat.high == pytest.approx(8 / 3) and heat.names == ("head 0", "head 1")


def test_an_empty_run_and_bad_arguments_are_told_in_words():
    assert training().sentence.startswith("No training step yet")
    assert 40 <= len(training().alt) and training().rows == ()
    run = a_run()
    with pytest.raises(ValueError, match="layer = 'c': must be one of 'none yet', 'a'"):
        training(run=run, layer="c")
    with pytest.raises(ValueError, match="step = 20: must be above 20"):
        run.point(20, 1.0)
    with pytest.raises(ValueError, match=r"loss.shape = \(2,\): must be one number"):
        run.point(21, np.ones(2))
    with pytest.raises(ValueError, match="accuracy = 50.0: must be a number from 0 to"):
        run.point(21, 1.0, 50)
    with pytest.raises(ValueError, match="sample, of 'a' = 2: must be a whole number"):
        Moment.of(0, 1.0, spikes={"a": toy()}, sample=2)
    with pytest.raises(ValueError, match="0 or 1 everywhere"):
        Moment.of(0, 1.0, spikes={"a": toy() / 2})


def test_a_saved_run_comes_back_and_a_damaged_one_is_refused(tmp_path):
    maps = {"m": np.arange(5 * 2 * 2 * 9.0).reshape(5, 2, 2, 3, 3)}
    run = a_run((2.0, math.nan, 0.5), maps=maps, right=(1, 2))
    run.save(tmp_path / "run.npz")
    again = training_replay(tmp_path / "run.npz")
    assert again.following and again.values["moment"] == 2
    for k in range(3):
        given = {"moment": k, "layer": "b", "attention": "m"}
        ours, theirs = training(run=run, **given), training(run=again.run, **given)
        assert ours.text == theirs.text and ours.sentence == theirs.sentence
    assert list(tmp_path.iterdir()) == [tmp_path / "run.npz"]
    whole = (tmp_path / "run.npz").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"nothing"):
        (tmp_path / "run.npz").write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged, or not a run of spikedu"):
            training_replay(tmp_path / "run.npz")


# ---------------------------------------------------------------- the meter
def test_the_meter_takes_tensors_with_their_graph(our_own_messages):
    meter, x = health_meter(), torch.ones(3, 2, 4, requires_grad=True)
    graph = x * 1
    meter.update(loss=graph.mean(), accuracy=torch.tensor(0.5), spikes={"a": graph})
    meter.update(loss=np.float32(2), spikes={"a": graph.bfloat16()})
    meter.finish()
    assert meter.view.loss == 2 and meter.view.step == 1
    assert meter.view.rates.saturated.tolist() == [1]
    with pytest.raises(ValueError, match="spikes = ndarray: must be a mapping from"):
        meter.update(loss=1, spikes=np.ones((3, 2, 4)))


def test_at_most_ten_frames_a_second_and_the_last_state_always(wire):
    meter, rng = health_meter(), np.random.default_rng(0)
    wire.clear()
    began, step = time.monotonic(), 0
    while time.monotonic() - began < 1:
        meter.update(step, 1 / (1 + step), spikes={"a": rng.random((5, 2, 9)) < 0.3})
        step += 1
    spent = time.monotonic() - began
    frames = [t for t, w, m in wire if ["frame"] in m["buffer_paths"]]
    assert 2 <= len(frames) <= 10 * spent + 2 < step / 5
    assert len(wire) <= 8 * len(frames)
    assert meter._number < step and meter.canvas.frame
    meter.finish()
    assert meter.view.step == step - 1 and meter.following
    # Nobody calls finish: the last state goes by itself.
    meter.update(step, 9.0)
    deadline = time.monotonic() + PATIENCE
    before = len(wire)
    while time.monotonic() < deadline and len(wire) == before:
        time.sleep(0.05)
    assert meter.view.loss == 9.0 and len(wire) > before


def test_gone_back_the_picture_stays_and_at_the_end_it_follows():
    meter = health_meter()

    def more(count):
        for _ in range(count):
            meter.update(loss=1.0, spikes={"a": toy()})
        meter.push()

    more(10)
    slider = meter.controls["moment"]
    assert slider.value == slider.max == 9 and meter.following
    slider.set_state({"value": 4})  # what the page sends
    more(20)
    assert meter.view.step == 4 and slider.value == 4 and slider.max == 29
    more(60)  # thinned meanwhile: the same moment has another place
    assert meter.view.step == 4 and slider.value == 2
    slider.set_state({"value": slider.max})
    more(1)
    assert meter.following and meter.view.step == 90
    meter.values = {"moment": 0}
    more(1)
    assert meter.view.step == 0
    meter.reset()
    assert meter.view.step == 91


def test_a_stale_word_of_the_page_does_not_move_the_slider(wire):
    meter = health_meter()
    for _ in range(5):
        meter.update(loss=1.0, spikes={"a": toy(), "b": toy()})
    meter.push()
    slider = meter.controls["moment"]
    slider.set_state({"value": 1})
    wire.clear()
    told = {"moment": 4, "layer": 1, "edition": meter.canvas.edition}
    meter.canvas.set_state({"told": told})
    assert slider.value == 1 and meter.values["layer"] == "b"
    assert [m["state"] for _, w, m in wire if w is slider][0] == {"value": 1}


# ---------------------------------------------------------------- the probe
@pytest.fixture(scope="module")
def sets():
    whole = [data.load("digits", split) for split in data.SPLITS]
    return [data.Images(x.images[:60], x.labels[:60]) for x in whole]


def network():
    torch.manual_seed(0)
    return Spikformer(TINY)


def test_training_with_a_probe_is_the_same_bit_for_bit(sets):
    plain, watched = network(), network()
    history = train.train(plain, *sets, FEW, progress=False)
    probe = training_probe(watched, sets[1].images[:4], sets[1].labels[:4], every=2)
    before = torch.get_rng_state()
    probe.start(
        lambda: train.train(watched, *sets, FEW, progress=False, watch=probe.check)
    )
    assert probe.wait(PATIENCE) == history
    assert torch.equal(torch.get_rng_state(), before)
    for name, value in plain.state_dict().items():
        assert torch.equal(watched.state_dict()[name], value), name
    assert [m.step for m in probe.run.moments] == [0, 2, 4, 6, 8]
    assert len(probe.run.curve.items) == 9 and probe.run.status == "ended"
    epoch = [p[1] for p in probe.run.curve.items[:3]]
    assert np.mean(epoch) == pytest.approx(history.train_loss[0], rel=1e-5)
    last = probe.run.moments[-1]
    from spikedu.record import Recorder

    # The weights after step 8 are gone: those after step 9 differ, the shapes do not.
    with torch.no_grad(), Recorder(watched.eval()) as recording:
        watched(sets[1].images[:4])
    assert tuple(last.rasters) == recording.names
    assert tuple(last.maps) == recording.attentions


def test_a_moment_of_the_probe_is_what_a_recorder_sees(sets):
    from spikedu.record import Recorder

    model = network().train()
    probe = training_probe(model, sets[1].images[:4], sets[1].labels[:4], every=1)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3)
    probe.check(1, 1.0)
    assert all(m.training for m in model.modules())
    with torch.no_grad(), Recorder(model.eval()) as recording:
        said = model(sets[1].images[:4]).argmax(1)
    moment = probe.run.moments[-1]
    expected = FiringRateView.of(recording.spikes)
    assert moment.rates.rate.tolist() == expected.rate.tolist() and expected.rate.any()
    name = recording.attentions[0]
    mean = recording.attention(name)[:, 0].mean(0)
    assert np.allclose(moment.maps[name], mean)
    assert moment.right == (int((said == sets[1].labels[:4]).sum()), 4)


def test_a_network_of_snntorch_is_left_as_it_was():
    net = nn.Sequential(nn.Linear(4, 6), snntorch.Leaky(beta=0.9, init_hidden=True))
    probe = training_probe(net, torch.ones(3, 4), every=1)
    net(torch.ones(2, 4))
    state = net[1].mem.detach().clone()
    probe.check(1, 0.5)
    assert torch.equal(net[1].mem, state) and len(probe.run.moments) == 2


class Loop:
    """A training that only counts, with a probe that looks at a tiny network."""

    def __init__(self, fails_at=None):
        net = nn.Sequential(nn.Linear(4, 6), snntorch.Leaky(beta=0.9))
        self.probe = training_probe(net, torch.ones(3, 4), every=5)
        self.step, self.fails_at = 0, fails_at

    def __call__(self):
        while True:
            self.step += 1
            if self.step == self.fails_at:
                raise ZeroDivisionError("by <zero>")
            self.probe.check(self.step, 1 / self.step)
            time.sleep(0.002)

    def until(self, true):
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_pause_really_pauses_and_stop_ends_it_cleanly():
    loop = Loop()
    probe = loop.probe.start(loop)
    loop.until(lambda: loop.step > 20)
    pause, stop = probe.buttons.children[:2]
    assert not pause.disabled and pause.description == "Pause"
    pause.click()
    assert pause.description == "Resume"
    loop.until(lambda: probe.run.status == "paused")
    still = loop.step
    time.sleep(0.3)
    assert loop.step == still and probe.running
    assert probe.view.sentence.startswith(f"Paused at training step {still}: loss")
    assert probe.wait(0.05) is None
    probe.values = {"moment": 1}  # looking back does not wake it
    assert probe.view.step == 5 and loop.step == still
    probe.follow()
    with pytest.raises(ValueError, match="start = a second function: must be called"):
        probe.start(loop)
    pause.click()
    loop.until(lambda: loop.step > still + 10)
    pause.click()
    stop.click()  # also while it is paused
    assert probe.wait(PATIENCE) is None and not probe.running
    assert probe.run.status == "stopped" and pause.disabled and stop.disabled
    assert probe.view.sentence.startswith(f"Stopped at training step {loop.step}: loss")
    assert probe.run.newest[0] == loop.step and not probe.paused


def test_a_stopped_train_keeps_its_whole_epochs(sets):
    model = network()
    probe = training_probe(model, sets[1].images[:2], every=1)
    seen = threading.Event()

    def watch(step, loss, accuracy):
        if step == 5:
            probe.stop()
            seen.set()
        probe.check(step, loss, accuracy)

    probe.start(lambda: train.train(model, *sets, FEW, progress=False, watch=watch))
    history = probe.wait(PATIENCE)
    assert seen.is_set() and len(history) == 1 and probe.run.newest[0] == 5


def test_what_the_thread_raises_is_shown_and_raised_again():
    loop = Loop(fails_at=7)
    loop.probe.start(loop)
    with pytest.raises(ZeroDivisionError, match="by <zero>"):
        loop.probe.wait(PATIENCE)
    words = "training stopped: ZeroDivisionError: by &lt;zero&gt;"
    assert words in loop.probe._message.value
    assert loop.probe._message.layout.display == ""
    assert loop.probe.run.status == "failed"
    loop.fails_at = None
    loop.probe.start(loop)  # and once more
    assert loop.probe._message.layout.display == "none"
    loop.until(lambda: loop.step > 10)
    loop.probe.stop()
    loop.probe.wait(PATIENCE)


def test_a_cell_that_awaits_gets_the_result_and_a_cancelled_one_stops_it():
    import asyncio

    loop = Loop()
    loop.probe.start(lambda: 7)

    async def cell():
        return await loop.probe

    assert asyncio.run(cell()) == 7
    loop.probe.start(loop)

    async def interrupted():
        await asyncio.wait_for(cell(), 0.2)

    with pytest.raises(TimeoutError):
        asyncio.run(interrupted())
    loop.until(lambda: not loop.probe.running)
    assert loop.probe.run.status == "stopped"


def test_a_page_without_a_kernel_holds_as_many_moments_as_fit():
    meter, rng = health_meter(), np.random.default_rng(0)
    for _ in range(63):
        spikes = {k: rng.random((25, 3, 128)) < 0.5 for k in "abc"}
        meter.update(loss=rng.random(), spikes=spikes)
    meter.finish()
    meter.values = {"moment": 17}
    found = meter.to_html()
    kept = meter.STATES["moment"]
    assert 80_000 < len(found.encode()) <= 100_000
    assert 10 < len(kept) < 63 and 17 in kept and kept[0] == 0 and kept[-1] == 62


def test_the_end_of_a_run_without_a_page_is_what_a_notebook_keeps():
    meter, shown = health_meter(), []

    class Handle:
        def update(self, bundle, raw):
            shown.append(bundle["text/html"])

    meter._handle = Handle()
    meter.update(loss=1.0, spikes={"a": toy()})
    meter.finish()
    assert len(shown) == 1 and "Training step 0: loss 1.00" in shown[0]
    meter.canvas.set_state({"told": {"sequence": 0}})  # a page is there: leave it alone
    meter.finish()
    assert len(shown) == 1

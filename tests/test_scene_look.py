"""`look`: a recording opened, by value against the recording and the network itself."""

import numpy as np
import pytest
import snntorch
import torch
from examples import digit_images, foreign_recording, small_recording, small_spikformer

from spikedu.figures.views import FiringRateView
from spikedu.record import Recorder, Recording
from spikedu.scenes.look import look
from spikedu.widgets import look as opened


def shown(recording, **values):
    rates = FiringRateView.of(recording.spikes)
    given = {"layer": recording.names[0], **values}
    return look(recording=recording, rates=rates, **given)


def big(steps: int, neurons: int) -> Recording:
    """A layer of that size and one sample, of which every third neuron fires."""
    found = Recording()
    spikes = np.zeros((steps, 1, neurons), bool)
    spikes[::2, :, ::3] = True
    found.spikes["layer"] = spikes
    found.about = {"neurons": {"layer": {"kind": "Leaky", "threshold": 1.0}}}
    return found


def test_the_membrane_is_what_the_neuron_of_snntorch_returned():
    torch.manual_seed(1)
    leaky, steps = snntorch.Leaky(0.7, threshold=0.5), []
    current = torch.rand(9, 2, 6)
    with Recorder(torch.nn.ModuleList([leaky])) as recording:
        u = leaky.init_leaky()
        for x in current:
            s, u = leaky(x, u)
            steps.append((s, u))
    spikes, membrane = (torch.stack(part) for part in zip(*steps, strict=True))
    view = shown(recording, sample=1, neuron=4)
    assert np.array_equal(view.membrane.membrane[:, 0], membrane[:, 1, 4].numpy())
    assert np.array_equal(view.membrane.current[:, 0], current[:, 1, 4].numpy())
    assert view.membrane.threshold == 0.5
    assert np.array_equal(view.spikes, spikes[:, 1].numpy() == 1)
    when = np.flatnonzero(spikes[:, 1, 4].numpy())
    assert view.membrane.spike_times[0].tolist() == when.tolist() and len(when) > 0
    assert f"Neuron 4 fires {len(when)} times" in view.sentence


def test_the_membrane_of_our_neurons_is_the_replayed_one_and_maps_are_the_products():
    recording = small_recording()
    name = "blocks.1.ssa.key"
    view = shown(recording, layer=name, sample=2, neuron=70, head=3)
    whole = recording.membrane(name)[:, 2].reshape(5, -1)
    assert np.allclose(view.membrane.membrane[:, 0], whole[:, 70], atol=1e-6)
    scale = recording.about["attentions"]["blocks.1.ssa"]["scale"]
    weights = recording.attention("blocks.1.ssa")[:, 2, 3]
    assert np.allclose(view.attention * scale, weights) and view.attention.any()
    assert shown(recording, layer="rpe").attention is None


def test_a_neuron_or_head_beyond_the_layer_is_said():
    recording = small_recording()
    last = shown(recording, layer="blocks.0.ssa.query", neuron=511, head=3)
    assert "There is no" not in last.sentence
    view = shown(recording, layer="blocks.0.ssa.query", neuron=2047, head=4)
    assert view.neuron == 511 and np.array_equal(view.attention, last.attention)
    said = view.sentence.replace(last.sentence.split("Neuron 511")[0], "")
    assert said.startswith(
        "There is no neuron 2047: this layer has 512, the last one is shown. There is "
        "no head 4: this attention has 4, the last one is shown. Neuron 511 "
    )
    assert "no head" not in shown(recording, layer="rpe", head=4).sentence


def test_clicks_choose_a_layer_and_a_neuron():
    view = shown(foreign_recording())
    assert view.picks == {0: {"bar": "layer"}, 1: {"neuron": "neuron"}}
    assert view.rates.names == foreign_recording().names == ("2", "4")
    busiest = int(view.spikes.sum(axis=0).argmax())
    view = shown(foreign_recording(), order="rate", neuron=busiest)
    assert view.raster.neurons[0] == busiest and view.raster.marked == 0


def test_large_layers_are_thinned_by_the_rule_that_the_title_states():
    few = shown(big(4, 3000))
    assert len(few.raster.neurons) == 125 and few.raster.neurons[1] == 24
    assert few.raster.title == "layer: every 24th of 3,000 neurons"
    long = shown(big(4096, 300))
    assert len(long.raster.neurons) == 8 * 2 and long.raster.every == 19
    # Nothing is lost in the numbers.
    assert int(long.raster.counts.sum()) == long.spikes.sum() == 2048 * 100
    assert "204,800 spikes of 300 neurons in 4,096 steps" in long.sentence


def test_without_currents_it_says_so_and_shows_the_rest():
    model = small_spikformer()
    with Recorder(model, keep="spikes") as recording, torch.no_grad():
        model(digit_images())
    view = shown(recording)
    assert view.membrane is None and len(view.rows) == 2
    assert view.sentence.endswith("its membrane was not recorded.")


def test_the_code_gives_what_is_shown():
    for recording in (small_recording(), foreign_recording()):
        for layer in recording.names:
            view = shown(recording, layer=layer, sample=1, neuron=5)
            space = {"recording": recording}
            exec(view.code, space)
            assert np.array_equal(space["spikes"], view.spikes)
            assert np.allclose(space["membrane"], view.membrane.membrane[:, 0])


def test_it_opens_from_the_top_of_the_package_and_refuses_what_is_no_recording():
    import spikedu

    w = spikedu.look(foreign_recording(), layer="4", sample=2)
    assert w.values["layer"] == "4" and w.values["sample"] == 2
    w.values = {"layer": "2", "neuron": 39}
    assert w.view.neuron == 39
    w.values = {"layer": "4"}  # of 10 neurons: the last one
    assert w.view.neuron == 9
    with pytest.raises(ValueError, match="recording = int: must be a Recording"):
        spikedu.look(3)
    with pytest.raises(ValueError, match="layer = 'lif9': must be one of '2', '4'"):
        opened(foreign_recording(), layer="lif9")
    assert spikedu.Recorder is Recorder and spikedu.Recording is Recording

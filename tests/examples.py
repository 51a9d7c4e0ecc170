"""One widget of each kind, as a lesson makes it: every general test runs over all.

A maker takes no argument. The networks in them are small, untrained and seeded.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import snntorch
import torch

from spikedu import data, widgets
from spikedu.record import Recorder, Recording
from spikedu.spikformer import Spikformer, SpikformerConfig
from spikedu.widgets.base import Explorer

# Untrained, every size another one. At the usual start (gain 1, shift 0) of BatchNorm
# no neuron of Eq. (15) fires.
SMALL = SpikformerConfig(
    32, 2, 4, steps=5, channels=1, image_size=8, pools=(False, False, False, True)
)


def digit_images() -> torch.Tensor:
    """Three digits [B, 1, 8, 8]."""
    return data.load("digits", "test").images[:3]


@functools.cache
def small_spikformer(neuron: str = "hard") -> Spikformer:
    """A seeded network that fires in every layer, in train mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = replace(SMALL, neuron=neuron)
        model = Spikformer(config)
    for module in model.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            torch.nn.init.constant_(module.weight, 3.0)
            torch.nn.init.constant_(module.bias, 0.5)
    return model.train()


@functools.cache
def small_recording(neuron: str = "hard") -> Recording:
    """Three digits in that network: T=5, B=3, N=16, D=32, 4 heads, 2 blocks."""
    model = small_spikformer(neuron)
    with torch.no_grad(), Recorder(model) as recording:
        model(digit_images())
    return recording


@functools.cache
def foreign_recording() -> Recording:
    """Three digits in a network of snnTorch's neurons, 12 steps, untrained."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [torch.nn.Flatten(), torch.nn.Linear(64, 40), snntorch.Leaky(0.8)]
        layers += [torch.nn.Linear(40, 10), snntorch.Leaky(0.8)]
    for layer in (layers[2], layers[4]):
        layer.init_hidden = True
        layer.threshold.fill_(0.1)
    model = torch.nn.Sequential(*layers)
    with torch.no_grad(), Recorder(model) as recording:
        for _ in range(12):
            model(digit_images())
    return recording


def health_meter() -> Explorer:
    """Twelve epochs of two layers, of which the first one dies slowly."""
    meter, rng = widgets.health_meter(), np.random.default_rng(0)
    for epoch in range(12):
        alive = np.linspace(0, 1, 20) > epoch / 20
        hidden = (rng.random((8, 3, 20)) < 0.3) & alive
        spikes = {"hidden": hidden, "output": rng.random((8, 3, 10)) < 0.2}
        loss, accuracy = 2.3 * 0.8**epoch, 1 - 0.9 * 0.8**epoch
        meter.update(epoch, loss, accuracy, spikes)
    meter.finish()
    return meter


def training_probe() -> Explorer:
    """A run of four steps, in each of which one shift moves: nothing is trained."""
    model = copy.deepcopy(small_spikformer())
    labels = data.load("digits", "test").labels
    with torch.no_grad():  # a probe looks in eval mode: with statistics that fit
        for _ in range(30):
            model(digit_images())
    probe = widgets.training_probe(model, digit_images(), labels[:3], every=1)
    for step in range(1, 5):
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                torch.nn.init.constant_(module.bias, 0.5 - 0.4 * step)
        probe.check(step, 2.3 - 0.1 * step, 0.1 * step)
    probe.finish()
    return probe


MAKERS: dict[str, Callable[[], Explorer]] = {
    "lif_explorer": widgets.lif_explorer,
    "four_faces": widgets.four_faces,
    "secret_neuron": widgets.secret_neuron,
    "switchboard": widgets.switchboard,
    "coder_bench": widgets.coder_bench,
    "surrogate_shaper": widgets.surrogate_shaper,
    "slot_machine": widgets.slot_machine,
    "slot_machine_recorded": lambda: widgets.slot_machine(small_recording()),
    "spike_microscope": lambda: widgets.spike_microscope(small_recording()),
    "film_strip": lambda: widgets.film_strip(small_recording(), digit_images()),
    "look": lambda: widgets.look(small_recording()),
    "look_elsewhere": lambda: widgets.look(foreign_recording()),
    "health_meter": health_meter,
    "training_probe": training_probe,
}

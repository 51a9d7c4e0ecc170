"""`look`: a recording of any spiking network, opened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from spikedu.figures.views import FiringRateView
from spikedu.scenes import look as scenes
from spikedu.scenes.recorded import spikes_of
from spikedu.widgets.base import Explorer
from spikedu.widgets.controls import Choice, Slider

MOST_STILL = 12  # layers that a page without a kernel has pictures of


class Look(Explorer):
    """Sliders over `scenes.look.look`; see `Explorer` for what it can do."""

    scene = staticmethod(scenes.look)

    def __init__(self, recording: Any, **start: Any):
        spikes = spikes_of(recording)
        layers = tuple(spikes)
        samples = min(x.shape[1] for x in spikes.values())
        widest = max(int(np.prod(x.shape[2:])) for x in spikes.values())
        heads = [a["heads"] for a in recording.about.get("attentions", {}).values()]
        self.CONTROLS = (
            Choice("layer", "layer", layers),
            *_slider("sample", "sample", samples),
            Choice("order", "order of the rows", scenes.ORDER),
            *_slider("neuron", "neuron (membrane)", widest),
            *_slider("head", "head of the attention", max(heads, default=1)),
        )
        every = -(-len(layers) // MOST_STILL)
        self.STATES = {"layer": layers[::every]}
        rates = replace(FiringRateView.of(spikes), over="all samples")
        given = {"recording": recording, "rates": rates}
        super().__init__(given, **{"layer": layers[0], **start})


def _slider(name: str, label: str, size: int) -> tuple[Slider, ...]:
    """None where there is nothing to choose."""
    return (Slider(name, label, 0, size - 1, step=1),) * (size > 1)


def look(recording: Any, **start: Any) -> Look:
    """Opens a `Recording`: rates by layer, raster, any membrane, attention maps.

    Click a layer's bar or a neuron's row to choose it. `start` are values of the
    controls: `look(recording, layer="lif1", sample=3)`. Of large layers every k-th
    row is drawn; the title says so. Raises `ValueError` for what is no recording.
    """
    return Look(recording, **start)

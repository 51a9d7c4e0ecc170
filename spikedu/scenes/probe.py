"""A look into a network while it trains, which leaves no trace in it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np


class Probe:
    """The same images through a copy of `model`, whenever `look` is called.

    The copy takes over the weights; the model itself, its mode, the state of its
    neurons and the random numbers stay as they are, so training goes on bit for bit.
    """

    def __init__(self, model: Any, images: Any, labels: Any = None) -> None:
        self.model, self.images, self.labels = model, images, labels
        self._twin = copy.deepcopy(model).eval()

    def look(self) -> Mapping[str, Any]:
        """{"spikes": ..., "maps": ..., "right": ...}, as `Moment.of` takes them."""
        import torch

        from spikedu.record import Recorder

        weights = self.model.state_dict()
        place = next(iter(weights.values())).device
        self._twin.load_state_dict(weights)
        cards = [place] if place.type == "cuda" else []
        with torch.random.fork_rng(devices=cards), torch.no_grad():
            torch.default_generator.manual_seed(
                0
            )  # a network may draw: always the same
            with Recorder(self._twin, keep="spikes") as recording:
                output = self._twin(self.images.to(place))
        right = None
        if self.labels is not None:
            said = output.argmax(-1).cpu().numpy()
            right = int(np.sum(said == self.labels.cpu().numpy())), len(said)
        maps = {name: recording.attention(name) for name in recording.attentions}
        return {"spikes": recording.spikes, "maps": maps, "right": right}

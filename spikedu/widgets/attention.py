"""The slot machine: spiking self-attention with every number between in view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikedu.scenes import attention, recorded
from spikedu.widgets.base import Explorer
from spikedu.widgets.controls import Choice, Slider
from spikedu.widgets.recorded import Recorded

ORDER = Choice("order", "what is multiplied first", attention.ORDERS)


class SlotMachine(Explorer):
    """Sliders over `scenes.attention.slot_machine`: random spikes in."""

    CONTROLS = (
        Slider("rate_q", "rate of Q", *attention.BOX["rate_q"]),
        Slider("rate_k", "rate of K", *attention.BOX["rate_k"]),
        Slider("rate_v", "rate of V", *attention.BOX["rate_v"]),
        Slider("tokens", "tokens N", *attention.BOX["tokens"], step=1),
        Slider("dim", "features d", *attention.BOX["dim"], step=1),
        Slider("steps", "steps T", *attention.BOX["steps"], step=1),
        Choice("scale", "scale s", attention.SCALES),
        Slider("threshold", "threshold U_th", *attention.BOX["threshold"]),
        ORDER,
        Choice("neuron", "neuron of Eq. (15)", attention.NEURONS),
        Slider("seed", "seed of the spikes", *attention.BOX["seed"], step=1),
    )
    PRESETS: Mapping[str, Mapping[str, Any]] = {
        "rare spikes: the output is silent": dict.fromkeys(
            ("rate_q", "rate_k", "rate_v"), 0.2
        ),
        "K^T V first: other counts between, same spikes": {"order": attention.KV},
        "every spike there is": dict.fromkeys(("rate_q", "rate_k", "rate_v"), 1.0),
        "same input, Eq. (1): more spikes": {"neuron": attention.SOFT},
    }
    STATES = {
        "rate_q": (0.2,),
        "rate_k": (0.2,),
        "rate_v": (0.2,),
        "order": attention.ORDERS,
    }
    scene = staticmethod(attention.slot_machine)


class RecordedSlotMachine(Recorded):
    """Controls over `scenes.attention.recorded_slot_machine`: a head of a network."""

    scene = staticmethod(attention.recorded_slot_machine)

    def __init__(self, recording: Any, **start: Any):
        known = recorded.attentions(recording)
        first = next(iter(known.values()))
        steps, batch = recording.spikes[first.query].shape[:2]
        self.CONTROLS = (
            Choice("block", "block", tuple(known)),
            Slider("head", "head", 0, first.heads - 1, step=1),
            Slider("sample", "sample (image)", 0, batch - 1, step=1),
            Slider("time", "time (steps)", 0, steps - 1, step=1),
            ORDER,
        )
        heads = range(min(first.heads, 2))
        times = range(min(steps, 4))
        self.STATES = {"block": tuple(known)[:2], "head": heads, "time": times}
        self.PRESETS = _busiest(recording, known)
        begin = {**next(iter(self.PRESETS.values())), **start}
        super().__init__({"recording": recording}, **begin)


def _busiest(recording: Any, known: Mapping[str, recorded.Attention]) -> dict:
    """Where the first and the last block spike most, in the first sample."""
    found = {}
    for name, block in (("first", [*known][0]), ("last", [*known][-1])):
        names = known[block]
        spikes = recording.spikes[names.output][:, 0]
        by_head = spikes.reshape(*spikes.shape[:2], names.heads, -1).sum(axis=(1, 3))
        time, head = np.unravel_index(int(by_head.argmax()), by_head.shape)
        place = {"block": block, "head": int(head), "time": int(time)}
        found[f"{name} block, where it spikes most"] = place
    return found


def slot_machine(recording: Any = None, **start: Any) -> Explorer:
    """Spiking self-attention, Eqs. (12) to (15), of random spikes or of a recording.

    Without one: rate_q, rate_k, rate_v, tokens, dim, steps, scale, threshold, order,
    neuron, seed. With a recorded Spikformer: block, head, sample, time, order. Raises
    `ValueError` for a value outside, or where Q, K, V were not recorded.
    """
    if recording is None:
        return SlotMachine(**start)
    return RecordedSlotMachine(recording, **start)

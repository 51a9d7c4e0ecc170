"""The spike microscope: one spike of a recorded Spikformer, followed home."""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np

from spikedu.figures import arrays
from spikedu.scenes import microscope, recorded
from spikedu.scenes.neuron import simulate
from spikedu.widgets.controls import Choice, Slider
from spikedu.widgets.recorded import Recorded

# Way -> its button.
WAYS = {
    "value": "walk on along V",
    "query": "walk on along Q",
    "key": "walk on along K",
    "down": "walk on down",
}
MARGIN = 1e-3  # of the threshold: what is nearer may be rounding


class SpikeMicroscope(Recorded):
    """Controls over `scenes.microscope.spike_microscope`, and `walk` between them."""

    scene = staticmethod(microscope.spike_microscope)

    def __init__(self, recording: Any, **start: Any):
        known = recorded.attentions(recording)
        names = next(iter(known.values()))
        steps, batch, tokens, _ = recording.spikes[names.query].shape
        views = microscope.views(recording)
        self.CONTROLS = (
            Slider("sample", "sample (image)", 0, batch - 1, step=1),
            Choice("block", "block", tuple(known)),
            Choice("view", "look at", views),
            Slider("head", "head", 0, names.heads - 1, step=1),
            Slider("token", "token", 0, tokens - 1, step=1),
            Slider("feature", "feature", 0, names.width - 1, step=1),
            Slider("time", "time (steps)", 0, steps - 1, step=1),
        )
        self.PRESETS = _presets(recording, known)
        begin = {**next(iter(self.PRESETS.values()), {}), **start}
        self.STATES = {"time": range(min(steps, 4)), "view": views[:4]}
        self._path: list[dict[str, Any]] = []
        self._ways = {way: self._button(text, way) for way, text in WAYS.items()}
        self._back = ipywidgets.Button(description="walk back")
        self._back.on_click(lambda _: self._try(self.back))
        super().__init__({"recording": recording}, **begin)
        self.children = [
            *self.children[:-2],
            ipywidgets.HBox([*self._ways.values(), self._back]),
            *self.children[-2:],
        ]

    def walk(self, way: str | None = None) -> bool:
        """Moves one spike further down; False at the end of the road.

        From an output neuron to the spike that pays most into it, of V, or of Q or K
        (`way` "query", "key"). Then "down": to the token's largest entry of X, and to
        the block below; no cause, for weights are not recorded. None: the first way
        there is. Raises `ValueError` for one that this view does not have.
        """
        if way is not None:
            arrays.choice("way", way, tuple(WAYS))
        onward = self.view.onward
        if not onward:
            return False
        way = next(iter(onward)) if way is None else way
        if way not in onward:
            ways = ", ".join(map(repr, onward))
            arrays.fail("way", repr(way), f"{ways} from {self.values['view']!r}")
        self._path.append(self.values)
        self.values = onward[way]
        return True

    def back(self) -> bool:
        """Undoes the last `walk`; False where there is none."""
        if not self._path:
            return False
        self.values = self._path.pop()
        return True

    def _button(self, text: str, way: str) -> ipywidgets.Button:
        button = ipywidgets.Button(description=text)
        button.on_click(lambda _: self._try(self.walk, way))
        return button

    def _compute(self) -> None:
        super()._compute()
        for way, button in self._ways.items():
            button.disabled = way not in self.view.onward
        self._back.disabled = not self._path


def _presets(recording: Any, known: dict[str, recorded.Attention]) -> dict:
    """Telling neurons of Eq. (15) in the first sample, as far as there are such."""
    found = {}
    first, last = next(iter(known)), [*known][-1]
    names = known[first]
    beta, threshold, rule = recorded.constants(recording, names.output)
    current = recording.current(names.output)[:, 0]
    membrane, spikes = simulate(current, beta, threshold, recorded.RULES[rule])
    fired = recording.spikes[names.output][:, 0]
    alone = (1 - beta if rule == "hard" else 1) * current
    near = np.where(membrane < threshold * (1 - MARGIN), membrane, -np.inf)
    looks = {
        "a spike, well paid": np.where(fired, current, -np.inf),
        "a spike that needed what was left": np.where(
            fired & (alone < threshold * (1 - MARGIN)), current, -np.inf
        ),
        "nearly: below the threshold": np.where(near > 0, near, -np.inf),
    }
    for name, score in looks.items():
        if np.isfinite(score).any():
            found[name] = _place(first, score, names.width)
    fired = recording.spikes[known[last].output][:, 0]
    if last != first and fired.any():
        found["a spike of the last block"] = _place(last, fired, names.width)
    return found


def _place(block: str, score: np.ndarray, width: int) -> dict[str, Any]:
    t, token, channel = np.unravel_index(int(score.argmax()), score.shape)
    head, feature = divmod(int(channel), width)
    place = {"block": block, "head": head, "feature": feature}
    return {**place, "view": microscope.OUTPUT, "token": int(token), "time": int(t)}


def spike_microscope(recording: Any, **start: Any) -> SpikeMicroscope:
    """The spike microscope over a recorded Spikformer, at its best paid spike.

    Controls: sample, block, view, head, token, feature, time, also by clicks on the
    panels. `walk(way)` and `back()` follow a spike. Raises `ValueError` where Q, K, V
    or Eq. (15) were not recorded with their currents.
    """
    return SpikeMicroscope(recording, **start)

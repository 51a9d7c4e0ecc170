"""The coder bench: an image as spikes, in five codes, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from spikedu.scenes import encoding
from spikedu.scenes.encoding_words import CODES, DRIFT, LATENCY, REPEAT, STILL
from spikedu.widgets.base import Explorer
from spikedu.widgets.controls import Choice, Slider


class CoderBench(Explorer):
    """Sliders over `scenes.encoding.coder_bench`; see `Explorer` for what it can do."""

    PRESETS: Mapping[str, Mapping[str, Any]] = {
        "rate, 2 steps: mostly noise": {"steps": 2},
        "rate, 32 steps: a quarter of it by the law": {"steps": 32},
        "latency: a spike a pixel": {"code": LATENCY},
        "delta, still: silent after step 0": {"code": STILL},
        "delta, drifting: edges fire": {"code": DRIFT},
        "repeat: no spike at all": {"code": REPEAT},
    }
    STATES: Mapping[str, tuple[Any, ...]] = {"code": CODES, "steps": (2, 16, 32)}
    scene = staticmethod(encoding.coder_bench)

    def __init__(self, given: Mapping[str, Any] | None = None, **start: Any):
        images = (given or {}).get("images")
        count = len(encoding.digits() if images is None else encoding.gray(images))
        self.CONTROLS = (
            Slider("image", "image", 0, count - 1, step=1),
            Choice("code", "code", CODES),
            Slider("steps", "steps T", *encoding.BOX["steps"], step=1),
            Slider("seed", "seed of the rate code", *encoding.BOX["seed"], step=1),
        )
        super().__init__(given, **start)

    def defaults(self) -> dict[str, Any]:
        """The scene's own defaults; of fewer images, the last."""
        found = super().defaults()
        most = self._by_name["image"].high
        return {**found, "image": min(found["image"], most)}


def coder_bench(images: ArrayLike | None = None, **start: Any) -> CoderBench:
    """The coder bench: ten real digits, or your `images` [n, H, W] from 0 to 1.

    `start`: image, code, steps, seed. `view` holds the spikes, what comes back, errors
    and bits. Codes: `scenes.encoding_words.CODES`. At most 128 pixels an image.
    Raises `ValueError` for a value outside.
    """
    return CoderBench({} if images is None else {"images": images}, **start)

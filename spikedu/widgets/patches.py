"""The film strip: an image on its way through Spiking Patch Splitting."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from spikedu.scenes import patches
from spikedu.widgets.controls import Choice, Slider
from spikedu.widgets.recorded import Recorded


class FilmStrip(Recorded):
    """Sliders over `scenes.patches.film_strip`; see `Explorer` for what it can do."""

    scene = staticmethod(patches.film_strip)

    def __init__(self, recording: Any, images: ArrayLike | None, **start: Any):
        images = None if images is None else np.asarray(images)
        known = patches.stages(recording, images)
        names = [name for name in known if name != patches.IMAGE]
        shapes = [recording.spikes[known[name]].shape for name in names]
        pages = max(-(-shape[2] // patches.PAGE) for shape in shapes)
        order = (*names, patches.IMAGE) if patches.IMAGE in known else tuple(names)
        self.CONTROLS = (
            Slider("sample", "sample (image)", 0, shapes[0][1] - 1, step=1),
            Choice("stage", "stage", order),
            Slider("page", f"page of {patches.PAGE} channels", 0, pages - 1, step=1),
        )
        samples = tuple(range(min(shapes[0][1], 2)))
        self.STATES = {"sample": samples, "stage": order, "page": (0,)}
        self.PRESETS = _presets(recording, known, names)
        super().__init__({"recording": recording, "images": images}, **start)


def _presets(recording: Any, known: dict[str, str], names: list[str]) -> dict:
    """What to look at first, of what this recording holds."""
    found = {"the first spikes": {"stage": names[0]}}
    if patches.IMAGE in known:
        found["what goes in"] = {"stage": patches.IMAGE}
    pooled = [name for name in names if name.endswith(patches.POOLED)]
    if pooled:
        found["before the last pool"] = {
            "stage": pooled[-1].removesuffix(patches.POOLED)
        }
        found["after it: fewer places, more spikes in each"] = {"stage": pooled[-1]}
    dead = [
        (~recording.spikes[known[n]][:, 0].any(axis=(0, 2, 3))).sum() for n in names
    ]
    if max(dead) > 0:
        found["most dead channels"] = {"stage": names[int(np.argmax(dead))]}
    return found


def film_strip(recording: Any, images: ArrayLike | None = None, **start: Any):
    """The film strip of a recorded Spikformer, or of any network with spiking grids.

    `images` [B, C, H, W] are those that it was shown. Controls: sample, stage, page.
    Raises `ValueError` where no neuron on a grid was recorded, or images do not fit.
    """
    return FilmStrip(recording, images, **start)

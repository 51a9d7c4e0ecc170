"""What each stage of Spiking Patch Splitting makes of an image, from a recording."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikedu.figures import arrays, words
from spikedu.figures.views import BarsView, HeatView, Screen
from spikedu.scenes.recorded import pool, spikes_of

IMAGE = "the image itself"
POOLED = ", pooled"
PAGE = 16  # channels shown at a time


@dataclass(frozen=True, eq=False, kw_only=True)
class FilmStripView(Screen):
    """What a film strip shows; `values` [T, C, H, W] are of the whole stage.

    `rate` is that of each channel, in spikes per neuron per step (brightness for the
    image), `channels` are those shown, `dead` those without a spike.
    """

    values: NDArray[np.generic]  # bool, or numbers of the image
    rate: NDArray[np.float64]
    channels: range
    fired: int  # neurons with at least one spike
    dead: tuple[int, ...]
    busiest: int | None


def stages(recording: Any, images: ArrayLike | None = None) -> dict[str, str]:
    """What there is to see, in order: its name in the list -> name of its neurons.

    Where the next stage is smaller, a max pool lies between: it is a stage to see too.
    """
    spikes = spikes_of(recording)
    found, grids = {}, [n for n, s in spikes.items() if s.ndim == 5]
    if not grids:
        right = 'of neurons on a grid, such as "sps.*" and "rpe"'
        arrays.fail("recording", "of " + (", ".join(spikes) or "nothing"), right)
    if images is not None:
        found[IMAGE] = ""
    for name, later in zip(grids, [*grids[1:], None], strict=True):
        number = re.fullmatch(r"(?:.*\.)?sps\.stages\.(\d+)", f".{name}"[1:])
        label = f"stage {int(number[1]) + 1}" if number else name
        label = "RPE" if name == "rpe" else label
        found[label] = name
        if number and later and _halved(spikes[name].shape, spikes[later].shape):
            found[label + POOLED] = name
    return found


def _halved(size: tuple[int, ...], later: tuple[int, ...]) -> bool:
    return all(-(-n // 2) == m < n for n, m in zip(size[3:], later[3:], strict=True))


def film_strip(
    *,
    recording: Any,
    images: ArrayLike | None = None,
    sample: int = 0,
    stage: str | None = None,
    page: int = 0,
) -> FilmStripView:
    """One `stage` of one sample: 16 channels a `page`, at each step and on average.

    `images` [B, C, H, W], or [T, B, C, H, W] of frames, are those that were recorded.
    A page beyond the last is the last. Raises `ValueError` for what was not recorded.
    """
    known = stages(recording, images)
    stage = next(s for s in known if s != IMAGE) if stage is None else stage
    name = known[arrays.choice("stage", stage, tuple(known))]
    steps, batch = next(iter(recording.spikes.values())).shape[:2]
    arrays.count("sample", sample, 0, batch - 1)
    arrays.count("page", page)
    image = _image(images, sample, steps, batch)
    found = image if stage == IMAGE else recording.spikes[name][:, sample]
    found = pool(found) if stage.endswith(POOLED) else found
    total = found.shape[1]
    asked, page = page, min(page, -(-total // PAGE) - 1)
    channels = range(page * PAGE, min((page + 1) * PAGE, total))
    rate = found.mean(axis=(0, 2, 3))
    fired = int(found.any(axis=0).sum())
    dead = tuple(np.flatnonzero(~found.any(axis=(0, 2, 3))).tolist())
    busiest = int(rate.argmax()) if found.any() else None
    said = _said(stage, found, rate, fired, dead, busiest)
    at = int(found.sum(axis=(1, 2, 3)).argmax())
    which = [*_opens(stage, len(found), at), *_shown(channels, total, page, asked)]
    return FilmStripView(
        values=found,
        rate=rate,
        channels=channels,
        fired=fired,
        dead=dead,
        busiest=busiest,
        rows=_rows(stage, found, rate, channels, image),
        sentence=" ".join([said, *which, *_no_images(images)]),
        alt=words.clip([f"Sample {sample}. {said}", *which]),
        code=_code(stage, name, sample),
        steps=steps,
        at=at,
        said=() if stage == IMAGE else _each_step(found),
    )


def _image(images, sample: int, steps: int, batch: int) -> NDArray | None:
    if images is None:
        return None
    axes = "B C H W | T B C H W"
    shape = np.shape(images)
    if len(shape) not in (4, 5) or shape[-4] != batch:
        arrays.fail("images.shape", shape, f"[{axes}], with B = {batch} as recorded")
    if len(shape) == 5 and shape[0] != steps:
        arrays.fail("images.shape", shape, f"[{axes}], with T = {steps} as recorded")
    frames = np.asarray(images)[..., sample, :, :, :]
    frames = arrays.array("images", frames, "C H W | T C H W")
    return frames if frames.ndim == 4 else frames[None]


def _rows(stage, found, rate, channels, image):
    shown = found[:, channels.start : channels.stop]
    names = [f"ch {c}" for c in channels]  # short: a tile may be 60 pixels wide
    pictures = stage == IMAGE
    which = f"{stage}: channel {channels.start}"
    if len(channels) > 1:
        which = f"{stage}: channels {channels.start} to {channels.stop - 1}"
    more = {"unit": "brightness"} if pictures else {}
    tiles = HeatView.of(shown, "T K R C", title=which, names=names, **more)
    kind = "brightness" if pictures else "spikes per step"
    average = HeatView.of(
        shown.mean(axis=0),
        "K R C",
        title=f"{which}, mean over time",
        unit=kind,
        names=names,
        limits=None if pictures else (0, 1),
    )
    what = "place" if stage.endswith(POOLED) else "neuron"
    unit = kind if pictures else f"spikes per {what} per step"
    bars = BarsView.of(
        rate[channels.start : channels.stop],
        list(channels),
        title="rate of each channel" if not pictures else "brightness of each channel",
        x="channel",
        y=unit,
        meaning="current" if pictures else "membrane",
    )
    if image is None:
        return (tiles,), (average,), (bars,)
    whole = HeatView.of(
        image, "T K R C", title="the image", unit="brightness", names=_colours(image)
    )
    return (
        ((bars, whole), (average,))
        if pictures
        else ((whole, bars), (tiles,), (average,))
    )


def _colours(image: NDArray) -> list[str]:
    names = {1: [""], 3: ["red", "green", "blue"]}
    count = image.shape[1]
    return names.get(count, [f"ch {c}" for c in range(count)])


def _said(stage, found, rate, fired, dead, busiest) -> str:
    size = list(found.shape[1:])
    if stage == IMAGE:
        shown = "once at each step" if len(found) == 1 else f"as {len(found)} frames"
        low, high = words.number(found.min()), words.number(found.max())
        return (
            f"The image is {size}, numbers from {low} to {high}, no spikes yet; the "
            f"network is shown it {shown}."
        )
    total = int(np.prod(size))
    what = "place" if stage.endswith(POOLED) else "neuron"
    share = words.percent(fired / total)
    steps = words.plural(len(found), "step")
    first = (
        f"{stage[0].upper()}{stage[1:]} is {size}: {fired:,} of "
        f"{words.plural(total, what)} ({share}) fire at least once in {steps}."
    )
    if busiest is None:
        return f"{first} All {words.plural(size[0], 'channel')} are dead."
    none = "no channel is dead"
    if dead:
        none = f"{len(dead)} of {words.plural(size[0], 'channel')} dead"
    top = f"{words.number(rate[busiest])} spikes per {what} per step"
    return f"{first} Channel {busiest} is busiest, {top}; {none}."


def _opens(stage: str, steps: int, at: int) -> list[str]:
    """Maps show one step: which one, until the cursor is moved."""
    if steps == 1:
        return []
    why = "none is brighter" if stage == IMAGE else "none has more spikes"
    return [f"The picture opens at step {at}: {why}."]


def _shown(channels: range, total: int, page: int, asked: int) -> list[str]:
    if total <= PAGE:
        all_ = (
            f"There is no page {asked}: page 0 shows {words.plural(total, 'channel')}."
        )
        return [all_] * (asked > 0)
    last = -(-total // PAGE) - 1
    return [
        f"Shown: channels {channels.start} to {channels.stop - 1} of {total}, page "
        f"{page}; the last page is {last}."
    ]


def _no_images(images) -> list[str]:
    if images is not None:
        return []
    return ["The image is not shown: it was not given as `images`."]


def _each_step(found: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(
        f"{words.plural(int(n), 'spike')} in the stage." for n in found.sum((1, 2, 3))
    )


def _code(stage: str, name: str, sample: int) -> str:
    if stage == IMAGE:
        return f"image = images[..., {sample}, :, :, :]  # [C, H, W]"
    lines = [f'spikes = recording.spikes["{name}"][:, {sample}]  # [T, C, H, W]']
    if stage.endswith(POOLED):
        lines = [
            "import torch",
            *lines,
            "pool = torch.nn.MaxPool2d(3, stride=2, padding=1)",
            "spikes = pool(torch.from_numpy(spikes).float()).numpy()",
        ]
    return "\n".join([*lines, "rate = spikes.mean(axis=(0, 2, 3))  # of each channel"])

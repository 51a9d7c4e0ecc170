"""What scenes read from a `Recording`: which attentions it holds, a head of one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikedu.figures import arrays
from spikedu.scenes.neuron import RESETS, SUBTRACT, TO_ZERO, simulate

RULES = {"hard": TO_ZERO, "soft": SUBTRACT}
SAID = {"hard": "released neuron", "soft": "neuron of Eq. (1)"}
assert set(RULES.values()) <= set(RESETS)


@dataclass(frozen=True)
class Attention:
    """Names of the neurons of one attention, its heads and the scale s of Eq. (15)."""

    query: str
    key: str
    value: str
    output: str  # the neuron of Eq. (15)
    heads: int
    width: int  # d: features of a head
    scale: float


@dataclass(frozen=True, eq=False)
class Course:
    """One neuron's `current`, `membrane` and `spikes` [T], and its constants."""

    current: NDArray[np.float32]
    membrane: NDArray[np.float32]
    spikes: NDArray[np.bool_]
    threshold: float
    beta: float
    rule: str  # "hard" or "soft"
    agrees: bool  # the replayed spikes are the recorded ones


def spikes_of(recording: Any) -> Mapping[str, NDArray[np.bool_]]:
    """Spikes by name; `ValueError` for what is no recording."""
    found = getattr(recording, "spikes", None)
    if not isinstance(found, Mapping) or not isinstance(recording.about, Mapping):
        arrays.fail("recording", type(recording).__name__, "a Recording")
    return found


def attentions(recording: Any) -> dict[str, Attention]:
    """Those of which Q, K, V and the neuron of Eq. (15) were recorded, by name."""
    spikes, found = spikes_of(recording), {}
    for name, about in recording.about.get("attentions", {}).items():
        stem = about["q"].removesuffix("query")
        parts = [f"{stem}{part}" for part in ("query", "key", "value", "lif")]
        if all(part in spikes for part in parts):
            heads = about["heads"]
            width = spikes[parts[0]].shape[-1] // heads
            found[name] = Attention(*parts, heads, width, about["scale"])
    if not found:
        right = 'of a Spikformer, with neurons such as "blocks.0.ssa.*"'
        held = ", ".join(spikes) or "nothing"
        arrays.fail("recording", f"of {held}", right)
    return found


def attention(recording: Any, block: str | None) -> tuple[str, Attention]:
    """The one of that name, the first one for None."""
    known = attentions(recording)
    block = next(iter(known)) if block is None else block
    return block, known[arrays.choice("block", block, tuple(known))]


def of_head(
    recording: Any, name: str, heads: int, sample: int, head: int
) -> NDArray[np.bool_]:
    """Spikes [T, N, d] of one head of that layer, for one sample."""
    spikes = recording.spikes[name][:, sample]
    width = spikes.shape[-1] // heads
    return spikes[..., head * width : (head + 1) * width]


def constants(
    recording: Any, name: str, at: tuple[int, ...] = ()
) -> tuple[float, float, str]:
    """(beta, threshold, "hard" or "soft") of a neuron of ours, of the one `at`."""
    about = recording.about["neurons"][name]
    rule = arrays.choice(f"the rule of {name}", about.get("step"), tuple(RULES))
    shape = recording.spikes[name].shape[2:]
    beta, threshold = (
        float(np.broadcast_to(about[part], shape)[at or (0,) * len(shape)])
        for part in ("beta", "threshold")
    )
    return beta, threshold, rule


def course(recording: Any, name: str, sample: int, at: tuple[int, ...]) -> Course:
    """One neuron of a layer, at that place: replayed from its recorded current."""
    beta, threshold, rule = constants(recording, name, at)
    place = (slice(None), sample, *at)
    current = recording.current(name)[place]
    fired = recording.spikes[name][place]
    membrane, spikes = simulate(current, beta, threshold, RULES[rule])
    agrees = bool(np.array_equal(spikes != 0, fired))
    return Course(current, membrane, fired, threshold, beta, rule, agrees)


def pool(spikes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """MaxPool 3x3, stride 2, padding 1, of spikes [..., H, W]: any of the nine."""
    around = [(0, 0)] * (spikes.ndim - 2) + [(1, 1)] * 2
    nine = np.lib.stride_tricks.sliding_window_view(
        np.pad(spikes, around), (3, 3), axis=(-2, -1)
    )
    return nine[..., ::2, ::2, :, :].any(axis=(-2, -1))


def summands(recording: Any, block: str) -> tuple[str, ...]:
    """Layers whose spikes add up to the input of that block; () if one is missing.

    Eqs. (7) to (9): the last stage of patch splitting and RPE, then SSA and MLP of
    every block below.
    """
    place = re.fullmatch(r"(.*?)blocks\.(\d+)\.ssa", block)
    if not place:
        return ()
    root, number = place[1], int(place[2])
    stages = [n for n in recording.spikes if n.startswith(f"{root}sps.stages.")]
    found = [stages[-1] if stages else "", f"{root}rpe"]
    for k in range(number):
        found += [f"{root}blocks.{k}.{part}" for part in ("ssa.out", "mlp.down")]
    return tuple(found) if all(n in recording.spikes for n in found) else ()


def inputs(recording: Any, block: str, sample: int = 0) -> NDArray[np.int64]:
    """What each of `summands` gives the block: [S, T, N, D], 0 or 1; their sum is X."""
    names = summands(recording, block)
    if not names:
        arrays.fail("recording", "without them", f"of all that {block} is given")
    found = []
    grid = recording.spikes[names[1]].shape
    for name in names:
        spikes = recording.spikes[name][:, sample]
        if spikes.ndim == 4:  # a grid of patches; tokens are its places, row by row
            spikes = pool(spikes) if spikes.shape[-2:] != grid[-2:] else spikes
            spikes = spikes.reshape(*spikes.shape[:2], -1).swapaxes(-2, -1)
        found.append(spikes)
    return np.stack(found).astype(np.int64)


def exact(x: Real, beside: Real = np.nan) -> str:
    """At most three decimals, or as many as tell it from the number `beside`."""
    for digits in range(3, 10):
        text = f"{x:.{digits}f}".rstrip("0").rstrip(".")
        if x == beside or float(text) != beside:
            break
    return "0" if text in ("-0", "") else text

"""A training run as it is remembered: a thinned curve, and moments to come back to.

Memory is bounded: `Thinned` says how many are kept, `Moment` how large one may be.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikedu.figures import arrays, words
from spikedu.figures.views import FiringRateView, RasterView

MOMENTS, POINTS = 64, 200  # as many are kept, of moments and of points of the curve
ROWS, HEADS, PATCHES = 128, 4, 64  # of a moment: neurons of a layer, maps, their sides
FORMAT = "spikedu run 1"


def plain(x: Any) -> NDArray:
    """An array from one, or from a tensor of any library that has `detach`."""
    if hasattr(x, "detach"):
        x = x.detach()
        x = (x.float() if x.is_floating_point() else x).cpu().numpy()
    return np.asarray(x)


class Thinned:
    """At most `most` of all that was offered: each `stride`-th, and the newest.

    When it is full, every second one is dropped and the stride doubles: what is kept
    lies evenly over the whole, and depends on the number of offers alone.
    """

    def __init__(self, most: int) -> None:
        self.most, self.stride, self.count = most, 1, 0
        self._kept: list[Any] = []
        self._newest: Callable[[], Any] | None = None

    def offer(self, make: Callable[[], Any]) -> None:
        """`make()` is called at once where the item stays, else when it is read."""
        self._newest = make
        if self.count % self.stride == 0:
            self._kept.append(make())
            self._newest = None
            if len(self._kept) == self.most:
                newest = self._kept[-1]
                self._kept, self.stride = self._kept[::2], 2 * self.stride
                self._newest = None if self._kept[-1] is newest else lambda: newest
        self.count += 1

    @property
    def items(self) -> list[Any]:
        """In order of time."""
        if self._newest is None:
            return list(self._kept)
        found = self._newest()
        self._newest = lambda: found
        return [*self._kept, found]


@dataclass(frozen=True, eq=False)
class Moment:
    """What a network did at one step: layers by name, one sample in full.

    `rasters[name]` is ([T, n] of the sample, number of neurons), n <= 128; `maps[name]`
    is [h, N, N], mean over time, of at most 4 heads and 64 patches.
    """

    step: int
    loss: float | None  # NaN and infinite are told, not refused
    accuracy: float | None = None
    rates: FiringRateView | None = None
    rasters: Mapping[str, tuple[NDArray[np.bool_], int]] = field(default_factory=dict)
    maps: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    right: tuple[int, int] | None = None  # samples read correctly, of how many

    @classmethod
    def of(
        cls,
        step: int,
        loss: float | None,
        accuracy: float | None = None,
        *,
        spikes: Mapping[str, Any],
        sample: int = 0,
        maps: Mapping[str, Any] | None = None,
        right: tuple[int, int] | None = None,
    ) -> Moment:
        """From spikes by layer, [T, N] or [T, B, ...], and maps [T, B, h, N, N]."""
        found = {name: plain(value) for name, value in spikes.items()}
        rates = _rates(found)
        rasters, kept = {}, {}
        for name, s in found.items():
            if s.ndim > 2:
                arrays.count(f"sample, of {name!r}", sample, 0, s.shape[1] - 1)
                s = s[:, sample]
            s = s.reshape(len(s), -1) != 0
            every = -(-s.shape[1] // ROWS)
            rasters[name] = (s[:, ::every].copy(), s.shape[1])
        for name, value in (maps or {}).items():
            of_sample = plain(value)[:, sample, :HEADS, :PATCHES, :PATCHES]
            kept[name] = of_sample.mean(axis=0, dtype=np.float32)
        return cls(step, loss, accuracy, rates, rasters, kept, right)

    def raster(self, name: str) -> RasterView:
        """One layer of the sample."""
        spikes, total = self.rasters[name]
        every = -(-total // ROWS)
        nth = f", every {words.ordinal(every)} of {total:,}" if every > 1 else ""
        view = RasterView.of(spikes, name=name + nth)
        return replace(view, neurons=np.arange(0, total, every))


class Run:
    """The curve of all steps so far, and the moments that were looked at."""

    def __init__(self, moments: int = MOMENTS) -> None:
        self.curve, self._moments = Thinned(POINTS), Thinned(moments)
        self.status = ""  # one word, such as "paused"
        self.over = ("all samples", "sample 0")  # whose are the rates, and the raster
        self.newest: tuple[int, float, float | None] | None = None
        self.broken: int | None = None  # since which step the loss is not finite

    def point(self, step: int | None, loss: Any, accuracy: Any = None) -> None:
        """One more point of the curve; steps count on where `step` is None.

        `ValueError` for a step that is not above the one before.
        """
        before = self.newest[0] if self.newest else -1
        step = before + 1 if step is None else step
        if arrays.count("step", step) <= before:
            right = f"above {before}, the one before; a new run needs a new widget"
            arrays.fail("step", step, right)
        loss = plain(loss)
        if loss.size != 1:
            arrays.fail("loss.shape", loss.shape, "one number")
        loss = float(loss.item())
        if accuracy is not None:
            accuracy = arrays.number("accuracy", float(plain(accuracy)), 0, 1)
        self.newest = (int(step), loss, accuracy)
        bad = not math.isfinite(loss)
        self.broken = (step if self.broken is None else self.broken) if bad else None
        point = self.newest
        self.curve.offer(lambda: point)

    def look(self, make: Callable[[], Moment]) -> None:
        """One more moment, made when it is needed."""
        self._moments.offer(make)

    @property
    def moments(self) -> list[Moment]:
        """Those that are kept, in order; the last one is the newest."""
        return self._moments.items

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer that was ever seen."""
        return tuple(dict.fromkeys(n for m in self.moments for n in m.rasters))

    @property
    def attentions(self) -> tuple[str, ...]:
        """Every attention that was ever seen."""
        return tuple(dict.fromkeys(n for m in self.moments for n in m.maps))

    def save(self, path: str | Path) -> None:
        """One npz file, without pickle, whole or not at all."""
        path, shelves, about = Path(path), {}, []
        for k, m in enumerate(self.moments):
            r = m.rates
            bits = [s.ravel() for s, _ in m.rasters.values()]
            shelves[f"{k} bits"] = np.packbits(np.concatenate(bits))
            shelves[f"{k} rates"] = np.stack([r.neurons, r.rate, r.dead, r.saturated])
            for name, x in m.maps.items():
                shelves[f"{k} map {name}"] = x
            shapes = [[n, list(s.shape), of] for n, (s, of) in m.rasters.items()]
            about.append([m.step, m.loss, m.accuracy, shapes, list(m.maps), m.right])
        header = {"format": FORMAT, "moments": about, "broken": self.broken}
        header |= {"curve": self.curve.items, "status": self.status}
        header["over"] = self.over
        part = path.with_name(f"{path.name}.part")
        try:
            with open(part, "wb") as file:
                np.savez_compressed(file, about=np.array(json.dumps(header)), **shelves)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | Path) -> Run:
        """What `save` wrote. `ValueError` on a truncated or foreign file."""
        try:
            with np.load(path, allow_pickle=False) as file:
                shelves = dict(file)
            header = json.loads(str(shelves["about"]))
            if header["format"] != FORMAT:
                raise ValueError(f"marked {header['format']!r}")
            run = cls(max(MOMENTS, len(header["moments"]) + 1))
            for step, loss, accuracy in header["curve"]:
                run.point(step, loss, accuracy)
            for k, found in enumerate(header["moments"]):
                moment = _moment(shelves, k, *found)
                run.look(lambda moment=moment: moment)
        except FileNotFoundError:
            raise
        except (ValueError, KeyError, TypeError, OSError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"path = {str(path)!r}: damaged, or not a run of spikedu ({error})"
            ) from None
        run.broken, run.status = header["broken"], header["status"]
        run.over = tuple(header.get("over", run.over))
        return run


def _rates(layers: Mapping[str, NDArray]) -> FiringRateView:
    """`FiringRateView.of` without its copies in float64: it runs inside a training."""
    rows = []
    for s in layers.values():
        fired = s != 0
        if s.ndim < 2 or not s.size or not (fired == s).all():
            return FiringRateView.of(layers)  # it says what is wrong
        fired = fired.reshape(-1, s.shape[1] if s.ndim == 2 else s[0, 0].size)
        sick = (~fired.any(axis=0)).mean(), fired.all(axis=0).mean()
        share = np.count_nonzero(fired) / fired.size
        rows.append((fired.shape[1], share, *sick))
    if not rows:
        return FiringRateView.of(layers)
    return FiringRateView(tuple(layers), *map(np.array, zip(*rows, strict=True)))


def _moment(shelves, k, step, loss, accuracy, shapes, maps, right) -> Moment:
    sizes = [rows * columns for _, (rows, columns), _ in shapes]
    flat = np.unpackbits(shelves[f"{k} bits"], count=sum(sizes)).astype(bool)
    parts = np.split(flat, np.cumsum(sizes)[:-1])
    rasters = {
        name: (part.reshape(shape), total)
        for part, (name, shape, total) in zip(parts, shapes, strict=True)
    }
    neurons, *shares = shelves[f"{k} rates"]
    rates = FiringRateView(tuple(rasters), neurons.astype(int), *shares)
    found = {name: shelves[f"{k} map {name}"] for name in maps}
    right = tuple(right) if right else None
    return Moment(step, loss, accuracy, rates, rasters, found, right)

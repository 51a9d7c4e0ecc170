"""Training in full view: a meter for any loop, and a probe that pauses and rewinds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Mapping
from numbers import Real
from typing import Any

import ipywidgets

from spikedu.figures import arrays
from spikedu.scenes.moments import Moment, Run
from spikedu.scenes.probe import Probe
from spikedu.widgets.live import Live

POLL = 0.05  # seconds between looks at the thread, while a cell awaits it


class HealthMeter(Live):
    """Loss, accuracy, firing rates and a raster, frame by frame while a cell runs.

    Of many updates at most 200 points and 64 moments are kept, evenly spread, and the
    newest (`scenes.moments.Thinned`). At most ten frames a second go to the page.
    """

    def __init__(self, sample: int = 0) -> None:
        self._sample = arrays.count("sample", sample)
        super().__init__()
        self.run.over = ("all samples", f"sample {self._sample}")

    def update(
        self,
        step: int | None = None,
        loss: Any = None,
        accuracy: Any = None,
        spikes: Mapping[str, Any] | None = None,
    ) -> None:
        """One step or epoch: the loss, and spikes by layer, [T, N] or [T, B, ...].

        Arrays or tensors. `step` must rise; left out, it counts from 0. An update
        without spikes adds to the curve and leaves the other panels as they were.
        """
        if spikes is not None and not isinstance(spikes, Mapping):
            right = 'a mapping from layer names to spikes, as in {"hidden": spikes}'
            arrays.fail("spikes", type(spikes).__name__, right)
        with self._lock:
            self.run.point(step, loss, accuracy)
            if spikes is not None:
                now, sample = self.run.newest, self._sample
                # Without the graph of a tensor, which would keep its whole step alive.
                held = {name: _detached(x) for name, x in spikes.items()}
                self.run.look(lambda: Moment.of(*now, spikes=held, sample=sample))
            self.push_if_due()

    def __enter__(self) -> HealthMeter:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.finish()


def _detached(x: Any) -> Any:
    return x.detach() if hasattr(x, "detach") else x


class Stopped(KeyboardInterrupt):
    """Raised by `check` after `stop`: `spikedu.train.train` ends on it as on Ctrl-C."""


class TrainingProbe(Live):
    """A fixed batch through the network every few steps; pause, stop, rewind.

    `start(function)` trains in the background; the function calls `check` after each
    step. While no cell runs all controls work; during `await probe` the buttons do;
    during `wait()` none. Both give what the function returned or raise what it raised.
    At most 64 moments are kept (`scenes.moments.Thinned`).
    """

    def __init__(
        self, model: Any, images: Any, labels: Any = None, every: int = 10
    ) -> None:
        self._every = arrays.count("every", every, 1)
        self._probe = Probe(model, images, labels)
        self._thread: threading.Thread | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._go, self._stop = threading.Event(), False
        self._go.set()
        super().__init__(self._first())
        self._pause = ipywidgets.Button(description="Pause", disabled=True)
        self._end = ipywidgets.Button(description="Stop", disabled=True)
        newest = ipywidgets.Button(description="Newest moment")
        self._pause.on_click(lambda _: self.resume() if self.paused else self.pause())
        self._end.on_click(lambda _: self.stop())
        newest.on_click(lambda _: self.follow())
        self.buttons = ipywidgets.HBox([self._pause, self._end, newest])
        self.children = (self.buttons, *self.children)

    def _first(self) -> Run:
        """The untrained network, before any step; it also names layers and maps."""
        self.run = Run()
        self.run.over = ("all probe images", "image 0")
        self._look(0, None)
        return self.run

    def _look(self, step: int, loss: float | None, accuracy: float | None = None):
        found = self._probe.look()
        self.run.look(lambda: Moment.of(step, loss, accuracy, **found))

    # ------------------------------------------------------------ inside the loop
    def check(self, step: int, loss: Any, accuracy: Any = None) -> None:
        """Call it after each step, or give it to `train(..., watch=probe.check)`.

        Looks at the network every few steps, waits while paused, and raises `Stopped`,
        a KeyboardInterrupt, after `stop()`.
        """
        with self._lock:
            self.run.point(step, loss, accuracy)
            if step % self._every == 0:
                self._look(*self.run.newest)
            self.push_if_due()
        if self.paused:
            self._say("paused")
            self._go.wait()
            self._say("")
        if self._stop:
            raise Stopped(f"stopped at step {step}")

    # ------------------------------------------------------------ from outside
    @property
    def paused(self) -> bool:
        """Whether the next `check` waits, or one does already."""
        return not self._go.is_set()

    @property
    def running(self) -> bool:
        """Whether the function is still at work, paused or not."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, function: Callable[[], Any]) -> TrainingProbe:
        """Runs `function()` in a thread of its own, and comes back at once.

        `ValueError` while one is running: `wait()` for it, or `stop()` it.
        """
        if self.running:
            arrays.fail("start", "a second function", "called when none is running")
        self._result = self._error = None
        self._stop = False
        self._message.layout.display = "none"
        self.resume()
        self._thread = threading.Thread(target=self._run, args=(function,), daemon=True)
        self._pause.disabled = self._end.disabled = False
        self._thread.start()
        return self

    def wait(self, timeout: Real | None = None) -> Any:
        """What the function returned; raises what it raised. None after `timeout`.

        Ctrl-C ends the training as `stop()` does. In a notebook: `await probe`, for a
        kernel that waits in here hears no button.
        """
        if self._thread is None:
            return None
        try:
            self._thread.join(timeout)
        except KeyboardInterrupt:
            self.stop()
            self._thread.join(timeout)
        if self.running:
            return None
        self.finish()
        if self._error is not None:
            raise self._error
        return self._result

    def __await__(self) -> Generator[Any, None, Any]:
        return self._finished().__await__()

    async def _finished(self) -> Any:
        try:
            while self.running:
                await asyncio.sleep(POLL)
        except BaseException:  # the notebook's stop button cancels what is awaited
            self.stop()
            raise
        return self.wait()

    def pause(self) -> None:
        """The next `check` waits; the learner may look around meanwhile."""
        self._go.clear()
        self._pause.description = "Resume"

    def resume(self) -> None:
        """Training goes on where it waited."""
        self._go.set()
        self._pause.description = "Pause"

    def stop(self) -> None:
        """The next `check` raises `Stopped`; model and record stay as they are."""
        self._stop = True
        self.resume()

    def _run(self, function: Callable[[], Any]) -> None:
        status = "ended"
        try:
            self._result = function()
        except Stopped:
            pass
        except BaseException as error:  # whatever it is, `wait` raises it again
            self._error, status = error, "failed"
        self._drop_timer()
        self._pause.disabled = self._end.disabled = True
        self.resume()
        self._say("stopped" if self._stop and self._error is None else status)
        if self._error is not None:
            kind = type(self._error).__name__
            self._alert(f"training stopped: {kind}: {self._error}")

    def _say(self, status: str) -> None:
        with self._lock:
            self.run.status = status
            self.push()


def health_meter(*, sample: int = 0) -> HealthMeter:
    """A live meter: `meter.update(step=..., loss=..., spikes={"hidden": s})` in a loop.

    `sample` is the one whose raster is shown. `with health_meter() as meter` or
    `meter.finish()` sends the last state. Works with any network and any loop.
    """
    return HealthMeter(sample)


def training_probe(
    model: Any, images: Any, labels: Any = None, *, every: int = 10
) -> TrainingProbe:
    """A live probe: `probe.start(lambda: train(..., watch=probe.check)); await probe`.

    `images` [B, C, H, W] are looked at every `every` steps, the raster and the maps
    of the first; with `labels` [B] it says how many are read right.
    Raises `ValueError` for a network without spiking neurons.
    """
    return TrainingProbe(model, images, labels, every)

"""A widget over a record that grows: frames while a cell runs, and the way back.

Frames reach the page during a cell. The page's own messages do not, in JupyterLab 4.6
with ipykernel 7.4: a comm is answered on the shell that last wrote to it, which is the
one that is busy with the cell, whatever subshell the page names. They are handled at
its end. Where the cell awaits something buttons are heard at once, but each slider only
once, for want of the status message on which ipywidgets sends the next value. Other
versions bring them in a subshell's thread: so a lock guards what both sides touch.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from IPython.display import display

from spikedu.figures import static
from spikedu.figures.views import FiringRateView
from spikedu.scenes.moments import MOMENTS, Run
from spikedu.scenes.training import NONE, training
from spikedu.widgets.base import Explorer
from spikedu.widgets.controls import Choice, Slider

EVERY = 0.1  # seconds between frames, at least
SHARE = 0.02  # of the time, at most, goes into frames: a slow one makes the next wait
QUIET = 0.5  # seconds after which what was held back is sent without a further call
PAGE = 100_000  # bytes of a page without a kernel, at most
MANY = 8  # layers; the rates of more are not in the poster, but in the live picture


class Live(Explorer):
    """A `Run` of `scenes.moments`, moment by moment; the subclasses make it grow.

    While the slider stands at the newest moment it follows; moved back, it stays.
    `push()` sends a frame now, `due()` says whether it is time for one.
    """

    scene = staticmethod(training)

    def __init__(self, run: Run | None = None) -> None:
        self._lock = threading.RLock()
        self.run = Run() if run is None else run
        self._pinned: int | None = None  # a step; None: the newest, whichever it is
        self._next, self._timer, self._held = 0.0, None, False
        self._handle = self._drawn = None
        self.CONTROLS = self._reach()
        super().__init__({"run": self.run})
        self.controls["moment"].disabled = len(self._steps) < 2
        self.canvas.heard = True  # the page says that it is there, and what it shows

    def _reach(self) -> tuple[Slider | Choice, ...]:
        """The controls, as far as the record goes now."""
        self._steps = [moment.step for moment in self.run.moments]
        last = max(len(self._steps) - 1, 1)
        layers, maps = self.run.layers or (NONE,), self.run.attentions
        found = (
            Slider("moment", "moment of the run", 0, last, step=1),
            Choice("layer", "layer of the raster", layers),
        )
        # A network without attention gets no list of attentions.
        more = (Choice("attention", "maps of", maps),) if maps else ()
        return found + more

    def defaults(self) -> dict[str, Any]:
        """The newest moment, the first layer, the first attention."""
        first = {c.name: c.options[0] for c in self.CONTROLS if isinstance(c, Choice)}
        return {"moment": max(len(self._steps) - 1, 0), **first}

    def _state(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # Where the run began is no place to reset to: no row of buttons.
        return {**super()._state(values), "start": {}}

    # ------------------------------------------------------------ frames
    def due(self) -> bool:
        """Whether a frame may be sent again."""
        return time.monotonic() >= self._next

    def push(self) -> None:
        """Sends the newest state, or, gone back to a moment, that one again."""
        with self._lock:
            began = time.monotonic()
            self._view, self._held = None, False
            self._moving = True
            try:
                moved = self._grow()
            finally:
                self._moving = False
            with self.canvas.hold_sync():
                if moved:  # what the page tells of the place before is out of date
                    self.canvas.edition += 1
                self._try(self._compute)
            now = time.monotonic()
            self._next = now + max(EVERY, (now - began) / SHARE)

    def push_if_due(self) -> None:
        """A frame now; or else soon, should no other call come before."""
        self._held = True
        if self.due():
            self.push()
        elif self._timer is None:  # it stays, whatever is sent meanwhile: threads cost
            self._timer = threading.Timer(QUIET, self._late)
            self._timer.daemon = True
            self._timer.start()

    def _late(self) -> None:
        with self._lock:
            self._timer = None
            if self._held:
                self._try(self.push)

    def finish(self) -> None:
        """Sends the last state now; else it goes half a second later by itself."""
        with self._lock:
            self._drop_timer()
            self.push()
            self._show_again()

    def _drop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _grow(self) -> bool:
        """Lets the controls reach as far as the record; whether the slider moved."""
        self.CONTROLS = self._reach()
        for control in self.CONTROLS:
            widget = self.controls[control.name]
            if isinstance(control, Choice) and control != self._by_name[control.name]:
                chosen = widget.value if widget.value in control.options else None
                widget.options = control.options
                widget.value = chosen or control.options[0]
                self._start[control.name] = control.options[0]
            self._by_name[control.name] = control
        slider, place = self.controls["moment"], self._place()
        moved = slider.value != place
        # One after the other: in one message their order is chance, and a page that met
        # the value first would cut it to its old reach and send that back.
        slider.max = self._by_name["moment"].high
        slider.disabled = len(self._steps) < 2
        slider.value = place
        return moved

    def _place(self) -> int:
        last = max(len(self._steps) - 1, 0)
        if self._pinned is None:
            return last
        return min(range(last + 1), key=lambda k: abs(self._steps[k] - self._pinned))

    # ------------------------------------------------------------ back and forth
    @property
    def following(self) -> bool:
        """Whether the newest moment is shown, and will be."""
        return self._pinned is None

    def follow(self) -> None:
        """Back to the newest moment."""
        with self._lock:
            self._pinned = None
            self.push()

    def reset(self) -> None:
        """Moves to the newest moment and the first layer."""
        self.values = self.defaults()
        self.follow()

    def _pin(self) -> None:
        # Of the moments that the page knew: there may be more, or fewer, by now.
        k = self.controls["moment"].value
        newest = k >= len(self._steps) - 1
        self._pinned = None if newest else self._steps[k]

    def _moved(self, change: Any) -> None:
        with self._lock:
            if self._moving:
                return
            self._message.layout.display = "none"
            if change["owner"] is self.controls["moment"]:
                self._pin()
            self.push()

    def _move(self, values: Mapping[str, Any]) -> None:
        with self._lock:
            super()._move(values)
            self._pin()
            self.push()

    def _take(self, told: Mapping[str, Any]) -> None:
        # A frame that was under way may have carried the slider on under the hand. Its
        # own messages are the hand; what the page shows at rest must agree with them.
        slider = self.controls["moment"]
        if told["moment"] != slider.value:
            slider.send_state("value")
        super()._take({**told, "moment": slider.value})

    def _hear(self, change: Any) -> None:
        with self._lock:
            super()._hear(change)

    # ------------------------------------------------------------ what is stored
    def save(self, path: str | Path) -> None:
        """The whole record into one npz file; `training_replay(path)` shows it."""
        with self._lock:
            self.run.save(path)

    def to_html(self) -> str:
        """As `Explorer.to_html`, with as many of the moments as 100 kB hold."""
        with self._lock:
            self._view = self._drawn = None
            count = min(max(len(self.run.moments), 1), MOMENTS)
            found, least = self._page(count), 1
            if len(found) > PAGE:  # in proportion, then a little less each time
                base = len(self._page(least))
                each = (len(found) - base) / (count - least)
                count = max(least, least + int((PAGE - base) / each))
                while len(found := self._page(count)) > PAGE and count > least:
                    count = max(least, count * 9 // 10)
            return found

    def _page(self, count: int) -> str:
        """With `count` moments, evenly spread, the one that is shown among them."""
        last, shown = max(len(self._steps) - 1, 0), self.controls["moment"].value
        kept = {round(k * last / max(count - 1, 1)) for k in range(count)}
        if shown not in kept:
            kept.remove(min(kept, key=lambda k: abs(k - shown)))
        self.STATES = {"moment": tuple(sorted(kept | {shown}))}
        return super().to_html()

    def _poster(self) -> str:
        """Once for all tries; without the names of many layers, half of its bytes."""
        if self._drawn is None:
            few = [
                row
                for row in self.view.rows
                if not (isinstance(row[0], FiringRateView) and len(row[0].names) > MANY)
            ]
            view = replace(self.view, rows=tuple(few))
            self._drawn = static.screen(view).html(dpi=72)
        return self._drawn

    def _ipython_display_(self) -> None:
        # With a handle: a run without a page is shown once more when it has ended.
        found = self._repr_mimebundle_()
        self._handle = display(found, raw=True, display_id=True)

    def _show_again(self) -> None:
        """Where no page has answered, what is stored gets the end of the run.

        In a living page the same widget shows it already, maybe under a hand.
        """
        if self._handle is not None and not self.canvas.told:
            self._handle.update(self._repr_mimebundle_(), raw=True)


def training_replay(path: str | Path) -> Live:
    """A run that `probe.save(path)` wrote, to go through without training.

    Raises `ValueError` for a file that is damaged or of another kind.
    """
    return Live(Run.load(path))

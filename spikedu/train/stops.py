"""How a training is asked to stop: Ctrl-C, and SIGTERM, which batch systems send."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stops:
    """`code` is the exit status of a run that was stopped: 130, or 143 by SIGTERM."""

    code = 130


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[Stops]:
    """Within it SIGTERM raises `KeyboardInterrupt`, as Ctrl-C does."""
    stops = Stops()

    def stop(number, frame):
        stops.code = 128 + number
        raise KeyboardInterrupt

    # Only the main thread may say what a signal does.
    if threading.current_thread() is not threading.main_thread():
        yield stops
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield stops
    finally:
        signal.signal(signal.SIGTERM, before)

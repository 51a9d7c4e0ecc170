"""Our live widget beside what courses do: how soon a slider's movement is on screen.

    python benchmarks/widgets.py [--rounds 3] [--keys 16] [--shots FOLDER]

One JupyterLab, one headless Chromium, the same demo in each notebook: 100 LIF neurons,
200 steps, three panels, three sliders. Each round opens every notebook anew, in turn.

key -> paint  from the trusted keydown on the slider to the frame after the new picture
drag          one sweep of the mouse over 0.6 of the slider, 60 events a second for 2 s;
              lag: at each new picture, the age of the newest event that it shows
first paint   from the execution of the cell that shows it, after the cell of imports
kB            over the websocket, both ways

Milliseconds are this machine's, now: compare the ratios, taken within one run.
"""

import argparse
import datetime
import json
import os
import random
import socket
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import nbformat
import websocket
from playwright.sync_api import TimeoutError, sync_playwright

from spikedu.environment import chromium

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import lab  # noqa: E402
from conftest import FLAGS  # noqa: E402
from widgets_peers import INTERACT, PLOTLY  # noqa: E402

# Each: label of the slider that is moved, a cell of imports and definitions, and the
# cell that shows the demo; or None. Our canvases tell by `data-paints`, `data-shown`.
PAGE_SIDE = (
    "input current i",
    "from spikedu.widgets import lif_explorer",
    "lif_explorer(steps=200, neurons=100, noise=0.15)",
)

# The same scene without its copy in JavaScript: computed here, sent as frames.
KERNEL_SIDE = (
    "input current i",
    """from spikedu.widgets import LifExplorer, canvas

class KernelSide(LifExplorer):
    PAGE, CANVAS = False, canvas.Canvas""",
    'KernelSide({"steps": 200, "neurons": 100}, noise=0.15)',
)

VARIANTS = {"interact": INTERACT, "plotly": PLOTLY}
VARIANTS |= {"page-side": PAGE_SIDE, "kernel-side": KERNEL_SIDE}
BASE = "interact"

HANDLE = (
    '.widget-inline-hbox:has(.widget-label:text-is("{0}")) .noUi-handle, '
    'label:text-is("{0}") + input[type=range]'
)
# Of one drag: mouse events, 60 a second, and the part of the slider's length that it
# sweeps; beyond it every neuron fires at every step.
EVENTS, SWEEP = 120, 0.6

PROBE = (Path(__file__).parent / "widgets_probe.js").read_text("utf-8")


class Mouse:
    """A mouse that does not wait for the page: playwright's does, at each event."""

    def __init__(self, port: int, title: str):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as listed:
            pages = [page for page in json.load(listed) if title in page["url"]]
        url = pages[0]["webSocketDebuggerUrl"]
        self.socket = websocket.create_connection(url, suppress_origin=True)
        self.sent = 0

    def __call__(self, kind: str, x: float, y: float) -> None:
        self.sent += 1
        given = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
        message = {"id": self.sent, "method": "Input.dispatchMouseEvent"}
        self.socket.send(json.dumps({**message, "params": {**given, "buttons": 1}}))


@dataclass
class Bench:
    """One notebook, open, and what is measured in it."""

    opened: lab.Notebook
    mouse: Mouse
    found: dict[str, list[float]]

    def settle(self) -> bool:
        """Wait for the picture of the slider's value; whether it came and stays."""
        page, shown = self.opened.page, "() => bench.last() === bench.value()"
        page.wait_for_timeout(300)
        try:
            page.wait_for_function(shown, timeout=20_000)
        except TimeoutError:
            return False
        page.wait_for_timeout(600)
        return page.evaluate(shown)

    def first_paint(self, label: str) -> None:
        page = self.opened.page
        page.evaluate(PROBE, 0.3)
        for cell in (0, 1):
            page.wait_for_timeout(500)
            before = self.opened.bytes
            raised = page.evaluate("(cell) => bench.run(cell)", cell)
            assert not raised, f"cell {cell} raised {raised}"
        page.wait_for_function("() => bench.paints.length", timeout=lab.PATIENCE)
        at = page.evaluate("() => bench.paints[0][0] - bench.began")
        self.found["first"].append(at / 1000)
        handle = page.locator(HANDLE.format(label)).first
        handle.wait_for()
        handle.evaluate("(el) => { bench.handle = el; el.focus(); }")
        assert self.settle(), "the first picture does not show the slider's value"
        self.found["first kB"].append((self.opened.bytes - before) / 1000)

    def keys(self, count: int) -> None:
        page, before = self.opened.page, self.opened.bytes
        for _ in range(count):
            old = page.evaluate("bench.value()")
            page.keyboard.press("ArrowRight")
            new = page.evaluate("bench.value()")
            assert new > old, "the key did not move the slider"
            page.wait_for_function(f"() => bench.last() === {new}", timeout=20_000)
            took = page.evaluate("() => bench.paints.at(-1)[0] - bench.keydown")
            self.found["key"].append(took)
            time.sleep(random.uniform(0.05, 0.15))  # at no fixed phase of the frames
        page.wait_for_timeout(600)
        self.found["kB"].append((self.opened.bytes - before) / 1000 / count)

    def drag(self) -> None:
        page = self.opened.page
        page.keyboard.press("Home")
        assert self.settle(), "the slider's lowest value is not shown"
        x, y, width = page.evaluate("() => bench.track()")
        page.evaluate("() => { bench.moves.length = bench.paints.length = 0; }")
        self.mouse("mouseMoved", x + 2, y)
        self.mouse("mousePressed", x + 2, y)
        began = time.perf_counter()
        for k in range(EVENTS):
            time.sleep(max(0.0, began + k / 60 - time.perf_counter()))
            last = x + 2 + SWEEP * width * k / EVENTS
            self.mouse("mouseMoved", last, y)
        seconds = time.perf_counter() - began
        self.mouse("mouseReleased", last, y)
        self.found["last"].append(float(self.settle()))
        moves, paints = page.evaluate("() => [bench.moves, bench.paints]")
        during = sum(at <= moves[-1][0] for at, _ in paints)
        self.found["drag"].append(during / seconds)
        self.found["events"].append(len(moves) / seconds)
        for at, value in paints:
            given = [t for t, v in moves if v == value and t <= at]
            if given:
                self.found["lag"].append(at - given[-1])


def measure(browser, port, at, name, options, found) -> None:
    """One round of one variant."""
    begun, tall = time.perf_counter(), {"width": 1200, "height": 1400}
    with lab.tab(*at, f"{name}.ipynb", browser, viewport=tall) as opened:
        bench = Bench(opened, Mouse(port, f"{name}.ipynb"), found)
        bench.first_paint(VARIANTS[name][0])
        bench.keys(options.keys)
        if options.shots:
            options.shots.mkdir(parents=True, exist_ok=True)
            opened.page.screenshot(path=options.shots / f"{name}.png")
        bench.drag()
        found["native"] = [opened.page.evaluate("Number(bench.native())")]
        assert not opened.outside, opened.outside
        opened.page.evaluate("() => bench.stop()")
    print(f"  {name}: {time.perf_counter() - begun:.0f} s", flush=True)


def p95(values: list[float]) -> float:
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


def summary(found: dict[str, list[float]]) -> dict[str, float]:
    made = {name: statistics.median(values) for name, values in found.items()}
    made.update({f"{name} p95": p95(found[name]) for name in ("key", "lag")})
    return {**made, "last": min(found["last"])}


# Heading, figure, decimals, and whether less of it is better.
COLUMNS = (
    ("key->paint ms", "key", 0, True),
    ("p95", "key p95", 0, True),
    ("drag paints/s", "drag", 0, False),
    ("lag p95 ms", "lag p95", 0, True),
    ("first paint s", "first", 2, True),
    ("first kB", "first kB", 0, True),
    ("kB/update", "kB", 1, True),
)


def row(name: str, cells: list[str]) -> None:
    print(f"{name:12}" + "".join(f"{cell:>15}" for cell in cells))


def table(results: dict[str, dict[str, float]]) -> None:
    print()
    row("", [head for head, *_ in COLUMNS] + ["last value", "mouse events/s"])
    for name, one in results.items():
        cells = [f"{one[figure]:.{digits}f}" for _, figure, digits, _ in COLUMNS]
        shown = "shown" if one["last"] else "NOT SHOWN"
        row(name, [*cells, shown, f"{one['events']:.0f}"])
    print(f"\ntimes better than {BASE}, in this run")
    for name, one in results.items():
        cells = []
        for _, figure, _, less in COLUMNS:
            ratio = results[BASE][figure] / one[figure] if one[figure] else float("inf")
            cells.append(f"{ratio if less else 1 / ratio:.1f}")
        row(name, cells)


def targets(name: str, one: dict[str, float], base: dict[str, float]) -> None:
    """Against the goals set for the widgets before they were built."""
    native = bool(one["native"])
    faster, middle, tail, lag, weight = {
        ("page-side", True): (5, 33, 50, 50, 0.1),
        ("page-side", False): (3.5, 50, 80, 50, 8),
    }.get((name, native), (3, 60, 100, 150, 8))
    print(f"\ntargets, {name}, {'native' if native else 'ipywidgets'} controls")
    for what, value, goal, high in (
        (f"times faster than {BASE}", base["key"] / one["key"], faster, True),
        ("key -> paint, median ms", one["key"], middle, False),
        ("key -> paint, p95 ms", one["key p95"], tail, False),
        ("drag lag, p95 ms", one["lag p95"], lag, False),
        ("last value shown", one["last"], 1, True),
        ("kB per update", one["kB"], weight, False),
        ("first paint, s", one["first"], 0.5, False),
    ):
        met = value >= goal if high else value <= goal
        verdict = "met" if met else f"missed by {abs(value - goal):.2g}"
        print(f"  {what:28}{value:8.2f}   {'>=' if high else '<='} {goal:<5} {verdict}")


def write(path: Path, imports: str, shows: str) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in (imports, shows)]
    cells[0].metadata["jupyter"] = {"source_hidden": True}  # the demo is in view
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keys", type=int, default=16, help="a round and variant")
    parser.add_argument("--shots", type=Path, help="a folder for a picture of each")
    options = parser.parse_args()
    results = {name: defaultdict(list) for name, given in VARIANTS.items() if given}
    for name in VARIANTS.keys() - results.keys():
        print(f"{name}: skipped, there is none")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        for name in results:
            write(Path(folder) / f"{name}.ipynb", *VARIANTS[name][1:])
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=[*FLAGS, f"--remote-debugging-port={port}"],
        )
        packages = "jupyterlab ipywidgets plotly anywidget matplotlib".split()
        print(
            f"{datetime.date.today()}, {os.cpu_count()} cores,",
            *(f"{package} {metadata.version(package)}," for package in packages),
            f"chromium {browser.version}",
        )
        with lab.server(Path(folder).resolve()) as at:
            for turn in range(options.rounds):
                print(f"round {turn + 1} of {options.rounds}", flush=True)
                for name in list(results)[:: -1 if turn % 2 else 1]:
                    measure(browser, port, at, name, options, results[name])
        browser.close()
    if hasattr(os, "getloadavg"):  # not on Windows
        print(f"load of this machine, last 5 minutes: {os.getloadavg()[1]:.1f}")
    found = {name: summary(one) for name, one in results.items()}
    table(found)
    for name in found:
        if name.endswith("-side"):
            targets(name, found[name], found[BASE])


if __name__ == "__main__":
    main()

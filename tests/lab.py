"""JupyterLab for tests: a server on a folder, a notebook open in a real browser.

    with lab.notebook(folder, "a.ipynb", browser) as opened:
        opened.run_all()
        opened.page.locator("canvas").first.wait_for()
        assert opened.errors == [] and opened.outside == []

Nothing reads or writes the user's own Jupyter folders.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe

from spikedu import environment

PATIENCE = 90_000  # milliseconds: two cores, other tests running beside
# A popup asks whether to fetch news, over the first notebook.
QUIET = {"fetchNews": "false", "checkForUpdates": False}


@dataclass
class Notebook:
    """A playwright `page` with a notebook, and all that it said and asked for."""

    page: Any
    address: str
    errors: list[str] = field(default_factory=list)  # of the console and uncaught
    requests: list[str] = field(default_factory=list)
    bytes: int = 0  # over websockets, both ways

    @property
    def outside(self) -> list[str]:
        """Requests to any other machine than this one."""
        here = (self.address, self.address.replace("http", "ws", 1), "data:", "blob:")
        return [url for url in self.requests if not url.startswith(here)]

    def command(self, name: str, **arguments: Any) -> None:
        """Run a JupyterLab command: driving its menus is flaky."""
        call = "([name, given]) => window.jupyterapp.commands.execute(name, given)"
        self.page.evaluate(call, [name, arguments])

    def run_all(self) -> None:
        """Run all cells and wait until the last has an execution count."""
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(
            """() => {
                const cells = window.jupyterapp.shell.currentWidget.content.model.cells;
                return [...cells].filter((c) => c.type === "code")
                  .every((c) => c.executionCount !== null);
            }""",
            timeout=PATIENCE,
        )

    def python(self, code: str) -> str:
        """Run code in the notebook's kernel, outside any cell: what it printed."""
        return self.page.evaluate(
            """async (code) => {
                const context = window.jupyterapp.shell.currentWidget.sessionContext;
                const asked = context.session.kernel.requestExecute({ code });
                let said = "";
                asked.onIOPub = ({ content }) => {
                  said += content.text ?? content.traceback?.join("\\n") ?? "";
                };
                await asked.done;
                return said.trimEnd();
            }""",
            code,
        )

    def count_cells(self) -> int:
        """How many cells the notebook has now."""
        cells = "window.jupyterapp.shell.currentWidget.content.model.cells"
        return self.page.evaluate(f"() => {cells}.length")

    def theme(self, dark: bool) -> None:
        """Switch JupyterLab's theme, as its menu does."""
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.command("apputils:change-theme", theme=name)
        light = "false" if dark else "true"
        body = f'body[data-jp-theme-light="{light}"]'
        self.page.wait_for_selector(body, state="attached")  # it has no height


@contextlib.contextmanager
def server(folder: Path) -> Iterator[tuple[str, str]]:
    """A JupyterLab on `folder`: its address, without a slash at the end, and token."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={token}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    with environment.isolated(), tempfile.TemporaryFile("w+") as log:
        settings = Path(os.environ["JUPYTERLAB_SETTINGS_DIR"])
        file = settings / "@jupyterlab/apputils-extension"
        file.mkdir(parents=True)
        (file / "notification.jupyterlab-settings").write_text(json.dumps(QUIET))
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            for _ in range(600):
                log.seek(0)
                printed = log.read()
                if re.search(rf"127\.0\.0\.1:{port}/lab", printed):
                    break
                assert process.poll() is None, printed
                time.sleep(0.1)
            else:
                raise AssertionError(f"JupyterLab did not start:\n{printed}")
            yield f"http://127.0.0.1:{port}", token
        finally:
            process.terminate()
            process.wait(30)


@contextlib.contextmanager
def notebook(folder: Path, name: str, browser: Any, **page: Any) -> Iterator[Notebook]:
    """`folder/name` open in JupyterLab in `browser` (the fixture), kernel ready.

    `page` goes to `browser.new_page`, such as `viewport`.
    """
    with server(Path(folder).resolve()) as (address, token):
        with tab(address, token, name, browser, **page) as opened:
            yield opened


@contextlib.contextmanager
def tab(
    address: str, token: str, name: str, browser: Any, **page: Any
) -> Iterator[Notebook]:
    """As `notebook`, at a server that runs already."""
    viewport = {"width": 1200, "height": 1000}
    made = browser.new_page(**{"viewport": viewport, **page})
    opened = Notebook(made, address)
    made.on("request", lambda request: opened.requests.append(request.url))
    made.on("websocket", lambda socket: _listen(opened, socket))
    made.on("pageerror", lambda error: opened.errors.append(str(error)))
    made.on("console", lambda said: _note(opened, said))
    try:
        made.goto(f"{address}/lab/tree/{name}?token={token}&reset")
        made.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=PATIENCE)
        made.wait_for_function(
            """() => {
                const panel = window.jupyterapp?.shell.currentWidget;
                const kernel = panel?.sessionContext?.session?.kernel;
                return kernel?.status === "idle";
            }""",
            timeout=PATIENCE,
        )
        yield opened
    finally:
        made.close()


def axe(page: Any, selector: str = "body") -> list[dict[str, Any]]:
    """What axe-core finds wrong in the parts of the page that `selector` names.

    Each violation: its id, its impact, what would mend it, and the HTML of its nodes.
    """
    found = Axe().run(page, context=selector).response["violations"]
    return [
        {
            **{key: violation[key] for key in ("id", "impact", "help")},
            "nodes": [node["html"] for node in violation["nodes"]],
        }
        for violation in found
    ]


def _listen(opened: Notebook, socket: Any) -> None:
    def count(payload: str | bytes) -> None:
        opened.bytes += len(payload)

    opened.requests.append(socket.url)
    socket.on("framesent", count)
    socket.on("framereceived", count)


def _note(opened: Notebook, said: Any) -> None:
    if said.type == "error":
        opened.errors.append(said.text)

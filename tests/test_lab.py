"""`spikedu lab` for real, in a real browser."""

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spikedu import environment

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.browser


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address, with its token, that a running `spikedu lab` has printed."""
    log = tmp_path_factory.mktemp("lab") / "log"
    command = [sys.executable, "-m", "spikedu", "lab", "--no-browser"]
    command += ["--port", str(free_port())]
    with environment.isolated(), log.open("w") as stream:
        server = subprocess.Popen(command, cwd=ROOT, stdout=stream, stderr=stream)
        try:
            for _ in range(600):
                printed = log.read_text()
                found = re.search(r"http://127\.0\.0\.1:\d+/lab\S*token=\w+", printed)
                if found or server.poll() is not None:
                    break
                time.sleep(0.1)
            assert found, printed
            yield found.group()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


def test_lab_shows_the_first_notebook_and_no_popup(address, browser):
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_selector(".jp-NotebookPanel .jp-MarkdownOutput h1", timeout=90_000)
    tab = page.locator(".lm-TabBar-tab.jp-mod-current .lm-TabBar-tabLabel").first
    assert tab.inner_text() == "00_start_here.ipynb"
    page.wait_for_timeout(4_000)  # the popup takes about two seconds to appear
    assert page.locator(".Toastify__toast").count() == 0
    assert page.locator(".jp-Dialog").count() == 0
    here = address.split("/lab")[0]
    assert [u for u in asked if not u.startswith((here, "data:", "blob:"))] == []
    assert not [u for u in asked if "/api/news" in u]
    page.close()


def test_lab_refuses_who_has_no_token(address, browser):
    page = browser.new_context().new_page()
    page.goto(address.split("?")[0])
    assert "/login" in page.url
    page.close()

"""Shared by all tests. Nothing of spikedu is imported at the top: jaxtyping's hook,
which checks the shapes in every annotation, has to come first."""

import os

import pytest

# Two xdist workers with a thread pool each would fight over the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="session")
def browser():
    """A Chromium driven by playwright; skipped where there is none."""
    from spikedu.environment import chromium

    path = chromium()
    if path is None:
        pytest.skip("no Chromium, Chrome or Edge was found")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def our_own_messages():
    """Switches jaxtyping's hook off: it would refuse bad input before we do."""
    import jaxtyping

    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)

"""The pages of docs/: their code runs, and prints about what the page says."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from spikedu.figures.views import FiringRateView

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
LOOK = DOCS / "look_inside_your_network.md"


def blocks(page: Path) -> list[tuple[str, str]]:
    """(source, output as printed on the page) of each python block."""
    found = BLOCK.findall(page.read_text("utf-8"))
    after = [*found[1:], ("", "")]
    return [
        (source, then if kind == "text" else "")
        for (language, source), (kind, then) in zip(found, after, strict=True)
        if language == "python"
    ]


def numbers(printed: str) -> list[float]:
    return [float(n) for n in NUMBER.findall(printed)]


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """The page run once, in order, in one fresh namespace: it, and what was printed."""
    space, printed = {"__name__": "page"}, []
    monkeypatch.chdir(tmp_path)
    for source, _ in blocks(LOOK):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(source, str(LOOK), "exec"), space)
        printed.append(out.getvalue())
    return space, printed


def test_the_page_runs_and_says_what_is_so(ran):  # one test: the page runs once
    (space, printed), compared = ran, 0
    for (source, said), found in zip(blocks(LOOK), printed, strict=True):
        assert NUMBER.sub("#", found) == NUMBER.sub("#", said), source
        for a, b in zip(numbers(found), numbers(said), strict=True):
            # Shares and rates lie in 0 to 1; the rest are percents and counts.
            assert abs(a - b) <= (0.15 if max(a, b) <= 1 else 20), (source, found)
            compared += 1
    assert compared > 50

    fast, slow = (FiringRateView.of(space[n].spikes) for n in ("rec", "gentle"))
    winners = space["rec"].spikes["lif3"].sum(axis=0).argmax(axis=1)
    assert (winners == space["labels"][1437:].numpy()).mean() > 0.88
    assert fast.neurons.tolist() == [192, 128, 10]
    assert 0.05 < fast.rate.min() and fast.rate.max() < 0.5
    assert fast.dead[1] > 0.15 and slow.dead[1] < 0.12
    assert (fast.saturated == 0).all()
    assert slow.rate[1] > 1.5 * fast.rate[1]
    assert space["dead"].sum(axis=(1, 2)).max() > 8


def test_listings_are_short_enough_to_be_read():
    for source, _ in blocks(LOOK):
        assert len(source.splitlines()) <= 25
        assert max(map(len, source.splitlines())) <= 88

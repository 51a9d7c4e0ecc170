"""The few ways in which figures put numbers and lists into words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Real

ALT_MOST = 300  # characters; screen readers stop being followed beyond that


def plural(n: int, noun: str) -> str:
    """ "1 spike", "3 spikes"."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def listed(items: Iterable[object], most: int | None = None) -> str:
    """ "3, 8, 12", and where there are more than `most`: "3, 8 and 5 more"."""
    words = [str(item) for item in items]
    if most is None or len(words) <= most:
        return ", ".join(words)
    return ", ".join(words[:most]) + f" and {len(words) - most} more"


def clip(sentences: Sequence[str]) -> str:
    """As many whole sentences as fit into an alt text, at least the first."""
    text = sentences[0]
    for sentence in sentences[1:]:
        if len(text) + 1 + len(sentence) > ALT_MOST:
            break
        text += " " + sentence
    return text if len(text) <= ALT_MOST else text[: ALT_MOST - 3].rstrip() + "..."


def number(x: Real) -> str:
    """Two decimals, or three digits where two decimals would show nothing."""
    return f"{x:.2f}" if x == 0 or 0.01 <= abs(x) < 1e4 else f"{x:.3g}"


def short(name: str, most: int = 32) -> str:
    """A name that fits on an axis: its end, where layers differ."""
    return name if len(name) <= most else "..." + name[3 - most :].lstrip(".")


def ordinal(n: int) -> str:
    """ "2nd", "3rd", "11th", "22nd"."""
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{n}{'th' if 10 <= n % 100 <= 20 else ends.get(n % 10, 'th')}"


def percent(share: Real) -> str:
    """ "12 %"; never "0 %" of something nor "100 %" of nearly all."""
    if 0 < share < 0.01:
        return "under 1 %"
    if 0.99 < share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + "."

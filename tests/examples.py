"""One widget of each kind, as a lesson makes it: every general test runs over all.

A maker takes no argument. The networks in them are small, untrained and seeded.
"""

from __future__ import annotations

from collections.abc import Callable

from spikedu import widgets
from spikedu.widgets.base import Explorer

MAKERS: dict[str, Callable[[], Explorer]] = {
    "lif_explorer": widgets.lif_explorer,
}

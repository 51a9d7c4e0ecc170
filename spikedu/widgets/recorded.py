"""What widgets over a recording share: their lists hold what was recorded."""

from __future__ import annotations

from typing import Any

from spikedu.widgets.base import Explorer
from spikedu.widgets.controls import Choice


class Recorded(Explorer):
    """An explorer of one recording: a list starts at its first name."""

    def defaults(self) -> dict[str, Any]:
        """The scene's own, and the first of what was recorded for None."""
        return {
            name: self._by_name[name].options[0]
            if value is None and isinstance(self._by_name[name], Choice)
            else value
            for name, value in super().defaults().items()
        }

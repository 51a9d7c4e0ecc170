"""Widgets: sliders over a scene, live in JupyterLab and in a page without a kernel."""

from spikedu.widgets.attention import RecordedSlotMachine, SlotMachine, slot_machine
from spikedu.widgets.base import link
from spikedu.widgets.encoding import CoderBench, coder_bench
from spikedu.widgets.lif import LifExplorer, lif_explorer
from spikedu.widgets.patches import FilmStrip, film_strip

__all__ = [
    "CoderBench",
    "FilmStrip",
    "LifExplorer",
    "RecordedSlotMachine",
    "SlotMachine",
    "coder_bench",
    "film_strip",
    "lif_explorer",
    "link",
    "slot_machine",
]

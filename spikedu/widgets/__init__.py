"""Widgets: sliders over a scene, live in JupyterLab and in a page without a kernel."""

from spikedu.widgets.attention import RecordedSlotMachine, SlotMachine, slot_machine
from spikedu.widgets.base import link
from spikedu.widgets.encoding import CoderBench, coder_bench
from spikedu.widgets.faces import FourFaces, four_faces
from spikedu.widgets.lif import LifExplorer, lif_explorer
from spikedu.widgets.patches import FilmStrip, film_strip
from spikedu.widgets.secret import SecretNeuron, secret_neuron
from spikedu.widgets.switchboard import Switchboard, switchboard

__all__ = [
    "CoderBench",
    "FilmStrip",
    "FourFaces",
    "LifExplorer",
    "RecordedSlotMachine",
    "SecretNeuron",
    "SlotMachine",
    "Switchboard",
    "coder_bench",
    "film_strip",
    "four_faces",
    "lif_explorer",
    "link",
    "secret_neuron",
    "slot_machine",
    "switchboard",
]

"""Widgets: sliders over a scene, live in JupyterLab and in a page without a kernel."""

from spikedu.widgets.attention import RecordedSlotMachine, SlotMachine, slot_machine
from spikedu.widgets.base import link
from spikedu.widgets.encoding import CoderBench, coder_bench
from spikedu.widgets.faces import FourFaces, four_faces
from spikedu.widgets.lif import LifExplorer, lif_explorer
from spikedu.widgets.live import Live, training_replay
from spikedu.widgets.microscope import SpikeMicroscope, spike_microscope
from spikedu.widgets.patches import FilmStrip, film_strip
from spikedu.widgets.recording import Look, look
from spikedu.widgets.secret import SecretNeuron, secret_neuron
from spikedu.widgets.surrogate import SurrogateShaper, surrogate_shaper
from spikedu.widgets.switchboard import Switchboard, switchboard
from spikedu.widgets.training import (
    HealthMeter,
    Stopped,
    TrainingProbe,
    health_meter,
    training_probe,
)

__all__ = [
    "CoderBench",
    "FilmStrip",
    "FourFaces",
    "HealthMeter",
    "LifExplorer",
    "Live",
    "Look",
    "RecordedSlotMachine",
    "SecretNeuron",
    "SlotMachine",
    "SpikeMicroscope",
    "Stopped",
    "SurrogateShaper",
    "Switchboard",
    "TrainingProbe",
    "coder_bench",
    "film_strip",
    "four_faces",
    "health_meter",
    "lif_explorer",
    "link",
    "look",
    "secret_neuron",
    "slot_machine",
    "spike_microscope",
    "surrogate_shaper",
    "switchboard",
    "training_probe",
    "training_replay",
]

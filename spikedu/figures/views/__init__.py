"""What a figure shows, before it is ink: frozen dataclasses of numpy arrays.

All arithmetic lives here: which spikes, in which order, what rate, which rows of a
large layer. Both renderers only choose marks. Each view says itself in words: `title`,
`alt` (40 to 300 characters, for an image) and `text` (all of it, for a reader).
"""

from spikedu.figures.views.activity import MembraneView, RasterView
from spikedu.figures.views.charts import BarsView, CurveView
from spikedu.figures.views.circuit import CircuitView
from spikedu.figures.views.difference import DifferenceView
from spikedu.figures.views.maps import HeatView
from spikedu.figures.views.screen import Screen, TermsView
from spikedu.figures.views.training import FiringRateView, LearningCurveView

__all__ = [
    "BarsView",
    "CircuitView",
    "CurveView",
    "DifferenceView",
    "FiringRateView",
    "HeatView",
    "LearningCurveView",
    "MembraneView",
    "RasterView",
    "Screen",
    "TermsView",
]

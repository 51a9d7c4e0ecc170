"""What a figure shows, before it is ink: frozen dataclasses of numpy arrays.

All arithmetic lives here: which spikes, in which order, what rate, which rows of a
large layer. Both renderers only choose marks. Each view says itself in words: `title`,
`alt` (40 to 300 characters, for an image) and `text` (all of it, for a reader).
"""

from spikedu.figures.views.activity import DifferenceView, MembraneView, RasterView
from spikedu.figures.views.fields import BarsView, CurveView, HeatView
from spikedu.figures.views.screen import Screen, TermsView
from spikedu.figures.views.training import FiringRateView, LearningCurveView

__all__ = [
    "BarsView",
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

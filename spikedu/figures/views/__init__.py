"""What a figure shows, before it is ink: frozen dataclasses of numpy arrays.

All arithmetic lives here: which spikes, in which order, what rate, which rows of a
large layer. Both renderers only choose marks. Each view says itself in words: `title`,
`alt` (40 to 300 characters, for an image) and `text` (all of it, for a reader).
"""

from spikedu.figures.views.activity import MembraneView, RasterView
from spikedu.figures.views.training import FiringRateView, LearningCurveView

__all__ = ["FiringRateView", "LearningCurveView", "MembraneView", "RasterView"]

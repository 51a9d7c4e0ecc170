"""Views to matplotlib: for print, posters, and cells that show their own code.

Each function draws into `axes` and returns them, or makes a `Picture`, which a notebook
shows with its alt text. Nothing global is set and pyplot is not used.
"""

from spikedu.figures.static.activity import difference, membrane, raster
from spikedu.figures.static.base import Picture, show
from spikedu.figures.static.circuit import circuit
from spikedu.figures.static.fields import bars, curve, heat, terms
from spikedu.figures.static.screen import screen
from spikedu.figures.static.training import firing_rates, learning_curve

__all__ = [
    "Picture",
    "bars",
    "circuit",
    "curve",
    "difference",
    "firing_rates",
    "heat",
    "learning_curve",
    "membrane",
    "raster",
    "screen",
    "show",
    "terms",
]

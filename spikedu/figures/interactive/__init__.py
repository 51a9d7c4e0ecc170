"""Views to plotly: for figures to hover over, zoom into and compare.

The functions are those of `static`, and draw the same points. A plotly figure has no
place for an alt text, so it stands below the figure as its caption.
"""

from spikedu.figures.interactive.activity import difference, membrane, raster
from spikedu.figures.interactive.fields import bars, curve, heat, terms
from spikedu.figures.interactive.training import firing_rates, learning_curve

__all__ = [
    "bars",
    "curve",
    "difference",
    "firing_rates",
    "heat",
    "learning_curve",
    "membrane",
    "raster",
    "terms",
]

"""Widgets: sliders over a scene, live in JupyterLab and in a page without a kernel."""

from spikedu.widgets.base import link
from spikedu.widgets.lif import LifExplorer, lif_explorer

__all__ = ["LifExplorer", "lif_explorer", "link"]

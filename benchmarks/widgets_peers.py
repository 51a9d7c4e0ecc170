"""The demo of `widgets.py` as courses write it: for each of two ways the label of the
slider that is moved, a cell of imports and definitions, and the cell that shows it."""

SIMULATE = """
import numpy as np

NOISE = 0.15 * np.random.default_rng(1).standard_normal((200, 100))

def simulate(beta, threshold, current):
    i = current + NOISE
    u, s = np.zeros(100), np.zeros(100)
    membrane, spikes = [], []
    for x in i:
        u = beta * u + x - s * threshold
        s = (u > threshold).astype(float)
        membrane.append(u)
        spikes.append(s)
    return i, np.array(membrane), np.array(spikes)
"""

INTERACT = (
    "current",
    SIMULATE
    + """
import matplotlib.pyplot as plt
from ipywidgets import interact

def show(beta=0.8, threshold=1.0, current=0.3):
    i, u, s = simulate(beta, threshold, current)
    fig, (a, b, c) = plt.subplots(
        3, 1, figsize=(8, 5), sharex=True, height_ratios=[1, 2, 2])
    a.plot(i[:, 0], color="C2")
    a.set(ylabel="current", title="input current of neuron 0")
    b.plot(u[:, 0], label="membrane")
    b.axhline(threshold, color="C1", ls="--", label="threshold")
    t = np.flatnonzero(s[:, 0])
    b.plot(t, u[t, 0], "k^", label="spike")
    b.set(ylabel="membrane", title="membrane potential of neuron 0")
    b.legend(loc="upper right")
    t, n = np.nonzero(s)
    c.scatter(t, n, s=2, color="k")
    c.set(ylabel="neuron", xlabel="time (steps)", title="100 neurons")
    fig.tight_layout()
    plt.show()
""",
    """interact(show, beta=(0.0, 1.0, 0.01), threshold=(0.1, 2.0, 0.01),
         current=(-0.5, 1.5, 0.01));""",
)

PLOTLY = (
    "current",
    SIMULATE
    + """
import plotly.graph_objects as go
from ipywidgets import FloatSlider, VBox
from plotly.subplots import make_subplots

def explorer():
    beta = FloatSlider(0.8, min=0, max=1, step=0.01, description="beta")
    threshold = FloatSlider(1, min=0.1, max=2, step=0.01, description="threshold")
    current = FloatSlider(0.3, min=-0.5, max=1.5, step=0.01, description="current")
    made = make_subplots(3, 1, shared_xaxes=True, row_heights=[1, 2, 2],
                         vertical_spacing=0.05)
    for row, name, mode in [(1, "input", "lines"), (2, "membrane", "lines"),
                            (2, "threshold", "lines"), (2, "spike", "markers"),
                            (3, "raster", "markers")]:
        made.add_trace(go.Scatter(name=name, mode=mode), row=row, col=1)
    made.update_traces(selector={"name": "spike"},
                       marker={"symbol": "triangle-up", "size": 8})
    made.update_traces(selector={"name": "raster"}, marker={"size": 2})
    made.update_layout(width=800, height=500)
    fig = go.FigureWidget(made)

    def update(_=None):
        i, u, s = simulate(beta.value, threshold.value, current.value)
        a, b, c, d, e = fig.data
        with fig.batch_update():
            a.y, b.y, c.y = i[:, 0], u[:, 0], np.full(200, threshold.value)
            t = np.flatnonzero(s[:, 0])
            d.x, d.y = t, u[t, 0]
            e.x, e.y = np.nonzero(s)
            fig.layout.title.text = f"current {current.value:.2f}"

    for slider in (beta, threshold, current):
        slider.observe(update, "value")
    update()
    return VBox([beta, threshold, current, fig])
""",
    "explorer()",
)

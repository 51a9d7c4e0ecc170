"""What all plotly renderers share: captions, themes, dashes."""

from __future__ import annotations

import textwrap

import plotly.graph_objects as go

from spikedu.figures import style

TIME = "time (steps)"
CAPTION_WIDTH = 95  # characters that fit under a figure as wide as a notebook cell


def dash(k: int) -> str:
    """Of the k-th trace of one meaning."""
    return style.PATTERNS[k % len(style.PATTERNS)][1]


def finish(figure, view, height: int, theme: style.Theme, legend=True) -> go.Figure:
    """Title, colours, and the alt text below as a caption, also in `layout.meta`."""
    style.colour("spike", theme)  # refuses an unknown theme
    lines = textwrap.wrap(view.alt, CAPTION_WIDTH)
    # A table has no entry in a legend.
    entries = sum(trace.showlegend is not False for trace in figure.data if legend)
    # Pixels from the axis to the caption; a row of the legend holds about three.
    below = 62 + 22 * (1 + entries // 4) * legend
    bottom = below + 17 * len(lines) + 6
    figure.add_annotation(
        text="<br>".join(lines),
        x=0,
        y=0,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="top",
        yshift=-below,
        align="left",
        showarrow=False,
        name="alt text",
    )
    figure.update_layout(
        title={"text": view.title, "x": 0, "xref": "paper", "font_size": 15},
        height=height + 17 * len(lines),
        margin={"l": 70, "r": 20, "t": 46, "b": bottom},
        template="plotly_white" if theme == "light" else "plotly_dark",
        paper_bgcolor=style.PAPER[theme],
        plot_bgcolor=style.PAPER[theme],
        font={"color": style.TEXT[theme], "size": 13},
        showlegend=legend,
        legend={"orientation": "h", "y": 0, "yref": "paper", "yanchor": "top"},
        meta={"alt": view.alt},
    )
    # In pixels, as the caption is: under the axis title, above the caption.
    plot = max(height - 46 - below - 6, 1)
    figure.update_layout(legend_y=-46 / plot)
    figure.update_xaxes(zeroline=False)
    figure.update_yaxes(zeroline=False, automargin=True)
    return figure

"""What the surrogate shaper says, and the code that computes it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikedu.figures.words import number, plural

ATAN, SIGMOID, FAST, TRIANGULAR, STRAIGHT = SURROGATES = (
    "atan",
    "sigmoid",
    "fast sigmoid",
    "triangular (snnTorch's)",
    "straight through",
)
FLAT = (TRIANGULAR, STRAIGHT)  # without a slope
STEPS, THRESHOLD = 20, 1.0
ROUNDING = 1e-12  # so near to the threshold only rounding decides
UPDATES, RATE = 100, 0.01  # of the rescue: at most so many, at this learning rate


def sentence(
    surrogate: str,
    membrane: float,
    pretended: float,
    u: NDArray[np.float64],
    s: NDArray[np.float64],
    gradient: float,
    learned: NDArray[np.float64],
    rescued: int | None,
) -> str:
    """The slider's point; the neuron, its gradient and whether that helps."""
    spike = int(membrane > THRESHOLD)
    true = "it has no derivative" if membrane == THRESHOLD else "its derivative is 0"
    point = (
        f"At U = {membrane:.2f} the spike stays S = {spike}; {true}, and "
        f"{number(pretended)} is pretended{', whatever k' * (surrogate in FLAT)}."
    )
    size = number(gradient) + " (0 in float32)" * bool(np.float32(gradient) == 0)
    if s.any():
        often = plural(int(s.sum()), "time")
        near = int((s * (u - THRESHOLD <= ROUNDING)).sum())
        if near:
            often += f" ({near} by rounding: in exact arithmetic U does not pass 1)"
        does = f"The neuron fires {often}; the gradient of its rate is {size}."
    elif rescued is None:
        moved = number(learned[-1] - learned[0])
        does = (
            f"The neuron is silent, the gradient of its rate {size}: {UPDATES} updates "
            f"move i by {moved} and it stays silent."
        )
    else:
        does = (
            f"The neuron is silent, the gradient of its rate {size}: it fires after "
            f"{plural(rescued, 'update')}."
        )
    return f"{point} {does}"


def code_lines(surrogate: str, slope: float, current: float, beta: float) -> str:
    """Runs as it stands: `current.grad` is d rate / d i[t]."""
    k = repr(slope)
    formula = {
        ATAN: f"functional.atan(x, {k})",
        SIGMOID: f"functional.sigmoid(x, {k})",
        FAST: f"1 / (1 + {k} * x.abs()) ** 2",
        TRIANGULAR: "torch.where(x < 0, 1.0, -1.0).to(x.dtype)",
        STRAIGHT: "torch.ones_like(x)",
    }[surrogate]
    return f"""import torch
from spikedu import functional

def surrogate(x):
    return {formula}

def step(u, s, current, beta, threshold):
    return functional.lif_step(u, s, current, beta, threshold, surrogate)

current = torch.full(({STEPS},), {current!r}, dtype=torch.float64, requires_grad=True)
membrane, spikes = functional.lif(current, {beta!r}, {THRESHOLD!r}, step)
spikes.mean().backward()
gradient = current.grad.sum()"""

"""Fast versions behind the signatures of `functional`, with the same results.

The readable loop stays their oracle: whatever this folder does not cover goes there.
Three ways lead to the same spikes: `compiled` (C++, where the machine has a compiler),
`gpu` (Triton) and `eager` (PyTorch's own operations, everywhere).
"""

from __future__ import annotations

import torch
from torch import Tensor

from spikedu import arguments, functional
from spikedu.functional import Scalar, Step, lif_step, lif_step_hard
from spikedu.fused import compiled, eager, gpu


def lif(
    current: Tensor,
    beta: Scalar = 0.5,
    threshold: Scalar = 1.0,
    step: Step = lif_step,
    u: Tensor | None = None,
    s: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """`functional.lif`, faster: (membrane, spikes), both [T, ...], the same numbers.

    Does not look for NaN in `current` (that would read it once more) and cannot be
    differentiated twice; a learned constant or a given state takes the readable loop.
    Half-precision currents drive a float32 membrane, rounded where it is handed out.
    """
    if u is not None or s is not None:
        return functional.lif(current, beta, threshold, step, u, s)
    return _from_rest(current, beta, threshold, step, membrane=True)


def spikes(
    current: Tensor,
    beta: Scalar = 0.5,
    threshold: Scalar = 1.0,
    step: Step = lif_step,
) -> Tensor:
    """The spikes of `lif` alone, [T, ...]: the membrane is never written to memory."""
    return _from_rest(current, beta, threshold, step, membrane=False)[1]


def _from_rest(current, beta, threshold, step, membrane: bool):
    if torch.compiler.is_compiling():  # the compiler fuses the loop by itself
        rest = torch.zeros_like(current[0])
        return functional.unroll(current, beta, threshold, step, rest, rest)
    learned = isinstance(beta, Tensor) or isinstance(threshold, Tensor)
    if learned or step not in (lif_step, lif_step_hard):
        return functional.lif(current, beta, threshold, step)
    arguments.sequence("current", current, finite=False)
    arguments.neuron(beta, threshold, current[0])
    way = next(way for way in (gpu, compiled, eager) if way.takes(current))
    hard = step is lif_step_hard
    return way.lif(current, float(beta), float(threshold), hard, membrane)


def spiking_attention(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    """`functional.spiking_attention`, unchecked, in the order with fewer products."""
    (n, d), (m, d_v) = q.shape[-2:], v.shape[-2:]
    if n * m * (d + d_v) <= (n + m) * d * d_v:
        return (q @ k.mT) @ v * scale
    return q @ (k.mT @ v) * scale

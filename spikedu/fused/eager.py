"""The neurons as one node of the graph, in PyTorch's own operations."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class _LIF(torch.autograd.Function):
    """All T steps as one node of the graph, its backward derived by hand.

    With h the surrogate at U[t] - U_th, r = 1 - S[t] for the hard reset and 1 for the
    soft one, the gradient is g_U[t] = g_U[t] from outside + h g_S[t] + beta r g_U[t+1].
    """

    @staticmethod
    def forward(ctx, current: Tensor, beta: float, threshold: float, hard: bool):
        membrane, spikes = torch.empty_like(current), torch.empty_like(current)
        rest = torch.zeros_like(current[0])
        for t, i in enumerate(current):
            u, s = membrane[t], spikes[t]
            if hard:
                torch.sub(i, rest, out=u).mul_(1 - beta).add_(rest)
                torch.ge(u, threshold, out=s)
                torch.lt(u, threshold, out=rest).mul_(u)
            else:
                torch.mul(rest, beta, out=u).add_(i)
                if t:
                    u.sub_(spikes[t - 1], alpha=threshold)
                torch.gt(u, threshold, out=s)
                rest = u
        ctx.save_for_backward(membrane, spikes if hard else None)
        ctx.constants = beta, threshold, hard
        ctx.set_materialize_grads(False)
        return membrane, spikes

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, from_membrane: Tensor | None, from_spikes: Tensor | None):
        membrane, spikes = ctx.saved_tensors
        beta, threshold, hard = ctx.constants
        if from_spikes is None:
            from_spikes = torch.zeros_like(membrane)
        grad, scratch = torch.empty_like(membrane), torch.empty_like(membrane[0])
        for t in reversed(range(len(grad))):  # one step at a time stays in the cache
            torch.sub(membrane[t], threshold, out=scratch)
            _surrogate_times(from_spikes[t], scratch, hard, out=grad[t])
            if from_membrane is not None:
                grad[t].add_(from_membrane[t])
            if t + 1 < len(grad):
                grad[t].add_(grad[t + 1], alpha=beta)
                if hard:
                    grad[t].addcmul_(spikes[t], grad[t + 1], value=-beta)
        return grad.mul_(1 - beta) if hard else grad, None, None, None


def _surrogate_times(grad: Tensor, x: Tensor, hard: bool, out: Tensor) -> None:
    """grad times the default surrogate of `functional` at x; overwrites x."""
    if hard:
        x.mul_(4).sigmoid_()
        torch.ops.aten.sigmoid_backward.grad_input(grad, x, grad_input=out)
        out.mul_(4)
    else:
        torch.div(grad, x.mul_(math.pi).square_().add_(1), out=out)


def takes(current: Tensor) -> bool:
    """Everything."""
    return True


def lif(current: Tensor, beta: float, threshold: float, hard: bool, membrane: bool):
    """(membrane, spikes) as `functional.lif`, half precision in float32 within."""
    if current.dtype not in (torch.bfloat16, torch.float16):
        return _LIF.apply(current, beta, threshold, hard)
    found = _LIF.apply(current.float(), beta, threshold, hard)
    return tuple(x.to(current.dtype) for x in found)

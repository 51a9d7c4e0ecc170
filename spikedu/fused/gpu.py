"""The neurons as a pair of Triton kernels: each value is read and written once.

The membrane lives in float32 registers, whatever the precision of the current. The
backward pass computes it again from the current, so that nothing else has to be kept.
"""

from __future__ import annotations

from typing import no_type_check

import torch
from torch import Tensor

from spikedu.fused import layout

try:
    import triton
    import triton.language as tl
except ImportError:  # PyTorch brings it where it runs on a GPU
    triton = None

BLOCK = 1024  # neurons a program
KINDS = {"cuda"}
DTYPES = {torch.float32, torch.bfloat16, torch.float16}
# A product and a sum in one rounding would move a membrane across its threshold.
HOW = {"enable_fp_fusion": False}


def takes(current: Tensor) -> bool:
    """Whether this way can: on a GPU with Triton, single or half precision."""
    on_gpu = current.device.type in KINDS and current.dtype in DTYPES
    return on_gpu and triton is not None


def lif(current: Tensor, beta: float, threshold: float, hard: bool, membrane: bool):
    """(membrane or None, spikes) as `functional.lif`."""
    return layout.dense(_LIF.apply, current, beta, threshold, hard, membrane)


class _LIF(torch.autograd.Function):
    @staticmethod
    def forward(ctx, current: Tensor, beta, threshold, hard, wanted):
        spikes = current.new_empty(current.shape)
        membrane = torch.empty_like(spikes) if wanted else None
        arrays = current, spikes, spikes if membrane is None else membrane
        constants = beta, 1 - beta, threshold
        _launch(_forward, arrays, constants, HARD=hard, MEMBRANE=wanted)
        ctx.save_for_backward(current)
        ctx.constants, ctx.hard = constants, hard
        ctx.set_materialize_grads(False)
        return membrane, spikes

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, from_membrane: Tensor | None, from_spikes: Tensor | None):
        (current,) = ctx.saved_tensors
        grad = current.new_empty(current.shape)
        # The membrane of each step, until its gradient takes the place.
        single = grad.dtype == torch.float32
        trace = grad if single else torch.empty_like(grad, dtype=torch.float32)
        given = [
            None if g is None else g.contiguous() for g in (from_membrane, from_spikes)
        ]
        arrays = current, *(grad if g is None else g for g in given), trace, grad
        which = {"MEMBRANE": given[0] is not None, "SPIKES": given[1] is not None}
        _launch(_backward, arrays, ctx.constants, HARD=ctx.hard, **which)
        return grad, None, None, None, None


def _launch(kernel, arrays, constants, **flags) -> None:
    current = arrays[0]
    steps, count = len(current), current[0].numel()
    if not count:
        return
    stride = current.stride(0) if steps > 1 else count
    with torch.cuda.device_of(current):  # Triton launches on the current device
        kernel[(triton.cdiv(count, BLOCK),)](
            *arrays,
            count,
            stride,
            count * (steps - 1),
            steps,
            *constants,
            BLOCK=BLOCK,
            **flags,
            **HOW,
        )


if triton is not None:

    @no_type_check  # a hook around it would hide its source from Triton
    @triton.jit
    def _step(u, s, current, beta, gain, threshold, HARD: tl.constexpr):
        if HARD:
            u = u * (1.0 - s)
            u = (current - u) * gain + u
            s = tl.where(u >= threshold, 1.0, 0.0)
        else:
            u = (beta * u + current) - s * threshold
            s = tl.where(u > threshold, 1.0, 0.0)
        return u, s

    @no_type_check
    @triton.jit
    def _forward(
        current_at,
        spikes_at,
        membrane_at,
        count,
        stride,
        last,
        steps,
        beta,
        gain,
        threshold,
        HARD: tl.constexpr,
        MEMBRANE: tl.constexpr,
        BLOCK: tl.constexpr,
    ):
        at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
        there = at < count
        u = tl.zeros([BLOCK], tl.float32)
        s = tl.zeros([BLOCK], tl.float32)
        current_at += at
        spikes_at += at
        membrane_at += at
        for _ in range(steps):
            current = tl.load(current_at, there, 0.0).to(tl.float32)
            u, s = _step(u, s, current, beta, gain, threshold, HARD)
            tl.store(spikes_at, s.to(spikes_at.dtype.element_ty), there)
            if MEMBRANE:
                tl.store(membrane_at, u.to(membrane_at.dtype.element_ty), there)
            current_at += stride
            spikes_at += count
            membrane_at += count

    @no_type_check
    @triton.jit
    def _backward(
        current_at,
        from_membrane_at,
        from_spikes_at,
        trace_at,
        grad_at,
        count,
        stride,
        last,
        steps,
        beta,
        gain,
        threshold,
        HARD: tl.constexpr,
        MEMBRANE: tl.constexpr,
        SPIKES: tl.constexpr,
        BLOCK: tl.constexpr,
    ):
        at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
        there = at < count
        u = tl.zeros([BLOCK], tl.float32)
        s = tl.zeros([BLOCK], tl.float32)
        current_at += at
        trace_at += at
        for _ in range(steps):
            current = tl.load(current_at, there, 0.0).to(tl.float32)
            u, s = _step(u, s, current, beta, gain, threshold, HARD)
            tl.store(trace_at, u, there)
            current_at += stride
            trace_at += count
        g = tl.zeros([BLOCK], tl.float32)
        at += last
        from_membrane_at += at
        from_spikes_at += at
        grad_at += at
        for _ in range(steps):
            trace_at -= count
            u = tl.load(trace_at, there, 0.0)
            x = u - threshold
            if HARD:  # the reset itself carries no gradient
                g = tl.where(u >= threshold, 0.0, beta * g)
                e = tl.exp(-4.0 * tl.abs(x))
                slope = 4.0 * e / ((1.0 + e) * (1.0 + e))  # functional.sigmoid
            else:
                g = beta * g
                x = 3.141592653589793 * x
                slope = 1.0 / (1.0 + x * x)  # functional.atan
            if SPIKES:
                g += tl.load(from_spikes_at, there, 0.0).to(tl.float32) * slope
            if MEMBRANE:
                g += tl.load(from_membrane_at, there, 0.0).to(tl.float32)
            out = g * gain if HARD else g
            tl.store(grad_at, out.to(grad_at.dtype.element_ty), there)
            from_membrane_at -= count
            from_spikes_at -= count
            grad_at -= count

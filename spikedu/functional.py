"""The equations that have no parameters of their own, as pure functions.

Units, said once: membrane potential and current in units of the threshold's scale,
time in steps, spikes 0 or 1. Time is always the first axis. Nothing here keeps a state:
the same call gives the same answer. Equation numbers are those of Prieto Payo &
Gutiérrez García, "Friendly introduction to Spikformers" (2024).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from spikedu import arguments

Scalar = int | float | Tensor
Surrogate = Callable[[Tensor], Tensor]
Step = Callable[..., tuple[Tensor, Tensor]]


# ---------------------------------------------------------------- the spike
def atan(x: Tensor, alpha: float = 2.0) -> Tensor:
    """Surrogate derivative of snnTorch's `atan`: 1 / (1 + (pi x)^2) at alpha 2."""
    return alpha / 2 / (1 + (math.pi / 2 * alpha * x) ** 2)


def sigmoid(x: Tensor, slope: float = 4.0) -> Tensor:
    """Surrogate derivative of a sigmoid, k S(kx) S(-kx): no overflow at any x."""
    return slope * torch.sigmoid(slope * x) * torch.sigmoid(-slope * x)


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(x)
        ctx.surrogate = surrogate
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad: Tensor):
        (x,) = ctx.saved_tensors
        return grad * ctx.surrogate(x), None


def spike(
    x: Float[Tensor, "*shape"], surrogate: Surrogate = atan
) -> Float[Tensor, "*shape"]:
    """S = 1 where x > 0, else 0: the second half of Eq. (1), for x = U - U_th.

    Its true derivative is 0 almost everywhere. The backward pass uses `surrogate(x)`
    instead, a function that returns the pretended dS/dx. Raises on a NaN.
    """
    arguments.tensor("x", x)
    arguments.function("surrogate", surrogate)
    return _Spike.apply(x, surrogate)


# ---------------------------------------------------------------- the neuron
@arguments.checked(arguments.step)
def lif_step(
    u: Float[Tensor, "*shape"],
    s: Float[Tensor, "*shape"],
    current: Float[Tensor, "*shape"],
    beta: Scalar = 0.5,
    threshold: Scalar = 1.0,
    surrogate: Surrogate = atan,
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """One time step of Eq. (1): U' = b U + WX - S U_th, then S' = 1 where U' > U_th.

    `u`, `s` are membrane and spikes of the step before, `current` is W X of this one.
    The reset subtracts, acts one step late, and carries no gradient (as in snnTorch).
    """
    u = beta * u + current - s.detach() * threshold
    return u, _Spike.apply(u - threshold, surrogate)


@arguments.checked(arguments.step)
def lif_step_hard(
    u: Float[Tensor, "*shape"],
    s: Float[Tensor, "*shape"],
    current: Float[Tensor, "*shape"],
    beta: Scalar = 0.5,
    threshold: Scalar = 1.0,
    surrogate: Surrogate = sigmoid,
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """One step of the neuron of the released Spikformer; beta = 1 - 1/tau, tau = 2.

    Where it spiked it restarts from 0, the input counts (1 - beta) times, and it fires
    on U >= U_th. `u` is the potential before the reset: a trace shows the crossing.
    """
    u = u * (1 - s.detach())
    u = u + (current - u) * (1 - beta)
    # Fires on >=: silent only where the threshold is strictly above the membrane.
    return u, 1 - _Spike.apply(threshold - u, surrogate)


def lif(
    current: Float[Tensor, "T *shape"],
    beta: Scalar = 0.5,
    threshold: Scalar = 1.0,
    step: Step = lif_step,
    u: Float[Tensor, "*shape"] | None = None,
    s: Float[Tensor, "*shape"] | None = None,
) -> tuple[Float[Tensor, "T *shape"], Float[Tensor, "T *shape"]]:
    """Eq. (1) over T steps, `step` after `step`: (membrane, spikes), both [T, ...].

    Starts from rest, U = S = 0, unless `u` and `s` of an earlier call are given.
    `step(u, s, current, beta, threshold) -> (u, s)` is any rule of this form.
    """
    arguments.sequence("current", current)
    u = torch.zeros_like(current[0]) if u is None else u
    s = torch.zeros_like(current[0]) if s is None else s
    arguments.step(u, s, current[0], beta, threshold, step=step)
    return unroll(current, beta, threshold, step, u, s)


def unroll(current, beta, threshold, step, u, s) -> tuple[Tensor, Tensor]:
    """The loop inside `lif`, without its checks: what `torch.compile` can fuse."""
    if step in (lif_step, lif_step_hard):  # checked by `lif`, once for all T steps
        step = step.__wrapped__
    trace = []
    for i in current:
        u, s = step(u, s, i, beta, threshold)
        trace.append((u, s))
    membrane, spikes = zip(*trace, strict=True)
    return torch.stack(membrane), torch.stack(spikes)


# ---------------------------------------------------------------- attention
def attention_weights(
    q: Float[Tensor, "*batch Nq d"], k: Float[Tensor, "*batch Nk d"]
) -> Float[Tensor, "*batch Nq Nk"]:
    """Eq. (2) as printed, softmax(Q K^T / sqrt(d_k)): each row sums to 1, no V yet."""
    arguments.attention(q=q, k=k)
    return torch.softmax(q @ k.mT / math.sqrt(k.shape[-1]), dim=-1)


def attention(
    q: Float[Tensor, "*batch Nq d"],
    k: Float[Tensor, "*batch Nk d"],
    v: Float[Tensor, "*batch Nk dv"],
) -> Float[Tensor, "*batch Nq dv"]:
    """Eq. (3): the weights of Eq. (2) times V; every output row averages rows of V."""
    arguments.attention(q=q, k=k, v=v)
    return attention_weights(q, k) @ v


def multi_head(
    q: Float[Tensor, "*batch Nq D"],
    k: Float[Tensor, "*batch Nk D"],
    v: Float[Tensor, "*batch Nk Dv"],
    w_q: Float[Tensor, "h D d"],
    w_k: Float[Tensor, "h D d"],
    w_v: Float[Tensor, "h Dv dv"],
    w_o: Float[Tensor, "h*dv Dout"],
) -> Float[Tensor, "*batch Nq Dout"]:
    """Eq. (4): head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V); heads side by side, W^O.

    Print lacks V in the third argument, the concatenation and W^O (erratum E7).
    """
    arguments.attention(q=q, k=k, v=v)
    arguments.projections(q, k, v, w_q, w_k, w_v, w_o)
    q, k, v = (x.unsqueeze(-3) @ w for x, w in ((q, w_q), (k, w_k), (v, w_v)))
    heads = attention(q, k, v)  # [..., h, N_q, d_v]
    return heads.transpose(-3, -2).flatten(-2) @ w_o


def spiking_attention(
    q: Float[Tensor, "*batch Nq d"],
    k: Float[Tensor, "*batch Nk d"],
    v: Float[Tensor, "*batch Nk dv"],
    scale: float = 0.125,
    order: Literal["qk", "kv"] = "qk",
) -> Float[Tensor, "*batch Nq dv"]:
    """The product inside Eq. (15), Q K^T V s: the current of the neuron around it.

    No softmax: spikes are never negative. `order` computes (Q K^T) V or Q (K^T V). On
    spikes both give the same integers; the second is cheaper where N > d.
    """
    arguments.choice("order", order, ("qk", "kv"))
    arguments.number("scale", scale, 0, above=True)
    arguments.attention(q=q, k=k, v=v)
    return ((q @ k.mT) @ v if order == "qk" else q @ (k.mT @ v)) * scale

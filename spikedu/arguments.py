"""Checks on arguments. Every message names the argument, its value, and what is right.

A checker returns nothing and raises `TypeError` (wrong kind) or `ValueError` (wrong
value), so that a function reads: check first, then the equation.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor


def _fail(kind: type[Exception], name: str, value: Any, right: str) -> None:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    raise kind(f"{name} = {shown}: must be {right}")


def number(
    name: str, value: Any, low: Real, high: Real = math.inf, *, above: bool = False
) -> None:
    """A finite real in [low, high], or in (low, high] when `above`."""
    right = f"a number {'above' if above else 'from'} {low:g}" + (
        "" if high == math.inf else f" up to {high:g}"
    )
    if isinstance(value, bool) or not isinstance(value, Real):
        _fail(TypeError, name, value, right)
    value = float(value)
    inside = (low < value if above else low <= value) and value <= high
    if not (math.isfinite(value) and inside):
        _fail(ValueError, name, value, right)


def count(name: str, value: Any, low: int = 1, high: Real = math.inf) -> None:
    """A whole number in [low, high]."""
    right = f"a whole number of at least {low}"
    if high != math.inf:
        right += f" and at most {high:g}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        _fail(TypeError, name, value, right)
    if not low <= value <= high:
        _fail(ValueError, name, value, right)


def choice(name: str, value: Any, options: tuple[Any, ...]) -> None:
    """One of `options`."""
    if not any(value is option or value == option for option in options):
        _fail(ValueError, name, value, "one of " + ", ".join(map(repr, options)))


def tensor(name: str, value: Any, axes: str | None = None) -> None:
    """A finite floating-point tensor; `axes` such as "T B N D" fixes their number."""
    if not isinstance(value, Tensor):
        _fail(TypeError, name, type(value).__name__, "a torch.Tensor")
    if not value.is_floating_point():
        right = f"a floating-point tensor: try {name}.float()"
        _fail(TypeError, f"{name}.dtype", value.dtype, right)
    if axes is not None and value.ndim != len(axes.split()):
        right = f"[{', '.join(axes.split())}], {len(axes.split())} axes"
        _fail(ValueError, f"{name}.shape", tuple(value.shape), right)
    if not torch.isfinite(value).all():
        bad = int((~torch.isfinite(value)).sum())
        _fail(ValueError, name, f"{bad} NaN or infinite entries", "finite everywhere")


def size(name: str, value: int, right: int, why: str) -> None:
    """An axis that must have exactly `right` entries, and why."""
    if value != right:
        _fail(ValueError, name, value, f"{right}: {why}")


def neuron(beta: Any, threshold: Any) -> None:
    """The two constants of a neuron: decay in [0, 1], threshold > 0.

    Either may be a tensor, because both can be learned.
    """
    if isinstance(beta, Tensor):
        tensor("beta", beta)
        for value in (beta.detach().min(), beta.detach().max()):
            number("beta", value.item(), 0, 1)
    else:
        number("beta", beta, 0, 1)
    if isinstance(threshold, Tensor):
        tensor("threshold", threshold)
        number("threshold", threshold.detach().min().item(), 0, above=True)
    else:
        number("threshold", threshold, 0, above=True)


def same_shape(**tensors: Tensor) -> None:
    """Tensors of one shape and dtype."""
    (first, reference), *others = tensors.items()
    for name, value in others:
        if value.shape != reference.shape:
            right = f"{tuple(reference.shape)}, the shape of {first}"
            _fail(ValueError, f"{name}.shape", tuple(value.shape), right)
        if value.dtype != reference.dtype:
            right = f"{reference.dtype}, the dtype of {first}"
            _fail(TypeError, f"{name}.dtype", value.dtype, right)


def step(u: Tensor, s: Tensor, current: Tensor, beta: Any, threshold: Any) -> None:
    """One step of a neuron: three finite tensors of one shape and dtype."""
    for name, value in (("current", current), ("u", u), ("s", s)):
        tensor(name, value)
    same_shape(current=current, u=u, s=s)
    neuron(beta, threshold)


def attention(**tensors: Tensor) -> None:
    """q [..., N_q, d], k [..., N_k, d] and, where given, v [..., N_k, d_v]."""
    for name, value in tensors.items():
        tensor(name, value)
        if value.ndim < 2 or 0 in value.shape[-2:]:
            right = "[..., N, d] with N and d of at least 1"
            _fail(ValueError, f"{name}.shape", tuple(value.shape), right)
        if value.dtype != tensors["q"].dtype:
            right = f"{tensors['q'].dtype}, the dtype of q"
            _fail(TypeError, f"{name}.dtype", value.dtype, right)
    q, k, v = tensors["q"], tensors["k"], tensors.get("v")
    size("k.shape[-1]", k.shape[-1], q.shape[-1], "the d of q")
    if v is not None:
        size("v.shape[-2]", v.shape[-2], k.shape[-2], "one row of v for each row of k")
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    if len({shape[:-2] for shape in shapes.values()}) > 1:
        _fail(ValueError, "shapes", shapes, "alike in the axes before the last two")


def projections(q, k, v, w_q, w_k, w_v, w_o) -> None:
    """Weights of Eq. (4): w_q, w_k [h, D, d], w_v [h, D_v, d_v], w_o [h d_v, D_out]."""
    heads = len(w_q) if isinstance(w_q, Tensor) and w_q.ndim else 0
    for name, weight, x in (("w_q", w_q, q), ("w_k", w_k, k), ("w_v", w_v, v)):
        tensor(name, weight, "h D d")
        size(f"{name}.shape[0]", weight.shape[0], heads, "the heads of w_q")
        size(f"{name}.shape[1]", weight.shape[1], x.shape[-1], f"the D of {name[-1]}")
    size("w_k.shape[2]", w_k.shape[2], w_q.shape[2], "the d of w_q")
    tensor("w_o", w_o, "h*d_v D_out")
    size("w_o.shape[0]", w_o.shape[0], heads * w_v.shape[2], "h times d_v")


def divides(name: str, value: int, divisor: int, why: str) -> None:
    """A multiple of `divisor`, and why."""
    if value % divisor:
        near = max(divisor, round(value / divisor) * divisor)
        _fail(ValueError, name, value, f"a multiple of {divisor}, say {near}: {why}")


def flags(name: str, value: Any, length: int) -> None:
    """A tuple of `length` booleans."""
    right = f"a tuple of {length} booleans"
    if not isinstance(value, tuple) or not all(isinstance(x, bool) for x in value):
        _fail(TypeError, name, value, right)
    if len(value) != length:
        _fail(ValueError, name, value, right)


def images(value: Any, channels: int) -> None:
    """Images [B, C, H, W] or frames [T, B, C, H, W], none of the axes empty."""
    tensor("images", value)
    shape = tuple(value.shape)
    if value.ndim not in (4, 5) or 0 in shape:
        _fail(ValueError, "images.shape", shape, "[B, C, H, W] or [T, B, C, H, W]")
    size("images.shape[-3]", shape[-3], channels, "the channels of the config")

"""Checks on arguments. Every message names the argument, its value, and what is right.

A checker returns nothing and raises `TypeError` (wrong kind) or `ValueError` (wrong
value), so that a function reads: check first, then the equation.
"""

from __future__ import annotations

import functools
import inspect
import math
import sys
from collections.abc import Callable
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
    inside = (low < value if above else low <= value) and value <= high
    if not (inside and value <= sys.float_info.max):
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
    """One of `options`, all of one type."""
    if not isinstance(value, type(options[0])) or value not in options:
        _fail(ValueError, name, value, "one of " + ", ".join(map(repr, options)))


def function(name: str, value: Any) -> None:
    """Something to call."""
    if not callable(value):
        _fail(TypeError, name, value, "a function")


def instance(name: str, value: Any, kind: type) -> None:
    """A value of one type."""
    if not isinstance(value, kind):
        _fail(TypeError, name, type(value).__name__, f"a {kind.__name__}")


def tensor(
    name: str, value: Any, axes: str | None = None, *, finite: bool = True
) -> None:
    """A floating-point tensor, `finite` throughout; `axes` ("T B N D") counts them."""
    if not isinstance(value, Tensor):
        _fail(TypeError, name, type(value).__name__, "a torch.Tensor")
    if not value.is_floating_point():
        right = f"a floating-point tensor: try {name}.float()"
        _fail(TypeError, f"{name}.dtype", value.dtype, right)
    if axes is not None and value.ndim != len(axes.split()):
        right = f"[{', '.join(axes.split())}], {len(axes.split())} axes"
        _fail(ValueError, f"{name}.shape", tuple(value.shape), right)
    # A look at the values would cut a compiled network in two, and end a CUDA graph.
    captured = value.is_cuda and torch.cuda.is_current_stream_capturing()
    traced = captured or torch.compiler.is_compiling()
    if finite and not traced and not torch.isfinite(value).all():
        bad = int((~torch.isfinite(value)).sum())
        _fail(ValueError, name, f"{bad} NaN or infinite entries", "finite everywhere")


def size(name: str, value: int, right: int, why: str) -> None:
    """An axis that must have exactly `right` entries, and why."""
    if value != right:
        _fail(ValueError, name, value, f"{right}: {why}")


def neuron(beta: Any, threshold: Any, current: Tensor) -> None:
    """The two constants of a neuron: decay in [0, 1], threshold > 0.

    Either may be a tensor, because both can be learned: one value for all neurons or
    one for each, so that it fits the `current` of one step.
    """
    for name, value, high, above in (
        ("beta", beta, 1, False),
        ("threshold", threshold, math.inf, True),
    ):
        extremes = [value]
        if isinstance(value, Tensor):
            _fits(name, value, current)
            ends = value.detach().aminmax() if value.numel() else ()
            extremes = [end.item() for end in ends]
        for extreme in extremes:
            number(name, extreme, 0, high, above=above)


def _fits(name: str, value: Tensor, current: Tensor) -> None:
    tensor(name, value)
    shape, right = tuple(value.shape), tuple(current.shape)
    pairs = zip(reversed(shape), reversed(right), strict=False)
    if len(shape) > len(right) or any(n not in (1, m) for n, m in pairs):
        _fail(ValueError, f"{name}.shape", shape, f"() or fit {right}, the neurons")
    if shape:
        same_dtype("current", current, name, value)


def sequence(name: str, value: Any, *, finite: bool = True) -> None:
    """A floating-point tensor of at least one time step."""
    tensor(name, value, finite=finite)
    if value.ndim == 0 or len(value) == 0:
        _fail(ValueError, f"{name}.shape", tuple(value.shape), "[T, ...] with T >= 1")


def same_shape(**tensors: Tensor) -> None:
    """Tensors of one shape and dtype."""
    (first, reference), *others = tensors.items()
    for name, value in others:
        if value.shape != reference.shape:
            right = f"{tuple(reference.shape)}, the shape of {first}"
            _fail(ValueError, f"{name}.shape", tuple(value.shape), right)
        same_dtype(first, reference, name, value)


def same_dtype(first: str, reference: Tensor, name: str, value: Tensor) -> None:
    """The dtype of `first`."""
    if value.dtype != reference.dtype:
        right = f"{reference.dtype}, the dtype of {first}"
        _fail(TypeError, f"{name}.dtype", value.dtype, right)


def step(u: Any, s: Any, current: Any, beta: Any, threshold: Any, **rule: Any) -> None:
    """One step of a neuron: three finite tensors of one shape and dtype, two constants.

    `rule` is the function, by its name, that the step is given to call.
    """
    for name, value in rule.items():
        function(name, value)
    for name, value in (("current", current), ("u", u), ("s", s)):
        tensor(name, value)
    same_shape(current=current, u=u, s=s)
    neuron(beta, threshold, current)


def attention(**tensors: Tensor) -> None:
    """q [..., N_q, d], k [..., N_k, d] and, where given, v [..., N_k, d_v]."""
    for name, value in tensors.items():
        tensor(name, value)
        if value.ndim < 2 or 0 in value.shape[-2:]:
            right = "[..., N, d] with N and d of at least 1"
            _fail(ValueError, f"{name}.shape", tuple(value.shape), right)
        same_dtype("q", tensors["q"], name, value)
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
        if 0 in weight.shape:
            _fail(
                ValueError, f"{name}.shape", tuple(weight.shape), "without empty axis"
            )
    size("w_k.shape[2]", w_k.shape[2], w_q.shape[2], "the d of w_q")
    tensor("w_o", w_o, "h*d_v D_out")
    size("w_o.shape[0]", w_o.shape[0], heads * w_v.shape[2], "h times d_v")
    for name, weight in (("w_q", w_q), ("w_k", w_k), ("w_v", w_v), ("w_o", w_o)):
        same_dtype("q", q, name, weight)


def divides(name: str, value: int, divisor: int, why: str) -> None:
    """A whole multiple of `divisor`, and why."""
    count(name, value)
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


def images(value: Any, channels: int, like: Tensor | None = None) -> None:
    """Images [B, C, H, W] or frames [T, B, C, H, W], none of the axes empty.

    With `like` a weight they meet, of its dtype; autocast sees to that itself.
    """
    tensor("images", value)
    shape = tuple(value.shape)
    if value.ndim not in (4, 5) or 0 in shape:
        _fail(ValueError, "images.shape", shape, "[B, C, H, W] or [T, B, C, H, W]")
    size("images.shape[-3]", shape[-3], channels, "the channels of the config")
    if like is not None and not torch.is_autocast_enabled(value.device.type):
        same_dtype("the model", like, "images", value)


def checked(check: Callable[..., None]) -> Callable[[Callable], Callable]:
    """Calls `check` with all arguments by name first, and leaves the source readable.

    The function without its check is `__wrapped__`.
    """

    def decorate(function: Callable) -> Callable:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args, **kwargs):
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            check(**bound.arguments)
            return function(*args, **kwargs)

        return call

    return decorate

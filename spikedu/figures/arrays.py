"""Checks on arrays and numbers that become figures, without torch.

`spikedu.arguments` does the same for tensors; figures, scenes and widgets must start
where torch is not even imported. Each message: the argument, its value, what is right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def fail(name: str, value: Any, right: str) -> None:
    """Raise the `ValueError` that all of these checks raise."""
    shown = value if isinstance(value, str) else repr(value)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    raise ValueError(f"{name} = {shown}: must be {right}")


def array(name: str, value: ArrayLike, axes: str) -> NDArray[np.float64]:
    """A finite array with something in it; `axes` such as "T N" fixes their number.

    Several allowed forms are separated by |, as in "T | T N". Always a copy.
    """
    right = _right(axes)
    try:
        result = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        fail(name, type(value).__name__, f"an array of numbers, {right}")
    result = _shaped(name, result, axes)
    if result.size == 0:
        fail(f"{name}.shape", result.shape, f"{right}, no axis empty")
    bad = ~np.isfinite(result)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        where = f"{int(bad.sum())} NaN or infinite entries, first at {list(first)}"
        fail(name, where, "finite everywhere")
    return result


def _right(axes: str) -> str:
    forms = (f"[{', '.join(form.split())}]" for form in axes.split("|"))
    return " or ".join(forms)


def _shaped(name: str, value: NDArray, axes: str) -> NDArray:
    forms = [form.split() for form in axes.split("|")]
    if not any(value.ndim == len(f) or "..." in f for f in forms):
        fail(f"{name}.shape", value.shape, _right(axes))
    return value


def spikes(name: str, value: ArrayLike, axes: str) -> NDArray[np.bool_]:
    """An array of nothing but 0 and 1."""
    if isinstance(value, np.ndarray) and value.dtype == bool and value.size:
        # A recording of a large layer: 10^7 entries become no float64 on the way.
        return _shaped(name, value, axes).copy()
    result = array(name, value, axes)
    other = (result != 0) & (result != 1)
    if other.any():
        first = tuple(int(i) for i in np.argwhere(other)[0])
        where = f"{result[first]:g} at {list(first)}"
        fail(name, where, "0 or 1 everywhere: spikes, not membrane or current")
    return result.astype(bool)


def number(
    name: str, value: Any, low: Real = -math.inf, high: Real = math.inf
) -> float:
    """A finite number in [low, high]."""
    right = "a finite number"
    if low > -math.inf:
        right = f"a number from {low:g}" + ("" if high == math.inf else f" to {high:g}")
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        fail(name, repr(value), right)
    if not (math.isfinite(value) and low <= value <= high):
        fail(name, repr(value), right)
    return float(value)


def count(name: str, value: Any, low: Real = 0, high: Real = math.inf) -> int:
    """A whole number in [low, high]."""
    right = f"a whole number from {low}" + ("" if high == math.inf else f" to {high:g}")
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        fail(name, repr(value), right)
    if not low <= value <= high:
        fail(name, repr(value), right)
    return int(value)


def choice(name: str, value: Any, options: tuple[str, ...]) -> str:
    """One of `options`."""
    if not isinstance(value, str) or value not in options:
        fail(name, repr(value), "one of " + ", ".join(map(repr, options)))
    return value


def named(
    name: str, given: Sequence[str] | None, size: int, what: str = ""
) -> tuple[str, ...]:
    """As many names as there are things; without any, "map 0", "map 1", ..."""
    found = tuple(f"{what} {k}" for k in range(size)) if given is None else tuple(given)
    if len(found) != size:
        fail(f"number of {name}", len(found), f"{size}, one for each")
    return found


def fixed(array: NDArray) -> NDArray:
    """The array itself, which nobody can write into any more."""
    array.flags.writeable = False
    return array

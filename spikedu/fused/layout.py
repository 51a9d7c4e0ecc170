"""How a current lies in memory, for kernels that walk it step by step."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def dense(apply: Callable, current: Tensor, *constants):
    """`apply(current, *constants)` with each step of the current in one piece.

    Where the axes lie in another order (channels last), it is applied in that order and
    the results are turned back: no copy. A step that is repeated (stride 0) is read
    again and again, not copied.
    """
    if current.is_contiguous():
        return apply(current, *constants)
    stride = current.stride()
    order = [0, *sorted(range(1, current.ndim), key=lambda axis: -stride[axis])]
    current, first = current.permute(order), current[0].numel()
    if not current[0].is_contiguous() or current.stride(0) not in (0, first):
        current = current.contiguous()
    back = sorted(range(len(order)), key=order.__getitem__)
    found = apply(current, *constants)
    return tuple(x if x is None else x.permute(back) for x in found)

"""Arrays as bytes, as small as they can be without loss in float32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST = 20_000  # entries: finding the values of more takes longer than sending them


def to_bytes(x: NDArray) -> tuple[str, bytes]:
    """(kind, data): bits, bytes, float32, or a table of few values and where each is.

    "few" is the length of the table, uint32, the table and an index for each entry.
    """
    if x.dtype == bool:
        return "bits", np.packbits(x, bitorder="little").tobytes()
    if x.size and x.min() >= 0 and x.max() < 256 and (x == np.floor(x)).all():
        return "u1", x.astype(np.uint8).tobytes()
    x = x.astype("<f4")  # whole numbers up to 2^24, exactly
    if 64 <= x.size <= MOST:
        table, index = np.unique(x, return_inverse=True)
        if len(table) <= min(256, x.size // 2):
            size = np.uint32(len(table)).astype("<u4").tobytes()
            return "few", size + table.tobytes() + index.astype(np.uint8).tobytes()
    return "f4", x.tobytes()


def from_bytes(body: memoryview, kind: str, shape: list[int], at: int) -> NDArray:
    """What `to_bytes` was given, in float32 at most."""
    count = int(np.prod(shape))
    if kind == "few":
        size = int(np.frombuffer(body, "<u4", 1, at)[0])
        table = np.frombuffer(body, "<f4", size, at + 4)
        index = np.frombuffer(body, np.uint8, count, at + 4 + 4 * size)
        return table[index].reshape(shape)
    size = -(-count // 8) if kind == "bits" else count
    types = {"bits": np.uint8, "u1": np.uint8, "f4": "<f4"}
    data = np.frombuffer(body, types[kind], size, at)
    if kind == "bits":
        data = np.unpackbits(data, count=count, bitorder="little").astype(bool)
    return data.reshape(shape)

"""Files of data sets: each is checked by its digest before anything is made of it."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class File:
    """One file: its name, its bytes and their digest, of what a .gz of it holds."""

    name: str
    size: int
    digest: str  # sha256 in hexadecimal; md5 where its makers published that alone


AGAIN = "delete it and get it anew, data.load(..., download=True) does"


def content(path: Path, file: File, packed: bool = False, cure: str = AGAIN) -> bytes:
    """The bytes of `file` in `path`, in a .gz where `packed`.

    Raises `ValueError`, with the `cure`, where the file is damaged or another.
    """
    try:
        with (gzip.open if packed else open)(path, "rb") as stream:
            content = stream.read(file.size + 1)  # no more, whatever a .gz would give
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        found = f"a broken .gz ({error})"
    else:
        method = "md5" if len(file.digest) == 32 else "sha256"
        if len(content) != file.size:
            more = "more than " if len(content) > file.size else ""
            found = f"{more}{min(len(content), file.size):,} bytes"
        elif (other := digest(content, method)) != file.digest:
            found = f"other bytes, of {method} {other[:12]}"
        else:
            return content
    raise ValueError(
        f"{path} is damaged or not what its name says: found {found}, expected"
        f" {file.size:,} bytes of {file.digest[:12]}; {cure}"
    )


def digest(content: bytes, method: str = "sha256") -> str:
    """In hexadecimal."""
    return hashlib.new(method, content, usedforsecurity=False).hexdigest()


def idx(content: bytes) -> np.ndarray:
    """An array of bytes in the format of MNIST: sizes big-endian, then the values."""
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def picture(content: bytes) -> np.ndarray:
    """The pixels of a PNG: [H, W] or [H, W, 3]."""
    with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
        return np.asarray(image)


def tiles(sheet: np.ndarray, side: int) -> np.ndarray:
    """The square images [n, side, side] of a sheet of them, row after row."""
    rows, columns = (length // side for length in sheet.shape)
    cut = sheet.reshape(rows, side, columns, side).transpose(0, 2, 1, 3)
    return cut.reshape(-1, side, side)

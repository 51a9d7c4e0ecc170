"""Files that are whole or not there: safetensors and json, no pickle.

A file is written under another name, flushed to the disk and then moved into place, so
whoever reads, or whatever dies, meets the old file or the new one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

FORMAT = "spikedu checkpoint 1"


def write(path: str | Path, tensors: Mapping[str, Tensor], about: Mapping) -> None:
    """Tensors by name and what is to be known about them, in one safetensors file."""
    header = {"format": FORMAT, "about": json.dumps(about)}
    whole = {name: x.detach().contiguous() for name, x in tensors.items()}
    _move_into_place(path, lambda part: save_file(whole, part, metadata=header))


def read(path: str | Path) -> tuple[dict[str, Tensor], Any]:
    """What `write` wrote. `ValueError` on a truncated or foreign file."""
    path = _path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path = {str(path)!r}: there is no such checkpoint")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"path = {str(path)!r}: truncated, or not a safetensors file ({error})"
        ) from None
    found = header.get("format")
    if found != FORMAT:
        raise ValueError(f"path = {str(path)!r}: marked {found!r}, must be {FORMAT!r}")
    return tensors, json.loads(header["about"])


def write_text(path: str | Path, text: str) -> None:
    """A text file, whole or not at all."""
    _move_into_place(path, lambda part: part.write_text(text, encoding="utf-8"))


def room(path: str | Path, size: int, needed: int) -> None:
    """Raises `OSError` in words where files beside `path` cannot be written.

    `needed` bytes must be free, and a file of `size` bytes is written there on trial.
    """
    folder = _path(path).parent
    trial = folder / f"{Path(path).name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise OSError(f"{free / 1e6:.1f} MB are free, {needed / 1e6:.1f} MB needed")
        with open(trial, "wb") as file:
            for start in range(0, size, 1 << 20):
                file.write(bytes(min(size - start, 1 << 20)))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OSError(f"{folder} cannot hold the files of a run: {error}") from None
    finally:
        with contextlib.suppress(OSError):
            trial.unlink()


def _path(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        kind = type(path).__name__
        raise TypeError(f"path = {kind}: must be the path of a checkpoint file")
    return Path(path)


def _move_into_place(path: str | Path, write: Callable[[Path], Any]) -> None:
    path = _path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")  # one name: the next write clears it
    try:
        write(part)
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)

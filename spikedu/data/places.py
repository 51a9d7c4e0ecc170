"""Finding the files of a big data set on this machine, or putting them there."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

from spikedu import environment
from spikedu.data import files
from spikedu.data.fetch import fetch
from spikedu.data.files import File
from spikedu.data.sources import SOURCES, Arrays, Form

DEBIAN = Path("/usr/share/datasets")  # of the package dataset-fashion-mnist


def read(name: str, split: str, download: bool, folder) -> Arrays:
    """Images [n, C, H, W] and labels [n] of one split, as bytes."""
    if folder is not None:
        if not isinstance(folder, str | os.PathLike):
            kind = type(folder).__name__
            raise TypeError(f"folder = {kind}: must be the path of a folder")
        folder = Path(folder).expanduser()
        if not (folder.is_dir() or download):
            raise FileNotFoundError(
                f"folder = {str(folder)!r}: there is no such folder"
            )
    found = _find(name, split, folder)
    if found is None:
        if not download:
            raise FileNotFoundError(_missing(name, split, folder))
        found = _download(name, split, folder)
    form, paths = found
    contents = (
        files.content(path, file, packed=path.name != file.name)
        for path, file in zip(paths, form.files[split], strict=True)
    )
    return form.read(contents, split)


def _roots(folder: Path | None) -> Iterator[tuple[Path, bool]]:
    """Folders to look in, in order, and whether files may lie in them just so.

    Only in one that was named: two data sets have files of the same names.
    """
    if folder is not None:
        yield folder, True
    if os.environ.get("SPIKEDU_DATA"):
        yield Path(os.environ["SPIKEDU_DATA"]).expanduser(), True
    yield Path("data"), False
    yield Path(os.path.expanduser("~")) / "data", False
    yield DEBIAN, False
    yield environment.cache(), False


def _find(name: str, split: str, folder: Path | None) -> tuple[Form, list[Path]] | None:
    """The first place that has all files of the split, with their paths."""
    for root, named in _roots(folder):
        for form in SOURCES[name].forms:
            for below in (*form.folders, "") if named else form.folders:
                paths = [_there(root / below, file) for file in form.files[split]]
                if None not in paths:
                    return form, paths
    return None


def _there(folder: Path, file: File) -> Path | None:
    for path in (folder / file.name, folder / f"{file.name}.gz"):
        if path.is_file():
            return path
    return None


def _missing(name: str, split: str, folder: Path | None) -> str:
    source = SOURCES[name]
    looked = ", ".join(str(root) for root, _ in _roots(folder))
    wanted = " or ".join(
        f"{form.folders[0]}/{form.files[split][0].name}".lstrip("/")
        for form in source.forms
    )
    return (
        f"{name} is not on this machine: there is no whole set of {wanted} and what"
        f" belongs to it in {looked}. data.load({name!r}, {split!r}, download=True)"
        f" downloads it, {source.size} MB at most; SPIKEDU_DATA or folder= can name the"
        " folder of a copy"
    )


def _download(name: str, split: str, folder: Path | None) -> tuple[Form, list[Path]]:
    source = SOURCES[name]
    form, paths = source.fetched, []
    for file in form.files[split]:
        name = f"{file.name}{source.suffix}"
        path = (folder or environment.cache()) / form.folders[-1] / name
        if not path.is_file():
            check = functools.partial(
                files.content, file=file, packed=bool(source.suffix)
            )
            fetch([address + name for address in source.addresses], path, check)
        paths.append(path)
    return form, paths

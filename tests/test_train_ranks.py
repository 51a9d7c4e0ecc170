"""Training by several processes: the same curve as by one, each image seen once."""

import json
import os
import socket
import subprocess
import sys

import pytest
import torch

from spikedu import data, train
from spikedu.spikformer import Spikformer, SpikformerConfig

pytestmark = pytest.mark.skipif(
    not (torch.distributed.is_available() and torch.distributed.is_gloo_available()),
    reason="this PyTorch was built without gloo",
)
TINY = SpikformerConfig(
    16, 1, 2, steps=3, channels=1, image_size=8, pools=(False, False, True, True)
)
SOLO = train.TrainConfig(
    epochs=3, batch_size=24, augment="shift", mixup=0.5, mixup_until=0.4, accumulate=2
)


def trained(config, folder, resume=False):
    """A training in float64; the history, weights and first images each step saw."""
    torch.manual_seed(0)
    network, seen = Spikformer(TINY).double(), []
    sets = [data.load("digits", split) for split in data.SPLITS]
    # 101 = 4 x 24 + 5: the last batch falls into unequal shares.
    sets = [data.Images(x.images[:101].double(), x.labels[:101]) for x in sets]

    def note(module, inputs):
        if module.training:
            seen.append(inputs[0].flatten(1).sum(1).tolist())

    network.register_forward_pre_hook(note)
    path = folder / "checkpoint.safetensors"
    more = {"checkpoint": path, "resume": resume, "progress": False}
    history = train.train(network, *sets, config, **more)
    return history, network.state_dict(), seen


PROCESS = """
import json, sys
from dataclasses import replace
from pathlib import Path

import torch

torch.set_num_threads(1)
from test_train_ranks import SOLO, trained
from spikedu.train import ranks

folder = Path(sys.argv[1])
with ranks.joined(torch.device("cpu")):
    assert ranks.count() == 2
    found = {}
    for sync in (True, False):
        config = replace(SOLO, sync_batchnorm=sync)
        history, weights, seen = trained(config, folder / f"sync-{sync}")
        total = sum(x.double().sum().item() for x in weights.values())
        found[str(sync)] = [vars(history), seen, total]
    again = trained(config, folder / "sync-False", resume=True)
    assert again[0] == history and not again[2]
    (folder / f"rank{ranks.rank()}.json").write_text(json.dumps(found))
"""


def environment(rank, port):
    """What torchrun would tell process `rank` of two."""
    folder = os.path.dirname(__file__)
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([folder, *filter(None, sys.path)]),
        "OMP_NUM_THREADS": "1",
        "WORLD_SIZE": "2",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def two(*command):
    """Both processes to their end: what each printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = [
        subprocess.Popen(
            [sys.executable, *command],
            env=environment(rank, port),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    said = [process.communicate(timeout=120) for process in running]
    for process, (_, errors) in zip(running, said, strict=True):
        assert process.returncode == 0, errors
    return said


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    two("-c", PROCESS, str(folder))
    return folder, [json.loads((folder / f"rank{n}.json").read_text()) for n in (0, 1)]


@pytest.fixture(scope="module")
def solo(tmp_path_factory):
    return trained(SOLO, tmp_path_factory.mktemp("solo"))


def test_with_synchronised_statistics_the_curve_is_that_of_one_process(found, solo):
    history, weights, _ = solo
    total = sum(x.double().sum().item() for x in weights.values())
    for rank in found[1]:
        curve, _, sum_of_weights = rank["True"]
        for name, values in vars(history).items():
            assert curve[name] == pytest.approx(values, rel=1e-6), name
        assert sum_of_weights == pytest.approx(total, rel=1e-6)


def test_without_them_it_is_another_but_the_same_in_both(found, solo):
    one, other = (rank["False"] for rank in found[1])
    assert one[0] == other[0] and one[2] == other[2]
    assert one[0]["train_loss"] != pytest.approx(solo[0].train_loss, rel=1e-4)


def test_each_process_sees_its_own_share_and_together_they_see_the_batch(found, solo):
    ours, theirs = (rank["True"][1] for rank in found[1])
    assert len(ours) == len(theirs) == len(solo[2]) == 3 * 5 * 2
    for step in range(15):
        parts = slice(2 * step, 2 * step + 2)
        first, second, whole = (
            [round(x, 9) for part in seen[parts] for x in part]
            for seen in (ours, theirs, solo[2])
        )
        assert first == whole[::2] and second == whole[1::2]


def test_only_the_first_process_writes(found):
    folder, _ = found
    files = sorted(x.name for x in (folder / "sync-True").iterdir())
    assert files == ["best.safetensors", "checkpoint.safetensors", "log.jsonl"]
    lines = (folder / "sync-True" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [0, 1, 2, 3]


def test_the_command_runs_under_torchrun(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = ["-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--master-addr", "127.0.0.1", "--master-port", port]
    command += ["-m", "spikedu.train", "--device", "cpu", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *command, "--epochs", "1", "--batch-size", "480"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert done.stdout.count("test accuracy: last epoch") == 1, done.stdout
    assert done.stderr.count("epoch 1 of 1:   0%") == 1, done.stderr
    _, history = train.load(tmp_path / "weights.safetensors")
    assert len(history) == 1

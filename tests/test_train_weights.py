"""Trained weights: the file that a training ends with, and those in the package."""

import json
import shutil

import pytest
import torch

import spikedu
from spikedu import checkpoints, data, train
from spikedu.spikformer import Spikformer, SpikformerConfig

TINY = SpikformerConfig(
    16, 1, 2, steps=3, channels=1, image_size=8, pools=(False, False, False, True)
)
SHIPPED = train.names()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What `spikedu train` leaves behind, of a tiny network on all the digits."""
    out = tmp_path_factory.mktemp("run")
    recipe = train.TrainConfig(epochs=3, batch_size=32, learning_rate=1e-2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(train.RECIPES, "tiny", (TINY, "digits", recipe))
        assert train.main(["--preset", "tiny", "--out", str(out)]) == 0
    return out


@pytest.fixture
def shipped(folder, tmp_path, monkeypatch):
    """A package whose folder of weights holds that network, as "small"."""
    shutil.copy(folder / "weights.safetensors", tmp_path / "small.safetensors")
    monkeypatch.setattr(train.weights, "FOLDER", tmp_path)


def reaches_what_it_states(name):
    made = train.made_by(name)
    try:
        test = data.load(made["data"], "test")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    assert len(test.labels) == made["test_images"]
    _, accuracy = train.evaluate(spikedu.pretrained(name), test)
    # Another machine adds up in another order, which can flip a spike: two images.
    assert accuracy == pytest.approx(made["test_accuracy"], abs=2 / len(test.labels))
    return accuracy


@pytest.mark.usefixtures("shipped")
def test_the_network_comes_back_as_it_was_trained(folder):
    network = spikedu.pretrained("small")
    trained, history = train.load(folder / "checkpoint.safetensors")
    assert isinstance(network, Spikformer) and network.config == TINY
    assert not network.training
    theirs = trained.state_dict()
    for name, x in network.state_dict().items():
        assert torch.equal(x, theirs[name]), name
    assert reaches_what_it_states("small") == pytest.approx(history.test_accuracy[-1])
    assert history.test_accuracy[-1] > 0.3  # chance is 0.1


@pytest.mark.usefixtures("shipped")
def test_it_says_how_it_was_made(folder):
    made = train.made_by("small")
    assert made["command"] == "spikedu train --preset tiny"  # no path of this machine
    assert made["data"] == "digits" and made["test_images"] == 360
    assert made["torch"] == torch.__version__
    assert made["spikedu"] == spikedu.__version__


def test_the_file_holds_the_model_alone_in_float32(folder):
    tensors, about = checkpoints.read(folder / "weights.safetensors")
    assert all(name.startswith("model.") for name in tensors)
    assert {x.dtype for x in tensors.values()} == {torch.float32, torch.int64}
    size = (folder / "weights.safetensors").stat().st_size
    assert size < sum(x.nbytes for x in tensors.values()) + 10_000
    assert about["train"]["learning_rate"] == 1e-2


def test_the_folder_of_a_run_holds_all_of_it(folder):
    assert sorted(x.name for x in folder.iterdir()) == [
        "best.safetensors",
        "checkpoint.safetensors",
        "history.json",
        "log.jsonl",
        "weights.safetensors",
    ]
    best = train.load(folder / "best.safetensors")[1]
    whole = json.loads((folder / "history.json").read_text())["test_accuracy"]
    assert best.test_accuracy[-1] == max(whole) and len(whole) == 3


def test_the_command_spikedu_train_draws_the_curves(folder, monkeypatch):
    from spikedu import cli

    recipe = train.TrainConfig(epochs=3, batch_size=32, learning_rate=1e-2)
    monkeypatch.setitem(train.RECIPES, "tiny", (TINY, "digits", recipe))
    options = ["train", "--preset", "tiny", "--out", str(folder), "--resume"]
    arguments = cli.parse(options)
    assert arguments.action(arguments) == 0
    picture = folder / "curves.png"
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    picture.unlink()


def test_half_precision_weights_are_read_too(folder, shipped, monkeypatch):
    tensors, about = checkpoints.read(train.weights.FOLDER / "small.safetensors")
    halves = {k: x.half() if x.is_floating_point() else x for k, x in tensors.items()}
    checkpoints.write(train.weights.FOLDER / "half.safetensors", halves, about)
    network = spikedu.pretrained("half")
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert train.names() == ("half", "small")


@pytest.mark.usefixtures("shipped", "our_own_messages")
def test_a_wrong_name_lists_those_that_are_there(monkeypatch, tmp_path):
    for name in ("smal", "../small", 3, None):
        with pytest.raises(ValueError, match="must be one of .*: 'small'"):
            spikedu.pretrained(name)
    monkeypatch.setattr(train.weights, "FOLDER", tmp_path / "absent")
    with pytest.raises(ValueError, match="none in this version"):
        spikedu.pretrained("digits")


def test_the_digits_are_shipped():
    assert "digits" in train.names()


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_are_small_and_reach_what_they_state(name):
    assert (train.weights.FOLDER / f"{name}.safetensors").stat().st_size <= 1_000_000
    assert reaches_what_it_states(name) > 0.5

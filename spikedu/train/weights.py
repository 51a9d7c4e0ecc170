"""Trained weights that come with the package: one file each, no optimizer."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from spikedu import __version__, checkpoints
from spikedu.spikformer import Spikformer
from spikedu.train import run
from spikedu.train.config import History, TrainConfig

FOLDER = Path(__file__).parent.parent / "weights"


def names() -> tuple[str, ...]:
    """Of the networks that `pretrained` knows."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.safetensors")))


def pretrained(name: str) -> Spikformer:
    """A trained network, in eval mode, from the weights inside the package.

    `made_by` tells how it was trained. `ValueError` on a name that is not there.
    """
    return run.load(_path(name))[0]


def made_by(name: str) -> dict:
    """How `pretrained(name)` was made: command, data, versions, test accuracy."""
    return run.read(_path(name))[1]["made"]


def _path(name: str) -> Path:
    if name not in names():
        there = ", ".join(map(repr, names())) or "none in this version"
        raise ValueError(f"name = {name!r}: must be one of the weights here: {there}")
    return FOLDER / f"{name}.safetensors"


def export(
    path: str | Path,
    model: Spikformer,
    config: TrainConfig,
    history: History,
    made: dict,
) -> None:
    """Writes the file that `pretrained` reads; `made` says how the model was trained.

    float32, the weights as they are: a chosen epoch would be chosen on the test set.
    """
    tensors = {name: x.detach().cpu() for name, x in run.weights(model).items()}
    about = {"model": model.config, "train": config, "history": history}
    about = {key: asdict(value) for key, value in about.items()}
    checkpoints.write(path, tensors, about | {"spikedu": __version__, "made": made})

"""A run: model, optimizer and the last finished epoch, in files or in memory.

Beside the checkpoint, which holds all that is needed to go on, lie `best.safetensors`,
the weights of the best epoch, and `log.jsonl`. The checkpoint is written last: what
dies before is done again by the next run, and comes out the same.
"""

from __future__ import annotations

import copy
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spikedu import __version__, checkpoints
from spikedu.spikformer import Spikformer, SpikformerConfig
from spikedu.train import ranks
from spikedu.train.config import History, TrainConfig

# What a resumed run may be told anew: its steps change, its schedule does not.
FREE = ("accumulate", "patience")


class Run:
    """`begin` it, `keep` each epoch, and go `back` to the last one that was kept."""

    def __init__(self, model: Spikformer, config: TrainConfig, path: Any) -> None:
        self.model, self.config, self.path = model, config, path
        self.device = next(model.parameters()).device
        self.optimizer = _adamw(model, config)
        half = config.precision == "float16"  # whose small gradients would be 0
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=half)
        self.history = History()

    def begin(self, resume: bool) -> None:
        """From the file, or from the model as it is; says first whether disks do."""
        writes = self.path is not None and ranks.rank() == 0
        if resume:
            self.back()
        if writes:
            size = sum(x.nbytes for x in self.model.state_dict().values())
            size += 2 * sum(p.nbytes for p in self.model.parameters())
            # A new run is to hold a checkpoint, a new one beside it, and the best.
            checkpoints.room(self.path, size, needed=size if resume else 3 * size)
        if self.path is None:
            self.kept = copy.deepcopy((self.model.state_dict(), self.history))
        elif writes and not resume:
            write_log(self._log, 0, versions() | self._about())
            self._save(self.path)

    def keep(self, entry: Mapping) -> None:
        """The epoch that `history` just got; `entry` goes into the log."""
        if self.path is None:
            self.kept = copy.deepcopy((self.model.state_dict(), self.history))
        elif ranks.rank() == 0:
            write_log(self._log, len(self.history), entry)
            if self.history.best == len(self.history) - 1:
                self._save(Path(self.path).with_name("best.safetensors"), moments=False)
            self._save(self.path)

    def back(self) -> None:
        """Model, optimizer and history as they were after the last finished epoch."""
        if self.path is None and hasattr(self, "kept"):
            weights, self.history = self.kept
            self.model.load_state_dict(weights)
            return
        tensors, about = read(self.path)
        self._compare(about)
        fill(self.model, tensors, self.path)
        parameters = dict(self.model.named_parameters())
        for key, saved in tensors.items():
            if key.startswith("optimizer."):
                name, _, moment = key.removeprefix("optimizer.").rpartition(".")
                p = parameters[name]
                # In the memory layout of p: the fused AdamW walks both side by side.
                like = p.detach() if saved.ndim else saved.to(p.device)
                self.optimizer.state[p][moment] = torch.empty_like(like).copy_(saved)
        if about["scaler"]:
            self.scaler.load_state_dict(about["scaler"])
        self.history = about["history"]

    @property
    def _log(self) -> Path:
        return Path(self.path).with_name("log.jsonl")

    def _about(self) -> dict:
        return {"model": asdict(self.model.config), "train": asdict(self.config)}

    def _save(self, path, moments: bool = True) -> None:
        tensors = weights(self.model)
        about = self._about() | {"history": asdict(self.history)}
        about["spikedu"] = __version__
        if moments:
            about["scaler"] = self.scaler.state_dict()
            for name, p in self.model.named_parameters():
                for key, x in self.optimizer.state.get(p, {}).items():
                    tensors[f"optimizer.{name}.{key}"] = x
        checkpoints.write(path, tensors, about)

    def _compare(self, about: Mapping) -> None:
        here = asdict(self.model.config) | asdict(self.config)
        there = asdict(about["model"]) | asdict(about["train"])
        differ = [
            f"{k} = {v!r} here, {there[k]!r} there"
            for k, v in here.items()
            if v != there[k] and k not in FREE
        ]
        if differ:
            raise ValueError(f"{self.path} is of another run: {'; '.join(differ)}")


def _adamw(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1]},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    decay = config.weight_decay
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=decay, fused=True)


# ---------------------------------------------------------------- files
def load(path: str | Path) -> tuple[Spikformer, History]:
    """The trained network, in eval mode, and its history, from a checkpoint.

    Raises `ValueError` on a truncated file or one that is not a checkpoint of spikedu.
    """
    tensors, about = read(path)
    model = Spikformer(about["model"])
    fill(model, tensors, path)
    return model.eval(), about["history"]


def weights(model: Spikformer) -> dict[str, Tensor]:
    """Parameters and running statistics, by the names they have in a file."""
    return {f"model.{name}": x for name, x in model.state_dict().items()}


def read(path) -> tuple[dict[str, Tensor], dict]:
    """Tensors, and what the file says of them: configs and history as such."""
    tensors, about = checkpoints.read(path)
    try:
        model = about["model"] | {"pools": tuple(about["model"]["pools"])}
        return tensors, about | {
            "model": SpikformerConfig(**model),
            "train": TrainConfig(**about["train"]),
            "history": History(**about["history"]),
            "scaler": about.get("scaler"),
        }
    except (KeyError, TypeError, ValueError) as error:
        by = about.get("spikedu", "another version") if isinstance(about, dict) else "?"
        raise ValueError(
            f"{path} was written by another version of spikedu, {by}, this is"
            f" {__version__} ({error})"
        ) from None


def fill(model: Spikformer, tensors: Mapping[str, Tensor], path) -> None:
    """Puts what `weights` named into the model."""
    state = {k[6:]: v for k, v in tensors.items() if k.startswith("model.")}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(
            f"{path} does not hold the network it names: {error}"
        ) from None


def write_log(path: Path, epoch: int, entry: Mapping) -> None:
    """One more line of JSON. What a run wrote that died before its checkpoint goes."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    lines = [line for line in lines if json.loads(line)["epoch"] < epoch]
    lines.append(json.dumps({"epoch": epoch} | dict(entry)))
    checkpoints.write_text(path, "\n".join(lines) + "\n")


def versions() -> dict[str, str]:
    """What computes here."""
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return {
        "spikedu": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {cuda}",
    }

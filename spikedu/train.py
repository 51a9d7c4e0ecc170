"""Training a Spikformer: one loop, its history, and a run that can be resumed.

Everything random is drawn from (seed, epoch), so a resumed run needs no random state
and repeats an uninterrupted one bit for bit on a CPU.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from spikedu import arguments, checkpoints, data
from spikedu.spikformer import DIGITS, Spikformer, SpikformerConfig


@dataclass(frozen=True)
class TrainConfig:
    """How to train: AdamW, linear warm-up, cosine to zero, label smoothing."""

    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 6e-3  # at the peak
    warmup: float = 0.1  # share of the steps
    weight_decay: float = 0.06  # not on biases and BatchNorm
    label_smoothing: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        arguments.count("epochs", self.epochs)
        arguments.count("batch_size", self.batch_size, low=2)
        arguments.number("warmup", self.warmup, 0, 1)
        arguments.count("seed", self.seed, low=0, high=2**32)
        arguments.number("learning_rate", self.learning_rate, 0, above=True)
        arguments.number("weight_decay", self.weight_decay, 0)
        arguments.number("label_smoothing", self.label_smoothing, 0, 1)


@dataclass
class History:
    """One entry per finished epoch in every list; losses in nats, accuracies 0 to 1."""

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.train_loss)

    def append(self, train: tuple[float, float], test: tuple[float, float]) -> None:
        for name, value in zip(fields(self), (*train, *test), strict=True):
            getattr(self, name.name).append(value)


def learning_rate(step: int, steps_per_epoch: int, config: TrainConfig) -> float:
    """Linear from 0 over the warm-up, then half a cosine down to 0."""
    arguments.count("step", step, low=0)
    arguments.count("steps_per_epoch", steps_per_epoch)
    total = config.epochs * steps_per_epoch
    warm = config.warmup * total
    if step < warm:
        return config.learning_rate * (step + 1) / (warm + 1)
    angle = math.pi * (step - warm) / (total - warm)
    return config.learning_rate * (1 + math.cos(angle)) / 2


def train(
    model: Spikformer,
    train_set: data.Images,
    test_set: data.Images,
    config: TrainConfig = TrainConfig(),
    *,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
    watch: Callable[[int, float, float], object] | None = None,
) -> History:
    """Trains `model` in place. With `checkpoint`, writes that file after every epoch.

    Ctrl-C ends it early: the model and the file hold the last finished epoch. `resume`
    goes on from the file to exactly what one uninterrupted run would have given.
    `watch(step, loss, accuracy)` is called after each step with those of its batch.
    Raises `ValueError` on data of another shape and on a file of another run.
    """
    arguments.instance("model", model, Spikformer)
    arguments.instance("config", config, TrainConfig)
    for name, images in (("train_set", train_set), ("test_set", test_set)):
        data.check(name, images, model.config.channels, model.config.classes)
    optimizer = _adamw(model, config)
    history = History()
    if resume:
        history = _restore(checkpoint, model, optimizer, config)
    if checkpoint is None:
        kept = copy.deepcopy((model.state_dict(), history))
    bar = tqdm(range(len(history), config.epochs), unit="epoch", disable=not progress)
    if checkpoint is not None and not resume:
        _save(checkpoint, model, optimizer, config, history)
    try:  # nothing stands between the file and this: whoever saw it may press Ctrl-C
        for epoch in bar:
            scores = _epoch(model, train_set, optimizer, config, epoch, watch)
            history.append(scores, evaluate(model, test_set))
            if checkpoint is None:
                kept = copy.deepcopy((model.state_dict(), history))
            else:
                _save(checkpoint, model, optimizer, config, history)
            bar.set_postfix_str(f"test {history.test_accuracy[-1]:.1%}")
    except KeyboardInterrupt:
        if checkpoint is None:
            weights, history = kept
            model.load_state_dict(weights)
        else:  # the file is what counts, also when it was written this very moment
            history = _restore(checkpoint, model, optimizer, config)
        bar.write(f"Stopped. {len(history)} whole epochs of {config.epochs} are kept.")
    return history


@torch.no_grad()
def evaluate(model: Spikformer, images: data.Images) -> tuple[float, float]:
    """Mean cross-entropy (nats) and accuracy (0 to 1) in eval mode."""
    arguments.instance("model", model, Spikformer)
    data.check("images", images, model.config.channels, model.config.classes)
    device = next(model.parameters()).device
    training, loss, right = model.training, 0.0, 0
    model.eval()
    for x, y in zip(images.images.split(256), images.labels.split(256), strict=True):
        logits, y = model(x.to(device)), y.to(device)
        loss += cross_entropy(logits, y, reduction="sum").item()
        right += (logits.argmax(1) == y).sum().item()
    model.train(training)
    return loss / len(images.labels), right / len(images.labels)


def _epoch(model, train_set, optimizer, config, epoch, watch) -> tuple[float, float]:
    """One pass over the training set in an order that (seed, epoch) fixes."""
    device = next(model.parameters()).device
    images, labels = (x.to(device) for x in train_set)
    generator = torch.Generator().manual_seed(config.seed << 20 | epoch)
    order = torch.randperm(len(labels), generator=generator).to(device)
    batches = order.split(config.batch_size)
    loss, right = torch.zeros((), device=device), torch.zeros((), device=device)
    model.train()
    for n, batch in enumerate(batches):
        step = epoch * len(batches) + n
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, len(batches), config)
        logits = model(images[batch])
        error = cross_entropy(
            logits, labels[batch], label_smoothing=config.label_smoothing
        )
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        loss += error.detach() * len(batch)
        hits = (logits.argmax(1) == labels[batch]).sum()
        right += hits
        if watch is not None:
            watch(step + 1, error.item(), hits.item() / len(batch))
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss is {loss:.0f} in epoch {epoch + 1}: try a learning_rate below"
            f" {config.learning_rate:g}; the checkpoint of the epoch before is whole"
        )
    return loss.item() / len(labels), right.item() / len(labels)


def _adamw(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1]},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    decay = config.weight_decay
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=decay, fused=True)


# ---------------------------------------------------------------- checkpoints
def _save(path, model, optimizer, config: TrainConfig, history: History) -> None:
    tensors = {f"model.{name}": x for name, x in model.state_dict().items()}
    for name, p in model.named_parameters():
        for key, x in optimizer.state.get(p, {}).items():
            tensors[f"optimizer.{name}.{key}"] = x
    about = {"model": model.config, "train": config, "history": history}
    checkpoints.write(path, tensors, {k: asdict(v) for k, v in about.items()})


def load(path: str | Path) -> tuple[Spikformer, History]:
    """The trained network, in eval mode, and its history, from a checkpoint.

    Raises `ValueError` on a truncated file or one that is not a checkpoint of spikedu.
    """
    tensors, about = _read(path)
    model = Spikformer(about["model"])
    _fill(model, tensors, path)
    return model.eval(), about["history"]


def _read(path) -> tuple[dict[str, Tensor], dict]:
    tensors, about = checkpoints.read(path)
    try:
        model = about["model"] | {"pools": tuple(about["model"]["pools"])}
        return tensors, {
            "model": SpikformerConfig(**model),
            "train": TrainConfig(**about["train"]),
            "history": History(**about["history"]),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} was written by another version of spikedu ({error})"
        ) from None


def _restore(path, model, optimizer, config: TrainConfig) -> History:
    tensors, about = _read(path)
    here = asdict(model.config) | asdict(config)
    there = asdict(about["model"]) | asdict(about["train"])
    differ = [
        f"{k} = {v!r} here, {there[k]!r} there"
        for k, v in here.items()
        if v != there[k]
    ]
    if differ:
        raise ValueError(f"{path} is of another run: {'; '.join(differ)}")
    _fill(model, tensors, path)
    parameters = dict(model.named_parameters())
    for key, saved in tensors.items():
        if key.startswith("optimizer."):
            name, _, moment = key.removeprefix("optimizer.").rpartition(".")
            p = parameters[name]
            # In the memory layout of p: the fused AdamW walks both side by side.
            like = p.detach() if saved.ndim else saved.to(p.device)
            optimizer.state[p][moment] = torch.empty_like(like).copy_(saved)
    return about["history"]


def _fill(model: Spikformer, tensors: dict[str, Tensor], path) -> None:
    state = {k[6:]: v for k, v in tensors.items() if k.startswith("model.")}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(
            f"{path} does not hold the network it names: {error}"
        ) from None


# ---------------------------------------------------------------- command line
RECIPES = {"digits": (DIGITS, "digits", TrainConfig())}


def main(argv: list[str] | None = None) -> int:
    """`spikedu train`: trains a preset, writes checkpoint and history into a folder."""
    parser = argparse.ArgumentParser(prog="spikedu train", description=main.__doc__)
    add = parser.add_argument
    add("--preset", choices=RECIPES, default="digits", help="network, data and recipe")
    add("--out", type=Path, help="folder of this run (runs/PRESET-seedSEED)")
    add("--resume", action="store_true", help="go on from the checkpoint in the folder")
    add("--seed", type=int, default=0, help="of weights and order (0)")
    add("--epochs", type=int, help="passes over the training set (the preset's)")
    add("--batch-size", type=int, help="images per step (the preset's)")
    add("--learning-rate", type=float, help="at its peak (the preset's)")
    options = vars(parser.parse_args(argv))
    preset, out, resume = (options.pop(name) for name in ("preset", "out", "resume"))
    network, name, recipe = RECIPES[preset]
    out = out or Path("runs") / f"{preset}-seed{options['seed']}"
    try:
        given = {key: value for key, value in options.items() if value is not None}
        config = replace(recipe, **given)
        history = _run(network, name, config, out / "checkpoint.safetensors", resume)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"spikedu train: {error}", file=sys.stderr)
        return 1
    checkpoints.write_text(out / "history.json", json.dumps(asdict(history)))
    if len(history):
        last, best = history.test_accuracy[-1], max(history.test_accuracy)
        print(f"test accuracy: last epoch {last:.2%}, best epoch {best:.2%}; in {out}")
    return 0 if len(history) == config.epochs else 130


def _run(network, name: str, config: TrainConfig, path: Path, resume: bool) -> History:
    if path.exists() and not resume:
        raise ValueError(f"{path} is there already: use --resume, or another --out")
    torch.manual_seed(config.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Spikformer(network).to(device)
    sets = (data.load(name, split) for split in data.SPLITS)
    return train(model, *sets, config, checkpoint=path, resume=resume)


if __name__ == "__main__":
    raise SystemExit(main())

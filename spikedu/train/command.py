"""`spikedu train`: a preset, its data and a folder for what comes out."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path

import torch

from spikedu import checkpoints, data
from spikedu.spikformer import Spikformer
from spikedu.train import memory, ranks, weights
from spikedu.train.config import PRECISIONS, History, TrainConfig
from spikedu.train.evaluation import evaluate
from spikedu.train.loop import train
from spikedu.train.presets import RECIPES
from spikedu.train.run import versions
from spikedu.train.stops import Stops, sigterm_as_ctrl_c

Draw = Callable[[History, Path], object]


def main(argv: list[str] | None = None, draw: Draw | None = None) -> int:
    """Trains a preset; checkpoints, log, history and weights go into one folder."""
    argv = sys.argv[1:] if argv is None else list(argv)
    options = _parse(argv)
    again = [*argv, *(["--resume"] if not options.resume else [])]
    with sigterm_as_ctrl_c() as stops:
        try:
            with ranks.joined(_device(options.device)) as device:
                history = _run(options, device, _recipe(argv), draw)
        except KeyboardInterrupt:  # while there was nothing to lose
            history = None
        except (ValueError, OSError, FloatingPointError, MemoryError) as error:
            print(f"spikedu train: {error}", file=sys.stderr)
            return 1
        except RuntimeError as error:  # of a step `train` says more
            if not memory.is_out(error):
                raise
            why = str(error).partition("\n")[0]
            text = f"out of memory outside of a training step ({why})"
            print(f"spikedu train: {text}; whole epochs are kept", file=sys.stderr)
            return 1
    return 0 if history else _stopped(stops, again)


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="spikedu train", description=main.__doc__)
    add = parser.add_argument
    add("--preset", choices=RECIPES, default="digits", help="network, data and recipe")
    add("--data", help="another data set for it (the preset's)")
    add(
        "--download", action="store_true", help="fetch the data set where it is missing"
    )
    add("--out", type=Path, help="folder of this run (runs/PRESET-seedSEED)")
    add("--resume", action="store_true", help="go on from the checkpoint in the folder")
    add("--device", help="cpu, cuda, cuda:1, ... (a GPU where there is one)")
    recipe = parser.add_argument_group("in place of the preset's own")
    for name, kind, text in (
        ("seed", int, "of weights, order and augmentation"),
        ("epochs", int, "passes over the training set"),
        ("batch-size", int, "images per step, over all processes"),
        ("learning-rate", float, "at its peak"),
        ("learning-rate-floor", float, "at its start and end"),
        ("warmup", float, "share of the steps in which the learning rate rises"),
        ("weight-decay", float, "of AdamW"),
        ("label-smoothing", float, "share of the truth spread over all classes"),
        ("augment", str, "recipe by which training images are changed"),
        ("mixup", float, "alpha with which images are mixed, 0 for none"),
        ("mixup-until", float, "share of the epochs after which none are mixed"),
        ("accumulate", int, "parts a batch is cut into, to fit into memory"),
        ("patience", int, "epochs without a better test accuracy, then it ends"),
    ):
        recipe.add_argument(f"--{name}", type=kind, help=text)
    recipe.add_argument("--precision", choices=PRECISIONS, help="of the products")
    text = "BatchNorm over the images of all processes that torchrun starts"
    recipe.add_argument(
        "--sync-batchnorm", action="store_true", default=None, help=text
    )
    return parser.parse_args(argv)


def _run(options, device: torch.device, command: str, draw: Draw | None):
    """All of it; the history, or None where it was stopped."""
    network, name, recipe = RECIPES[options.preset]
    given = {f.name: getattr(options, f.name) for f in fields(TrainConfig)}
    config = replace(recipe, **{k: v for k, v in given.items() if v is not None})
    name = options.data or name
    out = options.out or Path("runs") / f"{options.preset}-seed{config.seed}"
    first, path = ranks.rank() == 0, out / "checkpoint.safetensors"
    resume = options.resume and path.exists()
    if first and options.resume and not resume:
        print(f"spikedu train: no {path} yet, so this run starts at its beginning")
    if first and path.exists() and not resume:
        raise ValueError(f"{path} is there already: use --resume, or another --out")
    sets = [data.load(name, split, download=options.download) for split in data.SPLITS]
    torch.manual_seed(config.seed)
    model = Spikformer(network).to(device)
    history = train(model, *sets, config, checkpoint=path, resume=resume)
    whole = history.ends(config)
    accuracy = evaluate(model, sets[1])[1] if whole else None  # by all processes
    if not first:
        return history if whole else None
    checkpoints.write_text(out / "history.json", json.dumps(asdict(history)))
    if len(history):
        last, best = history.test_accuracy[-1], history.test_accuracy[history.best]
        print(f"test accuracy: last epoch {last:.2%}, best epoch {best:.2%}; in {out}")
        if draw is not None:
            draw(history, out / "curves.png")
    if not whole:
        return None
    made = {"command": f"spikedu train {command}", "data": name}
    made |= {"test_accuracy": accuracy, "test_images": len(sets[1].labels)}
    file = out / "weights.safetensors"
    weights.export(file, model, config, history, made | versions())
    return history


def _recipe(argv: list[str]) -> str:
    """The command without what is of this machine only: where to, and whether again."""
    own = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    own.add_argument("--out")
    own.add_argument("--resume", action="store_true")
    return shlex.join(own.parse_known_args(argv)[1])


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        why = str(error).partition("\n")[0]
        raise ValueError(
            f"device = {name!r}: must be one of this machine, such as 'cpu' ({why})"
        ) from None


def _stopped(stops: Stops, again: list[str]) -> int:
    if ranks.rank() == 0:
        print(f"To go on: spikedu train {shlex.join(again)}")
    return stops.code

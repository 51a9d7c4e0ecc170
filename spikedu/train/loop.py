"""The loop: epochs of steps, each a forward pass, a backward pass and an update."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from spikedu import arguments, data
from spikedu.spikformer import Spikformer
from spikedu.train import batches, evaluation, memory, ranks
from spikedu.train.config import PLAIN, History, TrainConfig, learning_rate
from spikedu.train.evaluation import evaluate
from spikedu.train.run import Run

Watch = Callable[[int, float, float], object]


def train(
    model: Spikformer,
    train_set: data.Images,
    test_set: data.Images,
    config: TrainConfig = PLAIN,
    *,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
    watch: Watch | None = None,
) -> History:
    """Trains `model` in place. With `checkpoint`, keeps every epoch in its folder.

    Ctrl-C ends it early: the model and the files hold the last finished epoch, as after
    an error. `resume` goes on to exactly what one uninterrupted run would have given.
    `watch(step, loss, accuracy)` is called after each step with those of its batch.
    Raises `ValueError` on data of another shape and on a file of another run,
    `FloatingPointError` on a loss of NaN, `MemoryError` with the batch size that fits.
    """
    _check(model, train_set, test_set, config)
    run = Run(model, config, checkpoint)
    train_set, test_set = (_on(run.device, images) for images in (train_set, test_set))
    network = ranks.wrapped(model, config.sync_batchnorm)
    bar = _bar(config, len(train_set.labels), progress)
    run.begin(resume)
    try:  # nothing stands between the file and this: whoever saw it may press Ctrl-C
        bar.initial = bar.n = len(run.history) * len(train_set.labels)
        while not run.history.ends(config):
            _one_epoch(run, network, train_set, test_set, bar, watch)
    except KeyboardInterrupt:
        run.back()
        done = len(run.history)
        bar.write(f"Stopped. {done} whole epochs of {config.epochs} are kept.")
    except (FloatingPointError, MemoryError):
        run.back()
        raise
    finally:
        bar.close()
    return run.history


def _one_epoch(run: Run, network, train_set, test_set, bar, watch) -> None:
    """Trains, evaluates, and keeps what came out."""
    epoch, config = len(run.history), run.config
    bar.set_description(f"epoch {epoch + 1} of {config.epochs}")
    began = time.perf_counter()
    trained = _train(run, network, train_set, epoch, bar, watch)
    seconds = time.perf_counter() - began
    ranks.alike(run.model)
    with _autocast(run), evaluation.spike_counts(run.model) as counts:
        tested = evaluate(run.model, test_set)
    _finite(run, trained[0] + tested[0], epoch)
    run.history.append(trained, tested)
    rate, rates = evaluation.firing_rates(counts)
    run.keep(
        {
            **{name: values[-1] for name, values in vars(run.history).items()},
            "learning_rate": run.optimizer.param_groups[0]["lr"],
            "seconds": seconds,
            "images_per_second": len(train_set.labels) / seconds,
            "firing_rate": rate,
            "firing_rates": rates,
        }
    )
    bar.set_postfix_str(
        f"loss {trained[0]:.3f}, test {tested[1]:.1%}, firing rate {rate:.3f}"
    )


def _train(run: Run, network, train_set, epoch, bar, watch) -> tuple[float, float]:
    """One pass over the training set, all of whose chance (seed, epoch) fixes."""
    config, device, classes = run.config, run.device, run.model.config.classes
    generator = torch.Generator().manual_seed(config.seed << 20 | epoch)
    order = batches.of_epoch(len(train_set.labels), config, generator)
    loss, right = torch.zeros((), device=device), torch.zeros((), device=device)
    network.train()
    for n, indices in enumerate(order):
        step = epoch * len(order) + n
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(step, len(order), config)
        images = data.Images(*(x[indices.to(device)] for x in train_set))
        x, y = batches.prepared(images, classes, config, epoch, generator)
        try:
            error, hits = _step(run, network, x, y, len(indices))
        except Exception as failed:
            if not memory.is_out(failed):
                raise
            error = None
        if error is None:  # and the tensors of the step are gone with its exception
            _say_what_fits(run, x, y, epoch)
        loss += error * len(x)
        right += hits
        bar.update(len(indices))
        if watch is not None:
            watch(step + 1, error.item(), hits.item() / len(x))
    seen = sum(map(len, order))
    return ranks.total(loss).item() / seen, ranks.total(right).item() / seen


def _step(run: Run, network, x: Tensor, y: Tensor, images: int):
    """One update of the weights, by all `images` of the batch of which `x` is a share.

    Gives the mean loss and the hits of `x` before it. `accumulate` cuts `x` into parts,
    one after the other: the gradient is that of the whole, but for BatchNorm, which
    takes its statistics over each part.
    """
    parts = run.config.accumulate
    loss, hits = torch.zeros((), device=x.device), 0
    run.optimizer.zero_grad()
    pairs = zip(x.tensor_split(parts), y.tensor_split(parts), strict=True)
    for n, (some, labels) in enumerate(pairs, start=1):
        with ranks.alone(network, quiet=n < parts):
            error, right = _loss(run, network, some, labels)
            # The processes' gradients are averaged, hence their number.
            share = len(some) * ranks.count() / images
            run.scaler.scale(error * share).backward()
        loss += error.detach() * (len(some) / len(x))
        hits += right
    run.scaler.step(run.optimizer)
    run.scaler.update()
    return loss, hits


def _loss(run: Run, network, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The mean cross-entropy that is made smaller, and the number of hits."""
    with _autocast(run):
        logits = evaluation.at_least_float32(network(x))
    smoothing = run.config.label_smoothing
    truth = y.argmax(1) if y.ndim == 2 else y
    hits = (logits.argmax(1) == truth).sum()
    return cross_entropy(logits, y, label_smoothing=smoothing), hits


# ---------------------------------------------------------------- the small parts
def _autocast(run: Run) -> torch.autocast:
    kind = getattr(torch, run.config.precision)
    half = kind is not torch.float32
    return torch.autocast(run.device.type, kind if half else None, enabled=half)


def _finite(run: Run, loss: float, epoch: int) -> None:
    """Raises where training has broken down."""
    # A neuron fed with NaN is silent: broken weights can leave the loss finite.
    whole = all(x.isfinite().all() for x in run.model.state_dict().values())
    if math.isfinite(loss) and whole:
        return
    what = "a weight is not finite" if math.isfinite(loss) else f"the loss is {loss}"
    raise FloatingPointError(
        f"{what} in epoch {epoch + 1}: try a learning_rate below"
        f" {run.config.learning_rate:g}; the epoch before is kept"
    )


def _say_what_fits(run: Run, x: Tensor, y: Tensor, epoch: int) -> None:
    """Raises where memory ran out, after trying smaller steps on a copy."""
    run.optimizer.zero_grad()

    def attempt(images: int) -> None:
        twin = copy.deepcopy(run.model)
        _loss(run, twin, x[:images], y[:images])[0].backward()

    raise MemoryError(
        f"out of memory in epoch {epoch + 1} with batch_size ="
        f" {run.config.batch_size}: {memory.advice(attempt, run.config)}; the epoch"
        " before is kept"
    )


def _on(device: torch.device, images: data.Images) -> data.Images:
    return data.Images(*(x.to(device) for x in images))


def _bar(config: TrainConfig, images: int, progress: bool) -> tqdm:
    """Of images: it shows images/s and the time left by itself."""
    shown = progress and ranks.rank() == 0
    total = images * config.epochs
    return tqdm(total=total, unit=" images", unit_scale=True, disable=not shown)


def _check(model, train_set, test_set, config: TrainConfig) -> None:
    arguments.instance("model", model, Spikformer)
    arguments.instance("config", config, TrainConfig)
    for name, images in (("train_set", train_set), ("test_set", test_set)):
        data.check(name, images, model.config.channels, model.config.classes)
    parts = config.accumulate * ranks.count()
    smallest = min(config.batch_size, len(train_set.labels))
    if smallest < parts:
        raise ValueError(
            f"batch_size = {smallest}: must be at least {parts}, an image for each of"
            f" {config.accumulate} parts in each of {ranks.count()} processes"
        )

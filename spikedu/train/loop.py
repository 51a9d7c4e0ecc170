"""The loop: epochs of steps, each a forward pass, a backward pass and an update."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from tqdm.auto import tqdm

from spikedu import arguments, augment, data
from spikedu.spikformer import LIF, Spikformer
from spikedu.train import memory, ranks
from spikedu.train.config import PLAIN, History, TrainConfig, learning_rate
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
    with _autocast(run), spike_counts(run.model) as counts:
        tested = evaluate(run.model, test_set)
    _finite(run, trained[0] + tested[0], epoch)
    run.history.append(trained, tested)
    spikes, chances = map(sum, zip(*counts.values(), strict=True))
    mean, rates = spikes / chances, {k: s / n for k, (s, n) in counts.items()}
    names = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
    run.keep(
        dict(zip(names, (*trained, *tested), strict=True))
        | {"learning_rate": run.optimizer.param_groups[0]["lr"]}
        | {"seconds": seconds, "images_per_second": len(train_set.labels) / seconds}
        | {"firing_rate": mean, "firing_rates": rates}
    )
    bar.set_postfix_str(
        f"loss {trained[0]:.3f}, test {tested[1]:.1%}, firing rate {mean:.3f}"
    )


def _train(run: Run, network, train_set, epoch, bar, watch) -> tuple[float, float]:
    """One pass over the training set, all of whose chance (seed, epoch) fixes."""
    config, device = run.config, run.device
    generator = torch.Generator().manual_seed(config.seed << 20 | epoch)
    batches = _batches(len(train_set.labels), config, generator)
    loss, right = torch.zeros((), device=device), torch.zeros((), device=device)
    network.train()
    for n, batch in enumerate(batches):
        step = epoch * len(batches) + n
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(step, len(batches), config)
        # Every process draws the whole batch, then takes its share of it: so the same
        # images meet, however many processes there are.
        x, y = _prepared(run, train_set, batch.to(device), epoch, generator)
        x, y = ranks.share(x), ranks.share(y)
        try:
            error, hits = _step(run, network, x, y, len(batch))
        except Exception as failed:
            if not memory.is_out(failed):
                raise
            error = None
        if error is None:  # and the tensors of the step are gone with its exception
            _say_what_fits(run, x, y, epoch)
        loss += error * len(x)
        right += hits
        bar.update(len(batch))
        if watch is not None:
            watch(step + 1, error.item(), hits.item() / len(x))
    images = sum(map(len, batches))
    return ranks.total(loss).item() / images, ranks.total(right).item() / images


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
        logits = _at_least_float32(network(x))
    smoothing = run.config.label_smoothing
    truth = y.argmax(1) if y.ndim == 2 else y
    hits = (logits.argmax(1) == truth).sum()
    return cross_entropy(logits, y, label_smoothing=smoothing), hits


@torch.no_grad()
def evaluate(model: Spikformer, images: data.Images) -> tuple[float, float]:
    """Mean cross-entropy (nats) and accuracy (0 to 1) in eval mode."""
    arguments.instance("model", model, Spikformer)
    data.check("images", images, model.config.channels, model.config.classes)
    device = next(model.parameters()).device
    training, loss, right = model.training, 0.0, 0
    model.eval()
    pairs = (ranks.share(x).split(256) for x in images)
    for x, y in zip(*pairs, strict=True):
        if len(x):
            y = y.to(device)
            logits = _at_least_float32(model(data.as_float(x.to(device))))
            loss += cross_entropy(logits, y, reduction="sum").item()
            right += (logits.argmax(1) == y).sum().item()
    model.train(training)
    if ranks.count() > 1:
        sums = torch.tensor([loss, right], dtype=torch.float64, device=device)
        loss, right = ranks.total(sums).tolist()
    return loss / len(images.labels), right / len(images.labels)


@contextmanager
def spike_counts(model: nn.Module) -> Iterator[dict[str, tuple[float, int]]]:
    """By layer: spikes, and neurons times steps, in the first batch that comes by."""
    counts, hooks = {}, []
    for name, module in model.named_modules():
        if isinstance(module, LIF):

            def note(module, inputs, spikes, name=name):
                if name not in counts:
                    counts[name] = spikes.float().sum().item(), spikes.numel()

            hooks.append(module.register_forward_hook(note))
    try:
        yield counts
    finally:
        for hook in hooks:
            hook.remove()


# ---------------------------------------------------------------- the small parts
def _batches(images: int, config: TrainConfig, generator) -> list[Tensor]:
    """The indices of each batch. A last one too small to be cut up is left out."""
    order = torch.randperm(images, generator=generator)
    parts = config.accumulate * ranks.count()
    return [batch for batch in order.split(config.batch_size) if len(batch) >= parts]


def _prepared(run: Run, images: data.Images, batch: Tensor, epoch: int, generator):
    """Images and labels of a batch, augmented; labels that are mixed are shares."""
    config, y = run.config, images.labels[batch]
    x = augment.apply(images.images[batch], config.augment, generator)
    if config.mixup and epoch < config.mixup_until * config.epochs:
        y = one_hot(y, run.model.config.classes).to(x.dtype)
        x, y = augment.mixup(x, y, config.mixup, generator)
    return x, y


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


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

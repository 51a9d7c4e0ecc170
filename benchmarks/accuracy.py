"""Test accuracy after equal wall-clock budgets, ours beside simpler and other networks.

    python benchmarks/accuracy.py [--data digits fashion-mini] [--seeds 5] [--quick]
    python benchmarks/accuracy.py --data fashion-mini --budgets 600 --test fashion-mnist

Beside our preset: logistic regression; the spiking MLP of snnTorch's fifth tutorial; a
convolutional SNN of our number of parameters, with snnTorch; the softmax twin of our
network (no spikes, T = 1); and our convolution stem with pooling alone.

A budget is spent whole: an epoch of each network is timed here, and its training rate
falls to zero over the epochs that fit. Then all train for the preset's epochs. Networks
take turns, seed by seed. Every figure is that of the last epoch, never the best.
--test scores on a set that `spikedu` finds or was told to fetch; one of the 360 test
digits is 0.28 points: read differences below half a point as noise.
"""

import argparse
import statistics
import time
from collections import defaultdict
from dataclasses import replace

import machine
import torch
from accuracy_peers import ConvSNN, SoftmaxTwin, StemAlone, TutorialMLP
from sklearn.linear_model import LogisticRegression

from spikedu import data, train
from spikedu.spikformer import Spikformer

OURS = "ours"
BUDGETS = {"digits": [10, 25, 60], "fashion-mini": [60, 600]}
# Peak learning rates of the others: ours, and a usual one for the MLP; none was tuned.
RATES = {
    "snnTorch MLP": 2e-3,
    "snnTorch, convolutional": 6e-3,
    "softmax twin": 6e-3,
    "convolution stem alone": 6e-3,
}


def build(name: str, network) -> torch.nn.Module:
    if name == OURS:
        return Spikformer(network)
    with torch.device("meta"):
        budget = parameters(Spikformer(network))
    return {
        "snnTorch MLP": lambda: TutorialMLP(network),
        "snnTorch, convolutional": lambda: ConvSNN(network, budget),
        "softmax twin": lambda: SoftmaxTwin(network),
        "convolution stem alone": lambda: StemAlone(network),
    }[name]()


def parameters(net) -> int:
    return sum(p.numel() for p in net.parameters())


# ---------------------------------------------------------------- training
def fit(net, name: str, train_set, config) -> None:
    """Ours by its own trainer, the others by the same optimizer and schedule here."""
    if name == OURS:
        # It looks at the test set after each epoch: a few images, so as not to wait.
        few = data.Images(*(x[: config.batch_size] for x in train_set))
        train.train(net, train_set, few, config, progress=False)
        return
    images, labels = train_set
    generator = torch.Generator().manual_seed(config.seed)
    steps = -(-len(labels) // config.batch_size) * config.epochs
    decayed = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed}, {"params": others, "weight_decay": 0.0}],
        weight_decay=config.weight_decay,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATES[name], steps, pct_start=config.warmup, cycle_momentum=False
    )
    net.train()
    for _ in range(config.epochs):
        order = torch.randperm(len(labels), generator=generator)
        for batch in order.split(config.batch_size):
            x = images[batch]
            if getattr(config, "augment", "none") == "flip":
                turned = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
                x = torch.where(turned, x.flip(-1), x)
            optimizer.zero_grad()
            net.loss(x, labels[batch]).backward()
            optimizer.step()
            schedule.step()


@torch.no_grad()
def accuracy(net, images: data.Images) -> float:
    net.eval()
    right = 0
    for x, y in zip(images.images.split(256), images.labels.split(256), strict=True):
        x = x / 255 if x.dtype == torch.uint8 else x
        right += int((net(x).argmax(1) == y).sum())
    return right / len(images.labels)


def run(name: str, network, train_set, test_set, config) -> tuple[float, float]:
    """Accuracy after the last epoch, and seconds of the training."""
    torch.manual_seed(config.seed)
    net = build(name, network)
    began = time.perf_counter()
    fit(net, name, train_set, config)
    took = time.perf_counter() - began
    return accuracy(net, test_set), took


def epoch_seconds(name: str, network, sets, config, quick: bool) -> float:
    """Of one epoch, from the difference of three and one, both after a first."""
    once, more = replace(config, epochs=1), replace(config, epochs=3)
    run(name, network, *sets, once)
    if quick:
        return run(name, network, *sets, once)[1]
    short, long = (run(name, network, *sets, c)[1] for c in (once, more))
    return max((long - short) / 2, long / 30)


# ---------------------------------------------------------------- the table
def logistic(train_set, test_set) -> list:
    x, y = train_set.images.flatten(1).numpy(), train_set.labels
    began = time.perf_counter()
    found = LogisticRegression(max_iter=2000).fit(x, y)
    took = time.perf_counter() - began
    pixels = test_set.images.flatten(1)
    pixels = pixels / 255 if pixels.dtype == torch.uint8 else pixels
    size = found.coef_.size + found.intercept_.size
    score = found.score(pixels.numpy(), test_set.labels)
    return ["logistic regression", size, f"{score:.2%}", f"{took:.1f} s"]


def spread(scores: list[float]) -> str:
    said = f"{statistics.mean(scores):.2%}"
    if len(scores) > 1:
        said += f" ({min(scores):.1%} to {max(scores):.1%})"
    return said


def report(name: str, options) -> None:
    network, source, recipe = train.RECIPES[name]
    train_set = data.load(source, "train")
    test_set = data.load(options.test or source, "test")
    budgets = options.budgets or BUDGETS.get(name, [60])
    if options.quick:
        budgets, recipe = [0.1], replace(recipe, epochs=1, batch_size=32)
        train_set, test_set = (
            data.Images(*(x[:64] for x in images)) for images in (train_set, test_set)
        )
    print(f"### {name}, scored on the test images of {options.test or source}\n")
    print(f"{recipe}\n", flush=True)
    sets, names = (train_set, test_set), options.models
    pace = {
        model: epoch_seconds(model, network, sets, recipe, options.quick)
        for model in names
    }
    found, took = defaultdict(list), defaultdict(list)
    for seed in range(options.seeds):
        for budget in [*budgets, None]:
            for model in names:
                epochs = recipe.epochs
                if budget is not None:
                    epochs = max(1, int(budget / pace[model]))
                config = replace(recipe, epochs=epochs, seed=seed)
                score, wall = run(model, network, *sets, config)
                found[model, budget].append(score)
                took[model, budget].append(wall)
                limit = "all epochs" if budget is None else f"{budget} s"
                print(
                    f"seed {seed}, {limit}: {model} {score:.2%}, {epochs} epochs,"
                    f" {wall:.1f} s",
                    flush=True,
                )
    header = ["", "parameters", *(f"after {b} s" for b in budgets)]
    header += [f"after {recipe.epochs} epochs", "their wall time"]
    rows = []
    for model in names:
        row = [model, parameters(build(model, network))]
        row += [spread(found[model, budget]) for budget in [*budgets, None]]
        rows.append([*row, f"{statistics.mean(took[model, None]):.1f} s"])
    first = logistic(*sets)
    rows.append([*first[:2], *[None] * len(budgets), *first[2:]])
    print(f"\nMean of {options.seeds} seeds, lowest and highest\n")
    print(machine.table(header, rows), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    names = [OURS, *RATES]
    add("--quick", action="store_true", help="few epochs of 64 images: a smoke run")
    add("--data", nargs="+", default=["digits"], choices=list(train.RECIPES))
    add("--models", nargs="+", default=names, choices=names)
    add("--seeds", type=int, help="runs of each (5)")
    add("--budgets", type=float, nargs="*", help="seconds of training")
    add("--test", choices=data.NAMES, help="score on the test images of this data set")
    options = parser.parse_args()
    options.seeds = options.seeds or (1 if options.quick else 5)
    print(f"{machine.about()}\n")
    for name in options.data:
        report(name, options)


if __name__ == "__main__":
    main()

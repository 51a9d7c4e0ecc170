"""Accuracy on scikit-learn's digits: the preset over several seeds, and a baseline.

    python benchmarks/digits.py [--seeds 5]

Prints one line a seed (last and best epoch, seconds on this machine), the mean and the
range of the last epochs, and logistic regression on the same split. One of the 360 test
images is 0.28 points: read differences below half a point as noise.
"""

import argparse
import platform
import statistics
import time
from dataclasses import replace

import torch
from sklearn.linear_model import LogisticRegression

from spikedu import data, train
from spikedu.spikformer import Spikformer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    network, name, recipe = train.RECIPES["digits"]
    sets = [data.load(name, split) for split in data.SPLITS]
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads,"
        f" {platform.machine()}; {recipe}"
    )

    (x, y), (x_test, y_test) = ((s.images.flatten(1).numpy(), s.labels) for s in sets)
    logistic = LogisticRegression(max_iter=5000).fit(x, y).score(x_test, y_test)
    print(f"logistic regression            {logistic:7.2%}")

    last, seconds = [], []
    for seed in range(seeds):
        torch.manual_seed(seed)
        model = Spikformer(network)
        config = replace(recipe, seed=seed)
        began = time.perf_counter()
        history = train.train(model, *sets, config, progress=False)
        seconds.append(time.perf_counter() - began)
        last.append(history.test_accuracy[-1])
        best = max(history.test_accuracy)
        print(
            f"Spikformer, seed {seed}: last epoch {last[-1]:7.2%}, best {best:7.2%},"
            f" {seconds[-1]:5.1f} s",
            flush=True,
        )
    print(
        f"Spikformer, {seeds} seeds: last epoch, mean {statistics.mean(last):.2%},"
        f" from {min(last):.2%} to {max(last):.2%},"
        f" {statistics.mean(seconds):.0f} s a run"
    )


if __name__ == "__main__":
    main()

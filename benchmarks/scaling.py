"""How the cost of our network grows with batch, time, tokens and width.

    python benchmarks/scaling.py [--quick] [--device cuda] [--figure FILE] [--rounds 9]

One axis is swept at a time; each point is a training pass (forward and backward).
Batch B and time T: seconds per token and step should stay flat; "flatness" is the
slowest point over the fastest (target: at most 1.3 over a factor of 16 in B, 8 in T).
Tokens N and width D change the work per token as well, so there seconds per
multiply-add are what should stay flat.

Then the two orders of Q K^T V in the spiking attention: (Q K^T) V grows with N^2,
Q (K^T V) with N. Multiply-adds are equal at N = d; the crossover measured is the N at
which the two take equally long, read off between the points around it.
"""

import argparse
import math
from dataclasses import replace

import machine
import torch
from network import macs

from spikedu import functional
from spikedu.spikformer import Spikformer, SpikformerConfig

BASE = SpikformerConfig(dim=128, depth=2, heads=4)
BATCH = 4
SWEEPS = {
    "B": [1, 2, 4, 8, 16],
    "T": [1, 2, 4, 8],
    "N": [16, 36, 64, 144, 256],
    "D": [64, 128, 256],
}
# Head entries d, tokens N, and pairs of image and head at once.
HEAD, TOKENS, PAIRS = 32, [8, 16, 24, 32, 48, 64, 128, 256], 256
QUICK = {"B": [1, 2], "T": [1, 2], "N": [4, 16], "D": [16, 32]}
TARGET = 1.3


def at(axis: str, value: int, base: SpikformerConfig, batch: int):
    """Config and batch of one point of a sweep."""
    if axis == "B":
        return base, value
    if axis == "T":
        return replace(base, steps=value), batch
    if axis == "D":
        return replace(base, dim=value), batch
    side = math.isqrt(value) * 2 ** sum(base.pools)
    return replace(base, image_size=side), batch


def passes(config: SpikformerConfig, batch: int, device: str):
    """A clock of forward and backward of a network of this size."""
    torch.manual_seed(0)
    model = Spikformer(config).to(device)
    x = torch.rand(batch, config.channels, *[config.image_size] * 2, device=device)

    def run() -> None:
        model.zero_grad()
        model(x).square().sum().backward()

    return lambda calls: machine.seconds(run, calls, device)


def sweep(axis: str, values: list[int], base, batch: int, options) -> list[list]:
    points = [at(axis, value, base, batch) for value in values]
    clocks = {
        value: passes(*point, options.device)
        for value, point in zip(values, points, strict=True)
    }
    took = machine.interleaved(clocks, options.rounds, 0 if options.quick else 0.05)
    rows = []
    for value, (config, size) in zip(values, points, strict=True):
        tokens = config.steps * size * config.patches
        work = 3 * macs(config) * config.steps * size
        t = took[value]
        rows.append([axis, value, t * 1e3, t / tokens * 1e6, t / work * 1e12])
    column = 3 if axis in "BT" else 4
    costs = [row[column] for row in rows]
    for row in rows:
        row.append(max(costs) / min(costs))
    return rows


def orders(device: str, options) -> list[list]:
    """Milliseconds of both orders by N, on spikes of rate 0.2."""
    generator, clocks = torch.Generator().manual_seed(0), {}
    pairs = 4 if options.quick else PAIRS
    for n in TOKENS:
        qkv = torch.rand(3, pairs, n, HEAD, generator=generator) < 0.2
        qkv = qkv.float().to(device)
        for order in ("qk", "kv"):
            run = product(*qkv, order)
            clocks[n, order] = lambda calls, run=run: machine.seconds(
                run, calls, device
            )
    took = machine.interleaved(clocks, options.rounds, 0 if options.quick else 0.01)
    return [
        [n, took[n, "qk"] * 1e3, took[n, "kv"] * 1e3, took[n, "qk"] / took[n, "kv"]]
        for n in TOKENS
    ]


def product(q, k, v, order: str):
    return lambda: functional.spiking_attention(q, k, v, order=order)


def crossover(rows: list[list]) -> float | None:
    """The N at which both take equally long, on a line in log N; None if at none."""
    points = [(math.log(row[0]), math.log(row[-1])) for row in rows]
    for (x, y), (x2, y2) in zip(points, points[1:], strict=False):
        if y <= 0 < y2:
            return math.exp(x - y * (x2 - x) / (y2 - y))
    return None


def draw(path: str, rows: list[list], products: list[list]) -> None:
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axis in "BT":
        points = [row for row in rows if row[0] == axis]
        left.plot([r[1] for r in points], [r[3] for r in points], "o-", label=axis)
    left.set(xscale="log", xlabel="B or T", ylabel="µs per token and step", ylim=0)
    left.legend()
    n = [row[0] for row in products]
    right.plot(n, [row[1] for row in products], "o-", label="(Q K^T) V")
    right.plot(n, [row[2] for row in products], "s-", label="Q (K^T V)")
    right.axvline(HEAD, color="grey", linestyle=":", label="N = d")
    right.set(xscale="log", yscale="log", xlabel="tokens N", ylabel="ms")
    right.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="tiny networks, two rounds: a smoke run")
    add("--device", default="cpu", choices=("cpu", "cuda"))
    add("--rounds", type=int, help="measurements of each point (9)")
    add("--figure", help="also draw it, into this file")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 9)
    sweeps, base, batch = SWEEPS, BASE, BATCH
    if options.quick:
        sweeps, batch = QUICK, 2
        base = SpikformerConfig(dim=16, depth=1, heads=2, image_size=8)
    print(f"{machine.about(options.device)}\n")
    print(f"Base: B = {batch}, {base}\n")
    header = ["axis", "value", "ms", "µs per token and step", "ps per multiply-add"]
    rows = []
    for axis, values in sweeps.items():
        rows += sweep(axis, values, base, batch, options)
    print(machine.table([*header, "flatness"], rows), flush=True)
    for axis in "BT":
        flat = next(row[-1] for row in rows if row[0] == axis)
        print(f"{axis}: flat within {flat:.2f}, target {TARGET}\n")
    products = orders(options.device, options)
    header = ["N", "(Q K^T) V, ms", "Q (K^T V), ms", "ratio"]
    print(f"Spiking attention, d = {HEAD}\n\n{machine.table(header, products)}")
    met = crossover(products)
    met = f"N = {met:.0f}" if met else "no N of these"
    print(f"Crossover measured: {met}; by multiply-adds: N = d = {HEAD}")
    if options.figure:
        draw(options.figure, rows, products)


if __name__ == "__main__":
    main()

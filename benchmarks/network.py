"""A training step and inference of the Spikformer: ours, SpikingJelly's, snnTorch's.

    python benchmarks/network.py [--quick] [--model 4-384] [--compile] [--rounds 7]
    python benchmarks/network.py --device cuda --batch 128 512 --compile

SpikingJelly is no dependency; without it its rows are left out. `neuron.py` says how
to make an environment with it. Its network is a later variant that pools before the
neuron: a peer in speed. The snnTorch transcription (`network_peers.py`) is the same
network; its logits, spikes and five losses are checked against ours first.

A step is forward, backward and AdamW; inference is in eval mode without gradients.
Ratios are against SpikingJelly and the transcription in the same precision. The limit:
operations counted (3 forwards a step) at the measured rate of big products, and for
each neuron 5 tensors (2 in inference) at the bandwidth of a copy. "of the limit" is
that time over the measured one. The memory of a step is what autograd keeps, each
storage once; on a GPU the allocator's peak.
"""

import argparse
import contextlib
import copy

import machine
import network_memory
import torch
from network_peers import Jelly, Transcription, agreement, jelly
from torch import nn
from torch.nn.functional import cross_entropy

from spikedu.inference import folded
from spikedu.spikformer import CIFAR10_4_384, Spikformer, SpikformerConfig

MODELS = {"4-384": CIFAR10_4_384, "D=128": SpikformerConfig(dim=128, depth=2, heads=4)}
QUICK = {"D=16": SpikformerConfig(dim=16, depth=1, heads=2, image_size=8)}
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


# ---------------------------------------------------------------- what is counted
def macs(c: SpikformerConfig) -> int:
    """Multiply-adds of the network as published, per image and time step, by hand."""
    pixels, total, widths = c.image_size**2, 0, [c.channels]
    for share, pool in zip((8, 4, 2, 1), c.pools, strict=True):
        widths.append(c.dim // share)
        total += pixels * 9 * widths[-2] * widths[-1]
        pixels //= 4**pool
    total += pixels * 9 * c.dim**2  # RPE
    linear = 4 * c.dim**2 + 2 * c.dim * round(c.dim * c.mlp_ratio)
    attention = 2 * pixels * c.dim  # (Q K^T) V, per token: 2 N d for each of h heads
    return (
        total + c.depth * pixels * (linear + attention) + c.dim * c.classes // c.steps
    )


def neurons(c: SpikformerConfig) -> int:
    """Neurons of the network, each with one input and one spike per time step."""
    pixels, total = c.image_size**2, 0
    for share, pool in zip((8, 4, 2, 1), c.pools, strict=True):
        total += pixels * c.dim // share
        pixels //= 4**pool
    return total + pixels * (c.dim + c.depth * (6 * c.dim + round(c.dim * c.mlp_ratio)))


# ---------------------------------------------------------------- the ways
def networks(config: SpikformerConfig, device: str) -> dict[str, nn.Module]:
    torch.manual_seed(0)
    model = Spikformer(config)
    found = {"ours": model, "snnTorch": Transcription(config, model)}
    if jelly is not None:
        found["SpikingJelly"] = Jelly(config)
    return {name: net.to(device) for name, net in found.items()}


def autocast(device: str, precision: str):
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device, PRECISIONS[precision])


class Step:
    """One training step of a network on one batch, the same at each call."""

    def __init__(self, net, x, y, precision: str, learning_rate: float = 1e-3):
        self.net, self.x, self.y, self.precision = net.train(), x, y, precision
        self.device = x.device.type
        graphs = {"capturable": True} if self.device == "cuda" else {}
        self.optimizer = torch.optim.AdamW(
            net.parameters(), lr=learning_rate, fused=True, **graphs
        )

    def forward(self):
        with autocast(self.device, self.precision):
            return cross_entropy(self.net(self.x), self.y)

    def __call__(self):
        self.optimizer.zero_grad()
        loss = self.forward()
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def inference(net, x, precision: str):
    def run():
        net.eval()
        with torch.no_grad(), autocast(x.device.type, precision):
            return net(x)

    return run


def graphed(step):
    """The whole of a step as one CUDA graph: no launches, no Python."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def steps(nets, x, y, precision: str, options) -> dict:
    """Name -> one call; compiled rows and graphs where they are wanted and work."""
    found = {
        name: Step(copy.deepcopy(net), x, y, precision) for name, net in nets.items()
    }
    if options.compile:
        for name in [name for name in nets if name != "snnTorch"]:
            net = torch.compile(copy.deepcopy(nets[name]))
            found[f"{name}, compiled"] = Step(net, x, y, precision)
    working = {}
    for name, step in found.items():
        for label, make in (name, lambda s: s), (f"{name}, CUDA graph", graphed):
            if label != name and options.device != "cuda":
                continue
            try:
                way = make(step)
                way()
                working[label] = way
            except Exception as error:  # a compiler or a capture fails in its own ways
                left_out(label, error)
    return working


def left_out(label: str, error: Exception) -> None:
    said = str(error).strip().splitlines() or [""]
    print(f"{label}: left out, {type(error).__name__}: {said[0][:200]}\n")


def inferences(nets, x, precision: str, options) -> dict:
    nets = nets | {"ours, BatchNorm folded": folded(nets["ours"])}
    found = {name: inference(net, x, precision) for name, net in nets.items()}
    if options.compile:
        for name in [name for name in nets if name != "snnTorch"]:
            compiled = torch.compile(copy.deepcopy(nets[name]).eval())
            run = inference(compiled, x, precision)
            try:
                run()
                found[f"{name}, compiled"] = run
            except Exception as error:
                left_out(f"{name}, compiled", error)
    return found


# ---------------------------------------------------------------- the tables
def limit(config, batch: int, precision: str, limits: dict, training: bool) -> float:
    """Seconds that the operations and the neurons' bytes take at the measured rates."""
    each = batch * config.steps
    operations = (3 if training else 1) * 2 * macs(config) * each
    size = 4 if precision == "float32" else 2
    moved = (5 if training else 2) * size * neurons(config) * each
    return operations / limits[precision] + moved / limits["bandwidth"]


def report(name: str, config, batch: int, limits: dict, options) -> None:
    nets = networks(config, options.device)
    x = torch.rand(batch, config.channels, *[config.image_size] * 2)
    y = torch.randint(config.classes, (batch,))
    x, y = x.to(options.device), y.to(options.device)
    print(f"### {name}, batch {batch}\n\n{agreement(nets['ours'], x, y, Step)}\n")
    print(
        f"{macs(config) / 1e9:.4g} G multiply-adds and {neurons(config) / 1e6:.3g} M"
        f" neurons, per image and step, T = {config.steps}.\n",
        flush=True,
    )
    header = ["", "precision", "s", "x SpikingJelly", "x snnTorch"]
    header += ["images/s", "of the limit", "of it products"]
    for what, make in (("Training step", True), ("Inference", False)):
        ways, least = {}, 0 if options.quick else 0.3
        for precision in PRECISIONS:
            torch.compiler.reset()
            if make:
                found = steps(nets, x, y, precision, options)
            else:
                found = inferences(nets, x, precision, options)
            for label, way in found.items():
                ways[label, precision] = clock(way, options.device)
        took = machine.interleaved(ways, options.rounds, least)
        rows = []
        for (label, precision), t in sorted(took.items(), key=lambda item: item[1]):
            peer = [took.get((p, precision)) for p in ("SpikingJelly", "snnTorch")]
            bound = limit(config, batch, precision, limits, make)
            gemm = (3 if make else 1) * 2 * macs(config) * batch * config.steps
            rows.append(
                [label, precision, t, *(p and p / t for p in peer), batch / t]
                + [f"{bound / t:.1%}", f"{gemm / limits[precision] / bound:.0%}"]
            )
        print(f"{what}\n\n{machine.table(header, rows)}", flush=True)


def clock(way, device: str):
    return lambda calls: machine.seconds(way, calls, device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="a tiny network, two rounds: a smoke run")
    add("--device", default="cpu", choices=("cpu", "cuda"))
    add("--model", choices=[*MODELS, "all"], default="all")
    add("--batch", type=int, nargs="+", help="images a step (8; on a GPU 128 and 512)")
    add("--compile", action="store_true", help="also through torch.compile: minutes")
    add("--rounds", type=int, help="measurements of each way (7)")
    options = parser.parse_args()
    gpu = options.device == "cuda"
    options.rounds = options.rounds or (2 if options.quick else 7)
    batches = options.batch or ([2] if options.quick else [128, 512] if gpu else [8])
    models = (
        MODELS if options.model == "all" else {options.model: MODELS[options.model]}
    )
    if options.quick:
        models = QUICK
    print(f"{machine.about(options.device)}\n")
    if jelly is None:
        print("SpikingJelly is not installed: its rows are left out.\n")
    limits = {"bandwidth": machine.copy_bandwidth(options.device, 256)}
    side = 256 if options.quick else 8192 if gpu else 2048
    for name, dtype in PRECISIONS.items():
        limits[name] = machine.gemm_peak(options.device, dtype, side)
    print(
        f"Limits: a copy {limits['bandwidth'] / 1e9:,.1f} GB/s, read and written;"
        f" products of {side} x {side}: float32 {limits['float32'] / 1e9:,.0f} GFLOP/s,"
        f" bfloat16 {limits['bfloat16'] / 1e9:,.0f} GFLOP/s\n"
    )
    for name, config in models.items():
        for batch in batches:
            report(name, config, batch, limits, options)
        network_memory.report(name, config, networks, Step, options)


if __name__ == "__main__":
    main()

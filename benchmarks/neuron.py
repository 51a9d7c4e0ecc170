"""The LIF layer, T steps, forward and backward: ours, snnTorch's and SpikingJelly's.

    python benchmarks/neuron.py [--quick] [--device cuda] [--rounds 15]

SpikingJelly is no dependency; without it its rows are left out. An environment to
throw away:

    python -m venv .peers
    .peers/bin/pip install -c constraints.txt -e . spikingjelly==2.0.0
    .peers/bin/python benchmarks/neuron.py

First all are checked to fire alike. Then each round times every way once, in random
order; a table gives medians and ratios. "x snnTorch" is against the `snntorch.Leaky` of
the same neuron, looped; "x SpikingJelly" against its multi-step node, torch backend.
The bound: a layer must at least read the input, write the spikes, read input and
gradient, and write a gradient, 5 tensors, at the bandwidth of a copy.
"""

import argparse
import math
import os
import tempfile

import machine
import torch
from neuron_ways import Other, both_passes, drive, jelly, ways

from spikedu import functional
from spikedu.functional import lif_step, lif_step_hard

SHAPES = [(4, 64, 384, 64), (4, 16, 384, 64), (25, 128, 1000), (25, 128, 10), (200, 1)]
CUDA_SHAPES = [(4, 512, 384, 64), *SHAPES[:4]]
QUICK_SHAPES = [(4, 2, 8, 16), (25, 10)]
# Caches of compilers, put elsewhere to time a first call for which nothing is cached.
CACHES = "TORCHINDUCTOR_CACHE_DIR TRITON_CACHE_DIR TORCH_EXTENSIONS_DIR XDG_CACHE_HOME"


# ---------------------------------------------------------------- the tables
def compare(shape, device: str, dtype) -> dict[str, tuple[int, float, int]]:
    """Each way: spikes and gradients against the oracle, and bytes kept for backward.

    The oracle is the readable loop, in float32 whatever the dtype: membranes are.
    """
    x, grad = drive(shape, device, dtype)
    oracle = {}
    for kind, step in (("hard", lif_step_hard), ("soft", lif_step)):
        exact = x.detach().float().requires_grad_()
        spikes = functional.lif(exact, step=step)[1]
        spikes.backward(grad.float())
        oracle[kind] = spikes.detach(), exact.grad
    found = {}
    for name, way in ways().items():
        x.grad = None
        try:
            spikes = way(x)
            spikes.backward(grad)
        except Exception as error:  # a compiler may be missing, or fail in its own ways
            print(f"{name}: left out, {type(error).__name__}: {str(error)[:200]}\n")
            continue
        kept = machine.saved_bytes(lambda way=way: way(x))
        right, slope = oracle[name.split(", ")[-1]]
        differ = int((spikes.detach() != right).sum())
        found[name] = differ, float((x.grad - slope).abs().max()), kept
    return found


def timed(names, shape, device: str, dtype, other: Other, options) -> dict[str, float]:
    x, grad = drive(shape, device, dtype)

    def clock(way):
        run = both_passes(way, x, grad)
        return lambda calls: machine.seconds(run, calls, device)

    clocks = {name: clock(ways()[name]) for name in names}
    for kind in ("hard", "soft"):
        way = f"ours, {kind}"
        clocks[f"ours without a compiler, {kind}"] = lambda calls, way=way: other(
            way, shape, device, dtype, calls
        )["seconds"]
    least = 0 if options.quick else 0.02
    return machine.interleaved(clocks, options.rounds, least)


def rows(shape, device, dtype, other, bandwidth, options) -> tuple[list, list[str]]:
    torch.compiler.reset()
    known, wrong = compare(shape, device, dtype), []
    took = timed(known, shape, device, dtype, other, options)
    bound = 5 * math.prod(shape) * torch.empty((), dtype=dtype).element_size()
    out = []
    for name, t in sorted(took.items(), key=lambda item: item[1]):
        kind = name.split(", ")[-1]
        differ, slope, kept = known.get(name, (None, None, None))
        if differ and name.startswith("ours"):
            wrong.append(f"{name}, {shape}: {differ} spikes are not those of the loop")
        jelly_t = took.get("SpikingJelly, hard")
        out.append(
            [
                name,
                t * 1e3,
                took[f"`snntorch.Leaky`, {kind}"] / t,
                jelly_t and jelly_t / t,
                f"{bound / bandwidth / t:.1%}",
                kept and kept / 1e6,
                differ,
                slope,
            ]
        )
    return out, wrong


def first_calls(shape, device: str, dtype) -> list[list]:
    """Seconds of the first call in a new process, without and with what it cached."""
    with tempfile.TemporaryDirectory() as folder:
        caches = {name: os.path.join(folder, name) for name in CACHES.split()}
        found = []
        for cached in ("nothing", "as the first left it"):
            with Other(**caches) as other:
                for kind in ("hard", "soft"):
                    first = other(f"ours, {kind}", shape, device, dtype)["seconds"]
                    again = other(f"ours, {kind}", shape, device, dtype)["seconds"]
                    found.append([f"ours, {kind}", cached, first, again])
    return found


def peaks(shape, device: str, dtype, quick: bool) -> list[list]:
    """Growth of a new process over 3 passes, beyond imports, input and its gradient."""
    found = []
    for way in list(ways())[: 1 if quick else None]:
        with Other() as other:
            other(way, (2, 1), device, dtype)  # loads what is loaded on the first call
            growth = other(way, shape, device, dtype, calls=3)["growth"]
        found.append([way, growth and growth / 1e6])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="small shapes, two rounds: a smoke run")
    add("--device", default="cpu", choices=("cpu", "cuda"))
    add("--rounds", type=int, help="measurements of each way (15)")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 15)
    device, dtypes, shapes = options.device, [torch.float32], SHAPES
    if device == "cuda":
        shapes, dtypes = CUDA_SHAPES, [torch.float32, torch.bfloat16, torch.float16]
    if options.quick:
        shapes = QUICK_SHAPES
    print(f"{machine.about(device)}\n")
    if jelly is None:
        print("SpikingJelly is not installed: its rows are left out.\n")
    bandwidth = machine.copy_bandwidth(device, 16 if options.quick else 256)
    print(f"A copy: {bandwidth / 1e9:,.1f} GB/s, read and written.\n")
    header = ["way", "ms", "x snnTorch", "x SpikingJelly", "of the bound"]
    header += ["MB kept for backward", "spikes that differ", "gradient off by"]
    faults = []
    with Other(SPIKEDU_COMPILED="0") as other:
        for dtype in dtypes:
            for shape in shapes:
                size = " x ".join(map(str, shape[1:]))
                print(f"T = {shape[0]}, {size}, {str(dtype)[6:]}\n", flush=True)
                found, wrong = rows(shape, device, dtype, other, bandwidth, options)
                faults += wrong
                print(machine.table(header, found), flush=True)
    header = ["way", "cached before", "first call, s", "second, s"]
    print("The first call in a new process\n")
    print(machine.table(header, first_calls(shapes[0], device, dtypes[0])), flush=True)
    if device == "cpu":
        found = peaks(shapes[0], device, dtypes[0], options.quick)
        print(f"Memory of a new process, shape {shapes[0]}\n")
        print(machine.table(["way", "grows by, MB"], found))
    for fault in faults:
        print(fault)
    return bool(faults)


if __name__ == "__main__":
    raise SystemExit(main())

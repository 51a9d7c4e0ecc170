"""The ways to compute a LIF layer that `neuron.py` compares, here or in a process."""

import functools
import json
import os
import subprocess
import sys

import machine
import snntorch
import torch
from torch import Tensor

from spikedu import functional, fused
from spikedu.functional import lif_step, lif_step_hard

try:
    from spikingjelly.activation_based import functional as jelly_functional
    from spikingjelly.activation_based import neuron as jelly
    from spikingjelly.activation_based import surrogate as jelly_surrogate
except ImportError:
    jelly = None

# `Leaky` fires on >, the released neuron on >=: the float32 just below its threshold.
BELOW_ONE = torch.nextafter(torch.tensor(1.0), torch.tensor(0.0)).item()


# ---------------------------------------------------------------- the ways
def leaky(x: Tensor, hard: bool) -> Tensor:
    """`snntorch.Leaky` in a loop over time, set to that neuron of ours."""
    if not hard:
        node = snntorch.Leaky(beta=0.5)
    else:
        node = snntorch.Leaky(
            beta=0.5,
            threshold=BELOW_ONE,
            reset_mechanism="zero",
            reset_delay=True,
            spike_grad=snntorch.surrogate.sigmoid(slope=4),
        )
        x = x / 2
    node = node.to(x.device)
    mem, trace = torch.zeros_like(x[0]), []
    for current in x:
        spikes, mem = node(current, mem)
        trace.append(spikes)
    return torch.stack(trace)


def jelly_node(compiled: bool = False):
    """SpikingJelly's neuron as in the released Spikformer, reset at each call."""
    node = jelly.LIFNode(
        tau=2.0,
        detach_reset=True,
        v_reset=0.0,
        surrogate_function=jelly_surrogate.Sigmoid(alpha=4.0),
        step_mode="m",
    )
    node.backend = "torch"

    call = torch.compile(node, dynamic=False) if compiled else node

    def run(x: Tensor) -> Tensor:
        jelly_functional.reset_net(node)
        return call(x)

    return run


def ours(step):
    return lambda x: fused.lif(x, 0.5, 1.0, step)[1]


@functools.cache
def ways() -> dict:
    """Name -> from x [T, ...] to spikes; the last word says which neuron it is."""
    found = {
        "ours, hard": ours(lif_step_hard),
        "ours, soft": ours(lif_step),
        "ours, spikes alone, hard": lambda x: fused.spikes(x, step=lif_step_hard),
        "ours, spikes alone, soft": lambda x: fused.spikes(x),
        "`functional.lif`, hard": lambda x: functional.lif(x, step=lif_step_hard)[1],
        "`functional.lif`, soft": lambda x: functional.lif(x)[1],
        "`snntorch.Leaky`, hard": lambda x: leaky(x, True),
        "`snntorch.Leaky`, soft": lambda x: leaky(x, False),
    }
    if jelly is not None:
        found["SpikingJelly, hard"] = jelly_node()
        found["SpikingJelly compiled, hard"] = jelly_node(compiled=True)
    return found


def drive(shape, device: str, dtype) -> tuple[Tensor, Tensor]:
    """A current that makes about a third of the neurons fire, and a gradient."""
    generator = torch.Generator().manual_seed(0)
    x, grad = (torch.randn(shape, generator=generator) for _ in range(2))
    x = (x + 0.8).to(device, dtype).requires_grad_()
    return x, grad.to(device, dtype)


def both_passes(way, x: Tensor, grad: Tensor):
    def run() -> None:
        x.grad = None
        way(x).backward(grad)

    return run


# ---------------------------------------------------------------- another process
def serve() -> None:
    """Answers requests, one line of JSON each, until the other side has no more."""
    for line in sys.stdin:
        ask = json.loads(line)
        x, grad = drive(ask["shape"], ask["device"], getattr(torch, ask["dtype"]))
        before = machine.resident()
        machine.reset_peak()
        run = both_passes(ways()[ask["way"]], x, grad)
        took = machine.seconds(run, ask["calls"], ask["device"])
        peak = machine.peak_resident()
        growth = None if None in (before, peak) else max(0, peak - before)
        print(json.dumps({"seconds": took, "growth": growth}), flush=True)


class Other:
    """This script in a process of its own, with other environment variables."""

    def __init__(self, **environment: str):
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, way: str, shape, device: str, dtype, calls: int = 1) -> dict:
        ask = {"way": way, "shape": shape, "device": device, "calls": calls}
        ask["dtype"] = str(dtype).removeprefix("torch.")
        self.process.stdin.write(json.dumps(ask) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{way}: the other process ended; it says why above")
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


if __name__ == "__main__":
    serve()

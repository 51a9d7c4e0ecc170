"""Shared by the benchmarks: fair clocks, the machine's limits, memory, tables."""

import datetime
import os
import platform
import random
import shlex
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor

FLAGS = "avx2 avx512f avx512_bf16 amx_bf16".split()
PACKAGES = "torch triton snntorch spikingjelly scikit-learn".split()


# ---------------------------------------------------------------- where
def about(device: str = "cpu") -> str:
    """Command, date, versions and hardware: what a table needs to be believed."""
    versions = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions.append(f"{package} {metadata.version(package)}")
    script = Path(sys.argv[0])
    command = shlex.join([f"{script.parent.name}/{script.name}", *sys.argv[1:]])
    hardware = processor()
    if device != "cpu":
        hardware = f"{torch.cuda.get_device_name(device)}; {hardware}"
    return (
        f"`python {command}`, {datetime.date.today()}; {', '.join(versions)};"
        f" {hardware}"
    )


def processor() -> str:
    """Cores, threads in use and, where the system tells, name and vector units."""
    threads = torch.get_num_threads()
    said = [f"{platform.machine()}, {threads} thread{'s' * (threads > 1)}"]
    with suppress(OSError):  # Linux alone has this file
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        info = dict(line.split(":", 1) for line in lines if ":" in line)
        info = {key.strip(): value.strip() for key, value in info.items()}
        has = set(info.get("flags", "").split())
        said.append(info.get("model name", ""))
        said.append(" ".join(flag for flag in FLAGS if flag in has))
        cores = sum(line.startswith("processor") for line in lines)
        said.append(f"{cores} cores")
    if hasattr(os, "getloadavg"):  # not on Windows
        said.append(f"load {os.getloadavg()[0]:.1f}")
    return ", ".join(filter(None, said))


def table(header: list[str], rows: list[list]) -> str:
    """A table in Markdown; numbers with three digits, None as a dash."""
    lines = [header, ["---"] * len(header), *([cell(x) for x in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def cell(value) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


# ---------------------------------------------------------------- time
def seconds(way: Callable, calls: int, device: str = "cpu") -> float:
    """Seconds that one of `calls` calls in a row takes; on a GPU by its own events."""
    if device == "cpu":
        began = time.perf_counter()
        for _ in range(calls):
            way()
        return (time.perf_counter() - began) / calls
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(calls):
        way()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1000 / calls


def interleaved(
    ways: dict[str, Callable[[int], float]], rounds: int, least: float
) -> dict[str, float]:
    """Median seconds of a call of each way, all of them once a round, in random order.

    A way takes a number of calls and gives back the seconds of one; it is asked for so
    many that a measurement lasts `least` seconds. So a slow hour hits all alike.
    """
    calls, found = {}, {name: [] for name in ways}
    for name, way in ways.items():
        way(1)  # warm
        calls[name] = max(1, round(least / max(way(1), 1e-9)))
    for _ in range(rounds):
        for name in random.sample(list(ways), len(ways)):
            found[name].append(ways[name](calls[name]))
    return {name: statistics.median(times) for name, times in found.items()}


# ---------------------------------------------------------------- limits
def copy_bandwidth(device: str = "cpu", megabytes: int = 256) -> float:
    """Bytes per second, read and written, of the best of ten copies of a big tensor."""
    source = torch.ones(megabytes << 18, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    best = min(seconds(lambda: target.copy_(source), 1, device) for _ in range(10))
    return 2 * source.nbytes / best


def gemm_peak(device: str = "cpu", dtype=torch.float32, size: int = 2048) -> float:
    """Operations per second (2 a multiply-add) of the best of ten square products."""
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    out = a @ b
    best = min(seconds(lambda: torch.mm(a, b, out=out), 1, device) for _ in range(10))
    return 2 * size**3 / best


# ---------------------------------------------------------------- memory
def saved_bytes(forward: Callable[[], object], besides: list[Tensor] = ()) -> int:
    """Bytes that autograd keeps for backward, each storage once, weights not counted.

    `besides` are tensors that are there anyway: parameters, buffers, the input.
    """
    known = {x.untyped_storage().data_ptr() for x in besides}
    kept = {}

    def pack(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        out = forward()
    total = sum(kept.values())  # before `out` goes, and addresses are used again
    del out
    return total


def resident() -> int | None:
    """Bytes of this process in memory now; None where the system does not tell."""
    with suppress(OSError, AttributeError):
        pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def reset_peak() -> None:
    """Lets `peak_resident` begin anew, where the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "utf-8")


def peak_resident() -> int | None:
    """The most bytes in memory since `reset_peak`; None where the system is no Linux.

    Not `getrusage`: a new process begins there with the peak of the one it came from.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text("utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024

"""The neurons in C++ (`neuron.cpp`), built once a machine and kept in the user's cache.

Only where a compiler is at hand: without one, or with SPIKEDU_COMPILED=0, `eager` does
the work. Nothing is said then, the numbers are the same; `state()` tells which it is.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from spikedu import environment
from spikedu.fused import layout

SOURCE = Path(__file__).with_name("neuron.cpp")
NAMES = {torch.float32: "float32", torch.bfloat16: "bfloat16"}
# Without contraction a * b + c rounds twice, as it does in PyTorch. OpenMP's functions
# are found in the library that PyTorch brings: a second pool of threads would fight it.
FLAGS = "-O3 -march=native -ffp-contract=off -fno-math-errno -shared -fPIC".split()
OPENMP = "-fopenmp -nodefaultlibs -lc".split()
WORTH = 1 << 15  # values for each further thread: below, starting it takes longer


class _Neuron(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_long) for name in ("steps", "count", "stride")),
        *((name, ctypes.c_float) for name in ("beta", "gain", "threshold")),
        *((name, ctypes.c_int) for name in ("hard", "threads")),
    ]


def takes(current: Tensor) -> bool:
    """Whether this way can: on the CPU, single precision or bfloat16, built."""
    return current.device.type == "cpu" and current.dtype in NAMES and bool(_library())


def state() -> str:
    """In words, for `spikedu doctor`."""
    if _library():
        return "compiled neuron"
    if os.environ.get("SPIKEDU_COMPILED") == "0":
        return "eager neuron (SPIKEDU_COMPILED=0)"
    return "eager neuron: no C++ compiler that works was found, training is slower"


@functools.cache
def _library() -> ctypes.CDLL | None:
    """The built library; None where there is none, for whatever reason."""
    compiler = _compiler()
    if compiler is None or os.environ.get("SPIKEDU_COMPILED") == "0":
        return None
    for threads in (OPENMP, []):  # without it: one thread
        try:
            return _load(_build([compiler, *FLAGS, *threads]))
        except (OSError, subprocess.SubprocessError, AttributeError, RuntimeError):
            continue
    return None


def _compiler() -> str | None:
    if sys.platform == "win32":  # its compilers need a shell of their own
        return None
    if sys.platform == "darwin":  # without the tools, c++ opens a window that asks
        asked = shutil.which("xcode-select")
        if not asked or subprocess.run([asked, "-p"], capture_output=True).returncode:
            return None
    return next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)


def _build(command: list[str]) -> Path:
    """Compiles the source unless that was done, by this compiler for this processor."""
    made_of = [SOURCE.read_text("utf-8"), *command, os.path.realpath(command[0])]
    made_of += [torch.__version__, platform.node(), _processor()]
    key = hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:16]
    folder = environment.cache()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    library = folder / f"neuron-{key}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=folder) as part:
            made = os.path.join(part, library.name)
            command = [command[0], os.fspath(SOURCE), "-o", made, *command[1:]]
            subprocess.run(command, capture_output=True, timeout=60, check=True)
            os.replace(made, library)  # whole, or not there
    return library


def _processor() -> str:
    """What -march=native depends on: a cache may be shared by several machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    kept = ("flags", "Features", "model name")
    return "".join(sorted({line for line in lines if line.startswith(kept)}))


def _load(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(os.fspath(path))
    for name in NAMES.values():
        for way, arrays in (("forward", 3), ("backward", 4)):
            function = getattr(library, f"{way}_{name}")
            function.argtypes = [ctypes.c_void_p] * (arrays + 1)
            function.restype = None
    return library


# ---------------------------------------------------------------- the neuron
def lif(current: Tensor, beta: float, threshold: float, hard: bool, membrane: bool):
    """(membrane or None, spikes) as `functional.lif`."""
    return layout.dense(_LIF.apply, current, beta, threshold, hard, membrane)


def _call(way: str, arrays: list[Tensor | None], current: Tensor, constants) -> None:
    beta, threshold, hard = constants
    steps, count = len(current), current[0].numel()
    threads = min(torch.get_num_threads(), current.numel() // WORTH + 1)
    stride = current.stride(0) if steps > 1 else count
    neuron = _Neuron(steps, count, stride, beta, 1 - beta, threshold, hard, threads)
    function = getattr(_library(), f"{way}_{NAMES[current.dtype]}")
    addresses = [None if x is None else x.data_ptr() for x in arrays]
    function(*addresses, ctypes.addressof(neuron))


class _LIF(torch.autograd.Function):
    @staticmethod
    def forward(ctx, current: Tensor, beta, threshold, hard, wanted):
        constants = beta, threshold, hard
        spikes = torch.empty(current.shape, dtype=current.dtype)
        membrane = torch.empty_like(spikes) if wanted else None
        _call("forward", [current, spikes, membrane], current, constants)
        ctx.save_for_backward(current)
        ctx.constants = constants
        ctx.set_materialize_grads(False)
        return membrane, spikes

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, from_membrane: Tensor | None, from_spikes: Tensor | None):
        (current,) = ctx.saved_tensors
        given = [
            None if g is None else g.contiguous() for g in (from_spikes, from_membrane)
        ]
        grad = torch.empty(current.shape, dtype=current.dtype)
        _call("backward", [current, *given, grad], current, ctx.constants)
        return grad, None, None, None, None

"""What every notebook does first, and how it compares an answer until it is checked."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import snntorch
import torch

from spikedu import __version__, arguments


def start(name: str, *, minutes: float, seed: int = 0) -> None:
    """Seeds every generator, forgets snnTorch's neurons, and prints one line.

    snnTorch 1.0 keeps each neuron ever made in a list of its class, with its state; a
    cell that is run twice would otherwise meet the neurons of the first run. `minutes`
    is how long running all cells takes.
    """
    arguments.number("minutes", minutes, 0, above=True)
    arguments.count("seed", seed, low=0, high=2**32 - 1)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    snntorch.SpikingNeuron.instances.clear()
    threads = torch.get_num_threads()
    device = f"{threads} CPU thread{'s' * (threads > 1)}"
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    print(
        f"{name}: spikedu {__version__}, torch {torch.__version__},"
        f" snntorch {snntorch.__version__}, {device}, seed {seed}; running all cells"
        f" takes about {minutes:g} minute{'s' * (minutes != 1)}"
    )


def compare(yours: Any, right: Any) -> str:
    """Whether yours equals right, in words; if not, where the first difference is.

    `yours` is a number, a tensor or a list of them, or a function without arguments
    that computes it. It never raises: an exception of that code is put into words.
    """
    try:
        yours = yours() if callable(yours) else yours
        if _blank(yours):
            return "not attempted yet; the lesson goes on with the reference"
        yours, right = torch.as_tensor(yours), torch.as_tensor(right)
    except Exception as error:
        return f"error: {type(error).__name__}: {error}"
    if yours.shape != right.shape:
        return f"your shape is {list(yours.shape)}, expected is {list(right.shape)}"
    differ = ~torch.isclose(yours.double(), right.double(), equal_nan=False)
    if not differ.any():
        return "equal"
    at = tuple(differ.nonzero()[0].tolist())
    where = f" at {list(at)}" if at else ""
    here, there = yours[at].item(), right[at].item()
    return f"first difference{where}: you have {here:g}, expected {there:g}"


def _blank(answer: Any) -> bool:
    """A stub's answer, or a list with one in it: nothing to compare yet."""
    if isinstance(answer, (list, tuple)):
        return any(_blank(part) for part in answer)
    return answer is None or answer is ...

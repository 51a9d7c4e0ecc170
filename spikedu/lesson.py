"""What every notebook does first."""

from __future__ import annotations

import random

import numpy as np
import snntorch
import torch

from spikedu import __version__, arguments


def start(name: str, *, minutes: float, seed: int = 0) -> None:
    """Seeds every generator, forgets snnTorch's neurons, and prints one line.

    snnTorch 1.0 keeps each neuron ever made in a list of its class, with its state; a
    cell that is run twice would otherwise meet the neurons of the first run.
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
        f" snntorch {snntorch.__version__}, {device}, seed {seed},"
        f" about {minutes:g} minute{'s' * (minutes != 1)}"
    )

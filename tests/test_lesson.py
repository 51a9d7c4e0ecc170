"""The first line of a lesson, and the comparison that never stops it."""

import random

import numpy as np
import pytest
import snntorch
import torch

from spikedu import lesson


def test_start_seeds_everything_and_forgets_old_neurons(capsys):
    draws = []
    for _ in range(2):
        snntorch.Leaky(beta=0.5)
        lesson.start("02_lif_neuron", minutes=2.0, seed=4)
        assert snntorch.SpikingNeuron.instances == []
        draws.append((random.random(), np.random.rand(), torch.rand(1).item()))
    assert draws[0] == draws[1]
    line = capsys.readouterr().out.splitlines()[0]
    assert "02_lif_neuron" in line and "seed 4" in line and "2 minutes" in line
    lesson.start("x", minutes=1.0)
    assert capsys.readouterr().out.endswith("about 1 minute\n")
    with pytest.raises(ValueError, match="minutes = -1"):
        lesson.start("x", minutes=-1.0)


@pytest.mark.parametrize(
    ("yours", "said"),
    [
        (None, "not attempted yet"),
        (..., "not attempted yet"),
        ([1, ..., 3], "not attempted yet"),
        (lambda: (torch.ones(2), None), "not attempted yet"),
        ([1, 2, 3], "equal"),
        (torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64), "equal"),
        (lambda: [1, 2, 3], "equal"),
        ([1, 2], "your shape is [2], expected is [3]"),
        ([1, 5, 4], "first difference at [1]: you have 5, expected 2"),
        ([1, float("nan"), 3], "first difference at [1]: you have nan, expected 2"),
        ("0.21", "error: "),
        (lambda: 1 / 0, "error: ZeroDivisionError: division by zero"),
        (lambda: 4 * ..., "error: TypeError: "),
    ],
)
def test_compare_puts_every_answer_into_words(yours, said):
    assert lesson.compare(yours, [1.0, 2.0, 3.0]).startswith(said)


def test_compare_names_no_place_in_a_single_number():
    assert lesson.compare(3, 4) == "first difference: you have 3, expected 4"
    assert lesson.compare(True, 1) == "equal"

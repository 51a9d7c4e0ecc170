"""The neuron's Triton kernels and the network on a GPU, against the loop on the CPU.

Without a GPU all of it is skipped, unless Triton is there and told to interpret its
kernels: TRITON_INTERPRET=1 python -m pytest tests/test_fused_gpu.py
"""

import os

import pytest
import torch

from spikedu import functional, fused
from spikedu.functional import lif_step, lif_step_hard
from spikedu.fused import gpu
from spikedu.spikformer import Spikformer, SpikformerConfig

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1" and gpu.triton is not None
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
needs_kernels = pytest.mark.skipif(
    DEVICE == "cpu" and not INTERPRETED, reason="no GPU, and no interpreter of Triton"
)
needs_gpu = pytest.mark.skipif(DEVICE == "cpu", reason="no GPU")
BOTH = pytest.mark.parametrize("step", [lif_step, lif_step_hard])
DTYPES = [torch.float32, torch.bfloat16, torch.float16]


@pytest.fixture(autouse=True)
def the_cpu_counts_where_kernels_are_interpreted(monkeypatch):
    if DEVICE == "cpu":
        monkeypatch.setattr(gpu, "KINDS", {"cpu"})


def outcome(lif, current, weights):
    """Membrane, spikes, and the gradient of their weighted sum, on the CPU."""
    current = current.detach().requires_grad_()
    generator = torch.Generator().manual_seed(11)
    loss = 0
    u, s = lif(current)
    for weight, x in zip(weights, (u, s), strict=True):
        given = torch.randn(x.shape, generator=generator).to(x.dtype).to(x.device)
        if weight:
            loss = loss + (x * given).sum()
    (grad,) = torch.autograd.grad(loss, current)
    return [x.detach().cpu() for x in (u, s, grad)]


def must_agree(current, step, weights=(1, 1)):
    """The kernels' outcome for a current on the CPU is that of the float32 loop."""
    got = outcome(lambda x: fused.lif(x, 0.6, 0.75, step), current.to(DEVICE), weights)
    expected = outcome(
        lambda x: functional.lif(x, 0.6, 0.75, step), current.float(), weights
    )
    alone = fused.spikes(current.to(DEVICE), 0.6, 0.75, step).cpu()
    assert torch.equal(got[1].float(), expected[1]) and torch.equal(alone, got[1])
    assert ((got[1][:-1] == 1) & (got[1][1:] == 0)).any() or len(current) == 1
    assert {x.dtype for x in got} == {current.dtype}
    if current.dtype == torch.float32:
        assert torch.equal(got[0], expected[0])
    else:  # one rounding, which Triton's interpreter does towards zero
        rounded = expected[0].to(current.dtype)
        torch.testing.assert_close(got[0], rounded, rtol=1 / 128, atol=1e-6)
    within = 1e-6 if current.dtype == torch.float32 else 2e-2
    scale = expected[2].abs().max().item()
    grad = got[2].float()
    torch.testing.assert_close(grad, expected[2], rtol=0, atol=within * scale)
    assert grad.any()


def drive(*shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(len(shape))
    return (torch.randn(*shape, generator=generator) * 1.5 + 0.6).to(dtype)


@needs_kernels
@BOTH
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("weights", [(1, 1), (0, 1), (1, 0)], ids=["both", "S", "U"])
def test_spikes_of_the_loop_on_the_cpu(step, dtype, weights):
    must_agree(drive(7, 3, 700, dtype=dtype), step, weights)


@needs_kernels
@BOTH
@pytest.mark.parametrize("steps", [1, 2, 100])
def test_any_number_of_steps(step, steps):
    must_agree(drive(steps, 1025), step)


@needs_kernels
@BOTH
def test_any_order_in_memory(step):
    image = drive(6, 5, 8, 4, 3).flatten(0, 1).to(memory_format=torch.channels_last)
    must_agree(image.unflatten(0, (6, 5)), step)
    must_agree(drive(3, 40, 6).permute(2, 0, 1), step)
    must_agree(drive(12, 40)[::2, ::3], step)
    must_agree(drive(1, 300).expand(5, 300), step)


@needs_kernels
def test_nothing_in_nothing_out():
    current = torch.zeros(5, 0, 3, device=DEVICE, requires_grad=True)
    fused.spikes(current).sum().backward()
    assert current.grad.shape == (5, 0, 3)


@needs_gpu
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_the_network_on_the_gpu_is_that_on_the_cpu(compiled):
    """In float64, where rounding moves no spike: same logits, same gradients."""
    torch.manual_seed(0)
    model = Spikformer(SpikformerConfig(32, 2, 4, image_size=16)).double()
    images, found = torch.rand(5, 3, 16, 16, dtype=torch.float64), []
    for device in ("cpu", "cuda"):
        model.to(device).zero_grad()
        run = torch.compile(model) if compiled and device == "cuda" else model
        logits = run(images.to(device))
        logits.square().sum().backward()
        grads = [p.grad.cpu() for p in model.parameters()]
        found.append([logits.detach().cpu(), *grads])
    for got, expected in zip(*reversed(found), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-8)
    assert found[0][0].abs().max() > 0.01

"""The fast neuron against the readable loop: same spikes, membrane and gradient."""

import json
import os
import subprocess
import sys

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from spikedu import functional, fused
from spikedu.functional import lif_step, lif_step_hard
from spikedu.fused import compiled, eager

BUILT = compiled.state() == "compiled neuron"
WAYS = [compiled, eager] if BUILT else [eager]
WAY = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
BOTH = pytest.mark.parametrize("step", [lif_step, lif_step_hard])


def random(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


def drive(*shape, seed=0, dtype=torch.float64):
    """A current in steps of 1/8: strong enough to spike, and to meet U == U_th."""
    return (random(*shape, seed=seed, dtype=dtype) * 8 + 6).round() / 8


def outcome(lif, current, step, weights, beta=0.6, threshold=0.75):
    """Membrane, spikes, and the gradient of their weighted sum."""
    current = current.detach().requires_grad_()
    u, s = lif(current, beta, threshold, step)
    generator = torch.Generator().manual_seed(11)
    loss = sum(
        weight * (x * torch.randn(x.shape, generator=generator, dtype=x.dtype)).sum()
        for weight, x in zip(weights, (u, s), strict=True)
        if weight
    )
    return u.detach(), s.detach(), torch.autograd.grad(loss, current)[0]


def must_agree(current, step, weights=(1, 1), **constants):
    """By the way that `fused` takes, and in single precision by every way there is."""
    spikes = must_be_alike(fused.lif, current, step, weights, constants)
    current = current.float()
    for way in WAYS:

        def lif(current, beta, threshold, step, way=way):
            assert way.takes(current)
            constants = float(beta), float(threshold), step is lif_step_hard
            return way.lif(current, *constants, True)

        must_be_alike(lif, current, step, weights, constants)
    constants = {"beta": 0.6, "threshold": 0.75} | constants
    alone = fused.spikes(current, **constants, step=step)
    assert torch.equal(alone, functional.lif(current, **constants, step=step)[1])
    return spikes


def must_be_alike(lif, current, step, weights, constants):
    expected = outcome(functional.lif, current, step, weights, **constants)
    got = outcome(lif, current, step, weights, **constants)
    within = 1e-12 if current.dtype == torch.float64 else 1e-6
    assert torch.equal(got[1], expected[1])
    assert torch.equal(got[0], expected[0])
    assert got[0].dtype == got[1].dtype == got[2].dtype == current.dtype
    scale = expected[2].abs().max().item() if current.numel() else 1.0
    torch.testing.assert_close(got[2], expected[2], rtol=0, atol=within * scale)
    assert got[2].any() or not current.numel()
    return got[1]


def must_be_busy(spikes):
    """A spike, and a silence after it: without both, nothing was tested."""
    assert ((spikes[:-1] == 1) & (spikes[1:] == 0)).any()


@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 16, 100, 1000])
def test_any_number_of_steps(step, dtype, steps):
    """Eq. (1) over T steps."""
    spikes = must_agree(drive(steps, 3, 17, seed=steps, dtype=dtype), step)
    assert spikes.any() and not spikes.all()
    if steps > 2:
        must_be_busy(spikes)


@BOTH
@pytest.mark.parametrize("weights", [(1, 0), (0, 1), (1, 1)], ids=["U", "S", "both"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_gradients_through_membrane_and_through_spikes(step, weights, dtype):
    must_be_busy(must_agree(drive(9, 4, 50, seed=1, dtype=dtype), step, weights))
    normal = random(9, 4, 50, seed=2, dtype=dtype) + 0.5
    must_be_busy(must_agree(normal, step, weights))


@BOTH
@pytest.mark.parametrize(
    "beta, threshold", [(0.0, 1.0), (0.5, 1.0), (0.75, 0.5), (1.0, 0.3), (0, 1), (1, 2)]
)
def test_any_constants(step, beta, threshold):
    current = drive(11, 4, 30, seed=3)
    spikes = must_agree_or_rest(current, step, beta, threshold)
    if step is lif_step or beta != 1:
        must_be_busy(spikes)


def must_agree_or_rest(current, step, beta, threshold):
    """At beta 1 the input of the hard-reset neuron counts 0 times: it rests."""
    if step is lif_step_hard and beta == 1:
        u, s = fused.lif(current, beta, threshold, step)
        assert not u.any() and not s.any()
        return s
    return must_agree(current, step, beta=beta, threshold=threshold)


@BOTH
@pytest.mark.parametrize(
    "shape",
    [(), (1,), (13,), (2, 3), (2, 1, 5), (3, 2, 4, 5), (2, 2, 3, 4, 5)],
    ids=str,
)
def test_any_shape(step, shape):
    must_be_busy(must_agree(drive(40, *shape, seed=4), step))


@BOTH
def test_memory_order_does_not_matter(step):
    base = drive(6, 8, 10, seed=5)
    odd = {
        "transposed": base.transpose(0, 2),
        "every second": base[::2, 1:, ::3],
        "time last": base.permute(1, 2, 0).movedim(-1, 0),
        "channels last": drive(6, 3, 4, 5, seed=6).to(
            memory_format=torch.channels_last
        ),
        "repeated": drive(1, 8, 10, seed=7).expand(6, 8, 10),
    }
    for current in odd.values():
        spikes = must_agree(current, step)
        must_be_busy(spikes)
        again = must_agree(current.clone(memory_format=torch.contiguous_format), step)
        assert torch.equal(spikes, again)


@BOTH
def test_nothing_in_nothing_out(step):
    """A batch of no images is no error, and has a gradient of no entries."""
    current = torch.zeros(5, 0, 3, requires_grad=True)
    u, s = fused.lif(current, step=step)
    (u.sum() + s.sum()).backward()
    assert u.shape == s.shape == current.grad.shape == (5, 0, 3)
    must_agree(drive(5, 0, 3), step)


@BOTH
def test_two_calls_one_answer(step):
    current = drive(9, 4, 30, seed=8)
    kept = current.clone()
    first, second = (fused.lif(current, step=step) for _ in range(2))
    must_be_busy(first[1])
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    assert torch.equal(current, kept)


@BOTH
def test_the_backward_can_be_walked_twice(step):
    """retain_graph: the first walk must not spoil what was saved for the second."""
    current = drive(7, 3, 20, seed=9).requires_grad_()
    u, s = fused.lif(current, step=step)
    must_be_busy(s)
    loss = (u * u).sum() + (2 * s).sum()
    first, second = (
        torch.autograd.grad(loss, current, retain_graph=True)[0] for _ in range(2)
    )
    assert torch.equal(first, second)
    u, s = functional.lif(current, step=step)
    (expected,) = torch.autograd.grad((u * u).sum() + (2 * s).sum(), current)
    torch.testing.assert_close(first, expected, rtol=1e-12, atol=1e-12)


@BOTH
def test_a_second_derivative_is_refused(step):
    current = drive(7, 3, seed=10).requires_grad_()
    _, s = fused.lif(current, step=step)
    must_be_busy(s)
    (grad,) = torch.autograd.grad((s * current).sum(), current, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


@BOTH
def test_defaults_are_those_of_the_loop(step):
    current = drive(9, 3, 20, seed=12)
    for kwargs in ({}, {"step": step}, {"beta": 0.9}, {"threshold": 0.5}):
        expected, got = functional.lif(current, **kwargs), fused.lif(current, **kwargs)
        must_be_busy(got[1])
        assert torch.equal(expected[0], got[0]) and torch.equal(expected[1], got[1])


# ---------------------------------------------------------------- the ways
@BOTH
@WAY
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_drives_a_membrane_of_single_precision(way, step, dtype):
    current = (random(30, 3, 70, seed=16) * 1.5 + 0.6).to(dtype)
    weight = random(30, 3, 70, seed=17).to(dtype)
    if not way.takes(current):
        assert way is compiled and dtype is torch.float16
        return
    found = []
    for lif, x in (
        (lambda x: functional.lif(x, 0.6, 0.75, step), current.float()),
        (lambda x: way.lif(x, 0.6, 0.75, step is lif_step_hard, True), current),
    ):
        x.requires_grad_()
        u, s = lif(x)
        (grad,) = torch.autograd.grad((weight * s).sum(), x)
        found.append((u.detach(), s.detach(), grad))
    expected, got = found
    must_be_busy(got[1])
    assert {x.dtype for x in got} == {dtype}
    assert torch.equal(got[1].float(), expected[1])
    assert torch.equal(got[0], expected[0].to(dtype))
    # One rounding to half precision, of a gradient computed in single precision.
    torch.testing.assert_close(got[2], expected[2].to(dtype), rtol=1e-2, atol=1e-4)
    if dtype is torch.bfloat16:  # a membrane of 8 bits would have fired elsewhere
        assert not torch.equal(functional.lif(current, 0.6, 0.75, step)[1], got[1])


@WAY
@BOTH
def test_a_repeated_image_is_not_copied(way, step):
    """A current of stride 0 in time: read again and again; its gradients are T."""
    image = drive(3, 40, seed=18, dtype=torch.float32)
    repeated = image.expand(5, 3, 40)
    hard = step is lif_step_hard
    got = outcome(lambda x, *c: way.lif(x, *c[:2], hard, True), repeated, step, (1, 1))
    expected = outcome(functional.lif, repeated, step, (1, 1))
    must_be_busy(got[1])
    assert torch.equal(got[1], expected[1])
    torch.testing.assert_close(got[2], expected[2], rtol=0, atol=1e-5)


@pytest.mark.skipif(not BUILT, reason="no C++ compiler here")
@BOTH
def test_the_number_of_threads_changes_nothing(step):
    current = drive(4, 40, 2000, seed=19, dtype=torch.float32)
    assert current.numel() > 2 * compiled.WORTH
    found, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            found.append(outcome(fused.lif, current, step, (1, 1)))
    finally:
        torch.set_num_threads(before)
    must_be_busy(found[0][1])
    for other in found[1:]:
        assert all(map(torch.equal, found[0], other))


ASKS = """
import json, torch
from spikedu import fused
from spikedu.fused import compiled
torch.manual_seed(0)
spikes = fused.spikes(torch.rand(9, 50))
print(json.dumps([compiled.state(), spikes.sum().item()]))
"""


def asked(**env):
    """State and spikes of a fresh Python with these variables."""
    answer = subprocess.run(
        [sys.executable, "-c", ASKS],
        env=os.environ | {"PYTHONWARNINGS": "error"} | env,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0 and answer.stderr == "", answer.stderr
    return json.loads(answer.stdout)


def test_without_a_compiler_that_works_the_eager_way_is_taken_silently(tmp_path):
    here = asked()
    off = asked(SPIKEDU_COMPILED="0")
    assert "SPIKEDU_COMPILED" in off[0] and off[1] == here[1] > 0
    none = asked(PATH=str(tmp_path))
    assert none[0].startswith("eager") and none[1] == here[1]
    if sys.platform == "win32":
        return
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    cache = tmp_path / "cache"
    failed = asked(PATH=f"{tmp_path}:/bin", HOME=str(cache), XDG_CACHE_HOME=str(cache))
    assert failed[0].startswith("eager") and failed[1] == here[1]
    assert not [x for x in cache.rglob("*") if x.is_file()]
    (tmp_path / "file").touch()  # no folder can be made there
    nowhere = str(tmp_path / "file")
    unwritable = asked(HOME=nowhere, XDG_CACHE_HOME=nowhere)
    assert unwritable[0].startswith("eager") and unwritable[1] == here[1]


# ---------------------------------------------------------------- left to the loop
@BOTH
def test_a_given_state_is_continued(step):
    current = drive(9, 4, 30, seed=13)
    u, s = fused.lif(current, 0.6, 0.75, step)
    assert s[3].any() and not s[3].all()
    rest = fused.lif(current[4:], 0.6, 0.75, step, u=u[3], s=s[3])
    assert torch.equal(rest[0], u[4:]) and torch.equal(rest[1], s[4:])
    for state in ({"u": u[3]}, {"s": s[3]}):
        expected = functional.lif(current[4:], 0.6, 0.75, step, **state)
        got = fused.lif(current[4:], 0.6, 0.75, step, **state)
        assert torch.equal(expected[0], got[0]) and torch.equal(expected[1], got[1])


@BOTH
def test_learned_constants_keep_their_gradient(step):
    """E4, through the fast name too."""
    current, found = drive(9, 4, 30, seed=14), []
    for lif in (functional.lif, fused.lif):
        for learned in ((True, True), (True, False), (False, True)):
            beta, threshold = (
                torch.tensor(x, dtype=torch.float64, requires_grad=True) if yes else x
                for x, yes in zip((0.6, 0.75), learned, strict=True)
            )
            u, s = lif(current, beta, threshold, step)
            must_be_busy(s)
            leaves = [x for x in (beta, threshold) if isinstance(x, torch.Tensor)]
            grads = torch.autograd.grad((u * u).sum() + s.sum(), leaves)
            found.append([g.item() for g in grads])
    assert found[:3] == found[3:]
    assert all(g != 0 for grads in found for g in grads)


def test_any_other_rule_is_followed():
    def no_leak(u, s, current, beta, threshold):
        u = u + current - s * threshold
        return u, (u > threshold).to(u.dtype)

    current = drive(9, 20, seed=15)
    expected = functional.lif(current, step=no_leak)
    got = fused.lif(current, step=no_leak)
    must_be_busy(got[1])
    assert torch.equal(expected[0], got[0]) and torch.equal(expected[1], got[1])
    assert not torch.equal(got[1], fused.lif(current)[1])


# ---------------------------------------------------------------- attention
@pytest.mark.parametrize(
    "n, m, d, d_v", [(64, 64, 32, 32), (9, 11, 40, 42), (8, 8, 8, 8), (50, 3, 7, 5)]
)
def test_spiking_attention_takes_the_cheaper_order(n, m, d, d_v):
    """Eq. (15): the same integers either way, in no more products than need be."""
    q, k, v = (
        (random(2, *shape, seed=seed) > 0).float()
        for seed, shape in enumerate([(n, d), (m, d), (m, d_v)])
    )

    def priced(call):
        with FlopCounterMode(display=False) as counter:
            out = call()
        return out, counter.get_total_flops()

    out, price = priced(lambda: fused.spiking_attention(q, k, v, 0.25))
    prices = []
    for order in ("qk", "kv"):
        same, cost = priced(
            lambda order=order: functional.spiking_attention(q, k, v, 0.25, order)
        )
        assert torch.equal(out, same) and out.any()
        prices.append(cost)
    assert price == min(prices)

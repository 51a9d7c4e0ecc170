"""The equations without parameters: by hand, against snnTorch, against PyTorch."""

import math

import pytest
import snntorch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from spikedu import functional
from spikedu.functional import lif, lif_step, lif_step_hard

BOTH = pytest.mark.parametrize("step", [lif_step, lif_step_hard])
properties = settings(max_examples=40, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 10**6)


def random(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


def drive(*shape, seed=0, dtype=torch.float64):
    """A current in steps of 1/8: strong enough to spike, and to meet U == U_th."""
    return (random(*shape, seed=seed, dtype=dtype) * 8 + 6).round() / 8


def coins(*shape, seed=0, dtype=torch.float32):
    return (random(*shape, seed=seed) > 0).to(dtype)


def must_be_busy(spikes):
    """A spike, and a silence after it: without both, nothing was tested."""
    assert ((spikes[:-1] == 1) & (spikes[1:] == 0)).any()


# ---------------------------------------------------------------- by hand
# Every row: current, membrane, spike. All numbers are exact in binary.
SOFT = [  # beta 0.5, threshold 1: U == 1 does not fire, two spikes in a row
    (0.5, 0.5, 0),
    (0.75, 1.0, 0),
    (0.25, 0.75, 0),
    (1.0, 1.375, 1),
    (0.0, -0.3125, 0),
    (0.0, -0.15625, 0),
    (2.5, 2.421875, 1),
    (1.0, 1.2109375, 1),
    (0.5, 0.10546875, 0),
]
SOFT_75 = [  # beta 0.75, threshold 0.5
    (0.25, 0.25, 0),
    (0.375, 0.5625, 1),
    (0.0, -0.078125, 0),
    (0.5, 0.44140625, 0),
    (0.25, 0.5810546875, 1),
    (0.5, 0.435791015625, 0),
    (0.0, 0.32684326171875, 0),
    (1.0, 1.2451324462890625, 1),
    (0.0, 0.433849334716796875, 0),
]
HARD = [  # beta 0.5, threshold 1: U == 1 fires, then the membrane starts from 0
    (1.0, 0.5, 0),
    (1.5, 1.0, 1),
    (1.0, 0.5, 0),
    (1.0, 0.75, 0),
    (2.0, 1.375, 1),
    (4.0, 2.0, 1),
    (0.0, 0.0, 0),
    (-1.0, -0.5, 0),
    (2.5, 1.0, 1),
]
HARD_75 = [  # beta 0.75, threshold 0.5: the input counts a quarter
    (1.0, 0.25, 0),
    (1.25, 0.5, 1),
    (1.0, 0.25, 0),
    (1.0, 0.4375, 0),
    (0.0, 0.328125, 0),
    (4.0, 1.24609375, 1),
    (0.0, 0.0, 0),
    (-2.0, -0.5, 0),
    (4.0, 0.625, 1),
]
TRACES = pytest.mark.parametrize(
    "step, beta, threshold, rows",
    [
        (lif_step, 0.5, 1.0, SOFT),
        (lif_step, 0.75, 0.5, SOFT_75),
        (lif_step_hard, 0.5, 1.0, HARD),
        (lif_step_hard, 0.75, 0.5, HARD_75),
    ],
)


@TRACES
def test_nine_numbers_by_hand_in_the_loop(step, beta, threshold, rows):
    """Eq. (1), and the released neuron beside it."""
    current, membrane, spikes = torch.tensor(rows, dtype=torch.float64).T
    u, s = lif(current, beta, threshold, step)
    assert u.tolist() == membrane.tolist()
    assert s.tolist() == spikes.tolist()


@TRACES
def test_nine_numbers_by_hand_step_by_step(step, beta, threshold, rows):
    """Eq. (1), one call per time step, for two neurons of which one is at rest."""
    u = s = torch.zeros(2)
    for i, membrane, spike in rows:
        u, s = step(u, s, torch.tensor([i, 0.0]), beta, threshold)
        assert u.tolist() == [membrane, 0.0]
        assert s.tolist() == [spike, 0.0]


def test_defaults_are_those_of_the_released_neuron():
    current, membrane, spikes = torch.tensor(HARD).T
    u, s = lif(current, step=lif_step_hard)
    assert u.tolist() == membrane.tolist() and s.tolist() == spikes.tolist()
    u, s = lif(torch.tensor([row[0] for row in SOFT]))
    assert u.tolist() == [row[1] for row in SOFT]


# ---------------------------------------------------------------- constant drive
@pytest.mark.parametrize("beta", [0.5, 0.8, 0.95])
def test_constant_drive_has_a_closed_form_up_to_the_first_spike(beta):
    """Eq. (1): U[t] = i (1 - b^t) / (1 - b), then a spike takes U_th away."""
    i = 1.5 * (1 - beta)  # the membrane would settle at 1.5
    first = math.floor(math.log(1 / 3) / math.log(beta)) + 1  # 1.5 (1 - b^t) > 1
    u, s = lif(torch.full((first + 1,), i, dtype=torch.float64), beta)
    assert s.tolist()[:first] == [0.0] * (first - 1) + [1.0]
    for t in range(1, first + 1):
        assert u[t - 1].item() == pytest.approx(i * (1 - beta**t) / (1 - beta))
    assert u[first].item() == pytest.approx(beta * u[first - 1].item() + i - 1)


@pytest.mark.parametrize("beta", [0.5, 0.9])
@pytest.mark.parametrize(
    "step, rheobase",
    [(lif_step, lambda beta: 0.7 * (1 - beta)), (lif_step_hard, lambda beta: 0.7)],
)
def test_fires_only_above_the_rheobase(step, rheobase, beta):
    """i > U_th (1 - b); the released neuron scales its input, so i > U_th."""
    factors = torch.tensor([0.999, 1.001], dtype=torch.float64)
    current = (rheobase(beta) * factors).expand(300, 2)
    _, spikes = lif(current, beta, 0.7, step)
    assert spikes[:, 0].sum() == 0
    assert spikes[:, 1].sum() > 1
    must_be_busy(spikes[:, 1])


def test_the_two_neurons_are_different_machines():
    """At 0.9 the released neuron is silent, Eq. (1) fires every second step."""
    current = torch.full((9,), 0.9)
    assert lif(current, step=lif_step_hard)[1].sum() == 0
    assert lif(current)[1].tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize("threshold", [1.0, 0.5, 0.7])
def test_an_impulse_of_exactly_the_threshold(threshold):
    """Eq. (1) fires on >, the released neuron on >=."""
    at = torch.tensor(threshold, dtype=torch.float64)
    above, below = (torch.nextafter(at, at + way) for way in (1, -1))
    impulses = torch.stack([below, at, above])
    current = torch.stack([impulses, torch.zeros(3).double()])
    u, s = lif(current, 0.5, threshold)
    assert s[0].tolist() == [0, 0, 1]
    reset = s[0] * threshold
    assert u[1].tolist() == (0.5 * impulses - reset).tolist()
    u, s = lif(2 * current, 0.5, threshold, lif_step_hard)
    assert s[0].tolist() == [0, 1, 1]
    assert u[1].tolist() == [below.item() / 2, 0, 0]


# ---------------------------------------------------------------- snnTorch
def leaky(current, beta, threshold, mechanism, spike_grad):
    """snnTorch's neuron over T steps, its state kept outside."""
    neuron = snntorch.Leaky(
        beta,
        threshold=threshold,
        reset_mechanism=mechanism,
        reset_delay=True,
        spike_grad=spike_grad,
    )
    membrane, trace = torch.zeros_like(current[0]), []
    for i in current:
        spike, membrane = neuron(i, membrane)
        trace.append((membrane, spike))
    return tuple(torch.stack(part) for part in zip(*trace, strict=True))


def just_below(threshold):
    """The largest float32 below: > on it is >= on the threshold."""
    return torch.nextafter(torch.tensor(threshold), torch.tensor(0.0))


def gradients(run, current, weight_u=1.0, weight_s=1.0):
    """Membrane, spikes, and the gradient of a sum over both with random weights."""
    current = current.clone().requires_grad_()
    u, s = run(current)
    weights = random(2, *current.shape, seed=5, dtype=current.dtype)
    loss = weight_u * (u * weights[0]).sum() + weight_s * (s * weights[1]).sum()
    return u.detach(), s.detach(), torch.autograd.grad(loss, current)[0]


CURRENTS = pytest.mark.parametrize(
    "current",
    [
        random(9, 4, 50, seed=1, dtype=torch.float32) + 0.5,
        drive(9, 4, 50, seed=2, dtype=torch.float32),
    ],
    ids=["normal", "eighths"],
)


@CURRENTS
@pytest.mark.parametrize("weights", [(1, 1), (0, 1), (1, 0)], ids=str)
@pytest.mark.parametrize("beta, threshold", [(0.5, 1.0), (0.75, 0.5), (0.0, 1.0)])
def test_equation_1_is_snntorch_leaky(current, weights, beta, threshold):
    """Eq. (1): spikes identical, gradients equal."""
    grad = snntorch.surrogate.atan()
    theirs = gradients(
        lambda i: leaky(i, beta, threshold, "subtract", grad), current, *weights
    )
    ours = gradients(lambda i: lif(i, beta, threshold), current, *weights)
    must_be_busy(ours[1])
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-6, atol=1e-6)
    assert torch.equal(ours[1], theirs[1])
    torch.testing.assert_close(ours[2], theirs[2], rtol=1e-5, atol=1e-6)


@CURRENTS
@pytest.mark.parametrize("weights", [(1, 1), (0, 1), (1, 0)], ids=str)
@pytest.mark.parametrize("tau, threshold", [(2.0, 1.0), (2.0, 0.5), (4.0, 1.0)])
def test_hard_reset_is_snntorch_leaky_just_below(current, weights, tau, threshold):
    """The released neuron: spikes and gradients identical."""
    grad = snntorch.surrogate.sigmoid(slope=4)
    beta = 1 - 1 / tau
    theirs = gradients(
        lambda i: leaky(i / tau, beta, just_below(threshold), "zero", grad),
        current,
        *weights,
    )
    ours = gradients(
        lambda i: lif(i, beta, threshold, lif_step_hard), current, *weights
    )
    must_be_busy(ours[1])
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-6, atol=1e-6)
    assert torch.equal(ours[1], theirs[1])
    torch.testing.assert_close(ours[2], theirs[2], rtol=1e-5, atol=1e-6)


def test_attention_current_meets_its_threshold_exactly():
    """Eq. (15): integers times 0.125 against U_th = 0.5, where >= and > part ways."""
    counts = torch.randint(0, 9, (6, 500), generator=torch.manual_seed(3))
    current = counts * 0.125
    membrane, spikes = lif(current, 0.5, 0.5, lif_step_hard)
    must_be_busy(spikes)
    assert (membrane == 0.5).float().mean() > 0.01
    assert torch.equal(spikes, (membrane >= 0.5).float())
    grad = snntorch.surrogate.sigmoid(slope=4)
    _, right = leaky(current / 2, 0.5, just_below(0.5), "zero", grad)
    _, wrong = leaky(current / 2, 0.5, 0.5, "zero", grad)
    assert torch.equal(spikes, right)
    assert not torch.equal(spikes, wrong)


# ---------------------------------------------------------------- the spike
SURROGATES = pytest.mark.parametrize(
    "ours, theirs",
    [
        (functional.atan, snntorch.surrogate.atan()),
        (functional.sigmoid, snntorch.surrogate.sigmoid(slope=4)),
    ],
    ids=["atan", "sigmoid"],
)


@SURROGATES
def test_surrogates_are_those_of_snntorch(ours, theirs):
    x = torch.linspace(-15, 15, 601, requires_grad=True)
    expected = torch.autograd.grad(theirs(x).sum(), x)[0]
    assert torch.isfinite(expected).all()
    torch.testing.assert_close(ours(x), expected, rtol=1e-5, atol=1e-9)
    spikes = functional.spike(x, ours)
    (grad,) = torch.autograd.grad((3 * spikes).sum(), x)
    assert torch.equal(spikes, (x > 0).float())
    torch.testing.assert_close(grad, 3 * expected, rtol=1e-5, atol=1e-9)


@SURROGATES
def test_surrogates_are_finite_far_away(ours, theirs):
    """A textbook formula for the sigmoid's derivative is inf / inf at -1e4."""
    x = torch.tensor([-1e4, -1e3, 1e3, 1e4], requires_grad=True)
    (grad,) = torch.autograd.grad(functional.spike(x, ours).sum(), x)
    assert torch.isfinite(grad).all() and (grad >= 0).all() and (grad < 1e-6).all()


def test_surrogate_widths():
    x = torch.tensor([0.0, 0.5], dtype=torch.float64)
    assert functional.atan(x, 1.0)[0] == 0.5
    assert functional.atan(x, 3.0)[1].item() == pytest.approx(
        1.5 / (1 + (math.pi * 0.75) ** 2)
    )
    assert functional.sigmoid(x, 2.0)[0] == 0.5
    assert functional.sigmoid(x, 2.0)[1].item() == pytest.approx(
        2 * math.e / (1 + math.e) ** 2
    )


def test_spike_is_silent_at_zero():
    x = torch.tensor([-1e-30, 0.0, 1e-30])
    assert functional.spike(x).tolist() == [0, 0, 1]


@BOTH
def test_another_surrogate_changes_the_gradient_and_nothing_else(step):
    u, s, i = torch.tensor([1.5, 0.25]), torch.tensor([1.0, 0.0]), torch.ones(2)
    i.requires_grad_()

    def run(**kwargs):
        membrane, spikes = step(u, s, i, 0.5, 0.625, **kwargs)
        grad = torch.autograd.grad(spikes.sum(), i, retain_graph=True)[0]
        return membrane.tolist(), spikes.tolist(), grad.tolist()

    expected = [1, 1] if step is lif_step else [0, 1]
    plain, other = run(), run(surrogate=lambda x: torch.full_like(x, 7.0))
    assert plain[:2] == other[:2] and plain[1] == expected
    assert other[2] == ([3.5, 3.5] if step is lif_step_hard else [7, 7])


# ---------------------------------------------------------------- the loop
@BOTH
def test_float64_stays_float64(step):
    """Bit by bit against Python's own floats."""
    current = random(9, 3, seed=4) + 0.7
    u, s = lif(current, 0.7, 0.9, step)
    assert u.dtype == s.dtype == torch.float64
    must_be_busy(s)
    for neuron in range(3):
        membrane = spike = 0.0
        for t, i in enumerate(current[:, neuron].tolist()):
            if step is lif_step:
                membrane = 0.7 * membrane + i - spike * 0.9
                spike = float(membrane > 0.9)
            else:
                rest = membrane * (1 - spike)
                membrane = rest + (i - rest) * (1 - 0.7)
                spike = float(membrane >= 0.9)
            assert (u[t, neuron].item(), s[t, neuron].item()) == (membrane, spike)


@BOTH
def test_two_halves_with_the_state_passed_are_the_whole(step):
    current = drive(9, 4, 30, seed=6)
    u, s = lif(current, 0.6, 0.8, step)
    assert s[3].any() and not s[3].all()  # a reset crosses the cut
    first = lif(current[:4], 0.6, 0.8, step)
    second = lif(current[4:], 0.6, 0.8, step, u=first[0][-1], s=first[1][-1])
    assert torch.equal(torch.cat([first[0], second[0]]), u)
    assert torch.equal(torch.cat([first[1], second[1]]), s)
    fresh = lif(current[4:], 0.6, 0.8, step)
    assert not torch.equal(fresh[1], second[1])


@BOTH
def test_calling_twice_gives_the_same_answer(step):
    current = drive(9, 4, 30, seed=7)
    kept = current.clone()
    first, second = lif(current, step=step), lif(current, step=step)
    must_be_busy(first[1])
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    assert torch.equal(current, kept)


@BOTH
def test_the_loop_is_step_after_step(step):
    """Also for a rule that the loop has never seen."""
    calls = []

    def counted(u, s, current, beta, threshold):
        calls.append((beta, threshold))
        return step(u, s, current, beta, threshold)

    current = drive(7, 5, seed=8)
    expected, got = (
        gradients(lambda i, rule=rule: lif(i, 0.6, 0.8, rule), current)
        for rule in (step, counted)
    )
    must_be_busy(got[1])
    assert calls == [(0.6, 0.8)] * 7
    assert all(torch.equal(x, y) for x, y in zip(expected, got, strict=True))


def unrolled(current, beta, threshold, step):
    """Both neurons once more, with autograd's own derivative of a smooth stand-in.

    S has the value of the step function and the gradient of its smooth version: atan
    for Eq. (1), a sigmoid of slope 4 for the released neuron.
    """
    u = s = torch.zeros_like(current[0])
    trace = []
    for i in current:
        if step is lif_step:
            u = beta * u + i - s.detach() * threshold
            smooth = torch.atan(math.pi * (u - threshold)) / math.pi
            sharp = (u > threshold).to(u.dtype)
        else:
            kept = torch.where(s == 1, 0, u)
            u = beta * kept + (1 - beta) * i
            smooth = 1 / (1 + torch.exp(-4 * (u - threshold)))
            sharp = (u >= threshold).to(u.dtype)
        s = sharp + smooth - smooth.detach()
        trace.append((u, s))
        s = sharp
    return tuple(torch.stack(part) for part in zip(*trace, strict=True))


@BOTH
@pytest.mark.parametrize("shape", [(), (6,), (3, 6)], ids=str)
def test_decay_and_threshold_can_be_learned(step, shape):
    """E4: b is no hyperparameter only; one for all neurons, or one for each."""
    current = random(7, 3, 6, seed=9) + 0.6
    beta = 0.4 + 0.1 * torch.rand(shape, generator=torch.manual_seed(1)).double()
    threshold = 0.8 + beta
    inputs = [x.clone().requires_grad_() for x in (current, beta, threshold)]
    weights = random(2, *current.shape, seed=10)

    def run(function):
        u, s = function(*inputs, step)
        loss = (u * weights[0]).sum() + (s * weights[1]).sum()
        return u, s, torch.autograd.grad(loss, inputs)

    ours, expected = run(lif), run(unrolled)
    must_be_busy(ours[1])
    torch.testing.assert_close(ours[0], expected[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours[1], expected[1], rtol=0, atol=1e-12)
    for got, want in zip(ours[2], expected[2], strict=True):
        assert (got != 0).any()
        torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-10)


def test_gradient_of_decay_and_threshold_by_hand():
    """E4: one spike at t = 1, so U[2] = b i1 + i2 - U_th; dU/db = i1, dU/dU_th = -1."""
    beta, threshold = (torch.tensor(x, requires_grad=True) for x in (0.5, 1.0))
    u, s = lif(torch.tensor([1.5, 0.25]), beta, threshold)
    assert u.tolist() == [1.5, 0.0] and s.tolist() == [1, 0]
    grads = torch.autograd.grad(u[1], (beta, threshold), retain_graph=True)
    assert [g.item() for g in grads] == [1.5, -1.0]
    (grad,) = torch.autograd.grad(s[0], threshold)
    assert grad.item() == pytest.approx(-1 / (1 + (math.pi * 0.5) ** 2))


# ---------------------------------------------------------------- other resets
def scaled_delayed(u, s, current, beta, threshold):
    u = beta * (u - s * threshold) + current
    return u, (u > threshold).to(u.dtype)


def immediate(u, s, current, beta, threshold):
    u = beta * u + current
    s = (u > threshold).to(u.dtype)
    return u - s * threshold, s


@properties
@given(seeds, st.sampled_from([0.25, 0.5, 0.75]))
def test_two_soft_resets_differ_in_the_membrane_only(seed, beta):
    """Scaled by b and delayed, or at once: only U tells them apart."""
    current = drive(11, 30, seed=seed)
    u, s = lif(current, beta, 1.0, scaled_delayed)
    u_now, s_now = lif(current, beta, 1.0, immediate)
    must_be_busy(s)
    assert torch.equal(s, s_now)
    assert torch.equal(u != u_now, s == 1)
    assert not torch.equal(s, lif(current, beta, 1.0)[1])  # Eq. (1): not scaled by b


@properties
@given(seeds)
@pytest.mark.parametrize("step", [lif_step, lif_step_hard])
def test_pooling_commutes_with_the_neuron_in_one_step_only(step, seed):
    """MaxPool(LIF(x)) != LIF(MaxPool(x)) for T > 1."""

    def pool(x):
        return F.max_pool2d(x, 3, stride=2, padding=1)

    current = drive(6, 3, 10, 8, seed=seed)
    pooled_after = pool(lif(current, step=step)[1])
    pooled_before = lif(pool(current), step=step)[1]
    assert torch.equal(pooled_after[0], pooled_before[0]) and pooled_after[0].any()
    assert not torch.equal(pooled_after, pooled_before)


@properties
@given(seeds)
@pytest.mark.parametrize("step", [lif_step, lif_step_hard])
def test_time_is_the_first_axis(step, seed):
    """Swapping T and B keeps most spikes, not all."""
    current = drive(5, 7, 20, seed=seed)
    spikes = lif(current, step=step)[1]
    swapped = lif(current.transpose(0, 1), step=step)[1].transpose(0, 1)
    must_be_busy(spikes)
    assert not torch.equal(spikes, swapped)
    alone = lif(current[:, 3], step=step)[1]
    assert torch.equal(spikes[:, 3], alone)


# ---------------------------------------------------------------- attention
Q = torch.tensor([[1.0, 0, 1], [0, 1, 1]])
K = torch.tensor([[1.0, 1, 1], [0, 0, 1], [1, 0, 0], [0, 1, 0]])
V = torch.tensor([[1.0, 0], [1, 1], [0, 1], [0, 0]])


def test_attention_weights_by_hand():
    """Eq. (2): scores 2 1 1 0 and 2 1 0 1 over sqrt(3)."""
    a, b, c = (math.exp(x / math.sqrt(3)) for x in (2, 1, 0))
    rows = torch.tensor([[a, b, b, c], [a, b, c, b]]) / (a + 2 * b + c)
    torch.testing.assert_close(functional.attention_weights(Q, K), rows)


def test_attention_by_hand():
    """Eq. (3): V is applied once (E6)."""
    a, b, c = (math.exp(x / math.sqrt(3)) for x in (2, 1, 0))
    rows = torch.tensor([[a + b, 2 * b], [a + b, b + c]]) / (a + 2 * b + c)
    torch.testing.assert_close(functional.attention(Q, K, V), rows)


@properties
@given(seeds)
def test_attention_is_that_of_pytorch(seed):
    """Eqs. (2) and (3), with every axis of its own size."""
    q, k, v = (
        random(2, 3, *shape, seed=seed + n)
        for n, shape in enumerate([(5, 4), (7, 4), (7, 6)])
    )
    expected = F.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(functional.attention(q, k, v), expected)


@properties
@given(seeds)
def test_attention_weights_are_shares_and_follow_a_permutation(seed):
    """Eq. (2): rows sum to 1; who is where does not matter."""
    q, k = random(2, 5, 3, seed=seed), 9 * random(2, 7, 3, seed=seed + 1)
    v = random(2, 7, 4, seed=seed + 2)
    weights = functional.attention_weights(q, k)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 5).double())
    rows, columns = (
        torch.randperm(n, generator=torch.manual_seed(seed)) for n in (5, 7)
    )
    moved = functional.attention_weights(q[:, rows], k[:, columns])
    torch.testing.assert_close(moved, weights[:, rows][:, :, columns])
    out = functional.attention(q, k, v)
    moved = functional.attention(q[:, rows], k[:, columns], v[:, columns])
    torch.testing.assert_close(moved, out[:, rows])
    moved = functional.spiking_attention(q[:, rows], k[:, columns], v[:, columns])
    torch.testing.assert_close(moved, functional.spiking_attention(q, k, v)[:, rows])


def test_attention_weights_do_not_overflow():
    weights = functional.attention_weights(1e4 * Q, 1e4 * K)
    assert torch.equal(weights, torch.eye(4)[[0, 0]])


@properties
@given(seeds, st.sampled_from([1, 2, 4]))
def test_multi_head_is_that_of_pytorch(seed, heads):
    """Eq. (4) with V in the third argument, the concatenation and W^O (E7)."""
    dim, values = 12, 7
    torch.manual_seed(seed)
    oracle = torch.nn.MultiheadAttention(
        dim, heads, bias=False, vdim=values, batch_first=True
    ).double()
    q, k, v = (random(2, *s, seed=seed) for s in ((5, dim), (6, dim), (6, values)))
    w_q, w_k, w_v = (
        weight.unflatten(0, (heads, -1)).mT
        for weight in (
            oracle.q_proj_weight,
            oracle.k_proj_weight,
            oracle.v_proj_weight,
        )
    )
    expected, _ = oracle(q, k, v)
    out = functional.multi_head(q, k, v, w_q, w_k, w_v, oracle.out_proj.weight.T)
    torch.testing.assert_close(out, expected)


# ---------------------------------------------------------------- spiking attention
def test_spiking_attention_by_hand():
    """Eq. (15), inside: scores 2 1 1 0 and 2 1 0 1, times V, times s."""
    counts = [[3.0, 2.0], [3.0, 1.0]]
    for order in ("qk", "kv"):
        out = functional.spiking_attention(Q, K, V, scale=1.0, order=order)
        assert out.tolist() == counts
        out = functional.spiking_attention(Q, K, V, 0.25, order)
        assert out.tolist() == [[0.75, 0.5], [0.75, 0.25]]
    out = functional.spiking_attention(Q, K, V)
    assert out.tolist() == [[0.375, 0.25], [0.375, 0.125]]


@properties
@given(seeds, st.sampled_from([(64, 32), (9, 40)]))
def test_both_orders_are_the_same_integers(seed, sizes):
    """Eq. (15): on spikes (Q K^T) V == Q (K^T V), exactly, in float32."""
    n, d = sizes
    q, k = coins(2, n, d, seed=seed), coins(2, n + 1, d, seed=seed + 1)
    v = coins(2, n + 1, d + 2, seed=seed + 2)
    qk, kv = (functional.spiking_attention(q, k, v, 1.0, o) for o in ("qk", "kv"))
    exact = q.long() @ k.long().mT @ v.long()
    assert torch.equal(qk.long(), exact) and torch.equal(qk, exact.float())
    assert torch.equal(qk, kv)
    assert exact.max() > 20


def test_float16_counts_to_2048():
    """Integers above 2048 have no float16: one spike more is lost."""
    for n, counted in ((2048, 2048), (2049, 2048)):
        ones = torch.ones(n, 1)
        for order in ("qk", "kv"):
            full = functional.spiking_attention(ones[:3], ones, ones, 1.0, order)
            half = functional.spiking_attention(
                ones[:3].half(), ones.half(), ones.half(), 1.0, order
            )
            assert full.flatten().tolist() == [n] * 3
            assert half.flatten().tolist() == [counted] * 3

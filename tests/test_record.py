"""The recorder: names, what calls mean, replay, attention, files, and no trace left."""

import contextlib
import json
import tracemalloc

import numpy as np
import pytest
import snntorch as snn
import torch
from torch import nn

from spikedu import checkpoints, functional
from spikedu.figures.views import FiringRateView
from spikedu.record import Recorder, Recording
from spikedu.spikformer import LIF, Spikformer, SpikformerConfig, SpikingLinear

T, B, D, N, H = 4, 3, 16, 16, 2
OURS = dict(dim=D, depth=2, heads=H, steps=T, classes=5, channels=1, image_size=8)
OURS |= dict(pools=(False, False, False, True), mlp_ratio=2.0, scale=0.25)
PARTS = ["ssa.query", "ssa.key", "ssa.value", "ssa.lif", "ssa.out", "mlp.up"]
NAMES = [f"sps.stages.{k}" for k in range(4)] + ["rpe"]
NAMES += [f"blocks.{k}.{part}" for k in (0, 1) for part in [*PARTS, "mlp.down"]]


def spikformer(neuron="hard", dtype=torch.float32):
    """Lively: every layer spikes, every layer is silent somewhere."""
    torch.manual_seed(0)
    model = Spikformer(SpikformerConfig(**OURS, neuron=neuron)).to(dtype)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 1.0, 3.0)
            nn.init.uniform_(module.bias, -0.25, 0.75)
            module.momentum = 1.0
    model(images(32, seed=9).to(dtype))
    return model.eval()


def images(batch=B, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 1, 8, 8, generator=generator)


def by_hand(model, run):
    """What our own hooks see: path -> [(given, returned), ...]."""
    seen, hooks = {}, []
    for path, module in model.named_modules():
        if isinstance(module, (LIF, snn.SpikingNeuron)):

            def hook(module, given, returned, path=path):
                seen.setdefault(path, []).append((given[0].detach().clone(), returned))

            hooks.append(module.register_forward_hook(hook))
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return seen


# ---------------------------------------------------------------- our networks
def test_names_of_our_network_are_short_and_the_neuron_of_eq_15_keeps_its_own():
    model = spikformer()
    with Recorder(model) as rec:
        model(images())
    assert list(rec.names) == NAMES
    with Recorder(model, "blocks.0.ssa.*") as rec:
        model(images())
    assert [n.split(".")[-1] for n in rec.names] == [
        "query", "key", "value", "lif", "out",
    ]  # fmt: skip
    with Recorder(model, ["rpe", "sps.stages.[12]"]) as rec:
        model(images())
    assert rec.names == ("sps.stages.1", "sps.stages.2", "rpe")
    assert rec.about["steps"] == T


@pytest.mark.parametrize("neuron", ["hard", "soft"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_spikes_currents_and_replayed_membranes_are_those_of_the_readable_loop(
    neuron, dtype
):
    model, x = spikformer(neuron, dtype), images().to(dtype)
    seen = by_hand(model, lambda: model(x))
    with Recorder(model) as rec:
        model(x)
    step = {"hard": functional.lif_step_hard, "soft": functional.lif_step}[neuron]
    resets = 0
    for name in rec.names:
        about = rec.about["neurons"][name]
        ((current, spikes),) = seen[about["path"]]
        threshold = 0.5 if name.endswith("ssa.lif") else 1.0
        assert rec.threshold(name) == threshold and about["beta"] == 0.5
        u, s = functional.lif(current, 0.5, threshold, step)
        assert rec.spikes[name].dtype == bool
        np.testing.assert_array_equal(rec.spikes[name], spikes.numpy())
        np.testing.assert_array_equal(rec.spikes[name], s.numpy())
        assert rec.current(name).dtype == str(dtype).split(".")[-1]
        np.testing.assert_array_equal(rec.current(name), current.numpy())
        np.testing.assert_allclose(rec.membrane(name), u.numpy(), rtol=1e-6, atol=1e-6)
        assert 0 < rec.spikes[name].mean() < 1, name
        resets += rec.spikes[name][:-1].sum()
    assert resets > 100
    assert about["reset"] == {"hard": "zero", "soft": "subtract"}[neuron]


def test_a_recording_by_hand():
    # Hard neuron: U = U/2 + I/2 after a reset to 0; fires on U >= 1.
    lif = LIF(SpikformerConfig())
    with Recorder(lif) as rec:
        lif(torch.tensor([1.0, 2.0, 2.0, 0.0])[:, None])
    assert rec.names == ("LIF",)
    assert rec.membrane("LIF")[:, 0].tolist() == [0.5, 1.25, 1.0, 0.0]
    assert rec.spikes["LIF"][:, 0].tolist() == [False, True, True, False]
    assert rec.current("LIF")[:, 0].tolist() == [1, 2, 2, 0]


def test_a_replay_that_disagrees_with_the_spikes_raises():
    model = spikformer()
    with Recorder(model, "rpe") as rec:
        model(images())
    rec.spikes["rpe"][1, 0, 0, 0, 0] ^= True
    with pytest.raises(ValueError, match=r"membrane\('rpe'\): replayed .* 1 of 3072"):
        rec.membrane("rpe")


def test_attention_is_q_k_transposed_times_scale():
    model = spikformer()
    with Recorder(model, "blocks.*") as rec:
        model(images())
    assert rec.attentions == ("blocks.0.ssa", "blocks.1.ssa")
    for name in rec.attentions:
        ssa = model.get_submodule(name)
        q, k = (
            ssa.split(torch.tensor(rec.spikes[f"{name}.{part}"]).float())
            for part in ("query", "key")
        )
        eye = torch.eye(N).expand(T, B, H, N, N)
        want = functional.spiking_attention(q, k, eye, scale=0.25)
        assert rec.attention(name).shape == (T, B, H, N, N)
        assert want.max() > 0.25 and not torch.equal(want, want.mT)
        np.testing.assert_array_equal(rec.attention(name), want.numpy())
        # Attention times V is the current of the neuron of Eq. (15).
        v = ssa.split(torch.tensor(rec.spikes[f"{name}.value"]).float()).numpy()
        current = (rec.attention(name) @ v).swapaxes(-3, -2).reshape(T, B, N, D)
        np.testing.assert_allclose(rec.current(f"{name}.lif"), current, atol=1e-6)
    with Recorder(model, "blocks.0.ssa.query") as rec:
        model(images())
    assert rec.attentions == ()
    with pytest.raises(ValueError, match="attention = 'blocks.0.ssa': recorded are"):
        rec.attention("blocks.0.ssa")


def test_several_batches_of_ours_stand_side_by_side():
    model = spikformer()
    with Recorder(model, "rpe") as rec:
        model(images(3, seed=1))
        model(images(2, seed=2))
    with Recorder(model, "rpe") as one:
        model(torch.cat([images(3, seed=1), images(2, seed=2)]))
    assert rec.spikes["rpe"].shape == (T, 5, D, 4, 4)
    np.testing.assert_array_equal(rec.spikes["rpe"], one.spikes["rpe"])
    np.testing.assert_allclose(rec.membrane("rpe"), one.membrane("rpe"), atol=1e-5)


def test_batches_of_different_steps_do_not_fit():
    lif = LIF(SpikformerConfig())
    with pytest.raises(ValueError, match=r"'LIF'.*\(3, 2, 5\).*cannot be put side"):
        with Recorder(lif):
            lif(torch.ones(3, 2, 5))
            lif(torch.ones(4, 2, 5))
    with pytest.raises(ValueError, match="cannot be put side by side"):
        with Recorder(lif):  # [T, N]: there is no batch axis
            lif(torch.ones(3, 5))
            lif(torch.ones(3, 5))


def test_a_neuron_of_ours_that_serves_two_places_is_refused():
    config = SpikformerConfig()

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = SpikingLinear(config, 6, 6)

        def forward(self, x):
            return self.layer(self.layer(x))

    model = Shared()
    with pytest.raises(ValueError, match="'layer': called twice in one forward.*sev"):
        with Recorder(model):
            model(torch.ones(2, 3, 4, 6))
    assert not any(m._forward_hooks for m in model.modules())


# ---------------------------------------------------------------- no trace left
@pytest.mark.parametrize("train", [False, True])
def test_outputs_gradients_state_and_random_numbers_are_bit_identical(train):
    def run(record):
        model = spikformer().train(train)
        torch.manual_seed(3)
        x = images().requires_grad_()
        if record:
            with Recorder(model):
                y = model(x)
                y.square().sum().backward()
        else:
            y = model(x)
            y.square().sum().backward()
        grads = [p.grad for p in model.parameters()]
        return [y, x.grad, *grads, *model.state_dict().values(), torch.rand(3)]

    for a, b in zip(run(True), run(False), strict=True):
        assert torch.equal(a, b)


def test_hooks_go_away_also_after_an_exception_and_the_next_recording_is_new():
    model = spikformer()
    recorder = Recorder(model, "rpe")
    with pytest.raises(ZeroDivisionError):
        with recorder as rec:
            model(images())
            raise ZeroDivisionError
    for module in model.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks
    assert rec.names == ()
    with recorder as one:
        model(images())
    with recorder as two:
        model(images(2))
    assert one.spikes["rpe"].shape[1] == B and two.spikes["rpe"].shape[1] == 2
    assert rec.names == ()


def test_a_forward_that_broke_off_is_not_recorded():
    model, broken = spikformer(), [True]

    def stumble(*_):
        if broken.pop():
            raise ZeroDivisionError

    model.head.register_forward_pre_hook(stumble)
    with Recorder(model) as rec:
        with pytest.raises(ZeroDivisionError):
            model(images())
        broken.append(False)
        model(images(2))
    assert {x.shape[1] for x in rec.spikes.values()} == {2}
    broken.append(True)
    with pytest.raises(ValueError, match="nothing was recorded"):
        with Recorder(model):
            with pytest.raises(ZeroDivisionError):
                model(images())


@pytest.mark.parametrize("hidden", [True, False])
def test_a_network_of_snntorch_stays_bit_identical_too(hidden):
    def run(record):
        model = Loop("RLeaky", init_hidden=hidden, learn_beta=True)
        x = frames().requires_grad_()
        with Recorder(model) if record else contextlib.nullcontext():
            y = model(x)
            y.sum().backward()
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        assert len(grads) > 3
        return [y, x.grad, *grads, model.two.mem, torch.rand(3)]

    for a, b in zip(run(True), run(False), strict=True):
        assert torch.equal(a, b)


def test_a_recorder_records_one_thing_at_a_time():
    recorder = Recorder(LIF(SpikformerConfig()))
    with recorder as rec:
        with pytest.raises(RuntimeError, match="this Recorder is recording"):
            recorder.__enter__()
        with Recorder(recorder.model) as other:
            recorder.model(torch.ones(2, 1, 3))
    assert rec.names == other.names == ("LIF",)
    assert not recorder.model._forward_hooks


def test_later_changes_in_place_do_not_reach_the_record():
    lif = LIF(SpikformerConfig())
    current = torch.full((3, 2, 4), 3.0)
    leaky = snn.Leaky(0.5, init_hidden=True, output=True)
    with Recorder(lif) as ours, Recorder(leaky) as theirs, torch.no_grad():
        lif(current).zero_()
        spikes, mem = leaky(current[0])
        spikes.zero_(), mem.zero_()
        current.zero_()
    for rec in (ours, theirs):
        (name,) = rec.names
        assert rec.spikes[name].all() and (rec.current(name) == 3).all()
        assert (rec.membrane(name) >= 1.5).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_under_autocast_the_replay_uses_the_same_numbers(dtype):
    model = spikformer()
    with torch.no_grad(), torch.autocast("cpu", dtype):
        with Recorder(model) as rec:
            model(images())
    kinds = {rec.about["neurons"][name]["dtype"] for name in rec.names}
    assert str(dtype).split(".")[-1] in kinds
    for name in rec.names:
        assert np.isfinite(rec.membrane(name)).all()


def test_constants_learned_or_given_by_keyword_are_replayed():
    lif = LIF(SpikformerConfig(neuron="soft"))
    lif.threshold = nn.Parameter(torch.tensor([0.3, 0.7, 1.3]))
    lif.beta = 0.3
    torch.manual_seed(0)
    current = torch.rand(6, 20, 3)
    with Recorder(lif) as rec:
        spikes = lif(current=current)
    u, s = functional.lif(current, 0.3, lif.threshold)
    assert rec.about["neurons"]["LIF"]["beta"] == 0.3
    np.testing.assert_allclose(rec.membrane("LIF"), u.detach().numpy(), rtol=1e-6)
    np.testing.assert_array_equal(rec.spikes["LIF"], s.detach().bool().numpy())
    assert spikes[:-1].any() and rec.threshold("LIF").shape == (3,)
    lif.step = lambda u, s, current, beta, threshold: (current, (current > 0.5) * 1.0)
    with Recorder(lif) as rec:
        lif(current)
    with pytest.raises(ValueError, match="the rule of 'LIF' = '<lambda>': must be one"):
        rec.membrane("LIF")


def test_our_neurons_and_theirs_in_one_network():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = SpikingLinear(SpikformerConfig(), 6, 5)
            self.leaky = snn.Leaky(0.5)

        def forward(self, x):
            u = torch.zeros(3, 4, 5)
            return [u := self.leaky(input_=i, mem=u)[1] for i in self.layer(x)]

    model, x = Mixed(), torch.randn(7, 3, 4, 6)
    with Recorder(model) as rec:
        mems = model(x)
        model(x)
    assert rec.names == ("layer", "leaky")
    assert {x.shape for x in rec.spikes.values()} == {(7, 6, 4, 5)}
    assert np.array_equal(rec.current("leaky"), rec.spikes["layer"])
    want = torch.stack(mems).detach().numpy()
    np.testing.assert_array_equal(rec.membrane("leaky")[:, :3], want)
    with pytest.raises(ValueError, match="steps of neurons = .*'layer': 7, 'leaky': 1"):
        with Recorder(model):
            model.layer(x)
            model.leaky(torch.ones(3, 4, 5))


# ---------------------------------------------------------------- any snnTorch network
STEP = {  # by hand: what each neuron is built from, and what else it returns
    "Leaky": dict(beta=0.75),
    "Lapicque": dict(beta=0.75),
    "Synaptic": dict(alpha=0.5, beta=0.75),
    "Alpha": dict(alpha=0.75, beta=0.5, threshold=0.2),
    "RLeaky": dict(beta=0.75, all_to_all=False, V=0.25),
    "RSynaptic": dict(alpha=0.5, beta=0.75, all_to_all=False, V=0.25),
}


class Loop(nn.Module):
    """Two layers of neurons, one module deep, the loop over T in its own `forward`."""

    def __init__(self, kind="Leaky", loop=True, **options):
        super().__init__()
        torch.manual_seed(5)
        neuron = getattr(snn, kind)
        self.inner = nn.ModuleDict({"one": neuron(**STEP[kind], **options)})
        self.two = neuron(**STEP[kind], **options)
        self.fc = nn.Linear(6, 5)
        self.loop, self.hidden = loop, options.get("init_hidden", False)
        self.forget()

    def forget(self):
        self.state = [(), ()]
        for neuron in (self.inner["one"], self.two):
            neuron.reset_mem()

    def step(self, x):
        for k, neuron in enumerate((self.inner["one"], self.two)):
            out = neuron(x if k == 0 else self.fc(x), *self.state[k])
            out = out if isinstance(out, tuple) else (out,)
            x, self.state[k] = out[0], () if self.hidden else out[1:]
            if type(neuron) in (snn.RLeaky, snn.RSynaptic) and not self.hidden:
                self.state[k] = out
        return x

    def forward(self, x):
        if not self.loop:
            return self.step(x)
        self.forget()
        return torch.stack([self.step(i) for i in x])


def frames(steps=7, batch=3, seed=2):
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(steps, batch, 6, generator=generator)


@pytest.mark.parametrize("kind", STEP)
@pytest.mark.parametrize("options", [{}, dict(init_hidden=True),
                                     dict(init_hidden=True, output=True)],
                         ids=["given", "hidden", "hidden and output"])  # fmt: skip
@pytest.mark.parametrize("loop", [True, False], ids=["inside", "outside"])
def test_every_stepwise_neuron_with_the_loop_inside_or_outside(kind, options, loop):
    plain = Loop(kind)  # hands its states through: snnTorch's own returned values
    seen = by_hand(plain, lambda: plain(frames()))
    model = Loop(kind, loop, **options)
    with Recorder(model) as rec, torch.no_grad():
        if loop:
            model(frames())
        else:
            for x in frames():
                model(x)
    assert rec.names == ("inner.one", "two")
    for name in rec.names:
        spikes = torch.stack([returned[0] for _, returned in seen[name]])
        membrane = torch.stack([returned[-1] for _, returned in seen[name]])
        np.testing.assert_array_equal(rec.spikes[name], spikes.bool().numpy())
        np.testing.assert_array_equal(rec.membrane(name), membrane.numpy())
        given = torch.stack([given for given, _ in seen[name]])
        np.testing.assert_array_equal(rec.current(name), given.numpy())
    assert 0 < rec.spikes["inner.one"].mean() < 1
    assert rec.about["steps"] == 7
    about = rec.about["neurons"]["two"]
    assert about["kind"] == kind
    assert about["reset"] == ("zero" if kind == "Alpha" else "subtract")
    assert rec.threshold("two") == pytest.approx(STEP[kind].get("threshold", 1.0))


def test_a_leaky_neuron_by_hand():
    # U = U/2 + I, minus 1 where the step before spiked; fires above 1.
    leaky = snn.Leaky(0.5)
    with Recorder(nn.Sequential(leaky)) as rec:
        mem = torch.zeros(1, 1)
        for current in (0.75, 1.0, 1.0, 0.0):
            _, mem = leaky(torch.full((1, 1), current), mem)
    assert rec.membrane("0").ravel().tolist() == [0.75, 1.375, 0.6875, 0.34375]
    assert rec.spikes["0"].ravel().tolist() == [False, True, False, False]


@pytest.mark.parametrize("loop", [True, False], ids=["inside", "outside"])
@pytest.mark.parametrize("hidden", [True, False])
def test_batches_that_start_from_rest_stand_side_by_side(loop, hidden):
    model = Loop(loop=loop, init_hidden=hidden)
    alone = []
    for both in (False, True):
        with Recorder(model, keep="spikes") as rec, torch.no_grad():
            for seed in (1, 2):
                model.forget()
                x = frames(5, seed=seed)
                _ = model(x) if loop else [model(i) for i in x]
                if not both:
                    break
        alone.append(rec.spikes["two"])
    assert alone[1].shape == (5, 6, 5)
    np.testing.assert_array_equal(alone[1][:, :3], alone[0])


def test_a_state_that_goes_on_continues_the_time_axis():
    model = Loop(loop=False, init_hidden=True)
    with Recorder(model) as rec, torch.no_grad():
        for x in frames(4):
            model(x)
        for x in frames(3, seed=3):
            model(x)  # nobody put it to rest
    assert rec.spikes["two"].shape == (7, 3, 5)


def test_a_batch_of_another_size_starts_from_rest_by_itself():
    model = Loop(loop=False, init_hidden=True)  # snnTorch drops states that do not fit
    with Recorder(model) as rec, torch.no_grad():
        for x in [*frames(4), *frames(4, batch=2, seed=3)]:
            model(x)
    model.forget()
    with Recorder(model) as alone, torch.no_grad():
        for x in frames(4, batch=2, seed=3):
            model(x)
    assert rec.spikes["two"].shape == (4, 5, 5)
    np.testing.assert_array_equal(rec.membrane("two")[:, 3:], alone.membrane("two"))


def silent(model):
    for p in model.parameters():
        nn.init.zeros_(p)
    return model


def test_where_a_silent_network_cannot_tell_the_forwards_do():
    still = torch.zeros(5, 3, 6)
    model = silent(Loop(loop=True))
    with Recorder(model) as rec:
        model(still)
        model(still)
    assert rec.spikes["two"].shape == (5, 6, 5)
    model = silent(Loop(loop=False))
    with Recorder(model) as rec:
        for x in still:
            model(x)
    assert rec.spikes["two"].shape == (5, 3, 5)
    # One layer that is put to rest on purpose is no new run.
    model = Loop(loop=False, init_hidden=True)
    with Recorder(model) as rec:
        for k, x in enumerate(frames(6)):
            model(x)
            if k == 2:
                model.two.reset_mem()
    assert rec.spikes["two"].shape == (6, 3, 5)


def test_a_state_that_the_user_sets_goes_on_inside_a_forward():
    class Damped(Loop):
        def step(self, x):
            x = super().step(x)
            self.state = [(0.5 * u + 0.1,) for (u,) in self.state]
            return x

        def forget(self):
            super().forget()
            self.state = [(torch.full((3, n), 0.2),) for n in (6, 5)]  # not at rest

    model = Damped()
    with Recorder(model) as rec:
        model(frames())
        model(frames(seed=8))
    assert rec.spikes["two"].shape == (7, 6, 5)


def test_calls_that_do_not_fit_raise():
    model = Loop(loop=True)
    with pytest.raises(ValueError, match=r"runs of shapes .* a `with` of its own"):
        with Recorder(model):
            model(frames(5))
            model(frames(4))
    model = Loop(loop=False)
    with pytest.raises(ValueError, match="steps of one run have shapes"):
        with Recorder(model):
            model(frames()[0])
            model.state = [(x[0][:2],) for x in model.state]
            model(frames()[0][:2])
    with pytest.raises(ValueError, match=r"calls of the neurons = \{'inner.one': 1, "):
        with Recorder(model):
            model(frames()[0])
            model.two(torch.ones(3, 5))


def test_a_neuron_that_serves_two_places_is_noticed():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.lif, self.other = snn.Leaky(0.5), snn.Leaky(0.5, init_hidden=True)

        def forward(self, x, other=False):
            a, b = torch.zeros(2, 6), torch.zeros(2, 6)
            for i in x:
                s, a = self.lif(i, a)
                s, b = self.lif(s + 0.1, b)
                if other:
                    self.other(s)

    model, x = Twice(), frames(4, 2)
    with pytest.raises(ValueError, match="'lif': given a membrane that is not its l"):
        with Recorder(model):
            model(x)
    model.lif = snn.Leaky(0.5, init_hidden=True)
    model.lif.__class__ = type("Same", (snn.Leaky,), {
        "forward": lambda self, x, mem=None: (super(type(self), self).forward(x), mem)
    })  # fmt: skip
    with pytest.raises(ValueError, match=r"calls of the neurons = .*serve several"):
        with Recorder(model):
            model(x, other=True)


def test_thresholds_learned_and_one_for_each_neuron():
    threshold = torch.tensor([0.5, 1.0, 2.0])
    leaky = snn.Leaky(0.5, threshold=threshold, learn_threshold=True,
                      reset_mechanism="zero")  # fmt: skip
    with Recorder(leaky) as rec:
        mem = None
        for _ in range(3):
            _, mem = leaky(torch.full((1, 3), 0.9), mem)
    assert rec.threshold("Leaky").tolist() == [0.5, 1.0, 2.0]
    assert rec.about["neurons"]["Leaky"]["reset"] == "zero"
    assert rec.spikes["Leaky"][:, 0].T.tolist() == [
        [True, True, True],
        [False, True, False],
        [False, False, False],
    ]
    with pytest.raises(ValueError, match="'Leaky': threshold changed inside one"):
        with Recorder(leaky):
            _, mem = leaky(torch.ones(1, 3))
            with torch.no_grad():
                leaky.threshold += 1
            leaky(torch.ones(1, 3), mem)


def test_graded_spikes_are_recorded_as_spikes_and_others_refused():
    leaky = snn.Leaky(0.5, graded_spikes_factor=0.5)
    with Recorder(leaky) as rec:
        leaky(torch.tensor([[0.5, 2.0]]))
    assert rec.spikes["Leaky"].tolist() == [[[False, True]]]
    leaky.spike_grad = torch.sigmoid
    with pytest.raises(ValueError, match="output of 'Leaky': spikes must be 0 or 1"):
        with Recorder(leaky):
            leaky(torch.tensor([[0.5, 2.0]]))


def test_neurons_that_take_all_steps_at_once():
    neuron = snn.StateLeaky(beta=0.5, channels=6, graded_spikes_factor=0.5)
    x = frames()
    with Recorder(nn.Sequential(neuron)) as rec, torch.no_grad():
        spikes, membrane = neuron(x)
        neuron(x)
    assert rec.spikes["0"].shape == (7, 6, 6) and rec.spikes["0"].any()
    np.testing.assert_array_equal(rec.spikes["0"][:, 3:], spikes.bool().numpy())
    np.testing.assert_array_equal(rec.membrane("0")[:, :3], membrane.numpy())
    assert rec.about["neurons"]["0"]["reset"] == "none"
    with pytest.raises(ValueError, match="'0': with output=False it emits no spikes"):
        model = nn.Sequential(snn.StateLeaky(0.5, 6, output=False))
        with Recorder(model):
            model(x)


def test_linear_leaky_is_recorded_by_its_input():
    torch.manual_seed(0)
    model = nn.Sequential(snn.LinearLeaky(0.5, 6, 4, threshold=0.3))
    with Recorder(model) as rec, torch.no_grad():
        spikes, membrane = model(frames())
    np.testing.assert_array_equal(rec.spikes["0"], spikes.bool().numpy())
    np.testing.assert_array_equal(rec.membrane("0"), membrane.numpy())
    np.testing.assert_array_equal(rec.current("0"), frames().numpy())
    assert spikes.any()


@pytest.mark.parametrize("pool", [0, 2])
def test_spiking_lstms(pool):
    lstm = snn.SConv2dLSTM(1, 2, 3, max_pool=pool, threshold=0.02)
    torch.manual_seed(0)
    lstm_1d = snn.SLSTM(6, 4, threshold=0.02)
    with Recorder(nn.ModuleList([lstm, lstm_1d])) as rec, torch.no_grad():
        state = state_1d = ()
        for x in frames(4):
            spikes, *state = lstm(images(3), *state)
            _, *state_1d = lstm_1d(x, *state_1d)
    size = 8 // max(pool, 1)
    assert rec.spikes["0"].shape == (4, 3, 2, size, size)
    assert rec.membrane("0").shape == (4, 3, 2, 8, 8)
    np.testing.assert_array_equal(rec.spikes["0"][-1], spikes.bool().numpy())
    assert rec.spikes["1"].shape == (4, 3, 4)


# ---------------------------------------------------------------- files
def recordings():
    model = spikformer()
    with Recorder(model) as ours:
        model(images())
    with torch.autocast("cpu", torch.bfloat16), Recorder(model, "rpe") as low:
        model(images())
    theirs = Loop()
    with Recorder(theirs) as loop, torch.no_grad():
        theirs(frames())
    return ours, low, loop


def test_a_file_gives_back_everything(tmp_path):
    for k, rec in enumerate(recordings()):
        rec.save(tmp_path / f"{k}.safetensors")
        back = Recording.load(tmp_path / f"{k}.safetensors")
        assert back.names == rec.names and back.about == rec.about
        assert back.attentions == rec.attentions
        for name in rec.names:
            assert back.spikes[name].dtype == bool
            np.testing.assert_array_equal(back.spikes[name], rec.spikes[name])
            np.testing.assert_array_equal(back.current(name), rec.current(name))
            np.testing.assert_array_equal(back.membrane(name), rec.membrane(name))
            assert back.current(name).dtype == rec.current(name).dtype
        for name in rec.attentions:
            np.testing.assert_array_equal(back.attention(name), rec.attention(name))
        json.dumps(rec.about, allow_nan=False)


def test_spikes_take_one_bit_each_and_can_be_kept_alone(tmp_path):
    lif = LIF(SpikformerConfig())
    with Recorder(lif, keep="spikes") as rec, torch.no_grad():
        lif(torch.rand(4, 10, 25_000) * 2)
    rec.save(tmp_path / "spikes")
    assert (tmp_path / "spikes").stat().st_size < 1_000_000 / 8 + 2_000
    assert rec.spikes["LIF"].nbytes == 1_000_000
    back = Recording.load(tmp_path / "spikes")
    np.testing.assert_array_equal(back.spikes["LIF"], rec.spikes["LIF"])
    for ask in (back.membrane, rec.current):
        with pytest.raises(ValueError, match="'LIF' was recorded with keep="):
            ask("LIF")


def test_truncated_and_foreign_files_are_refused(tmp_path, our_own_messages):
    rec, path = recordings()[0], tmp_path / "a"
    rec.save(path)
    whole = path.read_bytes()
    for cut in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="truncated, or not a safetensors file"):
            Recording.load(path)
    np.savez(path, a=np.ones(3))
    with pytest.raises(ValueError, match="not a safetensors file"):
        Recording.load(tmp_path / "a.npz")
    checkpoints.write(path, {"w": torch.ones(3)}, {"epoch": 3})
    with pytest.raises(ValueError, match="a checkpoint, not a recording"):
        Recording.load(path)
    shapes = {"shapes": {"rpe": [3, 9]}, "kind": "spikedu recording 1"}
    checkpoints.write(path, {"w": torch.ones(3)}, {**shapes, "recording": {}})
    with pytest.raises(ValueError, match="damaged"):
        Recording.load(path)
    for about in ({"shapes": {}}, {"shapes": {}, "recording": {}}):
        kind = {"kind": "spikedu recording 1"}
        checkpoints.write(path, {"w": torch.ones(3)}, {**kind, **about})
        with pytest.raises(ValueError, match="damaged"):
            Recording.load(path)
    with pytest.raises(FileNotFoundError, match="no such"):
        Recording.load(tmp_path / "nothing")
    with pytest.raises(ValueError, match="nothing is recorded before the `with`"):
        Recording().save(tmp_path / "empty")
    assert not (tmp_path / "empty").exists()


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    rec, path = recordings()[2], tmp_path / "a"
    rec.save(path)
    before = path.read_bytes()

    def full_disk(tensors, part, metadata):
        part.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(checkpoints, "save_file", full_disk)
    with pytest.raises(OSError, match="no space"):
        rec.save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


# ---------------------------------------------------------------- bad input
def test_a_pattern_that_matches_nothing_lists_the_names(our_own_messages):
    model = spikformer()
    with pytest.raises(ValueError, match="pattern = 'ssa': matches none .*: sps.st"):
        Recorder(model, "ssa")
    with pytest.raises(ValueError, match="pattern = 'x'.*blocks.1.mlp.down"):
        Recorder(model, ["rpe", "x"])
    for bad in (3, [], [3], None):
        with pytest.raises(TypeError, match="must be a string or a list of str"):
            Recorder(model, bad)
    with pytest.raises(ValueError, match="keep = 'voltage': must be one of 'all'"):
        Recorder(model, keep="voltage")
    with pytest.raises(TypeError, match="model = 'dict': must be a Module"):
        Recorder({})


def test_a_model_without_known_neurons_says_what_is_supported():
    with pytest.raises(ValueError, match="model = Sequential: no neuron.*snntorch.Le"):
        Recorder(nn.Sequential(nn.Linear(3, 3), nn.ReLU()))
    mixed = nn.Sequential(snn.Leaky(0.5), snn.DeltaLeaky(beta=0.5))
    with pytest.raises(ValueError, match="'1' is a DeltaLeaky; supported: "):
        Recorder(mixed)
    assert Recorder(mixed, "0")


def test_names_that_are_not_there(our_own_messages):
    model = spikformer()
    with Recorder(model, "rpe") as rec:
        with pytest.raises(ValueError, match="filled where the `with` ends"):
            rec.membrane("rpe")
        model(images())
    for ask in (rec.membrane, rec.current, rec.threshold):
        with pytest.raises(ValueError, match="name = 'sps': recorded are rpe"):
            ask("sps")


def test_what_was_never_called_is_named():
    model = Loop()
    with Recorder(model) as rec:
        model.two(torch.ones(2, 5))
    assert rec.names == ("two",) and rec.about["not_called"] == ["inner.one"]
    with pytest.raises(ValueError, match="nothing was recorded: call the model"):
        with Recorder(model):
            pass


# ---------------------------------------------------------------- what it is for
def test_firing_rates_take_the_spikes_as_they_are():
    model = spikformer()
    with Recorder(model) as rec:
        model(images())
    view = FiringRateView.of(rec.spikes)
    assert view.names == rec.names
    assert view.rate.tolist() == [rec.spikes[n].mean() for n in rec.names]
    assert view.neurons[NAMES.index("blocks.0.mlp.up")] == N * 2 * D


def test_ten_million_spikes_fit():
    leaky = snn.Leaky(0.5, init_hidden=True)
    x = torch.rand(10, 100_000)
    tracemalloc.start()
    with Recorder(leaky, keep="spikes") as rec, torch.no_grad():
        for _ in range(10):
            leaky(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rec.spikes["Leaky"].size == 10_000_000
    assert peak < 60e6, peak

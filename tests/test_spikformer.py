"""The network: every equation by hand, published counts, state, initialisation."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from spikedu import functional, spikformer
from spikedu.spikformer import LIF, PRESETS, Spikformer, SpikformerConfig

T, B, C, D, HEIGHT, WIDTH, N = 5, 4, 2, 24, 12, 20, 15  # 3 x 5 patches, d = 8
SMALL = SpikformerConfig(
    dim=D,
    depth=2,
    heads=3,
    steps=T,
    classes=7,
    channels=C,
    image_size=HEIGHT,
    pools=(False, True, False, True),
    mlp_ratio=1.5,
    scale=0.25,
)
properties = settings(max_examples=10, deadline=None, derandomize=True, database=None)


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def coins(*shape, seed=0):
    return (random(*shape, seed=seed) > 0.3).double()


def frames(seed=0):
    return random(T, B, C, HEIGHT, WIDTH, seed=seed)


def lively(config=SMALL, seed=0):
    """A float64 network that spikes everywhere, its BatchNorm far from 0 and 1."""
    torch.manual_seed(seed)
    model = Spikformer(config).double()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 1.0, 3.0)
            nn.init.uniform_(module.bias, -0.25, 0.75)
            module.momentum = 1.0
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.bias, std=0.5)
    model(random(config.steps, B, config.channels, HEIGHT, WIDTH, seed=99))
    return model.eval()


def outputs(model, images):
    """What every module returns, by name."""
    found, hooks = {}, []
    for name, module in model.named_modules():
        hooks.append(
            module.register_forward_hook(
                lambda _, __, out, name=name: found.__setitem__(name, out.detach())
            )
        )
    found["logits"] = model(images).detach()
    for hook in hooks:
        hook.remove()
    return found


def must_be_busy(spikes):
    """A spike, and a silence after it, and nothing but 0 and 1."""
    assert ((spikes[:-1] == 1) & (spikes[1:] == 0)).any()
    assert ((spikes == 0) | (spikes == 1)).all()


# ---------------------------------------------------------------- by hand
def neuron(current, threshold=1.0):
    """The released neuron, tau = 2: half the way to the input, >=, back to 0."""
    u, spikes = torch.zeros_like(current[0]), []
    for i in current:
        u = u + (i - u) / 2
        s = (u >= threshold).double()
        u = torch.where(s == 1, 0, u)
        spikes.append(s)
    return torch.stack(spikes)


def normed(x, bn, training):
    """BatchNorm over the last axis; every other axis, time too, is one population."""
    mean, var = bn.running_mean, bn.running_var
    if training:
        rows = x.reshape(-1, x.shape[-1])
        mean, var = rows.mean(0), ((rows - rows.mean(0)) ** 2).mean(0)
    return (x - mean) / torch.sqrt(var + 1e-5) * bn.weight + bn.bias


def by_hand_linear(layer, x, training=False):
    weight, bias = layer.linear.weight, layer.linear.bias
    current = torch.einsum("tbni,oi->tbno", x, weight)
    current = current if bias is None else current + bias
    return neuron(normed(current, layer.bn, training))


def by_hand_conv(layer, x, training=False):
    """3x3 over images with a border of zeros, one kernel entry at a time."""
    height, width = x.shape[-2:]
    padded = F.pad(x, (1, 1, 1, 1))
    current = sum(
        torch.einsum(
            "tbchw,oc->tbhwo",
            padded[..., row : row + height, column : column + width],
            layer.conv.weight[:, :, row, column],
        )
        for row in range(3)
        for column in range(3)
    )
    return neuron(normed(current, layer.bn, training)).permute(0, 1, 4, 2, 3)


def by_hand_pool(spikes):
    """A spike where any of 3x3 neighbours spiked, on every second row and column."""
    height, width = spikes.shape[-2:]
    padded = F.pad(spikes, (1, 1, 1, 1))
    shifted = [
        padded[..., row : row + height : 2, column : column + width : 2]
        for row in range(3)
        for column in range(3)
    ]
    return torch.stack(shifted).amax(0)


MODES = pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])


@pytest.fixture
def model(training):
    model = lively()
    return model.train(training)


@MODES
@pytest.mark.parametrize("stage, pool", [(0, False), (1, True), (2, False), (3, True)])
def test_stage(model, training, stage, pool):
    """Eq. (11): MP after the neuron, and only where the config says so."""
    stage = model.sps.stages[stage]
    x = coins(T, B, stage.spiking_conv.conv.in_channels, HEIGHT, WIDTH, seed=1)
    expected = by_hand_conv(stage.spiking_conv, x, training)
    must_be_busy(expected)
    if pool:
        expected = by_hand_pool(expected)
        assert expected.shape[-2:] == (HEIGHT // 2, WIDTH // 2)
    assert torch.equal(stage(x), expected)


@MODES
def test_patch_splitting(model, training):
    """Eq. (5): four stages, D/8, D/4, D/2, D wide."""
    x = frames(seed=2)
    widths = []
    expected = x
    for stage, pools in zip(model.sps.stages, SMALL.pools, strict=True):
        expected = by_hand_conv(stage.spiking_conv, expected, training)
        expected = by_hand_pool(expected) if pools else expected
        widths.append(expected.shape[2])
    assert widths == [3, 6, 12, 24]
    must_be_busy(expected)
    assert torch.equal(model.sps(x), expected)


@MODES
def test_position_embedding(model, training):
    """Eq. (6): on the grid, where neighbours are neighbours."""
    x = coins(T, B, D, 3, 5, seed=3)
    expected = by_hand_conv(model.rpe.spiking_conv, x, training)
    must_be_busy(expected)
    assert torch.equal(model.rpe(x), expected)


def test_position_embedding_is_added():
    """Eq. (7): X_0 = x + RPE, then token n is the patch in row n // 5, column n % 5."""
    model, seen = lively(), {}
    model.blocks.register_forward_pre_hook(lambda _, x: seen.update(tokens=x[0]))
    out = outputs(model, frames(seed=4))
    x_0 = out["sps"] + out["rpe"]
    assert set(x_0.unique().tolist()) == {0, 1, 2}
    assert torch.equal(out["rpe"], by_hand_conv(model.rpe.spiking_conv, out["sps"]))
    assert seen["tokens"].shape == (T, B, N, D)
    for n in range(N):
        assert torch.equal(seen["tokens"][:, :, n], x_0[..., n // 5, n % 5])


def test_the_position_embedding_tells_places_apart():
    """Eq. (6): with its kernels at 0, shuffled patches give the same logits."""
    model = lively()
    order = torch.randperm(N, generator=torch.manual_seed(3))

    def logits(x):
        x_0 = (model.rpe(x) + x).flatten(-2).mT
        return model.head(model.blocks(x_0).mean((0, 2)))

    x = coins(T, B, D, 3, 5, seed=5)
    shuffled = x.flatten(-2)[..., order].unflatten(-1, (3, 5))
    assert not torch.allclose(logits(x), logits(shuffled))
    nn.init.zeros_(model.rpe.spiking_conv.conv.weight)
    torch.testing.assert_close(logits(x), logits(shuffled))


COUNTS = torch.randint(0, 4, (T, B, N, D), generator=torch.manual_seed(6)).double()


@MODES
def test_query_key_value(model, training):
    """Eqs. (12), (13), (14): one weight, one BatchNorm and one neuron layer each."""
    ssa = model.blocks[0].ssa
    found = {}
    for name in ("query", "key", "value"):
        layer = getattr(ssa, name)
        found[name] = by_hand_linear(layer, COUNTS, training)
        must_be_busy(found[name])
        got = []
        layer.register_forward_hook(lambda _, __, out, got=got: got.append(out))
        ssa(COUNTS)
        assert torch.equal(got[0], found[name])
    assert not torch.equal(found["query"], found["key"])
    assert not torch.equal(found["key"], found["value"])


def by_hand_attention(ssa, x, training=False):
    """SSA' of Eq. (15), head by head, d = 8 entries each."""
    q, k, v = (by_hand_linear(w, x, training) for w in (ssa.query, ssa.key, ssa.value))
    current = torch.zeros_like(q)
    for head in range(3):
        mine = slice(8 * head, 8 * head + 8)
        scores = torch.einsum("tbnd,tbmd->tbnm", q[..., mine], k[..., mine])
        current[..., mine] = torch.einsum("tbnm,tbmd->tbnd", scores, v[..., mine])
    return neuron(0.25 * current, threshold=0.5), 0.25 * current


@MODES
def test_attention_spikes(model, training):
    """Eq. (15): SN(Q K^T V s), no softmax, U_th = 0.5."""
    ssa, got = model.blocks[1].ssa, []
    ssa.lif.register_forward_hook(lambda _, __, out: got.append(out))
    ssa(COUNTS)
    expected, current = by_hand_attention(ssa, COUNTS, training)
    must_be_busy(expected)
    assert torch.equal(got[0], expected)
    assert not torch.equal(got[0], neuron(current, threshold=1.0))


@MODES
def test_self_attention(model, training):
    """Eq. (16): SN(BN(Linear(SSA'))), one output projection for all heads."""
    ssa = model.blocks[0].ssa
    spikes, _ = by_hand_attention(ssa, COUNTS, training)
    expected = by_hand_linear(ssa.out, spikes, training)
    must_be_busy(expected)
    assert torch.equal(ssa(COUNTS), expected)


@MODES
def test_block(model, training):
    """Eqs. (8) and (9): each part is added to what came in; MLP D -> 1.5 D -> D."""
    block = model.blocks[0]
    spikes, _ = by_hand_attention(block.ssa, COUNTS, training)
    attended = by_hand_linear(block.ssa.out, spikes, training) + COUNTS  # X'_l
    hidden = by_hand_linear(block.mlp.up, attended, training)
    must_be_busy(hidden)
    assert hidden.shape[-1] == 36
    expected = by_hand_linear(block.mlp.down, hidden, training) + attended
    assert torch.equal(block(COUNTS), expected)


def test_head():
    """Eq. (10): the mean over tokens and over time, and one Linear without a spike."""
    model = lively()
    out = outputs(model, frames(seed=7))
    last = out["blocks.1"]
    mean = sum(last[t, :, n] for t in range(T) for n in range(N)) / (T * N)
    expected = mean @ model.head.weight.T + model.head.bias
    torch.testing.assert_close(out["logits"], expected, rtol=1e-12, atol=1e-12)
    assert len(expected.unique()) == B * 7


def test_blocks_come_one_after_the_other():
    """Eqs. (8) and (9): block l reads what block l - 1 wrote."""
    model = lively()
    out = outputs(model, frames(seed=8))
    x_0 = (out["sps"] + out["rpe"]).flatten(-2).mT
    x_1 = model.blocks[0](x_0)
    assert torch.equal(out["blocks.0"], x_1)
    assert torch.equal(out["blocks.1"], model.blocks[1](x_1))
    assert not torch.equal(out["blocks.1"], x_1)


@given(seed=st.integers(0, 10**6))
@properties
def test_the_residual_stream_counts(seed):
    """X_0 in {0, 1, 2} and X_l in 0..2+2l, whole numbers (E14, E15)."""
    out = outputs(lively(seed=seed), frames(seed=seed))
    for name, top in (("blocks.0", 4), ("blocks.1", 6)):
        x = out[name]
        assert torch.equal(x, x.round())
        assert x.min() >= 0 and 2 < x.max() <= top
    assert ((out["sps"] + out["rpe"]) <= 2).all()


# ---------------------------------------------------------------- neurons
@pytest.mark.parametrize("name", ["hard", "soft"])
@pytest.mark.parametrize("threshold", [1.0, 0.5])
def test_lif_is_the_neuron_of_the_config(name, threshold):
    """Eq. (1) for "soft", the released neuron for "hard", beta = 0.5."""
    config = SpikformerConfig(neuron=name)
    current = (random(9, 3, 40, seed=9) * 8 + 6).round() / 8
    step = {"hard": functional.lif_step_hard, "soft": functional.lif_step}[name]
    _, expected = functional.lif(current, 0.5, threshold, step)
    lif = LIF(config, threshold)
    assert torch.equal(lif(current), expected)
    assert torch.equal(lif(current), expected)  # from rest again
    must_be_busy(expected)
    if name == "hard":
        assert torch.equal(expected, neuron(current, threshold))
    assert LIF(config).threshold == 1.0


def test_thresholds():
    """0.5 in the neuron of Eq. (15), 1 in every other."""
    lifs = {n: m for n, m in lively().named_modules() if isinstance(m, LIF)}
    assert len(lifs) == 4 + 1 + 2 * 7
    for name, lif in lifs.items():
        assert lif.threshold == (0.5 if name.endswith("ssa.lif") else 1.0), name
        assert lif.beta == 0.5


def test_the_two_neurons_make_two_networks():
    soft = SpikformerConfig(**{**vars(SMALL), "neuron": "soft"})
    hard_out, soft_out = (outputs(lively(c), frames(seed=10)) for c in (SMALL, soft))
    name = "sps.stages.0.spiking_conv"
    must_be_busy(hard_out[name])
    must_be_busy(soft_out[name])
    current = soft_out[name + ".bn"].unflatten(0, (T, B))
    assert torch.equal(soft_out[name], functional.lif(current)[1])
    assert not torch.equal(hard_out[name], soft_out[name])


# ---------------------------------------------------------------- sizes
PUBLISHED = {  # used parameters; those of the release that its LayerNorms never use
    "CIFAR10_4_384": (9_324_730, 9_330_874),
    "CIFAR10_4_256": (4_155_178, 4_159_274),
    "CIFAR10_2_384": (5_765_050, 5_768_122),
    "IMAGENET_8_384": (16_816_024, None),
    "IMAGENET_6_512": (23_373_352, None),
    "IMAGENET_8_512": (29_689_384, None),
    "IMAGENET_10_512": (36_005_416, None),
    "IMAGENET_8_768": (66_338_632, None),
    "CIFAR10_DVS_2_256": (2_566_666, None),
    # By hand: SPS 24,264 + 240, RPE 36,864 + 128, 2 x 50,880, head 650
    "DIGITS": (24_264 + 240 + 36_864 + 128 + 2 * 50_880 + 650, None),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_published(name):
    config = PRESETS[name]
    with torch.device("meta"):
        model = Spikformer(config)
    used, released = PUBLISHED[name]
    assert sum(p.numel() for p in model.parameters()) == used
    if released:
        assert used + 4 * config.dim * config.depth == released


def test_every_preset_is_published():
    assert PRESETS.keys() == PUBLISHED.keys()
    assert PRESETS["DIGITS"] is spikformer.DIGITS


@pytest.mark.parametrize(
    "name, patches, steps, heads, scale, classes",
    [
        ("DIGITS", 16, 4, 4, 0.125, 10),
        ("CIFAR10_4_256", 64, 4, 8, 0.125, 10),
        ("CIFAR10_4_384", 64, 4, 12, 0.125, 10),
        ("CIFAR10_2_384", 64, 4, 12, 0.125, 10),
        ("CIFAR10_DVS_2_256", 64, 16, 16, 0.25, 10),
        ("IMAGENET_8_384", 196, 4, 12, 0.125, 1000),
        ("IMAGENET_6_512", 196, 4, 8, 0.125, 1000),
        ("IMAGENET_8_512", 196, 4, 8, 0.125, 1000),
        ("IMAGENET_10_512", 196, 4, 8, 0.125, 1000),
        ("IMAGENET_8_768", 196, 4, 12, 0.125, 1000),
    ],
)
def test_presets(name, patches, steps, heads, scale, classes):
    c = PRESETS[name]
    assert (c.patches, c.steps, c.heads) == (patches, steps, heads)
    assert (c.scale, c.classes, c.neuron) == (scale, classes, "hard")
    assert c.mlp_ratio == 4
    pools = {"DIGITS": 1, "CIFAR10_DVS_2_256": 4}.get(name, 2 if patches == 64 else 4)
    assert c.pools == (False,) * (4 - pools) + (True,) * pools
    words = name.split("_")
    if name != "DIGITS":
        assert (c.depth, c.dim) == (int(words[-2]), int(words[-1]))
    assert c.qkv_bias != ("IMAGENET" in name or "DVS" in name)


def test_no_bias_where_the_config_has_none():
    model = Spikformer(SpikformerConfig(**{**vars(SMALL), "qkv_bias": False}))
    without = {n for n, m in model.named_modules() if getattr(m, "bias", 0) is None}
    convs = {n for n, m in model.named_modules() if isinstance(m, nn.Conv2d)}
    assert without - convs == {
        f"blocks.{block}.ssa.{name}.linear"
        for block in (0, 1)
        for name in ("query", "key", "value")
    }
    assert convs <= without


def test_grid_of_any_image():
    assert spikformer.grid(SMALL, HEIGHT, WIDTH) == (3, 5)
    assert SMALL.patches == 9


def test_the_defaults_are_the_cifar10_network():
    assert SpikformerConfig() == PRESETS["CIFAR10_4_384"]


# ---------------------------------------------------------------- initialisation
def test_initialisation():
    torch.manual_seed(0)
    model = Spikformer(PRESETS["CIFAR10_2_384"])
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            weight = module.weight
            n = weight.numel()
            assert weight.std().item() == pytest.approx(0.02, abs=0.08 / math.sqrt(n))
            assert abs(weight.mean().item()) < 5 * 0.02 / math.sqrt(n), name
            # A normal leaves 4.55 % beyond two standard deviations.
            beyond = (weight.abs() > 0.04).double().mean().item()
            assert beyond == pytest.approx(0.0455, abs=5 * 0.21 / math.sqrt(n)), name
            assert not module.bias.any(), name
        if isinstance(module, nn.Conv2d):  # PyTorch's own: uniform, 1/sqrt(fan in)
            bound = 1 / math.sqrt(9 * module.in_channels)
            top = module.weight.abs().max().item()
            assert 0.98 * bound < top <= bound, name
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert (module.weight == 1).all() and not module.bias.any(), name
            assert (module.eps, module.momentum) == (1e-5, 0.1)


# ---------------------------------------------------------------- calls
def test_no_state_survives_a_call():
    model = lively()
    before = copy.deepcopy(model.state_dict())
    first = outputs(model, frames(seed=11))
    model(frames(seed=12))
    model(frames(seed=13)[:2, :1])
    second = outputs(model, frames(seed=11))
    must_be_busy(first["blocks.1.mlp.down"])
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(x, before[n]) for n, x in model.state_dict().items())


def test_a_still_image_is_shown_t_times():
    """4-D images are 5-D frames that repeat (E10)."""
    model, still = lively(), frames(seed=14)[0]
    shown = outputs(model, still)
    repeated = outputs(model, still.repeat(T, 1, 1, 1, 1))
    must_be_busy(shown["blocks.0.ssa.out"])
    assert shown["sps"].shape[:2] == (T, B)
    assert all(torch.equal(shown[name], repeated[name]) for name in shown)
    once = outputs(model, still[None])
    assert not torch.equal(shown["logits"], once["logits"])


def test_event_frames_have_an_order_and_no_future():
    """Step t sees frames 0..t; any number of frames will do."""
    model, events = lively(), frames(seed=15)
    whole, begun = outputs(model, events), outputs(model, events[:3])
    turned = outputs(model, events.flip(0))
    for name in ("sps", "blocks.1"):
        assert torch.equal(whole[name][:3], begun[name])
        assert not torch.equal(whole[name], turned[name].flip(0))
    assert not torch.equal(whole["logits"], turned["logits"])


def test_time_and_batch_are_not_confused():
    """Swapping T and B keeps every shape inside and changes the spikes."""
    model, x = lively(), frames(seed=16)
    spikes, swapped = (outputs(model, y)["sps"] for y in (x, x.transpose(0, 1)))
    must_be_busy(spikes)
    assert not torch.equal(spikes, swapped.transpose(0, 1))


def test_an_image_does_not_see_its_batch():
    """In eval mode; in training BatchNorm mixes them."""
    model, x = lively(), frames(seed=17)
    together, alone = outputs(model, x), outputs(model, x[:, 2:3])
    for name in ("sps", "blocks.0", "blocks.1"):
        assert torch.equal(together[name][:, 2:3], alone[name])
    torch.testing.assert_close(together["logits"][2:3], alone["logits"])
    model.train()
    assert not torch.equal(outputs(model, x)["sps"][:, 2:3], alone["sps"])


def test_a_gradient_reaches_every_parameter_that_counts():
    """A bias in front of BatchNorm cancels: six per block."""
    model = lively().train()
    F.cross_entropy(model(frames(seed=18)), torch.tensor([0, 3, 6, 1])).backward()
    silent = set()
    for name, parameter in model.named_parameters():
        if parameter.grad.abs().max() < 1e-12:
            silent.add(name)
    assert silent == {
        f"blocks.{block}.{layer}.linear.bias"
        for block in (0, 1)
        for layer in (
            ["ssa.query", "ssa.key", "ssa.value", "ssa.out", "mlp.up", "mlp.down"]
        )
    }


def test_images_need_no_float64_nor_contiguity():
    """The same float32 spikes from any memory order."""
    model = lively().float()
    still = frames(seed=19)[0].float()
    rows = outputs(model, still)
    columns = outputs(model, still.to(memory_format=torch.channels_last))
    assert rows["logits"].dtype == torch.float32
    must_be_busy(rows["blocks.0.ssa.query"])
    for name in ("sps", "rpe", "blocks.0", "blocks.1"):
        assert torch.equal(rows[name], columns[name])

"""The released network, spike for spike: its own tensors, and its layouts by hand."""

import copy
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch.nn import functional as F

from spikedu import released
from spikedu.spikformer import PRESETS, Spikformer, SpikformerConfig

FIXTURE = Path(__file__).parent / "fixtures" / "spikformer_small.safetensors"
PARTS = {  # a released neuron layer -> ours, inside a block
    "attn.q_lif": "ssa.query.lif",
    "attn.k_lif": "ssa.key.lif",
    "attn.v_lif": "ssa.value.lif",
    "attn.attn_lif": "ssa.lif",
    "attn.proj_lif": "ssa.out.lif",
    "mlp.fc1_lif": "mlp.up.lif",
    "mlp.fc2_lif": "mlp.down.lif",
}
LAYERS = {
    "patch_embed.proj_lif": "sps.stages.0.spiking_conv.lif",
    "patch_embed.proj_lif1": "sps.stages.1.spiking_conv.lif",
    "patch_embed.proj_lif2": "sps.stages.2.spiking_conv.lif",
    "patch_embed.proj_lif3": "sps.stages.3.spiking_conv.lif",
    "patch_embed.rpe_lif": "rpe.spiking_conv.lif",
} | {
    f"block.{block}.{theirs}": f"blocks.{block}.{ours}"
    for block in (0, 1)
    for theirs, ours in PARTS.items()
}
DTYPES = pytest.mark.parametrize(
    "dtype, key, within",
    [(torch.float64, "logits", 1e-9), (torch.float32, "logits32", 1e-5)],
    ids=["float64", "float32"],
)


@pytest.fixture(scope="module")
def reference():
    """Tensors by path, {"state_dict": {...}, "eval": {...}, ...}, and the facts."""
    with safe_open(FIXTURE, "pt") as file:
        tree = {"facts": json.loads(file.metadata()["facts"])}
        for path in file.keys():
            *folders, name = path.split("/")
            place = tree
            for folder in folders:
                place = place.setdefault(folder, {})
            place[name] = file.get_tensor(path)
    return tree


def outputs(model, images):
    """The logits and what every module returned, by name."""
    found, hooks = {}, []
    for name, module in model.named_modules():
        hooks.append(
            module.register_forward_hook(
                lambda _, __, out, name=name: found.__setitem__(name, out.detach())
            )
        )
    logits = model(images)
    for hook in hooks:
        hook.remove()
    return logits, found


def unpacked(reference, layer):
    """The spikes of a neuron layer: eight to a byte in the file."""
    shape = reference["facts"]["shapes"][layer]
    bits = np.unpackbits(reference["eval"]["lif"][layer].numpy())[: np.prod(shape)]
    return torch.from_numpy(bits.reshape(shape))


def must_equal(spikes, expected):
    """The same whole numbers, in the same places."""
    assert spikes.shape == expected.shape
    assert int((spikes != expected.to(spikes.dtype)).sum()) == 0


def tokens(grid):
    """[T, B, C, H, W] -> [T, B, N, C], row by row."""
    return grid.permute(0, 1, 3, 4, 2).flatten(2, 3)


# ---------------------------------------------------------------- forward
@pytest.fixture(scope="module", params=[torch.float64, torch.float32], ids=str)
def run(request, reference):
    """One forward pass in eval mode: (dtype, logits, outputs)."""
    model = released.load(reference["state_dict"], heads=4).to(request.param)
    with torch.no_grad():
        return request.param, *outputs(model, reference["input"].to(request.param))


@pytest.mark.parametrize("layer", LAYERS)
def test_every_spike_of_every_neuron(reference, run, layer):
    _, _, out = run
    spikes = out[LAYERS[layer]]
    must_equal(spikes, unpacked(reference, layer))
    rate = spikes.double().mean().item()
    assert rate == pytest.approx(reference["facts"]["rates"]["eval"][layer], abs=1e-12)
    assert ((spikes[:-1] == 1) & (spikes[1:] == 0)).any()


def test_every_neuron_layer_was_compared(reference):
    assert reference["eval"]["lif"].keys() == LAYERS.keys()


def test_every_count_of_every_stage(reference, run):
    _, _, out = run
    expected = reference["eval"]
    must_equal(tokens(out["sps"]), expected["sps_x"])
    must_equal(tokens(out["rpe"]), expected["rpe"])
    must_equal(tokens(out["rpe"] + out["sps"]), expected["x0"])
    for block in (0, 1):
        must_equal(out[f"blocks.{block}"], expected["blocks"][str(block)])
    q, k = (
        out[f"blocks.0.ssa.{name}"].unflatten(-1, (4, 16)).transpose(2, 3)
        for name in ("query", "key")
    )
    must_equal(q @ k.mT, expected["attn_map0"])
    assert expected["attn_map0"].max() > 1 and expected["blocks"]["1"].max() > 2


def test_logits(reference, run):
    dtype, logits, _ = run
    key, within = {
        torch.float64: ("logits", 1e-9),
        torch.float32: ("logits32", 1e-5),
    }[dtype]
    expected = reference["eval"][key]
    assert logits.dtype == expected.dtype == dtype
    torch.testing.assert_close(logits, expected, rtol=0, atol=within)
    torch.testing.assert_close(
        logits.double(), reference["eval"]["logits"], rtol=0, atol=within
    )


# ---------------------------------------------------------------- one training step
def one_step(reference, dtype):
    model = released.load(reference["state_dict"], heads=4).to(dtype).train()
    logits, out = outputs(model, reference["input"].to(dtype))
    loss = F.cross_entropy(logits, reference["labels"])
    loss.backward()
    return model, logits.detach(), loss.item(), out


def gradients(model):
    """By released name: every parameter is replaced by its gradient, then exported."""
    shell = copy.deepcopy(model)
    for parameter, trained in zip(shell.parameters(), model.parameters(), strict=True):
        parameter.data = trained.grad
    return released.export(shell)


@DTYPES
def test_training_forward(reference, dtype, key, within):
    """BatchNorm over T and B together: per time step it would be another network."""
    _, logits, loss, out = one_step(reference, dtype)
    expected, rates = reference["train"], reference["facts"]["rates"]["train"]
    torch.testing.assert_close(logits, expected[key], rtol=0, atol=within)
    assert loss == pytest.approx(reference["facts"]["loss"], abs=within)
    for theirs, ours in LAYERS.items():
        rate = out[ours].double().mean().item()
        assert rate == pytest.approx(rates[theirs], abs=1e-12), theirs


def test_gradients_of_every_parameter(reference):
    """Through 4 steps, 19 neuron layers and their surrogates, entry by entry."""
    model = one_step(reference, torch.float64)[0]
    found, expected = gradients(model), reference["train"]["grads"]
    parameters = {
        name for name in found if not ("running" in name or name.endswith("tracked"))
    }
    assert parameters == expected.keys() and len(parameters) == len(
        list(model.parameters())
    )
    for name in parameters:
        got, want = found[name], expected[name].double()
        if name.endswith("_linear.bias"):  # in front of BatchNorm: cancels
            assert got.abs().max() < 1e-12 and want.abs().max() < 1e-12, name
            continue
        assert want.abs().max() > 1e-4, name
        # The reference is rounded to float32: 6e-8 of each entry.
        torch.testing.assert_close(got, want, rtol=1e-6, atol=1e-12, msg=name)


def test_gradients_in_float32(reference):
    model = one_step(reference, torch.float32)[0]
    found, expected = gradients(model), reference["train"]["grads"]
    for name, want in expected.items():
        assert (found[name] - want).norm() < 1e-4 * want.norm() + 1e-6, name


def test_running_statistics_after_one_step(reference):
    model = one_step(reference, torch.float64)[0]
    found, expected = released.export(model), reference["train"]["bn_after"]
    running = {name for name in found if "running" in name}
    assert running == expected.keys() and len(running) == 2 * (5 + 12)
    for name in running:
        got, want = found[name], expected[name].double()
        torch.testing.assert_close(got, want, rtol=1e-6, atol=1e-9, msg=name)
        assert not torch.equal(got.float(), reference["state_dict"][name])


# ---------------------------------------------------------------- names
def test_export_gives_back_what_was_loaded(reference):
    theirs = reference["state_dict"]
    exported = released.export(released.load(theirs, heads=4))
    assert all(torch.equal(exported[name], theirs[name]) for name in exported)
    never_used = {f"block.{i}.norm{j}.{p}" for i in (0, 1) for j in (1, 2) for p in WB}
    assert set(theirs) - set(exported) == never_used


WB = ("weight", "bias")


def test_load_gives_back_what_was_exported():
    config = SpikformerConfig(32, 1, 4, steps=3, classes=6, channels=1, mlp_ratio=2.0)
    torch.manual_seed(1)
    model = Spikformer(config)
    exported = released.export(model)
    assert all(x.is_contiguous() for x in exported.values())  # safetensors wants it
    again = released.load(exported, heads=4, steps=3)
    assert again.config == config
    ours, theirs = model.state_dict(), again.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_what_load_returns(reference):
    """In eval mode, in the dtype of the weights, trainable, sized by the shapes."""
    small = reference["facts"]["config"]
    weights = {
        name: x.double() if x.is_floating_point() else x
        for name, x in reference["state_dict"].items()
    }
    model = released.load(weights, heads=4, steps=7, scale=0.25)
    assert not model.training and not any(m.training for m in model.modules())
    assert all(p.dtype == torch.float64 and p.requires_grad for p in model.parameters())
    assert model.config == SpikformerConfig(
        dim=small["dim"],
        depth=small["depth"],
        heads=4,
        steps=7,
        scale=0.25,
        classes=small["num_classes"],
    )


def test_weights_are_copies(reference):
    before = {name: x.clone() for name, x in reference["state_dict"].items()}
    model = released.load(reference["state_dict"], heads=4)
    exported = released.export(model)
    with torch.no_grad():
        for x in model.state_dict().values():
            x.zero_()
    for name, value in exported.items():
        assert torch.equal(value, before[name])
        assert torch.equal(reference["state_dict"][name], before[name])


@pytest.mark.parametrize("name", [n for n in PRESETS if n != "DIGITS"])
def test_every_preset_has_released_names(name):
    """Loaded again, the names and shapes say which network it was."""
    config = PRESETS[name]
    with torch.device("meta"):
        meta = released.export(Spikformer(config))
    linear = name.startswith("CIFAR10") and "DVS" not in name
    fc1 = meta[
        f"block.{config.depth - 1}.mlp.fc1_{'linear' if linear else 'conv'}.weight"
    ]
    q = meta[f"block.0.attn.q_{'linear' if linear else 'conv'}.weight"]
    hidden, dim = 4 * config.dim, config.dim
    assert q.shape == ((dim, dim) if linear else (dim, dim, 1))
    more = () if linear else (1,) if "DVS" in name else (1, 1)
    assert fc1.shape == (hidden, dim, *more)
    if config.dim <= 256:
        state_dict = {
            n: torch.zeros(x.shape, dtype=x.dtype, device="cpu")
            for n, x in meta.items()
        }
        same = dict(heads=config.heads, steps=config.steps, scale=config.scale)
        assert released.load(state_dict, **same).config == config


# ---------------------------------------------------------------- other layouts
def transcribed(w, images, heads, steps, scale):
    """The released forward pass from its weights alone: names, facts, plain PyTorch."""
    linear = "block.0.attn.q_linear.weight" in w
    kind = "linear" if linear else "conv"

    def lif(x, threshold=1.0):
        v, spikes = 0.0, []
        for x_t in x.unflatten(0, (steps, -1)):
            h = v + (x_t - v) / 2.0
            s = (h >= threshold).to(h.dtype)
            v = h * (1 - s)
            spikes.append(s)
        return torch.cat(spikes)

    def bn(x, name):
        entries = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(w[f"{name}.{entry}"] for entry in entries))

    def layer(x, name, grid):
        """[T*B, C, N] -> [T*B, C', N]."""
        weight, bias = (w.get(f"{name}_{kind}.{entry}") for entry in WB)
        if weight.ndim == 2:
            x = F.linear(x.mT, weight, bias).mT
        elif weight.ndim == 3:
            x = F.conv1d(x, weight, bias)
        else:
            x = F.conv2d(x.unflatten(-1, grid), weight, bias).flatten(-2)
        return lif(bn(x, f"{name}_bn"))

    def attention(x, name, grid):
        q, k, v = (
            layer(x, f"{name}.{letter}", grid).unflatten(1, (heads, -1)).mT
            for letter in "qkv"
        )
        x = (q @ k.mT) @ v if linear else q @ (k.mT @ v)
        x = lif((x * scale).mT.flatten(1, 2), threshold=0.5)
        return layer(x, f"{name}.proj", grid)

    x = images.repeat(steps, 1, 1, 1)
    for n in range(4):
        n_or_nothing = str(n) if n else ""
        x = F.conv2d(x, w[f"patch_embed.proj_conv{n_or_nothing}.weight"], padding=1)
        x = lif(bn(x, f"patch_embed.proj_bn{n_or_nothing}"))
        if n >= 2 or not linear:
            x = F.max_pool2d(x, 3, 2, 1)
    rpe = F.conv2d(x, w["patch_embed.rpe_conv.weight"], padding=1)
    x = x + lif(bn(rpe, "patch_embed.rpe_bn"))
    grid = x.shape[-2:]
    x, block = x.flatten(-2), 0
    while f"block.{block}.attn.q_bn.weight" in w:
        x = x + attention(x, f"block.{block}.attn", grid)
        hidden = layer(x, f"block.{block}.mlp.fc1", grid)
        x = x + layer(hidden, f"block.{block}.mlp.fc2", grid)
        block += 1
    mean = x.mean(-1).unflatten(0, (steps, -1)).mean(0)
    return x, F.linear(mean, w["head.weight"], w["head.bias"])


def random_weights(layout, dim, ratio, channels, classes, seed=0):
    """A state dict of two blocks as one of the three releases would write it."""
    generator = torch.Generator().manual_seed(seed)
    w = {}

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    def uniform(low, high, n):
        x = torch.rand(n, generator=generator, dtype=torch.float64)
        return low + (high - low) * x

    def dense(name, *shape, bias=True):
        fan_in = int(np.prod(shape[1:]))
        w[f"{name}.weight"] = normal(*shape) / fan_in**0.5
        if bias:
            w[f"{name}.bias"] = normal(shape[0]) / 4

    def bn(name, n):
        w[f"{name}.weight"], w[f"{name}.bias"] = uniform(1, 2, n), uniform(0, 1, n)
        w[f"{name}.running_mean"] = normal(n) / 4
        w[f"{name}.running_var"] = uniform(0.2, 0.6, n)
        w[f"{name}.num_batches_tracked"] = torch.tensor(17)

    widths = [channels, dim // 8, dim // 4, dim // 2, dim]
    stages = zip(("", "1", "2", "3"), widths, widths[1:], strict=False)
    for n, c_in, c_out in stages:
        dense(f"patch_embed.proj_conv{n}", c_out, c_in, 3, 3, bias=False)
        bn(f"patch_embed.proj_bn{n}", c_out)
    dense("patch_embed.rpe_conv", dim, dim, 3, 3, bias=False)
    bn("patch_embed.rpe_bn", dim)
    kind, tail, mlp_tail = {
        "cifar": ("linear", (), ()),
        "dvs": ("conv", (1,), (1,)),
        "imagenet": ("conv", (1,), (1, 1)),
    }[layout]
    hidden = ratio * dim
    for block in ("block.0", "block.1"):
        for part in ("q", "k", "v", "proj"):
            bias = layout == "cifar" or part == "proj"
            dense(f"{block}.attn.{part}_{kind}", dim, dim, *tail, bias=bias)
            bn(f"{block}.attn.{part}_bn", dim)
        dense(f"{block}.mlp.fc1_{kind}", hidden, dim, *mlp_tail)
        bn(f"{block}.mlp.fc1_bn", hidden)
        dense(f"{block}.mlp.fc2_{kind}", dim, hidden, *mlp_tail)
        bn(f"{block}.mlp.fc2_bn", dim)
        for norm in ("norm1", "norm2"):
            w |= {f"{block}.{norm}.{entry}": normal(dim) for entry in WB}
    if layout == "dvs":  # created there, never used
        w |= {"norm.weight": normal(dim), "norm.bias": normal(dim)}
        w["pos_embed"] = normal(1, 64, dim)
    dense("head", classes, dim)
    return w


LAYOUTS = [  # layout, dim, heads, steps, ratio, channels, classes, scale, image
    ("cifar", 32, 2, 3, 2, 1, 7, 0.125, (12, 20)),
    ("cifar", 48, 6, 5, 4, 3, 9, 0.25, (20, 8)),
    ("dvs", 32, 4, 5, 3, 2, 6, 0.25, (32, 48)),
    ("imagenet", 24, 3, 3, 4, 3, 11, 0.125, (48, 64)),
]


@pytest.mark.parametrize(
    "layout, dim, heads, steps, ratio, channels, classes, scale, size", LAYOUTS
)
def test_layouts(layout, dim, heads, steps, ratio, channels, classes, scale, size):
    """The released code again, from the facts: counts identical, logits within 1e-9."""
    w = random_weights(layout, dim, ratio, channels, classes)
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(2, channels, *size, generator=generator).double()
    counts, logits = transcribed(w, images, heads, steps, scale)
    model = released.load(w, heads=heads, steps=steps, scale=scale)
    with torch.no_grad():
        got, out = outputs(model, images)
    must_equal(out["blocks"].flatten(0, 1).mT, counts)
    assert counts.max() > 2 and counts.min() == 0
    torch.testing.assert_close(got, logits, rtol=0, atol=1e-9)
    assert logits.shape == (2, classes) and logits.std() > 0.01
    config = model.config
    assert (config.dim, config.depth, config.channels) == (dim, 2, channels)
    assert (config.mlp_ratio, config.classes) == (ratio, classes)
    assert config.qkv_bias == (layout == "cifar")
    exported = released.export(model)
    used = {n for n in w if "norm" not in n and n != "pos_embed"}
    assert exported.keys() == used
    assert all(torch.equal(exported[name], w[name]) for name in used)


def test_the_transcription_is_the_release(reference):
    """It agrees with the reference tensors too: the oracle above is sound."""
    w = {
        name: x.double() if x.is_floating_point() else x
        for name, x in reference["state_dict"].items()
    }
    counts, logits = transcribed(w, reference["input"].double(), 4, 4, 0.125)
    must_equal(
        counts.unflatten(0, (4, 2)).mT,
        reference["eval"]["blocks"]["1"].to(torch.float64),
    )
    torch.testing.assert_close(logits, reference["eval"]["logits"], rtol=0, atol=1e-9)


def test_a_1x1_convolution_may_have_one_axis_or_two():
    config = SpikformerConfig(16, 1, 2, pools=(True,) * 4, qkv_bias=False)
    state = released.export(Spikformer(config))
    pattern = re.compile(r"block\.0\.(attn|mlp)\.\w+_conv\.weight")
    for form in ((1,), (1, 1)):
        other = {
            name: x.reshape(*x.shape[:2], *form) if pattern.fullmatch(name) else x
            for name, x in state.items()
        }
        again = released.export(released.load(other, heads=2))
        assert all(torch.equal(again[name], x) for name, x in state.items())
    wide = state["block.0.attn.q_conv.weight"].expand(16, 16, 3)
    with pytest.raises(ValueError, match=r"misshapen: .*q_conv\.weight \(16, 16, 3\)"):
        released.load(state | {"block.0.attn.q_conv.weight": wide}, heads=2)

"""Bad calls: each must raise TypeError or ValueError with the argument and its value.

The type-checking hook of the test run would refuse some of them before our own message
does, so it is off in this file.
"""

import dataclasses
import math
from typing import Any, NamedTuple

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikedu import functional, fused, released, spikformer
from spikedu.functional import lif_step, lif_step_hard
from spikedu.spikformer import Spikformer, SpikformerConfig

T, B, C, N, D = 5, 2, 3, 7, 24
HEADS, HIDDEN, CLASSES = 3, 36, 6
GOOD = dict(
    dim=D,
    depth=1,
    heads=HEADS,
    steps=T,
    classes=CLASSES,
    channels=C,
    image_size=16,
    pools=(False, False, True, True),
    mlp_ratio=1.5,
)
few = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@pytest.fixture(autouse=True, scope="module")
def hook_off():
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


def refuses(call, name, value, **kwargs):
    """`call(**kwargs)` fails in our words: the argument's name, and its value."""
    with pytest.raises((TypeError, ValueError)) as error:
        call(**kwargs)
    message = str(error.value)
    assert name in message, message
    assert value in message, message
    assert type(error.value) in (TypeError, ValueError)


class Bad(NamedTuple):
    """A wrong value and how the message must show it."""

    value: Any
    shown: str


def plain(value):
    return Bad(value, repr(value)[:77])


# ---------------------------------------------------------------- wrong values
not_numbers = st.sampled_from(
    [None, "0.5", True, False, 1j, [0.5], (), {}, np.ones(2), math.sin, b"1"]
).map(plain)
not_finite = st.sampled_from([math.nan, math.inf, -math.inf]).map(plain)


def not_a_number(*more):
    return st.one_of(not_numbers, not_finite, *(x.map(plain) for x in more))


def not_a_count(low=1):
    wrong = st.sampled_from([2.0, 0.5, math.nan, math.inf, "3", None, True, [3], 2j])
    return st.one_of(st.integers(max_value=low - 1), wrong).map(plain)


def tensor_with(value, *shape):
    out = torch.full(shape, 0.5)
    out.view(-1)[-1] = value
    return out


outside_0_1 = (
    st.floats(max_value=-1e-300, allow_nan=False)
    | st.floats(min_value=1, exclude_min=True, allow_nan=False)
    | st.integers(2, 10**400)
    | st.integers(-(10**400), -1)
)
not_above_0 = st.floats(max_value=0) | st.integers(max_value=0)


def learned(*shape, low, high):
    """Tensors in the place of beta or threshold, for a current of this shape."""
    return st.sampled_from(
        [
            Bad(tensor_with(low, 1), str(low)),
            Bad(tensor_with(low, *shape), str(low)),
            Bad(tensor_with(math.nan, *shape), "NaN"),
            Bad(tensor_with(math.inf), "infinite"),
            Bad(torch.ones(shape, dtype=torch.int64), "int64"),
            Bad(torch.ones(()).bool(), "bool"),
            Bad(torch.ones(()) * 1j, "complex64"),
            Bad(torch.ones(0), "(0,)"),
            Bad(torch.full((shape[-1] + 1,), 0.5), f"({shape[-1] + 1},)"),
            Bad(torch.full((9, 1, *shape), 0.5), str((9, 1, *shape))),
            Bad(torch.full(shape, 0.5).double(), "float64"),
        ]
        + ([] if high is None else [Bad(tensor_with(high, *shape), str(high))])
    )


betas = not_a_number(outside_0_1) | learned(B, N, low=-0.25, high=1.25)
thresholds = not_a_number(not_above_0) | learned(B, N, low=0.0, high=None)
scales = not_a_number(not_above_0)


def not_a_tensor():
    return st.sampled_from(
        [
            Bad(None, "NoneType"),
            Bad([[0.5] * N] * B, "list"),
            Bad(0.5, "float"),
            Bad(np.ones((B, N)), "ndarray"),
            Bad("current", "str"),
        ]
    )


def not_floats(*shape):
    return st.sampled_from(
        [
            Bad(torch.ones(shape, dtype=dtype), str(dtype))
            for dtype in (torch.int64, torch.uint8, torch.bool, torch.complex64)
        ]
    )


def unclean(*shape):
    return st.sampled_from(
        [
            Bad(tensor_with(value, *shape), "NaN or inf")
            for value in (math.nan, math.inf)
        ]
    )


def tensors(*shape):
    return st.one_of(not_a_tensor(), not_floats(*shape), unclean(*shape))


def misshapen(*shape, at=None, other=False):
    """Shapes that are not this one; `at` fixes the axes that are allowed to vary."""
    axes = range(len(shape)) if at is None else at
    changed = [
        tuple(n + (i == axis) * by for i, n in enumerate(shape))
        for axis in axes
        for by in (1, -1)
    ]
    return st.sampled_from([Bad(torch.zeros(x), str(x)) for x in changed])


# ---------------------------------------------------------------- neurons
STEPS = pytest.mark.parametrize("step", [lif_step, lif_step_hard])
LOOPS = pytest.mark.parametrize("lif", [functional.lif, fused.lif])


@given(bad=tensors(B, N))
@few
@pytest.mark.parametrize("surrogate", [functional.atan, functional.sigmoid])
def test_spike(surrogate, bad):
    refuses(functional.spike, "x", bad.shown, x=bad.value, surrogate=surrogate)


def neuron_faults():
    """(name, wrong value) for one step: current, u and s are [B, N]."""
    one = st.sampled_from(["u", "s", "current"])
    doubles = st.just(Bad(torch.zeros(B, N).double(), "float64"))
    return st.one_of(
        st.tuples(st.just("beta"), betas),
        st.tuples(st.just("threshold"), thresholds),
        st.tuples(one, tensors(B, N)),
        st.tuples(st.sampled_from(["u", "s"]), misshapen(B, N) | doubles),
        st.tuples(st.just("surrogate"), not_callable),
    )


not_callable = st.sampled_from(["atan", 1.0, torch.zeros(2), ()]).map(plain)


@given(fault=neuron_faults())
@settings(few, max_examples=150)
@STEPS
def test_one_step(step, fault):
    name, bad = fault
    zeros = {x: torch.zeros(B, N) for x in ("u", "s", "current")}
    refuses(step, name, bad.shown, **(zeros | {name: bad.value}))


def loop_faults():
    doubles = st.just(Bad(torch.zeros(B, N).double(), "float64"))
    state = st.sampled_from(["u", "s"])
    no_time = st.sampled_from(
        [Bad(torch.zeros(0, B, N), f"(0, {B}, {N})"), Bad(torch.tensor(0.5), "()")]
    )
    return st.one_of(
        st.tuples(st.just("beta"), betas),
        st.tuples(st.just("threshold"), thresholds),
        st.tuples(st.just("current"), no_time | not_a_tensor() | not_floats(T, B, N)),
        st.tuples(st.just("step"), not_callable | st.just(plain(None))),
        st.tuples(state, misshapen(B, N) | doubles | not_floats(B, N)),
        st.tuples(state, unclean(B, N)),
        st.tuples(state, not_a_tensor().filter(lambda bad: bad.value is not None)),
    )


@given(fault=loop_faults())
@settings(few, max_examples=150)
@LOOPS
@STEPS
def test_the_loop(lif, step, fault):
    name, bad = fault
    call = {"current": torch.zeros(T, B, N), "step": step}
    refuses(lif, name, bad.shown, **(call | {name: bad.value}))


@given(bad=unclean(T, B, N))
@few
def test_the_readable_loop_refuses_nan(bad):
    """The fast one does not look: that would read the current once more."""
    refuses(functional.lif, "current", bad.shown, current=bad.value)


# ---------------------------------------------------------------- attention
def attention_faults(with_v):
    names = ["q", "k", "v"] if with_v else ["q", "k"]
    shapes = {"q": (B, N, D), "k": (B, N + 1, D), "v": (B, N + 1, D + 2)}
    cases = []
    for name in names:
        b, n, d = shapes[name]
        flat = [(d,), (b, 0, d), (b, n, 0), ()]
        cases += [
            st.tuples(st.just(name), tensors(b, n, d)),
            st.tuples(
                st.just(name),
                st.sampled_from([Bad(torch.zeros(x), str(x)) for x in flat]),
            ),
            st.tuples(st.just(name), misshapen(b, n, d, at=[0])),
        ]
        if name != "q":
            doubles = Bad(torch.zeros(b, n, d).double(), "float64")
            cases.append(st.tuples(st.just(name), st.just(doubles)))
    wide = Bad(torch.zeros(B, N + 1, D + 1), str(D + 1))
    long = Bad(torch.zeros(B, N, D + 2), str(N))
    cases.append(st.tuples(st.just("k"), st.just(wide)))
    if with_v:
        cases.append(st.tuples(st.just("v"), st.just(long)))
    return st.one_of(cases)


def attention_call(with_v):
    call = {"q": torch.zeros(B, N, D), "k": torch.zeros(B, N + 1, D)}
    return call | ({"v": torch.zeros(B, N + 1, D + 2)} if with_v else {})


@given(fault=attention_faults(with_v=False))
@few
def test_attention_weights(fault):
    name, bad = fault
    call = attention_call(False) | {name: bad.value}
    refuses(functional.attention_weights, name, bad.shown, **call)


@given(fault=attention_faults(with_v=True))
@few
@pytest.mark.parametrize(
    "function", [functional.attention, functional.spiking_attention]
)
def test_attention(function, fault):
    name, bad = fault
    call = attention_call(True) | {name: bad.value}
    refuses(function, name, bad.shown, **call)


@given(scale=scales, order=st.sampled_from([None, "", "QK", "vk", 1, ["qk"], b"qk"]))
@few
def test_scale_and_order(scale, order):
    call = attention_call(True)
    refuses(
        functional.spiking_attention, "scale", scale.shown, scale=scale.value, **call
    )
    refuses(functional.spiking_attention, "order", repr(order), order=order, **call)


@given(data=st.data())
@settings(few, max_examples=150)
def test_multi_head(data):
    d, d_v, out = 4, 5, 11
    call = attention_call(True) | {
        "w_q": torch.zeros(HEADS, D, d),
        "w_k": torch.zeros(HEADS, D, d),
        "w_v": torch.zeros(HEADS, D + 2, d_v),
        "w_o": torch.zeros(HEADS * d_v, out),
    }
    assert functional.multi_head(**call).shape == (B, N, out)
    name = data.draw(st.sampled_from(["q", "k", "v", "w_q", "w_k", "w_v", "w_o"]))
    if name.startswith("w"):
        shape = tuple(call[name].shape)
        axes = {"w_q": [0, 1, 2], "w_k": [0, 1, 2], "w_v": [0, 1, 2], "w_o": [0]}
        flat = st.sampled_from(
            [Bad(torch.zeros(x), str(x)) for x in ((), (3,), (2, *shape))]
        )
        empty = [0] * len(shape)
        strategy = st.one_of(
            tensors(*shape),
            flat,
            st.just(Bad(torch.zeros(shape).double(), "float64")),
            st.just(Bad(torch.zeros(empty), "0")),
            misshapen(*shape, at=axes[name]).map(lambda bad: Bad(bad.value, "must be")),
        )
        bad, shown_as = data.draw(strategy), "w_"
    else:
        faults = attention_faults(with_v=True)
        shown_as, bad = (
            name,
            data.draw(
                faults.filter(lambda fault: fault[0] == name).map(
                    lambda fault: fault[1]
                )
            ),
        )
    refuses(functional.multi_head, shown_as, bad.shown, **(call | {name: bad.value}))


def test_no_heads_at_all():
    call = attention_call(True)
    weights = dict(
        w_q=torch.zeros(0, D, 4),
        w_k=torch.zeros(0, D, 4),
        w_v=torch.zeros(0, D + 2, 5),
        w_o=torch.zeros(0, 11),
    )
    refuses(functional.multi_head, "w_q", "(0, 24, 4)", **call, **weights)


# ---------------------------------------------------------------- config
COUNTS = ["dim", "depth", "heads", "steps", "classes", "channels", "image_size"]


def config_faults():
    return st.one_of(
        st.tuples(st.sampled_from(COUNTS), not_a_count()),
        st.tuples(st.just("mlp_ratio"), not_a_number(not_above_0)),
        st.tuples(st.just("mlp_ratio"), st.just(Bad(1e-9, "= 0"))),
        st.tuples(st.just("scale"), not_a_number(not_above_0)),
        st.tuples(
            st.just("dim"), st.integers(1, 500).filter(lambda d: d % 8).map(plain)
        ),
        st.tuples(st.just("heads"), st.sampled_from([5, 7, 9, 25, 48]).map(plain)),
        st.tuples(
            st.just("image_size"), st.integers(1, 99).filter(lambda n: n % 4).map(plain)
        ),
        st.tuples(
            st.just("neuron"),
            st.sampled_from(["", "HARD", "lif", None, 1, lif_step, ["hard"]]).map(
                plain
            ),
        ),
        st.tuples(
            st.just("qkv_bias"),
            st.sampled_from(["yes", None, 2, 0.0, 1, [True], np.ones(2)]).map(plain),
        ),
        st.tuples(
            st.just("pools"),
            st.sampled_from(
                [(), (True,), (True,) * 5, [True] * 4, (0, 0, 1, 1), 2, None, "0011"]
            ).map(plain),
        ),
    )


@given(fault=config_faults())
@settings(few, max_examples=250)
def test_config(fault):
    name, bad = fault
    refuses(SpikformerConfig, name, bad.shown, **(GOOD | {name: bad.value}))


def test_config_says_what_would_be_right():
    for change, right in [
        (dict(dim=30), "a multiple of 8, say 32"),
        (dict(heads=5), "a multiple of 5, say 25: each head"),
        (dict(steps=0), "a whole number of at least 1"),
        (dict(steps=2.0), "a whole number"),
        (dict(mlp_ratio=-1), "a number above 0"),
        (dict(image_size=30), "a multiple of 4, say 32"),
        (dict(pools=[True] * 4), "a tuple of 4 booleans"),
        (dict(neuron="relu"), "one of 'hard', 'soft'"),
        (dict(qkv_bias=None), "one of True, False"),
    ]:
        with pytest.raises((TypeError, ValueError), match=right):
            SpikformerConfig(**(GOOD | change))


def test_config_cannot_be_changed_afterwards():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SpikformerConfig().dim = 3


@given(
    name=st.sampled_from(["height", "width"]),
    bad=not_a_count() | st.integers(1, 99).filter(lambda n: n % 4).map(plain),
)
@few
def test_grid(name, bad):
    sizes = {"height": 16, "width": 8} | {name: bad.value}
    config = SpikformerConfig(**GOOD)
    refuses(spikformer.grid, name, bad.shown, config=config, **sizes)


# ---------------------------------------------------------------- network
@pytest.fixture(scope="module")
def model():
    return Spikformer(SpikformerConfig(**GOOD))


def image_faults():
    shapes = [
        (),
        (C,),
        (16, 16),
        (C, 16, 16),
        (1, T, B, C, 16, 16),
        (0, C, 16, 16),
        (0, B, C, 16, 16),
        (T, 0, C, 16, 16),
        (B, 0, 16, 16),
        (B, C, 0, 16),
        (B, C, 16, 0),
    ]
    sizes = st.integers(1, 40).filter(lambda n: n % 4)
    return st.one_of(
        tensors(B, C, 16, 16),
        unclean(T, B, C, 16, 16),
        st.sampled_from([Bad(torch.zeros(x), str(x)) for x in shapes]),
        st.integers(1, 9)
        .filter(lambda c: c != C)
        .map(lambda c: Bad(torch.zeros(B, c, 16, 16), str(c))),
        sizes.map(lambda n: Bad(torch.zeros(B, C, n, 16), f"height = {n}")),
        sizes.map(lambda n: Bad(torch.zeros(T, B, C, 8, n), f"width = {n}")),
        st.sampled_from(
            [
                Bad(torch.zeros(B, C, 16, 16).double(), "float64"),
                Bad(torch.zeros(B, C, 16, 16).half(), "float16"),
            ]
        ),
    )


@given(bad=image_faults())
@settings(few, max_examples=150)
def test_images(model, bad):
    refuses(model, "image", bad.shown, images=bad.value)


def test_images_say_what_would_be_right(model):
    for images, right in [
        (torch.zeros(B, 1, 16, 16), "= 1: must be 3: the channels"),
        (torch.zeros(B, C, 16, 18), "width = 18: must be a multiple of 4, say 16"),
        (torch.zeros(C, 16, 16), r"\[B, C, H, W\] or \[T, B, C, H, W\]"),
        (torch.zeros(B, C, 16, 16).byte(), r"try images.float\(\)"),
        (torch.zeros(B, C, 16, 16).double(), "float32"),
    ]:
        with pytest.raises((TypeError, ValueError), match=right):
            model(images)


def test_autocast_takes_images_of_either_precision(model):
    images = torch.zeros(B, C, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(model(images), model(images.bfloat16()))


@given(bad=st.sampled_from([None, 4, "DIGITS", GOOD, SpikformerConfig]))
@few
def test_a_network_needs_a_config(bad):
    refuses(Spikformer, "config", type(bad).__name__, config=bad)


# ---------------------------------------------------------------- released names
@pytest.fixture(scope="module")
def weights(model):
    return released.export(model)


@given(data=st.data())
@settings(few, max_examples=80)
def test_load_refuses_an_entry(weights, data):
    """Every entry in turn: absent, not a tensor, of another shape or kind, NaN."""
    name = data.draw(st.sampled_from(sorted(weights)))
    value = weights[name]
    faults = [
        Bad("absent", "missing"),
        Bad(None, "NoneType"),
        Bad([1.0], "list"),
        Bad(np.ones(3), "ndarray"),
        Bad(value.new_zeros(7, 1, 1, 1, 1), "(7, 1, 1, 1, 1)"),
        Bad(value * 1j, "complex"),
    ]
    if value.is_floating_point():
        faults += [
            Bad(torch.full_like(value, math.nan), "NaN"),
            Bad(torch.full_like(value, math.inf), "inf"),
            Bad(value.long(), "int64"),
            Bad(value.double(), "float64"),
        ]
    else:
        faults += [Bad(value.float(), "float32")]
    bad = data.draw(st.sampled_from(faults))
    state_dict = weights | {name: bad.value}
    if bad.shown == "missing":
        del state_dict[name]
    refuses(released.load, name, bad.shown, state_dict=state_dict, heads=HEADS)


@given(
    extra=st.sampled_from(
        [
            "block.0.attn.q_linear.gain",
            "block.1.attn.q_linear.weight",
            "block.100000000.attn.q_linear.weight",
            "blocks.0.ssa.query.linear.weight",
            "module.head.weight",
            "patch_embed.proj_conv4.weight",
            "norm.weight.weight",
            "block.x.attn",
            7,
            None,
            ("head", "weight"),
        ]
    )
)
@few
def test_load_refuses_an_unknown_name(weights, extra):
    state_dict = weights | {extra: torch.zeros(2, 2)}
    refuses(released.load, str(extra), "", state_dict=state_dict, heads=HEADS)


@given(
    fault=st.one_of(
        st.tuples(st.just("heads"), not_a_count() | st.sampled_from([5, 7]).map(plain)),
        st.tuples(st.just("steps"), not_a_count()),
        st.tuples(st.just("scale"), scales),
        st.tuples(
            st.just("state_dict"),
            st.sampled_from(
                [Bad(None, "NoneType"), Bad([1], "list"), Bad("a.pt", "str")]
            ),
        ),
    )
)
@few
def test_load(weights, fault):
    name, bad = fault
    call = {"state_dict": weights, "heads": HEADS} | {name: bad.value}
    refuses(released.load, name, bad.shown, **call)


@pytest.mark.parametrize("name", ["head.weight", "patch_embed.proj_conv3.weight"])
def test_load_refuses_sizes_that_no_network_has(weights, name):
    for size, right in ((0, "0"), (13, "13")):
        value = weights[name].new_zeros(size, *weights[name].shape[1:])
        with pytest.raises(ValueError, match=right):
            released.load(weights | {name: value}, heads=HEADS)


def test_load_lists_everything_at_once(weights):
    state_dict = dict(weights) | {"surplus": torch.ones(2), "head.bias": torch.ones(99)}
    del state_dict["patch_embed.rpe_bn.bias"], state_dict["head.bias"]
    state_dict["head.bias"] = torch.ones(99)
    with pytest.raises(ValueError) as error:
        released.load(state_dict, heads=HEADS)
    message = str(error.value)
    assert "missing: ['patch_embed.rpe_bn.bias']" in message
    assert f"misshapen: ['head.bias (99,), not ({CLASSES},)']" in message
    assert "unknown: ['surplus']" in message


def test_load_refuses_an_empty_one():
    refuses(released.load, "head.weight", "missing", state_dict={}, heads=HEADS)


@given(
    bad=st.sampled_from(
        [None, "model", 3, {}, torch.nn.Linear(2, 3), SpikformerConfig(**GOOD)]
    )
)
@few
def test_export_takes_a_network(bad):
    refuses(released.export, "model", type(bad).__name__, model=bad)


@pytest.mark.parametrize(
    "change, shown",
    [
        (dict(neuron="soft"), "soft"),
        (dict(pools=(True, True, False, False)), "(True, True, False, False)"),
        (dict(pools=(False, True, True, True)), "(False, True, True, True)"),
        (dict(pools=(False,) * 4), "(False, False, False, False)"),
    ],
)
def test_export_refuses_what_was_never_released(change, shown):
    model = Spikformer(SpikformerConfig(**(GOOD | change)))
    refuses(released.export, next(iter(change)), shown, model=model)

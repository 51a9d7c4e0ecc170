"""The benchmarks run, count rightly, and compare networks that are the same."""

import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

FOLDER = Path(__file__).parent.parent / "benchmarks"
sys.path.insert(0, str(FOLDER))

import accuracy  # noqa: E402
import accuracy_peers  # noqa: E402
import machine  # noqa: E402
import network  # noqa: E402
import network_memory  # noqa: E402
import network_peers  # noqa: E402
import neuron  # noqa: E402
import neuron_ways  # noqa: E402
import scaling  # noqa: E402

from spikedu.spikformer import (  # noqa: E402
    CIFAR10_4_384,
    DIGITS,
    LIF,
    Spikformer,
    SpikformerConfig,
)

SMALL = SpikformerConfig(dim=48, depth=2, heads=3, steps=3, image_size=24)
POOLED = SpikformerConfig(dim=16, depth=1, heads=2, pools=(True,) * 4, classes=7)


# ---------------------------------------------------------------- what they count
def test_the_multiply_adds_of_4_384_are_the_published_ones():
    assert network.macs(CIFAR10_4_384) / 1e9 == pytest.approx(0.934, abs=5e-4)


@pytest.mark.parametrize("config", [CIFAR10_4_384, SMALL, POOLED])
def test_the_multiply_adds_are_those_that_pytorch_counts(config):
    net = network_peers.Transcription(config).eval()
    x = torch.rand(1, config.channels, *[config.image_size] * 2)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(x)
    each = counter.get_total_flops() / 2 / config.steps
    head = config.dim * config.classes  # once an image, not once a step
    assert network.macs(config) == pytest.approx(each, abs=head)


def test_the_neurons_counted_are_those_of_the_network():
    found = []
    net = Spikformer(SMALL)
    for module in net.modules():
        if isinstance(module, LIF):
            module.register_forward_hook(lambda m, x, out: found.append(out.numel()))
    net(torch.rand(2, 3, 24, 24))
    assert sum(found) == 2 * SMALL.steps * network.neurons(SMALL)


def test_the_limit_is_the_time_of_its_parts_at_the_measured_rates():
    limits = {"bandwidth": 1e9, "float32": 1e10}
    each = 5 * SMALL.steps
    bound = 3 * 2 * network.macs(SMALL) * each / 1e10
    bound += 5 * 4 * network.neurons(SMALL) * each / 1e9
    assert network.limit(SMALL, 5, "float32", limits, True) == pytest.approx(bound)


def test_bytes_kept_for_backward_are_counted_once():
    x = torch.rand(1000, requires_grad=True)
    weight = torch.rand(1000, requires_grad=True)
    assert machine.saved_bytes(lambda: x.exp()) == 4000  # its result
    assert machine.saved_bytes(lambda: (x * weight).sum()) == 8000
    assert machine.saved_bytes(lambda: (x * weight).sum(), besides=[weight]) == 4000
    assert machine.saved_bytes(lambda: x[:500] * x[500:]) == 4000  # one storage


def test_the_batch_that_fits_is_read_off_the_line_through_the_last_two():
    assert network_memory.largest({1: 999, 2: 30, 4: 50}, budget=111) == 10
    assert network_memory.largest({2: 30, 4: 50}, budget=5) == 0


def test_the_crossover_is_where_the_two_take_equally_long():
    rows = [[8, None, None, 0.5], [32, None, None, 2.0], [64, None, None, 4.0]]
    assert scaling.crossover(rows) == pytest.approx(16)  # half way, in log N
    assert scaling.crossover(rows[1:]) is None


def test_every_way_is_timed_each_round_and_the_median_counts():
    def way(times):
        return lambda calls: next(times)

    # The first two are to warm up and to learn how many calls fill `least`.
    ways = {"a": way(iter([9, 1, 2, 4, 3])), "b": way(iter([9, 1, 7, 5, 6]))}
    assert machine.interleaved(ways, 3, least=1) == {"a": 3, "b": 6}


def test_a_slow_way_is_called_once_and_a_fast_one_often():
    asked = []

    def way(calls):
        asked.append(calls)
        return 0.01

    machine.interleaved({"a": way}, 1, least=0.1)
    machine.interleaved({"a": way}, 1, least=0.001)
    assert asked == [1, 1, 10, 1, 1, 1]


def test_a_table_is_markdown():
    text = machine.table(["a", "b"], [[1.23456, None], [123456.0, "x"]])
    assert text == "| a | b |\n| --- | --- |\n| 1.23 | – |\n| 123,456 | x |\n"


# ---------------------------------------------------------------- same network, neuron
def test_the_transcription_gives_our_spikes_and_logits():
    torch.manual_seed(0)
    x = torch.rand(5, 3, 24, 24)
    net = network_peers.lively(Spikformer(SMALL), x)
    other = network_peers.Transcription(SMALL, net)
    *ours, logits = network_peers.spikes(net, x)
    *theirs, right = network_peers.spikes(other, x)
    assert len(ours) == len(theirs) == 5 + SMALL.depth * 7
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a if a.shape == b.shape else a.mT, b)
        assert 0.01 < b.mean() < 0.99
    torch.testing.assert_close(logits, right)


def test_a_difference_between_two_networks_is_told(monkeypatch):
    torch.manual_seed(0)
    net = Spikformer(SMALL)
    args = net, torch.rand(2, 3, 24, 24), torch.arange(2), network.Step
    assert "; 0 of " in network_peers.agreement(*args)
    plain = network_peers.Attention.__init__

    def wrong(self, config) -> None:
        plain(self, config)
        self.attn_lif = network_peers.Neurons(1.0)

    monkeypatch.setattr(network_peers.Attention, "__init__", wrong)
    assert "; 0 of " not in network_peers.agreement(*args)


def test_every_neuron_fires_as_the_loop_does():
    found = neuron.compare((6, 3, 5), "cpu", torch.float32)
    assert {"ours, hard", "ours, soft", "`snntorch.Leaky`, hard"} <= set(found)
    for name, (differ, slope, kept) in found.items():
        assert (differ, slope) == (0, pytest.approx(0, abs=1e-6)), name
        assert kept > 0, name


def test_a_neuron_that_fires_otherwise_is_found(monkeypatch):
    wrong = {"ours, hard": neuron_ways.ways()["ours, soft"]}
    monkeypatch.setattr(neuron, "ways", lambda: wrong)
    assert neuron.compare((6, 3, 5), "cpu", torch.float32)["ours, hard"][0] > 0


# ---------------------------------------------------------------- accuracy
def test_the_peers_have_the_sizes_they_are_said_to_have():
    ours = accuracy.parameters(Spikformer(DIGITS))
    count = {name: accuracy.build(name, DIGITS) for name in accuracy.RATES}
    count = {name: accuracy.parameters(net) for name, net in count.items()}
    assert count["snnTorch MLP"] == 64 * 1000 + 1000 + 1000 * 10 + 10
    assert count["softmax twin"] == ours
    assert 0.9 * ours < count["snnTorch, convolutional"] <= ours
    assert count["convolution stem alone"] < ours / 2


@pytest.mark.parametrize("name", [accuracy.OURS, *accuracy.RATES])
def test_each_of_them_learns(name):
    from spikedu import data, train

    _, _, recipe = train.RECIPES["digits"]
    small = data.Images(*(x[:96] for x in data.load("digits", "train")))
    config = accuracy.replace(recipe, epochs=8, batch_size=16)
    score, seconds = accuracy.run(name, DIGITS, small, small, config)
    assert score > 0.3 and seconds > 0


def test_the_twin_looks_at_all_tokens_with_weights_that_sum_to_one():
    block = accuracy_peers.SoftmaxBlock(DIGITS).eval()
    x = torch.rand(2, 1, DIGITS.dim).expand(2, 4, DIGITS.dim)
    with torch.no_grad():
        torch.testing.assert_close(block(x), block(x[:, :1]).expand_as(x))


# ---------------------------------------------------------------- they run
@pytest.mark.parametrize(
    ("module", "columns"),
    [
        (neuron, "| way | ms | x snnTorch |"),
        (network, "x SpikingJelly | x snnTorch | images/s |"),
        (scaling, "| axis | value |"),
        (accuracy, "| parameters | after 0.1 s | after 1 epochs |"),
    ],
)
def test_a_quick_run_prints_its_tables(module, columns, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [module.__file__, "--quick"])
    assert not module.main()
    said = capsys.readouterr().out
    assert columns in said
    assert "torch " in said and f"{Path(module.__file__).name} --quick" in said
    if module is network:
        assert "| ours, BatchNorm folded | bfloat16 |" in said
    if module in (neuron, network) and neuron.jelly is None:
        assert "SpikingJelly is not installed" in said

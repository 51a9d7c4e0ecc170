"""BatchNorm folded into the weights: the same network, in float64 spike for spike."""

import pytest
import torch
from torch import nn

from spikedu.inference import folded
from spikedu.record import Recorder
from spikedu.spikformer import Spikformer, SpikformerConfig

SIZES = dict(steps=3, channels=2, image_size=8, classes=5, scale=0.5)
SMALL = SpikformerConfig(16, 2, 2, pools=(False,) * 3 + (True,), **SIZES)


@pytest.fixture(scope="module", params=["hard", "soft"])
def model(request):
    """With running statistics and affine parameters far from those of the start."""
    torch.manual_seed(0)
    config = SpikformerConfig(**{**vars(SMALL), "neuron": request.param})
    model = Spikformer(config).double()
    for layer in model.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(layer.weight, 1.5, 3.0)
            nn.init.uniform_(layer.bias, 0.2, 1.2)
    for _ in range(40):
        model(torch.rand(7, 2, 8, 8, dtype=torch.float64))
    return model


def test_every_spike_and_the_logits_are_those_of_the_network(model):
    images = torch.rand(6, 2, 8, 8, dtype=torch.float64)
    quick, spikes = folded(model), []
    model.eval()
    with torch.no_grad():
        for one in (model, quick):
            with Recorder(one, "*") as recorder:
                logits = one(images)
            spikes.append((recorder.spikes, logits))
    (expected, right), (got, logits) = spikes
    assert list(expected) == list(got) and len(got) == 4 + 1 + 2 * 7
    for name in expected:
        assert (expected[name] == got[name]).all(), name
        assert 0 < got[name].mean() < 1, name
    torch.testing.assert_close(logits, right, rtol=1e-10, atol=1e-10)


def test_the_network_itself_is_untouched_and_no_batchnorm_is_left(model):
    model.train()
    before = {name: x.clone() for name, x in model.state_dict().items()}
    quick = folded(model)
    assert model.training and not quick.training
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())
    assert not [m for m in quick.modules() if "BatchNorm" in type(m).__name__]
    assert not [p for p in quick.parameters() if p.requires_grad]
    assert all(p.requires_grad for p in model.parameters())


def test_something_else_is_refused(our_own_messages):
    with pytest.raises(TypeError, match="model = 'Linear': must be a Spikformer"):
        folded(nn.Linear(2, 3))

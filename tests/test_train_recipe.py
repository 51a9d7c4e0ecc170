"""What a recipe can say, each against something independent."""

import json
import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy

from spikedu import augment, checkpoints, data, train
from spikedu.record import Recorder
from spikedu.spikformer import Spikformer, SpikformerConfig

TINY = SpikformerConfig(
    16, 1, 2, steps=3, channels=1, image_size=8, pools=(False, False, True, True)
)
FEW = train.TrainConfig(epochs=2, batch_size=20, learning_rate=3e-3, seed=5)


@pytest.fixture(scope="module")
def sets():
    whole = [data.load("digits", split) for split in data.SPLITS]
    return [data.Images(x.images[:50], x.labels[:50]) for x in whole]


def model(seed=0):
    torch.manual_seed(seed)
    return Spikformer(TINY)


def run(network, sets, config=FEW, **options):
    return train.train(network, *sets, config, progress=False, **options)


def same(one, other):
    ours, theirs = one.state_dict(), other.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


# ------------------------------------------------------------------ learning rate
def test_the_released_schedule_goes_from_the_floor_to_the_peak_and_back():
    _, _, recipe = train.RECIPES["cifar10"]
    steps = 390  # of 128 images
    rates = [train.learning_rate(n * steps, steps, recipe) for n in range(400)]
    assert rates[0] == pytest.approx(1e-5, rel=0.01)
    assert rates[10] == pytest.approx((1e-5 + 5e-4) / 2, rel=0.01)
    assert rates[20] == 5e-4 == max(rates)  # 20 epochs of warm-up
    assert rates[210] == pytest.approx((1e-5 + 5e-4) / 2)  # half of the cosine
    assert rates[-1] == pytest.approx(1e-5, rel=0.01) and min(rates[20:]) >= 1e-5


# ------------------------------------------------------------------ accumulation
def test_parts_of_a_batch_give_the_gradient_of_the_whole(sets):
    # Without BatchNorm in training mode, which sees each part for itself.
    x, y = sets[0].images[:20].double(), sets[0].labels[:20]
    gradients = {}
    for parts in (1, 3, 20):
        network = model().double()
        config = replace(FEW, accumulate=parts, learning_rate=1e-9)
        stepping = train.run.Run(network, config, None)
        train.loop._step(stepping, network.eval(), x, y, 20)
        gradients[parts] = [p.grad for p in network.parameters()]
    whole = model().double().eval()
    cross_entropy(whole(x), y, label_smoothing=0.1).backward()
    for found in gradients.values():
        for grad, p in zip(found, whole.parameters(), strict=True):
            torch.testing.assert_close(grad, p.grad, rtol=1e-9, atol=1e-12)
    assert max(float(p.grad.abs().max()) for p in whole.parameters()) > 1e-3


def test_batchnorm_sees_the_parts_and_what_cannot_be_cut_is_left_out(sets):
    sizes = []
    network = model()

    def note(module, inputs):
        if module.training:
            sizes.append(len(inputs[0]))

    network.register_forward_pre_hook(note)
    run(network, sets, replace(FEW, epochs=1, batch_size=12, accumulate=3))
    assert sizes == [4] * 12  # 50 = 4 x 12 + 2, and two images are not three parts


# ------------------------------------------------------------------ augmentation
def test_augmented_and_mixed_batches_are_those_of_seed_and_epoch(sets):
    config = replace(FEW, epochs=4, augment="shift", mixup=0.5, mixup_until=0.5)
    network, seen = model(), []

    def note(module, inputs):
        if module.training:
            seen.append(inputs[0].clone())

    network.register_forward_pre_hook(note)
    run(network, sets, config)
    for epoch in range(4):
        generator = torch.Generator().manual_seed((5 << 20) + epoch)
        order = torch.randperm(50, generator=generator)
        for n, batch in enumerate(order.split(20)):
            x = augment.apply(sets[0].images[batch], "shift", generator)
            if epoch < 2:
                y = torch.zeros(len(batch), 10)
                x, _ = augment.mixup(x, y, 0.5, generator)
            assert torch.equal(seen[3 * epoch + n], x)


def test_the_loss_of_mixed_images_is_that_of_both_labels(sets):
    x = sets[0].images[:6]
    generator = torch.Generator().manual_seed(3)
    one_hot = torch.eye(10)[sets[0].labels[:6]]
    mixed, shares = augment.mixup(x, one_hot, 0.5, generator)
    stepping = train.run.Run(model(), replace(FEW, label_smoothing=0.0), None)
    network = model().eval()
    found, hits = train.loop._loss(stepping, network, mixed, shares)
    logits = network(mixed)
    labels = sets[0].labels[:6]
    weight = shares[0, labels[0]].item()
    assert labels[0] != labels[5] and 0 < weight < 1
    first = cross_entropy(logits, labels).item()
    second = cross_entropy(logits, labels.flip(0)).item()
    expected = weight * first + (1 - weight) * second
    assert found.item() == pytest.approx(expected, rel=1e-5)
    heavier = shares.argmax(1)
    assert hits == (logits.argmax(1) == heavier).sum()


def test_bytes_train_as_floats_do(sets):
    bytes_ = [data.Images((x.images * 255).round().byte(), x.labels) for x in sets]
    floats = [data.Images(x.images / 255, x.labels) for x in bytes_]
    one, other = model(), model()
    assert run(one, bytes_) == run(other, floats) and same(one, other)


# ------------------------------------------------------------------ precision
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_trains_close_by_and_resumes_bit_for_bit(
    sets, tmp_path, monkeypatch, precision
):
    config = replace(FEW, precision=precision)
    kinds = []
    network = model()
    network.sps.stages[0].spiking_conv.conv.register_forward_hook(
        lambda module, inputs, out: kinds.append(out.dtype)
    )
    history = run(network, sets, config)
    assert set(kinds) == {getattr(torch, precision)}
    assert all(p.dtype == torch.float32 for p in network.parameters())
    full = run(model(), sets)
    assert history.train_loss == pytest.approx(full.train_loss, rel=0.05)
    assert history != full

    path, steps = tmp_path / "checkpoint.safetensors", []

    def stop(step, loss, accuracy):
        steps.append(step)
        if step == 5:
            raise KeyboardInterrupt

    assert len(run(model(), sets, config, checkpoint=path, watch=stop)) == 1
    resumed = model()
    assert run(resumed, sets, config, checkpoint=path, resume=True) == history
    assert same(resumed, network)


def test_the_scale_of_float16_is_resumed(sets, tmp_path):
    config, path = replace(FEW, precision="float16"), tmp_path / "a.safetensors"

    def stop(step, loss, accuracy):
        if step == 4:
            raise KeyboardInterrupt

    run(model(), sets, config, checkpoint=path, watch=stop)
    tensors, about = checkpoints.read(path)
    assert about["scaler"]["_growth_tracker"] == 3  # steps without an overflow
    about["scaler"]["scale"] = 1024.0
    checkpoints.write(path, tensors, about)
    run(model(), sets, config, checkpoint=path, resume=True)
    scaler = checkpoints.read(path)[1]["scaler"]
    assert (scaler["scale"], scaler["_growth_tracker"]) == (1024, 6)


# ------------------------------------------------------------------ early stop
def test_patience_ends_it_and_a_resumed_run_knows(sets, tmp_path, monkeypatch):
    scores = iter([0.2, 0.5, 0.4, 0.5, 0.3, 0.9])
    monkeypatch.setattr(train.loop, "evaluate", lambda *_: _scored(*_, next(scores)))
    config, path = replace(FEW, epochs=6, patience=3), tmp_path / "a.safetensors"
    history = run(model(), sets, config, checkpoint=path)
    assert history.test_accuracy == [0.2, 0.5, 0.4, 0.5, 0.3]  # no better for three
    assert run(model(), sets, config, checkpoint=path, resume=True) == history
    _, best = train.load(tmp_path / "best.safetensors")
    assert best.test_accuracy == [0.2, 0.5]
    longer = replace(config, patience=None)  # what may be told anew
    history = run(model(), sets, longer, checkpoint=path, resume=True)
    assert history.test_accuracy[5:] == [0.9]
    assert len(train.load(tmp_path / "best.safetensors")[1]) == 6


def _scored(network, images, score):
    network(images.images)  # so that the neurons are counted
    return 1.0, score


# ------------------------------------------------------------------ the log
def test_the_log_has_a_line_an_epoch_with_the_rates_a_recorder_finds(sets, tmp_path):
    network = model()
    path = tmp_path / "checkpoint.safetensors"
    # Long enough for the running statistics: without them few neurons fire.
    config = replace(FEW, epochs=20, learning_rate=1e-2)
    history = run(network, sets, config, checkpoint=path)
    lines = [json.loads(x) for x in (tmp_path / "log.jsonl").read_text().splitlines()]
    first, *epochs = lines
    assert first["torch"] == torch.__version__ and first["train"]["seed"] == 5
    assert [line["epoch"] for line in epochs] == list(range(1, 21))
    for name, values in vars(history).items():
        assert [line[name] for line in epochs] == values
    with Recorder(network.eval(), keep="spikes") as recording, torch.no_grad():
        network(sets[1].images)
    spikes = recording.spikes
    rates = epochs[-1]["firing_rates"]
    for (layer, rate), (name, x) in zip(rates.items(), spikes.items(), strict=True):
        assert layer.startswith(name)
        assert rate == pytest.approx(float(x.mean()), abs=1e-9)
    total = sum(float(x.sum()) for x in spikes.values())
    neurons = sum(x.size for x in spikes.values())
    assert epochs[-1]["firing_rate"] == pytest.approx(total / neurons)
    assert epochs[-1]["firing_rate"] > 0
    for line in epochs:
        assert line["images_per_second"] == pytest.approx(50 / line["seconds"])


def test_the_bar_tells_epoch_loss_accuracy_rate_and_speed(sets, capsys):
    history = train.train(model(), *sets, FEW)
    said = capsys.readouterr().err.split("\r")[-1]
    assert "epoch 2 of 2: 100%" in said and "images/s" in said
    assert f"loss {history.train_loss[-1]:.3f}" in said
    assert f"test {history.test_accuracy[-1]:.1%}, firing rate 0." in said


def test_a_watched_run_is_bit_for_bit_that_of_the_loop_before(sets):
    seen = []
    one, other = model(), model()
    first = run(one, sets, watch=lambda *what: seen.append(what))
    assert first == run(other, sets) and same(one, other)
    assert [step for step, _, _ in seen] == [1, 2, 3, 4, 5, 6]
    losses = [20 * seen[0][1] + 20 * seen[1][1] + 10 * seen[2][1]]
    assert first.train_loss[0] == pytest.approx(losses[0] / 50, rel=1e-6)
    hits = [20 * seen[0][2] + 20 * seen[1][2] + 10 * seen[2][2]]
    assert first.train_accuracy[0] == pytest.approx(hits[0] / 50)


# ------------------------------------------------------------------ presets
@pytest.mark.parametrize("name", train.RECIPES)
def test_each_preset_reads_its_data_in_one_step(name):
    network, source, config = train.RECIPES[name]
    assert source in data.NAMES and config.augment in augment.RECIPES
    torch.manual_seed(0)
    small = replace(network, dim=8 * network.heads, depth=1)
    side = network.image_size
    images = torch.randint(256, (4, network.channels, side, side), dtype=torch.uint8)
    few = data.Images(images, torch.arange(4))
    history = run(Spikformer(small), (few, few), replace(config, epochs=1))
    assert math.isfinite(history.train_loss[0])
    if name != "digits":
        assert network.patches == (49 if name == "fashion-mini" else 64)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("augment", "much"),
        ("mixup", -1),
        ("mixup_until", 1.5),
        ("accumulate", 0),
        ("precision", "float64"),
        ("patience", 0),
        ("learning_rate_floor", 1.0),
        ("sync_batchnorm", "yes"),
    ],
)
@pytest.mark.usefixtures("our_own_messages")
def test_nonsense_in_the_recipe_is_named(name, value):
    with pytest.raises(ValueError, match=f"{name} = ") as caught:
        train.TrainConfig(**{name: value})
    assert repr(value) in str(caught.value) and "must be" in str(caught.value)


def test_too_few_images_for_the_parts_are_named(sets):
    few = data.Images(sets[0].images[:3], sets[0].labels[:3])
    with pytest.raises(ValueError, match="batch_size = 3: must be at least 4"):
        run(model(), (few, sets[1]), replace(FEW, accumulate=4))

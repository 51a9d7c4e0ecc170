"""Training: against a loop written by hand, through an interrupt, and damaged files."""

import json
import math
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest
import torch
from safetensors.torch import save_file
from sklearn.metrics import accuracy_score, log_loss
from torch.nn.functional import cross_entropy

from spikedu import checkpoints, data, train
from spikedu.spikformer import Spikformer, SpikformerConfig

TINY = SpikformerConfig(
    16, 1, 2, steps=3, channels=1, image_size=8, pools=(False, False, True, True)
)
FEW = train.TrainConfig(epochs=4, batch_size=20, learning_rate=3e-3, seed=5)
FILES = ["best.safetensors", "checkpoint.safetensors", "log.jsonl"]


def model(seed=0):
    torch.manual_seed(seed)
    return Spikformer(TINY)


@pytest.fixture(scope="module")
def sets():
    whole = [data.load("digits", split) for split in data.SPLITS]
    return [data.Images(x.images[:50], x.labels[:50]) for x in whole]


def run(network, sets, config=FEW, **options):
    return train.train(network, *sets, config, progress=False, **options)


def same(one, other):
    ours, theirs = one.state_dict(), other.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def interrupt_after(monkeypatch, calls):
    """Ctrl-C in the middle of an epoch: the n-th loss raises KeyboardInterrupt."""
    left = iter(range(calls))

    def loss(*args, **options):
        if options.get("label_smoothing") is not None and next(left, None) is None:
            raise KeyboardInterrupt
        return cross_entropy(*args, **options)

    monkeypatch.setattr(train.loop, "cross_entropy", loss)


# ------------------------------------------------------------------ the loop itself
def test_two_epochs_equal_a_loop_written_by_hand(sets):
    # In float64: a bias before BatchNorm has no gradient but rounding, which AdamW
    # would blow up to a full step in float32.
    ours, theirs = model().double(), model().double()
    sets = [data.Images(x.images.double(), x.labels) for x in sets]
    config = train.TrainConfig(epochs=2, batch_size=20, weight_decay=0.5, seed=7)
    history = run(ours, sets, config)

    matrices = [p for p in theirs.parameters() if p.ndim > 1]
    vectors = [p for p in theirs.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices}, {"params": vectors, "weight_decay": 0}],
        weight_decay=0.5,
        fused=False,
    )
    orders = [
        torch.randperm(50, generator=torch.Generator().manual_seed((7 << 20) + epoch))
        for epoch in (0, 1)
    ]
    batches = [part for order in orders for part in order.split([20, 20, 10])]
    totals = [0.0, 0.0]
    for step, batch in enumerate(batches):
        # Six steps, of which 0.6 are warm-up: the first rises, the others fall.
        up, down = (step + 1) / 1.6, 0.5 + 0.5 * math.cos(math.pi * (step - 0.6) / 5.4)
        for group in optimizer.param_groups:
            group["lr"] = 6e-3 * (up if step < 0.6 else down)
        logits = theirs(sets[0].images[batch])
        target = torch.full((len(batch), 10), 0.1 / 10, dtype=torch.float64)
        target[range(len(batch)), sets[0].labels[batch]] += 0.9
        loss = -(target * logits.log_softmax(1)).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        totals[step // 3] += loss.item() * len(batch) / 50
    assert history.train_loss == pytest.approx(totals, rel=1e-6)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-6, atol=1e-9)


def test_the_rate_rises_to_its_peak_and_falls_to_zero():
    config = train.TrainConfig(epochs=10, learning_rate=2.0, warmup=0.2)
    rates = [train.learning_rate(step, 5, config) for step in range(50)]
    assert rates[0] == pytest.approx(2 / 11)
    assert rates[10] == 2.0 == max(rates)
    assert rates[30] == pytest.approx(1.0)  # half of the cosine
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.01


def test_evaluate_agrees_with_scikit_learn(sets):
    network = model().train()
    loss, accuracy = train.evaluate(network, sets[1])
    assert network.training, "the mode is given back"
    with torch.no_grad():
        logits = network.eval()(sets[1].images).double()
    truth = sets[1].labels
    assert accuracy == pytest.approx(accuracy_score(truth, logits.argmax(1)))
    chance = logits.softmax(1).numpy()
    assert loss == pytest.approx(log_loss(truth, chance, labels=range(10)), rel=1e-5)


def test_training_learns():
    sets = [data.load("digits", split) for split in data.SPLITS]
    sets = [data.Images(x.images[:200], x.labels[:200]) for x in sets]
    torch.manual_seed(0)
    wider = Spikformer(replace(TINY, dim=32, pools=(False, False, False, True)))
    config = train.TrainConfig(epochs=15, batch_size=10, learning_rate=1e-2)
    history = run(wider, sets, config)
    assert history.train_loss[-1] < 0.7 * history.train_loss[0]
    assert history.test_accuracy[-1] > 0.4  # chance is 0.1


def test_the_seed_fixes_everything(sets):
    one, two, three = model(), model(), model()
    first, second = run(one, sets), run(two, sets)
    other = run(three, sets, replace(FEW, seed=6))
    assert first == second and same(one, two)
    assert first != other and not same(one, three)
    assert len(first) == 4


# ------------------------------------------------------------------ stop and go on
@pytest.mark.parametrize("calls", [0, 2, 3, 7, 11])
def test_an_interrupted_run_resumes_bit_for_bit(sets, tmp_path, monkeypatch, calls):
    path = tmp_path / "run" / "checkpoint.safetensors"
    whole = model()
    expected = run(whole, sets)

    stopped = model()
    with monkeypatch.context() as patch:
        interrupt_after(patch, calls)
        partial = run(stopped, sets, checkpoint=path)
    assert len(partial) == calls // 3  # three batches an epoch
    saved, history = train.load(path)
    assert history == partial and same(saved, stopped)

    resumed = model(seed=99)  # its own weights must not matter
    assert run(resumed, sets, checkpoint=path, resume=True) == expected
    assert same(resumed, whole)
    assert sorted(p.name for p in path.parent.iterdir()) == FILES


def test_an_interrupt_right_after_the_file_is_in_place_agrees_with_it(
    sets, tmp_path, monkeypatch
):
    path, replaces = tmp_path / "a.safetensors", iter(range(3))
    move = checkpoints.os.replace

    def interrupted(part, whole):
        move(part, whole)
        # Before the first epoch, after the first, after the second.
        if whole == path and next(replaces) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints.os, "replace", interrupted)
    stopped = model()
    partial = run(stopped, sets, checkpoint=path)
    saved, history = train.load(path)
    assert len(partial) == 2 and history == partial and same(saved, stopped)


def test_an_interrupt_without_a_file_keeps_the_last_whole_epoch(sets, monkeypatch):
    stopped, reference = model(), model()
    interrupt_after(monkeypatch, 5)
    assert len(run(stopped, sets)) == 1
    monkeypatch.undo()
    interrupt_after(monkeypatch, 3)
    run(reference, sets)
    assert same(stopped, reference)


def test_a_finished_run_resumes_to_itself(sets, tmp_path):
    path = tmp_path / "a.safetensors"
    done = model()
    history = run(done, sets, checkpoint=path)
    before = path.read_bytes()
    again = model(seed=3)
    assert run(again, sets, checkpoint=path, resume=True) == history
    assert same(done, again) and path.read_bytes() == before


def test_a_loss_that_is_not_finite_names_the_epoch_and_keeps_the_file(sets, tmp_path):
    path = tmp_path / "a.safetensors"
    network = model()
    with torch.no_grad():
        network.head.bias[0] = math.nan
    with pytest.raises(FloatingPointError, match="nan in epoch 1.*learning_rate"):
        run(network, sets, checkpoint=path)
    assert len(train.load(path)[1]) == 0


# ------------------------------------------------------------------ files
def test_a_checkpoint_is_safetensors_and_json(sets, tmp_path):
    path = tmp_path / "a.safetensors"
    history = run(model(), sets, checkpoint=path)
    tensors, about = checkpoints.read(path)
    assert about["history"] == asdict(history)
    assert about["train"] == asdict(FEW)
    moments = [name for name in tensors if name.endswith("exp_avg_sq")]
    assert len(moments) == len(list(model().parameters()))
    assert json.loads(json.dumps(about)) == about


def test_a_file_cut_anywhere_is_refused(sets, tmp_path):
    path = tmp_path / "a.safetensors"
    run(model(), sets, train.TrainConfig(epochs=1), checkpoint=path)
    whole = path.read_bytes()
    for n in range(20):
        path.write_bytes(whole[: len(whole) * n // 20])
        with pytest.raises(ValueError, match=r"a\.safetensors.*truncated"):
            train.load(path)


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="marked None.*spikedu checkpoint"):
        train.load(path)
    checkpoints.write(path, {"x": torch.zeros(2)}, {"note": "not of a training run"})
    with pytest.raises(ValueError, match="another version"):
        train.load(path)
    torch.save({"x": 1}, path)
    with pytest.raises(ValueError, match="not a safetensors file"):
        train.load(path)
    with pytest.raises(FileNotFoundError, match=r"absent\.safetensors"):
        train.load(tmp_path / "absent.safetensors")


def test_weights_that_do_not_fit_the_named_network_are_refused(sets, tmp_path):
    path = tmp_path / "a.safetensors"
    run(model(), sets, train.TrainConfig(epochs=1), checkpoint=path)
    tensors, about = checkpoints.read(path)
    about["model"]["depth"] = 2
    checkpoints.write(path, tensors, about)
    with pytest.raises(ValueError, match=r"(?s)does not hold the network.*blocks\.1"):
        train.load(path)


def test_a_failing_write_leaves_the_old_file(sets, tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    run(model(), sets, checkpoint=path)
    before = path.read_bytes()

    def full(tensors, part, metadata):
        part.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(OSError, match="No space"):
        run(model(), sets, checkpoint=path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.safetensors", *FILES[::2]]


def test_the_new_file_is_moved_into_place_not_written_there(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    checkpoints.write_text(path, "old")

    def killed(*names):
        raise OSError("no power")

    monkeypatch.setattr(checkpoints.os, "replace", killed)
    with pytest.raises(OSError, match="no power"):
        checkpoints.write_text(path, "new")
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("change", "named"),
    [({"seed": 6}, "seed = 6 here, 5 there"), ({"epochs": 9}, "epochs = 9 here, 4")],
)
def test_resuming_another_run_is_refused(sets, tmp_path, change, named):
    path = tmp_path / "a.safetensors"
    run(model(), sets, checkpoint=path)
    before = path.read_bytes()
    other = replace(FEW, **change)
    with pytest.raises(ValueError, match=named):
        run(model(), sets, other, checkpoint=path, resume=True)
    wider = Spikformer(replace(TINY, dim=32))
    with pytest.raises(ValueError, match="dim = 32 here, 16 there"):
        run(wider, sets, checkpoint=path, resume=True)
    assert path.read_bytes() == before


# ------------------------------------------------------------------ bad input
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("epochs", 0, ValueError),
        ("epochs", 2.5, TypeError),
        ("batch_size", 1, ValueError),
        ("learning_rate", 0, ValueError),
        ("learning_rate", math.nan, ValueError),
        ("warmup", 1.5, ValueError),
        ("weight_decay", -0.1, ValueError),
        ("label_smoothing", "much", TypeError),
        ("seed", -1, ValueError),
    ],
)
@pytest.mark.usefixtures("our_own_messages")
def test_nonsense_in_the_recipe_is_named(name, value, error):
    with pytest.raises(error, match=name) as caught:
        train.TrainConfig(**{name: value})
    assert repr(value) in str(caught.value) and "must be" in str(caught.value)


def test_data_that_does_not_fit_the_network_is_named(sets):
    good, test = sets
    colour = data.Images(good.images.expand(-1, 3, -1, -1), good.labels)
    short = data.Images(good.images, good.labels[:9])
    eleven = data.Images(good.images, good.labels + 1)
    ignored = data.Images(good.images, good.labels - 1)
    for bad, words in (
        (colour, r"shape\[-3\] = 3"),
        (short, r"train_set\.labels\.shape = \(9,\)"),
        (eleven, r"train_set\.labels = 10.*at most 9"),
        (ignored, r"train_set\.labels = -1.*at least 0"),
    ):
        with pytest.raises(ValueError, match=words):
            run(model(), (bad, test))
    with pytest.raises(TypeError, match="checkpoint"):
        run(model(), sets, resume=True)


@pytest.mark.usefixtures("our_own_messages")
def test_wrong_kinds_of_argument_are_named(sets):
    good, test = sets
    network = model()
    floats = data.Images(good.images, good.labels.float())
    lists = data.Images(good.images, good.labels.tolist())
    for call, words in (
        (lambda: run(network, (floats, test)), r"train_set\.labels\.dtype = torch\.fl"),
        (lambda: run(network, (good, lists)), r"test_set\.labels = '?list"),
        (lambda: run(network, (3, test)), "train_set = 'int'"),
        (lambda: run(torch.nn.Linear(2, 2), sets), "model = 'Linear'"),
        (lambda: run(network, sets, {"epochs": 1}), "config = 'dict'"),
        (lambda: run(network, sets, checkpoint=5), "path = int"),
        (lambda: train.load(5), "path = int"),
        (lambda: train.evaluate(network, lists), "labels = 'list'"),
        (lambda: train.learning_rate(0.5, 5, FEW), r"step = 0\.5"),
    ):
        with pytest.raises(TypeError, match=words):
            call()
    frames = data.Images(good.images[None], good.labels)
    with pytest.raises(ValueError, match="ndim = 5: must be 4"):
        train.evaluate(network, frames)
    with pytest.raises(ValueError, match="step = -1"):
        train.learning_rate(-1, 5, FEW)


# ------------------------------------------------------------------ command line
def test_the_command_refuses_to_overwrite_and_names_presets(tmp_path, capsys):
    (tmp_path / "checkpoint.safetensors").write_bytes(b"precious")
    assert train.main(["--out", str(tmp_path), "--epochs", "1"]) == 1
    assert "--resume" in capsys.readouterr().err
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == b"precious"
    assert train.main(["--out", str(tmp_path), "--resume"]) == 1
    assert "truncated" in capsys.readouterr().err
    assert train.main(["--out", str(tmp_path), "--epochs", "0"]) == 1
    assert "epochs = 0" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        train.main(["--preset", "digit"])
    assert "digits" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent this way")
def test_ctrl_c_in_a_real_run_leaves_a_checkpoint_that_resumes(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    command = [sys.executable, "-m", "spikedu.train", "--out", str(tmp_path)]
    command += ["--epochs", "1", "--batch-size", "300"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)  # in its first epoch
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "0 whole epochs of 1" in said
    assert len(train.load(path)[1]) == 0
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    _, history = train.load(path)
    assert len(history) == 1
    assert json.loads((tmp_path / "history.json").read_text()) == asdict(history)

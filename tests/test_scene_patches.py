"""The film strip against torch's own pool, the network's hooks and a worked example."""

import re

import numpy as np
import pytest
import torch
from examples import digit_images, small_recording, small_spikformer

from spikedu.figures import frames
from spikedu.record import Recording
from spikedu.scenes import patches
from spikedu.widgets import film_strip

STAGES = ("stage 1", "stage 2", "stage 3", "stage 4", "stage 4, pooled", "RPE")


def by_hand() -> Recording:
    """Two channels of 2 x 2 at two steps: channel 0 is dead, channel 1 fires thrice."""
    spikes = np.zeros((2, 1, 2, 2, 2), bool)
    spikes[0, 0, 1, 0, 0] = spikes[1, 0, 1, 0, 0] = spikes[1, 0, 1, 1, 1] = True
    return Recording(spikes={"conv": spikes}, about={"neurons": {}})


def test_two_channels_by_hand():
    view = patches.film_strip(recording=by_hand())
    assert view.rate.tolist() == [0, 3 / 8] and view.fired == 2
    assert view.dead == (0,) and view.busiest == 1
    assert view.steps == 2 and view.at == 1  # the step with more spikes
    assert view.sentence == (
        "Conv is [2, 2, 2]: 2 of 8 neurons (25 %) fire at least once in 2 steps. "
        "Channel 1 is busiest, 0.38 spikes per neuron per step; 1 of 2 channels dead. "
        "The picture opens at step 1: none has more spikes. "
        "The image is not shown: it was not given as `images`."
    )
    assert view.said == ("1 spike in the stage.", "2 spikes in the stage.")
    tiles, average = view.panels[0], view.panels[1]
    assert tiles.values[1, 1].tolist() == [[1, 0], [0, 1]]
    assert average.values[0, 1].tolist() == [[1, 0], [0, 0.5]]


def test_a_dead_stage_says_so():
    quiet = Recording(spikes={"c": np.zeros((3, 1, 2, 4, 4), bool)}, about={})
    view = patches.film_strip(recording=quiet)
    assert view.busiest is None and view.dead == (0, 1)
    assert "All 2 channels are dead." in view.sentence


def test_the_stages_of_a_spikformer_are_named_and_the_pool_is_seen():
    recording = small_recording()
    assert tuple(patches.stages(recording)) == STAGES
    assert tuple(patches.stages(recording, digit_images())) == (patches.IMAGE, *STAGES)


@pytest.mark.parametrize("sample", [0, 2])
def test_each_stage_is_what_the_modules_give(sample):
    seen = {}
    model = small_spikformer()
    modules = {"RPE": model.rpe.spiking_conv.lif}
    for k, stage in enumerate(model.sps.stages):
        modules[f"stage {k + 1}"] = stage.spiking_conv.lif
    modules["stage 4, pooled"] = model.sps
    hooks = [
        module.register_forward_hook(lambda m, i, o, n=n: seen.update({n: o}))
        for n, module in modules.items()
    ]
    with torch.no_grad():
        model(digit_images())
    for hook in hooks:
        hook.remove()
    for stage in STAGES:
        view = patches.film_strip(
            recording=small_recording(), sample=sample, stage=stage
        )
        assert np.array_equal(view.values, seen[stage][:, sample].numpy()), stage
        assert 0 < view.fired < view.values[0].size


def test_the_pool_is_torchs_on_odd_and_even_sizes():
    spikes = np.random.default_rng(0).random((3, 2, 7, 6)) < 0.1
    ours = patches.pool(spikes)
    theirs = torch.nn.MaxPool2d(3, 2, 1)(torch.from_numpy(spikes).float())
    assert np.array_equal(ours, theirs.numpy()) and ours.shape == (3, 2, 4, 3)


def test_names_fit_their_tiles_and_the_title_says_what_they_are():
    view = patches.film_strip(recording=small_recording(), stage="RPE", page=1)
    tiles, average = view.panels[0], view.panels[1]
    assert tiles.title == "RPE: channels 16 to 31"
    assert average.title == "RPE: channels 16 to 31, mean over time"
    assert tiles.names[:2] == average.names[:2] == ("ch 16", "ch 17")
    assert all(len(name) <= 6 for name in tiles.names)


def test_a_page_that_a_small_stage_does_not_have_is_said():
    one = patches.film_strip(recording=by_hand(), page=1)
    said = "There is no page 1: page 0 shows 2 channels."
    assert said in one.sentence
    assert "page" not in patches.film_strip(recording=by_hand()).sentence


def test_it_says_at_which_step_it_opens():
    for stage in STAGES:
        view = patches.film_strip(recording=small_recording(), stage=stage)
        spikes = view.values.sum(axis=(1, 2, 3))
        assert f"The picture opens at step {spikes.argmax()}: none" in view.sentence
    frames = np.ones((5, 3, 3, 8, 8))
    frames[3] = 2
    show = {"recording": small_recording(), "stage": patches.IMAGE}
    bright = patches.film_strip(images=frames, **show)
    assert "opens at step 3: none is brighter." in bright.sentence
    one = patches.film_strip(images=digit_images(), **show)
    assert "opens" not in one.sentence  # it is the same at every step


def test_pages_hold_sixteen_channels_and_the_last_is_the_last():
    show = {"recording": small_recording(), "stage": "stage 4"}
    first, second, beyond = (patches.film_strip(page=p, **show) for p in (0, 1, 9))
    assert first.channels == range(16) and second.channels == range(16, 32)
    assert beyond.channels == second.channels
    assert np.array_equal(second.panels[0].values, second.values[:, 16:])
    shown = "Shown: channels 16 to 31 of 32, page 1; the last page is 1."
    assert shown in second.sentence
    # The rest of the sentence is of the whole stage.
    assert first.sentence.split("Shown")[0] == second.sentence.split("Shown")[0]


def test_the_code_gives_what_is_shown():
    recording, images = small_recording(), digit_images().numpy()
    for stage in (*STAGES, patches.IMAGE):
        view = patches.film_strip(
            recording=recording, images=images, sample=1, stage=stage
        )
        names = {"recording": recording, "images": images}
        exec(view.code, names)
        if stage == patches.IMAGE:
            assert np.array_equal(names["image"][None], view.values)
        else:
            assert np.allclose(names["rate"], view.rate), stage


def test_a_film_of_frames_and_colours_is_shown_as_such():
    recording = small_recording()
    frames = np.random.default_rng(1).random((5, 3, 3, 8, 8))
    view = patches.film_strip(recording=recording, images=frames, stage=patches.IMAGE)
    assert np.array_equal(view.values, frames[:, 0])
    image = next(p for p in view.panels if p.title == "the image")
    assert image.names == ("red", "green", "blue")


def test_each_preset_does_what_its_name_says():
    w = film_strip(small_recording(), digit_images())
    shown = {}
    for name in w.PRESETS:
        w.preset(name)
        shown[name] = w.view
    assert np.array_equal(
        shown["the first spikes"].values, small_recording().spikes["sps.stages.0"][:, 0]
    )
    assert np.allclose(shown["what goes in"].values[0], digit_images()[0])
    before = shown["before the last pool"]
    after = shown["after it: fewer places, more spikes in each"]
    assert after.values[0].size * 4 == before.values[0].size
    assert (after.rate >= before.rate).all() and after.rate.sum() > before.rate.sum()


def test_it_begins_where_it_is_told_to():
    w = film_strip(small_recording(), stage="RPE", sample=2)
    assert w.values == {"sample": 2, "stage": "RPE", "page": 0}
    assert patches.IMAGE not in w.controls["stage"].options


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sample": 3}, "sample = 3: must be a whole number from 0 to 2"),
        (
            {"stage": "stage 9"},
            "stage = 'stage 9': must be one of 'stage 1', 'stage 2'",
        ),
        ({"page": -1}, "page = -1: must be a whole number from 0"),
        ({"images": np.ones((2, 1, 8, 8))}, "images.shape = (2, 1, 8, 8): must be [B"),
        ({"images": np.ones((4, 3, 1, 8, 8))}, "with T = 5 as recorded"),
        ({"images": np.ones(3)}, "images.shape = (3,): must be [B C H W"),
        ({"recording": 7}, "recording = int: must be a Recording"),
    ],
)
def test_a_bad_value_is_named(values, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        patches.film_strip(**{"recording": small_recording(), **values})


def test_a_recording_without_a_grid_is_refused():
    flat = Recording(spikes={"fc": np.zeros((3, 1, 9), bool)}, about={})
    with pytest.raises(ValueError, match="recording = of fc: must be of neurons on a"):
        film_strip(flat)


def test_numbers_of_few_values_travel_as_a_table():
    whole = np.float32([0.5, 1 / 3, -2])[np.arange(600) % 3].reshape(20, 30)
    many = np.random.default_rng(0).random((20, 30)).astype(np.float32)
    for x, kind, most in ((whole, "few", 620), (many, "f4", 2400)):
        found, data = frames.to_bytes(x)
        assert found == kind and len(data) <= most
        back = frames.from_bytes(memoryview(b"1234" + data), kind, [20, 30], 4)
        assert np.array_equal(back, x)

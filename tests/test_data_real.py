"""The real big data sets, where they are on this machine, against published figures."""

import pytest
import torch

from spikedu import data

# Images of each class, and the mean of each channel from 0 to 1 as it is widely quoted.
EVEN = {"train": [6000] * 10, "test": [1000] * 10}
PUBLISHED = {
    "fashion-mnist": (EVEN, [0.2860], [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]),
    "mnist": (
        {
            "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
            "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
        },
        [0.1307],
        [5, 0, 4, 1, 9, 2, 1, 3, 1, 4],
    ),
    "cifar10": (
        {"train": [5000] * 10, "test": [1000] * 10},
        [0.4914, 0.4822, 0.4465],
        [6, 9, 9, 4, 1, 1, 2, 7, 8, 3],
    ),
}


def there(name: str, split: str) -> data.Images:
    try:
        return data.load(name, split)
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_big_set_is_what_was_published(name):
    counts, means, first = PUBLISHED[name]
    for split in data.SPLITS:
        images, labels = there(name, split)
        assert images.dtype == torch.uint8 and images.shape[1] == len(means)
        assert torch.bincount(labels).tolist() == counts[split]
        if split == "train":
            assert labels[:10].tolist() == first
            mean = torch.stack([x.double().mean() for x in images.unbind(1)]) / 255
            assert mean.tolist() == pytest.approx(means, abs=6e-5)

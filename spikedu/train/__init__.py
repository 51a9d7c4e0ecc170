"""Training a Spikformer: one loop, its history, and a run that can be resumed.

Everything random is drawn from (seed, epoch), so a resumed run needs no random state
and repeats an uninterrupted one bit for bit on a CPU. The loop is in `loop`.
"""

from spikedu.train.command import main
from spikedu.train.config import History, TrainConfig, learning_rate
from spikedu.train.evaluation import evaluate
from spikedu.train.loop import train
from spikedu.train.presets import RECIPES
from spikedu.train.run import load
from spikedu.train.weights import made_by, names, pretrained

__all__ = [
    "RECIPES",
    "History",
    "TrainConfig",
    "evaluate",
    "learning_rate",
    "load",
    "made_by",
    "main",
    "names",
    "pretrained",
    "train",
]

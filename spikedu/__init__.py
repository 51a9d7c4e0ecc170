"""spikedu: from one spiking neuron to a trained Spikformer."""

__version__ = "0.1.0"
# What a reader calls without knowing its home.
SHORT = {
    "look": "widgets",
    "Recorder": "record",
    "Recording": "record",
    "pretrained": "train",
}


def __getattr__(name):
    # `spikedu.functional` works after `import spikedu`, and costs nothing before.
    import importlib

    if name.startswith("_"):
        raise AttributeError(name)
    if name in SHORT:
        return getattr(importlib.import_module("spikedu." + SHORT[name]), name)
    try:
        return importlib.import_module("spikedu." + name)
    except ModuleNotFoundError as error:
        if error.name != "spikedu." + name:
            raise
    raise AttributeError("spikedu has no module {!r}".format(name))

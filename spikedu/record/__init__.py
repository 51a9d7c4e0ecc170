"""What happened inside a network, seen from outside: `Recorder` -> `Recording`.

Hooks on neurons copy what goes in and comes out: ours (`spikformer.LIF`), or those of
snnTorch in any network. How calls become [T, B, ...]: a neuron of ours (or StateLeaky)
is given all T steps at once, and calls are put side by side on the batch axis. Any
other is called step by step, wherever the loop is written: calls follow each other on
the time axis, and a restart from rest begins a new run, put beside the ones before on
the batch axis. A silent network may not show whether it restarted: then each forward of
several steps is a run, and forwards of one step are steps of the same run.
"""

from spikedu.record.recorder import Recorder
from spikedu.record.recording import Recording

__all__ = ["Recorder", "Recording"]

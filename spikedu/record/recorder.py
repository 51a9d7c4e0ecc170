"""The hooks: what a neuron is given and gives, call by call."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import snntorch
from torch import Tensor, nn

from spikedu import arguments
from spikedu.record import neurons, runs
from spikedu.record.recording import Recording, array
from spikedu.spikformer import LIF, NEURONS


class Recorder:
    """`with Recorder(model, "blocks.0.*") as rec: model(x)`: fills a `Recording`.

    `pattern`, or several, choose neurons by name as in fnmatch; `.lif` and
    `.spiking_conv` fall away where the rest is still one neuron. keep="spikes" leaves
    currents and membranes out. Outputs, gradients and random numbers stay the same.
    `ValueError` where nothing matches, or where calls do not fit each other.
    """

    def __init__(
        self,
        model: nn.Module,
        pattern: str | Sequence[str] = "*",
        keep: Literal["all", "spikes"] = "all",
    ) -> None:
        arguments.instance("model", model, nn.Module)
        arguments.choice("keep", keep, ("all", "spikes"))
        self.model, self.keep = model, keep
        self._neurons = neurons.matching(neurons.find(model), pattern)
        self._hooks: list[Any] = []

    def __enter__(self) -> Recording:
        if self._hooks:
            raise RuntimeError("this Recorder is recording: make another one")
        self.recording = Recording()
        self._forwards, self._open = 0, False
        self._tapes = [_Tape(self, n, *found) for n, found in self._neurons.items()]
        for tape in self._tapes:
            neuron = tape.module
            self._hooks += [
                neuron.register_forward_pre_hook(tape.before, with_kwargs=True),
                neuron.register_forward_hook(tape.after, with_kwargs=True),
            ]
        self._hooks += [  # the model itself only tells one forward from the next
            self.model.register_forward_pre_hook(self._begin, prepend=True),
            self.model.register_forward_hook(self._end),
        ]
        return self.recording

    def __exit__(self, kind, error, trace) -> None:
        while self._hooks:
            self._hooks.pop().remove()
        if kind is None:
            self._fill()
        self._tapes = []

    def _begin(self, *_: Any) -> None:
        self._drop_half_a_forward()
        for tape in self._tapes:
            tape.before_forward = len(tape.calls)
        self._forwards, self._open = self._forwards + 1, True

    def _end(self, *_: Any) -> None:
        self._open = False

    def _drop_half_a_forward(self) -> None:
        for tape in self._tapes:
            if self._open:  # it broke off, and somebody caught the exception
                del tape.calls[tape.before_forward :]

    def _fill(self) -> None:
        self._drop_half_a_forward()
        called = [tape for tape in self._tapes if tape.calls]
        if not called:
            raise ValueError("nothing was recorded: call the model inside the `with`")
        by_step = {tape.name: tape.calls for tape in called if not tape.whole}
        whole = {tape.name: tape.calls for tape in called if tape.whole}
        joined = [runs.join(by_step, runs.starts(by_step)), runs.join(whole, None)]
        arrays = {
            kind: {t.name: x[t.name] for t in called for x in parts if t.name in x}
            for kind in ("spikes", "current", "membrane")
            for parts in [[found.get(kind, {}) for found in joined]]
        }
        steps = {name: len(spikes) for name, spikes in arrays["spikes"].items()}
        if len(set(steps.values())) > 1:
            raise ValueError(f"steps of neurons = {steps}: must be the same for all")
        known = {tape.name: tape.about for tape in called}
        self.recording.spikes.update(arrays["spikes"])
        self.recording.currents.update(arrays["current"])
        self.recording.membranes.update(arrays["membrane"])
        self.recording.about |= {
            "steps": next(iter(steps.values())),
            "neurons": known,
            "attentions": neurons.attentions(self.model, known),
            "not_called": [tape.name for tape in self._tapes if not tape.calls],
        }


class _Tape:
    """The calls of one neuron, and its constants."""

    def __init__(self, recorder: Recorder, name: str, path: str, module: nn.Module):
        self.recorder, self.name, self.module = recorder, name, module
        self.calls, self.before_forward, self.about = [], 0, {}
        self.path, self.whole = path, isinstance(module, neurons.WHOLE)
        self.came, self.left, self.earlier = None, None, set()

    def before(self, module: nn.Module, args: tuple, kwargs: dict) -> None:
        if not self.whole:
            given = _given(module, args, kwargs).get("mem")
            self.came = _mark(module.mem if given is None else given)

    def after(self, module: nn.Module, args: tuple, kwargs: dict, output: Any) -> None:
        current = next(iter(_given(module, args, kwargs).values()))
        spikes = output[0] if isinstance(output, tuple) else output
        if isinstance(module, snntorch.StateLeaky) and not module.output:
            raise ValueError(f"{self.name!r}: with output=False it emits no spikes")
        recorder = self.recorder
        forward = recorder._forwards if recorder._open else None
        if self.whole and forward and self.calls and self.calls[-1].forward == forward:
            raise ValueError(_shared(self.name, "called twice in one forward"))
        self._constants(current)
        arrays = {"spikes": self._fired(spikes)}
        if recorder.keep == "all":
            arrays["current"] = array(current)
            if not isinstance(module, LIF):
                arrays["membrane"] = array(output[1] if self.whole else module.mem)
        restart = True if self.whole else self._restart(module.mem)
        self.calls.append(runs.Call(arrays, forward, restart))

    def _restart(self, mem: Tensor) -> bool | None:
        came, left, first = self.came, self.left, not self.calls
        self.left = _mark(mem)
        rest = came[1] is None or came[0] != self.left[0]  # snnTorch drops other shapes
        if not (rest or first or came == left) and came in self.earlier:
            why = "given a membrane that is not its last one but an earlier one"
            raise ValueError(_shared(self.name, why))
        self.earlier.add(self.left)
        if rest:
            return True if first or left[1] is not None else None
        return False if came == left else None

    def _fired(self, spikes: Tensor) -> np.ndarray:
        factor = getattr(self.module, "graded_spikes_factor", 1.0)
        if isinstance(self.module, snntorch.StateLeaky):
            factor = factor * factor  # snnTorch 1.0.0 applies it twice
        fired = spikes.detach() != 0
        if not (spikes.detach() == fired * factor).all():
            right = "0 or 1, times graded_spikes_factor"
            raise ValueError(f"output of {self.name!r}: spikes must be {right}")
        return array(fired)

    def _constants(self, current: Tensor) -> None:
        module, ours = self.module, isinstance(self.module, LIF)
        about = {"kind": LIF.__name__ if ours else type(module).__name__}
        about |= {"path": self.path, "dtype": str(current.dtype).split(".")[-1]}
        about["device"] = current.device.type
        if ours:
            rule = [name for name, step in NEURONS.items() if step is module.step]
            about["step"] = rule[0] if rule else module.step.__name__
            about["reset"] = {"hard": "zero", "soft": "subtract"}.get(about["step"])
        else:
            whole = isinstance(module, snntorch.StateLeaky)
            about["reset"] = "none" if whole else module.reset_mechanism
        for name in ("threshold", "beta", "alpha"):
            value = getattr(module, name, None)
            if value is not None:  # an exact float stays one
                about[name] = value.tolist() if isinstance(value, Tensor) else value
        if self.about and about != self.about:
            parts = [name for name in about if about[name] != self.about.get(name)]
            raise ValueError(
                f"{self.name!r}: {', '.join(parts)} changed inside one `with`; give "
                "what comes after the change a `with` of its own"
            )
        self.about = about


def _given(module: nn.Module, args: tuple, kwargs: dict) -> dict[str, Any]:
    return inspect.signature(module.forward).bind(*args, **kwargs).arguments


def _mark(state: Tensor) -> tuple[tuple[int, ...], int | None]:
    """What tells one state from another, without keeping it; None for rest."""
    values = array(state)
    return values.shape, hash(values.tobytes()) if values.any() else None


def _shared(name: str, why: str) -> str:
    return (
        f"{name!r}: {why}, so it serves several places of the network and its record "
        "would mix them; give each place a neuron of its own, or leave it out"
    )

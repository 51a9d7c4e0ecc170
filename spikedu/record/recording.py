"""What was recorded: plain arrays by name, and a file without pickle."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikedu import arguments, checkpoints, fused
from spikedu.spikformer import LIF, NEURONS

KIND = "spikedu recording 1"


@dataclass(eq=False)
class Recording:
    """Arrays by neuron; `spikes[name]` is bool [T, B, ...]. Axes: see the module.

    `about` is what else is known, fit for json: `about["neurons"][name]` has kind,
    reset, threshold, beta. Filled where the `with` of its `Recorder` ends.
    """

    spikes: dict[str, np.ndarray] = field(default_factory=dict)
    currents: dict[str, np.ndarray] = field(default_factory=dict)
    membranes: dict[str, np.ndarray] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The neurons, in the order of the network."""
        return tuple(self.spikes)

    @property
    def attentions(self) -> tuple[str, ...]:
        """Names for `attention`: those whose queries and keys were recorded."""
        return tuple(self.about.get("attentions", {}))

    def threshold(self, name: str) -> float | np.ndarray:
        """U_th: one number, or one for each neuron where each has its own."""
        value = self._neuron(name)["threshold"]
        return np.array(value) if isinstance(value, list) else value

    def current(self, name: str) -> np.ndarray:
        """What the neuron was given, [T, B, ...]: W X in Eq. (1).

        Of neurons with weights of their own (LinearLeaky, the LSTMs): their input.
        """
        self._neuron(name)
        return self._kept(self.currents, name)

    def membrane(self, name: str) -> np.ndarray:
        """U, [T, B, ...]; snnTorch's as it was, ours replayed from the current.

        `ValueError` if the replay does not spike as recorded.
        """
        about = self._neuron(name)
        if about["kind"] != LIF.__name__:
            return self._kept(self.membranes, name)
        arguments.choice(f"the rule of {name!r}", about["step"], tuple(NEURONS))
        cuda = about["device"] == "cuda" and torch.cuda.is_available()
        current = torch.tensor(self.current(name), device="cuda" if cuda else "cpu")
        current = current.to(getattr(torch, about["dtype"]))
        # One number for all stays a number: only a tensor takes the slow loop.
        beta, threshold = (
            current.new_tensor(x) if isinstance(x, list) else x
            for x in (about["beta"], about["threshold"])
        )
        step = NEURONS[about["step"]]
        with torch.no_grad(), torch.autocast(current.device.type, enabled=False):
            membrane, spikes = fused.lif(current, beta, threshold, step)
        wrong = int((array(spikes != 0) != self.spikes[name]).sum())
        if wrong:
            raise ValueError(
                f"membrane({name!r}): replayed from the current, {wrong} of "
                f"{self.spikes[name].size} spikes differ from the recorded ones; on "
                f"another device than {about['device']} the last bit may differ"
            )
        return array(membrane)

    def attention(self, name: str) -> np.ndarray:
        """Q K^T s inside Eq. (15), [T, B, h, N, N]: row i is what patch i looks at."""
        if name not in self.attentions:
            raise ValueError(absent("attention", name, self.attentions))
        about = self.about["attentions"][name]
        q, k = (  # [T, B, N, D] -> [T, B, h, N, d]
            x.reshape(*x.shape[:-1], about["heads"], -1).swapaxes(-3, -2)
            for x in (self.spikes[about[n]].astype(np.float32) for n in ("q", "k"))
        )
        return q @ k.swapaxes(-2, -1) * np.float32(about["scale"])

    def save(self, path: str | Path) -> None:
        """One safetensors file, whole or not at all; spikes take one bit each."""
        if not self.spikes:
            raise ValueError("save: nothing is recorded before the `with` has ended")
        tensors = {
            f"current {n}": torch.from_numpy(x) for n, x in self.currents.items()
        }
        for name, x in self.membranes.items():
            tensors[f"membrane {name}"] = torch.from_numpy(x)
        for name, x in self.spikes.items():
            tensors[f"spikes {name}"] = torch.from_numpy(np.packbits(x))
        shapes = {name: list(x.shape) for name, x in self.spikes.items()}
        about = {"kind": KIND, "shapes": shapes, "recording": self.about}
        checkpoints.write(path, tensors, about)

    @classmethod
    def load(cls, path: str | Path) -> Recording:
        """What `save` wrote. `ValueError` on a truncated or foreign file."""
        tensors, about = checkpoints.read(path)
        if not isinstance(about, dict) or about.get("kind") != KIND:
            raise ValueError(f"path = {str(path)!r}: a checkpoint, not a recording")
        found = cls()
        try:
            found.about = about["recording"]
            for name, shape in about["shapes"].items():
                bits = tensors.pop(f"spikes {name}").numpy()
                flat = np.unpackbits(bits, count=int(np.prod(shape)))
                found.spikes[name] = flat.reshape(shape).astype(bool)
            stores = {"current": found.currents, "membrane": found.membranes}
            for key, x in tensors.items():
                kind, _, name = key.partition(" ")
                stores[kind][name] = x.numpy()
        except (KeyError, ValueError) as error:
            raise ValueError(f"path = {str(path)!r}: damaged ({error})") from None
        return found

    def _neuron(self, name: str) -> dict[str, Any]:
        if name not in self.spikes:
            raise ValueError(absent("name", name, self.names))
        return self.about["neurons"][name]

    def _kept(self, arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
        if name not in arrays:
            raise ValueError(f'{name!r} was recorded with keep="spikes": spikes only')
        return arrays[name]


def array(x: Tensor) -> np.ndarray:
    """A copy that nobody else can change; bfloat16, unknown to numpy, as float32."""
    x = x.detach()
    x = x.float() if x.dtype == torch.bfloat16 else x
    return np.array(x.cpu().numpy(), order="C")


def absent(what: str, name: Any, names: tuple[str, ...]) -> str:
    """The message for a name that is not there, with those that are."""
    there = ", ".join(names) or "none: filled where the `with` ends"
    return f"{what} = {name!r}: recorded are {there}"

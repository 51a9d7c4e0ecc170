"""How a network learns, and whether its layers are alive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikedu.figures import arrays, words
from spikedu.figures.words import number, percent, plural


@dataclass(frozen=True, eq=False)
class LearningCurveView:
    """Loss and accuracy per epoch, on data trained on and on data held out.

    `references` are accuracies to beat, by name. What was not measured is None.
    """

    epochs: NDArray[np.int64]
    train_loss: NDArray[np.float64] | None
    test_loss: NDArray[np.float64] | None
    train_accuracy: NDArray[np.float64] | None
    test_accuracy: NDArray[np.float64] | None
    references: Mapping[str, float]

    @classmethod
    def of(
        cls,
        train_loss: ArrayLike | None = None,
        test_loss: ArrayLike | None = None,
        train_accuracy: ArrayLike | None = None,
        test_accuracy: ArrayLike | None = None,
        references: Mapping[str, float] | None = None,
        epochs: Sequence[int] | None = None,
    ) -> LearningCurveView:
        """From one value per epoch; accuracies and references lie in 0 to 1.

        Epochs count from 1 unless given. A `train.History` h fits: `of(**vars(h))`.
        """
        given = {
            "train_loss": train_loss,
            "test_loss": test_loss,
            "train_accuracy": train_accuracy,
            "test_accuracy": test_accuracy,
        }
        series = {
            name: None if value is None else arrays.array(name, value, "epochs")
            for name, value in given.items()
        }
        lengths = {len(value) for value in series.values() if value is not None}
        if not lengths:
            arrays.fail("series", "none", "at least one, such as train_loss=[...]")
        if len(lengths) > 1:
            sizes = {n: len(v) for n, v in series.items() if v is not None}
            arrays.fail("epochs in each series", sizes, "the same number in all")
        for name, value in series.items():
            if "accuracy" in name and value is not None:
                arrays.number(f"min of {name}", float(value.min()), 0, 1)
                arrays.number(f"max of {name}", float(value.max()), 0, 1)
        (length,) = lengths
        shown = np.arange(1, length + 1)
        if epochs is not None:
            shown = arrays.array("epochs", epochs, "epochs").astype(np.int64)
        if len(shown) != length or (np.diff(shown) <= 0).any():
            right = f"{length} whole numbers, each above the one before"
            arrays.fail("epochs", list(map(int, shown)), right)
        found = dict(references or {})
        for name, value in found.items():
            found[name] = arrays.number(f"references[{name!r}]", value, 0, 1)
        return cls(epochs=shown, **series, references=found)

    @property
    def title(self) -> str:
        """How long it trained."""
        return f"training, {plural(len(self.epochs), 'epoch')}"

    @property
    def panels(self) -> tuple[str, ...]:
        """ "loss" and "accuracy", or the one of them that was measured."""
        loss = self.train_loss is not None or self.test_loss is not None
        accuracy = self.train_accuracy is not None or self.test_accuracy is not None
        accuracy = accuracy or bool(self.references)
        return ("loss",) * loss + ("accuracy",) * accuracy

    def series(self, panel: str) -> dict[str, NDArray[np.float64]]:
        """The curves of a panel, by "train" and "test"."""
        found = {who: getattr(self, f"{who}_{panel}") for who in ("train", "test")}
        return {who: value for who, value in found.items() if value is not None}

    @property
    def alt(self) -> str:
        """For an image: at most 300 characters."""
        sentences = [f"Learning curve over {plural(len(self.epochs), 'epoch')}."]
        for panel in self.panels:
            ends = [
                f"{who} {panel} goes from {number(y[0])} to {number(y[-1])}"
                for who, y in self.series(panel).items()
            ]
            if ends:
                sentences.append(words.sentence(", ".join(ends)))
        for name, value in self.references.items():
            sentences.append(f"Reference: {name} at {number(value)}.")
        return words.clip(sentences)

    @property
    def text(self) -> str:
        """Every epoch in a line, then the references."""
        lines = [self.alt]
        for k, epoch in enumerate(self.epochs):
            parts = [
                f"{who} {panel} {number(y[k])}"
                for panel in self.panels
                for who, y in self.series(panel).items()
            ]
            lines.append(f"epoch {epoch}: " + ", ".join(parts))
        lines += [
            f"{name}: accuracy {number(v)}" for name, v in self.references.items()
        ]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class FiringRateView:
    """One row per layer: neurons, spikes per neuron per step, and two kinds of sick.

    `dead`: the share of neurons that never fire; `saturated`: that fire at every step.
    """

    names: tuple[str, ...]
    neurons: NDArray[np.int64]
    rate: NDArray[np.float64]
    dead: NDArray[np.float64]
    saturated: NDArray[np.float64]
    over: str = ""  # what the rates are means of, such as "all samples"

    @classmethod
    def of(cls, layers: Mapping[str, ArrayLike]) -> FiringRateView:
        """From spikes by layer: [T, N], or [T, B, ...] with samples on the second axis.

        A neuron is dead only where it is silent in every sample; so for saturated.
        """
        if not isinstance(layers, Mapping) or not layers:
            right = "a mapping from layer names to spikes, with one layer at least"
            arrays.fail("layers", repr(layers), right)
        rows = []
        for name, value in layers.items():
            s = arrays.spikes(f"layers[{name!r}]", value, "T N | T B ...")
            if s.ndim < 2:
                arrays.fail(f"layers[{name!r}].shape", s.shape, "[T, N] or [T, B, ...]")
            s = s[:, None] if s.ndim == 2 else s
            s = s.reshape(s.shape[0] * s.shape[1], -1)
            dead, saturated = ~s.any(axis=0), s.all(axis=0)
            rows.append((s.shape[1], s.mean(), dead.mean(), saturated.mean()))
        return cls(tuple(layers), *map(np.array, zip(*rows, strict=True)))

    @property
    def title(self) -> str:
        """How many layers, and over what."""
        over = f", {self.over}" if self.over else ""
        return f"firing rates of {plural(len(self.names), 'layer')}{over}"

    @property
    def limit(self) -> float:
        """Where the axis of rates ends: the tenth above the highest, at most 1."""
        return float(np.clip(np.ceil(11 * self.rate.max()) / 10, 0.1, 1.0))

    @property
    def rows(self) -> list[dict[str, object]]:
        """The table, a dict per layer."""
        columns = (self.neurons, self.rate, self.dead, self.saturated)
        return [
            {"layer": n, "neurons": int(k), "rate": r, "dead": d, "saturated": s}
            for n, k, r, d, s in zip(
                self.names, *(c.tolist() for c in columns), strict=True
            )
        ]

    @property
    def alt(self) -> str:
        """For an image: at most 300 characters."""
        low, high = int(self.rate.argmin()), int(self.rate.argmax())
        worst = int(self.dead.argmax())
        sentences = [
            f"Firing rates of {plural(len(self.names), 'layer')}: from "
            f"{number(self.rate[low])} ({words.short(self.names[low])}) to "
            f"{number(self.rate[high])} ({words.short(self.names[high])}) spikes per "
            "neuron per step."
        ]
        if self.dead[worst] > 0:
            dead, name = percent(self.dead[worst]), words.short(self.names[worst])
            sentences.append(f"Most dead neurons: {dead} in {name}.")
        else:
            sentences.append("No neuron is dead.")
        worst = int(self.saturated.argmax())
        if self.saturated[worst] > 0:
            share, name = percent(self.saturated[worst]), words.short(self.names[worst])
            sentences.append(f"Most saturated: {share} in {name}.")
        return words.clip(sentences)

    @property
    def text(self) -> str:
        """The table as Markdown."""
        lines = [
            "| layer | neurons | rate | dead | saturated |",
            "|---|---|---|---|---|",
        ]
        for row in self.rows:
            dead, saturated = percent(row["dead"]), percent(row["saturated"])
            lines.append(
                f"| {row['layer']} | {row['neurons']} | {number(row['rate'])} "
                f"| {dead} | {saturated} |"
            )
        return "\n".join(lines)

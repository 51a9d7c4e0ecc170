"""What a widget shows, as data: rows of views, and what happens in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikedu.figures import arrays, words


@dataclass(frozen=True, eq=False)
class TermsView:
    """A table beside the picture: each row a term, its code, its `values[T, M]`.

    `cause[t]` is the row that decided step t, -1 where none did.
    """

    names: tuple[str, ...]
    code: tuple[str, ...]
    values: NDArray[np.float64]
    cause: NDArray[np.int64]
    title: str

    @classmethod
    def of(
        cls,
        terms: Mapping[str, tuple[str, ArrayLike]],
        cause: ArrayLike | None = None,
        *,
        title: str,
    ) -> TermsView:
        """From {term: (its line of code, its values [T])}."""
        if not isinstance(terms, Mapping) or not terms:
            right = "a mapping {term: (code, values)} with one term at least"
            arrays.fail("terms", repr(terms), right)
        columns = [arrays.array(n, values, "T") for n, (_, values) in terms.items()]
        steps = len(columns[0])
        for name, column in zip(terms, columns, strict=True):
            if len(column) != steps:
                arrays.fail(f"{name}.shape", column.shape, f"({steps},), as the first")
        cause = np.full(steps, -1) if cause is None else np.array(cause, dtype=np.int64)
        if cause.shape != (steps,) or not ((-1 <= cause) & (cause < len(terms))).all():
            right = f"[T] rows from 0 to {len(terms) - 1}, or -1"
            arrays.fail("cause", cause.tolist(), right)
        code = tuple(line for line, _ in terms.values())
        return cls(tuple(terms), code, np.stack(columns, axis=1), cause, title)

    @property
    def alt(self) -> str:
        """What the table holds."""
        steps = words.plural(len(self.values), "step")
        return words.clip(
            [
                f"{self.title}: a table of {words.plural(len(self.names), 'term')} at "
                f"each of {steps}.",
                words.sentence(f"the terms are {words.listed(self.names)}"),
            ]
        )

    @property
    def text(self) -> str:
        """Every step, every term."""
        lines = [self.alt]
        for t, row in enumerate(self.values):
            cells = (
                f"{n} {words.number(x)}" for n, x in zip(self.names, row, strict=True)
            )
            lines.append(f"step {t}: " + ", ".join(cells))
        return "\n".join(lines)


@dataclass(frozen=True, eq=False, kw_only=True)
class Screen:
    """`rows` of views, drawn from top to bottom, each row from left to right.

    A view with a time axis of its own runs over `steps`; a map or bars with T > 1 shows
    the step where the cursor is, at first `at`. `picks`: by the number of a panel, what
    a click on it sets: {what is clicked: name of a control}, of t, n (a raster's row),
    neuron, tile, row, column and bar; {name of a control: a number} where it is fixed.
    """

    rows: tuple[tuple[Any, ...], ...]
    sentence: str  # what happens
    alt: str
    code: str = ""  # Python that computes it
    steps: int = 0
    at: int = 0
    said: tuple[str, ...] = ()  # one for each step, where there is more to say
    picks: Mapping[int, Mapping[str, str | int]] = field(default_factory=dict)

    @property
    def panels(self) -> list[Any]:
        """All views, in reading order."""
        return [view for row in self.rows for view in row]

    @property
    def text(self) -> str:
        """All of it in words."""
        lines = [self.alt, *(view.text for view in self.panels), *self.said]
        return "\n".join([*lines, self.code] if self.code else lines)

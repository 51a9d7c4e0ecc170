"""How the calls of neurons become [T, B, ...]; the rules are told in the package."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass
class Call:
    """What one call of a neuron left."""

    arrays: dict[str, np.ndarray]
    forward: int | None  # which forward of the model; None: called on its own
    restart: bool | None  # from rest? None: cannot be told


def starts(calls: Mapping[str, Sequence[Call]]) -> list[int]:
    """The calls, by number, that begin a run, from neurons called step by step.

    All are called in turn, so they decide together: a silent one cannot tell.
    """
    counts = {name: len(found) for name, found in calls.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(
            f"calls of the neurons = {counts}: must be the same for all; one called "
            "more often may serve several places: choose fewer neurons by `pattern`"
        )
    found = []
    forwards = [call.forward for call in next(iter(calls.values()), [])]
    steps = Counter(forwards)
    for k, forward in enumerate(forwards):
        votes = {mine[k].restart for mine in calls.values()}
        if votes == {None} or {True, False} <= votes:
            # Then the forwards tell: one of several steps is a run.
            looped = forward is not None and steps[forward] > 1
            begins = looped and forwards[k - 1] != forward
        else:
            begins = True in votes
        if k == 0 or begins:
            found.append(k)
    return found


def join(
    calls: Mapping[str, Sequence[Call]], starts: Sequence[int] | None
) -> dict[str, dict[str, np.ndarray]]:
    """kind -> name -> [T, B, ...], and lets go of the calls.

    Without `starts` each call is a run and holds all its steps.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, mine in calls.items():
        cuts = range(len(mine) + 1) if starts is None else [*starts, len(mine)]
        for kind in list(mine[0].arrays):
            runs = [
                _stack(f"{kind} of {name!r}", [c.arrays.pop(kind) for c in mine[a:b]])
                if starts is not None
                else mine[a].arrays.pop(kind)
                for a, b in zip(cuts, cuts[1:], strict=False)
            ]
            found.setdefault(kind, {})[name] = _beside(f"{kind} of {name!r}", runs)
    return found


def _stack(what: str, steps: list[np.ndarray]) -> np.ndarray:
    shapes = {x.shape for x in steps}
    if len(shapes) > 1:
        raise ValueError(
            f"{what}: the steps of one run have shapes {sorted(shapes)}, must be one "
            "shape; give another batch a `with` of its own, or let it start from rest"
        )
    return np.stack(steps)


def _beside(what: str, runs: list[np.ndarray]) -> np.ndarray:
    if len(runs) == 1:
        return runs[0]
    shapes = [run.shape for run in runs]
    if len({(s[0], s[2:]) for s in shapes}) > 1 or len(shapes[0]) < 3:
        raise ValueError(
            f"{what}: runs of shapes {sorted(set(shapes))} cannot be put side by side "
            "on the batch axis of [T, B, ...]; give each a `with` of its own"
        )
    return np.concatenate(runs, axis=1)

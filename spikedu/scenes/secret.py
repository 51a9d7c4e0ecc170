"""A neuron of Eq. (1) with hidden b, W and U_th, to be found from chosen stimuli."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikedu.figures import arrays
from spikedu.figures.views import DifferenceView, MembraneView, Screen
from spikedu.figures.words import plural
from spikedu.scenes import faces
from spikedu.scenes.lif_words import SUBTRACT, fixed
from spikedu.scenes.neuron import simulate

STEPS, START = 40, 2  # a pulse begins at step START
STIMULI = ("one pulse", "two pulses", "constant, from a step on", "ramp, then constant")
PULSE, TWO, CONSTANT, RAMP = STIMULI
ELECTRODES = ("membrane and spikes", "spikes only")
MEMBRANE, SPIKES = ELECTRODES
BOX = {
    "amplitude": (0.0, 5.0),
    "width": (1, 20),
    "beta": (0.0, 1.0),
    "weight": (0.05, 2.0),
    "threshold": (0.1, 2.0),
    "seed": (0, 999),
}
GRID = 0.05  # of the hidden values, and of the sliders that guess them
# Where they are drawn from, in steps of the grid. Each such neuron can be kept silent
# and made to fire within BOX, and both are needed: see `check`.
DRAWN = {"beta": (10, 19), "weight": (6, 30), "threshold": (10, 30)}
SAME = 1e-9  # membranes that differ by rounding alone


class Neuron(NamedTuple):
    """The three numbers of Eq. (1)."""

    beta: float
    weight: float
    threshold: float


FIRST = Neuron(0.8, 1.0, 1.0)  # the guess to start from


class GuessError(NamedTuple):
    """How far a guess is off.

    `spikes`: fired by only one of the two. `membrane`: the largest difference, None
    where the electrode does not show it.
    """

    spikes: int
    membrane: float | None

    @property
    def none(self) -> bool:
        """Whether this electrode tells the two apart nowhere."""
        return self.spikes == 0 and (self.membrane or 0.0) <= SAME


@dataclass(frozen=True, eq=False, kw_only=True)
class SecretView(Screen):
    """What the experimenter sees, all [T]: the stimulus `x`, the guess, the secret.

    `secret_u` is None where the electrode sees spikes only.
    """

    x: NDArray[np.float64]
    u: NDArray[np.float64]
    s: NDArray[np.float64]
    secret_u: NDArray[np.float64] | None
    secret_s: NDArray[np.float64]
    error: GuessError


def hidden(seed: int = 0) -> Neuron:
    """The secret of this seed. To look is to lose."""
    rng = np.random.default_rng(arrays.count("seed", seed, *BOX["seed"]))
    drawn = (rng.integers(low, high + 1) for low, high in DRAWN.values())
    return Neuron(*(round(int(k) * GRID, 2) for k in drawn))


def injected(kind: str, amplitude: Real, width: int) -> NDArray[np.float64]:
    """X [T] of one of STIMULI; `width` is its length, gap, first step or rise."""
    x = np.zeros(STEPS)
    if kind == PULSE:
        x[START : START + width] = amplitude
    elif kind == TWO:
        x[[START, START + width]] = amplitude
    elif kind == CONSTANT:
        x[width:] = amplitude
    else:
        x[:] = amplitude * np.minimum(np.arange(1, STEPS + 1) / width, 1)
    return x


def secret_neuron(
    *,
    stimulus: str = PULSE,
    amplitude: Real = 1.0,
    width: int = 6,
    electrode: str = MEMBRANE,
    beta: Real = FIRST.beta,
    weight: Real = FIRST.weight,
    threshold: Real = FIRST.threshold,
    seed: int = 0,
) -> SecretView:
    """The neuron `hidden(seed)` and the guessed one under the same stimulus, Eq. (1).

    From spikes alone W and U_th can be told only as W / U_th: both times any c scale
    the membrane by c, and the spikes stay. Raises `ValueError` outside `BOX`.
    """
    arrays.choice("stimulus", stimulus, STIMULI)
    arrays.choice("electrode", electrode, ELECTRODES)
    amplitude = arrays.number("amplitude", amplitude, *BOX["amplitude"])
    width = arrays.count("width", width, *BOX["width"])
    guess = _guess(beta, weight, threshold)
    x = injected(stimulus, amplitude, width)
    (u, s), (v, fired) = _run(guess, x), _run(hidden(seed), x)
    error = _error(u, s, v, fired, electrode)
    happens = _sentence(x, s, v, fired, error, guess)
    if electrode == MEMBRANE:
        # The only threshold shown is the guess's.
        both = {"names": ["secret", "your guess and your U_th"], "current": x}
        trace = MembraneView.of(
            np.stack([v, u], 1), guess.threshold, np.stack([fired, s], 1), **both
        )
    else:
        trace = MembraneView.of(u, guess.threshold, s, x, names=["your guess"])
    raster = DifferenceView.of(fired[:, None], s[:, None], names=("secret", "guess"))
    alt = (
        f"{happens} Stimulus: {_stimulus(stimulus, fixed(amplitude), width)}; the "
        f"electrode sees {electrode}."
    )
    return SecretView(
        x=x,
        u=u,
        s=s,
        secret_u=v if electrode == MEMBRANE else None,
        secret_s=fired,
        error=error,
        rows=((trace,), (raster,)),
        sentence=happens,
        alt=alt,
        code=_code(guess, stimulus, amplitude, width),
        steps=STEPS,
    )


def check(
    beta: Real, weight: Real, threshold: Real, *, seed: int = 0, electrode=MEMBRANE
) -> GuessError:
    """How far a guess is off over 48 stimuli of all kinds; `.none`: it is found.

    With the electrode "spikes only", all neurons with the same b and W / U_th are.
    """
    arrays.choice("electrode", electrode, ELECTRODES)
    trials = [
        injected(kind, amplitude, width)
        for kind in STIMULI
        for amplitude in (0.3, 1.0, 2.0, 5.0)
        for width in (1, 6, 20)
    ]
    x = np.stack(trials, axis=1)
    guess = _guess(beta, weight, threshold)
    return _error(*_run(guess, x), *_run(hidden(seed), x), electrode)


def _guess(beta: Real, weight: Real, threshold: Real) -> Neuron:
    given = {"beta": beta, "weight": weight, "threshold": threshold}
    return Neuron(*(arrays.number(n, x, *BOX[n]) for n, x in given.items()))


def _run(neuron: Neuron, x: NDArray) -> tuple[NDArray, NDArray]:
    current = neuron.weight * x.reshape(STEPS, -1)
    found = simulate(current, neuron.beta, neuron.threshold, SUBTRACT)
    return tuple(a.reshape(x.shape) for a in found)


def _error(u, s, v, fired, electrode: str) -> GuessError:
    apart = float(np.abs(u - v).max()) if electrode == MEMBRANE else None
    return GuessError(int((s != fired).sum()), apart)


# ---------------------------------------------------------------- words
def _sentence(x, s, v, fired, error: GuessError, guess: Neuron) -> str:
    if not x.any():
        return "Without an input nothing happens, and nothing can be learned."
    if error.membrane is None:
        return f"{_spikes(s, fired)} {_ratio(guess)}"
    if not error.none:
        apart = f"The membranes are at most {_apart(error.membrane)} apart."
        return f"{_spikes(s, fired)} {apart}"
    if fired.any():
        return (
            f"{_spikes(s, fired)} The membranes agree at every step. Does another "
            "stimulus part them?"
        )
    return (
        "Both are silent, and the membranes agree at every step. This says of the "
        f"secret threshold only that it is not below {fixed(v.max())}."
    )


def _stimulus(kind: str, amplitude: str, width: int) -> str:
    steps = plural(width, "step")
    return {
        PULSE: f"one pulse of {amplitude} for {steps}",
        TWO: f"two pulses of {amplitude}, {steps} apart",
        CONSTANT: f"a constant {amplitude} from step {width} on",
        RAMP: f"a ramp to {amplitude} over {steps}, then constant",
    }[kind]


def _apart(x: float) -> str:
    return fixed(x) if x >= 0.01 else f"{x:.1e}"


def _spikes(s, fired) -> str:
    mine, other = int(s.sum()), int(fired.sum())
    if not mine and not other:
        return "Both are silent."
    if (s == fired).all():
        return f"All spikes agree: {mine} of each."
    first = int(np.flatnonzero(s != fired)[0])
    return (
        f"The secret fires {plural(other, 'spike')}, your guess {mine}; they first "
        f"differ at step {first}."
    )


def _ratio(guess: Neuron) -> str:
    w, edge = fixed(guess.weight), fixed(guess.threshold)
    half = f"{guess.weight / 2:.3f} and {guess.threshold / 2:.3f}"
    return (
        f"Spikes tell only the ratio W / U_th: {w} and {edge} fire like {half}, half "
        "of both."
    )


def _code(guess: Neuron, kind: str, amplitude: float, width: int) -> str:
    rest = STEPS - START - width
    x = {
        PULSE: f"[0] * {START} + [{amplitude!r}] * {width} + [0] * {rest}",
        TWO: f"[{amplitude!r} * (t in ({START}, {START + width})) for t in "
        f"range({STEPS})]",
        CONSTANT: f"[0] * {width} + [{amplitude!r}] * {STEPS - width}",
        RAMP: f"[{amplitude!r} * min((t + 1) / {width}, 1) for t in range({STEPS})]",
    }
    return faces.code(guess.beta, guess.threshold, guess.weight, x[kind])

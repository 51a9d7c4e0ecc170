"""Spiking self-attention as a machine: three rasters in, spikes out, Eq. (15)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikedu.figures import arrays, words
from spikedu.figures.views import BarsView, HeatView, Screen
from spikedu.scenes import recorded
from spikedu.scenes.neuron import simulate
from spikedu.scenes.recorded import RULES, exact

# What the sliders reach: lowest, highest.
BOX = {
    "rate_q": (0.0, 1.0),
    "rate_k": (0.0, 1.0),
    "rate_v": (0.0, 1.0),
    "tokens": (1, 8),
    "dim": (1, 8),
    "steps": (1, 8),
    "threshold": (0.1, 2.0),
    "seed": (0, 99),
}
ROOT = "1/sqrt(d)"  # what Eq. (2) divides by
SCALES = ("0.125", "0.25", ROOT, "1")
QK, KV = ORDERS = ("Q K^T first", "K^T V first")
HARD, SOFT = NEURONS = ("released, reset to zero", "Eq. (1), reset subtracts")
BETA = 0.5
MOST = 16  # tokens of which a map has room for every one


@dataclass(frozen=True, eq=False, kw_only=True)
class SlotMachineView(Screen):
    """One head: `q`, `k`, `v` and `spikes` [T, N, d], whatever is shown of them.

    `product` is Q K^T [T, N, N] or K^T V [T, d, d], `counts` [T, N, d] that of all
    three: whole numbers. `current` = counts times s. `agrees`: as it was recorded.
    """

    q: NDArray[np.bool_]
    k: NDArray[np.bool_]
    v: NDArray[np.bool_]
    product: NDArray[np.int64]
    counts: NDArray[np.int64]
    current: NDArray[np.floating]
    membrane: NDArray[np.floating]
    spikes: NDArray[np.bool_]
    multiply_adds: dict[str, int]  # at each step, by order
    tokens: range  # those shown
    agrees: bool = True


def slot_machine(
    *,
    rate_q: Real = 0.6,
    rate_k: Real = 0.6,
    rate_v: Real = 0.6,
    tokens: int = 5,
    dim: int = 6,
    steps: int = 4,
    scale: str = "0.125",
    threshold: Real = 0.5,
    order: str = QK,
    neuron: str = HARD,
    seed: int = 0,
) -> SlotMachineView:
    """Random Q, K, V: each of N `tokens` and d features spikes at its rate.

    `scale`: one of `SCALES`. Raises `ValueError` for a value outside of `BOX`.
    """
    given = (rate_q, rate_k, rate_v)
    rates = [
        arrays.number(f"rate_{x}", rate, *BOX[f"rate_{x}"])
        for x, rate in zip("qkv", given, strict=True)
    ]
    for name, value in {
        "tokens": tokens,
        "dim": dim,
        "steps": steps,
        "seed": seed,
    }.items():
        arrays.count(name, value, *BOX[name])
    arrays.choice("scale", scale, SCALES)
    arrays.choice("neuron", neuron, NEURONS)
    threshold = arrays.number("threshold", threshold, *BOX["threshold"])
    s = 1 / math.sqrt(dim) if scale == ROOT else float(scale)
    chance = np.random.default_rng(seed).random((3, steps, tokens, dim))
    q, k, v = chance < np.array(rates)[:, None, None, None]
    rule = "hard" if neuron == HARD else "soft"
    code = (
        "import numpy as np",
        f"chance = np.random.default_rng({seed}).random((3, {steps}, {tokens}, {dim}))",
        f"rates = np.array({[float(rate) for rate in rates]})[:, None, None, None]",
        "q, k, v = torch.from_numpy(chance < rates).double()  # each [T, N, d]",
    )
    how = (BETA, threshold, rule)
    return _screen(q, k, v, np.float64(s), how, order, "Random spikes", code)


def recorded_slot_machine(
    *,
    recording: Any,
    block: str | None = None,
    head: int = 0,
    sample: int = 0,
    time: int = 0,
    order: str = QK,
) -> SlotMachineView:
    """The same of one `head` of a recorded Spikformer, of its first block for None.

    Shows step `time`. All tokens count; of more than 16 every k-th is shown. Raises
    `ValueError` where Q, K, V or the neuron of Eq. (15) was not recorded.
    """
    block, names = recorded.attention(recording, block)
    arrays.count("head", head, 0, names.heads - 1)
    steps, batch = recording.spikes[names.query].shape[:2]
    arrays.count("sample", sample, 0, batch - 1)
    arrays.count("time", time, 0, steps - 1)
    q, k, v, fired = (
        recorded.of_head(recording, name, names.heads, sample, head)
        for name in (names.query, names.key, names.value, names.output)
    )
    width = q.shape[-1]
    part = f"[:, {sample}, :, {head * width}:{(head + 1) * width}]"
    code = (
        f'names = "{names.query}", "{names.key}", "{names.value}"',
        "q, k, v = (",
        f"    torch.from_numpy(recording.spikes[name]{part}).float()",
        "    for name in names",
        ")",
    )
    how = recorded.constants(recording, names.output)
    said = f"Head {head} of {block}, sample {sample}"
    scale = np.float32(names.scale)
    return _screen(q, k, v, scale, how, order, said, code, fired, time)


def _screen(
    q, k, v, scale, how, order, who, code, fired=None, time=None
) -> SlotMachineView:
    """With a `time` only that step is drawn: a frame of a large head stays small."""
    arrays.choice("order", order, ORDERS)
    beta, threshold, rule = how
    product, counts = multiply(q, k, v, order)
    current = counts.astype(scale.dtype) * scale
    membrane, spikes = simulate(current, beta, threshold, RULES[rule])
    spikes = spikes != 0
    agrees = fired is None or bool(np.array_equal(spikes, fired))
    steps, n, d = q.shape
    every = -(-n // MOST)
    tokens = range(0, n, every)
    at = int(spikes.sum(axis=(1, 2)).argmax()) if time is None else time
    span = slice(None) if time is None else slice(time, time + 1)
    costs = {QK: 2 * n * n * d, KV: 2 * n * d * d}
    said = _each_step(product, spikes, how, order)
    sentence = [f"{who}, step {at}: {said[at]}", _terms(order, scale)]
    sentence += _costs(n, d, costs)
    if not spikes.any():
        sentence.insert(1, _silent(current.max(), membrane.max(), threshold, rule))
    if every > 1:
        nth = words.ordinal(every)
        sentence.append(f"Shown: every {nth} of {n} tokens; the sums run over all.")
    if not agrees:
        sentence.append("These are not the recorded spikes.")
    alt = words.clip([f"{who}: Q, K, V, {n} tokens by {d} features.", *sentence])
    shown = (q, k, v, product, counts, current, membrane, spikes)
    rows = _rows(*(x[span] for x in shown), tokens, order, costs)
    return SlotMachineView(
        q=q,
        k=k,
        v=v,
        product=product,
        counts=counts,
        current=current,
        membrane=membrane,
        spikes=spikes,
        multiply_adds=costs,
        tokens=tokens,
        agrees=agrees,
        rows=rows,
        sentence=" ".join(sentence),
        alt=alt,
        code=_code(code, float(scale), how, order),
        steps=steps if time is None else 0,
        at=at if time is None else 0,
        said=said if time is None else (),
    )


def multiply(q, k, v, order: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The product made first, Q K^T or K^T V, and that of all three, in integers."""
    # Floats: they are multiplied many times faster, and counts are exact in float64.
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    if order == QK:
        first = q @ k.swapaxes(-2, -1)
        counts = first @ v
    else:
        first = k.swapaxes(-2, -1) @ v
        counts = q @ first
    return first.astype(np.int64), counts.astype(np.int64)


def _rows(q, k, v, product, counts, current, membrane, spikes, tokens, order, costs):
    shown = slice(None, None, tokens.step)
    every = f", every {words.ordinal(tokens.step)}" if tokens.step > 1 else ""
    grid = {"rows": f"token{every}", "columns": "feature"}

    def trains(x, title):
        return HeatView.of(x[:, shown], "T R C", title=title, **grid)

    def numbers(x, title):
        return HeatView.of(x[:, shown], "T R C", title=title, unit="", **grid)

    if order == QK:
        words_ = {"rows": f"query token{every}", "columns": f"key token{every}"}
        product, name = product[:, shown, shown], "Q K^T"
        all_three = "(QK^T)V"
    else:
        words_, name = {"rows": "feature of K", "columns": "feature of V"}, "K^T V"
        all_three = "Q(K^TV)"
    first = HeatView.of(product, "T R C", title=name, unit="", **words_)
    return (
        # Short: the page sets the step behind. Numbers have a scale there: two a row.
        (trains(q, "Q"), trains(k, "K"), trains(v, "V")),
        (first, numbers(counts, all_three)),
        (numbers(current, "current"), numbers(membrane, "membrane")),
        (
            trains(spikes, "output"),
            BarsView.of(
                [costs[QK], costs[KV]],
                ("(QK^T)V", "Q(K^TV)"),
                title="cost of each order",
                x="",
                y="multiply-adds per step",
            ),
        ),
    )


def _each_step(product, spikes, how, order: str) -> tuple[str, ...]:
    _, threshold, rule = how
    bar = f"{'reach' if rule == 'hard' else 'pass'} {exact(threshold)} and fire"
    name = "Q K^T" if order == QK else "K^T V"
    total = spikes[0].size
    return tuple(
        f"{name} counts {words.plural(int(one.sum()), 'coincidence')}, at most "
        f"{int(one.max())} in a cell; {int(fired.sum()):,} of "
        f"{words.plural(total, 'output neuron')} {bar}."
        for one, fired in zip(product, spikes, strict=True)
    )


def _silent(current: Real, membrane: Real, threshold: Real, rule: str) -> str:
    reach = exact(float(membrane), threshold)
    under = "below" if rule == "hard" else "not above"
    return (
        f"No output neuron ever fires: the current reaches {exact(float(current))}, "
        f"the membrane {reach}, {under} the threshold {exact(threshold)}."
    )


def _terms(order: str, scale: Real) -> str:
    """What the titles have no room for."""
    product = "(QK^T)V" if order == QK else "Q(K^TV)"
    return (
        "Q, K, V are of Eqs. (12) to (14), the output of Eq. (15): its current is "
        f"{product} times s = {exact(float(scale))}."
    )


def _costs(n: int, d: int, costs: dict[str, int]) -> list[str]:
    cheaper = "they cost the same, N = d"
    if n != d:
        cheaper = f"{QK if n < d else KV} is cheaper, N {'<' if n < d else '>'} d"
    return [
        f"Both orders give the same integers; Q K^T first takes 2 N^2 d = "
        f"{costs[QK]:,} multiply-adds a step, K^T V first 2 N d^2 = {costs[KV]:,}: "
        f"{cheaper}."
    ]


def _code(given: tuple[str, ...], scale: float, how, order: str) -> str:
    beta, threshold, rule = how
    step = "lif_step_hard" if rule == "hard" else "lif_step"
    which = "qk" if order == QK else "kv"
    return "\n".join(
        [
            "import torch",
            f"from spikedu.functional import lif, {step}, spiking_attention",
            *given,
            f'current = spiking_attention(q, k, v, scale={scale!r}, order="{which}")',
            f"membrane, spikes = lif(current, {beta!r}, {threshold!r}, {step})",
        ]
    )

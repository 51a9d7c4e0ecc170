"""The sixteen equations: as printed, as they must be read, and where their code lives.

Printed means "Friendly introduction to Spikformers" (Prieto Payo & Gutiérrez García,
2024). Errata are numbered E1 to E25 through the course.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from dataclasses import dataclass

from spikedu import arguments


@dataclass(frozen=True)
class Equation:
    """One equation: LaTeX as printed, LaTeX to read, what differs, home and lesson."""

    number: int
    printed: str
    reading: str
    erratum: str  # "" where print and reading agree
    home: str  # "module:name" inside spikedu
    lesson: str

    @property
    def code(self):
        """The function or class that computes it."""
        module, name = self.home.split(":")
        return getattr(importlib.import_module(f"spikedu.{module}"), name)

    @property
    def source(self) -> str:
        """The text of its home."""
        return textwrap.dedent(inspect.getsource(self.code))


EQUATIONS = {
    equation.number: equation
    for equation in (
        Equation(
            1,
            r"U[t+1] = bU[t] + WX[t+1] - S[t]U_{th}, \quad S[t] = 1 \text{ where } "
            r"U[t] > U_{th}",
            r"U[t+1] = bU[t] + WX[t+1] - S[t]U_{th}, \quad S[t] = H(U[t] - U_{th})",
            "E1: S is this neuron's own spike, one step ago, not one “in a previous "
            "neuron”. E2: the potential rises by WX; S is what comes out. E3: this is "
            "not the neuron of the released Spikformer. E4: b can be learned.",
            "functional:lif_step",
            "02_lif_neuron",
        ),
        Equation(
            2,
            r"\mathrm{Attention}(Q,K,V) = \mathrm{softmax}"
            r"\left(\frac{QK^T}{\sqrt{d_k}}\right)",
            r"A(Q,K) = \mathrm{softmax}\left(\frac{QK^T}{\sqrt{d_k}}\right)",
            "E5: V is an argument and never used; the standard definition ends in V.",
            "functional:attention_weights",
            "08_self_attention",
        ),
        Equation(
            3,
            r"\mathrm{output} = \mathrm{Attention}(Q,K,V)\,V",
            r"\mathrm{output} = A(Q,K)\,V",
            "E6: right only with Eq. (2) as printed; with the standard definition V "
            "would be applied twice.",
            "functional:attention",
            "08_self_attention",
        ),
        Equation(
            4,
            r"head_i = \mathrm{Attention}(QW_i^Q, KW_i^K, W_i^V)",
            r"head_i = \mathrm{Attention}(QW_i^Q, KW_i^K, VW_i^V), \quad "
            r"\mathrm{Concat}(head_1, \dots, head_h)\,W^O",
            "E7: the third argument is V W_i^V; concatenation and W^O are missing. "
            "E8: the W's are learned, Q, K and V are activations.",
            "functional:multi_head",
            "08_self_attention",
        ),
        Equation(
            5,
            r"x = \mathrm{SPS}(I)",
            r"x = \mathrm{SPS}(I), \quad I: T \times C \times H \times W",
            "E10: a still image is repeated T times; I is T x C x H x W.",
            "spikformer:SpikingPatchSplitting",
            "06_spiking_patch_splitting",
        ),
        Equation(
            6,
            r"RPE = \mathrm{SN}(\mathrm{BN}(\mathrm{Conv2d}(x)))",
            r"RPE = \mathrm{SN}(\mathrm{BN}(\mathrm{Conv2d}(x))), \quad "
            r"x \in \{0,1\}^{T \times D \times h \times w}",
            "E13: the convolution needs the h x w grid, not a sequence of tokens.",
            "spikformer:SpikingPositionEmbedding",
            "07_spiking_position_embedding",
        ),
        Equation(
            7,
            r"X_0 = x + RPE",
            r"X_0 = x + RPE, \quad X_0 \in \{0,1,2\}^{T \times N \times D}",
            "E14: the sum of two spikes is 0, 1 or 2: no longer spikes.",
            "spikformer:Spikformer",
            "07_spiking_position_embedding",
        ),
        Equation(
            8,
            r"X'_l = \mathrm{SSA}(X_{l-1}) + X_{l-1}",
            r"X'_l = \mathrm{SSA}(X_{l-1}) + X_{l-1}, \quad X'_l \le 1 + 2l",
            "E15: counts, not spikes.",
            "spikformer:EncoderBlock",
            "10_spikformer",
        ),
        Equation(
            9,
            r"X_l = \mathrm{MLP}(X'_l) + X'_l",
            r"X_l = \mathrm{MLP}(X'_l) + X'_l, \quad X_l \le 2 + 2l",
            "E15: counts up to 2 + 2l. E21: the MLP is SN(BN(Linear)) twice, D to 4D "
            "and back.",
            "spikformer:EncoderBlock",
            "10_spikformer",
        ),
        Equation(
            10,
            r"Y = \mathrm{CH}(\mathrm{GAP}(X_L))",
            r"Y = \mathrm{CH}\Big(\frac{1}{TN}\sum_{t,n} X_L[t,n]\Big)",
            "E16: the average runs over tokens and over time.",
            "spikformer:Spikformer",
            "10_spikformer",
        ),
        Equation(
            11,
            r"x = \mathrm{MP}(\mathrm{SN}(\mathrm{BN}(\mathrm{Conv2d}(I))))",
            r"x = \mathrm{MP}(\mathrm{SN}(\mathrm{BN}(\mathrm{Conv2d}(I))))",
            "E11: on 32 x 32 images only the last two stages pool; with four, N would "
            "be 4, not 64. E12: a stage ends in spikes per time step, not in a vector.",
            "spikformer:PatchSplittingStage",
            "06_spiking_patch_splitting",
        ),
        Equation(
            12,
            r"Q = \mathrm{SN}_Q(\mathrm{BN}(XW_Q))",
            r"Q = \mathrm{SN}_Q(\mathrm{BN}(XW_Q))",
            "E22: some renderings print SN_O and W_O.",
            "spikformer:SpikingLinear",
            "09_spiking_self_attention",
        ),
        Equation(
            13,
            r"K = \mathrm{SN}_K(\mathrm{BN}(XW_K))",
            r"K = \mathrm{SN}_K(\mathrm{BN}(XW_K))",
            "",
            "spikformer:SpikingLinear",
            "09_spiking_self_attention",
        ),
        Equation(
            14,
            r"V = \mathrm{SN}_V(\mathrm{BN}(XW_V))",
            r"V = \mathrm{SN}_V(\mathrm{BN}(XW_V))",
            "E17: query, key and value all hold only 0 and 1.",
            "spikformer:SpikingLinear",
            "09_spiking_self_attention",
        ),
        Equation(
            15,
            r"\mathrm{SSA}'(Q,K,V) = \mathrm{SN}(QK^TV * s)",
            r"\mathrm{SSA}'(Q,K,V) = \mathrm{SN}_{U_{th}=0.5}(QK^TV \cdot s), \quad "
            r"s = 0.125",
            "E19: s is a constant, 0.125 (0.25 on CIFAR10-DVS), and the neuron has "
            "threshold 0.5. E20: (QK^T)V and Q(K^TV) give the same integers at "
            "different cost.",
            "functional:spiking_attention",
            "09_spiking_self_attention",
        ),
        Equation(
            16,
            r"\mathrm{SSA}(Q,K,V) = \mathrm{SN}(\mathrm{BN}(\mathrm{Linear}"
            r"(\mathrm{SSA}'(Q,K,V))))",
            r"\mathrm{SSA}(Q,K,V) = \mathrm{SN}(\mathrm{BN}(\mathrm{Linear}"
            r"(\mathrm{SSA}'(Q,K,V))))",
            "",
            "spikformer:SpikingSelfAttention",
            "09_spiking_self_attention",
        ),
    )
}


class Shown:
    """What `show` displays: print, reading and source, one beside the other."""

    def __init__(self, equation: Equation) -> None:
        self.equation = equation

    def __repr__(self) -> str:
        e = self.equation
        differs = e.erratum or "as printed"
        return f"Eq. ({e.number})  spikedu.{e.home.replace(':', '.')}  {differs}"

    def _repr_markdown_(self) -> str:
        e = self.equation
        lines = [f"**Eq. ({e.number})**, as printed:", f"$${e.printed}$$"]
        if e.reading != e.printed:
            lines += ["to be read as:", f"$${e.reading}$$"]
        if e.erratum:
            lines += [e.erratum]
        home = "spikedu." + e.home.replace(":", ".")
        # A fence, not <pre>: Markdown ends raw HTML at the first blank line.
        lines += [f"<details open><summary><code>{home}</code></summary>"]
        lines += [f"```python\n{e.source}```", "</details>"]
        return "\n\n".join(lines)


def show(number: int) -> Shown:
    """Equation `number`, 1 to 16: as printed, its reading, and the code that runs."""
    arguments.count("number", number, 1, len(EQUATIONS))
    return Shown(EQUATIONS[number])


def table() -> str:
    """All sixteen as the Markdown table that stands in the README."""
    rows = ["| Eq. | as printed | code | lesson |", "|---|---|---|---|"]
    for e in EQUATIONS.values():
        module, name = e.home.split(":")
        code = f"[`{module}.{name}`](spikedu/{module}.py)"
        rows.append(f"| ({e.number}) | ${e.printed}$ | {code} | {e.lesson} |")
    return "\n".join(rows)

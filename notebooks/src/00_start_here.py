# %% [markdown] tags=["title"]
# # Ten minutes: one neuron
#
# A Spikformer is a transformer whose neurons answer in spikes: at each time step 0 or
# 1, nothing in between. The CIFAR-10 model that this course builds up to has about 1.45
# million of them. *Friendly introduction to Spikformers* (2024) describes each by one
# line of arithmetic, Eq. (1). This page is about one neuron.
#
# **By the end you will have shown that** one neuron needs a smallest current to speak
# at all, that you can compute this current before you measure it, and that two neurons
# from two papers, given the same current, can disagree completely.
#
# | minutes | you need | equation | data | device |
# |---|---|---|---|---|
# | 10 | to read a little Python | (1) | none | any laptop |
#
# To run a cell, select it and press **Shift + Enter**. To run them all: menu *Run*,
# then *Run All Cells*.

# %% [markdown] tags=["objectives"]
# ## You will be able to
#
# 1. **read** a membrane trace: say when the neuron fires, and what a spike costs it;
# 2. **compute** the smallest current that makes it fire, and confirm it by measuring;
# 3. **predict** what doubling the current does to the number of spikes;
# 4. **compare** two neurons under one current.

# %% tags=["setup"]
import torch

from spikedu import equations, functional, lesson, notebooks, widgets
from spikedu.figures import static, views

lesson.start("00_start_here", minutes=1)

# %% [markdown] tags=["section"]
# ## 1. One neuron, six controls
#
# The next cell shows a neuron that receives the same current at every step. Run it and
# move **decay b**, **threshold U_th** and **input current i**. Leave the other three
# controls for later.
#
# Think of a bucket with a hole. The water level is the *membrane potential* $U$. In
# each step the bucket keeps a part $b$ of its water and gains $i$. When the level
# stands above a mark, the *threshold* $U_{th}$, the neuron emits a *spike*, and in the
# next step one $U_{th}$ of water is taken out.

# %% tags=["widget"]
neuron = widgets.lif_explorer()
neuron

# %% [markdown] tags=["section"]
# **How to read it.** From top to bottom: the current that flows in; the membrane
# potential of neuron 0, with its threshold as a dashed line and a triangle at each
# spike; a *raster*, one row for each of 20 neurons, one mark for each spike. Without
# noise all 20 do the same. Time runs to the right, 100 steps. Below the picture stand
# one sentence that says what happens, and the Python that computes it.
#
# **Mouse or keyboard.** Drag a knob, or click it and use the arrow keys: they move it
# by 0.01. Tab goes to the next control. Click the picture, and the arrow keys walk from
# value to value. The buttons set all controls at once; *Reset* goes back to the start.
#
# The picture moves without Python. Python hears of your values as soon as you rest. Ask
# it what it knows:

# %% tags=["worked"]
print(neuron.view.sentence)
print(neuron.values)

# %% [markdown] tags=["section"]
# **How this page works.** Cells share one memory, the *kernel*, and run in the order in
# which you run them. When you get lost: menu *Kernel*, *Restart Kernel and Run All
# Cells*. Nothing is graded, and no check stops the page: what you have not tried says
# "not attempted yet", and an answer that cannot be computed says "error", and why.
#
# | key | what it does |
# |---|---|
# | Shift + Enter | run this cell, go to the next |
# | Esc, then arrow up or down | walk between cells |
# | Enter | type into the selected cell |
# | Ctrl + Z | undo what you typed |
# | Esc, then z | undo a cell that you deleted by accident |
#
# A line with a small triangle, such as **Hint**, opens when you click it. Where you are
# asked to predict, the result is folded away until you run the cell; so decide first.

# %% [markdown] tags=["section"]
# ## 2. Eq. (1), one line
#
# The paper prints the bucket as an equation. $U[t]$ is the membrane potential at step
# $t$, $b$ the decay, $X$ the input and $W$ its weight: their product $WX$ is the
# current $i$ of the slider. $S[t]$ is 1 at a step with a spike and 0 otherwise. The
# sign $H$ is the step function: 1 above zero, else 0.
#
# Below the print stands how it must be read. The paper has slips; this course numbers
# them E1 to E25, and finding them is part of the exercises. At the end stands the
# function that computes the equation.

# %% tags=["worked"]
equations.show(1)

# %% [markdown] tags=["section"]
# Here are the first steps of the neuron you saw, with $b = 0.8$, $U_{th} = 1$ and
# $i = 0.3$. Check two rows by hand: $0.8 \cdot 0.3 + 0.3 = 0.54$, and after the spike
# $0.8 \cdot 1.0085 + 0.3 - 1 = 0.1068$. The second one shows what a spike costs: one
# whole threshold, one step later.

# %% tags=["worked", "nbval-check-output"]
current = torch.full((7,), 0.3, dtype=torch.float64)
membrane, spikes = functional.lif(current, beta=0.8, threshold=1.0)
for t in range(7):
    says = "spike" if spikes[t] else ""
    print(f"step {t}   U = {membrane[t]:.4f}   {says}".rstrip())

# %% tags=["worked"]
current = torch.full((40,), 0.3, dtype=torch.float64)
membrane, spikes = functional.lif(current, beta=0.8, threshold=1.0)
static.membrane(views.MembraneView.of(membrane, 1.0, spikes, current))

# %% [markdown] tags=["section"]
# ## 3. Three small things to find
#
# **First: when does it start to fire?** Go back to the neuron, press *Reset*, and lower
# the current until the neuron falls silent. Then raise it again, in steps of 0.01
# (arrow keys). Write the lowest current that makes it fire into the next cell, in place
# of `None`, and run both cells.

# %% tags=["exercise"]
my_lowest_current = None

# %% tags=["check"]
def count(current, beta=0.8, threshold=1.0, step=functional.lif_step, steps=100):
    """Spikes in `steps` steps under a constant current."""
    drive = torch.full((steps,), current, dtype=torch.float64)
    return int(functional.lif(drive, beta, threshold, step)[1].sum())


def verdict(current):
    if current is None or current is ...:
        return "not attempted yet"
    if count(current) == 0:
        return f"at {current} it is silent: higher"
    if count(current - 0.01) > 0:
        return f"at {current - 0.01:.2f} it fires as well: lower"
    return "equal: this is the lowest, to 0.01"


try:
    print(verdict(my_lowest_current))
except Exception as error:
    print(f"error: {type(error).__name__}: {error}")

# %% [markdown] tags=["hints"]
# <details><summary>Hint</summary>
#
# Below the picture the sentence says where the membrane settles. Bring that number up
# to the threshold.
#
# </details>
#
# <details><summary>Solution</summary>
#
# 0.21. Without a spike the membrane settles where the leak takes as much as the current
# brings: $(1 - b)\,U = i$. It reaches the threshold when $i = U_{th}(1 - b) = 0.2$. The
# neuron fires only **above** the threshold, so 0.20 is still silent. This smallest
# current is called the **rheobase**. Set $b = 0.9$: it moves to 0.1. A slower leak, an
# easier start.
#
# </details>

# %% tags=["worked", "nbval-check-output"]
for beta in (0.8, 0.9):
    for current in (0.10, 0.11, 0.20, 0.21):
        print(f"b = {beta}  i = {current:.2f}: {count(current, beta):2d} spikes")
    print(f"b = {beta}  rheobase U_th (1 - b) = {1 - beta:.2f}")

# %% [markdown] tags=["predict"]
# **Second: double the current.** At $b = 0.8$ the neuron fires 16 times in 100 steps
# when $i = 0.3$. What happens at $i = 0.6$? Decide before you move the slider, and keep
# your answer on paper.
#
# - (a) about 16 spikes: the current changes the height, not the number
# - (b) about 32 spikes: twice the current, twice the spikes
# - (c) more than 32 spikes
#
# Now set the slider to 0.6, and run the next cell.

# %% tags=["worked", "nbval-check-output"] jupyter={"outputs_hidden": true}
print("b = 0.8, U_th = 1")
for current in (0.21, 0.3, 0.42, 0.6, 1.0):
    print(f"i = {current:.2f}: {count(current):3d} spikes in 100 steps")

# %% [markdown] tags=["solution"]
# <details><summary>Which one, and why the others fail</summary>
#
# **(c).** 0.6 gives many more than twice the spikes of 0.3.
#
# *Because* the leak takes its share first, and that share hardly grows: $1 - b$ times
# the mean of $U$, here 0.14 of the 0.3 and 0.17 of the 0.6. What is left pays for
# spikes, one $U_{th}$ each: 0.16 and 0.43 per step.
#
# *(a)* is wrong: a higher current refills the bucket sooner, so the spikes come sooner.
# The height hardly changes.
#
# *(b)* holds for a bucket without a hole, $b = 1$. Try it: there twice the current does
# give twice the spikes.
#
# </details>

# %% [markdown] tags=["predict"]
# **Third: the same current, another neuron.** The network released with the Spikformer
# paper (Zhou et al., 2023) does not use Eq. (1). Its neuron, called *released* here,
# halves what comes in (at $b = 0.5$), restarts from zero after a spike, and fires also
# **at** the threshold.
#
# Both get 0.9 at every step, with $b = 0.5$ and $U_{th} = 1$. Which ones fire?
#
# - (a) both
# - (b) only Eq. (1)'s
# - (c) none, since 0.9 is below 1
#
# Decide. Then set these values above, change the *reset rule*, and run the next cell.

# %% tags=["worked", "nbval-check-output"] jupyter={"outputs_hidden": true}
drive = torch.full((12,), 0.9, dtype=torch.float64)
eq1 = functional.lif(drive, beta=0.5)
released = functional.lif(drive, beta=0.5, step=functional.lif_step_hard)
print("spikes, steps 0 to 11")
for name, (_, s) in {"Eq. (1)": eq1, "released": released}.items():
    print(f"{name:9}", " ".join("|" if x else "." for x in s))

# %% [markdown] tags=["solution"]
# <details><summary>Which one, and why the others fail</summary>
#
# **(b).** Eq. (1)'s neuron fires every second step; the released one is silent.
#
# *Because* Eq. (1) adds the whole current, and water left from the last step comes on
# top: $0.9$, then $0.5 \cdot 0.9 + 0.9 = 1.35$, above 1. The released neuron moves half
# of the way **towards** 0.9 in each step: $0.45$, $0.675$, ... It never passes 0.9.
#
# *(a)* reads the two as one neuron written twice. They are two machines (E3).
#
# *(c)* compares the current with the threshold. In Eq. (1) the membrane is compared,
# and the membrane collects.
#
# </details>

# %% [markdown] tags=["signature"]
# ## 4. The result of this page
#
# Is it the *reset* that silences the released neuron, or the *input*? A control
# decides: give the released neuron 1.8 at every step, so that half of it is 0.9. If
# only the reset mattered, nothing would change.

# %% tags=["signature", "nbval-check-output"]
double = functional.lif(2 * drive, beta=0.5, step=functional.lif_step_hard)
results = {"Eq. (1) at 0.9": eq1}
results["released at 0.9"] = released  # what the paper's network does
results["released at 1.8"] = double  # the control
for name, (u, s) in results.items():
    when = s.nonzero().flatten().tolist()
    print(f"{name}: highest U {u.max():.3f}, spikes at {when}")

# %% tags=["signature"]
u, s = (torch.stack(part, dim=1) for part in zip(*results.values(), strict=True))
static.membrane(views.MembraneView.of(u, 1.0, s, names=list(results)))

# %% [markdown] tags=["signature"]
# It is the input. With 1.8 the released neuron fires at the same steps as Eq. (1)'s
# with 0.9. Up to the first spike their traces are even equal; after it they part,
# because the two resets differ. So a sentence such as "we used LIF neurons" does not
# say which machine was built. Lesson 02 takes Eq. (1) apart, lesson 03 the difference.

# %% [markdown] tags=["quiz"]
# ## 5. Quiz
#
# **Question 1.** $b = 0.9$ and $U_{th} = 2$. Which constant currents make it fire?
#
# - (a) all above 0.2
# - (b) all above 1.8
# - (c) all above 2
#
# <details><summary>Answers</summary>
#
# **(a)** is right: $U_{th}(1 - b) = 2 \cdot 0.1 = 0.2$.
#
# *(b)* is $U_{th}\,b$: it multiplies by the part that is kept. The leak, $1 - b$, is
# what the current has to balance.
#
# *(c)* compares one step's current with the threshold. The membrane adds up the current
# of many steps.
#
# </details>

# %% [markdown] tags=["quiz"]
# **Question 2.** The neuron of Eq. (1) spikes at step 7. What does it pay, and when?
#
# - (a) $U_{th}$, at step 7
# - (b) $U_{th}$, at step 8
# - (c) all that is in the membrane, at step 8
#
# <details><summary>Answers</summary>
#
# **(b)** is right: $U[t+1]$ contains $-S[t]\,U_{th}$. At step 7 the trace stands above
# the threshold, and you can see it there.
#
# *(a)* would be an *immediate* reset: the trace would be drawn after paying, here below
# the threshold.
#
# *(c)* is the right step with the released neuron's rule. Eq. (1) takes one $U_{th}$
# away and leaves the rest.
#
# </details>

# %% [markdown] tags=["quiz"]
# **Question 3.** The current is negative. What does the membrane do?
#
# - (a) it stays at 0
# - (b) it goes below 0, but not below $-U_{th}$
# - (c) it goes below 0, as far as $i / (1 - b)$
#
# <details><summary>Answers</summary>
#
# **(c)** is right. Nothing in Eq. (1) knows of a floor. Set the current to $-0.5$ and
# look.
#
# *(a)* is right for water in a bucket. Here the picture ends: a membrane can be
# negative, and in a network, where weights have both signs, it often is.
#
# *(b)* invents a second threshold. There is one, above zero.
#
# </details>

# %% [markdown] tags=["recap"]
# ## 6. What you did
#
# 1. You **read** a trace: a spike where $U$ stands above $U_{th}$, and $U_{th}$ less
#    one step later.
# 2. You **computed** the rheobase $U_{th}(1 - b)$ and found it with the slider.
# 3. You **predicted** what doubling the current does, and saw why it is more than
#    double.
# 4. You **compared** two neurons under one current: one spoke, one did not.
#
# Errata met: E3 (Eq. (1) is not the neuron of the network that the paper explains).

# %% [markdown] tags=["recap"]
# ## 7. Find your way
#
# | you want | lessons |
# |---|---|
# | a taste, three hours | 02, 06, 09 |
# | a course on spiking networks | 01 to 05 |
# | the transformer part, you know spikes | 06 to 10 |
# | to go from here to a trained Spikformer | all, 00 to 14 |
#
# The course is being written. The next cell asks your copy which lessons are here and
# which are planned. They lie in the same folder as this page: open the file list at the
# left.

# %% tags=["worked"]
titles = ["Ten minutes: one neuron", "Numbers into time"]
titles += ["From an RC circuit to Eq. (1)", "Two papers, two machines"]
titles += ["The gradient that is not there", "A first SNN on real data"]
titles += ["From image to spiking patches", "Position, in spikes"]
titles += ["Attention, and repairing Eqs. (2)-(4)", "Three spike trains, two products"]
titles += ["The whole network", "Training it", "Following one spike home"]
titles += ["Energy: reading 'x10'", "A camera that already spikes"]
here = {path.stem[:2] for path in notebooks.find([])}
for number, title in enumerate(titles):
    state = "here" if f"{number:02d}" in here else "planned"
    print(f"{number:02d}  {state:8} {title}")

# %% [markdown] tags=["limits"]
# ## 8. What this page does not show
#
# - One neuron is no network: nothing here learns. That starts with lesson 04.
# - A constant current is the dullest input there is. Real inputs change at every step.
# - Time has no unit here: a step is a step. Lesson 02 says how many milliseconds it is.
# - A biological neuron is far richer. This model keeps two facts: it leaks, and it
#   fires.
# - "Two machines disagree" is shown at one current. At other currents they can agree.

# %% [markdown] tags=["reading"]
# ## 9. Reading
#
# - Prieto Payo and Gutiérrez García, *Friendly introduction to Spikformers*, 2024.
#   The paper this course follows; Eq. (1).
# - Z. Zhou et al., *Spikformer: When Spiking Neural Network Meets Transformer*, ICLR
#   2023, arXiv 2209.15425. The network.
# - W. Gerstner, W. M. Kistler, R. Naud and L. Paninski, *Neuronal Dynamics*, Cambridge
#   University Press, 2014. Chapter 1: the leaky integrate-and-fire neuron.
# - J. K. Eshraghian et al., *Training Spiking Neural Networks Using Lessons From Deep
#   Learning*, Proceedings of the IEEE 111(9), 2023, arXiv 2109.12894.

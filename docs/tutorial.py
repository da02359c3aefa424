# ---
# jupyter:
#   jupytext:
#     formats: py:percent,ipynb
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From one resistor to a network that reads digits
#
# A network of resistors, diodes and sources settles by itself into the state that minimises an energy. This tutorial solves
# a few circuits, lets one learn by hand, and then trains a network of 8,832 resistors to tell handwritten digits apart. It
# needs `pip install '.[plot,sklearn]'` in a clone of ohmgrad, and takes a few seconds to run.
#
# Everything is in volt, ampere, siemens and watt.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ohmgrad

# %% [markdown]
# ## A circuit and its operating point
#
# Two resistors divide 3 V. Nodes are named as they are used; `0` is ground.

# %%
divider = (
    ohmgrad.CircuitBuilder("A divider")
    .voltage_source("v1", "in", "0", 3.0)
    .resistor("r1", "in", "out", 1e3)
    .resistor("r2", "out", "0", 2e3)
    .build()
)
solution = divider.solve()
print(f"{solution.nodes['out']:.3f} V at the output, {solution.elements['r2'].current * 1e3:.3f} mA through r2")
assert abs(solution.nodes["out"] - 2.0) < 1e-12

# %% [markdown]
# In a notebook a solution shows itself: nodes are coloured by their potential, branches by their current.

# %%
solution

# %% [markdown]
# You need not believe it. The certificate is computed from the circuit and the answer alone: how far they are from
# Kirchhoff's laws and the laws of the elements, relative to the largest current or voltage.

# %%
print(solution.certificate)
assert solution.certificate.worst < 1e-12

# %% [markdown]
# ## Diodes
#
# A netlist in SPICE's language does as well. Here a Shockley diode clips a voltage; one call solves the circuit for many
# values of a source, starting each from the answer before, and in parallel where there are many.

# %%
clipper = ohmgrad.Circuit.from_netlist("""A clipped voltage
V1 in 0 5
R1 in out 2k
D1 out 0 dclip
R2 out 0 10k
.model dclip D(IS=1e-12 N=1.5)
""")
rows = clipper.sweep("v1", np.linspace(-2, 5, 141))
ohmgrad.plot.potentials(rows, "in", "out")
plt.show()

# %%
ohmgrad.plot.iv(rows, "d1")
plt.show()

# %% [markdown]
# Ideal diodes, which conduct without loss above their forward voltage and block below it, are exact too, not steep
# exponentials. This one lets 4.3 of 5 V through:

# %%
rectifier = (
    ohmgrad.CircuitBuilder("A rectifier")
    .voltage_source("v1", "in", "0", 5.0)
    .diode("d1", "in", "out", forward_voltage=0.7)
    .resistor("r1", "out", "0", 1e3)
    .build()
)
print(f"{rectifier.solve().nodes['out']:.6f} V")
assert abs(rectifier.solve().nodes["out"] - 4.3) < 1e-9

# %% [markdown]
# ## What is minimised
#
# Of all potentials that respect the sources, the circuit takes those with the least *co-content*: for resistors,
# half the dissipated power, $E(v) = \sum_k \tfrac12 g_k u_k^2$, with $u_k$ the voltage across conductance $g_k$. That
# its slope vanishes at a node is Kirchhoff's current law. For the divider:

# %%
candidates = np.linspace(1, 3, 201)
energy = 0.5 * 1e-3 * (3 - candidates) ** 2 + 0.5 * 0.5e-3 * candidates**2
plt.plot(candidates, energy * 1e3)
plt.axvline(solution.nodes["out"], linestyle="--", color="gray")
plt.xlabel("potential of the output (V)")
plt.ylabel("co-content (mW)")
plt.show()
assert abs(candidates[energy.argmin()] - solution.nodes["out"]) < 1e-9

# %% [markdown]
# ## Learning by hand
#
# Because the physics minimises an energy, it can compute gradients as well. *Equilibrium propagation* compares two settled
# states: the free one, and one in which a small current nudges the output towards its target $y$. To change the conductance
# $g_k$ so that the output comes nearer to the target, only the voltages across it in the two states matter:
#
# $$\frac{\partial C}{\partial g_k} \approx \frac{1}{\beta}\left(\tfrac12 u_{k,\text{nudged}}^2 - \tfrac12 u_{k,\text{free}}^2\right),
# \qquad C = \tfrac12 (v_\text{out} - y)^2.$$
#
# Let three conductances learn the function 0.6 a + 0.3 b.

# %%
mixer = (
    ohmgrad.CircuitBuilder("A weighted mean of two voltages")
    .voltage_source("va", "a", "0", 0.0)
    .voltage_source("vb", "b", "0", 0.0)
    .conductance("ra", "a", "out", 1e-3)
    .conductance("rb", "b", "out", 1e-3)
    .conductance("r0", "out", "0", 1e-3)
    .current_source("nudge", "0", "out", 0.0)
    .build()
)
conductances = {"ra": 1e-3, "rb": 1e-3, "r0": 1e-3}
beta, rate = 1e-6, 1e-6
rng = np.random.default_rng(0)
errors = []
for _ in range(1500):
    a, b = rng.uniform(-1, 1, 2)
    target = 0.6 * a + 0.3 * b
    mixer.set("va", voltage=a)
    mixer.set("vb", voltage=b)
    mixer.set("nudge", current=0.0)
    free = mixer.solve()
    error = free.nodes["out"] - target
    mixer.set("nudge", current=-beta * error)
    nudged = mixer.solve()
    for name in conductances:
        voltages = nudged.elements[name].voltage, free.elements[name].voltage
        gradient = (voltages[0] ** 2 - voltages[1] ** 2) / (2 * beta)
        conductances[name] = max(conductances[name] - rate * gradient, 1e-6)
        mixer.set(name, conductance=conductances[name])
    errors.append(error**2)
print({name: f"{g * 1e3:.3f} mS" for name, g in conductances.items()})
assert np.mean(errors[-100:]) < 1e-4 * np.mean(errors[:100])

# %% [markdown]
# The conductances now stand as 6 : 3 : 1, without anyone having computed a derivative.
#
# (`ohmgrad learn TASK.toml` does this with any netlist, in compiled code: see `examples/`.)
#
# ## A layered network
#
# A *deep resistive network* has layers of nodes, conductances from every node to every node of the next layer, and a diode
# to ground at every hidden node. Each input drives two sources, at plus and minus the input gain, so that conductances,
# which cannot be negative, can still subtract. Given its neighbours a whole layer is minimised exactly at once, which makes
# such networks fast to settle.

# %%
train, test = ohmgrad.datasets.load_digits().split(0.2)
print(train, test)

architecture = ohmgrad.Architecture(64, [64], 10, input_gain=30)
network = ohmgrad.Network(architecture, seed=0)
settled = network.settle(test.X[:1], tolerance=1e-6)
print("outputs (V): ", settled.outputs[0].round(3))
print(f"after {settled.sweeps} sweeps the largest violation of the current law is {settled.residuals[0]:.1e}")
print(f"dissipated power: {settled.power[0] / 1e3:.1f} kW")
assert settled.residuals[0] <= 1e-6

# %% [markdown]
# Kilowatts, since conductances are near 0.1 S and inputs up to 30 V. A chip would have conductances a million times smaller:
# all currents and the power scale with them, the potentials stay what they are.

# %% [markdown]
# ## Training
#
# Centered equilibrium propagation (`c-ep`) nudges once towards and once away from the target; the update is the one that
# you have seen. The network predicts the class of its largest output.

# %%
falling = {"kind": "exponential", "factor": 0.98}
trainer = ohmgrad.Trainer(network, "c-ep", learning_rate=0.01, schedule=falling, seed=0)
epochs = trainer.train(train, 15, test=test)
ohmgrad.plot.learning_curves(epochs)
plt.show()

# %%
evaluation = network.evaluate(test)
print(f"test error {100 * evaluation.error:.1f} %")
assert evaluation.error < 0.05

# %% [markdown]
# What the hidden units see: for each pixel the conductance to its positive source minus that to its negative one.

# %%
ohmgrad.plot.receptive_fields(network)
plt.show()

# %% [markdown]
# Parameters are arrays, by name. What if every conductance had been made with a spread of 10 %?

# %%
device = ohmgrad.Network.from_parameters(architecture, network.parameters())
for name in ["W1", "W2"]:
    spread = rng.normal(1, 0.1, device[name].shape)
    device[name] = (device[name] * spread).clip(min=0)
print(f"test error of the device: {100 * device.evaluate(test).error:.1f} %")

# %% [markdown]
# ## Other rules
#
# Every rule makes two states in its own way and leaves the rest to the same update. Adjoint learning (`al`) follows the
# exact gradient; centered coupled learning (`c-cpl`) holds the outputs a share `beta` of the way to the target.

# %%
for rule, beta in [("c-ep", 1.0), ("al", None), ("c-cpl", 0.5)]:
    other = ohmgrad.Network(architecture, seed=0)
    ohmgrad.Trainer(other, rule, beta=beta, learning_rate=0.01, seed=0).train(train, 5)
    print(f"{rule:6} {100 * other.evaluate(test).error:.1f} % after five epochs")

# %% [markdown]
# ## Keeping and using it
#
# A saved network is the file that the command line reads and writes (`ohmgrad eval`, `ohmgrad export` to SPICE).

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.safetensors"
    network.save(path)
    again = ohmgrad.Network.load(path)
assert (again.settle(test.X[:5]).outputs == network.settle(test.X[:5]).outputs).all()

# %% [markdown]
# And the whole thing is an estimator of scikit-learn, for pipelines, grid searches and cross-validation:

# %%
from sklearn.model_selection import cross_val_score

from ohmgrad.sklearn import DRNClassifier

scores = cross_val_score(DRNClassifier(hidden=(32,), epochs=15, random_state=0), train.X, train.y, cv=3)
print(f"accuracy {scores.mean():.3f}")
assert scores.mean() > 0.9

# %% [markdown]
# Where to go from here: `help(ohmgrad.Trainer)` and `help(ohmgrad.Circuit)`; `ohmgrad.torch.DRN`, the network as a module of
# PyTorch; `ohmgrad.Experiment.preset("drn-1h")`, the published networks on MNIST; and `ohmgrad reproduce` for whole tables.

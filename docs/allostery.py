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
# # A network that answers far away: allostery
#
# A protein answers at one site to what binds at another, far away. Networks of resistors can be trained to do so by a local
# rule: coupled learning makes nodes of a lattice take shares of a source's voltage that they are told (Stern, Hexner, Rocks and
# Liu, Phys. Rev. X 11, 021045, 2021). This page does it with a lattice of 324 nodes, in a few seconds. It needs
# `pip install '.[plot]'` in a clone of ohmgrad.

# %%
import matplotlib.pyplot as plt
import numpy as np

import ohmgrad

# %% [markdown]
# The lattice has random resistances. Two corners are held: one by the source, one at 0 V.

# %%
side = 18
edges = 2 * side * (side - 1)
resistance = np.random.default_rng(0).uniform(0.5, 2.0, edges)
builder = ohmgrad.circuits.lattice(side, side, resistance=resistance)
lattice = builder.voltage_source("v1", "n0_0", 0, 1.0).voltage_source("vg", "n17_17", 0, 0.0).build()
lattice

# %%
ohmgrad.plot.circuit(lattice.solve())
plt.show()

# %% [markdown]
# Three nodes, two of them in the other corners, are to have a quarter, three quarters and a half of the source's voltage. Every
# resistor is trained. Coupled learning holds the outputs a share `beta` of the way to the target, and changes each conductance
# along the difference of the squared voltages across it: nothing that is far away needs to be known.

# %%
trainer = ohmgrad.CircuitTrainer(
    lattice,
    inputs=["v1"],
    outputs=["v(n17_0)", "v(n0_17)", "v(n9_9)"],
    rule="c-cpl",
    beta=0.1,
    batch_size=1,
    learning_rate=5.0,
    g_min=1e-3,
    g_max=1e2,
)
shares = np.array([0.25, 0.75, 0.5])
sources = np.array([[1.0], [2.0]])
data = (sources, sources * shares)
print("before:", trainer.outputs(sources).round(3).tolist())

history = trainer.train(data, 400)
print("after: ", trainer.outputs(sources).round(3).tolist())
assert np.abs(trainer.outputs(sources) - data[1]).max() < 5e-3

# %% [markdown]
# The network is linear: trained at 1 V and 2 V, it keeps the shares at any voltage, and for any sign.

# %%
swept = trainer.circuit.sweep("v1", np.linspace(-3, 3, 7), nodes=["n17_0", "n0_17", "n9_9"])
assert np.abs(swept.potentials - swept.values * shares).max() < 0.02
swept

# %% [markdown]
# What has changed: the potentials, and where the current flows.

# %%
ohmgrad.plot.circuit(trainer.circuit.solve())
plt.show()

# %%
cost = [epoch.cost for epoch in history]
plt.semilogy(range(1, len(cost) + 1), cost)
plt.xlabel("epoch")
plt.ylabel("cost (V²)")
plt.grid(alpha=0.3)
plt.show()

# %% [markdown]
# `trainer.save("allostery.json")` keeps everything to go on from, `trainer.circuit.to_netlist()` is the trained network for
# ngspice, and `ohmgrad learn examples/allostery/allostery.toml` does the same on the command line, for another lattice.

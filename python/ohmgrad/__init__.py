"""Exact simulation and training of nonlinear resistive networks.

A network of resistors, diodes and sources settles by itself into the state that minimises a convex
energy. ohmgrad computes that state, says how well it obeys Kirchhoff's laws, and trains the resistors
with local learning rules. Units are volt, ampere, siemens and watt.

>>> import ohmgrad
>>> train, test = ohmgrad.datasets.load_digits().split(0.2)
>>> architecture = ohmgrad.Architecture(64, [64], 10, input_gain=30)
>>> trainer = ohmgrad.Trainer(ohmgrad.Network(architecture), "c-ep", learning_rate=0.01)
>>> epochs = trainer.train(train, 3, test=test)
>>> trainer.network.evaluate(test).error < 0.1
True

It finds the operating point of any circuit of resistors, diodes and sources, with a certificate:

>>> circuit = ohmgrad.CircuitBuilder("A rectifier").voltage_source("v1", "in", "0", 5.0)
>>> circuit = circuit.diode("d1", "in", "out", 0.7).resistor("r1", "out", "0", 1e3).build()
>>> round(circuit.solve().nodes["out"], 12)
4.3
"""

from importlib.metadata import version

from ohmgrad import callbacks, circuits, datasets, plot, study
from ohmgrad._ohmgrad import (
    Architecture,
    Circuit,
    CircuitBuilder,
    CircuitExperiment,
    Dataset,
    Experiment,
    Network,
    Settling,
    TrainingError,
    presets,
    transfer,
)
from ohmgrad.circuit_trainer import CircuitTrainer
from ohmgrad.netlist import NetlistError, NetlistFault, NetlistWarning
from ohmgrad.results import (
    CircuitEpoch,
    CircuitEvaluation,
    Epoch,
    Evaluation,
    GradientReport,
    GradientRow,
    History,
    Settled,
)
from ohmgrad.solution import (
    Branch,
    Certificate,
    Element,
    Solution,
    SolvedRows,
    Step,
    Transfer,
    Undetermined,
)
from ohmgrad.trainer import Trainer

__version__ = version("ohmgrad")

__all__ = [
    "Architecture",
    "Branch",
    "Certificate",
    "Circuit",
    "CircuitBuilder",
    "CircuitEpoch",
    "CircuitEvaluation",
    "CircuitExperiment",
    "CircuitTrainer",
    "Dataset",
    "Element",
    "Epoch",
    "Evaluation",
    "Experiment",
    "GradientReport",
    "GradientRow",
    "History",
    "NetlistError",
    "NetlistFault",
    "NetlistWarning",
    "Network",
    "Settled",
    "Settling",
    "Solution",
    "SolvedRows",
    "Step",
    "Trainer",
    "TrainingError",
    "Transfer",
    "Undetermined",
    "callbacks",
    "circuits",
    "datasets",
    "plot",
    "presets",
    "study",
    "transfer",
]

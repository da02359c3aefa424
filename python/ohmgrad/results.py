"""What settling, measuring and training show."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Settled(NamedTuple):
    """Settled examples; ``Network.settle`` makes them.

    Attributes
    ----------
    outputs : array of float32, shape (n, outputs)
        Output potentials in volt.
    hidden : tuple of arrays of float32, shape (n, width) each
        Potentials of the hidden layers in volt, from input to output.
    residuals : array of float64, shape (n,)
        The largest violation of Kirchhoff's current law (diode laws included) over all nodes, relative
        to the largest current that reaches a node. Near 1e-6 is float32 rounding.
    power : array of float64, shape (n,)
        Power dissipated in all resistors, in watt.
    energy : array of float64, shape (n,)
        What settling minimises: half the dissipated power minus the power of the biases, in watt.
    sweeps : int
        Sweeps that were made; with a tolerance, the most that any group of examples needed.
    """

    outputs: NDArray[np.float32]
    hidden: tuple[NDArray[np.float32], ...]
    residuals: NDArray[np.float64]
    power: NDArray[np.float64]
    energy: NDArray[np.float64]
    sweeps: int


class Evaluation(NamedTuple):
    """How a network does on a dataset; ``Network.evaluate`` makes it.

    Every example is settled from 0 V; the prediction is the largest output.

    Attributes
    ----------
    examples : int
        Number of examples.
    errors : int or None
        How many of them are misclassified; None if the targets are potentials.
    cost : float
        Mean cost: in volt squared for squared error, without unit for cross-entropy.
    confusion : array of int64, shape (classes, classes), or None
        ``confusion[label, prediction]`` counts the examples; None if the targets are potentials.
    power : float or None
        Mean power dissipated in the resistors, in watt; None if physics was not asked for, and of a Hopfield network.
    mean_residual, max_residual : float or None
        Mean and largest residual, see ``Settled``; None if physics was not asked for.
    max_sweeps : int or None
        The most sweeps that a batch needed; None if physics was not asked for.
    """

    examples: int
    errors: int | None
    cost: float
    confusion: NDArray[np.int64] | None
    power: float | None
    mean_residual: float | None
    max_residual: float | None
    max_sweeps: int | None

    @property
    def error(self) -> float | None:
        """Share of misclassified examples, from 0 to 1; None if the targets are potentials."""
        return None if self.errors is None else self.errors / self.examples


class Epoch(NamedTuple):
    """What the free phases of an epoch of training showed, before each update.

    Attributes
    ----------
    epoch : int
        Number of finished epochs, this one included.
    examples : int
        Examples trained on.
    errors : int or None
        How many of them were misclassified; None if the targets are potentials.
    cost : float
        Mean cost.
    free_sweeps, nudged_sweeps : float
        Mean number of sweeps in the free phase and in the nudged phases of a step.
    seconds : float
        Duration of the training, without evaluation.
    test : Evaluation or None
        How the network did on the test examples after the epoch, if some were given.
    """

    epoch: int
    examples: int
    errors: int | None
    cost: float
    free_sweeps: float
    nudged_sweeps: float
    seconds: float
    test: Evaluation | None = None

    @property
    def error(self) -> float | None:
        """Share of misclassified examples, from 0 to 1; None if the targets are potentials."""
        return None if self.errors is None else self.errors / self.examples

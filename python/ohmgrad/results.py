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


class GradientRow(NamedTuple):
    """How near a rule's gradient of one parameter is to the exact one; a row of a ``GradientReport``.

    Attributes
    ----------
    beta : float or None
        The rule's amplitude, if it has one.
    free_sweeps, nudged_sweeps : int
        Sweeps of the free phase and of the nudged phases; the most that are made, if a phase has a tolerance.
    parameter : str
        'W1', ...
    cosine : float or None
        Cosine of the angle between both gradients, from -1 to 1.
    ratio : float or None
        Norm of the rule's gradient over that of the exact one.
    reason : str or None
        Why a number is missing: a gradient that is zero, a nudge without a minimum, or an overflow.
    """

    beta: float | None
    free_sweeps: int
    nudged_sweeps: int
    parameter: str
    cosine: float | None
    ratio: float | None
    reason: str | None


class GradientReport(NamedTuple):
    """A rule's gradients beside the exact one; ``Trainer.compare_gradients`` makes it.

    Attributes
    ----------
    examples : int
        Examples that the gradients are the means over.
    residual : float
        Largest residual, relative, to which the exact gradient was settled: above 1e-11 it did not settle.
    rows : tuple of GradientRow
        For each beta, each number of sweeps and each parameter, in that order.
    """

    examples: int
    residual: float
    rows: tuple[GradientRow, ...]

    def to_dict(self) -> dict[str, list[float | str | None]]:
        """The rows as columns, such as for ``pandas.DataFrame``.

        Returns
        -------
        dict of str to list
            A list for each attribute of ``GradientRow``.

        Examples
        --------
        >>> from ohmgrad import GradientReport, GradientRow
        >>> row = GradientRow(0.1, 4, 4, "W1", 0.9999, 1.01, None)
        >>> GradientReport(64, 1e-12, (row,)).to_dict()["cosine"]
        [0.9999]
        """
        return {
            name: [getattr(row, name) for row in self.rows] for name in GradientRow._fields
        }

    def __repr__(self) -> str:
        cosines = [row.cosine for row in self.rows if row.cosine is not None]
        lowest = f", lowest cosine {min(cosines):.4f}" if cosines else ""
        return f"<GradientReport: {self.examples} examples, {len(self.rows)} rows{lowest}>"

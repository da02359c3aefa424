"""What settling, measuring and training show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from ohmgrad.notebook import table

if TYPE_CHECKING:
    import pandas
    import xarray

#: The units of what ``Epoch.to_dict`` tells.
UNITS = {
    "train_error": "percent",
    "test_error": "percent",
    "error": "percent",
    "train_cost": "V^2 (squared error) or 1 (cross-entropy)",
    "test_cost": "V^2 (squared error) or 1 (cross-entropy)",
    "cost": "V^2 (squared error) or 1 (cross-entropy)",
    "worst": "V or A",
    "seconds": "s",
    "examples_per_second": "1/s",
}


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

    def __repr__(self) -> str:
        examples, outputs = self.outputs.shape
        worst = f"{self.residuals.max():.1e}"
        return f"<Settled: {examples:,} examples, {outputs} outputs, {self.sweeps} sweeps, largest residual {worst}>"


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

    def __repr__(self) -> str:
        return f"<Evaluation of {self.examples:,} examples: {_shown('', self.error, self.cost)}>"

    def _repr_html_(self) -> str:
        summary = f"<div>{self.examples:,} examples: {_shown('', self.error, self.cost)}"
        if self.power is not None:
            summary += f", mean power {self.power:.3g} W"
        if self.max_residual is not None:
            summary += f", largest residual {self.max_residual:.1e}"
        if self.confusion is None:
            return summary + "</div>"
        heads = ["label \\ prediction", *map(str, range(len(self.confusion)))]
        rows = ([str(k), *map(str, row)] for k, row in enumerate(self.confusion.tolist()))
        return summary + "</div>" + table(heads, rows, len(self.confusion))


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
    learning_rate_factor : float
        Factor of the schedule on all learning rates at the start of the epoch.
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
    learning_rate_factor: float = 1.0
    test: Evaluation | None = None

    @property
    def error(self) -> float | None:
        """Share of misclassified examples, from 0 to 1; None if the targets are potentials."""
        return None if self.errors is None else self.errors / self.examples

    def to_dict(self) -> dict[str, float | None]:
        """The epoch as ``metrics.jsonl`` of a training run has it, and event files and JSON lines of ``callbacks``.

        Returns
        -------
        dict of str to float or None
            epoch; train_error and test_error in percent; train_cost and test_cost; seconds; examples_per_second;
            learning_rate_factor; free_sweeps and nudged_sweeps. None where there are no labels or no test examples.

        Examples
        --------
        >>> from ohmgrad import Epoch
        >>> Epoch(1, 200, 3, 0.25, 4.0, 8.0, 0.1).to_dict()["train_error"]
        1.5
        """
        test = self.test
        return {
            "epoch": self.epoch,
            "train_error": _percent(self.error),
            "test_error": None if test is None else _percent(test.error),
            "train_cost": self.cost,
            "test_cost": None if test is None else test.cost,
            "seconds": self.seconds,
            "examples_per_second": self.examples / max(self.seconds, 1e-9),
            "learning_rate_factor": self.learning_rate_factor,
            "free_sweeps": self.free_sweeps,
            "nudged_sweeps": self.nudged_sweeps,
        }

    def __repr__(self) -> str:
        test = "" if self.test is None else ", " + _shown("test ", self.test.error, self.test.cost)
        return f"<Epoch {self.epoch}: {_shown('', self.error, self.cost)}{test}, {self.seconds:.2f} s>"


class CircuitEvaluation(NamedTuple):
    """How well a circuit answers; ``CircuitTrainer.evaluate`` makes it.

    Attributes
    ----------
    examples : int
        Number of examples.
    errors : int or None
        Examples whose largest output is not that of their class; None if the targets are no labels.
    cost : float
        Mean cost, in volt squared for squared errors of voltages.
    worst : float
        The largest distance of an output from its target, in volt or ampere.
    outputs : array of float64, shape (examples, outputs)
        The outputs in volt or ampere.
    """

    examples: int
    errors: int | None
    cost: float
    worst: float
    outputs: NDArray[np.float64]

    @property
    def error(self) -> float | None:
        """Share of wrong examples, from 0 to 1; None if the targets are no labels."""
        return None if self.errors is None else self.errors / self.examples

    def __repr__(self) -> str:
        shown = _shown("", self.error, self.cost)
        return f"<CircuitEvaluation of {self.examples:,} examples: {shown}, worst output {self.worst:.4g}>"


class CircuitEpoch(NamedTuple):
    """What the free states of an epoch of training a circuit showed, before each update.

    Attributes
    ----------
    epoch : int
        Number of finished epochs, this one included.
    examples : int
        Examples trained on.
    errors : int or None
        How many of them were wrong; None if the targets are no labels.
    cost : float
        Mean cost.
    seconds : float
        Duration of the training, without evaluation.
    test : CircuitEvaluation or None
        How the circuit answered the test examples after the epoch, if some were given.
    """

    epoch: int
    examples: int
    errors: int | None
    cost: float
    seconds: float
    test: CircuitEvaluation | None = None

    @property
    def error(self) -> float | None:
        """Share of wrong examples, from 0 to 1; None if the targets are no labels."""
        return None if self.errors is None else self.errors / self.examples

    def to_dict(self) -> dict[str, float | None]:
        """The epoch as ``metrics.jsonl`` of ``ohmgrad learn`` has it.

        Returns
        -------
        dict of str to float or None
            epoch; train_cost, and train_error in percent; cost, error in percent and worst of the test examples;
            seconds. None where there are no labels or no test examples.

        Examples
        --------
        >>> from ohmgrad import CircuitEpoch
        >>> CircuitEpoch(1, 200, 3, 0.25, 0.1).to_dict()["train_error"]
        1.5
        """
        test = self.test
        return {
            "epoch": self.epoch,
            "train_cost": self.cost,
            "train_error": _percent(self.error),
            "cost": None if test is None else test.cost,
            "error": None if test is None else _percent(test.error),
            "worst": None if test is None else test.worst,
            "seconds": self.seconds,
        }

    def __repr__(self) -> str:
        test = "" if self.test is None else ", " + _shown("test ", self.test.error, self.test.cost)
        return f"<CircuitEpoch {self.epoch}: {_shown('', self.error, self.cost)}{test}, {self.seconds:.2f} s>"


AnyEpoch = Epoch | CircuitEpoch
_E = TypeVar("_E", bound=AnyEpoch)


class History(list[_E]):
    """The epochs of a training, one after the other; ``Trainer.train`` and ``Trainer.history`` make it.

    Examples
    --------
    >>> import ohmgrad
    >>> data = ohmgrad.datasets.load_digits()
    >>> network = ohmgrad.Network(ohmgrad.Architecture(64, [16], 10, input_gain=30))
    >>> history = ohmgrad.Trainer(network, "al").train(data[:200], 3, test=data[200:300])
    >>> len(history), history.best in history
    (3, True)
    >>> list(history.to_dataframe().columns)[:4]
    ['epoch', 'train_error', 'test_error', 'train_cost']
    """

    @property
    def best(self) -> _E:
        """The first epoch with the lowest test error; without labels, cost; without test examples, of training.

        Raises
        ------
        ValueError
            If there are no epochs.
        """
        if not self:
            raise ValueError("there are no epochs yet: train first")
        return min(self, key=watched)

    def to_dataframe(self) -> pandas.DataFrame:
        """A row for each epoch, with the columns of ``Epoch.to_dict``; needs pandas.

        Returns
        -------
        pandas.DataFrame
            ``attrs["units"]`` has the units; errors are in percent, as in the files of a training run.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        library = needed("pandas", "to_dataframe")
        columns = self._names()
        frame = library.DataFrame([epoch.to_dict() for epoch in self], columns=columns)
        frame.attrs["units"] = {name: UNITS.get(name, "1") for name in columns}
        result: pandas.DataFrame = frame.astype({name: float for name in columns if name != "epoch"})
        return result

    def to_xarray(self) -> xarray.Dataset:
        """A variable for each entry of ``Epoch.to_dict`` along the dimension ``epoch``; needs xarray.

        Returns
        -------
        xarray.Dataset
            Each variable has its unit in ``attrs["units"]``.

        Raises
        ------
        ImportError
            If xarray is not installed.
        """
        library = needed("xarray", "to_xarray")
        told = [epoch.to_dict() for epoch in self]
        variables = {
            name: ("epoch", np.array([epoch[name] for epoch in told], float), {"units": UNITS.get(name, "1")})
            for name in self._names()
            if name != "epoch"
        }
        result: xarray.Dataset = library.Dataset(variables, {"epoch": [epoch.epoch for epoch in self]})
        return result

    def __repr__(self) -> str:
        if not self:
            return "<History of no epochs>"
        last, best = self[-1], self.best
        count = f"{len(self):,} epoch{'s' if len(self) > 1 else ''}"
        return f"<History of {count}; last: {last!r}; best: epoch {best.epoch}>"

    def _repr_html_(self) -> str:
        heads = ["epoch", "error", "cost", "test error", "test cost", "seconds"]
        rows = (
            [
                str(epoch.epoch),
                _text(epoch.error, ".2%"),
                f"{epoch.cost:.4g}",
                _text(None if epoch.test is None else epoch.test.error, ".2%"),
                _text(None if epoch.test is None else epoch.test.cost, ".4g"),
                f"{epoch.seconds:.2f}",
            ]
            for epoch in reversed(self)
        )
        return f"<div>{len(self):,} epochs, the last one first</div>" + table(heads, rows, len(self))

    def _names(self) -> list[str]:
        """The names of what each epoch tells."""
        return list((self[0] if self else Epoch(0, 1, 0, 0, 0, 0, 0)).to_dict())

    def _to_json(self) -> str:
        """Everything, for checkpoints."""
        return json.dumps([_plain(epoch) for epoch in self])

    @staticmethod
    def _from_json(text: str, kind: type[_E]) -> History[_E]:
        return History(_epoch(plain, kind) for plain in json.loads(text)) if text else History()


def watched(epoch: AnyEpoch) -> float:
    """What is to become small in training."""
    measured: Any = epoch if epoch.test is None else epoch.test
    value: float = measured.cost if measured.error is None else measured.error
    return value


def needed(module: str, function: str) -> Any:
    """An optional package."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{function} needs {module}: pip install {module}") from error


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _shown(what: str, error: float | None, cost: float) -> str:
    """Error, if there are labels, and cost."""
    return f"{what}cost {cost:.4g}" if error is None else f"{what}error {error:.2%}, {what}cost {cost:.4g}"


def _text(number: float | None, form: str) -> str:
    return "–" if number is None else format(number, form)


def _plain(epoch: AnyEpoch) -> dict[str, Any]:
    """An epoch as JSON has it."""
    plain = epoch._asdict()
    if epoch.test is not None:
        test = epoch.test._asdict()
        plain["test"] = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in test.items()}
    return plain


def _epoch(plain: dict[str, Any], kind: type[_E]) -> _E:
    """The inverse of ``_plain``."""
    test = plain.pop("test")
    if test is None:
        return kind(**plain)
    evaluation: Any = Evaluation if kind is Epoch else CircuitEvaluation
    arrays: dict[str, Any] = {k: np.array(v) if isinstance(v, list) else v for k, v in test.items()}
    return cast(_E, kind(**plain)._replace(test=evaluation(**arrays)))


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

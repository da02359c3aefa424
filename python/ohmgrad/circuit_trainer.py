"""Training of circuits."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from ohmgrad import _ohmgrad
from ohmgrad._ohmgrad import Circuit, CircuitExamples
from ohmgrad.results import CircuitEpoch, CircuitEvaluation, History
from ohmgrad.settings import Data
from ohmgrad.training import run

_Callback = Callable[[CircuitEpoch], object]
_Self = TypeVar("_Self", bound="CircuitTrainer")

#: What a file of ``save`` begins with.
FORMAT = "ohmgrad-circuit-trainer"


class CircuitTrainer(_ohmgrad.CircuitTrainer):
    """Trains resistors and sources of any circuit by a local learning rule.

    Sources are inputs; potentials, voltages or currents are outputs. A learning rule makes two states of the circuit:
    a probe at each output, a current source beside a voltage or a voltage source in series with a current, nudges it,
    or holds it. Every trained element then changes along the contrast of the two by
    ``p <- clamp(p - rate * mean[e2 - e1] / span)``, where ``e`` is ``u**2 / 2`` of a conductance, the voltage of a
    current source, and minus the current of a voltage source.

    The circuit given is not changed; ``circuit`` is a copy of the one in training. A trainer can be saved, pickled and
    copied: training goes on bit-identical.

    Parameters
    ----------
    circuit : Circuit
        The circuit to start from.
    inputs : sequence of str
        Sources that are set to the values of an example, a column of X each; may be empty.
    outputs : sequence of str
        What is compared with an example's targets: 'v(node)', 'v(node,node)' or 'i(element)'.
    train : sequence of str, optional
        Elements to train: names, or beginnings of names followed by '*'. Resistors that are neither open nor shorts,
        voltage and current sources. Default: all such resistors.
    rule : str, default 'c-ep'
        As for ``Trainer``, but 'tbp'. Rules that hold the outputs ('p-cpl', 'n-cpl', 'c-cpl', 'cl') need voltages.
    beta : float, optional
        The rule's amplitude, if it has one, above 0: the strength of nudges in siemens (in ohm for currents), or the
        share of the way to the target. Default 0.01.
    cost : {'squared-error', 'cross-entropy'}, default 'squared-error'
        As for ``Trainer``.
    batch_size : int, default 4
        Examples per update.
    learning_rate : float or dict of str to float, default 0.1
        One rate for all, or one each for 'conductances', 'voltages' and 'currents' that are trained.
    optimizer, schedule, weight_decay : optional
        As for ``Trainer``.
    g_min, g_max : float, default 1e-9 and 1e3
        Bounds of the trained conductances in siemens, above 0.
    levels : pair of float, default (0, 1)
        Where y are labels: targets of the outputs of other classes, and of that of the example's class.
    seed : int, default 0
        Seed of the order of the examples.

    Raises
    ------
    ValueError
        If a name is wrong, an element cannot be trained, nothing leads from the inputs to an output, or a setting is
        out of range.

    References
    ----------
    M. Stern et al., "Supervised Learning in Physical Networks", Physical Review X 2021;
    J. Kendall et al., "Training End-to-End Analog Neural Networks with Equilibrium Propagation", 2020.

    Examples
    --------
    >>> import ohmgrad
    >>> divider = (
    ...     ohmgrad.CircuitBuilder().voltage_source("v1", "in", 0, 0.0)
    ...     .resistor("r1", "in", "out", 1.0).resistor("r2", "out", 0, 1.0).build()
    ... )
    >>> trainer = ohmgrad.CircuitTrainer(divider, ["v1"], ["v(out)"])
    >>> history = trainer.train(([[1.0], [2.0]], [0.25, 0.5]), 200)
    >>> trainer.outputs([[4.0]]).round(3)
    array([[1.]])
    """

    _best: tuple[float, Circuit] | None = None

    @cached_property
    def _history(self) -> History[CircuitEpoch]:
        return History()

    @property
    def history(self) -> History[CircuitEpoch]:
        """All epochs that ``train`` has trained so far."""
        return self._history

    @property
    def best(self) -> Circuit | None:
        """A copy of the circuit after the best epoch (as in ``History.best``) of those trained with ``keep_best``."""
        return None if self._best is None else self._best[1]

    def train(
        self,
        data: Data,
        epochs: int = 1,
        *,
        test: Data | None = None,
        callback: _Callback | Sequence[_Callback] = (),
        progress: bool = False,
        patience: int | None = None,
        keep_best: bool = False,
    ) -> History[CircuitEpoch]:
        """Trains for some epochs.

        Parameters
        ----------
        data : pair (X, y) or Dataset
            Examples to learn from. X of shape (n, inputs) has the values of the inputs in volt or ampere; y the targets,
            floating-point numbers of shape (n, outputs), or (n,) for a single output, or labels, integers of shape (n,):
            the largest output is the prediction.
        epochs : int, default 1
            Number of epochs, at least 0.
        test : pair (X, y) or Dataset, optional
            Examples to measure the circuit on after each epoch.
        callback, progress, patience, keep_best : optional
            As for ``Trainer.train``.

        Returns
        -------
        History
            What each of these epochs showed.

        Raises
        ------
        TypeError, ValueError
            If the data are not valid or do not fit, or an argument is out of range.
        TrainingError
            If an operating point does not exist or is not found, or a trained value is not finite.
        KeyboardInterrupt
            On Ctrl-C. As after every error, the circuit is then in the middle of an epoch, and usable.
        """
        measured = None if test is None else self._examples(test)
        return run(self, self._examples(data), epochs, measured, callback, progress, patience, keep_best)

    def _measure(self, test: CircuitExamples) -> CircuitEvaluation:
        """Measures the circuit on examples between epochs."""
        return self.evaluate(test)

    def _copy(self) -> Circuit:
        """A copy of what is trained."""
        return self.circuit

    def save(self, path: str | PathLike[str]) -> None:
        """Writes a file (JSON) to go on from: circuit, settings, state and history. It appears whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike
            The file; what is there is replaced.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        told = {
            "format": FORMAT,
            "netlist": self._start.to_netlist(),
            "title": self._start.title,
            "settings": self.settings,
            "state": self._state(),
            "history": self._history._to_json(),
        }
        _ohmgrad.write_text(path, json.dumps(told, indent=1))

    @classmethod
    def load(cls: type[_Self], path: str | PathLike[str]) -> _Self:
        """Reads a file that ``save`` has written.

        Parameters
        ----------
        path : str or os.PathLike
            The file.

        Returns
        -------
        CircuitTrainer
            Training goes on bit-identical; ``best`` is not saved.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is none of ``save``, or damaged.

        Examples
        --------
        >>> import ohmgrad, os, tempfile
        >>> circuit = (
        ...     ohmgrad.CircuitBuilder().voltage_source("v1", "in", 0, 1.0)
        ...     .resistor("r1", "in", "out", 1.0).resistor("r2", "out", 0, 1.0).build()
        ... )
        >>> trainer = ohmgrad.CircuitTrainer(circuit, ["v1"], ["v(out)"])
        >>> data = ([[1.0], [2.0]], [0.25, 0.5])
        >>> _ = trainer.train(data, 3)
        >>> path = os.path.join(tempfile.mkdtemp(), "trainer.json")
        >>> trainer.save(path)
        >>> ohmgrad.CircuitTrainer.load(path).train_epoch(data).cost == trainer.train_epoch(data).cost
        True
        """
        try:
            told = json.loads(Path(path).read_text())
            found = told["format"]
        except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is no file of CircuitTrainer.save, or damaged: {error}") from error
        if found != FORMAT:
            raise ValueError(f"{path} has the format {found!r}, not {FORMAT!r}")
        try:
            circuit = Circuit._restore(told["netlist"], told["title"])
            return cls._resumed(circuit, told["settings"], told["state"], told["history"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is damaged: {error!r}") from error

    @classmethod
    def _of(cls: type[_Self], experiment: _ohmgrad.CircuitExperiment) -> _Self:
        """A trainer at the start of an experiment."""
        start = experiment._trainer()
        return cls(start.circuit, **start.settings)

    @classmethod
    def _resumed(cls: type[_Self], circuit: Circuit, settings: Any, state: str, history: str) -> _Self:
        trainer = cls(circuit, **settings)
        trainer._restore(state)
        trainer._history = History._from_json(history, CircuitEpoch)
        return trainer

    def __reduce__(self) -> tuple[Any, ...]:
        told = (self._start, self.settings, self._state(), self._history._to_json())
        return _resumed, (type(self), *told)

    def __repr__(self) -> str:
        count, settings = len(self.names), self.settings
        return f"<ohmgrad.CircuitTrainer: {settings['rule']}, {self.epoch} epochs, {count:,} trained of {self._start!r}>"


def _resumed(cls: type[CircuitTrainer], *told: Any) -> CircuitTrainer:
    """What a pickle calls."""
    return cls._resumed(*told)

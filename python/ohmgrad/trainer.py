"""Training of layered networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import cached_property
from os import PathLike
from typing import Any, TypeVar

from ohmgrad import _ohmgrad
from ohmgrad._ohmgrad import Dataset, Network
from ohmgrad.results import Epoch, Evaluation, History
from ohmgrad.settings import Data
from ohmgrad.training import run

_Callback = Callable[[Epoch], object]
_Self = TypeVar("_Self", bound="Trainer")


class Trainer(_ohmgrad.Trainer):
    """Trains a network by a local learning rule.

    Every rule makes two states of the network, and one local law changes each conductance along
    their contrast: ``g <- clamp(g - rate * mean[(u2**2 - u1**2) / 2] / span)``, where u1 and u2 are
    the voltages across the conductance in the two states.

    The network is trained in place. A network has one trainer at a time: a new one takes it over. A trainer can be
    saved, pickled and copied with its network, the state of its optimiser and its history: training goes on
    bit-identical.

    Parameters
    ----------
    network : Network
        The network to train.
    rule : str, default 'c-ep'
        'p-ep', 'n-ep', 'c-ep': equilibrium propagation, nudged towards the target, away from it, or
        both (centered). 'p-cpl', 'n-cpl', 'c-cpl': coupled learning, with the outputs held a share
        ``beta`` of the way to the target. 'cl': contrastive learning, with the outputs held at the
        target. 'al': adjoint learning, the exact gradient from the response to an infinitesimal
        nudge. 'rbp': recurrent backpropagation, that response after a few sweeps. 'tbp': truncated
        backpropagation through the sweeps of the free phase.
    beta : float, optional
        Nudging strength in siemens of equilibrium propagation; default 1, or half of what the conductances at the
        weakest output add up to where the rule nudges away from the target. The share of the way to the target of
        coupled learning, which has no default. Finite and above 0. The other rules have none.
    cost : {'squared-error', 'cross-entropy'}, default 'squared-error'
        What is made small: half the squared distance of the outputs to the target, or the negative
        logarithm of the softmax of the right output (not for rules that hold the outputs).
    batch_size : int, default 4
        Examples per step, from 1 to 65536.
    initial_state : {'persistent', 'zero'}, default 'persistent'
        Where a free phase starts from: the state that the last step ended with, or 0 V.
    free_phase, nudged_phase : Settling, default ``Settling(4)``
        How the phases are settled. The network's ``inference`` becomes ``free_phase``.
    learning_rate : float or dict of str to float, default 0.01
        One rate for all parameters, or one for each by its name ('W1', 'b1', ...). At least 0.
    optimizer : str or dict, default 'sgd'
        The update law: 'sgd'; or 'momentum', with ``momentum`` (default 0.9), the share of the velocity
        that is kept from one step to the next, in [0, 1): ``{"method": "momentum", "momentum": 0.8}``.
    schedule : str or dict, default 'constant'
        Factor on all learning rates: 'constant'; 'exponential', with ``factor`` (default 0.99) after each
        epoch, in (0, 1]; or 'cosine', falling in ``epochs`` epochs to ``final`` (default 0, in [0, 1]):
        ``{"kind": "exponential", "factor": 0.97}``. Each with ``warmup`` (default 0), the epochs in which
        the rates rise linearly from 0.
    weight_decay : float, default 0
        Pull of the conductances towards 0, in units of the gradient per siemens. At least 0.
    seed : int, default 0
        Seed of the order of the examples, which is drawn anew for each epoch.

    Raises
    ------
    ValueError
        If a setting is out of range, or does not fit the rule or the network.

    References
    ----------
    B. Scellier, "A Fast Algorithm to Simulate Nonlinear Resistive Networks", ICML 2024;
    B. Scellier and Y. Bengio, "Equilibrium Propagation", Frontiers in Computational Neuroscience 2017;
    M. Stern et al., "Supervised Learning in Physical Networks", Physical Review X 2021.

    Examples
    --------
    >>> import ohmgrad
    >>> digits = ohmgrad.datasets.load_digits()
    >>> network = ohmgrad.Network(ohmgrad.Architecture(64, [64], 10, input_gain=30))
    >>> trainer = ohmgrad.Trainer(network, "c-ep", learning_rate=0.01, schedule="exponential")
    >>> for epoch in trainer.train(digits, 2):
    ...     print(epoch.epoch, epoch.examples)
    1 1797
    2 1797
    """

    _best: tuple[float, Network] | None = None

    @cached_property
    def _history(self) -> History[Epoch]:
        return History()

    @property
    def history(self) -> History[Epoch]:
        """All epochs that ``train`` has trained so far."""
        return self._history

    @property
    def best(self) -> Network | None:
        """A copy of the network after the best epoch (as in ``History.best``) of those trained with ``keep_best``."""
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
    ) -> History[Epoch]:
        """Trains for some epochs.

        Each epoch is reported to the logger ``ohmgrad`` at level INFO.

        Parameters
        ----------
        data : Dataset or pair (X, y)
            Examples to learn from. Arrays as ``Dataset`` takes them; labels are those of the network's outputs.
        epochs : int, default 1
            Number of epochs, at least 0.
        test : Dataset or pair (X, y), optional
            Examples to measure the network on after each epoch.
        callback : callable or sequence of callables, optional
            Called after each epoch with its ``Epoch``, such as those of ``ohmgrad.callbacks``. If one raises an
            exception, training ends with it.
        progress : bool, default False
            Whether to show a progress bar with the last error and cost; needs tqdm
            (``pip install ohmgrad[progress]``).
        patience : int, optional
            Training ends early when so many epochs, at least 1, have brought nothing better than the best one before:
            a lower test error; without labels, cost; without test examples, of training. Default: it does not.
        keep_best : bool, default False
            Whether to keep a copy of the network after the best epoch, as ``best``.

        Returns
        -------
        History
            What each of these epochs showed.

        Raises
        ------
        TrainingError
            If training diverged, or a negative nudge leaves the energy without a minimum.
        TypeError, ValueError
            If the data are not valid, or do not fit the network or the cost; if ``epochs`` or ``patience`` is out of
            range.
        KeyboardInterrupt
            On Ctrl-C. As after every error, the network is then in the middle of an epoch, and usable.

        Examples
        --------
        >>> import ohmgrad
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> network = ohmgrad.Network(ohmgrad.Architecture(2, [16], 2, input_gain=4))
        >>> trainer = ohmgrad.Trainer(network, "al", learning_rate=0.05)
        >>> history = trainer.train((X, y), 200, test=(X, y), patience=100, keep_best=True)
        >>> trainer.best.evaluate((X, y)).error == history.best.test.error == 0
        True
        """
        measured = None if test is None else self._examples(test)
        return run(self, self._examples(data), epochs, measured, callback, progress, patience, keep_best)

    def _measure(self, test: Dataset) -> Evaluation:
        """Measures the network on examples between epochs."""
        return self.network.evaluate(test, cost=self.settings["cost"], physics=False)

    def _copy(self) -> Network:
        """A copy of what is trained."""
        return copy(self.network)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes a checkpoint (``.safetensors``): network, state of the optimiser, settings and history.

        ``Network.load`` and the command line read its network. The file appears whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike
            The file; what is there is replaced.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        self._save(path, self._history._to_json())

    @classmethod
    def load(cls: type[_Self], path: str | PathLike[str], *, threads: int | None = None) -> _Self:
        """Reads a checkpoint that ``save`` or a training run of the command line has written.

        Parameters
        ----------
        path : str or os.PathLike
            The file, such as the ``checkpoint.safetensors`` of a run.
        threads : int, optional
            As for ``Network``.

        Returns
        -------
        Trainer
            Training goes on bit-identical. ``history`` is empty for a run of the command line, whose folder has it;
            ``best`` is not saved.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is not a whole and valid checkpoint.

        Examples
        --------
        >>> import ohmgrad, os, tempfile
        >>> data = ohmgrad.datasets.load_digits()
        >>> network = ohmgrad.Network(ohmgrad.Architecture(64, [16], 10, input_gain=30))
        >>> trainer = ohmgrad.Trainer(network, "al", optimizer="momentum", learning_rate=0.002)
        >>> _ = trainer.train(data, 2)
        >>> path = os.path.join(tempfile.mkdtemp(), "trainer.safetensors")
        >>> trainer.save(path)
        >>> again = ohmgrad.Trainer.load(path)
        >>> again.train_epoch(data).cost == trainer.train_epoch(data).cost
        True
        """
        return cls._resumed(path, threads)

    @classmethod
    def _resumed(cls: type[_Self], checkpoint: str | PathLike[str] | bytes, threads: int | None) -> _Self:
        network, settings, history = cls._read(checkpoint, threads)
        trainer = cls(network, **settings)
        trainer._history = History._from_json(history, Epoch)
        return trainer

    def __reduce__(self) -> tuple[Any, ...]:
        state = self._state(self._history._to_json())
        return _resumed, (type(self), state, self.network.threads)

    def __repr__(self) -> str:
        settings = self.settings
        beta = "" if settings["beta"] is None else f", beta {settings['beta']:g}"
        return f"<ohmgrad.Trainer: {settings['rule']}{beta}, {self.epoch} epochs, of {self.network!r}>"


def _resumed(cls: type[Trainer], state: bytes, threads: int) -> Trainer:
    """What a pickle calls."""
    return cls._resumed(state, threads)

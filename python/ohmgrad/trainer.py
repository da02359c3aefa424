"""Training over epochs."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ohmgrad import _ohmgrad
from ohmgrad._ohmgrad import Dataset
from ohmgrad.results import Epoch

_logger = logging.getLogger("ohmgrad")


class Trainer(_ohmgrad.Trainer):
    """Trains a network by a local learning rule.

    Every rule makes two states of the network, and one local law changes each conductance along
    their contrast: ``g <- clamp(g - rate * mean[(u2**2 - u1**2) / 2] / span)``, where u1 and u2 are
    the voltages across the conductance in the two states.

    The network is trained in place. A network has one trainer at a time: a new one takes it over.

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
        Nudging strength in siemens of equilibrium propagation, default 1; the share of the way to the
        target of coupled learning, which has no default. Finite and above 0. The other rules have none.
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

    def train(
        self,
        data: Dataset,
        epochs: int = 1,
        *,
        test: Dataset | None = None,
        callback: Callable[[Epoch], object] | None = None,
        progress: bool = False,
    ) -> list[Epoch]:
        """Trains for some epochs.

        Each epoch is reported to the logger ``ohmgrad`` at level INFO.

        Parameters
        ----------
        data : Dataset
            Examples to learn from.
        epochs : int, default 1
            Number of epochs.
        test : Dataset, optional
            Examples to measure the network on after each epoch.
        callback : callable, optional
            Called after each epoch with its ``Epoch``. If it raises an exception, training ends with it.
        progress : bool, default False
            Whether to show a progress bar per epoch; needs tqdm (``pip install ohmgrad[progress]``).

        Returns
        -------
        list of Epoch
            What each epoch showed.

        Raises
        ------
        TrainingError
            If training diverged, or a negative nudge leaves the energy without a minimum.
        ValueError
            If the data do not fit the network or the cost.
        KeyboardInterrupt
            On Ctrl-C. As after every error, the network is then in the middle of an epoch, and usable.

        Examples
        --------
        >>> import ohmgrad
        >>> xor = ohmgrad.Dataset([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
        >>> network = ohmgrad.Network(ohmgrad.Architecture(2, [16], 2, input_gain=4))
        >>> trainer = ohmgrad.Trainer(network, "al", learning_rate=0.05)
        >>> trainer.train(xor, 200, test=xor)[-1].test.error
        0.0
        """
        history = []
        for _ in range(epochs):
            with _bar(progress, f"epoch {self.epoch + 1}", len(data)) as show:
                epoch = self.train_epoch(data, show)
            if test is not None:
                cost = self.settings["cost"]
                epoch = epoch._replace(
                    test=self.network.evaluate(test, cost=cost, physics=False)
                )
            _log(epoch)
            history.append(epoch)
            if callback is not None:
                callback(epoch)
        return history


@contextmanager
def _bar(wanted: bool, title: str, examples: int) -> Iterator[Callable[[int], object] | None]:
    """A progress bar, as the callable that sets it to a number of examples."""
    if not wanted:
        yield None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install ohmgrad[progress]") from error
    with tqdm(total=examples, desc=title, unit=" examples", leave=False) as bar:
        yield lambda done: bar.update(done - bar.n)


def _log(epoch: Epoch) -> None:
    _logger.info("epoch %d: cost %.5g, %s", epoch.epoch, epoch.cost, _error(epoch.error))
    if epoch.test is not None:
        cost, error = epoch.test.cost, epoch.test.error
        _logger.info("epoch %d: test cost %.5g, %s", epoch.epoch, cost, _error(error))


def _error(error: float | None) -> str:
    return "no labels" if error is None else f"error {error:.2%}"

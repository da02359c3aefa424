"""The loop over epochs of all trainers: measuring, callbacks, early stopping, progress."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, cast

from ohmgrad.results import AnyEpoch, History, watched

_logger = logging.getLogger("ohmgrad")
_E = TypeVar("_E", bound=AnyEpoch)


class Trainable(Protocol[_E]):
    """What the loop needs of a trainer."""

    _best: tuple[float, Any] | None

    @property
    def _history(self) -> History[_E]: ...

    def train_epoch(self, data: Any, progress: Callable[[int], object] | None = None) -> _E: ...
    def _measure(self, test: Any) -> Any: ...
    def _copy(self) -> Any: ...


def run(
    trainer: Trainable[_E],
    data: Sized,
    epochs: int,
    test: Any,
    callback: Callable[[_E], object] | Sequence[Callable[[_E], object]],
    progress: bool,
    patience: int | None,
    keep_best: bool,
) -> History[_E]:
    """Trains for some epochs, as ``Trainer.train`` says."""
    if epochs < 0:
        raise ValueError(f"epochs is {epochs}: it must be at least 0")
    if patience is not None and patience < 1:
        raise ValueError(f"patience is {patience}: it must be at least 1")
    callbacks = [callback] if callable(callback) else list(callback)
    history: History[_E] = History()
    with _bar(progress, epochs, len(data)) as bar:
        for _ in range(epochs):
            epoch = _train_epoch(trainer, data, test, keep_best, bar)
            history.append(epoch)
            for call in callbacks:
                call(epoch)
            if patience is not None and epoch.epoch - history.best.epoch >= patience:
                break
    return history


def _train_epoch(trainer: Trainable[_E], data: Sized, test: Any, keep_best: bool, bar: _Bar | None) -> _E:
    """An epoch of training, measured, logged and recorded."""
    epoch = trainer.train_epoch(data, None if bar is None else bar.set)
    if test is not None:
        epoch = cast(_E, epoch._replace(test=trainer._measure(test)))
    _log(epoch)
    if bar is not None:
        bar.finish(epoch)
    if keep_best and (trainer._best is None or watched(epoch) < trainer._best[0]):
        trainer._best = watched(epoch), trainer._copy()
    trainer._history.append(epoch)
    return epoch


class _Bar:
    """A progress bar over the examples of all epochs."""

    def __init__(self, bar: Any, epochs: int, examples: int) -> None:
        self.bar, self.epochs, self.examples = bar, epochs, examples
        self.finished = 0

    def set(self, done: int) -> None:
        """Examples done in this epoch."""
        self.bar.update(self.finished * self.examples + done - self.bar.n)

    def finish(self, epoch: AnyEpoch) -> None:
        """Shows what an epoch brought."""
        self.finished += 1
        self.set(0)
        self.bar.set_description(f"epoch {self.finished}/{self.epochs}")
        shown = {"error": epoch.error, "cost": epoch.cost}
        if epoch.test is not None:
            shown |= {"test error": epoch.test.error, "test cost": epoch.test.cost}
        texts = [
            f"{name} {value:.2%}" if name.endswith("error") else f"{name} {value:.4g}"
            for name, value in shown.items()
            if value is not None
        ]
        self.bar.set_postfix_str(", ".join(texts))


@contextmanager
def _bar(wanted: bool, epochs: int, examples: int) -> Iterator[_Bar | None]:
    """A progress bar that stays."""
    if not wanted:
        yield None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install ohmgrad[progress]") from error
    with tqdm(total=epochs * examples, desc=f"epoch 0/{epochs}", unit=" examples") as bar:
        yield _Bar(bar, epochs, examples)


def _log(epoch: AnyEpoch) -> None:
    _logger.info("epoch %d: cost %.5g, %s", epoch.epoch, epoch.cost, _error(epoch.error))
    if epoch.test is not None:
        cost, error = epoch.test.cost, epoch.test.error
        _logger.info("epoch %d: test cost %.5g, %s", epoch.epoch, cost, _error(error))


def _error(error: float | None) -> str:
    return "no labels" if error is None else f"error {error:.2%}"

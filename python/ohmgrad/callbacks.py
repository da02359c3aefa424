"""What can be done after each epoch: callbacks for ``Trainer.train`` and ``CircuitTrainer.train``."""

import json
from os import PathLike, fspath
from pathlib import Path
from typing import Protocol

from ohmgrad._ohmgrad import EventFile

__all__ = ["JsonLines", "TensorBoard"]


class _Epoch(Protocol):
    """What an epoch of any training has."""

    @property
    def epoch(self) -> int: ...

    def to_dict(self) -> dict[str, float | None]: ...


class TensorBoard:
    """Writes the numbers of each epoch to an event file, for TensorBoard. TensorFlow is not needed.

    The names and units are those of ``Epoch.to_dict``, of ``metrics.jsonl`` and of ``ohmgrad train --tensorboard``:
    errors in percent.

    Parameters
    ----------
    folder : str or os.PathLike
        A folder for this training alone; an event file that ohmgrad has left there is begun anew.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import ohmgrad, os, tempfile
    >>> data = ohmgrad.datasets.load_digits()[:100]
    >>> network = ohmgrad.Network(ohmgrad.Architecture(64, [16], 10, input_gain=30))
    >>> folder = tempfile.mkdtemp()
    >>> _ = ohmgrad.Trainer(network, "al").train(data, 2, callback=ohmgrad.callbacks.TensorBoard(folder))
    >>> [name.startswith("events.out.tfevents") for name in os.listdir(folder)]
    [True]
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self._file = EventFile(folder)

    def __call__(self, epoch: _Epoch) -> None:
        """Appends the numbers of an epoch.

        Parameters
        ----------
        epoch : Epoch
            The epoch.
        """
        self._file.write(epoch.epoch, epoch.to_dict())


class JsonLines:
    """Writes each epoch as a line of JSON, as a training run's ``metrics.jsonl`` has it.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    append : bool, default False
        Whether to keep what is there, as for training that goes on.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import json, ohmgrad, os, tempfile
    >>> data = ohmgrad.datasets.load_digits()[:100]
    >>> network = ohmgrad.Network(ohmgrad.Architecture(64, [16], 10, input_gain=30))
    >>> path = os.path.join(tempfile.mkdtemp(), "metrics.jsonl")
    >>> _ = ohmgrad.Trainer(network, "al").train(data, 2, callback=ohmgrad.callbacks.JsonLines(path))
    >>> [json.loads(line)["epoch"] for line in open(path)]
    [1, 2]
    """

    def __init__(self, path: str | PathLike[str], *, append: bool = False) -> None:
        self._path = Path(fspath(path))
        with self._path.open("a" if append else "w"):
            pass

    def __call__(self, epoch: _Epoch) -> None:
        """Appends a line.

        Parameters
        ----------
        epoch : Epoch
            The epoch.
        """
        with self._path.open("a") as file:
            file.write(json.dumps(epoch.to_dict()) + "\n")

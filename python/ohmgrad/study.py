"""Studies: many training runs, from a table of settings, on any executor.

A table is a folder with a ``table.toml``, as for ``ohmgrad reproduce``. Every run has a folder of its own, is locked by
the process that works on it, and goes on from its checkpoint if it was interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ohmgrad import _ohmgrad
from ohmgrad.notebook import table as html_table
from ohmgrad.results import needed

if TYPE_CHECKING:
    import pandas

__all__ = ["Results", "RunResult", "collect", "run"]

_Path = str | PathLike[str]


class RunResult(NamedTuple):
    """How a run of a study ended.

    Attributes
    ----------
    name : str
        Name of its folder: that of the row, and the seed.
    row : str
        Name of the row.
    seed : int
        Its seed.
    state : str
        'finished', 'interrupted' (or under way), 'failed' or 'missing'.
    epochs : int
        Finished epochs.
    test_error, train_error : float or None
        Errors after the last of them, in percent.
    seconds : float
        Duration of the training, without evaluation and files.
    reason : str or None
        Why it failed.
    """

    name: str
    row: str
    seed: int
    state: str
    epochs: int
    test_error: float | None
    train_error: float | None
    seconds: float
    reason: str | None


class Results(list[RunResult]):
    """The runs of a study; ``run`` and ``collect`` make it."""

    @property
    def unfinished(self) -> list[RunResult]:
        """The runs that are not finished."""
        return [result for result in self if result.state != "finished"]

    def to_dataframe(self) -> pandas.DataFrame:
        """A row for each run, with the attributes of ``RunResult`` as columns; needs pandas.

        Returns
        -------
        pandas.DataFrame
            ``groupby("row").test_error.agg(["mean", "std"])`` is the table.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        library = needed("pandas", "to_dataframe")
        frame: pandas.DataFrame = library.DataFrame(list(self), columns=RunResult._fields)
        return frame

    def __repr__(self) -> str:
        return f"<Results of {len(self):,} runs, {len(self) - len(self.unfinished):,} finished>"

    def _repr_html_(self) -> str:
        heads = ["run", "state", "epochs", "test error", "train error", "seconds"]
        rows = (
            [r.name, r.state, str(r.epochs), _percent(r.test_error), _percent(r.train_error), f"{r.seconds:.1f}"]
            for r in self
        )
        return f"<div>{repr(self)[1:-1]}</div>" + html_table(heads, rows, len(self))


def run(
    table: _Path,
    *,
    executor: Executor | None = None,
    seeds: Sequence[int] | None = None,
    rows: Sequence[str] | None = None,
    epochs: int | None = None,
    out: _Path | None = None,
    threads: int = 1,
) -> Results:
    """Trains the rows of a table with several seeds, and waits until all runs have ended.

    What is finished is skipped, what was interrupted goes on. A run that fails does not stop the others. On executors of
    processes on several machines, ``out`` and the table's data must be on a file system that they share.

    Parameters
    ----------
    table : str or os.PathLike
        The folder of the table.
    executor : concurrent.futures.Executor, optional
        Where the runs are computed: a ``ProcessPoolExecutor``, ``dask.distributed``'s ``client.get_executor()``,
        ``mpi4py.futures.MPIPoolExecutor``, submitit's executors, and so on. Default: here, one after the other.
    seeds : sequence of int, optional
        Default: those of the table's grid, or 0 to 4.
    rows : sequence of str, optional
        Names of rows. Default: all.
    epochs : int, optional
        Number of epochs. Default: those of each row.
    out : str or os.PathLike, optional
        Folder of the runs. Default: ``runs/NAME`` for a table in the folder NAME.
    threads : int, default 1
        Threads of each run; no result depends on it.

    Returns
    -------
    Results
        All runs, in the order of the table.

    Raises
    ------
    OSError, ValueError
        If the table or a row is not valid.
    KeyboardInterrupt
        On Ctrl-C. Runs that were under way go on from their checkpoints the next time.

    Examples
    --------
    >>> import ohmgrad, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "digits.toml").write_text(ohmgrad.Experiment.preset("digits").toml)
    >>> _ = (folder / "table.toml").write_text('''
    ... title = "Rates"
    ... row = [{ file = "digits.toml" }]
    ... [grid]
    ... optimizer.learning_rate = [0.003, 0.01]
    ... ''')
    >>> results = ohmgrad.study.run(folder, seeds=[0, 1], epochs=1, out=folder / "runs")
    >>> results
    <Results of 4 runs, 4 finished>
    """
    folder = _folder(table, out)
    planned = _ohmgrad.study_runs(table, seeds, rows, epochs)
    if executor is None:
        for name, _, toml, _ in planned:
            _finish(folder, name, toml, threads)
    else:
        submitted: list[Future[None]] = [
            executor.submit(_finish, folder, name, toml, threads) for name, _, toml, _ in planned
        ]
        for future in submitted:
            future.result()
    return _results(folder, planned)


def collect(
    table: _Path,
    *,
    seeds: Sequence[int] | None = None,
    rows: Sequence[str] | None = None,
    epochs: int | None = None,
    out: _Path | None = None,
) -> Results:
    """How far the runs of a table have come, without computing anything.

    Parameters
    ----------
    table, seeds, rows, epochs, out : optional
        As for ``run``.

    Returns
    -------
    Results
        All runs, in the order of the table.

    Raises
    ------
    OSError, ValueError
        If the table, a row or a file of a run is not valid.
    """
    return _results(_folder(table, out), _ohmgrad.study_runs(table, seeds, rows, epochs))


def _folder(table: _Path, out: _Path | None) -> str:
    """The folder of the runs, by its absolute path: workers may be elsewhere."""
    default = Path("runs") / Path(table).resolve().name
    return str(Path(default if out is None else fspath(out)).resolve())


def _finish(folder: str, name: str, toml: str, threads: int) -> None:
    """What a worker does. A run that failed says why in its folder; one that is locked is another worker's."""
    try:
        _ohmgrad.study_finish(folder, name, toml, threads)
    except (BlockingIOError, RuntimeError):
        pass


def _results(folder: str, planned: list[tuple[str, str, str, int]]) -> Results:
    results = Results()
    for name, row, toml, seed in planned:
        state, reason, epochs, test_error, train_error, seconds = _ohmgrad.study_state(folder, name, toml)
        results.append(RunResult(name, row, seed, state, epochs, test_error, train_error, seconds, reason))
    return results


def _percent(error: float | None) -> str:
    return "–" if error is None else f"{error:.2f} %"

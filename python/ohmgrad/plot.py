"""Plots with matplotlib (``pip install ohmgrad[plot]``).

Every function draws on the axes ``ax`` or, without them, on new ones, and returns them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ohmgrad._ohmgrad import Circuit, Network
from ohmgrad.drawing import MOST_CURRENT, NEGATIVE, NEUTRAL, NO_CURRENT, POSITIVE, mix
from ohmgrad.layout import MOST, layout, sketch
from ohmgrad.results import Epoch
from ohmgrad.solution import Solution, SolvedRows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

__all__ = ["circuit", "conductances", "currents", "iv", "learning_curves", "potentials", "receptive_fields"]

_Run = str | PathLike[str] | Sequence[Epoch]
_Curve = list[float | None]

#: The most units whose receptive fields are shown.
MOST_UNITS = 100


def learning_curves(*runs: _Run, ax: Axes | None = None) -> Axes:
    """Draws the test error (and dashed the training error) of runs against the epoch; without labels the cost.

    Parameters
    ----------
    *runs : path or sequence of Epoch
        Folders of ``ohmgrad train``, or what ``Trainer.train`` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    OSError, ValueError
        If a folder's metrics cannot be read, or a run has no epochs.

    Examples
    --------
    >>> import ohmgrad
    >>> digits = ohmgrad.datasets.load_digits()
    >>> network = ohmgrad.Network(ohmgrad.Architecture(64, [16], 10, input_gain=30))
    >>> epochs = ohmgrad.Trainer(network, "al").train(digits, 2)
    >>> ohmgrad.plot.learning_curves(epochs).get_xlabel()
    'epoch'
    """
    read = [_curves(run, f"run {k + 1}") for k, run in enumerate(runs)]
    if not read:
        raise ValueError("there are no runs to draw: give at least one")
    ax = _axes(ax)
    labelled = all(error for *_, error in read)
    for name, epochs, train, test, _ in read:
        shown = test if any(value is not None for value in test) else train
        (line,) = ax.plot(epochs, _numbers(shown), marker="." if len(epochs) < 30 else "", label=name)
        if shown is test:
            ax.plot(epochs, _numbers(train), "--", color=line.get_color(), linewidth=1)
    ax.set_xlabel("epoch")
    ax.set_ylabel("error (%)" if labelled else "cost")
    ax.set_ylim(bottom=0)
    ax.grid(alpha=0.3)
    ax.legend(title="test; dashed: training")
    return ax


def _curves(run: _Run, name: str) -> tuple[str, list[int], _Curve, _Curve, bool]:
    """A run's name, epochs, and its errors in percent, or its costs if it has no labels."""
    if isinstance(run, str | PathLike):
        path = Path(run)
        file = path / "metrics.jsonl" if path.is_dir() else path
        try:
            told = [json.loads(line) for line in file.read_text().splitlines()]
            columns = [[epoch[key] for epoch in told] for key in ("epoch", "train_error", "test_error")]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{file} holds no metrics of a training run: {error!r}") from error
        name, (epochs, train, test), labelled = path.name or str(path.resolve()), columns, True
    else:
        labelled = all(epoch.error is not None for epoch in run)
        epochs = [epoch.epoch for epoch in run]
        tests = [epoch.test for epoch in run]
        if labelled:
            train = [_percent(epoch.error) for epoch in run]
            test = [None if test is None else _percent(test.error) for test in tests]
        else:
            train = [epoch.cost for epoch in run]
            test = [None if test is None else test.cost for test in tests]
    if not epochs:
        raise ValueError(f"{name} has no epochs")
    return name, epochs, train, test, labelled


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _numbers(curve: _Curve) -> list[float]:
    return [np.nan if value is None else value for value in curve]


def receptive_fields(network: Network, *, ax: Axes | None = None) -> Axes:
    """Draws what the first layer sees: ``g+ - g-`` of each signed pair, an image per unit.

    Parameters
    ----------
    network : Network
        A network whose features are the pixels of a square image. Of more than 100 units, those with the largest
        fields are shown.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If the features are no square image.
    """
    features = network.architecture.features
    side = round(features**0.5)
    if side**2 != features:
        raise ValueError(f"the network's {features} features are no square image")
    weights = network["W1"]
    fields = (weights[:features] - weights[features:]).T
    largest = np.argsort(-np.linalg.norm(fields, axis=1), kind="stable")[:MOST_UNITS]
    fields = fields[np.sort(largest)].reshape(-1, side, side)
    columns = int(np.ceil(len(fields) ** 0.5))
    mosaic = np.full((-(-len(fields) // columns) * (side + 1) - 1, columns * (side + 1) - 1), np.nan)
    for k, field in enumerate(fields):
        top, left = (side + 1) * (k // columns), (side + 1) * (k % columns)
        mosaic[top : top + side, left : left + side] = field
    ax = _axes(ax)
    scale = max(float(np.quantile(np.abs(fields), 0.995)), float(np.finfo(np.float32).tiny))
    image = ax.imshow(mosaic, cmap=_diverging(), vmin=-scale, vmax=scale)
    ax.set_axis_off()
    ax.set_title(f"{len(fields)} of {weights.shape[1]} units")
    ax.figure.colorbar(image, ax=ax, label="g+ − g− (S)", shrink=0.8)
    return ax


def conductances(network: Network, *, ax: Axes | None = None) -> Axes:
    """Draws a histogram of each conductance matrix, with a logarithmic count.

    Parameters
    ----------
    network : Network
        The network.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    ax = _axes(ax)
    matrices = {name: values for name, values in network.parameters().items() if name[0] == "W"}
    top = max(float(values.max()) for values in matrices.values())
    for name, values in matrices.items():
        label = f"{name}: {values.size} conductances"
        ax.hist(values.ravel(), bins=80, range=(0, top or 1), histtype="step", log=True, label=label)
    ax.set_xlabel("conductance (S)")
    ax.set_ylabel("number")
    ax.legend()
    return ax


def potentials(rows: SolvedRows, *nodes: str, ax: Axes | None = None) -> Axes:
    """Draws potentials against the value of a source.

    Parameters
    ----------
    rows : SolvedRows
        What ``Circuit.sweep`` returned.
    *nodes : str
        The nodes. Default: all in ``rows`` but ground.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is more than one source, or no such node in ``rows``.
    """
    source, values = _swept(rows)
    names = nodes or tuple(node for node in rows.nodes if node != "0")
    curves = [(values, rows.potential(name)) for name in names]
    return _lines(ax, names, curves, source, "potential (V)")


def currents(rows: SolvedRows, *elements: str, ax: Axes | None = None) -> Axes:
    """Draws currents against the value of a source.

    Parameters
    ----------
    rows : SolvedRows
        What ``Circuit.sweep`` returned.
    *elements : str
        The elements. Default: all in ``rows``.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is more than one source, or no such element in ``rows``.
    """
    source, values = _swept(rows)
    names = elements or rows.elements
    curves = [(values, rows.current(name)) for name in names]
    return _lines(ax, names, curves, source, "current (A)")


def iv(rows: SolvedRows, *elements: str, ax: Axes | None = None) -> Axes:
    """Draws the current through elements against the voltage across them.

    Parameters
    ----------
    rows : SolvedRows
        What ``Circuit.sweep`` or ``Circuit.solve_rows`` returned.
    *elements : str
        The elements. Default: all in ``rows``.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is no such element in ``rows``.

    Examples
    --------
    >>> import numpy, ohmgrad
    >>> circuit = ohmgrad.CircuitBuilder().voltage_source("v1", "a", "0", 0).shockley_diode("d1", "a", "0", 1e-12).build()
    >>> rows = circuit.sweep("v1", numpy.linspace(-0.2, 0.6, 81))
    >>> ohmgrad.plot.iv(rows, "d1").get_ylabel()
    'current (A)'
    """
    names = elements or rows.elements
    curves = [(rows.voltage(name), rows.current(name)) for name in names]
    return _lines(ax, names, curves, "voltage (V)", "current (A)")


def circuit(
    drawn: Circuit | Solution, *, positions: Mapping[str, ArrayLike] | None = None, ax: Axes | None = None
) -> Axes:
    """Draws a circuit, with potentials and currents as colours if its solution is given.

    ``to_svg`` draws the symbols of the elements of a small circuit, too. Of more than 40 elements lines are drawn, fast
    enough for tens of thousands, and no names; elements to ground are left out unless its position is given.

    Parameters
    ----------
    drawn : Circuit or Solution
        What to draw.
    positions : mapping of str to (x, y), optional
        Where the nodes are; elements between others are left out. Default: nodes named as those of
        ``ohmgrad.circuits.lattice`` on their lattice, others where neighbours are close (up to 2,000 nodes).
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If the circuit has more than 2,000 nodes, no lattice, and no positions are given.

    Examples
    --------
    >>> import ohmgrad
    >>> grid = ohmgrad.circuits.lattice(30, 40).voltage_source("v1", "n0_0", 0, 1).voltage_source("v2", "n29_39", 0, 0)
    >>> ohmgrad.plot.circuit(grid.build().solve()).get_title()
    'A lattice of 30 x 40'
    """
    solution = drawn if isinstance(drawn, Solution) else None
    shown = drawn.circuit if isinstance(drawn, Solution) else drawn
    ax = _axes(ax)
    if positions is None and len(shown) <= MOST:
        _draw_small(shown, solution, ax)
    else:
        _draw_large(shown, solution, positions, ax)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def _draw_small(shown: Circuit, solution: Solution | None, ax: Axes) -> None:
    """With the names of all nodes and elements."""
    plan = layout(shown)
    shares = np.linspace(0, 1, 33)
    places = np.array(list(plan.nodes.values())).reshape(-1, 2)
    lines, dots = _lines_and_dots(ax, [np.array([wire.at(s) for s in shares]) for wire in plan.wires], places, 90)
    if solution is not None:
        branches = [solution.elements[wire.element].current for wire in plan.wires]
        _color(ax, solution, lines, branches, dots, [solution.nodes[name] for name in plan.nodes])
    for name, place in plan.nodes.items():
        ax.annotate(name, (place[0], place[1]), (0, 9), textcoords="offset points", ha="center", weight="bold")
    for wire in plan.wires:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        x, y = wire.middle
        ax.annotate(wire.element, (x, y), ha="center", va="center", fontsize="small", bbox=box)
    ax.margins(0.15)


def _draw_large(
    shown: Circuit, solution: Solution | None, positions: Mapping[str, ArrayLike] | None, ax: Axes
) -> None:
    """Lines and dots alone; small currents are told apart by a scale of their square roots."""
    from matplotlib.colors import PowerNorm

    names = list(shown.nodes)
    ends = shown.ends()
    if positions is None:
        known, places = sketch(names, ends)
    else:
        known = np.array([name in positions for name in names])
        places = np.array([positions[name] if name in positions else (np.nan, np.nan) for name in names], float)
    drawn = known[ends].all(axis=1)
    # The distance of neighbours in points, on axes of the usual size.
    apart = 330 / max(known.sum(), 1) ** 0.5
    lines, dots = _lines_and_dots(ax, places[ends[drawn]], places[known], min(0.55 * apart, 8) ** 2)
    lines.set_linewidth(float(np.clip(0.11 * apart, 0.5, 2)))
    lines.set_norm(PowerNorm(0.5))
    dots.set_linewidth(0)
    if solution is not None:
        _color(ax, solution, lines, solution.currents[drawn], dots, solution.potentials[known])
    ax.margins(0.03)
    ax.set_title(shown.title)


def _lines_and_dots(ax: Axes, segments: Any, places: NDArray[np.float64], size: float) -> tuple[Any, Any]:
    from matplotlib.collections import LineCollection

    edge = 1.0 if size > 50 else 0.3
    dots = ax.scatter(places[:, 0], places[:, 1], s=size, c="white", edgecolors="#333", linewidths=edge, zorder=3)
    lines = LineCollection(segments, color="#666", linewidth=1.5)
    ax.add_collection(lines)
    return lines, dots


def _color(ax: Axes, solution: Solution, lines: Any, currents: Any, dots: Any, potentials: Any) -> None:
    """Lines by the size of currents, dots by potentials."""
    size = np.abs(currents)
    lines.set(color=None, array=size, cmap=_sequential(), clim=(0, size.max(initial=0) or 1))
    highest = np.abs(solution.potentials).max() or 1
    dots.set(array=potentials, cmap=_diverging(), clim=(-highest, highest))
    ax.figure.colorbar(dots, ax=ax, label="potential (V)", shrink=0.8)
    ax.figure.colorbar(lines, ax=ax, label="size of current (A)", shrink=0.8)


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("ohmgrad.plot needs matplotlib: pip install ohmgrad[plot]") from error
    return pyplot.subplots(layout="constrained")[1]


def _swept(rows: SolvedRows) -> tuple[str, NDArray[np.float64]]:
    if len(rows.sources) != 1:
        raise ValueError(f"the rows change {len(rows.sources)} sources: a sweep of one is drawn")
    return rows.sources[0], rows.values[:, 0]


def _lines(
    ax: Axes | None,
    names: Sequence[str],
    curves: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
    x_label: str,
    y_label: str,
) -> Axes:
    ax = _axes(ax)
    for name, (x, y) in zip(names, curves, strict=True):
        ax.plot(x, y, label=name)
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)
    ax.grid(alpha=0.3)
    ax.legend()
    return ax


def _diverging() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    ends = [mix(color, color, 0) for color in (NEGATIVE, NEUTRAL, POSITIVE)]
    return LinearSegmentedColormap.from_list("ohmgrad", ends)


def _sequential() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    ends = [mix(color, color, 0) for color in (NO_CURRENT, MOST_CURRENT)]
    return LinearSegmentedColormap.from_list("ohmgrad-current", ends)

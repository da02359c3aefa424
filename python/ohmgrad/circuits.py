"""Circuits that are often simulated: crossbars, lattices and random graphs.

Each function returns a ``CircuitBuilder``: add what is missing, such as sources, and ``build()`` it.
"""

from __future__ import annotations

from itertools import count

import numpy as np
from numpy.typing import ArrayLike

from ohmgrad._ohmgrad import CircuitBuilder

__all__ = ["crossbar", "lattice", "random_graph"]


def crossbar(conductances: ArrayLike, *, line_resistance: float = 0.0) -> CircuitBuilder:
    """An array of conductances between word lines, which are driven, and bit lines, whose currents are read.

    Word line i is driven by the voltage source ``v{i}`` (0 V at first), bit line j held at 0 V by the source ``s{j}``,
    whose current is the output: without line resistance ``sum_i v_i g_ij``. Cell (i, j) is the resistor ``g{i}_{j}``.

    Parameters
    ----------
    conductances : array of shape (words, bits)
        Conductances of the cells in siemens, at least 0.
    line_resistance : float, default 0
        Resistance of a line between two neighbouring cells, and between the first cell and the source, in ohm. Word lines
        are driven at bit line 0, bit lines read at the last word line. The segments are resistors ``w{i}_{j}`` and
        ``b{i}_{j}``.

    Returns
    -------
    CircuitBuilder

    Raises
    ------
    ValueError
        If the conductances are no matrix, or one of them or the resistance is below 0.

    Examples
    --------
    >>> import numpy, ohmgrad
    >>> g = numpy.array([[1e-6, 2e-6], [3e-6, 4e-6]])
    >>> crossbar = ohmgrad.circuits.crossbar(g, line_resistance=1.0).build()
    >>> crossbar.set(["v0", "v1"], voltage=[0.1, 0.2])
    >>> solution = crossbar.solve()
    >>> bool(numpy.isclose(solution.elements["s0"].current, 0.1 * 1e-6 + 0.2 * 3e-6, rtol=1e-4))
    True
    """
    cells = np.asarray(conductances, np.float64)
    if cells.ndim != 2 or not cells.size:
        raise ValueError(f"conductances has the shape {cells.shape}: it must be (words, bits), both at least 1")
    if not (np.isfinite(cells).all() and (cells >= 0).all()):
        raise ValueError("conductances must be finite and at least 0")
    if not (np.isfinite(line_resistance) and line_resistance >= 0):
        raise ValueError(f"line_resistance is {line_resistance}: it must be finite and at least 0")
    words, bits = cells.shape
    builder = CircuitBuilder(f"A crossbar of {words} x {bits}")
    ideal = line_resistance == 0
    for i in range(words):
        builder.voltage_source(f"v{i}", f"word{i}", "0", 0.0)
    for j in range(bits):
        builder.voltage_source(f"s{j}", f"bit{j}", "0", 0.0)
    for i in range(words):
        for j in range(bits):
            word = f"word{i}" if ideal else f"word{i}_{j}"
            bit = f"bit{j}" if ideal else f"bit{i}_{j}"
            builder.conductance(f"g{i}_{j}", word, bit, cells[i, j])
            if not ideal:
                before = f"word{i}" if j == 0 else f"word{i}_{j - 1}"
                after = f"bit{j}" if i == words - 1 else f"bit{i + 1}_{j}"
                builder.resistor(f"w{i}_{j}", before, word, line_resistance)
                builder.resistor(f"b{i}_{j}", bit, after, line_resistance)
    return builder


def lattice(rows: int, columns: int, *, resistance: ArrayLike = 1.0, periodic: bool = False) -> CircuitBuilder:
    """Nodes of a square lattice, ``n{i}_{j}``, with resistors ``r1``, ``r2``, ... between neighbours.

    ``ohmgrad.plot.circuit`` draws it as a lattice. Ground is not part of it.

    Parameters
    ----------
    rows, columns : int
        Numbers of nodes, at least 1.
    resistance : float or array of shape (edges,), default 1
        Of each resistor in ohm; an array in the order of the resistors: those to the right of each node, row after row,
        then those downwards.
    periodic : bool, default False
        Whether the last row and column are neighbours of the first.

    Returns
    -------
    CircuitBuilder

    Raises
    ------
    ValueError
        If a number is out of range, or there is not a resistance for each edge.

    Examples
    --------
    >>> import ohmgrad
    >>> builder = ohmgrad.circuits.lattice(20, 20).voltage_source("v1", "n0_0", 0, 1).voltage_source("v2", "n19_19", 0, 0)
    >>> grid = builder.build()
    >>> len(grid), len(grid.nodes)
    (762, 401)
    """
    if rows < 1 or columns < 1:
        raise ValueError(f"the lattice has {rows} x {columns} nodes: both numbers must be at least 1")
    wrap_rows, wrap_columns = (rows if periodic and rows > 2 else rows - 1, columns if periodic and columns > 2 else columns - 1)
    edges = [((i, j), (i, (j + 1) % columns)) for i in range(rows) for j in range(wrap_columns)]
    edges += [((i, j), ((i + 1) % rows, j)) for i in range(wrap_rows) for j in range(columns)]
    builder = CircuitBuilder(f"A lattice of {rows} x {columns}")
    for number, ((a, b), ohm) in enumerate(zip(edges, _each(resistance, len(edges)), strict=True), 1):
        builder.resistor(f"r{number}", f"n{a[0]}_{a[1]}", f"n{b[0]}_{b[1]}", ohm)
    return builder


def random_graph(nodes: int, edges: int, *, resistance: ArrayLike = 1.0, seed: int = 0) -> CircuitBuilder:
    """A random connected graph without loops and multiple edges: nodes ``n0``, ``n1``, ..., resistors ``r1``, ``r2``, ...

    A random tree comes first: each node is joined to a random one before. Then pairs of nodes are drawn that are not yet
    joined.

    Parameters
    ----------
    nodes : int
        Number of nodes, at least 1. Ground is none of them.
    edges : int
        Number of resistors, from ``nodes - 1`` to ``nodes * (nodes - 1) / 2``.
    resistance : float or array of shape (edges,), default 1
        Of each resistor, in ohm.
    seed : int, default 0
        Seed of NumPy's ``default_rng``.

    Returns
    -------
    CircuitBuilder

    Raises
    ------
    ValueError
        If a number is out of range, or there is not a resistance for each edge.

    Examples
    --------
    >>> import ohmgrad
    >>> len(ohmgrad.circuits.random_graph(50, 120, seed=1).build())
    120
    """
    if nodes < 1 or not nodes - 1 <= edges <= nodes * (nodes - 1) // 2:
        raise ValueError(f"{edges} edges on {nodes} nodes: there must be from nodes - 1 to nodes (nodes - 1) / 2")
    rng = np.random.default_rng(seed)
    pairs = dict.fromkeys((int(rng.integers(k)), k) for k in range(1, nodes))
    while len(pairs) < edges:
        a, b = sorted(rng.choice(nodes, 2, replace=False).tolist())
        pairs[a, b] = None
    builder = CircuitBuilder(f"A random graph of {nodes} nodes")
    numbers = count(1)
    for (a, b), ohm in zip(pairs, _each(resistance, edges), strict=True):
        builder.resistor(f"r{next(numbers)}", f"n{a}", f"n{b}", ohm)
    return builder


def _each(resistance: ArrayLike, edges: int) -> list[float]:
    """A resistance for each edge."""
    ohms = np.asarray(resistance, np.float64)
    if ohms.ndim and ohms.shape != (edges,):
        raise ValueError(f"resistance has the shape {ohms.shape}: it must be a number, or ({edges},), one for each edge")
    each: list[float] = np.broadcast_to(ohms, edges).tolist()
    return each

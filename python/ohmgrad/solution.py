"""Elements of circuits, and their operating points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ohmgrad.notebook import table
from ohmgrad.results import needed

if TYPE_CHECKING:
    import networkx
    import pandas
    import xarray

    from ohmgrad._ohmgrad import Circuit

_Array = NDArray[np.float64]
_Value = TypeVar("_Value")

#: Columns of a table in a notebook.
COLUMNS = 12


class Element(NamedTuple):
    """An element of a circuit, as it is now; ``circuit[name]`` makes it.

    Attributes
    ----------
    name : str
        Its name.
    kind : str
        'resistor', 'voltage source', 'current source', 'controlled voltage source', 'controlled current source',
        'diode', 'shockley diode', 'curve', 'tanh resistor' or 'power-law resistor'.
    nodes : tuple of two str
        The nodes that it joins: its voltage is that of the first above the second, and a current from the first
        through the element to the second is positive.
    values : dict of str to float or array
        Its values in volt, ampere, siemens and ohm, by the names under which ``Circuit.set`` changes them.
    """

    name: str
    kind: str
    nodes: tuple[str, str]
    values: dict[str, Any]


class Step(NamedTuple):
    """One step of a solve, as ``Circuit.solve(trace=...)`` shows it.

    Attributes
    ----------
    attempt : int
        Which attempt, from 1: where an answer is not certified, another method tries.
    phase : str
        'coordinate descent', 'multipliers', 'interior point' or 'confirmation'; 'equations' or 'steps in time' of a circuit
        with controlled sources.
    number : int
        Which step of the phase, from 0, which is its start; of coordinate descent, the number of sweeps.
    missed : float
        By how much the laws are missed at most before the next step, relative to scales that are the phase's own.
    switched : int
        Diodes that have begun or ceased to conduct in the step.
    """

    attempt: int
    phase: str
    number: int
    missed: float
    switched: int


class Branch(NamedTuple):
    """The state of an element.

    Attributes
    ----------
    voltage : float
        Of the first node above the second, in volt.
    current : float
        From the first node through the element to the second, in ampere.
    power : float
        What the element takes up, in watt; negative if it delivers power.
    """

    voltage: float
    current: float
    power: float


class Certificate(NamedTuple):
    """By how much a state breaks each law, at most, computed from the circuit and the answer alone.

    Each law is measured where it holds: a node's currents relative to the sum of their magnitudes, an element's law
    relative to its own current and voltage. Convexity makes it a proof: a state that obeys all laws is the operating
    point. How far off the potentials may be where the laws hold almost is told by ``Solution.accuracy``.

    Attributes
    ----------
    kcl : float
        Kirchhoff's current law: the largest sum of currents into a node.
    voltage_law : float
        The laws of resistors, sources and curved elements.
    diode : float
        The laws of diodes: voltage beyond the forward voltage, or current in reverse.
    complementarity : float
        Of the current through the ideal part of a diode and its slack, the one that is less at its scale.
    power_balance : float
        Tellegen's theorem: the sum of all powers.
    """

    kcl: float
    voltage_law: float
    diode: float
    complementarity: float
    power_balance: float

    @property
    def worst(self) -> float:
        """The worst of its measures; NaN if one is."""
        return float(np.max(self))


class Undetermined(NamedTuple):
    """A node whose potential the circuit leaves open.

    Attributes
    ----------
    node : str
        Its name.
    lowest, highest : float
        Between these potentials, in volt, all laws are obeyed while the other nodes follow.
    """

    node: str
    lowest: float
    highest: float


class Transfer(NamedTuple):
    """How a voltage or current answers to a small change of a source; ``ohmgrad.transfer`` makes it.

    Attributes
    ----------
    gain : float
        The change of the output in volt or ampere, per volt or ampere of the source.
    input_resistance : float
        The resistance that the source sees, in ohm.
    output_resistance : float
        The resistance between the nodes of the output, or that the source sees whose current it is, in ohm.
    """

    gain: float
    input_resistance: float
    output_resistance: float


@dataclass(frozen=True, eq=False, repr=False)
class Solution:
    """A state of a circuit, and how well it obeys the laws; ``Circuit.solve`` makes it.

    Attributes
    ----------
    circuit : Circuit
        The circuit. Its values may have changed since.
    status : str
        'solved' if the certificate passes and all error bars are below the tolerance; 'accuracy_limit' if double
        precision does not allow that, and the bars say how far off the potentials may be; 'iteration_limit' or
        'numerical_breakdown' if the method gave up.
    certificate : Certificate
        How well the laws hold.
    statistics : dict of str to int
        The work done: sweeps, iterations, factorizations, linear_solves, network_nodes.
    potentials : array of float64, shape (nodes,)
        Potentials of the nodes in volt, in the order of ``circuit.nodes``.
    accuracy : array of float64, shape (nodes,)
        How far off each potential may be, in volt: its error bar.
    voltages, currents, powers : arrays of float64, shape (elements,)
        Voltages, currents and powers of the elements, in volt, ampere and watt, in the order of
        ``circuit.elements``. See ``Branch`` for the signs.
    dissipated_power : float
        Power that the elements other than sources take up, in watt.
    undetermined : tuple of Undetermined
        Nodes whose potentials the circuit leaves open.

    Examples
    --------
    >>> import ohmgrad
    >>> circuit = ohmgrad.CircuitBuilder().current_source("i1", "0", "a", 2.0).resistor("r1", "a", "0", 3).build()
    >>> solution = circuit.solve()
    >>> solution.nodes
    {'0': 0.0, 'a': 6.0}
    >>> solution.elements["r1"].power, solution.powers
    (12.0, array([-12.,  12.]))
    """

    circuit: Circuit
    status: str
    certificate: Certificate
    statistics: dict[str, int]
    potentials: _Array
    accuracy: _Array
    voltages: _Array
    currents: _Array
    powers: _Array
    dissipated_power: float
    undetermined: tuple[Undetermined, ...]

    @cached_property
    def nodes(self) -> dict[str, float]:
        """The potential of each node by its name, in volt. Names are looked up as those of a circuit are."""
        return _ByName("node", zip(self.circuit.nodes, self.potentials.tolist(), strict=True))

    @cached_property
    def elements(self) -> dict[str, Branch]:
        """Voltage, current and power of each element by its name. Names are looked up as those of a circuit are."""
        columns = (self.voltages.tolist(), self.currents.tolist(), self.powers.tolist())
        branches = map(Branch, *columns)
        return _ByName("element", zip(self.circuit.elements, branches, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Everything as dicts and lists: what ``ohmgrad solve --json`` prints.

        Returns
        -------
        dict
            With the keys status, nodes, accuracy, elements, dissipated_power, certificate, undetermined and statistics.
        """
        return {
            "status": self.status,
            "nodes": dict(self.nodes),
            "accuracy": dict(zip(self.circuit.nodes, self.accuracy.tolist(), strict=True)),
            "elements": {name: branch._asdict() for name, branch in self.elements.items()},
            "dissipated_power": self.dissipated_power,
            "certificate": self.certificate._asdict(),
            "undetermined": [node._asdict() for node in self.undetermined],
            "statistics": dict(self.statistics),
        }

    def to_networkx(self) -> networkx.MultiDiGraph[str]:
        """The circuit as a graph of networkx, with its state (``pip install ohmgrad[circuits]``).

        Returns
        -------
        networkx.MultiDiGraph
            As ``Circuit.to_networkx``; nodes have the attribute ``potential``, edges ``voltage``, ``current`` and
            ``power``, too.

        Raises
        ------
        ImportError
            If networkx is not installed.
        """
        from ohmgrad import graph

        return graph.of_solution(self)

    def to_svg(self) -> str:
        """A drawing of a small circuit, coloured by potentials and currents.

        Arrows point where the current flows; their width grows with it.

        Returns
        -------
        str
            An SVG image.

        Raises
        ------
        ValueError
            If the circuit has more than 40 elements.
        """
        from ohmgrad import drawing

        return drawing.svg(self.circuit, self)

    def _repr_html_(self) -> str:
        from ohmgrad import drawing

        return drawing.solution_html(self)

    def __repr__(self) -> str:
        worst = f"{self.certificate.worst:.1e}"
        return f"<ohmgrad.Solution of {self.circuit!r}: {self.status}, worst violation {worst}>"


class SolvedRows(NamedTuple):
    """Solves for many values of sources; ``Circuit.solve_rows`` and ``Circuit.sweep`` make them.

    Attributes
    ----------
    sources : tuple of str
        The sources whose values the rows hold.
    values : array of float64, shape (n, sources)
        Their values, in volt or ampere.
    nodes, elements : tuples of str
        The names of the columns of the arrays below.
    potentials : array of float64, shape (n, nodes)
        Potentials in volt. A row that has no operating point is NaN in all arrays.
    voltages, currents : arrays of float64, shape (n, elements)
        Voltages and currents of elements, in volt and ampere; see ``Branch`` for the signs.
    powers : array of float64, shape (n,)
        Power that the elements other than sources take up, in watt.
    residuals : array of float64, shape (n,)
        The worst measure of each row's certificate.
    solved : array of bool, shape (n,)
        Whether the certificate of a row passes. Rows have no error bars: ``Circuit.solve`` finds those of one.
    errors : dict of int to str
        Why a row, counted from 0, has no operating point.
    """

    sources: tuple[str, ...]
    values: _Array
    nodes: tuple[str, ...]
    elements: tuple[str, ...]
    potentials: _Array
    voltages: _Array
    currents: _Array
    powers: _Array
    residuals: _Array
    solved: NDArray[np.bool_]
    errors: dict[int, str]

    def potential(self, node: str) -> _Array:
        """The potential of a node in each row.

        Parameters
        ----------
        node : str
            Its name.

        Returns
        -------
        array of float64, shape (n,)
            In volt.

        Raises
        ------
        ValueError
            If it is not among ``nodes``.
        """
        return self.potentials[:, _column("node", node, self.nodes)]

    def voltage(self, element: str) -> _Array:
        """The voltage across an element in each row.

        Parameters
        ----------
        element : str
            Its name.

        Returns
        -------
        array of float64, shape (n,)
            In volt.

        Raises
        ------
        ValueError
            If it is not among ``elements``.
        """
        return self.voltages[:, _column("element", element, self.elements)]

    def current(self, element: str) -> _Array:
        """The current through an element in each row.

        Parameters
        ----------
        element : str
            Its name.

        Returns
        -------
        array of float64, shape (n,)
            In ampere.

        Raises
        ------
        ValueError
            If it is not among ``elements``.
        """
        return self.currents[:, _column("element", element, self.elements)]

    def to_dataframe(self) -> pandas.DataFrame:
        """A row for each solve, with the columns of the tables of ``ohmgrad solve``; needs pandas.

        Returns
        -------
        pandas.DataFrame
            The values by the names of the sources, then ``v(node)`` in volt for each node but ground, ``i(element)`` in
            ampere, ``power`` in watt, and ``solved``.

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        >>> import ohmgrad
        >>> circuit = ohmgrad.CircuitBuilder().voltage_source("v1", "a", "0", 0).resistor("r1", "a", "0", 2).build()
        >>> frame = circuit.sweep("v1", [1, 2]).to_dataframe()
        >>> frame["i(r1)"].tolist()
        [0.5, 1.0]
        """
        library = needed("pandas", "to_dataframe")
        columns = dict(zip(self.sources, self.values.T, strict=True))
        nodes = zip(self.nodes, self.potentials.T, strict=True)
        columns |= {f"v({name})": potentials for name, potentials in nodes if name != "0"}
        elements = zip(self.elements, self.currents.T, strict=True)
        columns |= {f"i({name})": currents for name, currents in elements}
        result: pandas.DataFrame = library.DataFrame({**columns, "power": self.powers, "solved": self.solved})
        return result

    def to_xarray(self) -> xarray.Dataset:
        """The arrays with names, along the dimensions ``row``, ``node`` and ``element``; needs xarray.

        Returns
        -------
        xarray.Dataset
            ``potentials``, ``voltages``, ``currents``, ``powers``, ``residuals`` and ``solved``, with the values of the
            sources as coordinates of the rows, and units in ``attrs["units"]``.

        Raises
        ------
        ImportError
            If xarray is not installed.
        """
        library = needed("xarray", "to_xarray")
        of_elements = ("row", "element")
        variables = {
            "potentials": (("row", "node"), self.potentials, {"units": "V"}),
            "voltages": (of_elements, self.voltages, {"units": "V"}),
            "currents": (of_elements, self.currents, {"units": "A"}),
            "powers": ("row", self.powers, {"units": "W"}),
            "residuals": ("row", self.residuals, {"units": "1"}),
            "solved": ("row", self.solved),
        }
        coordinates = {"node": list(self.nodes), "element": list(self.elements)}
        sources = {name: ("row", column) for name, column in zip(self.sources, self.values.T, strict=True)}
        result: xarray.Dataset = library.Dataset(variables, coordinates | sources)
        return result

    def __repr__(self) -> str:
        counts = f"{len(self.nodes):,} nodes, {len(self.elements):,} elements"
        solved = int(self.solved.sum())
        state = "all solved" if solved == len(self.solved) else f"{len(self.solved) - solved:,} not solved"
        return f"<SolvedRows: {len(self.solved):,} rows of {', '.join(self.sources[:5])}; {counts}; {state}>"

    def _repr_html_(self) -> str:
        heads = [*self.sources, *(f"v({name})" for name in self.nodes if name != "0")][:COLUMNS]
        columns = [*self.values.T, *(self.potential(name) for name in self.nodes if name != "0")][:COLUMNS]
        rows = ([f"{column[k]:.4g}" for column in columns] for k in range(len(self.solved)))
        return f"<div>{escape(repr(self)[1:-1])}</div>" + table(heads, rows, len(self.solved))


class _ByName(dict[str, _Value]):
    """What belongs to nodes or elements, by their names as SPICE reads them."""

    def __init__(self, what: str, items: Iterable[tuple[str, _Value]]) -> None:
        super().__init__(items)
        self.what = what

    def __missing__(self, name: str) -> _Value:
        found = spelled(name, self)
        if found is None:
            raise KeyError(f"the solution has no {self.what} {name}{hint(name, self)}")
        return self[found]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or spelled(name, self) is not None

    def __reduce__(self) -> tuple[Any, ...]:
        return _ByName, (self.what, list(self.items()))


def spelled(name: object, names: Iterable[str]) -> str | None:
    """The name that SPICE takes for this one: capital letters are small ones, and gnd is ground."""
    wanted = str(name).lower()
    wanted = "0" if wanted == "gnd" else wanted
    return next((known for known in names if known.lower() == wanted), None)


def hint(name: object, names: Iterable[str]) -> str:
    """What may be meant by a name that there is not, and the first of those that there are."""
    names = list(names)
    lower = {known.lower(): known for known in names}
    near = [lower[word] for word in get_close_matches(str(name).lower(), lower, 1)]
    listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return f":{f' did you mean {near[0]}?' if near else ''} it has {listed}"


def _column(what: str, name: str, names: tuple[str, ...]) -> int:
    found = spelled(name, names)
    if found is None:
        raise ValueError(f"the table has no {what} {name}{hint(name, names)}")
    return names.index(found)

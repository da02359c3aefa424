"""Circuits as graphs of networkx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ohmgrad._ohmgrad import Circuit, CircuitBuilder
from ohmgrad.solution import Solution

if TYPE_CHECKING:
    import networkx


def of_circuit(circuit: Circuit) -> networkx.MultiDiGraph[str]:
    """A node for each node, an edge for each element."""
    try:
        import networkx
    except ImportError as error:
        raise ImportError("to_networkx needs networkx: pip install ohmgrad[circuits]") from error
    graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph(name=circuit.title)
    graph.add_nodes_from(circuit.nodes)
    for name in circuit:
        element = circuit[name]
        graph.add_edge(*element.nodes, key=name, kind=element.kind, **element.values)
    return graph


def of_solution(solution: Solution) -> networkx.MultiDiGraph[str]:
    """The same graph with potentials, voltages, currents and powers."""
    graph = of_circuit(solution.circuit)
    for node, potential in solution.nodes.items():
        graph.nodes[node]["potential"] = potential
    for _, _, name, attributes in graph.edges(keys=True, data=True):
        attributes.update(solution.elements[name]._asdict())
    return graph


#: The methods of ``CircuitBuilder`` that add elements of a kind.
METHODS = {
    "resistor": CircuitBuilder.conductance,
    "voltage source": CircuitBuilder.voltage_source,
    "current source": CircuitBuilder.current_source,
    "diode": CircuitBuilder.diode,
    "shockley diode": CircuitBuilder.shockley_diode,
    "curve": CircuitBuilder.curve,
    "tanh resistor": CircuitBuilder.tanh_resistor,
    "power-law resistor": CircuitBuilder.power_law_resistor,
}


def to_circuit(graph: networkx.Graph[Any]) -> Circuit:
    """An element for each edge."""
    builder = CircuitBuilder(str(graph.graph.get("name", "")))
    every: Any = graph.edges
    edges = every(keys=True, data=True) if graph.is_multigraph() else every(data=True)
    for number, (a, b, *key, attributes) in enumerate(edges, 1):
        values = dict(attributes)
        named = key[0] if key and isinstance(key[0], str) else f"r{number}"
        name, kind = str(values.pop("name", named)), values.pop("kind", "resistor")
        if kind not in METHODS:
            raise ValueError(f"edge {name} is of the kind {kind!r}: it must be one of {', '.join(METHODS)}")
        method: Any = METHODS[kind]
        if kind == "resistor" and "resistance" in values:
            method = CircuitBuilder.resistor
        try:
            method(builder, name, str(a), str(b), **values)
        except TypeError as error:
            raise ValueError(f"edge {name} is no {kind}: {error}") from error
    return builder.build()

"""Circuits as graphs of networkx."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ohmgrad._ohmgrad import Circuit
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

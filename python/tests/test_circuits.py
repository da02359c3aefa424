"""Crossbars, lattices, random graphs and graphs of networkx, beside dense linear algebra; and many values at once."""

import copy
import pickle

import networkx
import numpy as np
import pytest

import ohmgrad
from ohmgrad import Circuit, CircuitBuilder, circuits


def test_an_ideal_crossbar_multiplies():
    g = np.random.default_rng(0).uniform(1e-6, 1e-4, size=(5, 3))
    crossbar = circuits.crossbar(g).build()
    volts = np.linspace(-0.2, 0.3, 5)
    crossbar.set([f"v{i}" for i in range(5)], voltage=volts)
    solution = crossbar.solve()
    currents = [solution.elements[f"s{j}"].current for j in range(3)]
    assert currents == pytest.approx(volts @ g, rel=1e-12)


def nodal(words, bits, g, line, volts):
    """The currents of the bit lines by the nodal equations of the whole array, a dense system."""
    size = words * bits
    a, right = np.zeros((2 * size, 2 * size)), np.zeros(2 * size)

    def join(p, q, conductance):
        for m, n in ((p, q), (q, p)):
            if isinstance(m, int):
                a[m, m] += conductance
                if isinstance(n, int):
                    a[m, n] -= conductance
                else:
                    right[m] += conductance * n

    for i in range(words):
        for j in range(bits):
            word, bit = i * bits + j, size + i * bits + j
            join(word, bit, g[i, j])
            join(word, word - 1 if j else float(volts[i]), 1 / line)
            join(bit, bit + bits if i < words - 1 else 0.0, 1 / line)
    potentials = np.linalg.solve(a, right)
    return potentials[2 * size - bits :] / line


def test_lines_of_a_crossbar_resist():
    words, bits, line = 6, 4, 50.0
    g = np.random.default_rng(1).uniform(1e-5, 1e-3, size=(words, bits))
    volts = np.linspace(0.1, 0.6, words)
    crossbar = circuits.crossbar(g, line_resistance=line).build()
    rows = crossbar.solve_rows([f"v{i}" for i in range(words)], [volts, -volts])
    for sign, row in ((1, 0), (-1, 1)):
        currents = [rows.current(f"s{j}")[row] for j in range(bits)]
        assert currents == pytest.approx(sign * nodal(words, bits, g, line, volts), rel=1e-9)


def test_a_lattice_is_that_of_networkx():
    resistance = np.random.default_rng(0).uniform(1, 2, size=2 * 4 * 5 - 4 - 5)
    built = circuits.lattice(4, 5, resistance=resistance).build()
    assert set(built.nodes) - {"0"} == {f"n{i}_{j}" for i in range(4) for j in range(5)}
    edges = {frozenset(built[name].nodes) for name in built}
    expected = networkx.grid_2d_graph(4, 5)
    assert edges == {frozenset(f"n{i}_{j}" for i, j in edge) for edge in expected.edges}
    assert built.values(quantity="resistance") == pytest.approx(resistance)
    torus = circuits.lattice(4, 5, periodic=True).build()
    expected = networkx.grid_2d_graph(4, 5, periodic=True)
    edges = {frozenset(torus[name].nodes) for name in torus}
    assert edges == {frozenset(f"n{i}_{j}" for i, j in edge) for edge in expected.edges}


def test_the_resistance_between_neighbours_of_a_torus():
    """By symmetry the effective resistances of all edges of a torus are equal; they add up to nodes - 1 (Foster)."""
    torus = circuits.lattice(6, 6, periodic=True).current_source("i", "n0_0", "n0_1", 1.0).resistor("g", "n0_0", 0, 1)
    solution = torus.build().solve()
    effective = solution.nodes["n0_1"] - solution.nodes["n0_0"]
    assert effective == pytest.approx(35 / 72, rel=1e-9)


def test_random_graphs_are_connected_and_simple():
    built = circuits.random_graph(40, 90, seed=2).build()
    pairs = [frozenset(built[name].nodes) for name in built]
    assert len(set(pairs)) == 90 and all(len(pair) == 2 for pair in pairs)
    graph = networkx.Graph(tuple(pair) for pair in pairs)
    assert networkx.is_connected(graph) and len(graph) == 40
    assert built == circuits.random_graph(40, 90, seed=2).build() != circuits.random_graph(40, 90, seed=3).build()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: circuits.lattice(0, 3), "0 x 3 nodes"),
        (lambda: circuits.lattice(2, 2, resistance=[1, 2]), r"it must be a number, or \(4,\)"),
        (lambda: circuits.random_graph(4, 7), "7 edges on 4 nodes"),
        (lambda: circuits.random_graph(4, 2), "2 edges on 4 nodes"),
        (lambda: circuits.crossbar([1, 2]), r"must be \(words, bits\)"),
        (lambda: circuits.crossbar([[-1.0]]), "at least 0"),
        (lambda: circuits.crossbar([[1.0]], line_resistance=-1), "line_resistance is -1"),
    ],
)
def test_wrong_sizes_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_graphs_go_there_and_back():
    circuit = (
        CircuitBuilder("All")
        .voltage_source("v1", "a", 0, 1).current_source("i1", 0, "b", 1e-3).resistor("r1", "a", "b", 50)
        .diode("d1", "b", 0, 0.5).shockley_diode("d2", "b", 0, 1e-12).curve("c1", "b", 0, [[0, 0], [1, 1]])
        .tanh_resistor("t1", "b", 0, 1, 1).power_law_resistor("p1", "b", 0, 1, 2)
        .build()
    )
    again = Circuit.from_networkx(circuit.to_networkx())
    assert again.title == "All" and set(again.elements) == set(circuit.elements)
    assert sorted(again.to_netlist().splitlines()) == sorted(circuit.to_netlist().splitlines())


def test_graphs_of_resistors_are_circuits():
    graph = networkx.Graph()
    graph.add_edge(0, 1, resistance=2.0)
    graph.add_edge(1, 2, conductance=0.25, name="load")
    built = Circuit.from_networkx(graph)
    assert built.nodes == ("0", "1", "2") and built.elements == ("r1", "load")
    assert built.values().tolist() == [0.5, 0.25]
    for attributes, words in (({"weight": 1}, "edge r1 is no resistor"), ({"kind": "lamp"}, "of the kind 'lamp'")):
        with pytest.raises(ValueError, match=words):
            Circuit.from_networkx(networkx.Graph([(0, 1, attributes)]))


def bridge():
    return (
        CircuitBuilder()
        .voltage_source("v1", "in", 0, 3.0).resistor("r1", "in", "out", 2.0).resistor("r2", "out", 0, 1.0)
        .diode("d1", "out", 0, 5.0).build()
    )


def test_many_values_are_read_and_set_at_once():
    circuit = bridge()
    assert circuit.values(["R2", "r1", "v1"]).tolist() == [1.0, 0.5, 3.0]
    assert circuit.values(["r1"], "resistance").tolist() == [2.0]
    assert circuit.values(["d1"], "forward_voltage").tolist() == [5.0]
    circuit.set(["r1", "r2"], resistance=np.array([4.0, 5.0]))
    assert circuit.values(["r1", "r2"], "resistance").tolist() == [4.0, 5.0]
    circuit.set(("r1", "r2"), conductance=0.5)
    assert circuit.values(["r1", "r2"]).tolist() == [0.5, 0.5]
    for names, values, words in [
        (["r1", "r2"], {"resistance": [1.0]}, "resistance has 1 values for 2 elements"),
        (["r1", "v1"], {"resistance": 9.0}, "a voltage source has no resistance"),
        (["r1", "r2"], {"resistance": [9.0, -1.0]}, "element r2"),
    ]:
        with pytest.raises(ValueError, match=words):
            circuit.set(names, **values)
        assert circuit.values(["r1", "r2"]).tolist() == [0.5, 0.5], "changed in spite of the error"
    with pytest.raises(ValueError, match="has several values: name one of forward_voltage"):
        circuit.values()


def test_rows_change_any_value():
    rows = bridge().solve_rows(["r1", "v1", "r2.conductance", "d1.forward_voltage"], [
        [2.0, 3.0, 1.0, 5.0], [4.0, 3.0, 0.5, 5.0], [1.0, 9.0, 1.0, 2.0],
    ])
    assert rows.potential("out") == pytest.approx([1.0, 1.0, 2.0], rel=1e-12) and rows.solved.all()
    swept = bridge().sweep("r1", np.linspace(1, 5, 100))
    assert swept.potential("out") == pytest.approx(3 / (1 + np.linspace(1, 5, 100)), rel=1e-12)
    for name, words in [
        ("d1", "name one of its quantities"),
        ("d1.colour", "a diode has no colour"),
        ("q1", "there is no element q1"),
    ]:
        with pytest.raises(ValueError, match=words):
            bridge().sweep(name, [1.0])
    with pytest.raises(ValueError, match="two columns"):
        bridge().solve_rows(["r1", "R1"], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="row 2 of the source values"):
        bridge().sweep("r1", [1.0, -1.0])


def test_sources_can_be_left_open():
    circuit = (
        CircuitBuilder()
        .voltage_source("v1", "a", 0, 1).voltage_source("v2", "b", 0, 3)
        .resistor("r1", "a", "m", 1).resistor("r2", "b", "m", 1).resistor("r3", "m", 0, 1).build()
    )
    nan = float("nan")
    rows = circuit.solve_rows(["v1", "v2"], [[1, 3], [1, nan], [nan, 3]])
    assert rows.potential("m") == pytest.approx([4 / 3, 1 / 2, 3 / 2]) and rows.current("v2")[1] == 0
    circuit.set("v2", voltage=nan)
    assert circuit.solve().nodes["m"] == pytest.approx(1 / 2)
    assert circuit["v2"].kind == "voltage source" and np.isnan(circuit.values(["v2"])[0])
    for same in (copy.copy(circuit), pickle.loads(pickle.dumps(circuit))):
        assert same.elements == circuit.elements and np.isnan(same.values(["v2"])[0])
        assert same.solve().nodes["m"] == pytest.approx(1 / 2)
        assert same.solve_rows(["v1", "v2"], [[1, 3]]).potential("m")[0] == pytest.approx(4 / 3)
        same.set("v2", voltage=3)
        assert same.solve().nodes["m"] == pytest.approx(4 / 3)


def test_names_are_those_that_spice_reads():
    circuit = (
        CircuitBuilder().voltage_source("V1", 1, "GND", 2.0).resistor("R1", 1, "Out", 1.0).resistor("R2", "Out", 0, 1.0)
        .build()
    )
    assert circuit.nodes == ("0", "1", "Out")
    solution = circuit.solve()
    assert solution.nodes["OUT"] == solution.nodes["out"] == solution.nodes["Out"] == pytest.approx(1)
    assert solution.nodes["gnd"] == 0 and "OUT" in solution.nodes and solution.nodes[1] == 2
    assert solution.elements["r1"] == solution.elements["R1"] and "v1" in circuit
    circuit.set("r2", resistance=3)
    rows = circuit.sweep("v1", [4.0], nodes=["out", "gnd"])
    assert rows.nodes == ("Out", "0") and rows.potential("OUT") == pytest.approx([3]) and rows.potential("GND")[0] == 0
    for act, error, words in [
        (lambda: solution.nodes["outt"], KeyError, "the solution has no node outt: did you mean Out"),
        (lambda: circuit["r3"], KeyError, "there is no element r3: did you mean R1"),
        (lambda: circuit.set("lamp", resistance=1), ValueError, "there is no element lamp: the elements are V1, R1, R2"),
        (lambda: CircuitBuilder().resistor("r", 1.5, 0, 1), TypeError, "a node's name must be a str or an int"),
    ]:
        with pytest.raises(error, match=words):
            act()


def test_large_circuits_are_drawn():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    grid = circuits.lattice(50, 60).voltage_source("v1", "n0_0", 0, 1).voltage_source("v2", "n49_59", 0, 0).build()
    ax = ohmgrad.plot.circuit(grid.solve())
    (dots, lines) = ax.collections
    assert len(lines.get_segments()) == 50 * 59 + 49 * 60 and len(dots.get_offsets()) == 3000
    pyplot.close("all")
    graph = circuits.random_graph(300, 700).build()
    ax = ohmgrad.plot.circuit(graph)
    assert len(ax.collections[1].get_segments()) == 700
    places = {node: (k, 0) for k, node in enumerate(graph.nodes)}
    ax = ohmgrad.plot.circuit(graph, positions={name: places[name] for name in list(places)[:3]})
    assert len(ax.collections[0].get_offsets()) == 3
    pyplot.close("all")
    with pytest.raises(ValueError, match="more than 2,000: give their positions"):
        ohmgrad.plot.circuit(circuits.random_graph(3000, 3000).build())

"""Circuits: netlists, the builder, values, and operating points against closed forms."""

import copy
import json
import math
import pickle
import subprocess

import numpy as np
import pytest

import ohmgrad
from conftest import ROOT
from ohmgrad import Branch, Circuit, CircuitBuilder, NetlistError, NetlistWarning

WAYS = [copy.copy, copy.deepcopy] + [
    lambda thing, protocol=protocol: pickle.loads(pickle.dumps(thing, protocol))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
]


@pytest.fixture
def divider() -> Circuit:
    builder = CircuitBuilder("A divider").voltage_source("v1", "in", "0", 3.0)
    return builder.resistor("r1", "in", "out", 2e3).conductance("r2", "out", "0", 1e-3).build()


@pytest.fixture
def zoo() -> Circuit:
    """An element of every kind, with numbers that have no short decimal form."""
    third = 1 / 3
    return (
        CircuitBuilder("Every kind")
        .voltage_source("V", "Plus", "0", third)
        .current_source("i", "0", "b", third / 1000)
        .resistor("r", "Plus", "b", 300.1)
        .conductance("open", "b", "c", 0.0)
        .conductance("short", "c", "d", math.inf)
        .diode("ideal", "b", "0", third)
        .diode("lines", "b", "c", 0.6, on_conductance=third, off_conductance=1e-9)
        .shockley_diode("s", "b", "d", 1e-12, thermal_voltage=third / 10, series_resistance=third, leakage=1e-12)
        .curve("measured", "d", "0", [[-1, -third], [0, 0], [third, 1e-3]])
        .tanh_resistor("t", "d", "0", 1e-3, third)
        .power_law_resistor("p", "d", "0", 1e-3, 1.5)
        .build()
    )


def test_a_divider(divider):
    solution = divider.solve()
    assert solution.status == "solved" and solution.certificate.worst < 1e-12
    assert solution.nodes == pytest.approx({"0": 0, "in": 3, "out": 1}, rel=1e-14)
    assert solution.elements["r1"] == pytest.approx((2.0, 1e-3, 2e-3), rel=1e-14)
    assert solution.elements["v1"] == pytest.approx((3.0, -1e-3, -3e-3), rel=1e-14)
    assert solution.dissipated_power == pytest.approx(3e-3, rel=1e-14)


def test_a_rectifier_loses_the_forward_voltage():
    rectifier = (
        CircuitBuilder()
        .voltage_source("v1", "in", "0", 5.0)
        .diode("d1", "in", "out", 0.7)
        .resistor("r1", "out", "0", 1e3)
        .build()
    )
    assert rectifier.solve().nodes["out"] == pytest.approx(4.3, rel=1e-14)
    rectifier.set("v1", voltage=-5)
    assert rectifier.solve().elements["d1"] == pytest.approx((-5, 0, 0), abs=1e-14)


def test_a_shockley_diode_obeys_its_law():
    builder = CircuitBuilder().voltage_source("v1", "a", "0", 0.55)
    circuit = builder.shockley_diode("d1", "a", "0", 1e-12, thermal_voltage=0.03).build()
    expected = 1e-12 * math.expm1(0.55 / 0.03)
    assert circuit.solve().elements["d1"].current == pytest.approx(expected, rel=1e-12)


def test_curved_elements_obey_their_laws():
    builder = CircuitBuilder().voltage_source("v1", "a", "0", 2.0)
    circuit = (
        builder.tanh_resistor("t", "a", "0", 3e-3, 4.0)
        .power_law_resistor("p", "a", "0", 5e-3, 2.5)
        .curve("c", "a", "0", np.array([[0, 0], [1, 1e-3], [3, 2e-3]]))
        .diode("d", "a", "0", 0.5, on_conductance=1e-2, off_conductance=1e-3)
        .build()
    )
    currents = {name: branch.current for name, branch in circuit.solve().elements.items()}
    assert currents["t"] == pytest.approx(3e-3 * math.tanh(0.5), rel=1e-12)
    assert currents["p"] == pytest.approx(5e-3 * 2**2.5, rel=1e-12)
    assert currents["c"] == pytest.approx(1.5e-3, rel=1e-12)
    assert currents["d"] == pytest.approx(0.5e-3 + 1.5e-2, rel=1e-12)
    assert currents["v1"] == pytest.approx(-sum(currents[name] for name in "tpcd"), rel=1e-12)


def test_a_state_is_told_as_arrays_and_by_name(zoo):
    solution = zoo.solve()
    for array in (solution.voltages, solution.currents, solution.powers):
        assert array.dtype == np.float64 and array.shape == (len(zoo),)
    assert list(solution.nodes.values()) == solution.potentials.tolist()
    for k, (name, branch) in enumerate(solution.elements.items()):
        assert branch == Branch(solution.voltages[k], solution.currents[k], solution.powers[k])
        first, second = zoo[name].nodes
        assert branch.voltage == solution.nodes[first] - solution.nodes[second]
        assert branch.power == branch.voltage * branch.current


def test_values_are_changed(divider):
    divider.set("r2", resistance=2e3)
    assert divider["r2"].values == {"conductance": 1 / 2e3}
    assert divider.solve().nodes["out"] == pytest.approx(1.5, rel=1e-14)
    divider.set("r2", conductance=math.inf)
    assert divider.solve().nodes["out"] == 0
    divider.set("v1", voltage=np.float32(1.5))
    assert divider["v1"].values == {"voltage": 1.5}


def test_every_value_can_be_read_and_set(zoo):
    again = copy.copy(zoo)
    for name in zoo:
        element = zoo[name]
        again.set(name, **element.values)
    assert again == zoo
    zoo.set("lines", forward_voltage=0.1, on_conductance=2, off_conductance=1)
    assert zoo["lines"].values == {
        "forward_voltage": 0.1,
        "on_conductance": 2,
        "off_conductance": 1,
    }
    zoo.set("measured", points=[(0, 0), (1, 2)])
    assert zoo["measured"].values["points"].tolist() == [[0, 0], [1, 2]]


def test_a_solve_starts_from_the_last_answer():
    """A ladder of diodes: with all but the same values nothing is left to do."""
    builder = CircuitBuilder().voltage_source("v", "n0", "0", 5.0)
    for k in range(40):
        builder.resistor(f"r{k}", f"n{k}", f"n{k + 1}", 100.0)
        builder.shockley_diode(f"d{k}", f"n{k + 1}", "0", 1e-12)
    circuit = builder.build()
    cold = circuit.solve(method="direct")
    circuit.set("v", voltage=5.0 + 1e-9)
    warm = circuit.solve(method="direct")
    assert warm.status == "solved"
    assert warm.statistics["factorizations"] < cold.statistics["factorizations"]
    fresh = copy.copy(circuit).solve(method="direct")
    assert fresh.statistics["factorizations"] > warm.statistics["factorizations"]
    assert np.abs(fresh.potentials - warm.potentials).max() < 1e-9


def test_nodes_that_nothing_holds_are_told():
    builder = CircuitBuilder().current_source("i", "0", "a", 1.0).resistor("r", "a", "0", 1.0)
    circuit = builder.diode("d", "0", "b", 0.5).build()
    (open_node,) = circuit.solve().undetermined
    assert (open_node.node, open_node.lowest) == ("b", -0.5)
    assert open_node.highest == math.inf


def test_a_circuit_is_a_collection_of_elements(divider):
    assert (len(divider), list(divider)) == (3, ["v1", "r1", "r2"])
    assert "r1" in divider and "in" not in divider
    assert divider["r1"].nodes == ("in", "out") and divider["r1"].kind == "resistor"
    with pytest.raises(KeyError, match="there is no element r9"):
        divider["r9"]


def test_netlists_are_read_as_text_and_as_files(tmp_path):
    text = "A divider\nV1 in 0 3\nR1 in out 2k\nR2 out 0 1k\n"
    path = tmp_path / "divider.cir"
    path.write_text(text)
    circuits = [Circuit.from_netlist(source) for source in (text, path, str(path))]
    with pytest.warns(NetlistWarning, match="the first line of a netlist is its title"):
        titled = Circuit.from_netlist("R1 a 0 1\nR2 a 0 1\n")
    assert titled.elements == ("r2",)
    assert Circuit.from_netlist("R1 a 0 1\nR2 a 0 1\n", title=False).elements == ("r1", "r2")
    assert circuits[0] == circuits[1] == circuits[2]
    assert circuits[0].title == "A divider"
    assert circuits[0].solve().nodes["out"] == pytest.approx(1.0, rel=1e-14)


def test_netlists_are_written_and_read_back(zoo, divider):
    for circuit in (zoo, divider):
        again = Circuit.from_netlist(circuit.to_netlist())
        assert again == circuit
        assert again.nodes == circuit.nodes and again.elements == circuit.elements


@pytest.mark.parametrize("way", WAYS)
def test_circuits_and_solutions_are_copied(zoo, way):
    same = way(zoo)
    assert same == zoo and same.title == zoo.title
    same.set("V", voltage=1.0)
    assert same != zoo
    solution = zoo.solve()
    copied = way(solution)
    assert copied.nodes == solution.nodes and copied.certificate == solution.certificate
    assert copied.circuit == zoo


def test_faults_of_netlists_have_places(tmp_path):
    path = tmp_path / "wrong.cir"
    path.write_text("Two faults\nR1 a 0 many\nV1 a 0 five\n")
    with pytest.raises(NetlistError) as caught:
        Circuit.from_netlist(path)
    error = caught.value
    assert isinstance(error, ValueError)
    assert (error.file, error.line, error.column) == (str(path), 2, 8)
    assert [fault.line for fault in error.faults] == [2, 3]
    assert error.faults[1].text == "V1 a 0 five" and error.faults[1].column == 8
    assert f"{path}:2:8: {error.faults[0].message}" in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.faults) == (str(error), error.faults)


def test_files_that_are_not_there():
    with pytest.raises(FileNotFoundError, match="none.cir"):
        Circuit.from_netlist("none.cir")
    with pytest.raises(TypeError):
        Circuit.from_netlist(5)


def element(method, *values, **named):
    """A builder with one such element."""
    return getattr(CircuitBuilder(), method)("x", "a", "0", *values, **named)


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        (element("resistor", -5.0), "element x: its conductance is -0.2 S"),
        (element("conductance", math.nan), "element x: its conductance is NaN S"),
        (element("voltage_source", math.inf), "it must be finite"),
        (element("current_source", math.nan), "its current is NaN A, it must be finite"),
        (element("diode", math.nan), "its forward voltage is NaN V"),
        (element("diode", on_conductance=1, off_conductance=2), "above the off conductance"),
        (element("shockley_diode", 0.0), "its saturation current is 0 A"),
        (element("tanh_resistor", 1.0, -1.0), "its scale is -1 V"),
        (element("power_law_resistor", 1.0, 0.0), "its exponent is 0"),
        (element("resistor", 1).resistor("x", "b", "0", 1), "two elements named x"),
        (element("resistor", 1).resistor("y", "b c", "0", 1), "`b c` is no name"),
    ],
)
def test_bad_elements_are_refused(builder, message):
    with pytest.raises(ValueError, match=message):
        builder.build()


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([1, 2, 3], "points has the shape"),
        ([[1, 2, 3]], "it must be \\(n, 2\\)"),
        ([[0, 0]], "the curve has 1 points, it needs at least 2"),
        ([[0, 0], [1, -1]], "the current falls to -1 A"),
        ([[0, 0], [math.nan, 1]], "is not finite"),
    ],
)
def test_bad_curves_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        CircuitBuilder().curve("c", "a", "0", points)


def test_bad_values_are_refused_and_change_nothing(divider):
    before = copy.copy(divider)
    for name, values, message in [
        ("r9", {"resistance": 1}, r"there is no element r9: did you mean r1\? the elements are v1, r1, r2"),
        ("r1", {"voltage": 1}, "element r1: a resistor has no voltage: it has resistance, conductance"),
        ("v1", {"voltage": math.inf}, "element v1: its voltage is inf V, it must be finite"),
        ("r1", {"resistance": math.nan}, "element r1: its conductance is NaN S"),
        ("r1", {}, "no values for r1"),
    ]:
        with pytest.raises(ValueError, match=message):
            divider.set(name, **values)
    with pytest.raises(TypeError):
        divider.set("v1", voltage="five")
    assert divider == before


def test_circuits_without_an_operating_point_are_refused(divider):
    builder = CircuitBuilder().voltage_source("v1", "a", "0", 1.0)
    loop = builder.voltage_source("v2", "a", "0", 2.0).build()
    with pytest.raises(ValueError, match="the voltages of v1, v2 add up to|the voltages of v2, v1 add up to"):
        loop.solve()
    loop.set("v2", voltage=1.0)
    assert loop.solve().nodes["a"] == 1.0
    loop.set("v2", voltage=2.0)
    with pytest.raises(ValueError, match="around their loop"):
        loop.solve()
    diodes = CircuitBuilder().voltage_source("v1", "a", "0", 1.0).diode("d1", "a", "0", 0.7).build()
    with pytest.raises(ValueError, match="the ideal diodes d1 cannot all hold"):
        diodes.solve()
    nowhere = CircuitBuilder().current_source("i1", "0", "a", 1.0).build()
    with pytest.raises(ValueError, match="has nowhere to go"):
        nowhere.solve()
    for options in ({"tolerance": 0}, {"tolerance": math.nan}, {"method": "quick"}):
        with pytest.raises(ValueError, match="must be"):
            divider.solve(**options)


def test_a_tolerance_that_cannot_be_met_is_a_status(zoo):
    assert zoo.solve(tolerance=1e-300).status == "accuracy_limit"


def test_a_trace_sees_every_step(zoo):
    steps = []
    solution = zoo.solve(trace=steps.append)
    assert solution.status == "solved"
    assert steps[0].attempt == 1 and steps[-1].phase == "confirmation"
    assert steps[-1].missed < 1e-12
    with pytest.raises(ZeroDivisionError):
        zoo.solve(trace=lambda step: 1 / 0)
    assert zoo.solve().status == "solved"


def test_graphs(zoo):
    networkx = pytest.importorskip("networkx")
    solution = zoo.solve()
    graph = solution.to_networkx()
    assert isinstance(graph, networkx.MultiDiGraph)
    assert set(graph) == set(zoo.nodes) and graph.number_of_edges() == len(zoo)
    assert graph.nodes["b"]["potential"] == solution.nodes["b"]
    edge = graph.edges["Plus", "b", "r"]
    assert edge["kind"] == "resistor" and edge["conductance"] == 1 / 300.1
    assert edge["current"] == solution.elements["r"].current
    assert "potential" not in zoo.to_networkx().nodes["b"]


@pytest.mark.filterwarnings("ignore::ohmgrad.NetlistWarning")
def test_what_the_command_line_prints(command, tmp_path, zoo):
    """The same numbers to the bit, certificates and statistics too; and what the one refuses the other does."""
    golden = sorted((ROOT / "crates/ohmgrad/tests/golden").rglob("*.cir"))
    assert len(golden) > 5
    zoo_path = tmp_path / "zoo.cir"
    zoo_path.write_text(zoo.to_netlist())
    for path in [*golden, zoo_path]:
        done = subprocess.run([command, "solve", path, "--json"], cwd=tmp_path, capture_output=True, text=True)
        if done.returncode == 2:
            with pytest.raises(ValueError) as refusal:
                Circuit.from_netlist(path).solve()
            assert str(refusal.value).splitlines()[0] in done.stderr, path
            continue
        told = json.loads(done.stdout)
        del told["ignored"], told["warnings"]  # what the reading said: warnings in Python
        circuit = Circuit.from_netlist(path)
        if request := told.pop("transfer", None):
            of_request = ohmgrad.transfer(copy.copy(circuit), request.pop("output"), request.pop("source"))
            assert of_request._asdict() == request, path
        assert without_infinities(circuit.solve().to_dict()) == told, path


def without_infinities(value):
    """The value as JSON can hold it: None for what has no bound."""
    if isinstance(value, dict):
        return {key: without_infinities(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_infinities(inner) for inner in value]
    return None if isinstance(value, float) and math.isinf(value) else value


def test_texts_for_people(divider):
    assert repr(divider) == '<ohmgrad.Circuit "A divider" of 3 elements, 3 nodes>'
    assert repr(divider.solve()).startswith("<ohmgrad.Solution of <ohmgrad.Circuit")

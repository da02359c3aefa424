"""Solves for many rows of source values, and what they need."""

import csv
import gc
import math
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import interrupt

from ohmgrad import Circuit, CircuitBuilder


@pytest.fixture
def clipper() -> Circuit:
    return (
        CircuitBuilder()
        .voltage_source("v1", "in", "0", 0)
        .current_source("i1", "0", "out", 0)
        .resistor("r1", "in", "out", 1e3)
        .diode("d1", "out", "0", 0.7)
        .build()
    )


def grid(side: int) -> Circuit:
    """A square grid of resistors with a diode to ground at each node, driven at two corners."""
    rng = np.random.default_rng(0)
    builder = CircuitBuilder().voltage_source("v1", "n0_0", "0", 1.0)
    builder.current_source("i1", "0", f"n{side - 1}_{side - 1}", 1e-3)
    for x in range(side):
        for y in range(side):
            builder.diode(f"d{x}_{y}", f"n{x}_{y}", "0", 1.0 + rng.random() * (x + y > 0) + (x + y == 0) * 99)
            builder.resistor(f"g{x}_{y}", f"n{x}_{y}", "0", 1e4)
            if x:
                builder.resistor(f"h{x}_{y}", f"n{x}_{y}", f"n{x - 1}_{y}", 1e3 * rng.random() + 1)
            if y:
                builder.resistor(f"v{x}_{y}", f"n{x}_{y}", f"n{x}_{y - 1}", 1e3 * rng.random() + 1)
    return builder.build()


def test_rows_are_closed_forms(clipper):
    values = np.random.default_rng(0).normal(size=(500, 2)) * [2.0, 1e-3]
    rows = clipper.solve_rows(["v1", "i1"], values)
    expected = np.minimum(values[:, 0] + 1e3 * values[:, 1], 0.7)
    assert np.abs(rows.potential("out") - expected).max() < 1e-12
    assert rows.solved.all() and rows.residuals.max() < 1e-9 and not rows.errors
    through = np.maximum((values[:, 0] - 0.7) / 1e3 + values[:, 1], 0)
    assert np.abs(rows.current("d1") - through).max() < 1e-15
    assert (rows.voltage("r1") == rows.potential("in") - rows.potential("out")).all()
    assert rows.nodes == clipper.nodes and rows.elements == clipper.elements
    assert (rows.values == values).all() and rows.sources == ("v1", "i1")
    taken_up = rows.voltages[:, 2:] * rows.currents[:, 2:]
    assert np.allclose(rows.powers, taken_up.sum(1), rtol=1e-12, atol=0)


def test_the_circuit_stays_as_it_is(clipper):
    before = clipper["v1"]
    rows = clipper.sweep("v1", [1.0, 2.0])
    assert clipper["v1"] == before and rows.sources == ("v1",)


def test_only_what_is_wanted(clipper):
    rows = clipper.sweep("v1", [1.0, 2.0], nodes=["out"], elements=[])
    assert rows.potentials.tolist() == [[pytest.approx(0.7)], [pytest.approx(0.7)]]
    assert rows.currents.shape == (2, 0)
    assert clipper.sweep("v1", [1.0], nodes=[], elements=["d1", "d1"]).currents.shape == (1, 2)
    with pytest.raises(ValueError, match="the table has no element r1: it has "):
        rows.current("r1")


def test_rows_do_not_depend_on_earlier_solves(clipper):
    values = np.linspace(-3, 3, 101)
    first = clipper.sweep("v1", values).potentials
    clipper.set("v1", voltage=2.5)
    clipper.solve()
    assert (clipper.sweep("v1", values).potentials == first).all()


def test_rows_without_an_operating_point():
    circuit = CircuitBuilder().voltage_source("v1", "a", "0", 9).diode("d1", "a", "0", 0.7).build()
    rows = circuit.sweep("v1", [0.5, 0.9, 0.6, 1.0])
    assert rows.solved.tolist() == [True, False, True, False]
    assert np.isnan(rows.potentials[[1, 3]]).all() and np.isnan(rows.residuals[1])
    assert rows.potential("a")[[0, 2]].tolist() == [0.5, 0.6]
    assert list(rows.errors) == [1, 3] and "the ideal diodes d1" in rows.errors[1]
    with pytest.raises(ValueError, match="row 1 of the source values: the ideal diodes d1"):
        circuit.sweep("v1", [0.8, 0.9])


@pytest.mark.parametrize(
    ("sources", "values", "message"),
    [
        (["v9"], [[1]], "there is no element v9"),
        (["d1"], [[1]], "element d1 is a diode: name one of its quantities"),
        (["v1", "v1"], [[1, 2]], "element v1 has two columns"),
        (["v1"], [1, 2], "it must have 2 dimensions"),
        (["v1"], [[1, 2]], r"values has the shape \(1, 2\): it must be \(n, 1\)"),
        (["v1"], np.zeros((0, 1)), "at least one row"),
        ([], np.zeros((3, 0)), "at least one row"),
        (["i1"], [[1], [math.nan]], "row 2 of the source values: element i1: its current is NaN A"),
        (["v1"], [[math.inf]], "row 1 of the source values: element v1: its voltage is inf V"),
    ],
)
def test_bad_rows_are_refused(clipper, sources, values, message):
    with pytest.raises(ValueError, match=message):
        clipper.solve_rows(sources, values)


def test_bad_arguments_are_refused(clipper):
    with pytest.raises(TypeError, match="values must be an array of numbers"):
        clipper.solve_rows(["v1"], [["one"]])
    with pytest.raises(TypeError):
        clipper.solve_rows("v1", [[1]])
    with pytest.raises(ValueError, match="there is no node nowhere: the nodes are 0, in, out"):
        clipper.sweep("v1", [1], nodes=["nowhere"])
    with pytest.raises(ValueError, match="values is empty"):
        clipper.sweep("v1", [])


def test_tables_of_the_command_line(run, tmp_path):
    """The same numbers to the bit."""
    circuit = grid(6)
    (tmp_path / "grid.cir").write_text(circuit.to_netlist())
    values = np.random.default_rng(1).normal(size=(100, 2)) * [1.0, 1e-3]
    lines = ["v1,i1", *(f"{a!r},{b!r}" for a, b in values.tolist())]
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n")
    table = run("solve", "grid.cir", "--inputs", "in.csv", "--no-error-bars")
    read = list(csv.DictReader(table.splitlines()))
    rows = circuit.solve_rows(["v1", "i1"], values)
    for node in circuit.nodes[1:]:
        assert rows.potential(node).tolist() == [float(row[f"v({node})"]) for row in read]
    assert rows.current("d3_3").tolist() == [float(row["i(d3_3)"]) for row in read]


def resident() -> int:
    """Resident memory of this process in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return 1024 * int(line.split()[1])
    raise AssertionError("no VmRSS")


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")


@needs_proc
def test_ten_thousand_rows_take_no_memory_but_their_result():
    circuit = grid(8)
    values = np.random.default_rng(2).normal(size=(10_000, 2)) * [1.0, 1e-3]

    def solve():
        rows = circuit.solve_rows(["v1", "i1"], values, nodes=["n5_5"], elements=[])
        assert rows.solved.all()

    solve()
    gc.collect()
    before = resident()
    for _ in range(3):
        solve()
    gc.collect()
    assert resident() - before < 30e6


@needs_proc
def test_ten_thousand_solves_of_one_circuit_take_no_memory():
    circuit = grid(6)

    def solve(count):
        for k in range(count):
            circuit.set("v1", voltage=math.sin(k))
            solution = circuit.solve()
            assert solution.status == "solved"

    solve(500)
    gc.collect()
    before = resident()
    solve(10_000)
    gc.collect()
    assert resident() - before < 30e6


def test_other_threads_run_meanwhile():
    circuit = grid(10)
    values = np.random.default_rng(3).normal(size=(20_000, 2)) * [1.0, 1e-3]
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.005):
            ticks.append(time.monotonic())

    ticking = threading.Thread(target=tick)
    ticking.start()
    start = time.monotonic()
    circuit.solve_rows(["v1", "i1"], values, nodes=[], elements=[])
    end = time.monotonic()
    done.set()
    ticking.join()
    within = [t for t in ticks if start < t < end]
    assert end - start < 0.2 or len(within) > 5


def test_ctrl_c_ends_rows():
    circuit = grid(12)
    values = np.random.default_rng(4).normal(size=(2_000_000, 2)) * [1.0, 1e-3]
    assert interrupt(lambda: circuit.solve_rows(["v1", "i1"], values, nodes=[], elements=[])) < 5
    assert circuit.solve().status == "solved"


def test_ctrl_c_ends_a_solve():
    # Descent has 10,000 sweeps to go, which take much longer than to stop.
    ladder = CircuitBuilder().voltage_source("v1", "n0", "0", 1)
    for k in range(60_000):
        ladder = ladder.resistor(f"r{k}", f"n{k}", f"n{k + 1}", 1).resistor(f"s{k}", f"n{k + 1}", "0", 1e9)
    circuit = ladder.build()
    assert interrupt(lambda: circuit.solve(method="coordinate")) < 5
    assert circuit.solve(method="direct").status == "solved"


def test_a_signal_handler_can_use_a_circuit_at_work():
    circuit = grid(8)
    values = np.random.default_rng(5).normal(size=(2_000_000, 2)) * [1.0, 1e-3]
    solved = []

    class Enough(Exception):
        pass

    def handle(*_):
        solved.append(circuit.solve().status)
        raise Enough

    before = signal.signal(signal.SIGINT, handle)
    try:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(Enough):
            circuit.solve_rows(["v1", "i1"], values, nodes=[], elements=[])
    finally:
        signal.signal(signal.SIGINT, before)
    assert solved == ["solved"]


def test_many_threads_solve_one_circuit():
    from concurrent.futures import ThreadPoolExecutor

    circuit = grid(6)
    expected = circuit.solve().potentials

    def solve(k):
        if k % 3 == 0:
            return circuit.sweep("v1", [1.0], nodes=["n3_3"]).potentials[0, 0] == pytest.approx(
                expected[circuit.nodes.index("n3_3")], rel=1e-9
            )
        return np.allclose(circuit.solve().potentials, expected, rtol=1e-9)

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(solve, range(120)))

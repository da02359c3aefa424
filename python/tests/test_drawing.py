"""Drawings of circuits, and what notebooks show."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from ohmgrad import CircuitBuilder
from ohmgrad.drawing import si
from ohmgrad.layout import MOST, layout


@pytest.fixture
def bridge():
    """Current flows from b to a through r3, against its direction."""
    return (
        CircuitBuilder('A "bridge" <of> resistors')
        .voltage_source("v1", "in", "0", 3.0)
        .resistor("r1", "in", "a", 3e3)
        .resistor("r2", "in", "b", 1e3)
        .resistor("r3", "a", "b", 1e3)
        .resistor("r4", "a", "0", 1e3)
        .resistor("r5", "b", "0", 3e3)
        .diode("d&1", "a", "b", 0.5)
        .build()
    )


def ladder(rungs):
    builder = CircuitBuilder().voltage_source("v", "n0", "0", 1)
    for k in range(rungs):
        builder.resistor(f"r{k}", f"n{k}", f"n{k + 1}", 1e3)
    return builder.build()


@pytest.mark.parametrize("solved", [False, True])
def test_a_drawing_names_everything(bridge, solved):
    drawn = bridge.solve() if solved else bridge
    root = ElementTree.fromstring(drawn.to_svg())
    texts = " ".join(" ".join(text.itertext()) for text in root.findall(".//{*}text")).split()
    for name in (*bridge.nodes, *bridge.elements):
        assert name in texts, name
    assert len(root.findall(".//{*}circle")) == len(bridge.nodes) + 1  # and one of the source
    assert ("mA" in texts) == solved
    width, height = float(root.get("width")), float(root.get("height"))
    for text in root.findall(".//{*}text"):
        assert 0 <= float(text.get("x")) <= width and 0 <= float(text.get("y")) <= height


def test_colours_are_potentials(bridge):
    solution = bridge.solve()
    root = ElementTree.fromstring(solution.to_svg())
    fills = [c.get("fill") for c in root.findall(".//{*}circle") if c.get("cx")]
    by_node = dict(zip(bridge.nodes, fills, strict=True))
    assert by_node["0"] == "#f7f7f7" and by_node["in"] == "#cc4d00"
    bridge.set("v1", voltage=-3)
    root = ElementTree.fromstring(bridge.solve().to_svg())
    assert [c.get("fill") for c in root.findall(".//{*}circle") if c.get("cx")][1] == "#0059a6"


def test_neighbours_are_about_one_apart_and_wires_end_at_nodes(bridge):
    plan = layout(bridge)
    for wire in plan.wires:
        first, second = bridge[wire.element].nodes
        assert (wire.start == plan.nodes[first]).all() and (wire.at(1) == plan.nodes[second]).all()
        assert np.allclose(wire.at(0.5), wire.middle)
        assert 0.4 < np.hypot(*(wire.end - wire.start)) < 1.8
    middles = {wire.element: wire.middle for wire in plan.wires}
    assert np.hypot(*(middles["r3"] - middles["d&1"])) > 0.3
    assert plan.nodes["0"][1] < np.mean([place[1] for place in plan.nodes.values()])


def test_every_kind_is_drawn():
    builder = CircuitBuilder().voltage_source("v", "a", "0", 1).current_source("i", "a", "b", 1)
    builder.resistor("r", "a", "b", 1).conductance("o", "a", "b", 0).diode("d", "b", "0", 1)
    builder.shockley_diode("s", "b", "0", 1e-12).curve("c", "b", "0", [[0, 0], [1, 1]])
    builder.tanh_resistor("t", "b", "0", 1, 1).power_law_resistor("p", "b", "0", 1, 2)
    builder.resistor("loop", "b", "b", 1)
    circuit = builder.build()
    for text in (circuit.to_svg(), circuit.solve().to_svg()):
        assert "nan" not in text
        ElementTree.fromstring(text)


def test_circuits_without_elements_and_rest_are_drawn():
    ElementTree.fromstring(CircuitBuilder().build().to_svg())
    rest = CircuitBuilder().resistor("r", "a", "0", 1).build().solve()
    assert "nan" not in rest.to_svg()


def test_large_circuits_are_not_drawn():
    large = ladder(MOST)
    with pytest.raises(ValueError, match="41 elements: up to 40 are drawn"):
        large.to_svg()
    assert "<svg" not in large._repr_html_() and "41 elements" in large._repr_html_()
    shown = large.solve()._repr_html_()
    assert "and 21 more" in shown and "<svg" not in shown
    ElementTree.fromstring(ladder(MOST - 1).to_svg())


def test_notebooks_show_a_drawing_tables_and_the_certificate(bridge):
    assert "6 resistors" not in bridge._repr_html_() and "5 resistors" in bridge._repr_html_()
    shown = bridge.solve()._repr_html_()
    root = ElementTree.fromstring(f"<div>{shown}</div>")
    assert root.find(".//{http://www.w3.org/2000/svg}svg") is not None
    assert "A \"bridge\" <of> resistors" in "".join(root.itertext())
    assert len(root.findall(".//tr")) == 2 + 3 + 7
    assert "solved" in shown and "kcl" in shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 V"),
        (4.3e-3, "4.3 mV"),
        (-12.5, "-12.5 V"),
        (999.9999, "1 kV"),
        (1e6, "1 MV"),
        (2e-30, "2e-15 fV"),
        (float("inf"), "inf V"),
        (3.14159e-7, "314 nV"),
    ],
)
def test_numbers_have_prefixes(value, text):
    assert si(value, "V") == text

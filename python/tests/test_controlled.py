"""Controlled sources, transfer functions, and preprocessing that comes with a network."""

import copy
import pickle

import numpy as np
import pytest

import ohmgrad
from ohmgrad import Circuit, CircuitBuilder, Dataset, Experiment, Network


def amplifier():
    """A gain of 4 up and of 0.25 down, between 10 mS and 20 mS."""
    return (
        CircuitBuilder("An amplifier")
        .voltage_source("v1", "in", 0, 1.0)
        .resistor("r1", "in", "low", 100)
        .vcvs("e1", "sense", 0, ("low", 0), 4.0)
        .voltage_source("s1", "sense", "high", 0.0)
        .cccs("f1", "low", 0, "s1", 0.25)
        .resistor("r2", "high", 0, 50)
        .build()
    )


def test_an_amplifier_works_both_ways():
    circuit = amplifier()
    solution = circuit.solve()
    assert solution.status == "solved"
    assert solution.nodes["low"] == pytest.approx(1 / 3, rel=1e-12)
    assert solution.nodes["high"] == pytest.approx(4 / 3, rel=1e-12)
    assert circuit["e1"].kind == "controlled voltage source" and circuit["e1"].values == {"gain": 4.0}
    circuit.set("f1", gain=0.5)
    assert circuit.solve().nodes["low"] == pytest.approx(1 / 5, rel=1e-12)
    again = Circuit.from_netlist(circuit.to_netlist())
    assert again == circuit and pickle.loads(pickle.dumps(circuit)) == circuit
    rows = circuit.sweep("v1", [0, 1, -2])
    assert rows.potential("low") == pytest.approx([0, 0.2, -0.4], rel=1e-12)


def test_gyrators_and_transresistances():
    gyrator = (
        CircuitBuilder()
        .current_source("i1", 0, "a", 1e-3)
        .vccs("g1", "a", 0, ("b", 0), 2e-3)
        .vccs("g2", 0, "b", ("a", 0), 2e-3)
        .resistor("r1", "b", "n", 400)
        .voltage_source("s1", "n", 0, 0.0)
        .ccvs("h1", "c", 0, "s1", 50)
        .resistor("r2", "c", 0, 1)
        .build()
    )
    nodes = gyrator.solve().nodes
    assert nodes["a"] == pytest.approx(1e-3 / (4e-6 * 400)) and nodes["c"] == pytest.approx(50 * 1.25e-3)


def test_transfer_functions():
    transfer = ohmgrad.transfer(amplifier(), "v(high)", "v1")
    assert transfer.gain == pytest.approx(4 / 3, rel=1e-12)
    assert transfer.input_resistance == pytest.approx(150, rel=1e-12)
    # 1 A into high raises low by 25 V less a quarter of what the load draws there: low = 25 - 25 (4 low) / 50.
    assert transfer.output_resistance == pytest.approx(100 / 3, rel=1e-12)
    assert ohmgrad.transfer(amplifier(), "i(s1)", "v1").gain == pytest.approx(4 / 150, rel=1e-12)
    for output, source, words in [
        ("v(hig)", "v1", "no node hig"),
        ("x", "v1", "is no voltage or current"),
        ("v(high)", "r1", "r1 is no voltage or current source"),
    ]:
        with pytest.raises(ValueError, match=words):
            ohmgrad.transfer(amplifier(), output, source)


def test_controls_must_be_there():
    with pytest.raises(ValueError, match="v9 is not there"):
        CircuitBuilder().cccs("f1", "a", 0, "v9", 2.0).build()


def test_preprocessing_comes_with_the_network(tmp_path):
    plain = Experiment.preset("digits")
    preprocessing = 'preprocessing = { kind = "standard", mean = 0.5, deviation = 0.25, scale = 0.5 }'
    experiment = Experiment(plain.toml.replace('dataset = "digits"', f'dataset = "digits"\n{preprocessing}'))
    network = experiment.network()
    path = tmp_path / "model.safetensors"
    network.save(path)
    raw = Dataset(np.full((2, 64), 0.75, np.float32), [0, 1], classes=10)
    for other in (network, Network.load(path), copy.copy(network), pickle.loads(pickle.dumps(network))):
        assert raw.preprocessed(other).X == pytest.approx(0.5 * (0.75 - 0.5) / 0.25)
    assert (experiment.load_data()[1].X.min(), experiment.load_data()[1].X.max()) == (-1, 1)
    assert raw.preprocessed(plain.network()) == raw

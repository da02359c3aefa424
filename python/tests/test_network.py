import numpy as np
import pytest

import ohmgrad
from ohmgrad import Architecture, Network


def test_a_new_network_is_drawn_from_its_seed():
    architecture = Architecture(30, [100], 4, weight_gains=[2, 1])
    network = Network(architecture, seed=3)
    w1 = network["W1"]
    assert (w1.shape, w1.dtype) == ((60, 100), np.float32)
    assert 0.47 < (w1 == 0).mean() < 0.53
    assert w1.max() <= 2 / np.sqrt(60) < w1.max() * 1.01
    assert not network["b1"].any()
    assert (Network(architecture, seed=3, threads=1)["W1"] == w1).all()
    assert (Network(architecture, seed=4)["W1"] != w1).any()


def test_parameters_are_set_as_they_are(network):
    w3 = np.linspace(0.001, 5, 18, dtype=np.float32).reshape(6, 3)
    network["W3"] = w3
    assert (network["W3"] == w3).all()
    for array in (network["W3"], network["b3"], network.parameters()["W3"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 9
    copy = network["W3"].copy()
    copy[:] = 0
    assert (network["W3"] == w3).all()
    assert list(network.parameters()) == list(network.architecture.shapes)
    again = Network.from_parameters(network.architecture, network.parameters(), threads=1)
    for name, values in network.parameters().items():
        assert (again[name] == values).all()


@pytest.mark.parametrize(
    "kind",
    [
        lambda w: w.astype(np.float64),
        lambda w: w.astype(">f4"),
        lambda w: w.tolist(),
        np.asfortranarray,
        lambda w: np.repeat(w, 2, axis=1)[:, ::2],
        lambda w: np.frombuffer(b"x" + w.tobytes(), np.uint8)[1:].view(np.float32).reshape(w.shape),
    ],
    ids=["float64", "big-endian", "list", "fortran", "strided", "unaligned"],
)
def test_other_layouts_and_types_are_converted(network, kind):
    w3 = np.arange(1, 19, dtype=np.float32).reshape(6, 3)
    network["W3"] = kind(w3)
    assert (network["W3"] == w3).all()


def test_read_only_arrays_are_read(network, inputs):
    w3 = np.ones((6, 3), np.float32)
    outputs = network.settle(inputs).outputs
    for array in (w3, inputs):
        array.flags.writeable = False
    assert (network.settle(inputs).outputs == outputs).all()
    network["W3"] = w3
    assert (network["W3"] == w3).all()


@pytest.mark.parametrize(
    ("name", "values", "error", "words"),
    [
        ("W4", np.ones((3, 3)), KeyError, "there is no parameter W4: the parameters are W1, W2"),
        ("W3", np.ones((3, 6)), ValueError, r"W3 has the shape \[3, 6\]: it must be \(6, 3\)"),
        ("W3", np.ones(18), ValueError, r"W3 has the shape \[18\]: it must have 2 dimensions"),
        ("b3", np.ones(4), ValueError, r"b3 has the shape \[4\]: it must be \(3,\)"),
        ("b3", np.ones((3, 1)), ValueError, r"b3 has the shape \[3, 1\]: it must have 1 dimension"),
        ("W3", np.full((6, 3), -1.0), ValueError, r"W3\[0\] is -1: a conductance must be finite and within"),
        ("W3", np.zeros((6, 3)), ValueError, r"W3\[0\] is 0: .* within \[0.001, inf\] S"),
        ("b3", [0, np.nan, 0], ValueError, r"b3\[1\] is NaN: a bias must be finite"),
        ("b3", [0, 0, np.inf], ValueError, r"b3\[2\] is inf"),
        ("b3", ["a", "b", "c"], TypeError, "b3 must be an array of numbers, not of <U1"),
        ("b3", [1j, 0, 0], TypeError, "b3 must be an array of numbers, not of complex128"),
        ("b3", [[1, 2], [3]], ValueError, "b3 cannot be made an array"),
        ("b3", None, TypeError, "b3 must be an array of numbers, not of object"),
    ],
)
def test_wrong_parameters_are_refused_and_change_nothing(network, name, values, error, words):
    before = network.parameters()
    with pytest.raises(error, match=words):
        network[name] = values
    with pytest.raises(error, match=words):
        network.set_parameters({"W1": before["W1"] + 1, name: values})
    for name, values in network.parameters().items():
        assert (values == before[name]).all()


def test_a_value_beyond_float32_is_refused(network):
    with np.errstate(over="ignore"), pytest.raises(ValueError, match=r"b3\[0\] is inf"):
        network["b3"] = [1e300, 0, 0]


def test_all_parameters_are_needed():
    with pytest.raises(KeyError, match="b1 is missing"):
        Network.from_parameters(Architecture(1, [], 1), {"W1": [[1], [1]]})


def test_networks_beyond_memory_are_refused():
    with pytest.raises(MemoryError, match="562949970198528 conductances"):
        Network(Architecture(1 << 23, [1 << 24, 1 << 24], 1))


def test_threads_are_counted(network):
    assert network.threads == 2
    assert Network(network.architecture, threads=99).threads == 2
    with pytest.raises(ValueError, match="threads is 0"):
        Network(network.architecture, threads=0)
    with pytest.raises(TypeError, match="seed must be an integer"):
        Network(network.architecture, seed="x")


def test_models_survive_their_file(network, inputs, tmp_path):
    network.inference = ohmgrad.Settling(tolerance=1e-4, order="forward")
    path = tmp_path / "model.safetensors"
    network.save(path)
    loaded = Network.load(path, threads=1)
    assert loaded.architecture == network.architecture
    assert loaded.inference == network.inference
    assert (loaded.settle(inputs).outputs == network.settle(inputs).outputs).all()


def test_files_that_are_no_models_are_refused(tmp_path, network):
    with pytest.raises(FileNotFoundError, match="none.safetensors cannot be read"):
        Network.load(tmp_path / "none.safetensors")
    path = tmp_path / "text.safetensors"
    path.write_text("not a model")
    with pytest.raises(ValueError, match="text.safetensors"):
        Network.load(path)
    with pytest.raises(OSError, match="cannot be written"):
        network.save(tmp_path / "none" / "model.safetensors")


def test_networks_are_circuits():
    diodes = {
        "kind": "shockley",
        "arrangement": "double",
        "saturation_current": 1e-3,
        "thermal_voltage": 0.1,
        "offset_voltage": 0.2,
        "dead_zone": True,
    }
    curve = {"kind": "curve", "points": [[-1, -0.5], [0, 0], [0.5, 1]]}
    network = Network(Architecture(3, [5, 4], 2, input_gain=4, laws=[diodes, curve]), seed=2)
    x = np.array([0.5, -1.0, 0.25])
    settled = network.settle(x[None], tolerance=1e-6, sweeps=1000)
    circuit = network.to_circuit(x)
    nodes = circuit.solve().nodes
    found = [nodes[f"o{k}"] for k in range(2)]
    np.testing.assert_allclose(found, settled.outputs[0], rtol=1e-4, atol=1e-5)
    assert network.to_netlist(x, "A network").startswith("A network\nvp0 p0 0 2\n")
    again = ohmgrad.Circuit.from_netlist(network.to_netlist(x, "A network"))
    assert again.elements == circuit.elements
    with pytest.raises(ValueError, match="the example has 2 features, the network takes 3"):
        network.to_circuit([1.0, 2.0])
    with pytest.raises(TypeError, match="x"):
        network.to_circuit(["a", "b", "c"])
    with pytest.raises(ValueError, match="Hopfield"):
        Network(Architecture(2, [3], 1, energy="hopfield")).to_netlist([0, 1])


def test_predictions_are_the_largest_outputs(network, inputs):
    outputs = network.settle(inputs, sweeps=6).outputs
    assert (network.outputs(inputs, sweeps=6) == outputs).all()
    predicted = network.predict(inputs, sweeps=6)
    assert predicted.dtype == np.int64 and (predicted == outputs.argmax(axis=1)).all()
    labels = np.array([0, 1, 2, 1])
    for examples in (ohmgrad.Dataset(inputs, labels), (inputs, labels)):
        assert (network.predict(examples, sweeps=6) == predicted).all()
        assert (network.outputs(examples, sweeps=6) == outputs).all()
        assert (network.settle(examples, sweeps=6).outputs == outputs).all()
    # Two rows are no pair.
    assert (network.outputs(tuple(inputs[:2]), sweeps=6) == outputs[:2]).all()


def test_pairs_of_nodes_are_read_as_differences():
    network = Network(Architecture(2, [8], 6, readout="pairs"), seed=1)
    x = np.random.default_rng(0).normal(size=(5, 2))
    nodes = network.settle(x).outputs
    assert (network.outputs(x) == nodes[:, ::2] - nodes[:, 1::2]).all()
    assert (network.predict(x) == network.outputs(x).argmax(axis=1)).all()
    with pytest.raises(ValueError, match="a single output, and so no classes"):
        Network(Architecture(2, [8], 2, readout="pairs")).predict(x)

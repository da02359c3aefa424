import pickle

import numpy as np
import pytest

import ohmgrad
from ohmgrad import Architecture, Settling


def test_sizes_and_shapes():
    architecture = Architecture(784, [100], 10, input_gain=100, weight_gains=[1, 0.1], g_max=2)
    assert (architecture.features, architecture.hidden, architecture.outputs) == (784, (100,), 10)
    assert architecture.conductances == 2 * 784 * 100 + 100 * 10
    assert architecture.shapes == {"W1": (1568, 100), "W2": (100, 10), "b1": (100,), "b2": (10,)}
    assert (architecture.input_gain, architecture.weight_gains) == (100.0, (1.0, 0.1))
    assert (architecture.g_min, architecture.g_max) == (0.0, 2.0)
    assert repr(architecture) == (
        "Architecture(784, [100], 10, input_gain=100.0, weight_gains=(1.0, 0.1), g_max=2.0)"
    )


def test_laws_are_dicts_or_names():
    diodes = {
        "kind": "shockley",
        "arrangement": "double",
        "saturation_current": 1e-6,
        "thermal_voltage": 0.05,
        "offset_voltage": 0.8,
        "dead_zone": True,
    }
    points = np.array([[-1.0, -2.0], [0.0, 0.0], [1.0, 0.5]])
    curve = {"kind": "curve", "points": points, "beyond": "clamped"}
    architecture = Architecture(2, [4, 3, 2], 1, laws=[diodes, curve, "linear"])
    assert architecture.laws[0] == diodes
    assert architecture.laws[1] == {**curve, "points": points.tolist()}
    assert architecture.laws[2] == {"kind": "linear"}
    assert pickle.loads(pickle.dumps(architecture)) == architecture
    assert eval(repr(architecture), {"Architecture": Architecture}) == architecture
    assert Architecture(2, [4], 1).laws == ()


def test_windows_start_and_bounds_of_biases():
    settings = {
        "windows": ((0.0, 1.0), (1e-07, 100.0)),
        "start": "uniform",
        "b_min": 0.0,
        "b_max": 0.5,
    }
    architecture = Architecture(2, [4], 1, **settings)
    assert {name: getattr(architecture, name) for name in settings} == settings
    assert pickle.loads(pickle.dumps(architecture)) == architecture
    network = ohmgrad.Network(architecture)
    assert network["W1"].max() <= 1 and network["W2"].max() > 1
    with pytest.raises(ValueError, match=r"a bias must be finite and within \[0, 0.5\] A"):
        network["b1"] = [0.0, 0.0, -0.1, 0.0]


def test_equality():
    assert Architecture(2, [], 1) == Architecture(2, (), 1)
    assert Architecture(2, [], 1) != Architecture(2, [], 1, g_min=0.5)
    assert Settling(3) == Settling(3, order="asynchronous") != Settling(4)


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "words"),
    [
        ((0, [3], 1), {}, ValueError, "the input layer has width 0"),
        ((1, [3, 0], 1), {}, ValueError, "hidden layer 2 has width 0"),
        ((1, [-3], 1), {}, ValueError, "hidden is -3"),
        ((1 << 70, [3], 1), {}, ValueError, "features is 1180591620717411303424"),
        ((1 << 40, [3], 1), {}, ValueError, "the input layer has 1099511627776 nodes"),
        ((1, [2.5], 1), {}, TypeError, "hidden must be an integer, not float"),
        ((1, [3], "1"), {}, TypeError, "outputs must be an integer, not str"),
        ((1, 3, 1), {}, TypeError, r"hidden is 3: it must be a sequence of widths, such as \[64\]"),
        ((1, "64", 1), {}, TypeError, "hidden is '64': it must be a sequence of widths"),
        ((1, [3], 1), {"input_gain": 0}, ValueError, "input_gain is 0"),
        ((1, [3], 1), {"input_gain": float("nan")}, ValueError, "input_gain is NaN"),
        ((1, [3], 1), {"input_gain": "high"}, TypeError, "input_gain"),
        ((1, [3], 1), {"weight_gains": [1.0]}, ValueError, "weight_gains has 1 entries"),
        ((1, [3], 1), {"g_min": -1}, ValueError, "conductance bounds"),
        ((1, [3], 1), {"g_min": 2, "g_max": 1}, ValueError, "conductance bounds"),
        ((1, [3], 1), {"gain": 1}, TypeError, "gain"),
        ((1, [3, 3], 1), {"laws": ["tanh"] * 3}, ValueError, "laws: missing field `limit`"),
        ((1, [3, 3], 1), {"laws": ["linear"] * 3}, ValueError, "laws has 3 entries"),
        ((1, [3], 1), {"laws": ["diode"]}, ValueError, "unknown variant `diode`"),
        (
            (1, [3], 1),
            {"laws": [{"kind": "ideal-pair", "low": 1, "high": 2}]},
            ValueError,
            r"laws\[0\]: a unit cannot lie in",
        ),
        (
            (1, [3], 1),
            {"laws": [{"kind": "curve", "points": [[0, 0], [1, 1], [2, 0.5]]}]},
            ValueError,
            "the current falls to 0.5 A at point 2",
        ),
        ((1, [3], 1), {"laws": [object()]}, TypeError, "laws must be made of"),
    ],
)
def test_wrong_architectures_are_refused(arguments, settings, error, words):
    with pytest.raises(error, match=words):
        Architecture(*arguments, **settings)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"sweeps": 0}, ValueError, "sweeps is 0"),
        ({"sweeps": -1}, ValueError, "sweeps is -1"),
        ({"sweeps": 1.5}, TypeError, "sweeps must be an integer"),
        ({"tolerance": 0.0}, ValueError, "tolerance is 0"),
        ({"tolerance": float("nan")}, ValueError, "tolerance is NaN"),
        ({"order": "random"}, ValueError, "order: unknown variant `random`, expected one of `asynch"),
    ],
)
def test_wrong_settlings_are_refused(settings, error, words):
    with pytest.raises(error, match=words):
        Settling(**settings)


def test_sweeps_have_a_default_that_fits():
    assert (Settling().sweeps, Settling().tolerance) == (4, None)
    assert (Settling(tolerance=1e-4).sweeps, Settling(7, tolerance=1e-4).sweeps) == (1000, 7)


def test_outputs_in_pairs_and_the_other_energy():
    pairs = Architecture(3, [4], 6, readout="pairs")
    assert pairs.readout == "pairs" and pickle.loads(pickle.dumps(pairs)) == pairs
    with pytest.raises(ValueError, match="outputs is 5"):
        Architecture(3, [4], 5, readout="pairs")
    hopfield = Architecture(3, [4], 2, energy="hopfield")
    assert hopfield.shapes["W1"] == (3, 4)
    assert eval(repr(hopfield), {"Architecture": Architecture}) == hopfield
    with pytest.raises(ValueError, match="energy"):
        Architecture(3, [4], 2, energy="kinetic")

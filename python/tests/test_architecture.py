import pickle

import pytest

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

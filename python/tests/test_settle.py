"""Settled states against closed forms and Kirchhoff's laws in float64."""

import pickle

import numpy as np
import pytest

from ohmgrad import Architecture, Network, Settling


def test_a_divider_has_the_voltage_of_its_closed_form():
    """Two sources at +2 V and -2 V through 3 S and 1 S, and a bias current of 0.5 A."""
    network = Network.from_parameters(
        Architecture(1, [], 1, input_gain=2), {"W1": [[3], [1]], "b1": [0.5]}
    )
    settled = network.settle([[1.0]])
    v = (3 * 2 - 1 * 2 + 0.5) / 4
    assert settled.outputs[0, 0] == v
    power = 3 * (2 - v) ** 2 + 1 * (2 + v) ** 2
    assert settled.power == pytest.approx([power], rel=1e-6)
    assert settled.energy == pytest.approx([power / 2 - 0.5 * v], rel=1e-6)
    assert (settled.residuals[0], settled.hidden) == (pytest.approx(0, abs=1e-6), ())


def layers(network, inputs, settled):
    """Potentials of all layers in float64, the sources first."""
    x = network.architecture.input_gain * inputs.astype(np.float64)
    return [np.hstack([x, -x]), *settled.hidden, settled.outputs]


def test_a_settled_state_obeys_kirchhoff(network, inputs):
    settled = network.settle(inputs, tolerance=2e-6, sweeps=10_000)
    v = [layer.astype(np.float64) for layer in layers(network, inputs, settled)]
    weights = [network[f"W{l}"].astype(np.float64) for l in (1, 2, 3)]
    for l in (1, 2, 3):
        current = v[l - 1] @ weights[l - 1] + network[f"b{l}"]
        conductance = weights[l - 1].sum(axis=0)
        if l < 3:
            current += v[l + 1] @ weights[l].T
            conductance = conductance + weights[l].sum(axis=1)
        excess = current - v[l] * conductance
        if l < 3:  # a diode that conducts takes up current, in its direction only
            excitatory = np.arange(excess.shape[1]) < excess.shape[1] // 2
            taken_up = np.where(excitatory, np.minimum(excess, 0), np.maximum(excess, 0))
            excess -= np.where(v[l] == 0, taken_up, 0)
            assert (v[l][:, excitatory] >= 0).all() and (v[l][:, ~excitatory] <= 0).all()
        assert np.abs(excess).max() < 1e-5 * np.abs(current).max()


def test_power_and_energy_are_those_of_the_potentials(network, inputs):
    settled = network.settle(inputs, sweeps=3)
    v = [layer.astype(np.float64) for layer in layers(network, inputs, settled)]
    power, injected = np.zeros(4), np.zeros(4)
    for l in (1, 2, 3):
        across = v[l - 1][:, :, None] - v[l][:, None, :]
        power += (network[f"W{l}"] * across**2).sum(axis=(1, 2))
        injected += v[l] @ network[f"b{l}"]
    assert settled.power == pytest.approx(power, rel=1e-5)
    assert settled.energy == pytest.approx(power / 2 - injected, rel=1e-5)
    assert settled.sweeps == 3


def test_shapes_and_types(network, inputs):
    settled = network.settle(inputs)
    assert settled.outputs.shape == (4, 3) and settled.outputs.dtype == np.float32
    assert [h.shape for h in settled.hidden] == [(4, 70), (4, 6)]
    for array in (settled.residuals, settled.power, settled.energy):
        assert array.shape == (4,) and array.dtype == np.float64


def test_a_tolerance_is_met_or_the_residual_tells(network, inputs):
    settled = network.settle(inputs, tolerance=1e-5)
    assert (settled.residuals <= 1e-5).all() and settled.sweeps < 1000
    capped = network.settle(inputs, tolerance=1e-5, sweeps=2)
    assert capped.sweeps == 2 and (capped.residuals > 1e-5).any()


def test_inference_holds_where_nothing_is_said(network, inputs):
    from ohmgrad import Settling

    network.inference = Settling(9, order="backward")
    assert network.settle(inputs).sweeps == 9
    expected = network.settle(inputs, sweeps=9, order="backward").outputs
    assert (network.settle(inputs).outputs == expected).all()
    assert network.settle(inputs, order="forward").sweeps == 4


def test_examples_do_not_depend_on_one_another(network):
    """More examples than are settled at once."""
    many = np.random.default_rng(2).normal(size=(600, 5))
    together = network.settle(many, sweeps=5)
    for example in (0, 255, 256, 511, 512, 599):
        alone = network.settle(many[example : example + 1], sweeps=5)
        assert (alone.outputs[0] == together.outputs[example]).all()
        assert (alone.hidden[1][0] == together.hidden[1][example]).all()
        assert alone.power[0] == together.power[example]
        assert alone.residuals[0] == together.residuals[example]


@pytest.mark.parametrize(
    ("inputs", "error", "words"),
    [
        (np.zeros((4, 6)), ValueError, r"X has the shape \(4, 6\): it must be \(n, 5\)"),
        (np.zeros(5), ValueError, r"X has the shape \[5\]: it must have 2 dimensions"),
        (np.zeros((0, 5)), ValueError, r"X has the shape \(0, 5\): .* at least one example"),
        (np.zeros((1, 1, 5)), ValueError, "X has the shape"),
        ([["a"] * 5], TypeError, "X must be an array of numbers, not of <U1"),
        ([[None] * 5], TypeError, "X must be an array of numbers, not of object"),
        (np.zeros((1, 5), complex), TypeError, "X must be an array of numbers, not of complex128"),
        (np.zeros((1, 5), "M8[s]"), TypeError, "X must be an array of numbers, not of datetime64"),
        ([[1, 2], [3]], ValueError, "X cannot be made an array"),
        (np.full((300, 5), 1e38), ValueError, "potentials of example 0 overflow"),
    ],
)
def test_wrong_inputs_are_refused(network, inputs, error, words):
    with pytest.raises(error, match=words):
        network.settle(inputs)


@pytest.mark.parametrize("example", [0, 299])
def test_inputs_that_are_not_finite_are_named(network, example):
    inputs = np.zeros((300, 5), np.float32)
    inputs[example, 3] = np.nan
    with pytest.raises(ValueError, match=f"X: input 3 of example {example} is NaN"):
        network.settle(inputs)


def test_layouts_do_not_matter(network, inputs):
    expected = network.settle(inputs).outputs
    for same in (
        np.asfortranarray(inputs),
        inputs.astype(np.float64),
        inputs.astype(">f4"),
        np.repeat(inputs, 3, axis=0)[::3],
        inputs.tolist(),
    ):
        assert (network.settle(same).outputs == expected).all()


def test_over_relaxation_settles_to_the_same_state(network, inputs):
    exact = network.settle(inputs, tolerance=2e-6, sweeps=10_000)
    relaxed = network.settle(inputs, tolerance=2e-6, sweeps=10_000, relaxation=1.2)
    np.testing.assert_allclose(relaxed.outputs, exact.outputs, rtol=1e-4, atol=1e-5)
    assert (relaxed.residuals <= 2e-6).all()
    with pytest.raises(ValueError, match="relaxation is 2"):
        network.settle(inputs, relaxation=2.0)
    settling = Settling(8, relaxation=1.5)
    assert repr(settling) == "Settling(8, order='asynchronous', relaxation=1.5)"
    assert pickle.loads(pickle.dumps(settling)) == settling

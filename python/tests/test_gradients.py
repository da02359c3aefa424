"""The report on gradients, against networks settled by NumPy in float64."""

import numpy as np
import pytest

import ohmgrad
from conftest import interrupt
from ohmgrad import Architecture, Dataset, Network, Settling, Trainer

LOW, HIGH = [0, 0, 0, -np.inf, -np.inf, -np.inf], [np.inf, np.inf, np.inf, 0, 0, 0]
SETTLED = {"batch_size": 2, "initial_state": "zero"}
SETTLED |= {"free_phase": Settling(300, tolerance=1e-8), "nudged_phase": Settling(300, tolerance=1e-8)}


@pytest.fixture
def network() -> Network:
    """Six hidden nodes, all parameters random."""
    network = Network(Architecture(3, [6], 2, input_gain=2), seed=1)
    rng = np.random.default_rng(0)
    for name, shape in network.architecture.shapes.items():
        network[name] = rng.uniform(0.1, 1.0, size=shape)
    return network


@pytest.fixture
def data() -> Dataset:
    rng = np.random.default_rng(1)
    return Dataset(rng.normal(size=(4, 3)), rng.normal(size=(4, 2)))


def settle(p, x, beta=0.0, y=0.0):
    """Potentials of sources, hidden nodes and outputs, by Kirchhoff's current law node after node."""
    s, v = np.concatenate([2 * x, -2 * x]), np.zeros(2)
    for _ in range(500):
        h = (s @ p["W1"] + p["W2"] @ v + p["b1"]) / (p["W1"].sum(0) + p["W2"].sum(1))
        h = h.clip(LOW, HIGH)
        v = (h @ p["W2"] + p["b2"] + beta * y) / (p["W2"].sum(0) + beta)
    return s, h, v


def mean_cost(p, data):
    pairs = zip(data.X.astype(float), data.y.astype(float))
    return np.mean([((settle(p, x)[2] - y) ** 2).sum() / 2 for x, y in pairs])


def finite_differences(p, name, data):
    slopes = np.zeros(p[name].shape)
    for i in np.ndindex(*slopes.shape):
        for step in (1e-5, -1e-5):
            moved = {**p, name: p[name].copy()}
            moved[name][i] += step
            slopes[i] += mean_cost(moved, data) / (2 * step)
    return slopes


def centered_contrast(p, name, data, beta):
    """Half the squared voltage across each conductance, or minus the potential, towards the target less away from it."""

    def slope(x, y, beta):
        s, h, v = settle(p, x, beta, y)
        below, above = {"W1": (s, h), "W2": (h, v), "b1": (None, h), "b2": (None, v)}[name]
        return -above if below is None else np.subtract.outer(below, above) ** 2 / 2

    pairs = zip(data.X.astype(float), data.y.astype(float))
    return np.mean([(slope(x, y, beta) - slope(x, y, -beta)) / (2 * beta) for x, y in pairs], axis=0)


def test_the_numbers_are_those_of_finite_differences(network, data):
    beta = 0.5
    report = Trainer(network, "c-ep", beta=beta, **SETTLED).compare_gradients(data)
    assert report.examples == 4 and report.residual <= 1e-11
    p = {name: array.astype(float) for name, array in network.parameters().items()}
    assert [row.parameter for row in report.rows] == list(p)
    for row in report.rows:
        exact = finite_differences(p, row.parameter, data).ravel()
        found = centered_contrast(p, row.parameter, data, beta).ravel()
        norms = np.linalg.norm(found), np.linalg.norm(exact)
        assert row.cosine == pytest.approx(found @ exact / np.prod(norms), abs=1e-5), row
        assert row.ratio == pytest.approx(norms[0] / norms[1], abs=1e-4), row
    assert max(abs(row.ratio - 1) for row in report.rows) > 0.01, "the nudge is too weak to see"


def test_every_beta_and_number_of_sweeps_has_its_rows(network, data):
    before = network.parameters()
    trainer = Trainer(network, "c-ep", batch_size=3)
    report = trainer.compare_gradients(data, betas=[0.1, 1e6], sweeps=np.array([5, 50]))
    columns = report.to_dict()
    assert list(columns) == list(ohmgrad.GradientRow._fields)
    assert columns["beta"] == [0.1] * 8 + [1e6] * 8
    assert columns["free_sweeps"] == columns["nudged_sweeps"] == ([5] * 4 + [50] * 4) * 2
    assert columns["parameter"] == ["W1", "W2", "b1", "b2"] * 4
    for row in report.rows[:8]:
        assert row.cosine is not None and row.ratio is not None and row.reason is None
    for row in report.rows[8:]:
        assert row.cosine is None and row.ratio is None and "unbounded below" in row.reason
    assert repr(report).startswith("<GradientReport: 3 examples, 16 rows, lowest cosine ")
    after = network.parameters()
    assert all((before[name] == after[name]).all() for name in before) and trainer.epoch == 0


def test_a_rule_without_amplitude_has_no_beta(network, data):
    report = Trainer(network, "al", **SETTLED).compare_gradients(data)
    assert {row.beta for row in report.rows} == {None}
    assert all(row.cosine > 1 - 1e-6 and row.ratio == pytest.approx(1, abs=1e-5) for row in report.rows)


def test_comparisons_that_cannot_be_made_are_refused(network, data):
    trainer = Trainer(network, "c-ep")
    with pytest.raises(ValueError, match="3 examples are less than one batch of 4"):
        trainer.compare_gradients(Dataset(data.X[:3], data.y[:3]))
    with pytest.raises(ValueError, match="beta is -1"):
        trainer.compare_gradients(data, betas=[1, -1])
    with pytest.raises(ValueError, match="sweeps"):
        trainer.compare_gradients(data, sweeps=[0])
    with pytest.raises(TypeError, match="sweeps must be an integer"):
        trainer.compare_gradients(data, sweeps=[1.5])
    with pytest.raises(ValueError, match="the data have 2 features"):
        trainer.compare_gradients(Dataset(data.X[:, :2], data.y))
    with pytest.raises(ValueError, match="beta is 1: this rule has no amplitude"):
        Trainer(network, "al").compare_gradients(data, betas=[1])
    hopfield = Network(Architecture(3, [6], 2, energy="hopfield"))
    with pytest.raises(ValueError, match="a Hopfield network has no conductances"):
        Trainer(hopfield, "c-ep", beta=0.5).compare_gradients(data)


def test_a_comparison_hears_ctrl_c(network, data):
    trainer = Trainer(network, "c-ep", free_phase=Settling(2**40))
    assert interrupt(lambda: trainer.compare_gradients(data)) < 1

"""Plots show the numbers that they are given."""

import numpy as np
import pytest

import ohmgrad
from ohmgrad import Architecture, CircuitBuilder, Dataset, Network, Trainer

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")

from matplotlib import pyplot  # noqa: E402

from ohmgrad import plot  # noqa: E402


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


@pytest.fixture
def rows():
    circuit = (
        CircuitBuilder()
        .voltage_source("v1", "in", "0", 0)
        .resistor("r1", "in", "out", 1e3)
        .diode("d1", "out", "0", 0.7)
        .build()
    )
    return circuit.sweep("v1", np.linspace(-1, 2, 31))


def curves(ax):
    return {line.get_label(): line.get_xydata() for line in ax.get_lines()}


def test_sweeps(rows):
    drawn = curves(plot.potentials(rows))
    assert set(drawn) == {"in", "out"}
    assert (drawn["out"] == np.stack([rows.values[:, 0], rows.potential("out")], 1)).all()
    drawn = curves(plot.currents(rows, "d1"))
    assert (drawn["d1"] == np.stack([rows.values[:, 0], rows.current("d1")], 1)).all()
    drawn = curves(plot.iv(rows, "d1", "r1"))
    assert (drawn["d1"] == np.stack([rows.voltage("d1"), rows.current("d1")], 1)).all()
    with pytest.raises(ValueError, match="the table has no node x"):
        plot.potentials(rows, "x")
    two = rows._replace(sources=("a", "b"))
    with pytest.raises(ValueError, match="the rows change 2 sources"):
        plot.currents(two)


def test_axes_that_are_given_are_used(rows):
    _, ax = pyplot.subplots()
    assert plot.iv(rows, ax=ax) is ax


def test_learning_curves_of_runs(run, tmp_path):
    run("train", "digits", "--epochs", 2, "--out", "first")
    experiment = ohmgrad.Experiment.load(tmp_path / "first" / "config.toml")
    train, test = experiment.load_data()
    epochs = Trainer(experiment.network(), **experiment.settings).train(train, 2, test=test)
    folder, trained = plot.learning_curves(tmp_path / "first"), plot.learning_curves(epochs)
    for ax in (folder, trained):
        shown, dashed = (line.get_xydata() for line in ax.get_lines())
        assert np.allclose(shown, [[e.epoch, 100 * e.test.error] for e in epochs], rtol=1e-12)
        assert np.allclose(dashed, [[e.epoch, 100 * e.error] for e in epochs], rtol=1e-12)
    assert folder.get_ylabel() == "error (%)"
    assert folder.get_legend_handles_labels()[1][0] == "first"


def test_learning_curves_of_regression():
    data = Dataset([[0.0], [1.0]], [[0.1], [0.3]])
    epochs = Trainer(Network(Architecture(1, [4], 1)), "al", learning_rate=1e-3).train(data, 3)
    ax = plot.learning_curves(epochs)
    assert ax.get_ylabel() == "cost"
    (line,) = ax.get_lines()
    assert line.get_ydata().tolist() == [epoch.cost for epoch in epochs]


def test_runs_that_cannot_be_drawn(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1}\n')
    with pytest.raises(ValueError, match="metrics.jsonl holds no metrics"):
        plot.learning_curves(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("")
    with pytest.raises(ValueError, match="has no epochs"):
        plot.learning_curves(tmp_path)
    with pytest.raises(FileNotFoundError):
        plot.learning_curves(tmp_path / "none")
    with pytest.raises(ValueError, match="at least one"):
        plot.learning_curves()


def test_receptive_fields_are_differences_of_signed_pairs():
    network = Network(Architecture(4, [3], 1), seed=2)
    weights = network["W1"]
    (image,) = plot.receptive_fields(network).get_images()
    mosaic = image.get_array().filled(np.nan)
    assert mosaic.shape == (5, 5)
    fields = [mosaic[:2, :2], mosaic[:2, 3:], mosaic[3:, :2]]
    for unit, field in enumerate(fields):
        assert (field.ravel() == weights[:4, unit] - weights[4:, unit]).all()
    assert np.isnan(mosaic[3:, 3:]).all() and np.isnan(mosaic[2]).all()
    with pytest.raises(ValueError, match="5 features are no square image"):
        plot.receptive_fields(Network(Architecture(5, [3], 1)))


def test_of_many_units_those_with_the_largest_fields_are_shown():
    network = Network(Architecture(4, [130], 1))
    weights = np.zeros((8, 130), np.float32)
    weights[0] = np.arange(130)
    network["W1"] = weights
    (image,) = plot.receptive_fields(network).get_images()
    shown = image.get_array()[::3, ::3].ravel()
    assert shown.tolist() == list(range(30, 130))


def test_histograms_count_every_conductance():
    network = Network(Architecture(4, [30], 2), seed=1)
    ax = plot.conductances(network)
    assert len(ax.patches) == 2
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert set(texts) == {"W1: 240 conductances", "W2: 60 conductances"}
    still = Network.from_parameters(
        Architecture(1, [], 1), {"W1": np.zeros((2, 1)), "b1": np.zeros(1)}
    )
    plot.conductances(still)


def test_circuits(rows):
    circuit = CircuitBuilder().voltage_source("v", "a", "0", 2).resistor("r", "a", "0", 2).build()
    plain, solved = plot.circuit(circuit), plot.circuit(circuit.solve())
    for ax in (plain, solved):
        assert {text.get_text() for text in ax.texts} == {"0", "a", "v", "r"}
    dots, lines = solved.collections
    assert dots.get_array().tolist() == [0, 2] and lines.get_array().tolist() == [1, 1]

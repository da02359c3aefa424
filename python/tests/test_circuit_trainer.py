"""Circuits that learn: the tasks of the command line and of builders, beside closed forms and finite differences."""

import copy
import json
import pickle

import numpy as np
import pytest

import ohmgrad
from conftest import ROOT
from ohmgrad import CircuitBuilder, CircuitExperiment, CircuitTrainer, TrainingError

EXAMPLES = ROOT / "examples"


def divider() -> ohmgrad.Circuit:
    return (
        CircuitBuilder("A divider")
        .voltage_source("v1", "in", 0, 0.0)
        .resistor("r1", "in", "out", 1.0)
        .resistor("r2", "out", 0, 1.0)
        .current_source("i1", 0, "out", 0.0)
        .build()
    )


RATIO = (np.array([[1.0], [2.0]]), np.array([0.25, 0.5]))


def test_a_step_is_the_rule_in_closed_form():
    """Coupled learning of a divider: v = g1 x / (g1 + g2); the clamped state is a share beta of the way to y."""
    g1, g2, x, y, beta, rate = 1.0, 0.5, 2.0, 0.6, 0.25, 0.1
    circuit = divider()
    circuit.set("r2", conductance=g2)
    trainer = CircuitTrainer(circuit, ["v1"], ["v(out)"], train=["r*"], rule="p-cpl", beta=beta, learning_rate=rate)
    assert trainer.names == ("r1", "r2")
    trainer.train_epoch(([[x]], [y]))
    free = g1 * x / (g1 + g2)
    held = free + beta * (y - free)
    expected = [g1 - rate * ((x - held) ** 2 - (x - free) ** 2) / 2 / beta, g2 - rate * (held**2 - free**2) / 2 / beta]
    assert trainer.values == pytest.approx(expected, rel=1e-6)
    assert trainer.circuit.values(["r1", "r2"]) == pytest.approx(expected, rel=1e-6)
    assert circuit["r2"].values["conductance"] == g2, "the circuit given was changed"


def test_the_gradient_is_that_of_finite_differences():
    circuit = (
        CircuitBuilder()
        .voltage_source("x", "in", 0, 0).voltage_source("u", "bias", 0, 0.3).current_source("i", 0, "out", 0.1)
        .resistor("r1", "in", "mid", 1).resistor("r2", "mid", "out", 2).resistor("r3", "out", "bias", 3)
        .shockley_diode("d", "mid", 0, 1e-3, thermal_voltage=0.2).resistor("load", "out", 0, 5)
        .build()
    )
    data = ([[0.7], [1.3]], [[0.2, 0.05], [0.4, 0.1]])
    trainer = CircuitTrainer(circuit, ["x"], ["v(out)", "i(r1)"], train=["r*", "u", "i"], rule="al")
    found, start, step = trainer.gradient(data), trainer.values.copy(), 1e-5
    for k in range(len(start)):
        costs = []
        for sign in (1, -1):
            values = start.copy()
            values[k] += sign * step
            trainer.values = values
            costs.append(trainer.evaluate(data).cost)
        assert found[k] == pytest.approx((costs[0] - costs[1]) / (2 * step), rel=1e-4, abs=1e-9), trainer.names[k]


@pytest.mark.parametrize("rule", ["p-ep", "n-ep", "c-ep", "p-cpl", "n-cpl", "c-cpl", "cl", "al", "rbp"])
def test_every_rule_learns(rule):
    trainer = CircuitTrainer(divider(), ["v1"], ["v(out)"], train=["r1", "r2"], rule=rule)
    history = trainer.train(RATIO, 300, test=RATIO)
    assert history[-1].test.cost < 1e-5 < history[0].cost
    assert trainer.outputs([[4.0]])[0, 0] == pytest.approx(1.0, abs=0.03)


def test_sources_are_trained():
    trainer = CircuitTrainer(divider(), ["v1"], ["v(out)"], train=["i1"], learning_rate={"currents": 0.5}, rule="al")
    trainer.train(([[1.0]], [0.9]), 200)
    # v = (x + i) / 2 with both resistors 1 ohm
    assert trainer.circuit["i1"].values["current"] == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize("name", ["xor/xor", "regression/regression", "regression/currents"])
def test_the_command_line_learns_the_same(name, run, tmp_path):
    experiment = CircuitExperiment.load(EXAMPLES / f"{name}.toml")
    trainer = experiment.trainer()
    train, test = experiment.load_data()
    history = trainer.train(train, 5, test=train if test is None else test)
    run("learn", EXAMPLES / f"{name}.toml", "--epochs", 5, "--out", "run")
    told = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    for line, epoch in zip(told, history, strict=True):
        mine = epoch.to_dict()
        assert list(line) == list(mine)
        for key in set(line) - {"seconds"}:
            assert line[key] == (None if mine[key] is None else pytest.approx(mine[key], rel=1e-12)), key
    trained = ohmgrad.Circuit.from_netlist(tmp_path / "run" / "trained.cir")
    assert (trained.values(trainer.names) == trainer.values).all()


def test_training_goes_on_in_copies_and_files(tmp_path):
    settings = {"train": ["r1", "r2"], "optimizer": "adam", "learning_rate": 0.01, "rule": "c-cpl", "seed": 3}
    trainer = CircuitTrainer(divider(), ["v1"], ["v(out)"], **settings)
    trainer.train(RATIO, 4, test=RATIO)
    trainer.save(tmp_path / "trainer.json")
    again = [CircuitTrainer.load(tmp_path / "trainer.json"), copy.copy(trainer), pickle.loads(pickle.dumps(trainer))]
    trainer.train(RATIO, 4)
    for other in again:
        assert other.epoch == 4
        other.train(RATIO, 4)
        assert (other.values == trainer.values).all() and other.settings == trainer.settings
        assert other.history[7].cost == trainer.history[7].cost
    for text in ("{}", "no JSON", '{"format": "other"}'):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(ValueError, match="other.json"):
            CircuitTrainer.load(tmp_path / "other.json")
    (tmp_path / "short.json").write_text('{"format": "ohmgrad-circuit-trainer"}')
    with pytest.raises(ValueError, match="short.json is damaged.*netlist"):
        CircuitTrainer.load(tmp_path / "short.json")


def test_labels_early_stopping_and_callbacks(tmp_path):
    """Which of two inputs is larger: two dividers would do."""
    builder = CircuitBuilder().voltage_source("a", "x", 0, 0).voltage_source("b", "y", 0, 0)
    for k, (source, target) in enumerate((s, t) for s in "xy" for t in "pq"):
        builder.resistor(f"r{k}", source, target, 1.0 + 0.1 * k)
    circuit = builder.resistor("rp", "p", 0, 1).resistor("rq", "q", 0, 1).build()
    x = np.random.default_rng(0).uniform(0, 1, size=(40, 2))
    data = ohmgrad.Dataset(x, (x[:, 1] > x[:, 0]).astype(int))
    trainer = CircuitTrainer(circuit, ["a", "b"], ["v(p)", "v(q)"], levels=(0.0, 0.5), learning_rate=0.3)
    lines = tmp_path / "epochs.jsonl"
    history = trainer.train(
        data, 60, test=data, keep_best=True, patience=20, callback=[ohmgrad.callbacks.JsonLines(lines)]
    )
    assert history.best.test.error < 0.1 and len(lines.read_text().splitlines()) == len(history)
    assert history.to_dataframe().error.min() == pytest.approx(100 * history.best.test.error)
    measured = CircuitTrainer(trainer.best, ["a", "b"], ["v(p)", "v(q)"], levels=(0.0, 0.5)).evaluate(data)
    assert measured.errors == history.best.test.errors and measured.outputs.shape == (40, 2)
    assert "error" in repr(measured) and len(repr(history)) < 300


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        ((["v2"], ["v(out)"]), {}, "inputs: the netlist has no element `v2`"),
        ((["r1"], ["v(out)"]), {}, "input r1 is no voltage or current source"),
        ((["v1"], ["out"]), {}, "`out` is no output: write v"),
        ((["v1"], []), {}, "there is no output"),
        ((["v1"], ["v(out)"]), {"train": ["v1"]}, "v1 is an input"),
        ((["v1"], ["v(out)"]), {"train": ["q*"]}, "no element `q\\*`"),
        ((["v1"], ["i(r1)"]), {"rule": "c-cpl"}, "the rule holds output voltages"),
        ((["v1"], ["v(out)"]), {"rule": "tbp"}, "tbp"),
        ((["v1"], ["v(out)"]), {"g_min": 2.0}, "outside of 2 to 1000 S"),
        ((["v1"], ["v(out)"]), {"batch_size": 0}, "batch is 0"),
        ((["v1"], ["v(out)"]), {"learning_rate": {"conductance": 1.0}}, "learning_rates"),
    ],
)
def test_wrong_tasks_are_refused(arguments, settings, words):
    with pytest.raises(ValueError, match=words):
        CircuitTrainer(divider(), *arguments, **settings)


def test_wrong_examples_are_refused():
    trainer = CircuitTrainer(divider(), ["v1"], ["v(out)"])
    for data, error, words in [
        (([[1.0, 2.0]], [0.5]), ValueError, "the examples have 2 inputs and 1 targets, the task 1 and 1"),
        (([[1.0]], [3]), ValueError, "example 1 is of class 3, but there are 1"),
        (([[1.0]], [-1]), ValueError, r"y\[0\] is -1"),
        (([[np.nan]], [0.5]), ValueError, "must be finite"),
        ([1, 2, 3], TypeError, "data must be a pair of arrays"),
        ((np.zeros((0, 1)), np.zeros(0)), ValueError, "there are no examples"),
    ]:
        with pytest.raises(error, match=words):
            trainer.train(data)
    with pytest.raises(ValueError, match="epochs is -2"):
        trainer.train(RATIO, -2)


def test_training_that_cannot_go_on_is_an_error():
    """Two sources in a loop contradict one another as soon as one is trained."""
    circuit = CircuitBuilder().voltage_source("v1", "in", 0, 1).voltage_source("v2", "in", 0, 1)
    circuit = circuit.resistor("r1", "in", "out", 1).resistor("r2", "out", 0, 1).build()
    trainer = CircuitTrainer(circuit, ["v1"], ["v(out)"], train=["r1"])
    with pytest.raises(TrainingError, match="example 1"):
        trainer.train(([[2.0]], [0.1]), 5)


def test_a_callback_of_progress_cannot_use_the_trainer():
    experiment = CircuitExperiment.load(EXAMPLES / "allostery" / "allostery.toml")
    trainer, data = experiment.trainer(), experiment.load_data()[0]
    many = (np.tile(data[0], (5000, 1)), np.tile(data[1], (5000, 1)))
    with pytest.raises(RuntimeError, match="this trainer is at work"):
        trainer.train_epoch(many, lambda done: trainer.values)
    assert trainer.evaluate(data).examples == 2

"""Histories: what they tell, where they are written, and training that goes on, ends early and keeps its best network."""

import json
import math

import numpy as np
import pytest

import ohmgrad
from ohmgrad import Architecture, Dataset, Epoch, Evaluation, History, Network, Trainer


@pytest.fixture
def data() -> Dataset:
    x = np.random.default_rng(0).uniform(-1, 1, size=(120, 2))
    return Dataset(x, 2 * (x[:, 0] > 0) + (x[:, 1] > 0))


def new(**settings) -> Trainer:
    return Trainer(Network(Architecture(2, [20], 4, input_gain=10)), "al", **settings)


def test_a_history_is_a_table(data):
    pandas = pytest.importorskip("pandas")
    trainer = new()
    history = trainer.train(data[:100], 3, test=data[100:])
    frame = history.to_dataframe()
    assert isinstance(frame, pandas.DataFrame) and frame.epoch.tolist() == [1, 2, 3]
    assert frame.test_error.tolist() == [100 * epoch.test.error for epoch in history]
    assert frame.train_cost.tolist() == [epoch.cost for epoch in history]
    assert frame.attrs["units"]["test_error"] == "percent"
    assert trainer.train(data).to_dataframe().test_error.isna().all()
    assert len(trainer.history) == 4 and len(History().to_dataframe()) == 0
    xarray = pytest.importorskip("xarray")
    told = history.to_xarray()
    assert isinstance(told, xarray.Dataset) and told.test_error.attrs["units"] == "percent"
    assert told.test_error.sel(epoch=2).item() == frame.test_error[1]


def test_the_best_epoch_is_the_first_with_the_lowest_test_error():
    def epoch(number, errors, test_errors=None, cost=0.1):
        test = None if test_errors is None else Evaluation(10, test_errors, 0.5, None, None, None, None, None)
        return Epoch(number, 10, errors, cost, 4, 8, 0.1, test=test)

    assert History([epoch(1, 5, 3), epoch(2, 4, 2), epoch(3, 0, 2)]).best.epoch == 2
    assert History([epoch(1, 5), epoch(2, 4), epoch(3, 4)]).best.epoch == 2
    assert History([epoch(1, None, cost=0.3), epoch(2, None, cost=0.2)]).best.epoch == 2
    with pytest.raises(ValueError, match="no epochs yet"):
        _ = History().best


def test_training_ends_early_and_keeps_its_best_network(data):
    stuck = new(learning_rate=0.0)
    assert len(stuck.train(data, 10, test=data, patience=3)) == 4
    trainer = new(learning_rate=0.03)
    assert trainer.best is None
    history = trainer.train(data, 12, test=data, keep_best=True)
    best = history.best
    assert trainer.best.evaluate(data).errors == best.test.errors
    assert trainer.best is not trainer.network
    # Going on does not forget it.
    trainer.train(data, 1, test=data, keep_best=True)
    assert trainer.best.evaluate(data).errors == trainer.history.best.test.errors


def test_patience_counts_within_one_call(data):
    trainer = new(learning_rate=0.0)
    trainer.train(data, 5)
    assert len(trainer.train(data, 10, patience=2)) == 3


def test_trainers_are_saved_and_loaded(data, tmp_path, run):
    path = tmp_path / "trainer.safetensors"
    trainer = new(optimizer="adam", learning_rate=1e-3, batch_size=7, seed=3)
    trainer.train(data, 3, test=data)
    trainer.save(path)
    again = Trainer.load(path, threads=1)
    assert again.settings == trainer.settings and again.epoch == 3
    assert (again.history[1].test.confusion == trainer.history[1].test.confusion).all()
    assert again.history.to_dataframe().equals(trainer.history.to_dataframe())
    assert [a.train(data, 2)[-1].cost for a in (again, trainer)] == [trainer.history[-1].cost] * 2
    for name, values in trainer.network.parameters().items():
        assert (again.network[name] == values).all()
    # Its network is a model.
    assert (Network.load(path)["W1"] == Trainer.load(path).network["W1"]).all()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="cut short"):
        Trainer.load(path)
    with pytest.raises(FileNotFoundError):
        Trainer.load(tmp_path / "none")


def test_a_run_of_the_command_line_goes_on_in_python(run, tmp_path):
    run("train", "digits", "--epochs", 2, "--out", "run")
    experiment = ohmgrad.Experiment.load(tmp_path / "run" / "config.toml")
    trainer = Trainer.load(tmp_path / "run" / "checkpoint.safetensors")
    assert trainer.settings == experiment.settings and trainer.epoch == 2 and trainer.history == []
    trainer.train(experiment.load_data()[0])
    run("train", "--resume", "run", "--epochs", 3)
    resumed = Network.load(tmp_path / "run" / "last.safetensors")
    assert (resumed["W1"] == trainer.network["W1"]).all()


def events(folder):
    """The scalars of an event file as TensorBoard reads them: {tag: [(step, value), ...]}."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(event.step, event.value) for event in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }


def test_event_files_and_json_lines_say_the_same(data, tmp_path):
    folder, lines = tmp_path / "events", tmp_path / "metrics.jsonl"
    callbacks = [ohmgrad.callbacks.TensorBoard(folder), ohmgrad.callbacks.JsonLines(lines)]
    history = new().train(data, 3, test=data, callback=callbacks)
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert told == [epoch.to_dict() for epoch in history]
    shown = events(folder)
    assert set(shown) == set(told[0]) - {"epoch"}
    for name, points in shown.items():
        for (step, value), epoch in zip(points, told, strict=True):
            assert step == epoch["epoch"] and math.isclose(value, epoch[name], rel_tol=1e-6)
    ohmgrad.callbacks.JsonLines(lines, append=True)(history[0])
    assert len(lines.read_text().splitlines()) == 4


def test_the_command_line_uses_the_same_names_and_units(run, tmp_path):
    run("train", "digits", "--epochs", 2, "--out", "run", "--tensorboard", "events")
    told = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert list(told[0]) == list(Epoch(0, 1, 0, 0, 0, 0, 0).to_dict())
    train, test = ohmgrad.Experiment.preset("digits").load_data()
    trainer = Trainer(ohmgrad.Experiment.preset("digits").network(), **ohmgrad.Experiment.preset("digits").settings)
    history = trainer.train(train, 2, test=test)
    timed = ("seconds", "examples_per_second")
    for line, epoch in zip(told, history, strict=True):
        assert {k: v for k, v in line.items() if k not in timed} == pytest.approx(
            {k: v for k, v in epoch.to_dict().items() if k not in timed}
        )
    shown = events(tmp_path / "events")
    assert set(shown) == set(told[0]) - {"epoch"}
    assert [value for _, value in shown["test_error"]] == pytest.approx([line["test_error"] for line in told])
    run("train", "--resume", "run", "--epochs", 3, "--tensorboard", "events")
    assert [step for step, _ in events(tmp_path / "events")["train_cost"]] == [1, 2, 3]


def test_what_is_shown_is_short(data):
    trainer = new()
    history = trainer.train(data, 30, test=data)
    evaluation, settled = trainer.network.evaluate(data), trainer.network.settle(data)
    circuit = ohmgrad.CircuitBuilder().voltage_source("v1", "a", "0", 0).resistor("r1", "a", "0", 2).build()
    rows = circuit.sweep("v1", np.linspace(0, 1, 1000))
    for thing in (history, history[0], evaluation, settled, rows, trainer, data):
        assert len(repr(thing)) < 300 and "\n" not in repr(thing), repr(thing)
    assert repr(history).startswith("<History of 30 epochs; last: <Epoch 30: error ")
    assert repr(rows) == "<SolvedRows: 1,000 rows of v1; 2 nodes, 2 elements; all solved>"
    for thing in (history, evaluation, rows):
        assert thing._repr_html_().count("<tr>") <= 22
    assert "and 10 more" in history._repr_html_()


def test_solved_rows_are_tables():
    pytest.importorskip("pandas")
    circuit = ohmgrad.Circuit.from_netlist("A divider\nV1 in 0 3\nR1 in out 2k\nR2 out 0 1k\n")
    rows = circuit.sweep("v1", [3, 6])
    frame = rows.to_dataframe()
    assert list(frame.columns) == ["v1", "v(in)", "v(out)", "i(v1)", "i(r1)", "i(r2)", "power", "solved"]
    assert frame["v(out)"].tolist() == pytest.approx([1, 2]) and frame.solved.all()
    assert frame.power.tolist() == pytest.approx([3e-3, 12e-3])
    pytest.importorskip("xarray")
    told = rows.to_xarray()
    assert told.currents.sel(element="r2").values == pytest.approx([1e-3, 2e-3])
    assert told.coords["v1"].values.tolist() == [3, 6] and told.potentials.attrs["units"] == "V"

"""The package and the command line: the same numbers to the bit, the same files."""

import json

import numpy as np
import pytest

import ohmgrad


@pytest.fixture
def trained(run, tmp_path):
    run("train", "digits", "--epochs", 2, "--seed", 3, "--out", "run", "--threads", 1)
    return tmp_path / "run"


def test_training_gives_the_same_bits(trained):
    experiment = ohmgrad.Experiment.load(trained / "config.toml")
    assert (experiment.name, experiment.epochs, experiment.seed) == ("digits", 2, 3)
    train, test = experiment.load_data()
    trainer = ohmgrad.Trainer(experiment.network(), **experiment.settings)
    epochs = trainer.train(train, 2, test=test)
    loaded = ohmgrad.Network.load(trained / "last.safetensors")
    for name, values in loaded.parameters().items():
        assert (trainer.network[name] == values).all(), name
    lines = (trained / "metrics.jsonl").read_text().splitlines()
    for epoch, metrics in zip(epochs, map(json.loads, lines), strict=True):
        assert epoch.cost == metrics["train_cost"] and epoch.test.cost == metrics["test_cost"]
        assert 100 * epoch.errors / epoch.examples == metrics["train_error"]
        assert 100 * epoch.test.errors / epoch.test.examples == metrics["test_error"]


def test_evaluation_gives_the_same_numbers(run, trained):
    model = trained / "best.safetensors"
    told = json.loads(run("eval", model, "--json"))
    network = ohmgrad.Network.load(model)
    _, test = ohmgrad.Experiment.load(trained / "config.toml").load_data()
    measured = network.evaluate(test)
    assert (measured.errors, measured.cost) == (told["errors"], told["test_cost"])
    assert measured.power == told["mean_power_watt"]
    assert measured.max_residual == told["max_residual"]
    assert (measured.confusion == np.array(told["confusion"])).all()


def test_the_command_line_reads_what_the_package_writes(run, trained, tmp_path):
    network = ohmgrad.Network.load(trained / "last.safetensors")
    network.save(tmp_path / "again.safetensors")
    again, first = (tmp_path / "again.safetensors"), (trained / "last.safetensors")
    assert again.read_bytes() == first.read_bytes()
    network["b1"] = network["b1"] + 1
    network.save(again)
    told = json.loads(run("eval", first, "--json"))
    assert told["examples"] == 359


def test_checkpoints_hold_models(trained):
    last = ohmgrad.Network.load(trained / "last.safetensors")
    checkpoint = ohmgrad.Network.load(trained / "checkpoint.safetensors")
    assert (last["W1"] == checkpoint["W1"]).all()


def test_presets_are_those_of_the_command_line(run):
    listed = run("presets")
    for name in ohmgrad.presets():
        assert name in listed
        experiment = ohmgrad.Experiment.preset(name)
        assert experiment.toml.count("[training") >= 4
        assert ohmgrad.Experiment(experiment.toml) == experiment
    with pytest.raises(ValueError, match="did you mean `digits`"):
        ohmgrad.Experiment.preset("digit")
    with pytest.raises(ValueError, match="epohcs"):
        ohmgrad.Experiment(experiment.toml.replace("epochs", "epohcs"))
    with pytest.raises(FileNotFoundError, match="none.toml cannot be read"):
        ohmgrad.Experiment.load("none.toml")

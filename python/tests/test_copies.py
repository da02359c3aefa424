"""Pickles and copies."""

import copy
import pickle

import numpy as np
import pytest

import ohmgrad
from ohmgrad import Architecture, Dataset, Experiment, Network, Settling, Trainer

WAYS = [copy.copy, copy.deepcopy] + [
    lambda thing, protocol=protocol: pickle.loads(pickle.dumps(thing, protocol))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "thing",
    [
        Architecture(3, [4, 5], 2),
        Architecture(3, [], 2, input_gain=0.1, weight_gains=[0.3], g_min=1e-7, g_max=9),
        Settling(3),
        Settling(tolerance=1e-3, order="backward"),
        Dataset([[1, 2]], [0], classes=4),
        Dataset([[1, 2]], [0.5]),
        Dataset(np.array([[3, 4]], np.uint8), [0], full_scale=7),
        Experiment.preset("digits"),
    ],
    ids=repr,
)
def test_values_are_equal_to_their_copies(thing, way):
    same = way(thing)
    assert same == thing and type(same) is type(thing)


@pytest.mark.parametrize("way", WAYS)
def test_networks_are_copied_with_all_they_know(network, inputs, way):
    network.inference = Settling(6, order="forward")
    same = way(network)
    assert same.architecture == network.architecture
    assert (same.inference, same.threads) == (network.inference, network.threads)
    expected = network.settle(inputs).outputs
    network["b3"] = network["b3"] + 1
    assert (same.settle(inputs).outputs == expected).all()


def test_where_a_model_comes_from_is_copied(run, tmp_path):
    run("train", "digits", "--epochs", 1, "--out", "run")
    network = Network.load(tmp_path / "run" / "last.safetensors")
    for way in WAYS:
        way(network).save(tmp_path / "copy.safetensors")
        assert "metric" not in run("eval", tmp_path / "copy.safetensors")


def test_results_are_pickled(network, inputs):
    settled = network.settle(inputs)
    same = pickle.loads(pickle.dumps(settled))
    assert (same.outputs == settled.outputs).all() and same.sweeps == settled.sweeps


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_trainers_go_on_in_their_copies(network, way, optimizer):
    x = np.random.default_rng(0).normal(size=(30, 5))
    data = (x, (x[:, 0] > 0).astype(int))
    trainer = Trainer(network, "al", learning_rate=1e-3, optimizer=optimizer, schedule="exponential")
    trainer.train(data, 2, test=data)
    same = way(trainer)
    assert (same.epoch, same.settings, same.network.threads) == (2, trainer.settings, network.threads)
    assert repr(same.history) == repr(trainer.history)
    trainer.train(data, 2)
    same.train(data, 2)
    for name, values in trainer.network.parameters().items():
        assert (same.network[name] == values).all(), name
    assert same.history[3].cost == trainer.history[3].cost and same.epoch == 4


def test_errors_are_pickled():
    error = pickle.loads(pickle.dumps(ohmgrad.TrainingError("why")))
    assert (type(error), error.args) == (ohmgrad.TrainingError, ("why",))

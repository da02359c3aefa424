import gc
import logging

import numpy as np
import pytest

import ohmgrad
from ohmgrad import Architecture, Dataset, Network, Settling, Trainer, TrainingError

ALL_RULES = ["p-ep", "n-ep", "c-ep", "p-cpl", "n-cpl", "c-cpl", "cl", "al", "rbp", "tbp"]


@pytest.fixture
def data() -> Dataset:
    """Four classes: the signs of two features."""
    x = np.random.default_rng(0).uniform(-1, 1, size=(200, 2))
    return Dataset(x, 2 * (x[:, 0] > 0) + (x[:, 1] > 0))


def small(seed=0) -> Network:
    return Network(Architecture(2, [40], 4, input_gain=10), seed=seed)


@pytest.mark.parametrize("rule", ALL_RULES)
def test_every_rule_learns(data, rule):
    beta = {"l": 0.5, "p": 0.1}[rule[-1]] if rule[2:] in ("ep", "cpl") else None
    trainer = Trainer(small(), rule, beta=beta, learning_rate=0.01)
    epochs = trainer.train(data, 10)
    assert epochs[-1].error < 0.15 < small().evaluate(data).error
    assert epochs[-1].cost < epochs[0].cost
    assert [epoch.epoch for epoch in epochs] == list(range(1, 11)) and trainer.epoch == 10


def test_a_step_is_the_published_update():
    """Centered equilibrium propagation of a voltage divider, in closed form: v = (W.x + beta y) / (sum W + beta)."""
    w, rate, beta, x, y = np.array([3.0, 1.0]), 0.1, 0.5, np.array([1.0, -1.0]), 2.0
    network = Network.from_parameters(
        Architecture(1, [], 1), {"W1": w.reshape(2, 1), "b1": [0.25]}
    )
    trainer = Trainer(network, "c-ep", beta=beta, learning_rate=rate)
    trainer.train_epoch(Dataset([[1.0]], [y]))
    v = {b: (w @ x + 0.25 + b * y) / (w.sum() + b) for b in (-beta, beta)}
    contrast = ((x - v[beta]) ** 2 - (x - v[-beta]) ** 2) / 2 / (2 * beta)
    w1 = w - rate * contrast
    b1 = 0.25 + rate * (v[beta] - v[-beta]) / (2 * beta)
    assert network["W1"][:, 0] == pytest.approx(w1, rel=1e-6)
    assert network["b1"] == pytest.approx(b1, rel=1e-6)


def test_target_potentials_are_learnt():
    """Without hidden layers an output is a mean of the sources: any mean can be learnt."""
    x = np.random.default_rng(0).uniform(-1, 1, size=(20, 2))
    data = Dataset(x, x @ [0.5, -0.25])
    trainer = Trainer(Network(Architecture(2, [], 1)), "al", learning_rate=0.5)
    last = trainer.train(data, 200, test=data)[-1]
    assert last.cost < 1e-8 and last.test.cost < 1e-8
    assert (last.errors, last.error, last.test.errors, last.test.confusion) == (None,) * 4
    outputs = trainer.network.settle(x).outputs
    assert np.abs(outputs - data.y).max() < 1e-3


def test_cross_entropy_is_that_of_numpy(data):
    network = small()
    measured = network.evaluate(data, cost="cross-entropy", sweeps=6)
    outputs = network.settle(data.X, sweeps=6).outputs.astype(np.float64)
    log_sum = np.log(np.exp(outputs).sum(axis=1))
    assert measured.cost == pytest.approx((log_sum - outputs[np.arange(200), data.y]).mean(), rel=1e-5)
    with pytest.raises(ValueError, match="target 0 of example 1 is -1: cross-entropy needs"):
        Network(Architecture(1, [3], 1)).evaluate(
            Dataset([[1.0], [2.0]], [1.0, -1.0]), cost="cross-entropy"
        )


def test_an_evaluation_is_that_of_the_settled_outputs(data):
    network = small()
    measured = network.evaluate(data, sweeps=5)
    settled = network.settle(data.X, sweeps=5)
    predictions = settled.outputs.argmax(axis=1)
    confusion = np.zeros((4, 4), int)
    np.add.at(confusion, (data.y, predictions), 1)
    assert (measured.confusion == confusion).all() and measured.confusion.dtype == np.int64
    assert measured.errors == (predictions != data.y).sum() == measured.error * 200
    target = np.eye(4)[data.y]
    assert measured.cost == pytest.approx(((settled.outputs - target) ** 2).sum(axis=1).mean() / 2)
    assert measured.power == pytest.approx(settled.power.mean(), rel=1e-5)
    assert measured.max_residual == pytest.approx(settled.residuals.max(), rel=1e-3)
    assert (measured.examples, measured.max_sweeps) == (200, 5)
    brief = network.evaluate(data, sweeps=5, physics=False)
    assert (brief.errors, brief.cost, brief.power) == (measured.errors, measured.cost, None)


def test_a_test_set_is_measured_after_each_epoch(data):
    trainer = Trainer(small(), cost="cross-entropy", rule="al")
    epochs = trainer.train(data, 2, test=data)
    measured = trainer.network.evaluate(data, cost="cross-entropy", physics=False)
    assert epochs[-1].test.cost == measured.cost and epochs[-1].test.power is None
    assert (epochs[-1].test.confusion == measured.confusion).all()


def test_settings_make_an_equal_trainer(data):
    settings = {
        "rule": "n-ep",
        "beta": 0.1,
        "cost": "cross-entropy",
        "batch_size": 8,
        "initial_state": "zero",
        "free_phase": Settling(tolerance=1e-3, order="forward"),
        "nudged_phase": Settling(5, order="backward"),
        "learning_rate": {"W1": 0.01, "W2": 0.02, "b1": 0.03, "b2": 0.0},
        "optimizer": {"method": "momentum", "momentum": 0.5},
        "schedule": {"kind": "cosine", "epochs": 3, "final": 0.1, "warmup": 0.5},
        "weight_decay": 0.001,
        "seed": 1 << 63,
    }
    first, second = Trainer(small(), **settings), Trainer(small(), **settings)
    assert first.settings == settings
    first.train(data, 2)
    second.train(data, 2)
    for name, values in first.network.parameters().items():
        assert (second.network[name] == values).all()
    assert first.network.inference == settings["free_phase"]


def test_beta_has_a_default_for_equilibrium_propagation_only():
    wide = Network(Architecture(2, [1024], 4))
    assert Trainer(wide, "c-ep").settings["beta"] == Trainer(wide, "p-ep").settings["beta"] == 1.0
    assert Trainer(small(), "p-ep").settings["beta"] == 1.0
    least = small()["W2"].sum(axis=0).min()
    assert Trainer(small(), "c-ep").settings["beta"] == pytest.approx(least / 2, rel=1e-6)
    assert Trainer(small(), "al").settings["beta"] is None
    with pytest.raises(ValueError, match="beta is missing"):
        Trainer(small(), "p-cpl")


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"rule": "ep"}, ValueError, "rule: unknown variant `ep`, expected one of `p-ep`"),
        ({"rule": "al", "beta": 1.0}, ValueError, "this rule has no amplitude"),
        ({"beta": -1.0}, ValueError, "beta is -1"),
        ({"cost": "hinge"}, ValueError, "cost: unknown variant `hinge`"),
        ({"rule": "cl", "cost": "cross-entropy"}, ValueError, "cost is cross-entropy"),
        ({"batch_size": 0}, ValueError, "batch is 0"),
        ({"batch_size": -1}, ValueError, "batch_size is -1"),
        ({"batch_size": 1e9}, TypeError, "batch_size must be an integer"),
        ({"initial_state": "hot"}, ValueError, "initial_state: unknown variant"),
        ({"free_phase": 4}, TypeError, "free_phase"),
        ({"learning_rate": -0.1}, ValueError, "learning_rates.W1 is -0.1"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rates.W1 is NaN"),
        ({"learning_rate": {"W1": 0.1}}, ValueError, "learning_rates has no entry W2"),
        ({"learning_rate": "0.01"}, TypeError, "learning_rate must be a number, or a dict .* not str"),
        ({"learning_rate": {"W1": "high"}}, TypeError, r'learning_rate\["W1"\] must be a number'),
        ({"schedule": {"kind": "exponential", "factor": 0.0}}, ValueError, "schedule.factor is 0"),
        ({"schedule": {"factor": 0.9}}, ValueError, 'schedule.factor is used by kind = "exponential"'),
        ({"schedule": "linear"}, ValueError, "unknown variant `linear`"),
        ({"schedule": 0.9}, TypeError, "schedule"),
        ({"optimizer": {"method": "momentum", "momentum": 1.0}}, ValueError, "momentum is 1"),
        ({"optimizer": {"momentum": 0.9}}, ValueError, 'momentum is used by method = "momentum"'),
        ({"optimizer": {"decay": 0.9}}, ValueError, "unknown field `decay`"),
        ({"optimizer": {"weight_decay": 0.9}}, ValueError, "weight_decay is an argument of its own"),
        ({"weight_decay": -1.0}, ValueError, "weight_decay is -1"),
        ({"seed": 1 << 64}, ValueError, "seed is 18446744073709551616"),
    ],
)
def test_wrong_settings_are_refused_and_the_network_stays(settings, error, words):
    network = small()
    before = network["W1"]
    with pytest.raises(error, match=words):
        Trainer(network, **settings)
    assert (network["W1"] == before).all()


def test_data_that_do_not_fit_are_refused():
    trainer = Trainer(small())
    with pytest.raises(ValueError, match="3 features and 4 classes .* has 2 features and 4 outputs"):
        trainer.train(Dataset(np.zeros((1, 3)), [3], classes=4))
    with pytest.raises(TypeError, match="data must be a Dataset or a pair of arrays .* not ndarray"):
        trainer.train_epoch(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="example 0 has the label 4: labels must be below 4"):
        trainer.train(([[0, 0]], [4]))


def test_pairs_are_examples(data):
    first, second = Trainer(small()), Trainer(small())
    expected = first.train(data, 2, test=data)
    pair = (data.X, data.y)
    assert [epoch.cost for epoch in second.train(pair, 2, test=pair)] == [epoch.cost for epoch in expected]
    assert (first.network["W1"] == second.network["W1"]).all()
    # A pair that lacks the last classes has those of the network.
    few = data.y < 2
    measured = second.network.evaluate((data.X[few], data.y[few]))
    assert measured.confusion.shape == (4, 4) and measured.errors == second.network.evaluate(data[few]).errors


def test_labels_in_floating_point_are_named(data):
    for act in (Trainer(small()).train, small().evaluate):
        with pytest.raises(ValueError, match=r"floating-point numbers, which are target potentials; .* y\.astype\(int\)"):
            act((data.X, data.y.astype(float)))


def test_epochs_and_patience_out_of_range_are_refused(data):
    trainer = Trainer(small())
    with pytest.raises(ValueError, match="epochs is -1: it must be at least 0"):
        trainer.train(data, -1)
    with pytest.raises(ValueError, match="patience is 0"):
        trainer.train(data, 1, patience=0)
    with pytest.raises(TypeError):
        trainer.train(data, 1.5)
    assert trainer.train(data, 0) == [] == trainer.history


def test_training_that_cannot_go_on_is_an_error(data):
    words = r"diverged in epoch \d, at example \d+ of it: .* is not finite. .* the largest is now 1.000e38, that of W1"
    with pytest.raises(TrainingError, match=words.replace("W1", r"\w\d")):
        Trainer(small(), learning_rate=1e38).train(data, 3)
    network = small()
    network["W2"] = np.full((40, 4), 0.01)
    with pytest.raises(TrainingError, match="unbounded below: .* add up to 0.39999998 S"):
        Trainer(network, "n-ep", beta=1.0).train(data)
    assert issubclass(TrainingError, RuntimeError)


def test_a_network_has_one_trainer_at_a_time(data):
    network = small()
    first = Trainer(network, optimizer="momentum")
    first.train(data)
    after = network["W1"]
    second = Trainer(network)
    assert (network["W1"] == after).all()
    with pytest.raises(RuntimeError, match="a later Trainer has taken the network over"):
        first.train(data)
    del first
    gc.collect()
    second.train(data)
    assert second.network is network
    del second
    gc.collect()
    network["b1"] = np.zeros(40)
    assert Trainer(network).train(data)[0].epoch == 1


def test_velocities_do_not_outlive_their_trainer(data):
    """A trainer without momentum gives what it gives from the same parameters in a new network."""
    network = small()
    Trainer(network, optimizer="momentum").train(data)
    fresh = Network.from_parameters(network.architecture, network.parameters())
    Trainer(network, optimizer={"method": "momentum", "momentum": 0.5}).train(data)
    Trainer(fresh, optimizer={"method": "momentum", "momentum": 0.5}).train(data)
    assert (network["W1"] == fresh["W1"]).all() and (network["b2"] == fresh["b2"]).all()


def test_parameters_can_be_set_between_epochs(data):
    trainer = Trainer(small())
    trainer.train(data)
    w1 = trainer.network["W1"].copy()
    w1[:, :20] = 0
    trainer.network["W1"] = w1
    frozen = dict.fromkeys(trainer.network.architecture.shapes, 0.0)
    Trainer(trainer.network, learning_rate=frozen).train(data)
    assert (trainer.network["W1"] == w1).all()


def test_callbacks_and_progress(data):
    seen = []
    Trainer(small()).train(data, 2, callback=seen.append)
    assert [epoch.epoch for epoch in seen] == [1, 2]

    class Stop(Exception):
        pass

    def stop(examples):
        assert 0 < examples < 200_000
        raise Stop

    many = Dataset(np.tile(data.X, (1000, 1)), np.tile(data.y, 1000))
    trainer = Trainer(small())
    with pytest.raises(Stop):
        trainer.train_epoch(many, stop)
    assert trainer.epoch == 0
    trainer.train(data)


def test_progress_is_shown_by_tqdm(data, capfd):
    pytest.importorskip("tqdm")
    many = Dataset(np.tile(data.X, (300, 1)), np.tile(data.y, 300))
    Trainer(small()).train(many, progress=True)
    shown = capfd.readouterr().err
    assert "epoch 1/1" in shown and "error" in shown and "cost" in shown and shown.endswith("\n")


def test_epochs_are_logged(data, caplog):
    with caplog.at_level(logging.INFO, "ohmgrad"):
        Trainer(small()).train(data, 1, test=data)
    assert [record.message.split(":")[0] for record in caplog.records] == ["epoch 1", "epoch 1"]
    assert "test cost" in caplog.text


def test_a_callback_cannot_use_the_network_in_training(data):
    network = small()
    many = Dataset(np.tile(data.X, (1000, 1)), np.tile(data.y, 1000))
    with pytest.raises(RuntimeError, match="at work on this thread"):
        Trainer(network).train_epoch(many, lambda _: network["W1"])
    with pytest.raises(RuntimeError, match="at work on this thread"):
        Trainer(network).train_epoch(many, lambda _: Trainer(network))
    other = small()
    ohmgrad.Trainer(network).train_epoch(data, lambda _: other.settle([[0, 0]]))


@pytest.mark.parametrize("width", [1, 2, 4, 8, 16, 24, 48])
@pytest.mark.parametrize("rule", ["c-ep", "n-ep", "p-ep"])
def test_the_defaults_train_networks_of_any_width(width, rule):
    """The tutorial's settings; a width of 1 cannot tell ten digits apart, but must train."""
    train, test = ohmgrad.datasets.load_digits().split(0.2)
    for seed in range(3):
        network = Network(Architecture(64, [width], 10, input_gain=30), seed=seed)
        history = Trainer(network, rule, learning_rate=0.01).train(train[:400], 2, test=test)
        assert np.isfinite(history[-1].test.cost)
        assert width < 8 or history[-1].cost < history[0].cost


def test_training_whose_cost_explodes_stops_and_says_when(data):
    trainer = Trainer(small(), "al", learning_rate={"W1": 0.0, "W2": 0.0, "b1": 0.0, "b2": 20.0}, batch_size=200)
    words = r"diverged in epoch \d+, at example 200 of it: the mean cost of the epoch is .* in the first one\. .* 2\.000e1, that of b2"
    with pytest.raises(TrainingError, match=words):
        trainer.train(data, 500)
    assert 1 < trainer.epoch < 500 and len(trainer.history) == trainer.epoch

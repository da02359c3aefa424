"""Several Python threads, and Ctrl-C."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import interrupt

from ohmgrad import Architecture, Dataset, Network, Settling, Trainer


def test_one_network_can_be_used_by_many_threads(network, inputs):
    """Whoever settles sees all parameters before a change, or all after it."""
    first, second = network.parameters(), network.parameters()
    second["W1"] = 2 * second["W1"]
    second["b3"] = second["b3"] + 1
    before = network.settle(inputs).outputs
    network.set_parameters(second)
    after = network.settle(inputs).outputs
    assert (before != after).any()

    def settle(_):
        outputs = network.settle(inputs).outputs
        return (outputs == before).all() or (outputs == after).all()

    def change(i):
        network.set_parameters([first, second][i % 2])
        return True

    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit([settle, settle, change][i % 3], i // 3) for i in range(150)]
        assert all(job.result(timeout=60) for job in jobs)


def test_settling_waits_for_the_end_of_an_epoch(network, inputs):
    data = Dataset(np.random.default_rng(0).normal(size=(4000, 5)), np.arange(4000) % 3)
    copy = Network.from_parameters(network.architecture, network.parameters())
    Trainer(copy, beta=0.1, learning_rate=1e-4).train(data)
    expected = {network.settle(inputs).outputs.tobytes(), copy.settle(inputs).outputs.tobytes()}
    trainer = Trainer(network, beta=0.1, learning_rate=1e-4)
    with ThreadPoolExecutor(2) as pool:
        training = pool.submit(trainer.train, data)
        while not training.done():
            assert network.settle(inputs, sweeps=4).outputs.tobytes() in expected
        training.result()


def test_other_threads_run_while_a_network_works():
    network = Network(Architecture(50, [200, 200], 10))
    ticks = []
    done = threading.Event()

    def tick():
        while not done.wait(0.01):
            ticks.append(time.monotonic())

    ticking = threading.Thread(target=tick)
    ticking.start()
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        network.settle(np.ones((200, 50)), sweeps=20)
    done.set()
    ticking.join()
    assert len(ticks) > 5


def endless():
    data = Dataset(np.random.default_rng(0).normal(size=(100_000, 20)), np.arange(100_000) % 3)
    return Network(Architecture(20, [100, 100], 3, input_gain=4), threads=2), data


def test_ctrl_c_ends_training_and_leaves_the_network_usable():
    network, data = endless()
    before = network["W1"]
    trainer = Trainer(network, beta=0.1, learning_rate=1e-4)
    assert interrupt(lambda: trainer.train(data, 1000)) < 5
    assert (network["W1"] != before).any()
    same = Network.from_parameters(network.architecture, network.parameters())
    assert (network.settle(data.X[:5]).outputs == same.settle(data.X[:5]).outputs).all()
    trainer.train(Dataset(data.X[:100], data.y[:100], classes=3))


def test_ctrl_c_ends_settling():
    network, data = endless()
    assert interrupt(lambda: network.settle(data.X[:4], sweeps=1 << 40)) < 5
    assert interrupt(lambda: [network.settle(data.X) for _ in range(1000)]) < 5
    assert network.settle(data.X[:4]).sweeps == 4


def test_ctrl_c_ends_an_evaluation():
    network, data = endless()
    assert interrupt(lambda: network.evaluate(data, sweeps=1 << 20)) < 5


def test_ctrl_c_ends_a_step_of_many_sweeps():
    network, data = endless()
    trainer = Trainer(network, beta=0.1, nudged_phase=Settling(1 << 40))
    assert interrupt(lambda: trainer.train(data)) < 5


def test_a_signal_handler_cannot_use_a_network_at_work():
    network, data = endless()
    before = signal.signal(signal.SIGINT, lambda *_: network.settle(data.X[:1]))
    try:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(RuntimeError, match="at work on this thread"):
            network.settle(data.X[:4], sweeps=1 << 40)
    finally:
        signal.signal(signal.SIGINT, before)

"""Networks and data that several tests use."""

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import ohmgrad

ROOT = Path(__file__).parents[2]

# A shell that starts the tests in the background has Ctrl-C ignored; the tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def network() -> ohmgrad.Network:
    """Two hidden layers, all parameters random, biases too."""
    architecture = ohmgrad.Architecture(5, [70, 6], 3, input_gain=4, g_min=0.001)
    network = ohmgrad.Network(architecture, seed=1, threads=2)
    rng = np.random.default_rng(0)
    for name, shape in architecture.shapes.items():
        if name.startswith("b"):
            network[name] = rng.normal(size=shape)
    return network


@pytest.fixture
def inputs() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)


@pytest.fixture(scope="session")
def command() -> str:
    """The command line, to compare with: $OHMGRAD, or the newest build of this clone."""
    built = [ROOT / "target" / profile / "ohmgrad" for profile in ("debug", "release")]
    built = sorted(filter(Path.exists, built), key=lambda path: path.stat().st_mtime)
    found = os.environ.get("OHMGRAD") or (str(built[-1]) if built else shutil.which("ohmgrad"))
    if not found:
        pytest.skip("the command line is not built (cargo build), nor named in $OHMGRAD")
    return found


@pytest.fixture
def run(command, tmp_path):
    """Runs the command line in a folder of its own; returns what it prints."""

    def run(*arguments: object) -> str:
        done = subprocess.run(
            [command, *map(str, arguments)],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def interrupt(work):
    """Runs `work`, sends SIGINT to this process meanwhile, and returns how long it went on."""
    sent = []

    def send():
        time.sleep(0.3)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    sending = threading.Thread(target=send)
    sending.start()
    with pytest.raises(KeyboardInterrupt):
        work()
    ended = time.monotonic()
    sending.join()
    return ended - sent[0]

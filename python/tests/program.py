"""A program as a user writes it; test_types.py checks its types and runs it."""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import ohmgrad


def accuracy(network: ohmgrad.Network, data: ohmgrad.Dataset) -> float:
    settled: ohmgrad.Settled = network.settle(data.X, tolerance=1e-3, sweeps=20)
    predictions: NDArray[np.intp] = settled.outputs.argmax(axis=1)
    return float((predictions == data.y).mean())


def main() -> None:
    train, test = ohmgrad.datasets.load_digits().split(0.2, seed=1)
    architecture = ohmgrad.Architecture(train.features, [64], train.outputs, input_gain=30)
    network = ohmgrad.Network(architecture, seed=1, threads=1)
    trainer = ohmgrad.Trainer(
        network, "c-ep", beta=1.0, learning_rate=0.01, free_phase=ohmgrad.Settling(4)
    )
    history: list[ohmgrad.Epoch] = trainer.train(train, 3, test=test)
    evaluation = history[-1].test
    assert evaluation is not None and evaluation.error is not None
    assert evaluation.error < 0.1 and accuracy(network, test) > 0.9
    with tempfile.TemporaryDirectory() as folder:
        network.save(Path(folder) / "digits.safetensors")
        again = ohmgrad.Network.load(Path(folder) / "digits.safetensors")
    weights: dict[str, NDArray[np.float32]] = again.parameters()
    assert weights["W1"].shape == (128, 64)


if __name__ == "__main__":
    main()

"""Types of settings, for programs that are checked."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ohmgrad._ohmgrad import Dataset, Settling

Data: TypeAlias = Dataset | tuple[ArrayLike, ArrayLike]
"""Examples, as training and measuring take them."""

Readout = Literal["nodes", "pairs"]
"""Names of how output nodes are read, see ``Architecture``."""

Energy = Literal["co-content", "hopfield"]
"""Names of what a network minimises, see ``Architecture``."""

LawName = Literal["ideal-diode", "ideal-pair", "shockley", "curve", "tanh", "linear"]
"""Names of what units have by themselves, see ``Architecture``."""

Start = Literal["scaled", "kaiming", "kaiming-centred", "uniform"]
"""Names of what conductances are drawn from, see ``Architecture``."""

Rule = Literal["p-ep", "n-ep", "c-ep", "p-cpl", "n-cpl", "c-cpl", "cl", "al", "rbp", "tbp"]
"""Names of learning rules, see ``Trainer``."""

Cost = Literal["squared-error", "cross-entropy"]
"""Names of costs."""

SweepOrder = Literal["asynchronous", "forward", "backward"]
"""Names of the orders in which a sweep visits the layers, see ``Settling``."""

InitialState = Literal["persistent", "zero"]
"""Where a free phase starts from, see ``Trainer``."""

Method = Literal["auto", "coordinate", "direct"]
"""Names of methods to solve a circuit, see ``Circuit.solve``."""


Update = Literal["sgd", "momentum", "adam"]
"""Names of update laws, see ``Trainer``."""

Course = Literal["constant", "exponential", "cosine"]
"""Names of what learning rates follow, see ``Trainer``."""


class LawKind(TypedDict):
    """What units have by themselves."""

    kind: LawName


class LawSettings(LawKind, total=False):
    """What units have by themselves, with its numbers, see ``Architecture``."""

    low: float
    high: float
    arrangement: Literal["single", "double"]
    saturation_current: float
    thermal_voltage: float
    ideality: float
    temperature: float
    offset_voltage: float
    dead_zone: bool
    points: Sequence[Sequence[float]] | NDArray[np.floating[Any]]
    file: str
    beyond: Literal["linear", "clamped"]
    limit: float
    scale: float


class OptimizerSettings(TypedDict, total=False):
    """An update law with its numbers, see ``Trainer``."""

    method: Update
    momentum: float
    beta1: float
    beta2: float
    epsilon: float


class ScheduleSettings(TypedDict, total=False):
    """A schedule with its numbers, see ``Trainer``."""

    kind: Course
    factor: float
    epochs: int
    final: float
    warmup: float


class TrainerSettings(TypedDict):
    """The keyword arguments that make a ``Trainer``, complete."""

    rule: Rule
    beta: float | None
    cost: Cost
    batch_size: int
    initial_state: InitialState
    free_phase: Settling
    nudged_phase: Settling
    learning_rate: dict[str, float]
    optimizer: OptimizerSettings
    schedule: ScheduleSettings
    weight_decay: float
    seed: int


class CircuitTrainerSettings(TypedDict):
    """The keyword arguments that make a ``CircuitTrainer``, complete."""

    inputs: list[str]
    outputs: list[str]
    train: list[str]
    rule: Rule
    beta: float | None
    cost: Cost
    batch_size: int
    learning_rate: dict[str, float]
    optimizer: OptimizerSettings
    schedule: ScheduleSettings
    weight_decay: float
    g_min: float
    g_max: float
    levels: tuple[float, float]
    seed: int

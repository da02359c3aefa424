"""Types of settings, for programs that are checked."""

from typing import Literal, TypedDict

from ohmgrad._ohmgrad import Settling

Readout = Literal["nodes", "pairs"]
"""Names of how output nodes are read, see ``Architecture``."""

Energy = Literal["co-content", "hopfield"]
"""Names of what a network minimises, see ``Architecture``."""

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
    learning_rate_decay: float
    momentum: float
    weight_decay: float
    seed: int

"""Types of settings, for programs that are checked."""

from typing import Literal, TypedDict

from ohmgrad._ohmgrad import Settling

Rule = Literal["p-ep", "n-ep", "c-ep", "p-cpl", "n-cpl", "c-cpl", "cl", "al", "rbp", "tbp"]
"""Names of learning rules, see ``Trainer``."""

Cost = Literal["squared-error", "cross-entropy"]
"""Names of costs."""

SweepOrder = Literal["asynchronous", "forward", "backward"]
"""Names of the orders in which a sweep visits the layers, see ``Settling``."""

InitialState = Literal["persistent", "zero"]
"""Where a free phase starts from, see ``Trainer``."""


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

"""Types of the compiled part."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, SupportsIndex, TypedDict, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ohmgrad.results import Epoch, Evaluation, Settled

_Path = str | PathLike[str]
_Order = Literal["asynchronous", "forward", "backward"]
_Rule = Literal["p-ep", "n-ep", "c-ep", "p-cpl", "n-cpl", "c-cpl", "cl", "al", "rbp", "tbp"]
_Cost = Literal["squared-error", "cross-entropy"]
_InitialState = Literal["persistent", "zero"]

class TrainerSettings(TypedDict):
    rule: _Rule
    beta: float | None
    cost: _Cost
    batch_size: int
    initial_state: _InitialState
    free_phase: Settling
    nudged_phase: Settling
    learning_rate: dict[str, float]
    learning_rate_decay: float
    momentum: float
    weight_decay: float
    seed: int

class TrainingError(RuntimeError): ...

@final
class Architecture:
    def __new__(
        cls,
        features: SupportsIndex,
        hidden: Sequence[SupportsIndex],
        outputs: SupportsIndex,
        *,
        input_gain: float = 1.0,
        weight_gains: Sequence[float] = (),
        g_min: float = 0.0,
        g_max: float = ...,
    ) -> Architecture: ...
    @property
    def features(self) -> int: ...
    @property
    def hidden(self) -> tuple[int, ...]: ...
    @property
    def outputs(self) -> int: ...
    @property
    def input_gain(self) -> float: ...
    @property
    def weight_gains(self) -> tuple[float, ...]: ...
    @property
    def g_min(self) -> float: ...
    @property
    def g_max(self) -> float: ...
    @property
    def conductances(self) -> int: ...
    @property
    def shapes(self) -> dict[str, tuple[int, ...]]: ...
    def __eq__(self, value: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Settling:
    def __new__(
        cls,
        sweeps: SupportsIndex | None = None,
        *,
        tolerance: float | None = None,
        order: _Order = "asynchronous",
    ) -> Settling: ...
    @property
    def sweeps(self) -> int: ...
    @property
    def tolerance(self) -> float | None: ...
    @property
    def order(self) -> _Order: ...
    def __eq__(self, value: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Network:
    def __new__(
        cls,
        architecture: Architecture,
        *,
        seed: SupportsIndex = 0,
        threads: SupportsIndex | None = None,
    ) -> Network: ...
    @staticmethod
    def from_parameters(
        architecture: Architecture,
        parameters: Mapping[str, ArrayLike],
        *,
        threads: SupportsIndex | None = None,
    ) -> Network: ...
    @staticmethod
    def load(path: _Path, *, threads: SupportsIndex | None = None) -> Network: ...
    def save(self, path: _Path) -> None: ...
    @property
    def architecture(self) -> Architecture: ...
    @property
    def threads(self) -> int: ...
    @property
    def inference(self) -> Settling: ...
    @inference.setter
    def inference(self, inference: Settling) -> None: ...
    def __getitem__(self, key: str, /) -> NDArray[np.float32]: ...
    def __setitem__(self, key: str, value: ArrayLike, /) -> None: ...
    def parameters(self) -> dict[str, NDArray[np.float32]]: ...
    def set_parameters(self, parameters: Mapping[str, ArrayLike]) -> None: ...
    def settle(
        self,
        X: ArrayLike,
        *,
        sweeps: SupportsIndex | None = None,
        tolerance: float | None = None,
        order: _Order | None = None,
    ) -> Settled: ...
    def evaluate(
        self,
        data: Dataset,
        *,
        cost: _Cost = "squared-error",
        physics: bool = True,
        sweeps: SupportsIndex | None = None,
        tolerance: float | None = None,
        order: _Order | None = None,
    ) -> Evaluation: ...
    def __copy__(self) -> Network: ...
    def __deepcopy__(self, memo: dict[int, Any], /) -> Network: ...

@final
class Dataset:
    def __new__(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        *,
        classes: SupportsIndex | None = None,
        full_scale: SupportsIndex | None = None,
    ) -> Dataset: ...
    @property
    def X(self) -> NDArray[np.float32]: ...
    @property
    def y(self) -> NDArray[np.int64] | NDArray[np.float32]: ...
    @property
    def features(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def classes(self) -> int | None: ...
    def split(self, fraction: float, *, seed: SupportsIndex = 0) -> tuple[Dataset, Dataset]: ...
    def __len__(self) -> int: ...
    def __eq__(self, value: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

class Trainer:
    def __new__(
        cls,
        network: Network,
        rule: _Rule = "c-ep",
        *,
        beta: float | None = None,
        cost: _Cost = "squared-error",
        batch_size: SupportsIndex = 4,
        initial_state: _InitialState = "persistent",
        free_phase: Settling | None = None,
        nudged_phase: Settling | None = None,
        learning_rate: float | Mapping[str, float] = 0.01,
        learning_rate_decay: float = 1.0,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        seed: SupportsIndex = 0,
    ) -> Trainer: ...
    @property
    def network(self) -> Network: ...
    @property
    def epoch(self) -> int: ...
    @property
    def settings(self) -> TrainerSettings: ...
    def train_epoch(
        self, data: Dataset, progress: Callable[[int], object] | None = None
    ) -> Epoch: ...

@final
class Experiment:
    def __new__(cls, toml: str) -> Experiment: ...
    @staticmethod
    def preset(name: str) -> Experiment: ...
    @staticmethod
    def load(path: _Path) -> Experiment: ...
    @property
    def toml(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def epochs(self) -> int: ...
    @property
    def architecture(self) -> Architecture: ...
    @property
    def settings(self) -> TrainerSettings: ...
    def network(self, *, threads: SupportsIndex | None = None) -> Network: ...
    def load_data(self) -> tuple[Dataset, Dataset]: ...
    def __eq__(self, value: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Equilibrium:
    def __new__(
        cls,
        architecture: Architecture,
        parameters: Mapping[str, ArrayLike],
        X: ArrayLike,
        *,
        tolerance: float,
        sweeps: SupportsIndex,
        threads: SupportsIndex | None = None,
    ) -> Equilibrium: ...
    @property
    def outputs(self) -> NDArray[np.float64]: ...
    @property
    def residuals(self) -> NDArray[np.float64]: ...
    def gradient(
        self, by_outputs: ArrayLike, beta: float | None = None
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]], NDArray[np.float64]]: ...

def load_digits() -> Dataset: ...
def load_idx(folder: _Path) -> tuple[Dataset, Dataset]: ...
def load_mnist(folder: _Path | None = None) -> tuple[Dataset, Dataset]: ...
def presets() -> list[str]: ...

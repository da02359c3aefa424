"""Networks as scikit-learn estimators; needs scikit-learn (``pip install ohmgrad[sklearn]``)."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.extmath import softmax
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ohmgrad._ohmgrad import Architecture, Dataset, Network, Settling
from ohmgrad.settings import Cost, Course, OptimizerSettings, Rule, ScheduleSettings, Update
from ohmgrad.trainer import Trainer

__all__ = ["DRNClassifier", "DRNRegressor"]


class _Estimator(BaseEstimator):
    """What both estimators share: a network on standardised features, and its training."""

    def _draw(self, X: NDArray[np.float64], outputs: int) -> None:
        """A new network for such features."""
        self.scaler_ = StandardScaler().fit(X)
        features = X.shape[1]
        architecture = Architecture(
            features,
            self.hidden,
            outputs,
            input_gain=self._standard_gain(features) if self.input_gain is None else self.input_gain,
            g_min=self.g_min,
            g_max=self.g_max,
        )
        first, self._order = check_random_state(self.random_state).randint(2**31, size=2).tolist()
        self.network_ = Network(architecture, seed=first, threads=self.threads)
        self.n_epochs_ = 0
        self._trainer: Trainer | None = None

    def _standard_gain(self, features: int) -> float:
        """Brings the first hidden layer to potentials of the order of 1 V, whatever the number of features."""
        return float(3 * features**0.5)

    def _train(self, data: Dataset, epochs: int, cost: Cost) -> None:
        """Trains the network on these examples."""
        if self._trainer is None:
            self._trainer = self._new_trainer(cost)
        self._trainer.train(data, epochs)
        self.history_ = self._trainer.history
        self.n_epochs_ += epochs

    def _new_trainer(self, cost: Cost) -> Trainer:
        phase = Settling(self.sweeps)
        return Trainer(
            self.network_,
            self.rule,
            beta=self.beta,
            cost=cost,
            batch_size=self.batch_size,
            free_phase=phase,
            nudged_phase=phase,
            learning_rate=self.learning_rate,
            optimizer=self.optimizer,
            schedule={"kind": "exponential", "factor": 0.97} if self.schedule is None else self.schedule,
            weight_decay=self.weight_decay,
            seed=self._order,
        )

    def _checked_epochs(self) -> int:
        if not isinstance(self.epochs, Integral) or self.epochs < 1:
            raise ValueError(f"epochs is {self.epochs!r}: it must be an integer of at least 1")
        return int(self.epochs)

    def _outputs(self, X: ArrayLike) -> NDArray[np.float64]:
        """Output potentials in volt, of shape (n, outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self.network_.settle(self.scaler_.transform(X)).outputs.astype(np.float64)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The network is that of the trainer, not another one."""
        super().__setstate__(state)
        trainer = getattr(self, "_trainer", None)
        if trainer is not None:
            self.network_, self.history_ = trainer.network, trainer.history


class DRNClassifier(ClassifierMixin, _Estimator):
    """A deep resistive network as a scikit-learn classifier, with an output node per class.

    Features are standardised: to mean 0 and standard deviation 1 on the examples of ``fit``, or of the
    first ``partial_fit``.

    Parameters
    ----------
    hidden : sequence of int, default (64,)
        Widths of the hidden layers.
    input_gain : float, optional
        Volt per standard deviation of a feature. Default: three times the square root of their number,
        which brings the first hidden layer to potentials of the order of 1 V whatever that number is.
    rule : str, default 'al'
        Learning rule, see ``Trainer``.
    beta : float, optional
        Strength of the rule's nudge, see ``Trainer``.
    cost : {'cross-entropy', 'squared-error'}, default 'cross-entropy'
        What is made small. Probabilities need cross-entropy.
    epochs : int, default 50
        Times that ``fit`` trains on every example; at least 1.
    batch_size : int, default 4
        Examples per step.
    sweeps : int, default 4
        Sweeps of each phase of training, and of predictions.
    learning_rate : float or dict of str to float, default 0.03
        One rate for all parameters, or one for each by its name ('W1', 'b1', ...).
    optimizer : str or dict, default 'sgd'
        The update law, see ``Trainer``.
    schedule : str or dict, optional
        Factor on all learning rates, see ``Trainer``. Default: 0.97 after each epoch.
    weight_decay : float, default 0
        Pull of the conductances towards 0, in units of the gradient per siemens.
    g_min, g_max : float, default 0 and inf
        Bounds of the conductances in siemens.
    threads : int, default 1
        Number of threads that work on the network; no result depends on it.
    random_state : int, numpy.random.RandomState or None, default None
        Draws the first conductances and the order of the examples: an integer gives the same classifier
        every time.

    Attributes
    ----------
    classes_ : array of shape (classes,)
        The labels.
    network_ : Network
        The trained network; its features are the standardised ones.
    scaler_ : sklearn.preprocessing.StandardScaler
        How features are standardised.
    history_ : History
        What each epoch showed.
    n_epochs_ : int
        Epochs trained so far.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : array of shape (n_features_in_,)
        Their names, if X had names in ``fit``.

    Examples
    --------
    >>> from ohmgrad.sklearn import DRNClassifier
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> X, y = load_iris(return_X_y=True)
    >>> bool(cross_val_score(DRNClassifier(random_state=0), X, y).mean() > 0.9)
    True
    """

    def __init__(
        self,
        hidden: Sequence[int] = (64,),
        *,
        input_gain: float | None = None,
        rule: Rule = "al",
        beta: float | None = None,
        cost: Cost = "cross-entropy",
        epochs: int = 50,
        batch_size: int = 4,
        sweeps: int = 4,
        learning_rate: float | Mapping[str, float] = 0.03,
        optimizer: Update | OptimizerSettings = "sgd",
        schedule: Course | ScheduleSettings | None = None,
        weight_decay: float = 0.0,
        g_min: float = 0.0,
        g_max: float = float("inf"),
        threads: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden = hidden
        self.input_gain = input_gain
        self.rule = rule
        self.beta = beta
        self.cost = cost
        self.epochs = epochs
        self.batch_size = batch_size
        self.sweeps = sweeps
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.g_min = g_min
        self.g_max = g_max
        self.threads = threads
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> "DRNClassifier":
        """Trains a new network.

        Parameters
        ----------
        X : array of shape (n, features)
            Features of n examples.
        y : array of shape (n,)
            Their labels, of any type that can be sorted.

        Returns
        -------
        DRNClassifier
            The estimator itself.

        Raises
        ------
        ValueError
            If the data or a setting are not valid.
        TrainingError
            If training diverged: lower the learning rate.
        """
        X, y = self._checked(X, y, reset=True)
        epochs = self._checked_epochs()
        self.classes_, labels = np.unique(y, return_inverse=True)
        self._draw(X, len(self.classes_))
        self._train(self._data(X, labels), epochs, self.cost)
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None
    ) -> "DRNClassifier":
        """Trains the network for one more epoch, on these examples.

        The first call draws it, with the settings as they are.

        Parameters
        ----------
        X : array of shape (n, features)
            Features of n examples.
        y : array of shape (n,)
            Their labels.
        classes : array of shape (classes,), optional
            All labels there will ever be; needed in the first call, unless y holds them all.

        Returns
        -------
        DRNClassifier
            The estimator itself.

        Raises
        ------
        ValueError
            If the data or a setting are not valid, or y has a label that is not one of the classes.
        TrainingError
            If training diverged: lower the learning rate.

        Examples
        --------
        >>> from ohmgrad.sklearn import DRNClassifier
        >>> classifier = DRNClassifier(random_state=0)
        >>> _ = classifier.partial_fit([[0.0, 1.0]], ["on"], classes=["on", "off"])
        >>> classifier.partial_fit([[1.0, 0.0]], ["off"]).n_epochs_
        2
        """
        new = not hasattr(self, "network_")
        X, y = self._checked(X, y, reset=new)
        if new:
            self.classes_ = np.unique(y if classes is None else np.asarray(classes))
        elif classes is not None and not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
            raise ValueError("classes are not those of the first call of partial_fit")
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y has the label {unknown[0]!r}, which is not one of the classes {self.classes_}")
        if new:
            self._draw(X, len(self.classes_))
        self._train(self._data(X, np.searchsorted(self.classes_, y)), 1, self.cost)
        return self

    def _data(self, X: NDArray[np.float64], labels: NDArray[np.intp]) -> Dataset:
        return Dataset(self.scaler_.transform(X), labels, classes=len(self.classes_))

    def _checked(self, X: ArrayLike, y: ArrayLike, reset: bool) -> tuple[NDArray[np.float64], NDArray[Any]]:
        features, labels = validate_data(self, X, y, dtype=np.float64, reset=reset)
        check_classification_targets(labels)
        return features, labels

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The class with the largest output potential.

        Parameters
        ----------
        X : array of shape (n, features)
            Features of n examples.

        Returns
        -------
        array of shape (n,)
            Their labels.
        """
        best: NDArray[Any] = self._outputs(X).argmax(axis=1)
        return self.classes_[best]

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Output potentials.

        Parameters
        ----------
        X : array of shape (n, features)
            Features of n examples.

        Returns
        -------
        array of shape (n, classes), or (n,) if there are two classes
            Output potentials in volt; of two classes, that of the second above that of the first.
        """
        outputs = self._outputs(X)
        return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs

    def _has_probabilities(self) -> bool:
        if self.cost != "cross-entropy":
            raise AttributeError(f"probabilities need cost='cross-entropy', not {self.cost!r}")
        return True

    @available_if(_has_probabilities)
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probabilities: the softmax of the output potentials in volt.

        Parameters
        ----------
        X : array of shape (n, features)
            Features of n examples.

        Returns
        -------
        array of shape (n, classes)
            Probabilities, in the order of ``classes_``.
        """
        return softmax(self._outputs(X))


class DRNRegressor(RegressorMixin, MultiOutputMixin, _Estimator):
    """A deep resistive network as a scikit-learn regressor, with an output node per target.

    Features and targets are standardised: to mean 0 and standard deviation 1 (of a target: 1 V) on the
    examples of ``fit``, or of the first ``partial_fit``. The squared error is made small.

    Parameters
    ----------
    hidden : sequence of int, default (64,)
        Widths of the hidden layers.
    input_gain : float, optional
        Volt per standard deviation of a feature. Default: three times the square root of their number, at
        least 12: a function of few features needs slopes that a smaller gain does not give.
    rule : str, default 'al'
        Learning rule, see ``Trainer``.
    beta : float, optional
        Strength of the rule's nudge, see ``Trainer``.
    epochs : int, default 50
        Times that ``fit`` trains on every example; at least 1.
    batch_size : int, default 4
        Examples per step.
    sweeps : int, default 4
        Sweeps of each phase of training, and of predictions.
    learning_rate : float or dict of str to float, default 0.01
        One rate for all parameters, or one for each by its name ('W1', 'b1', ...).
    optimizer : str or dict, default 'adam'
        The update law, see ``Trainer``.
    schedule : str or dict, optional
        Factor on all learning rates, see ``Trainer``. Default: 0.97 after each epoch.
    weight_decay : float, default 0
        Pull of the conductances towards 0, in units of the gradient per siemens.
    g_min, g_max : float, default 0 and inf
        Bounds of the conductances in siemens.
    threads : int, default 1
        Number of threads that work on the network; no result depends on it.
    random_state : int, numpy.random.RandomState or None, default None
        Draws the first conductances and the order of the examples: an integer gives the same regressor
        every time.

    Attributes
    ----------
    network_ : Network
        The trained network; its features and outputs are the standardised ones.
    scaler_, target_scaler_ : sklearn.preprocessing.StandardScaler
        How features and targets are standardised.
    history_ : History
        What each epoch showed.
    n_epochs_ : int
        Epochs trained so far.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : array of shape (n_features_in_,)
        Their names, if X had names in ``fit``.

    Examples
    --------
    >>> from ohmgrad.sklearn import DRNRegressor
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn.model_selection import cross_val_score
    >>> X, y = make_friedman1(400, noise=0.5, random_state=0)
    >>> bool(cross_val_score(DRNRegressor(random_state=0), X, y).mean() > 0.8)
    True
    >>> import numpy
    >>> x = numpy.linspace(-3, 3, 200).reshape(-1, 1)
    >>> bool(DRNRegressor(random_state=0).fit(x, numpy.sin(x[:, 0])).score(x, numpy.sin(x[:, 0])) > 0.99)
    True
    """

    def _standard_gain(self, features: int) -> float:
        return max(12.0, super()._standard_gain(features))

    def __init__(
        self,
        hidden: Sequence[int] = (64,),
        *,
        input_gain: float | None = None,
        rule: Rule = "al",
        beta: float | None = None,
        epochs: int = 50,
        batch_size: int = 4,
        sweeps: int = 4,
        learning_rate: float | Mapping[str, float] = 0.01,
        optimizer: Update | OptimizerSettings = "adam",
        schedule: Course | ScheduleSettings | None = None,
        weight_decay: float = 0.0,
        g_min: float = 0.0,
        g_max: float = float("inf"),
        threads: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden = hidden
        self.input_gain = input_gain
        self.rule = rule
        self.beta = beta
        self.epochs = epochs
        self.batch_size = batch_size
        self.sweeps = sweeps
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.g_min = g_min
        self.g_max = g_max
        self.threads = threads
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> "DRNRegressor":
        """Trains a new network.

        Parameters
        ----------
        X : array of shape (n, features)
            Features of n examples.
        y : array of shape (n,) or (n, targets)
            Their targets.

        Returns
        -------
        DRNRegressor
            The estimator itself.

        Raises
        ------
        ValueError
            If the data or a setting are not valid.
        TrainingError
            If training diverged: lower the learning rate.
        """
        X, y = self._checked(X, y, reset=True)
        epochs = self._checked_epochs()
        self._start(X, y)
        self._train(self._data(X, y), epochs, "squared-error")
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike) -> "DRNRegressor":
        """Trains the network for one more epoch, on these examples.

        The first call draws it, with the settings as they are.

        Parameters
        ----------
        X : array of shape (n, features)
            Features of n examples.
        y : array of shape (n,) or (n, targets)
            Their targets.

        Returns
        -------
        DRNRegressor
            The estimator itself.

        Raises
        ------
        ValueError
            If the data or a setting are not valid.
        TrainingError
            If training diverged: lower the learning rate.

        Examples
        --------
        >>> from ohmgrad.sklearn import DRNRegressor
        >>> regressor = DRNRegressor(random_state=0)
        >>> regressor.partial_fit([[0.0], [1.0]], [1.0, 2.0]).partial_fit([[0.5]], [1.5]).n_epochs_
        2
        """
        new = not hasattr(self, "network_")
        X, y = self._checked(X, y, reset=new)
        if new:
            self._start(X, y)
        self._train(self._data(X, y), 1, "squared-error")
        return self

    def _checked(
        self, X: ArrayLike, y: ArrayLike, reset: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        features, targets = validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, reset=reset
        )
        return features, np.asarray(targets, np.float64)

    def _start(self, X: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """A new network for such targets."""
        self._single = y.ndim == 1
        targets = y.reshape(len(y), -1)
        self.target_scaler_ = StandardScaler().fit(targets)
        self._draw(X, targets.shape[1])

    def _data(self, X: NDArray[np.float64], y: NDArray[np.float64]) -> Dataset:
        targets = self.target_scaler_.transform(y.reshape(len(y), -1))
        return Dataset(self.scaler_.transform(X), targets)

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """What the output potentials mean.

        Parameters
        ----------
        X : array of shape (n, features)
            Features of n examples.

        Returns
        -------
        array of shape (n,) or (n, targets)
            Predicted targets, shaped as y was.
        """
        outputs = self._outputs(X)
        targets: NDArray[np.float64] = self.target_scaler_.inverse_transform(outputs)
        return targets[:, 0] if self._single else targets

"""The estimators, by scikit-learn's own checks and on data that anyone can load."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import ohmgrad
from ohmgrad.sklearn import DRNClassifier, DRNRegressor


@parametrize_with_checks(
    [
        DRNClassifier(),
        DRNClassifier(cost="squared-error", rule="c-ep", beta=0.5),
        DRNRegressor(),
    ]
)
def test_estimator_checks(estimator, check):
    check(estimator)


def test_iris():
    assert cross_val_score(DRNClassifier(random_state=0), *load_iris(return_X_y=True)).mean() > 0.93


def test_digits():
    X, y = load_digits(return_X_y=True)
    train, test, y_train, y_test = train_test_split(X, y, random_state=0)
    classifier = DRNClassifier(epochs=20, random_state=0).fit(train, y_train)
    assert classifier.score(test, y_test) > 0.95
    probabilities = classifier.predict_proba(test)
    likelihoods = probabilities[np.arange(len(test)), y_test]
    assert -np.log(likelihoods).mean() < 0.25


def test_diabetes():
    assert cross_val_score(DRNRegressor(random_state=0), *load_diabetes(return_X_y=True)).mean() > 0.4


def test_several_targets():
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = np.column_stack([100 * X[:, 0], 3 + np.abs(X[:, 1])])
    regressor = DRNRegressor(random_state=0).fit(X, y)
    assert regressor.predict(X).shape == (200, 2)
    assert regressor.score(X, y) > 0.95


def test_pipelines_and_grids():
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(
        make_pipeline(PCA(3), DRNClassifier(epochs=20, random_state=0)),
        {"drnclassifier__learning_rate": [1e-6, 0.03]},
        cv=3,
    ).fit(X, y)
    assert search.best_params_ == {"drnclassifier__learning_rate": 0.03}
    assert search.score(X, y) > 0.9


@pytest.mark.parametrize("estimator", [DRNClassifier(epochs=3), DRNRegressor(epochs=3)])
def test_random_state_decides(estimator):
    X, y = load_iris(return_X_y=True)

    def outputs(state, threads=1):
        fitted = clone(estimator).set_params(random_state=state, threads=threads, hidden=(100,))
        return fitted.fit(X, y).network_.settle(X).outputs

    assert (outputs(1) == outputs(1, threads=2)).all()
    assert (outputs(1) == outputs(np.random.RandomState(1))).all()
    assert (outputs(1) != outputs(2)).any()


@pytest.mark.parametrize("estimator", [DRNClassifier(epochs=3), DRNRegressor(epochs=3)])
def test_partial_fits_add_up_to_a_fit(estimator):
    X, y = load_iris(return_X_y=True)
    whole = clone(estimator).set_params(random_state=1).fit(X, y)
    steps = clone(estimator).set_params(random_state=1)
    for _ in range(3):
        steps.partial_fit(X, y)
    assert steps.n_epochs_ == whole.n_epochs_ == 3
    assert (steps.network_["W1"] == whole.network_["W1"]).all()
    assert (steps.predict(X) == whole.predict(X)).all()


@pytest.mark.parametrize("estimator", [DRNClassifier(epochs=3), DRNRegressor(epochs=3)])
def test_training_goes_on_after_a_pickle(estimator):
    X, y = load_iris(return_X_y=True)
    fitted = clone(estimator).fit(X, y)
    same = pickle.loads(pickle.dumps(fitted))
    assert (same.predict(X) == fitted.predict(X)).all()
    assert same.partial_fit(X, y).n_epochs_ == 4


def test_the_network_is_that_of_the_rest_of_the_package(tmp_path):
    X, y = load_iris(return_X_y=True)
    classifier = DRNClassifier(epochs=3, random_state=0).fit(X, y)
    classifier.network_.save(tmp_path / "iris.safetensors")
    network = ohmgrad.Network.load(tmp_path / "iris.safetensors")
    outputs = network.settle(classifier.scaler_.transform(X)).outputs
    assert (classifier.decision_function(X) == outputs).all()


def test_probabilities_need_cross_entropy():
    classifier = DRNClassifier(cost="squared-error")
    assert not hasattr(classifier, "predict_proba")
    with pytest.raises(AttributeError, match="predict_proba") as error:
        classifier.predict_proba
    assert "probabilities need cost='cross-entropy', not 'squared-error'" in str(error.value.__cause__)


def test_classes_of_partial_fit():
    X = np.eye(3)
    classifier = DRNClassifier().partial_fit(X[:1], ["b"], classes=["c", "a", "b"])
    assert list(classifier.classes_) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="y has the label .*'d'.*, which is not one of the classes"):
        classifier.partial_fit(X[:1], ["d"])
    with pytest.raises(ValueError, match="not those of the first call"):
        classifier.partial_fit(X[:1], ["a"], classes=["a", "b"])
    assert classifier.n_epochs_ == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epochs": 0}, "epochs is 0: it must be an integer of at least 1"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"hidden": (0,)}, "hidden layer 1 has width 0"),
        ({"input_gain": -1.0}, "input_gain is -1"),
        ({"rule": "backprop"}, "rule: unknown variant"),
        ({"cost": "hinge"}, "cost: unknown variant"),
        ({"threads": 0}, "threads is 0"),
        ({"sweeps": 0}, "sweeps is 0"),
    ],
)
def test_wrong_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        DRNClassifier(**settings).fit(*load_iris(return_X_y=True))


def test_targets_must_be_as_many_as_before():
    regressor = DRNRegressor(epochs=1).fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(ValueError, match="2 features"):
        regressor.partial_fit([[0.0], [1.0]], [[0.0, 1.0], [1.0, 0.0]])


def test_predicting_needs_a_fit():
    for estimator in (DRNClassifier(), DRNRegressor()):
        with pytest.raises(NotFittedError):
            estimator.predict([[0.0]])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("function", [np.sin, np.abs, np.square], ids=lambda f: f.__name__)
def test_functions_of_one_feature_are_learnt_with_the_defaults(function, seed):
    x = np.random.default_rng(seed).uniform(-3, 3, size=(200, 1))
    unseen = np.linspace(-2.9, 2.9, 101).reshape(-1, 1)
    model = DRNRegressor(random_state=seed).fit(x, function(x[:, 0]))
    assert model.score(unseen, function(unseen[:, 0])) >= 0.99

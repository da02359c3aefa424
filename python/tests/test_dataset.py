import numpy as np
import pytest

import ohmgrad
from conftest import ROOT
from ohmgrad import Dataset


def test_labels_and_target_potentials():
    x = [[0.5, -2], [1e9, 0], [0, 0]]
    labelled = Dataset(x, [0, 2, 1])
    assert (len(labelled), labelled.features, labelled.outputs, labelled.classes) == (3, 2, 3, 3)
    assert labelled.X.dtype == np.float32 and (labelled.X == np.float32(x)).all()
    assert labelled.y.dtype == np.int64 and labelled.y.tolist() == [0, 2, 1]
    assert Dataset(x, np.array([0, 1, 1], np.uint8), classes=5).outputs == 5
    assert Dataset(x, [False, True, True]).classes == 2

    one = Dataset(x, [0.5, 1.5, -1])
    assert (one.outputs, one.classes, one.y.tolist()) == (1, None, [[0.5], [1.5], [-1]])
    two = Dataset(x, np.arange(6.0).reshape(3, 2))
    assert (two.outputs, two.y.tolist()) == (2, [[0, 1], [2, 3], [4, 5]])
    assert one != two and one == Dataset(x, [[0.5], [1.5], [-1]])


def test_bytes_are_scaled():
    pixels = np.arange(6, dtype=np.uint8).reshape(3, 2)
    data = Dataset(pixels, [0, 1, 0], full_scale=5)
    assert (data.X == pixels / np.float32(5)).all()
    strided = np.repeat(pixels, 2, axis=1)[:, ::2]
    assert Dataset(strided, [0, 1, 0], full_scale=5) == data


def test_data_are_copied_once():
    x = np.zeros((2, 3), np.float32)
    data = Dataset(x, [0, 1])
    x[:] = 7
    assert not data.X.any()
    for array in (data.X, data.y):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_datasets_slice_and_iterate():
    x = np.arange(10.0).reshape(5, 2)
    data = Dataset(x, [0, 1, 2, 1, 0])
    features, label = data[3]
    assert features.tolist() == [6, 7] and label == 1 and data[-1][1] == 0
    assert data[1:3] == Dataset(x[1:3], [1, 2], classes=3)
    assert data[::-2] == data[[4, 2, 0]] == Dataset(x[::-2], [0, 2, 0], classes=3)
    assert data[data.y == 0] == Dataset(x[[0, 4]], [0, 0], classes=3)
    pairs = list(data)
    assert [int(label) for _, label in pairs] == [0, 1, 2, 1, 0]
    assert (np.array([features for features, _ in pairs]) == x).all()
    potentials = Dataset(x, x)
    assert potentials[1][1].tolist() == [2, 3] and potentials[1:2].y.tolist() == [[2, 3]]
    pixels = Dataset(np.arange(6, dtype=np.uint8).reshape(3, 2), [0, 1, 0], full_scale=5)
    assert (pixels[1:].X == np.float32([[2, 3], [4, 5]]) / 5).all()
    with pytest.raises(ValueError, match="the selection is empty"):
        data[5:]
    for key in (5, -6, [0, 9]):
        with pytest.raises(IndexError):
            data[key]
    with pytest.raises(IndexError):
        data["all"]


X = np.zeros((3, 2))


@pytest.mark.parametrize(
    ("x", "y", "settings", "error", "words"),
    [
        (X[0], [0], {}, ValueError, r"X has the shape \[2\]: it must have 2 dimensions"),
        (X[:, :0], [0, 1, 0], {}, ValueError, "features is 0"),
        (X[:0], np.zeros(0, int), {}, ValueError, "at least one"),
        (X, [0, 1], {}, ValueError, "X has 3 examples, y has 2"),
        (X + np.nan, [0, 1, 0], {}, ValueError, "feature 0 of example 0 is NaN"),
        (X, [0, 1, -1], {}, ValueError, r"y\[2\] is -1: labels count the classes from 0"),
        (X, [0, 1, 1 << 40], {}, ValueError, r"y\[2\] is 1099511627776"),
        (X, [0, 1, 2], {"classes": 2}, ValueError, "example 2 has the label 2: .* below 2"),
        (X, [[0], [1], [0]], {}, ValueError, r"y has the shape \[3, 1\]: it must have 1 dim"),
        (X, ["a", "b", "c"], {}, TypeError, "y must be an array of integers, not of <U1"),
        (X, [0, 1j, 0], {}, TypeError, "y must be an array of integers, not of complex128"),
        (X, [0.0, 1.0, np.inf], {}, ValueError, "target 0 of example 2 is inf"),
        (X, np.zeros((3, 0)), {}, ValueError, "the targets have no outputs"),
        (X, np.zeros((3, 1, 1)), {}, ValueError, "y has the shape"),
        (X, [0.0, 1.0, 2.0], {"classes": 3}, TypeError, "y must be an array of integers where"),
        (X, [0, 1, 0], {"classes": 1.5}, TypeError, "classes must be an integer"),
        (X, [1, 2, 3], {}, ValueError, "y has labels from 1 to 3: labels count .*; subtract 1, or give classes"),
        (np.ma.array(X, mask=X + 1), [0, 1, 0], {}, ValueError, "X is a masked array with 6 masked values"),
        (X, np.ma.array([0, 1, 0], mask=[0, 1, 0]), {}, ValueError, "y is a masked array with 1 masked value:"),
        (X, [0, 1, 0], {"full_scale": 255}, TypeError, "X must be an array of uint8"),
        (X.astype(np.uint8), [0, 1, 0], {"full_scale": 0}, ValueError, "full_scale is 0"),
        (X.astype(np.uint8) + 9, [0, 1, 0], {"full_scale": 8}, ValueError, "the pixel 9"),
    ],
)
def test_wrong_data_are_refused(x, y, settings, error, words):
    with pytest.raises(error, match=words):
        Dataset(x, y, **settings)


def test_masked_arrays_without_masked_values_are_arrays():
    assert Dataset(np.ma.array(X), np.ma.array([0, 1, 0])) == Dataset(X, [0, 1, 0])


def test_a_split_is_disjoint_and_complete():
    data = Dataset(np.arange(50.0).reshape(50, 1), np.arange(50) % 3)
    rest, held_out = data.split(0.2, seed=1)
    assert len(held_out) == 10
    both = np.concatenate([rest.X, held_out.X])[:, 0]
    assert sorted(both) == list(range(50))
    assert (rest.y == rest.X[:, 0] % 3).all()
    assert data.split(0.2, seed=1)[1] == held_out != data.split(0.2, seed=2)[1]
    with pytest.raises(ValueError, match="fraction to hold out is 1"):
        data.split(1.0)


def test_the_digits_are_those_of_scikit_learn():
    """Its first image begins 0 0 5 13 9 1 0 0, and its labels with 0 to 9."""
    digits = ohmgrad.datasets.load_digits()
    assert (len(digits), digits.features, digits.classes) == (1797, 64, 10)
    assert (16 * digits.X[0, :8]).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert digits.y[:10].tolist() == list(range(10))


def test_mnist_is_read_and_missing_folders_are_named(tmp_path, monkeypatch):
    train, test = ohmgrad.datasets.load_mnist(ROOT / "data" / "mnist")
    assert (len(train), len(test), train.features) == (60_000, 10_000, 784)
    assert test.y[:5].tolist() == [7, 2, 1, 0, 4]
    assert train.X.mean() == pytest.approx(0.1307, abs=1e-4)
    monkeypatch.chdir(ROOT / "python")
    assert ohmgrad.datasets.load_mnist() == (train, test)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OHMGRAD_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="MNIST is not there"):
        ohmgrad.datasets.load_mnist()
    with pytest.raises(FileNotFoundError, match="none is not a folder"):
        ohmgrad.datasets.load_idx(tmp_path / "none")

//! `ohmgrad.Dataset`, and the datasets that the library reads.

use std::path::PathBuf;
use std::sync::Arc;

use numpy::ndarray::{Ix1, Ix2};
use numpy::{
    PyArray2, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray, PyUntypedArray,
    PyUntypedArrayMethods,
};
use ohmgrad::data::{self, Dataset, Inputs, Targets};
use ohmgrad::experiment::DataSource;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator};

use crate::arrays::{floats, frozen, integers, matrix, unmasked, untyped, vector};
use crate::errors;
use crate::network::PyNetwork;
use crate::settings::{Arguments, count, size};
use crate::signals::detached;

/// Examples to learn from or to measure on. There is always at least one.
///
/// The arrays are copied once; training and evaluation read them in place. ``data[3]`` is an example, features and
/// label; ``data[:100]``, ``data[[3, 1]]`` and ``data[mask]`` are Datasets of the examples selected, with as many
/// classes; iterating gives one example after the other.
///
/// Parameters
/// ----------
/// X : array of shape (n, features)
///     The features of n examples, finite numbers; kept in float32, or as bytes if ``full_scale`` is given.
/// y : array of shape (n,) or (n, outputs)
///     Integers of shape (n,) are labels, counted from 0: the target is 1 V at the output of that class,
///     and 0 V at the others. Floating-point numbers are target potentials in volt, for regression.
/// classes : int, optional
///     Number of classes. Default: one more than the largest label; the smallest must be 0 then.
/// full_scale : int, optional
///     For X of uint8: the byte that means 1.0, such as 255. The bytes are kept, a quarter of the memory.
///
/// Raises
/// ------
/// TypeError, ValueError
///     If an array has the wrong shape or holds no numbers, or a value is not allowed.
///
/// Examples
/// --------
/// >>> import numpy, ohmgrad
/// >>> xor = ohmgrad.Dataset([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
/// >>> xor
/// Dataset(4 examples, 2 features, 2 classes)
/// >>> xor[xor.y == 1]
/// Dataset(2 examples, 2 features, 2 classes)
/// >>> [int(label) for features, label in xor]
/// [0, 1, 1, 0]
/// >>> x = numpy.linspace(-1, 1, 20).reshape(20, 1)
/// >>> ohmgrad.Dataset(x, x[:, 0] ** 2)
/// Dataset(20 examples, 1 feature, 1 target potential)
#[pyclass(name = "Dataset", module = "ohmgrad", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct PyDataset(pub(crate) Arc<Dataset>);

#[pymethods]
impl PyDataset {
    #[new]
    #[pyo3(signature = (X, y, *, classes=None, full_scale=None))]
    #[allow(non_snake_case)]
    fn new(
        X: &Bound<'_, PyAny>,
        y: &Bound<'_, PyAny>,
        classes: Option<&Bound<'_, PyAny>>,
        full_scale: Option<u8>,
    ) -> PyResult<Self> {
        let classes = classes
            .map(|classes| size("classes", classes))
            .transpose()?;
        if classes.is_some() && untyped("y", y)?.dtype().kind() == b'f' {
            return Err(PyTypeError::new_err(
                "y must be an array of integers where classes is given",
            ));
        }
        Ok(of_arrays(X, y, classes, full_scale)?.into())
    }

    /// The features, an array of float32 of shape (n, features); a read-only copy.
    #[getter]
    #[allow(non_snake_case)]
    fn X<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        frozen(self.features_array(py)?)
    }

    /// The labels, an array of int64 of shape (n,), or the target potentials, of float32 and shape
    /// (n, outputs); a read-only copy.
    #[getter]
    fn y<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.0.targets() {
            Targets::Labels { labels, .. } => {
                let labels = labels.iter().map(|label| i64::from(*label)).collect();
                Ok(frozen(vector(py, labels))?.into_any())
            }
            Targets::Values { values, outputs } => {
                Ok(frozen(matrix(py, values.clone(), *outputs)?)?.into_any())
            }
        }
    }

    /// Number of features of an example.
    #[getter]
    fn features(&self) -> usize {
        self.0.features()
    }

    /// Number of outputs that a network needs: one per class, or per target potential.
    #[getter]
    fn outputs(&self) -> usize {
        self.0.outputs()
    }

    /// Number of classes; None if the targets are potentials.
    #[getter]
    fn classes(&self) -> Option<usize> {
        self.0.classes()
    }

    /// Holds out examples that are drawn at random; on both sides the examples keep their order.
    ///
    /// Parameters
    /// ----------
    /// fraction : float
    ///     Share to hold out, above 0 and below 1.
    /// seed : int, default 0
    ///     Seed of the draw.
    ///
    /// Returns
    /// -------
    /// (Dataset, Dataset)
    ///     The rest, and the examples held out.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If the fraction is out of range, or one side would be empty.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> train, test = ohmgrad.datasets.load_digits().split(0.2)
    /// >>> len(train), len(test)
    /// (1438, 359)
    #[pyo3(signature = (fraction, *, seed=None), text_signature = "($self, fraction, *, seed=0)")]
    fn split(&self, fraction: f64, seed: Option<&Bound<'_, PyAny>>) -> PyResult<(Self, Self)> {
        let seed = seed.map_or(Ok(0), |seed| count("seed", seed))?;
        let (rest, held_out) = self.0.split(fraction, seed).map_err(errors::data)?;
        Ok((rest.into(), held_out.into()))
    }

    /// The examples as they drive a network that was trained with preprocessing: with its file come the scale and offset, or
    /// mean and deviation, of the settings it was trained by. ``Experiment.load_data`` gives such examples already.
    ///
    /// Parameters
    /// ----------
    /// network : Network
    ///     Its preprocessing is applied to all features.
    ///
    /// Returns
    /// -------
    /// Dataset
    ///     Unchanged, if the network has none.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If a feature becomes too large.
    fn preprocessed(&self, py: Python<'_>, network: &PyNetwork) -> PyResult<Self> {
        let preprocessing = network.preprocessing();
        let changed = detached(py, || preprocessing.apply(&self.0))?;
        Ok(changed.map_err(errors::data)?.into())
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// Features and label (or target potentials) of an example, or a Dataset of those that a slice, a list of
    /// numbers or a mask selects.
    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let all = py
            .import("numpy")?
            .call_method1("arange", (self.0.len(),))?;
        let selected = all.get_item(key)?;
        if let Ok(example) = selected.extract::<usize>() {
            let one = PyDataset::from(self.0.selected(&[example]));
            let pair = (one.X(py)?.get_item(0)?, one.y(py)?.get_item(0)?);
            return Ok(pair.into_pyobject(py)?.into_any());
        }
        let examples: Vec<usize> = selected.extract()?;
        if examples.is_empty() {
            return Err(PyValueError::new_err(
                "the selection is empty: a Dataset has at least one example",
            ));
        }
        Ok(Bound::new(py, PyDataset::from(self.0.selected(&examples)))?.into_any())
    }

    /// Goes over pairs of features and label, or features and target potentials.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let zip = py.import("builtins")?.getattr("zip")?;
        zip.call1((self.X(py)?, self.y(py)?))?.try_iter()
    }

    fn __repr__(&self) -> String {
        let counted = |count: usize, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            _ => format!("{count} {many}"),
        };
        let targets = match self.0.classes() {
            Some(classes) => counted(classes, "class", "classes"),
            None => counted(self.0.outputs(), "target potential", "target potentials"),
        };
        let examples = counted(self.0.len(), "example", "examples");
        let features = counted(self.0.features(), "feature", "features");
        format!("Dataset({examples}, {features}, {targets})")
    }

    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> Arguments<'py, (Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let keywords = PyDict::new(py);
        let inputs = match self.0.inputs() {
            Inputs::Values(_) => self.X(py)?.into_any(),
            Inputs::Bytes { pixels, full_scale } => {
                keywords.set_item("full_scale", full_scale)?;
                matrix(py, pixels.clone(), self.0.features())?.into_any()
            }
        };
        if let Some(classes) = self.0.classes() {
            keywords.set_item("classes", classes)?;
        }
        Ok(((inputs, self.y(py)?), keywords))
    }
}

impl From<Dataset> for PyDataset {
    fn from(dataset: Dataset) -> Self {
        Self(Arc::new(dataset))
    }
}

/// Examples from arrays.
pub(crate) fn of_arrays(
    x: &Bound<'_, PyAny>,
    y: &Bound<'_, PyAny>,
    classes: Option<usize>,
    full_scale: Option<u8>,
) -> PyResult<Dataset> {
    let (inputs, shape) = match full_scale {
        None => {
            let array: PyReadonlyArray<'_, f32, Ix2> = floats("X", x)?;
            (
                Inputs::Values(array.as_slice()?.to_vec()),
                array.as_array().dim(),
            )
        }
        Some(full_scale) => {
            let array = bytes(x)?;
            let pixels = array.as_array().iter().copied().collect();
            (Inputs::Bytes { pixels, full_scale }, array.as_array().dim())
        }
    };
    let y = untyped("y", y)?;
    let targets = targets(&y, classes)?;
    let examples = y.shape()[0];
    if shape.0 != examples {
        let found = shape.0;
        return Err(PyValueError::new_err(format!(
            "X has {found} examples, y has {examples}: they must be as many"
        )));
    }
    Dataset::new(shape.1, inputs, targets).map_err(errors::value)
}

fn bytes<'py>(value: &Bound<'py, PyAny>) -> PyResult<PyReadonlyArray<'py, u8, Ix2>> {
    unmasked("X", value)?;
    match value.cast::<PyArray2<u8>>() {
        Ok(array) => Ok(array.try_readonly()?),
        Err(_) => Err(PyTypeError::new_err(
            "X must be an array of uint8 of shape (n, features) where full_scale is given",
        )),
    }
}

fn targets(y: &Bound<'_, PyUntypedArray>, classes: Option<usize>) -> PyResult<Targets> {
    if y.dtype().kind() != b'f' {
        let labels = integers::<Ix1>("y", y)?;
        return labelled(labels.as_slice()?, classes);
    }
    let (values, outputs) = match y.ndim() {
        1 => (floats::<f32, Ix1>("y", y)?.as_slice()?.to_vec(), 1),
        _ => {
            let values = floats::<f32, Ix2>("y", y)?;
            (values.as_slice()?.to_vec(), values.as_array().ncols())
        }
    };
    Ok(Targets::Values { values, outputs })
}

fn labelled(labels: &[i64], classes: Option<usize>) -> PyResult<Targets> {
    if let Some((example, label)) = labels
        .iter()
        .enumerate()
        .find(|(_, l)| u32::try_from(**l).is_err())
    {
        return Err(PyValueError::new_err(format!(
            "y[{example}] is {label}: labels count the classes from 0; numpy.unique(y, return_inverse=True)[1] does"
        )));
    }
    let labels: Vec<u32> = labels.iter().map(|label| *label as u32).collect();
    let ends = labels.iter().min().zip(labels.iter().max());
    let classes = match (classes, ends) {
        (Some(classes), _) => classes,
        (None, None) => 0,
        (None, Some((0, last))) => *last as usize + 1,
        (None, Some((first, last))) => {
            return Err(PyValueError::new_err(format!(
                "y has labels from {first} to {last}: labels count the classes from 0; subtract {first}, or give classes if \
                 those before are missing on purpose"
            )));
        }
    };
    Ok(Targets::Labels { labels, classes })
}

/// 1797 handwritten digits of 8 x 8 pixels, in the order of scikit-learn's ``load_digits``.
///
/// They are part of the library: no file is needed. Features are from 0 to 1 in steps of 1/16.
///
/// Returns
/// -------
/// Dataset
///
/// References
/// ----------
/// E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
/// Repository (CC BY 4.0): its test part.
///
/// Examples
/// --------
/// >>> import ohmgrad
/// >>> ohmgrad.datasets.load_digits()
/// Dataset(1797 examples, 64 features, 10 classes)
#[pyfunction]
pub(crate) fn load_digits() -> PyDataset {
    data::digits().into()
}

/// Reads a folder of four IDX files: MNIST, Fashion-MNIST, K-MNIST.
///
/// Parameters
/// ----------
/// folder : str or os.PathLike
///     The folder with ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
///     ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, each with ``.gz`` or without.
///
/// Returns
/// -------
/// (Dataset, Dataset)
///     Training and test examples; features are from 0 to 1.
///
/// Raises
/// ------
/// FileNotFoundError, OSError
///     If a file is missing or cannot be read.
/// ValueError
///     If a file is damaged; the message says which, and how.
#[pyfunction]
pub(crate) fn load_idx(py: Python<'_>, folder: PathBuf) -> PyResult<(PyDataset, PyDataset)> {
    let split = detached(py, || data::idx_folder(&folder))?.map_err(errors::data)?;
    Ok((split.train.into(), split.test.into()))
}

/// Reads MNIST: 60,000 training and 10,000 test images of 28 x 28 pixels.
///
/// Parameters
/// ----------
/// folder : str or os.PathLike, optional
///     The folder of its four IDX files, see ``load_idx``. Default: that of the environment variable
///     ``OHMGRAD_DATA`` or, without it, ``data/mnist`` in the current folder or the nearest one above.
///
/// Returns
/// -------
/// (Dataset, Dataset)
///     Training and test examples; features are from 0 to 1.
///
/// Raises
/// ------
/// FileNotFoundError, OSError, ValueError
///     As ``load_idx``.
#[pyfunction]
#[pyo3(signature = (folder=None))]
pub(crate) fn load_mnist(
    py: Python<'_>,
    folder: Option<PathBuf>,
) -> PyResult<(PyDataset, PyDataset)> {
    match folder {
        Some(folder) => load_idx(py, folder),
        None => {
            let split = detached(py, || DataSource::Mnist.load(0))?;
            let split = split.map_err(errors::data_source)?;
            Ok((split.train.into(), split.test.into()))
        }
    }
}

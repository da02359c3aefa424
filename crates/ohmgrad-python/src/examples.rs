//! The examples that training and measuring take: a `Dataset`, or a pair of arrays.

use std::sync::Arc;

use numpy::ndarray::Ix2;
use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use ohmgrad::data::{Dataset, Inputs, Targets};
use ohmgrad::drn::Architecture;
use ohmgrad::learn::TrainError;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arrays::{floats, matrix, untyped};
use crate::dataset::{self, PyDataset};
use crate::errors;

/// A Dataset, or one of the arrays (X, y), whose labels are those of the network's outputs.
pub(crate) fn given(data: &Bound<'_, PyAny>, network: &Architecture) -> PyResult<Arc<Dataset>> {
    if let Ok(dataset) = data.cast::<PyDataset>() {
        return Ok(dataset.get().0.clone());
    }
    match pair(data) {
        Some((x, y)) => dataset::of_arrays(&x, &y, Some(network.readouts()), None).map(Arc::new),
        None => Err(PyTypeError::new_err(format!(
            "data must be a Dataset or a pair of arrays (X, y), not {}",
            data.get_type().name()?
        ))),
    }
}

/// The two members of a tuple.
fn pair<'py>(data: &Bound<'py, PyAny>) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    data.cast::<PyTuple>().ok()?.extract().ok()
}

/// The features of a Dataset, of a pair (X, y), or an array of them, for a network.
pub(crate) fn features<'py>(
    given: &Bound<'py, PyAny>,
    network: &Architecture,
) -> PyResult<PyReadonlyArray2<'py, f32>> {
    let py = given.py();
    let features: PyReadonlyArray2<'_, f32> = match given.cast::<PyDataset>() {
        Ok(dataset) => dataset.get().features_array(py)?.readonly(),
        // A tuple of two rows is an array of two examples.
        Err(_) => match pair(given) {
            Some((x, _)) if untyped("X", &x)?.ndim() == 2 => floats::<f32, Ix2>("X", &x)?,
            _ => floats::<f32, Ix2>("X", given)?,
        },
    };
    let (found, expected) = (features.as_array().dim(), network.features);
    match found.0 == 0 || found.1 != expected {
        false => Ok(features),
        true => Err(PyValueError::new_err(format!(
            "X has the shape {found:?}: it must be (n, {expected}), with at least one example"
        ))),
    }
}

/// An error of training or measuring; labels that are taken for potentials are named.
pub(crate) fn failure(error: TrainError, data: &Dataset) -> PyErr {
    let text = error.to_string();
    match error {
        TrainError::Dataset {
            expected_outputs, ..
        } if expected_outputs > 1 && are_float_labels(data) => PyValueError::new_err(format!(
            "{text}: y holds floating-point numbers, which are target potentials; make them integers, y.astype(int), if they \
             are labels"
        )),
        error => errors::train(error),
    }
}

/// Whether there is one target potential per example, and all are whole numbers from 0: labels in floating point.
fn are_float_labels(data: &Dataset) -> bool {
    let whole = |value: &f32| *value >= 0.0 && value.fract() == 0.0;
    matches!(data.targets(), Targets::Values { values, outputs: 1 } if values.iter().all(whole))
}

impl PyDataset {
    /// The features in float32, copied.
    pub(crate) fn features_array<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let values = match self.0.inputs() {
            Inputs::Values(values) => values.clone(),
            Inputs::Bytes { pixels, full_scale } => {
                let scaled = |pixel: &u8| f32::from(*pixel) / f32::from(*full_scale);
                pixels.iter().map(scaled).collect()
            }
        };
        matrix(py, values, self.0.features())
    }
}

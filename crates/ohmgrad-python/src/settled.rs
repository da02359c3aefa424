//! `ohmgrad.Settled`: settling examples, and the result as arrays.

use numpy::PyReadonlyArray2;
use ohmgrad::drn::{Network, SettleError, Settled, Settling};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};

use crate::arrays::{floats, matrix, vector};
use crate::errors;
use crate::network::PyNetwork;

/// Examples settled at once.
const GROUP: usize = 256;

/// The class in Python.
fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "ohmgrad.results", "Settled")
}

pub(crate) fn settle<'py>(
    py: Python<'py>,
    network: &PyNetwork,
    inputs: &Bound<'py, PyAny>,
    settling: &Settling,
) -> PyResult<Bound<'py, PyAny>> {
    let inputs: PyReadonlyArray2<'_, f32> = floats("X", inputs)?;
    let (examples, features) = inputs.as_array().dim();
    let expected = network.shape().features;
    if examples == 0 || features != expected {
        return Err(PyValueError::new_err(format!(
            "X has the shape ({examples}, {features}): it must be (n, {expected}), with at least one example"
        )));
    }
    let inputs = inputs.as_slice()?;
    let settled = network.shared.read(py, |holder| {
        settle_groups(holder.network()?, inputs, settling).map_err(errors::settle)
    })?;
    let hidden = settled.hidden.into_iter().zip(&network.shape().hidden);
    let hidden: Vec<_> = hidden
        .map(|(potentials, width)| matrix(py, potentials, *width))
        .collect::<PyResult<_>>()?;
    class(py)?.call1((
        matrix(py, settled.outputs, network.shape().outputs)?,
        PyTuple::new(py, hidden)?,
        vector(py, settled.residuals),
        vector(py, settled.dissipated_power),
        vector(py, settled.energy),
        settled.sweeps,
    ))
}

/// Settles some examples after others, so that memory and the time between two looks at signals stay small.
fn settle_groups(
    network: &Network,
    inputs: &[f32],
    settling: &Settling,
) -> Result<Settled, SettleError> {
    let features = network.architecture().features;
    let (first, rest) = inputs.split_at(inputs.len().min(GROUP * features));
    let mut settled = network.settle(first, settling)?;
    for (group, inputs) in (1..).zip(rest.chunks(GROUP * features)) {
        let next = network
            .settle(inputs, settling)
            .map_err(|error| later(error, group * GROUP))?;
        settled.sweeps = settled.sweeps.max(next.sweeps);
        settled.residuals.extend(next.residuals);
        settled.outputs.extend(next.outputs);
        let layers = settled.hidden.iter_mut().zip(next.hidden);
        layers.for_each(|(all, next)| all.extend(next));
        settled.dissipated_power.extend(next.dissipated_power);
        settled.energy.extend(next.energy);
    }
    Ok(settled)
}

/// An error of a group that starts with the given example.
fn later(error: SettleError, first: usize) -> SettleError {
    match error {
        SettleError::NotFinite {
            example,
            index,
            value,
        } => SettleError::NotFinite {
            example: first + example,
            index,
            value,
        },
        SettleError::Overflow { example } => SettleError::Overflow {
            example: first + example,
        },
        error => error,
    }
}

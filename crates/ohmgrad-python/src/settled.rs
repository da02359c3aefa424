//! `ohmgrad.Settled`: settling examples, and the result as arrays.

use numpy::{PyArray1, PyArray2};
use ohmgrad::drn::{Network, SettleError, Settled, Settling};
use ohmgrad::learn::prediction;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};

use crate::arrays::{matrix, vector};
use crate::errors;
use crate::examples::features;
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
    let settled = potentials(py, network, inputs, settling)?;
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

/// What is read at the outputs.
pub(crate) fn outputs<'py>(
    py: Python<'py>,
    network: &PyNetwork,
    inputs: &Bound<'py, PyAny>,
    settling: &Settling,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let architecture = network.shape();
    let settled = potentials(py, network, inputs, settling)?;
    let nodes = settled.outputs.chunks(architecture.outputs);
    let read = nodes.flat_map(|nodes| architecture.readout.read(nodes));
    matrix(py, read.collect(), architecture.readouts())
}

/// The largest output of each example.
pub(crate) fn classes<'py>(
    py: Python<'py>,
    network: &PyNetwork,
    inputs: &Bound<'py, PyAny>,
    settling: &Settling,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let architecture = network.shape();
    if architecture.readouts() == 1 {
        return Err(PyValueError::new_err(
            "the network has a single output, and so no classes to choose from: outputs(X) tells its potential",
        ));
    }
    let settled = potentials(py, network, inputs, settling)?;
    let nodes = settled.outputs.chunks(architecture.outputs);
    let classes = nodes.map(|nodes| prediction(architecture.readout.read(nodes)) as i64);
    Ok(vector(py, classes.collect()))
}

/// Settles examples from 0 V.
fn potentials(
    py: Python<'_>,
    network: &PyNetwork,
    inputs: &Bound<'_, PyAny>,
    settling: &Settling,
) -> PyResult<Settled> {
    let inputs = features(inputs, network.shape())?;
    let inputs = inputs.as_slice()?;
    network.shared.read(py, |holder| {
        settle_groups(holder.network()?, inputs, settling).map_err(errors::settle)
    })
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

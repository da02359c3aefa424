//! `ohmgrad.Evaluation`.

use ohmgrad::drn::Settling;
use ohmgrad::learn::{self, Cost, evaluate_physics};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::arrays::matrix;
use crate::examples;
use crate::network::PyNetwork;
use crate::settings::named;

/// The class in Python.
fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "ohmgrad.results", "Evaluation")
}

pub(crate) fn evaluate<'py>(
    py: Python<'py>,
    network: &PyNetwork,
    data: &Bound<'py, PyAny>,
    settling: &Settling,
    cost: &str,
    physics: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let cost: Cost = named("cost", cost)?;
    let data = examples::given(data, network.shape())?;
    let measure = match physics {
        true => evaluate_physics,
        false => learn::evaluate,
    };
    let evaluation = network.shared.read(py, |holder| {
        let measured = measure(holder.network()?, &data, settling, cost);
        measured.map_err(|error| examples::failure(error, &data))
    })?;
    let (errors, confusion) = match data.classes() {
        None => (None, None),
        Some(classes) => {
            let counts = evaluation.confusion.iter().flatten();
            let counts = counts.map(|count| *count as i64).collect();
            (Some(evaluation.errors), Some(matrix(py, counts, classes)?))
        }
    };
    let physics = evaluation.physics;
    class(py)?.call1((
        evaluation.examples,
        errors,
        evaluation.cost,
        confusion,
        physics.and_then(|p| p.mean_power),
        physics.map(|p| p.mean_residual),
        physics.map(|p| p.max_residual),
        physics.map(|p| p.max_sweeps),
    ))
}

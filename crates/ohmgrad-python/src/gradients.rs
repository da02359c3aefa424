//! `ohmgrad.GradientReport`.

use ohmgrad::data::Dataset;
use ohmgrad::drn::Network;
use ohmgrad::learn::{GradientReport, TrainOptions, compare_gradients};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};

use crate::errors;
use crate::settings::shortest;

/// Compares the gradients of training with these options with the exact one.
pub(crate) fn compare(
    network: &Network,
    options: &TrainOptions,
    data: &Dataset,
    betas: &[f32],
    sweeps: &[usize],
) -> PyResult<GradientReport> {
    compare_gradients(network, options, data, betas, sweeps, |_| {}).map_err(errors::value)
}

/// The report in Python: a row for each parameter.
pub(crate) fn report<'py>(
    py: Python<'py>,
    report: &GradientReport,
    parameters: &[String],
) -> PyResult<Bound<'py, PyAny>> {
    let class = row_class(py)?;
    let mut rows = Vec::new();
    for row in &report.rows {
        let ([free, nudged], beta) = (row.sweeps, row.beta.map(shortest));
        match &row.outcome {
            Ok(agreements) => {
                for a in agreements {
                    let (name, reason) = (&a.parameter, a.missing());
                    let row = (beta, free, nudged, name, a.cosine, a.ratio, reason);
                    rows.push(class.call1(row)?);
                }
            }
            Err(reason) => {
                let none: Option<f64> = None;
                for name in parameters {
                    let reason = reason.to_string();
                    rows.push(class.call1((beta, free, nudged, name, none, none, reason))?);
                }
            }
        }
    }
    let rows = PyTuple::new(py, rows)?;
    report_class(py)?.call1((report.examples, report.residual, rows))
}

/// The classes in Python.
fn report_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "ohmgrad.results", "GradientReport")
}

fn row_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "ohmgrad.results", "GradientRow")
}

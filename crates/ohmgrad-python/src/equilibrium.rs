//! `ohmgrad._ohmgrad.Equilibrium`: what `ohmgrad.torch` needs of the library.

use std::thread::available_parallelism;

use numpy::ndarray::{Ix2, IxDyn};
use numpy::{PyArray1, PyArray2};
use ohmgrad::drn::{Architecture, Differentiable, Equilibrium, GradientMethod};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use crate::architecture::PyArchitecture;
use crate::arrays::{floats, matrix, vector};
use crate::errors;
use crate::settings::{size, threads};
use crate::signals::detached;

/// Derivatives by the features, by each parameter, and the residual of each example.
type Gradient<'py> = (
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyDict>,
    Bound<'py, PyArray1<f64>>,
);

/// Examples settled in float64, and the derivatives of what is computed from their outputs.
#[pyclass(name = "Equilibrium", module = "ohmgrad._ohmgrad", frozen)]
pub(crate) struct PyEquilibrium {
    network: Differentiable,
    settled: Equilibrium,
    tolerance: f64,
    sweeps: usize,
}

#[pymethods]
impl PyEquilibrium {
    #[new]
    #[pyo3(signature = (architecture, parameters, X, *, tolerance, sweeps, threads=None))]
    #[allow(non_snake_case)]
    fn new(
        py: Python<'_>,
        architecture: PyArchitecture,
        parameters: &Bound<'_, PyMapping>,
        X: &Bound<'_, PyAny>,
        tolerance: f64,
        sweeps: &Bound<'_, PyAny>,
        threads: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let sweeps = size("sweeps", sweeps)?;
        let processors = || available_parallelism().map_or(1, Into::into);
        let threads = self::threads(threads)?.unwrap_or_else(processors);
        let architecture = architecture.0;
        let inputs = floats::<f64, Ix2>("X", X)?;
        let (examples, features) = inputs.as_array().dim();
        let expected = architecture.features;
        if features != expected {
            return Err(PyValueError::new_err(format!(
                "X has the shape ({examples}, {features}): it must be (n, {expected})"
            )));
        }
        let (weights, biases) = values(&architecture, parameters)?;
        let inputs = inputs.as_slice()?;
        let (network, settled) = detached(py, || {
            let network = Differentiable::new(&architecture, weights, biases, threads);
            let network = network.map_err(errors::value)?;
            let settled = network.settle(inputs, tolerance, sweeps);
            settled
                .map(|settled| (network, settled))
                .map_err(errors::settle)
        })??;
        Ok(Self {
            network,
            settled,
            tolerance,
            sweeps,
        })
    }

    /// Output potentials in volt, of shape (n, outputs).
    #[getter]
    fn outputs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let outputs = self.network.architecture().outputs;
        matrix(py, self.settled.outputs().to_vec(), outputs)
    }

    /// The residual of each example.
    #[getter]
    fn residuals<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        vector(py, self.settled.residuals().to_vec())
    }

    /// Derivatives by the features, by each parameter, and the residual of each example, from the derivatives
    /// by the outputs; by two nudged states if beta is given.
    #[pyo3(signature = (by_outputs, beta=None))]
    fn gradient<'py>(
        &self,
        py: Python<'py>,
        by_outputs: &Bound<'py, PyAny>,
        beta: Option<f64>,
    ) -> PyResult<Gradient<'py>> {
        let by_outputs = floats::<f64, Ix2>("by_outputs", by_outputs)?;
        let by_outputs = by_outputs.as_slice()?;
        let method = match beta {
            None => GradientMethod::Adjoint,
            Some(beta) => GradientMethod::EquilibriumPropagation { beta },
        };
        let gradient = detached(py, || {
            let (settled, tolerance) = (&self.settled, self.tolerance);
            self.network
                .gradient(settled, by_outputs, method, tolerance, self.sweeps)
        })?
        .map_err(errors::value)?;
        let architecture = self.network.architecture();
        let by_parameters = PyDict::new(py);
        for (l, weights) in gradient.weights.into_iter().enumerate() {
            let name = format!("W{}", l + 1);
            by_parameters.set_item(name, matrix(py, weights, architecture.shape(l).1)?)?;
        }
        for (l, biases) in gradient.biases.into_iter().enumerate() {
            by_parameters.set_item(format!("b{}", l + 1), vector(py, biases))?;
        }
        let by_inputs = matrix(py, gradient.inputs, architecture.features)?;
        Ok((by_inputs, by_parameters, vector(py, gradient.residuals)))
    }
}

/// Copies of all conductance matrices and all biases.
#[allow(clippy::type_complexity)]
fn values(
    architecture: &Architecture,
    parameters: &Bound<'_, PyMapping>,
) -> PyResult<(Vec<Vec<f64>>, Vec<Vec<f64>>)> {
    let mut all = Vec::new();
    for name in architecture.parameter_names() {
        let array = floats::<f64, IxDyn>(&name, &parameters.get_item(&name)?)?;
        all.push(array.as_slice()?.to_vec());
    }
    let biases = all.split_off(architecture.matrices());
    Ok((all, biases))
}

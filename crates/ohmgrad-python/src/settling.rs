//! `ohmgrad.Settling`.

use ohmgrad::drn::{Settling, SweepOrder};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors;
use crate::settings::{Arguments, name_of, named, size};

/// Sweeps without a tolerance, as in most publications.
const SWEEPS: usize = 4;
/// The most sweeps with a tolerance.
const CAP: usize = 1000;

/// How a network is settled: the order of the sweeps over its layers, and when they stop.
///
/// Given its neighbours, a layer is minimised exactly at once; whatever the order, the energy never
/// rises (exact block coordinate descent).
///
/// Parameters
/// ----------
/// sweeps : int, optional
///     Number of sweeps; with a tolerance, the most that are made. At least 1. Default 4, or 1000 with
///     a tolerance.
/// tolerance : float, optional
///     Stop when the residual of every example is at most this: the largest violation of Kirchhoff's
///     current law, relative to the largest current that reaches a node. Finite and above 0; 1e-6 is
///     near the rounding of float32.
/// order : {'asynchronous', 'forward', 'backward'}, default 'asynchronous'
///     'asynchronous' visits the first, third, ... layer above the inputs, then the others; 'forward'
///     goes from the inputs to the outputs, 'backward' the other way.
/// relaxation : float, default 1.0
///     Over-relaxation: how far a layer moves on its way to its optimum, as far as its diodes allow. Above 0 and
///     below 2; 1 is exactly there. Above 1, deep networks need fewer sweeps; the energy still never rises.
///
/// Raises
/// ------
/// ValueError
///     If one of them is out of range.
///
/// Examples
/// --------
/// >>> import ohmgrad
/// >>> ohmgrad.Settling(tolerance=1e-5)
/// Settling(1000, tolerance=1e-05, order='asynchronous')
#[pyclass(name = "Settling", module = "ohmgrad", frozen, eq, from_py_object)]
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct PySettling(pub(crate) Settling);

#[pymethods]
impl PySettling {
    #[new]
    #[pyo3(signature = (sweeps=None, *, tolerance=None, order="asynchronous", relaxation=1.0))]
    pub(crate) fn new(
        sweeps: Option<&Bound<'_, PyAny>>,
        tolerance: Option<f64>,
        order: &str,
        relaxation: f32,
    ) -> PyResult<Self> {
        let order: SweepOrder = named("order", order)?;
        let sweeps = sweeps.map(|sweeps| size("sweeps", sweeps)).transpose()?;
        let settling = match tolerance {
            None => Settling::sweeps(order, sweeps.unwrap_or(SWEEPS)),
            Some(tolerance) => Settling::tolerance(order, tolerance, sweeps.unwrap_or(CAP)),
        };
        let settling = settling.with_relaxation(relaxation);
        settling.validate().map_err(errors::value)?;
        Ok(Self(settling))
    }

    /// Number of sweeps; with a tolerance, the most that are made.
    #[getter]
    fn sweeps(&self) -> usize {
        self.0.sweeps
    }

    /// The residual at which sweeps stop, if there is one.
    #[getter]
    fn tolerance(&self) -> Option<f64> {
        self.0.tolerance
    }

    /// The order in which a sweep visits the layers.
    #[getter]
    fn order(&self) -> PyResult<String> {
        name_of(&self.0.order)
    }

    /// How far a layer moves on its way to its optimum; 1 is exactly there.
    #[getter]
    fn relaxation(&self) -> f32 {
        self.0.relaxation
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut text = format!("Settling({}", self.0.sweeps);
        if let Some(tolerance) = self.0.tolerance {
            text += &format!(", tolerance={}", tolerance.into_pyobject(py)?.repr()?);
        }
        text += &format!(", order='{}'", self.order()?);
        if self.0.relaxation != 1.0 {
            text += &format!(", relaxation={}", self.0.relaxation);
        }
        Ok(text + ")")
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> Arguments<'py, (usize,)> {
        let keywords = PyDict::new(py);
        keywords.set_item("tolerance", self.0.tolerance)?;
        keywords.set_item("order", self.order()?)?;
        keywords.set_item("relaxation", self.0.relaxation)?;
        Ok(((self.0.sweeps,), keywords))
    }
}

impl Default for PySettling {
    fn default() -> Self {
        Self(Settling::sweeps(SweepOrder::Asynchronous, SWEEPS))
    }
}

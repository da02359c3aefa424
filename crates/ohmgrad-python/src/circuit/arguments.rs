//! Arguments of a circuit's methods: names, and how it is solved.

use ohmgrad::circuit::{Circuit, ElementId, NodeId};
use ohmgrad::solve::{Method, SolveOptions};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors;

/// The element of a name, as SPICE reads it.
pub(crate) fn find(circuit: &Circuit, name: &str) -> PyResult<ElementId> {
    circuit.find_element(name).map_err(errors::value)
}

/// The node of a name, as SPICE reads it.
pub(crate) fn find_node(circuit: &Circuit, name: &str) -> PyResult<NodeId> {
    circuit.find_node(name).map_err(errors::value)
}

pub(super) fn options(tolerance: f64, method: &str) -> PyResult<SolveOptions> {
    if !(tolerance > 0.0 && tolerance < 1.0) {
        return Err(PyValueError::new_err(format!(
            "tolerance is {tolerance}: it must be between 0 and 1"
        )));
    }
    let method = match method {
        "auto" => Method::Auto,
        "coordinate" => Method::Coordinate,
        "direct" => Method::Direct,
        _ => {
            return Err(PyValueError::new_err(format!(
                "method is {method:?}: it must be 'auto', 'coordinate' or 'direct'"
            )));
        }
    };
    Ok(SolveOptions::default()
        .with_tolerance(tolerance)
        .with_method(method))
}

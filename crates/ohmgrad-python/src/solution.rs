//! `ohmgrad.Solution`: an operating point as arrays, with its certificate.

use ohmgrad::circuit::{Circuit, Element};
use ohmgrad::solve::Solution;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};

use crate::arrays::vector;
use crate::circuit::PyCircuit;

/// The voltage across an element, in volt.
pub(crate) fn voltage(element: &Element, solution: &Solution) -> f64 {
    let [a, b] = element.nodes().map(|node| solution.potential(node));
    a - b
}

/// The voltages across all elements, in volt.
pub(crate) fn voltages(circuit: &Circuit, solution: &Solution) -> Vec<f64> {
    let elements = circuit.elements().iter();
    elements.map(|element| voltage(element, solution)).collect()
}

/// A solution as `ohmgrad.Solution`.
pub(crate) fn tell<'py>(
    circuit: &Bound<'py, PyCircuit>,
    solution: Solution,
    voltages: Vec<f64>,
) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = circuit.py();
    let powers = voltages.iter().zip(&solution.currents).map(|(u, i)| u * i);
    let powers = powers.collect();
    let undetermined = undetermined(circuit, &solution)?;
    CLASS.import(py, "ohmgrad.solution", "Solution")?.call1((
        circuit,
        solution.status.name(),
        certificate(py, &solution)?,
        statistics(py, &solution)?,
        vector(py, solution.potentials),
        vector(py, solution.accuracy),
        vector(py, voltages),
        vector(py, solution.currents),
        vector(py, powers),
        solution.dissipated_power,
        undetermined,
    ))
}

fn certificate<'py>(py: Python<'py>, solution: &Solution) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let certificate = &solution.certificate;
    CLASS.import(py, "ohmgrad.solution", "Certificate")?.call1((
        certificate.kcl,
        certificate.voltage_law,
        certificate.diode,
        certificate.complementarity,
        certificate.power_balance,
    ))
}

fn statistics<'py>(py: Python<'py>, solution: &Solution) -> PyResult<Bound<'py, PyDict>> {
    let statistics = &solution.statistics;
    let told = PyDict::new(py);
    told.set_item("sweeps", statistics.sweeps)?;
    told.set_item("iterations", statistics.iterations)?;
    told.set_item("factorizations", statistics.factorizations)?;
    told.set_item("linear_solves", statistics.linear_solves)?;
    told.set_item("network_nodes", statistics.nodes)?;
    Ok(told)
}

/// The open nodes, each with the lowest and highest potential that it may have.
fn undetermined<'py>(
    circuit: &Bound<'py, PyCircuit>,
    solution: &Solution,
) -> PyResult<Bound<'py, PyTuple>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = circuit.py();
    let told = PyList::empty(py);
    for open in &solution.undetermined {
        let name = circuit.get().nodes(py).get_item(open.node.index())?;
        let class = CLASS.import(py, "ohmgrad.solution", "Undetermined")?;
        told.append(class.call1((name, open.lowest, open.highest))?)?;
    }
    Ok(told.to_tuple())
}

//! `ohmgrad.transfer`.

use ohmgrad::solve::SolveOptions;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::circuit::{PyCircuit, find};
use crate::errors;

/// How a voltage or current of a circuit answers to a small change of a source, around its operating point: ``.tf`` of
/// SPICE.
///
/// Parameters
/// ----------
/// circuit : Circuit
///     It is solved for its operating point.
/// output : str
///     ``'v(node)'``, ``'v(node,node)'`` or ``'i(source)'`` of a voltage source, controlled or not.
/// source : str
///     Name of a voltage or current source.
///
/// Returns
/// -------
/// Transfer
///     Gain, input resistance and output resistance.
///
/// Raises
/// ------
/// ValueError
///     If a name is wrong, the circuit has no operating point or it is not solved, a node is open, or the source lies in a loop
///     of voltage sources.
/// KeyboardInterrupt
///     On Ctrl-C.
///
/// Examples
/// --------
/// >>> import ohmgrad
/// >>> divider = (
/// ...     ohmgrad.CircuitBuilder().voltage_source("v1", "in", "0", 3.0)
/// ...     .resistor("r1", "in", "out", 3e3).resistor("r2", "out", "0", 1e3).build()
/// ... )
/// >>> transfer = ohmgrad.transfer(divider, "v(out)", "v1")
/// >>> round(transfer.gain, 12), round(transfer.input_resistance, 6), round(transfer.output_resistance, 6)
/// (0.25, 4000.0, 750.0)
#[pyfunction]
pub(crate) fn transfer<'py>(
    circuit: &Bound<'py, PyCircuit>,
    output: &str,
    source: &str,
) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = circuit.py();
    let options = SolveOptions::default();
    let solved = circuit.get().solve_from_last(py, options, None)?;
    let (solution, _) = solved.map_err(errors::value)?;
    let circuit = circuit.get().with(py, |state| state.circuit.clone());
    let output = circuit.find_quantity(output).map_err(errors::value)?;
    let source = find(&circuit, source)?;
    let transfer = solution.transfer(&circuit, output, source);
    let transfer = transfer.map_err(errors::value)?;
    CLASS.import(py, "ohmgrad.solution", "Transfer")?.call1((
        transfer.gain,
        transfer.input_resistance,
        transfer.output_resistance,
    ))
}

//! What can change of a circuit: its values, and what a solve leaves for the next.

use std::collections::BTreeSet;
use std::sync::Arc;

use ohmgrad::circuit::{Circuit, ElementId};
use ohmgrad::device::Law;
use ohmgrad::solve::PresolveError;
use ohmgrad::solve::{Solution, SolveOptions, Solver};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::trace::Trace;
use super::{PyCircuit, find};
use crate::{element, errors, signals, solution};

/// What a voltage source is that is left open.
pub(crate) const OPEN: Law = Law::Resistor { conductance: 0.0 };
/// What it is shown as.
const OPEN_SOURCE: Law = Law::VoltageSource { voltage: f64::NAN };

/// What can change.
pub(crate) struct State {
    pub(crate) circuit: Arc<Circuit>,
    /// Voltage sources that are left open: the circuit has open resistors in their places.
    open: Arc<BTreeSet<ElementId>>,
    /// That of the last solve, but while a solve is under way.
    solver: Option<Solver>,
}

impl State {
    /// A circuit with some of its voltage sources left open.
    pub(super) fn new(mut circuit: Circuit, open: &[ElementId]) -> PyResult<Self> {
        for id in open {
            circuit.set_law(*id, OPEN).map_err(errors::value)?;
        }
        Ok(Self {
            circuit: Arc::new(circuit),
            open: Arc::new(open.iter().copied().collect()),
            solver: None,
        })
    }

    /// The same without what solves have left.
    pub(crate) fn copy(&self) -> Self {
        Self {
            circuit: self.circuit.clone(),
            open: self.open.clone(),
            solver: None,
        }
    }

    /// The law of an element; of a voltage source that is open, one of NaN volt.
    pub(crate) fn law(&self, id: ElementId) -> &Law {
        match self.open.contains(&id) {
            true => &OPEN_SOURCE,
            false => self.circuit[id].law(),
        }
    }

    /// The circuit with all sources closed, at 0 V if they were open, and which ones were.
    pub(super) fn closed(&self) -> PyResult<(Circuit, Vec<ElementId>)> {
        let mut circuit = Circuit::clone(&self.circuit);
        for id in self.open.iter() {
            let closed = Law::VoltageSource { voltage: 0.0 };
            circuit.set_law(*id, closed).map_err(errors::value)?;
        }
        Ok((circuit, self.open.iter().copied().collect()))
    }

    /// Gives an element other values. A voltage source of NaN volt is open.
    pub(super) fn change(&mut self, name: &str, values: &Bound<'_, PyDict>) -> PyResult<()> {
        let id = find(&self.circuit, name)?;
        let law = match element::changed(name, self.law(id), values)? {
            Law::VoltageSource { voltage } if voltage.is_nan() => {
                Arc::make_mut(&mut self.open).insert(id);
                OPEN
            }
            law => {
                Arc::make_mut(&mut self.open).remove(&id);
                law
            }
        };
        let circuit = Arc::make_mut(&mut self.circuit);
        circuit.set_law(id, law).map_err(errors::value)
    }

    /// Takes the values over from a copy.
    pub(super) fn replace(&mut self, changed: Self) {
        (self.circuit, self.open) = (changed.circuit, changed.open);
    }
}

impl PyCircuit {
    /// The operating point and the voltages of the elements, from the last answer if the options are those of the last
    /// solve. Meanwhile others, signal handlers among them, can use the circuit.
    pub(crate) fn solve_from_last(
        &self,
        py: Python<'_>,
        options: SolveOptions,
        trace: Option<Py<PyAny>>,
    ) -> PyResult<Result<(Solution, Vec<f64>), PresolveError>> {
        let (circuit, last) = self.with(py, |state| (state.circuit.clone(), state.solver.take()));
        let trace = trace.map(Trace::new);
        let failed = trace.clone();
        let stop_if_failed = move |_: Python<'_>| failed.as_ref().map_or(Ok(()), Trace::check);
        let (solver, solved) = signals::observed(py, stop_if_failed, || {
            let solver = match last.filter(|last| last.options() == options) {
                Some(last) => Ok(last),
                None => Solver::new(&circuit, options),
            };
            let mut solver = match solver {
                Ok(solver) => solver,
                Err(error) => return (None, Err(error)),
            };
            solver.set_trace(trace.clone().map(Trace::observer));
            let solved = solver.solve(&circuit);
            solver.set_trace(None);
            let solved = solved.map(|solution| {
                let voltages = solution::voltages(&circuit, &solution);
                (solution, voltages)
            });
            (Some(solver), solved)
        })?;
        if let Some(solver) = solver {
            self.with(py, |state| state.solver = Some(solver));
        }
        trace.as_ref().map_or(Ok(()), Trace::check)?;
        Ok(solved)
    }
}

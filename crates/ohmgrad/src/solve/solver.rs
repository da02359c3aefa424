//! The choice between the solvers.

use super::modified_nodal::ModifiedNodal;
use super::trace::Trace;
use super::{Observer, Reciprocal, Solution, SolveOptions};
use crate::circuit::Circuit;
use crate::presolve::{PresolveError, State};
use crate::threads;

/// Solves circuits of one shape, again and again.
///
/// It keeps the reduction, the order of elimination and all workspaces, and starts from the last answer (but for
/// [controlled sources](super#circuits-with-controlled-sources)). A circuit of another shape is legal, and makes it start afresh.
pub struct Solver(Kind);

enum Kind {
    Reciprocal(Box<Reciprocal>),
    Controlled(Box<ModifiedNodal>),
}

impl Solver {
    /// Prepares for circuits of the shape of `circuit`.
    ///
    /// # Errors
    /// If the circuit has no operating point, or an option is out of its range.
    pub fn new(circuit: &Circuit, options: SolveOptions) -> Result<Solver, PresolveError> {
        options.check()?;
        Ok(Solver(match circuit.controls().is_empty() {
            true => Kind::Reciprocal(Box::new(Reciprocal::new(circuit, options)?)),
            false => Kind::Controlled(Box::new(ModifiedNodal::new(options))),
        }))
    }

    /// The settings.
    pub fn options(&self) -> SolveOptions {
        match &self.0 {
            Kind::Reciprocal(solver) => solver.options,
            Kind::Controlled(solver) => solver.options(),
        }
    }

    /// Shows every step of the solves from now on to `observer`, while they run; `None` ends it. The solvers of rows and
    /// variants show nothing.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use ohmgrad::circuit::Circuit;
    /// use ohmgrad::solve::{SolveOptions, Solver, Step};
    /// let divider = Circuit::builder()
    ///     .voltage_source("v1", "in", "0", 3.0)
    ///     .resistor("r1", "in", "out", 1e3)
    ///     .resistor("r2", "out", "0", 1e3)
    ///     .build()?;
    /// let mut solver = Solver::new(&divider, SolveOptions::default())?;
    /// let steps = Arc::new(Mutex::new(Vec::new()));
    /// let seen = Arc::clone(&steps);
    /// solver.set_trace(Some(Box::new(move |step: &Step| seen.lock().expect("no panic").push(*step))));
    /// solver.solve(&divider)?;
    /// let steps = steps.lock().expect("no panic");
    /// assert!(steps.last().expect("at least one").missed < 1e-15);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_trace(&mut self, observer: Option<Observer>) {
        self.trace().set(observer);
    }

    fn trace(&mut self) -> &mut Trace {
        match &mut self.0 {
            Kind::Reciprocal(solver) => &mut solver.newton.trace,
            Kind::Controlled(solver) => &mut solver.trace,
        }
    }

    /// A solver for circuits of the same shape that starts from the same state.
    pub(super) fn fork(&self) -> Solver {
        Solver(match &self.0 {
            Kind::Reciprocal(solver) => Kind::Reciprocal(Box::new(solver.fork())),
            Kind::Controlled(solver) => Kind::Controlled(Box::new(solver.fork())),
        })
    }

    /// A solver for circuits of the same shape that starts from no answer.
    pub(crate) fn fork_cold(&self) -> Solver {
        let mut fork = self.fork();
        if let Kind::Reciprocal(solver) = &mut fork.0 {
            solver.last = None;
        }
        fork
    }

    /// The state of the last answer, from which the next solve starts.
    pub(crate) fn last(&self) -> Option<&State> {
        match &self.0 {
            Kind::Reciprocal(solver) => solver.last.as_ref(),
            Kind::Controlled(_) => None,
        }
    }

    /// Makes the next solve start from another state; one of a network of another shape is not used.
    pub(crate) fn start_from(&mut self, state: State) {
        if let Kind::Reciprocal(solver) = &mut self.0 {
            solver.last = Some(state);
        }
    }

    /// Finds the operating point of a circuit.
    ///
    /// ```
    /// use ohmgrad::circuit::Circuit;
    /// use ohmgrad::solve::{SolveOptions, Solver, Status};
    /// let rectifier = Circuit::builder()
    ///     .voltage_source("v1", "in", "0", 5.0)
    ///     .ideal_diode("d1", "in", "out", 0.7)
    ///     .resistor("r1", "out", "0", 1e3)
    ///     .build()?;
    /// let mut solver = Solver::new(&rectifier, SolveOptions::default())?;
    /// let solution = solver.solve(&rectifier)?;
    /// assert_eq!(solution.status, Status::Solved);
    /// let out = rectifier.node("out").expect("it was just added");
    /// assert!((solution.potential(out) - 4.3).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the circuit has no operating point. Not finding one that exists is a [`Status`](super::Status), as is an
    /// interruption.
    pub fn solve(&mut self, circuit: &Circuit) -> Result<Solution, PresolveError> {
        threads::prepare();
        match (&mut self.0, circuit.controls().is_empty()) {
            (Kind::Reciprocal(solver), true) => solver.solve(circuit),
            (Kind::Controlled(solver), false) => solver.solve(circuit),
            _ => {
                let mut fresh = Solver::new(circuit, self.options())?;
                std::mem::swap(fresh.trace(), self.trace());
                *self = fresh;
                self.solve(circuit)
            }
        }
    }
}

//! Many solves of one circuit with other source values, in parallel.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::{Solution, SolveOptions, Solver};
use crate::circuit::{Circuit, CircuitError, ElementId};
use crate::device::Law;
use crate::interrupt::{self, Interrupted, Stop};
use crate::presolve::PresolveError;
use crate::threads;

/// Rows that are solved one after the other, each from the answer of the one before. The answers depend on it, so it
/// does not depend on the number of threads.
pub(super) const CHUNK: usize = 32;

/// Why rows of source values, or one of them, cannot be solved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// A column for an element that is no source.
    #[error("element {0} is no voltage or current source: only sources have a column")]
    NoSource(String),
    /// Two columns for one source.
    #[error("element {0} has two columns: leave one out")]
    Twice(String),
    /// A number of values that is no multiple of the number of sources.
    #[error("{values} values make no whole rows of {sources} sources")]
    Length {
        /// Number of values.
        values: usize,
        /// Number of sources.
        sources: usize,
    },
    /// A value that a source cannot have.
    #[error("row {} of the source values", row + 1)]
    Value {
        /// Which row, from 0.
        row: usize,
        /// What is wrong with it.
        source: CircuitError,
    },
    /// Values for which the circuit has no operating point.
    #[error("row {} of the source values", row + 1)]
    Presolve {
        /// Which row, from 0.
        row: usize,
        /// Why.
        source: PresolveError,
    },
    /// A setting of the solver out of its range.
    #[error(transparent)]
    Option(PresolveError),
    /// The computation was [interrupted](crate::interrupt).
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl RowError {
    /// Why a row is not solved.
    pub(super) fn of_row(row: usize, error: PresolveError) -> RowError {
        match error {
            PresolveError::Interrupted(interrupted) => interrupted.into(),
            PresolveError::Option { .. } => RowError::Option(error),
            source => RowError::Presolve { row, source },
        }
    }
}

impl Solver {
    /// A solver for rows of source values, as [`solve_rows`](Solver::solve_rows) takes them, prepared with the first of
    /// them that has an operating point: the values in `circuit` itself need not have one.
    ///
    /// # Errors
    /// If an element is no source, the values make no whole rows, an option is out of its range, it is
    /// [interrupted](crate::interrupt), or no row has an operating point: why the first has none.
    pub fn for_rows(
        circuit: &Circuit,
        sources: &[ElementId],
        values: &[f64],
        options: SolveOptions,
    ) -> Result<Solver, RowError> {
        let columns = Columns::new(circuit, sources)?;
        columns.check(values)?;
        let mut circuit = circuit.clone();
        let mut first = None;
        for (row, values) in values.chunks(sources.len()).enumerate() {
            let solver = columns.set(&mut circuit, row, values).and_then(|()| {
                let solver = Solver::new(&circuit, options);
                solver.map_err(|error| RowError::of_row(row, error))
            });
            match solver {
                Err(error @ (RowError::Value { .. } | RowError::Presolve { .. })) => {
                    first.get_or_insert(error);
                }
                solver => return solver,
            }
        }
        let (values, sources) = (values.len(), sources.len());
        let none = RowError::Length { values, sources };
        Err(first.unwrap_or(none))
    }

    /// Solves the circuit once for each row of `values`: a value (volt or ampere) for each of `sources`, row after
    /// row. `read` gets the number of each row, from 0, and its solution or error, and takes from it what is
    /// wanted, so that the memory in use does not grow with the number of rows. The rows are shared
    /// among the threads of rayon's pool; the results do not depend on their number.
    ///
    /// ```
    /// use ohmgrad::circuit::Circuit;
    /// use ohmgrad::solve::{SolveOptions, Solver};
    /// let clipper = Circuit::builder()
    ///     .voltage_source("v1", "in", "0", 0.0)
    ///     .resistor("r1", "in", "out", 1e3)
    ///     .ideal_diode("d1", "out", "0", 0.7)
    ///     .build()?;
    /// let (source, out) = (clipper.element("v1").expect("named"), clipper.node("out").expect("named"));
    /// let mut solver = Solver::new(&clipper, SolveOptions::default())?;
    /// let values = [-1.0, f64::NAN, 2.0];
    /// let outputs = solver.solve_rows(&clipper, &[source], &values, |_, row| {
    ///     row.map(|solution| solution.potential(out))
    /// })?;
    /// assert!((outputs[0].clone()? + 1.0).abs() < 1e-12);
    /// assert!(outputs[1].is_err());
    /// assert!((outputs[2].clone()? - 0.7).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If an element is no source, the values make no whole rows, or the computation is
    /// [interrupted](crate::interrupt). A value that is not finite and a row without an operating point are errors of
    /// their rows alone.
    pub fn solve_rows<T: Send>(
        &mut self,
        circuit: &Circuit,
        sources: &[ElementId],
        values: &[f64],
        read: impl Fn(usize, Result<Solution, RowError>) -> T + Sync,
    ) -> Result<Vec<T>, RowError> {
        let columns = Columns::new(circuit, sources)?;
        columns.check(values)?;
        let work = |stop: &Stop| self.solve_columns(&columns, stop, circuit, values, &read);
        Ok(interrupt::heed(work)?)
    }

    fn solve_columns<T: Send>(
        &mut self,
        columns: &Columns,
        stop: &Stop,
        circuit: &Circuit,
        values: &[f64],
        read: impl Fn(usize, Result<Solution, RowError>) -> T + Sync,
    ) -> Vec<T> {
        let width = columns.sources.len();
        // All threads start from one answer: that of the first row that has one.
        let mut first = circuit.clone();
        let rows = values.chunks(width).take(CHUNK).enumerate();
        stop.heard_in(|| {
            for (row, values) in rows {
                if columns.solve(self, stop, &mut first, row, values).is_ok() {
                    break;
                }
            }
        });
        threads::prepare();
        let start = &*self;
        let spare = Spare(Mutex::new(vec![first]));
        let chunks = values.par_chunks(width * CHUNK).enumerate();
        let solved = chunks.map(|(chunk, values)| {
            let mut solver = start.fork();
            let mut own = spare.take().unwrap_or_else(|| circuit.clone());
            let rows = (chunk * CHUNK..).zip(values.chunks(width));
            let solve = |(row, values)| {
                let solved = columns.solve(&mut solver, stop, &mut own, row, values);
                read(row, solved)
            };
            let solved: Vec<T> = stop.heard_in(|| rows.map(solve).collect());
            spare.give_back(own);
            solved
        });
        let solved: Vec<Vec<T>> = solved.collect();
        solved.into_iter().flatten().collect()
    }
}

/// The sources whose values the rows hold.
struct Columns<'s> {
    sources: &'s [ElementId],
    /// Their laws, by their values.
    laws: Vec<fn(f64) -> Law>,
}

impl<'s> Columns<'s> {
    fn new(circuit: &Circuit, sources: &'s [ElementId]) -> Result<Columns<'s>, RowError> {
        let mut seen = HashSet::new();
        if let Some(source) = sources.iter().find(|source| !seen.insert(**source)) {
            return Err(RowError::Twice(
                circuit.element_names()[source.index()].clone(),
            ));
        }
        let laws = sources.iter().map(|source| source_law(circuit, *source));
        Ok(Columns {
            sources,
            laws: laws.collect::<Result<_, _>>()?,
        })
    }

    /// Refuses values that make no whole rows.
    fn check(&self, values: &[f64]) -> Result<(), RowError> {
        let (values, sources) = (values.len(), self.sources.len());
        match sources > 0 && values.is_multiple_of(sources) {
            true => Ok(()),
            false => Err(RowError::Length { values, sources }),
        }
    }

    /// Gives the sources of a circuit the values of a row.
    fn set(&self, circuit: &mut Circuit, row: usize, values: &[f64]) -> Result<(), RowError> {
        for ((source, law), value) in self.sources.iter().zip(&self.laws).zip(values) {
            let set = circuit.set_law(*source, law(*value));
            set.map_err(|source| RowError::Value { row, source })?;
        }
        Ok(())
    }

    /// Solves a circuit for a row of values.
    fn solve(
        &self,
        solver: &mut Solver,
        stop: &Stop,
        circuit: &mut Circuit,
        row: usize,
        values: &[f64],
    ) -> Result<Solution, RowError> {
        if stop.is_requested() {
            return Err(Interrupted.into());
        }
        self.set(circuit, row, values)?;
        let solved = solver.solve(circuit);
        solved.map_err(|error| RowError::of_row(row, error))
    }
}

/// Copies of the circuit that no thread uses: there are no more than threads.
struct Spare(Mutex<Vec<Circuit>>);

impl Spare {
    fn take(&self) -> Option<Circuit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, circuit: Circuit) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spare.push(circuit);
    }
}

/// The law of a source of the same kind with another value.
fn source_law(circuit: &Circuit, source: ElementId) -> Result<fn(f64) -> Law, RowError> {
    match circuit[source].law() {
        Law::VoltageSource { .. } => Ok(|voltage| Law::VoltageSource { voltage }),
        Law::CurrentSource { .. } => Ok(|current| Law::CurrentSource { current }),
        _ => Err(RowError::NoSource(
            circuit.element_names()[source.index()].clone(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::interruptible;

    fn clipper() -> (Circuit, [ElementId; 1]) {
        let circuit = Circuit::builder()
            .voltage_source("v1", "a", "0", 0.0)
            .ideal_diode("d1", "a", "0", 1.0)
            .build()
            .expect("a valid circuit");
        let source = circuit.element("v1").expect("it was just added");
        (circuit, [source])
    }

    #[test]
    fn a_solver_for_rows_starts_with_the_first_that_has_an_operating_point() {
        let (circuit, sources) = clipper();
        let for_rows =
            |values: &[f64]| Solver::for_rows(&circuit, &sources, values, SolveOptions::default());
        assert!(for_rows(&[f64::NAN, 2.0, 0.5]).is_ok());
        let why = for_rows(&[2.0, 3.0]).err().expect("1 V is the most");
        assert!(matches!(why, RowError::Presolve { row: 0, .. }));
        assert!(matches!(for_rows(&[]), Err(RowError::Length { .. })));
    }

    #[test]
    fn a_source_has_one_column() {
        let (circuit, [source]) = clipper();
        let twice = Solver::for_rows(&circuit, &[source; 2], &[0.0; 2], SolveOptions::default());
        assert_eq!(twice.err(), Some(RowError::Twice("v1".into())));
    }

    #[test]
    fn rows_are_interrupted() {
        let (circuit, sources) = clipper();
        let values = vec![0.5; 1 << 22];
        let solver = Solver::for_rows(&circuit, &sources, &values, SolveOptions::default());
        let mut solver = solver.expect("0.5 V is below the forward voltage");
        let outcome = interruptible(
            || true,
            || solver.solve_rows(&circuit, &sources, &values, |_, solved| drop(solved)),
        );
        assert_eq!(outcome, Err(RowError::Interrupted(Interrupted)));
    }
}

//! Many solves of one circuit with other source values, in parallel.

use rayon::prelude::*;

use super::{Solution, Solver};
use crate::circuit::{Circuit, CircuitError, ElementId};
use crate::device::Law;
use crate::presolve::PresolveError;

/// Rows that are solved one after the other, each from the answer of the one before. The answers depend on it, so it
/// does not depend on the number of threads.
const CHUNK: usize = 32;

/// Why a row of source values cannot be solved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// A column for an element that is no source.
    #[error("element {0} is no voltage or current source: only sources have a column")]
    NoSource(String),
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
}

impl Solver {
    /// Solves the circuit once for each row of `values`: a value (volt or ampere) for each of `sources`, row after
    /// row. `read` takes what is wanted from each solution, so that the memory in use does not grow with
    /// the number of rows. The rows are shared among the threads of rayon's pool; the results do not
    /// depend on their number.
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
    /// let values = [-1.0, 0.5, 2.0];
    /// let outputs = solver.solve_rows(&clipper, &[source], &values, |_, s| s.potential(out))?;
    /// for (output, wanted) in outputs.iter().zip([-1.0, 0.5, 0.7]) {
    ///     assert!((output - wanted).abs() < 1e-12);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If an element is no source, a value is not finite, or a row has no operating point.
    pub fn solve_rows<T: Send>(
        &mut self,
        circuit: &Circuit,
        sources: &[ElementId],
        values: &[f64],
        read: impl Fn(usize, Solution) -> T + Sync,
    ) -> Result<Vec<T>, RowError> {
        let laws = sources
            .iter()
            .map(|source| source_law(circuit, *source))
            .collect::<Result<Vec<_>, _>>()?;
        let width = sources.len();
        if width == 0 || !values.len().is_multiple_of(width) {
            let (values, sources) = (values.len(), width);
            return Err(RowError::Length { values, sources });
        }
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let set = |circuit: &mut Circuit, row: usize, values: &[f64]| {
            for ((source, law), value) in sources.iter().zip(&laws).zip(values) {
                let set = circuit.set_law(*source, law(*value));
                set.map_err(|source| RowError::Value { row, source })?;
            }
            Ok(())
        };
        let mut first = circuit.clone();
        set(&mut first, 0, values)?;
        let solved = self.solve(&first);
        solved.map_err(|source| RowError::Presolve { row: 0, source })?;
        let start = &*self;
        let chunks = values.par_chunks(width * CHUNK).enumerate();
        let solved = chunks.map_init(
            || circuit.clone(),
            |circuit, (chunk, values)| {
                let mut solver = start.fork();
                let rows = values.chunks(width).enumerate();
                let solve = |(k, values): (usize, &[f64])| {
                    let row = chunk * CHUNK + k;
                    set(circuit, row, values)?;
                    let solution = solver.solve(circuit);
                    let solution = solution.map_err(|source| RowError::Presolve { row, source })?;
                    Ok(read(row, solution))
                };
                rows.map(solve).collect::<Result<Vec<T>, RowError>>()
            },
        );
        let solved = solved.collect::<Result<Vec<_>, _>>()?;
        Ok(solved.into_iter().flatten().collect())
    }
}

/// The law of a source of the same kind with another value.
fn source_law(circuit: &Circuit, source: ElementId) -> Result<fn(f64) -> Law, RowError> {
    match circuit[source].law() {
        Law::VoltageSource { .. } => Ok(|voltage| Law::VoltageSource { voltage }),
        Law::CurrentSource { .. } => Ok(|current| Law::CurrentSource { current }),
        _ => Err(RowError::NoSource(circuit[source].name().to_owned())),
    }
}

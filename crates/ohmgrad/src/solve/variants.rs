//! Many solves of one circuit with other laws of its elements, in parallel.

use rayon::prelude::*;

use super::rows::CHUNK;
use super::{RowError, Solution, SolveOptions, Solver};
use crate::circuit::{Circuit, CircuitError};
use crate::interrupt::{self, Stop};
use crate::presolve::PresolveError;
use crate::threads;

/// Solves `count` variants of a circuit: `change` gives the elements their laws in a row, always the same elements, and
/// `take` gets the answer.
///
/// Where only values of sources change, [`Solver::solve_rows`] shares more work. The answers do not depend on the number of
/// threads.
///
/// ```
/// use ohmgrad::circuit::Circuit;
/// use ohmgrad::device::Law;
/// use ohmgrad::solve::{RowError, SolveOptions, solve_variants};
///
/// let divider = Circuit::builder()
///     .voltage_source("v1", "in", "0", 3.0)
///     .resistor("r1", "in", "out", 1.0)
///     .resistor("r2", "out", "0", 1.0)
///     .build()?;
/// let (r2, out) = (divider.find_element("r2")?, divider.find_node("out")?);
/// let law = |row| Law::Resistor { conductance: [1.0, 0.5][row] };
/// let solved = solve_variants(&divider, SolveOptions::default(), 2, |row, circuit| circuit.set_law(r2, law(row)), |_, solved| {
///     solved.map(|solution| solution.potential(out))
/// })?;
/// let out: Vec<f64> = solved.into_iter().collect::<Result<_, RowError>>()?;
/// assert!((out[0] - 1.5).abs() < 1e-12 && (out[1] - 2.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If a law is out of range in a row, an option is, or it is [interrupted](crate::interrupt). A row without an operating point is an error
/// of that row alone.
pub fn solve_variants<T: Send>(
    circuit: &Circuit,
    options: SolveOptions,
    count: usize,
    change: impl Fn(usize, &mut Circuit) -> Result<(), CircuitError> + Sync,
    take: impl Fn(usize, Result<Solution, RowError>) -> T + Sync,
) -> Result<Vec<T>, RowError> {
    options.check().map_err(RowError::Option)?;
    let chunk = |first: usize, stop: &Stop| {
        let (mut variant, mut solver) = (circuit.clone(), None);
        let mut answers = Vec::new();
        for row in first..count.min(first + CHUNK) {
            if stop.is_requested() {
                break; // the answers will not be read
            }
            let changed = change(row, &mut variant);
            changed.map_err(|source| RowError::Value { row, source })?;
            let solved = stop.heard_in(|| solve(&variant, options, &mut solver));
            answers.push(take(
                row,
                solved.map_err(|error| RowError::of_row(row, error)),
            ));
        }
        Ok(answers)
    };
    let chunks = (0..count.div_ceil(CHUNK)).into_par_iter();
    let solved: Vec<Result<Vec<T>, RowError>> = interrupt::heed(|stop| {
        threads::prepare();
        chunks.map(|k| chunk(k * CHUNK, stop)).collect()
    })?;
    let solved = solved.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(solved.into_iter().flatten().collect())
}

/// The operating point of a variant, from that of the one before.
fn solve(
    circuit: &Circuit,
    options: SolveOptions,
    solver: &mut Option<Solver>,
) -> Result<Solution, PresolveError> {
    let mut ready = match solver.take() {
        Some(ready) => ready,
        None => Solver::new(circuit, options)?,
    };
    let solved = ready.solve(circuit);
    *solver = Some(ready); // also where a variant has no operating point
    solved
}

//! Solving circuits.

mod certificate;
pub(crate) mod interior_point;
pub(crate) mod star_mesh;
#[cfg(test)]
mod tests;

pub use certificate::Certificate;

use crate::circuit::Circuit;
use crate::presolve::{PresolveError, Reduction, Undetermined};

/// A state.
#[derive(Debug)]
pub struct Solution {
    /// Potentials.
    pub potentials: Vec<f64>,
    /// Currents.
    pub currents: Vec<f64>,
    /// Open.
    pub undetermined: Vec<Undetermined>,
    /// Certificate.
    pub certificate: Certificate,
    /// Factorizations.
    pub factorizations: usize,
}

/// Solve.
pub fn solve(circuit: &Circuit) -> Result<Solution, PresolveError> {
    let reduction = Reduction::new(circuit)?;
    let edges = reduction.edges();
    let plan = star_mesh::Plan::new(edges.nodes, &edges.ends);
    let numbers = reduction.numbers(circuit)?.expect("same shape");
    let mut ipm = interior_point::InteriorPoint::new(&plan);
    let (state, work) = ipm.solve(&plan, &numbers.network, 1e-11);
    let restored = reduction.restore(circuit, &numbers, state);
    let certificate = Certificate::check(circuit, &restored.potentials, &restored.currents);
    Ok(Solution {
        potentials: restored.potentials,
        currents: restored.currents,
        undetermined: restored.undetermined,
        certificate,
        factorizations: work.factorizations,
    })
}

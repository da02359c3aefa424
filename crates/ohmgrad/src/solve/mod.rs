//! Solving circuits.

mod active_set;
mod certificate;
mod interior_point;
mod newton;
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
    let network = &numbers.network;
    let mut newton = newton::Newton::new(&plan);
    let mut state = interior_point::InteriorPoint::new().solve(&mut newton, &plan, network, 1e-10);
    let mut work = newton.work;
    if let Some(better) =
        active_set::ActiveSet::new().solve(&mut newton, &plan, network, &state, 1e-12)
    {
        state = better;
    }
    work.factorizations += newton.work.factorizations;
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

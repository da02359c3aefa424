//! Equations that no state solves, and how well they can be computed.

use super::newton::{End, Newton};
use super::structure::{Structure, name};
use super::system::Equation;
use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::Law;
use crate::presolve::PresolveError;

/// An equation that is missed by more, relative to what drives it, is contradicted by others.
const MISSED: f64 = 1e-9;

/// Names what contradicts, if a search found no state for that reason.
///
/// Straight equations hold after one whole step unless they contradict one another: then they are missed however long the steps
/// are. A part that nothing joins to ground is held by one of its nodes, which must not have to carry anything.
pub(super) fn check(
    circuit: &Circuit,
    structure: &Structure,
    newton: &Newton,
    end: End,
) -> Result<(), PresolveError> {
    let system = newton.system;
    for node in &structure.pinned {
        let k = node.index() - 1;
        let excess = newton.x[k].value().abs() * system.scales[k];
        let members = structure.part(circuit, *node);
        let (sources, drive) = sources_at(circuit, &members);
        if end == End::Converged && excess > MISSED * drive {
            let nodes = members;
            return Err(PresolveError::NowhereToGo {
                sources,
                nodes,
                excess,
            });
        }
    }
    match end {
        End::Stalled | End::Broken if are_missed(newton) => Err(contradiction(circuit, newton)),
        _ => Ok(()),
    }
}

/// Whether straight equations are missed.
pub(super) fn are_missed(newton: &Newton) -> bool {
    let system = newton.system;
    let straight = (0..system.unknowns()).filter(|k| system.is_straight(*k));
    let worst = straight.fold(0.0, |max: f64, k| max.max(newton.misses[k].abs()));
    worst > MISSED * system.drive() && worst.is_finite()
}

/// Names the unknowns that grow without end.
fn contradiction(circuit: &Circuit, newton: &Newton) -> PresolveError {
    let system = newton.system;
    let sizes = newton.x.iter().map(|x| x.value().abs());
    let largest = sizes.clone().fold(0.0, f64::max);
    let growing = sizes.enumerate().filter(|(_, size)| *size >= 0.1 * largest);
    let name = |(k, _)| match usize::checked_sub(k, system.nodes) {
        None => circuit.node_names()[k + 1].clone(),
        Some(branch) => circuit.element_names()[system.branches[branch].element].clone(),
    };
    PresolveError::Contradiction {
        of: growing.map(name).collect(),
    }
}

/// The current sources at nodes, and the sum of what they drive at least.
fn sources_at(circuit: &Circuit, nodes: &[String]) -> (Vec<String>, f64) {
    let is_there = |node: NodeId| nodes.iter().any(|name| *name == circuit[node]);
    let is_current = |id: &ElementId| {
        let law = circuit[*id].law();
        matches!(
            law,
            Law::CurrentSource { .. } | Law::ControlledCurrent { .. }
        )
    };
    let at = circuit.element_ids().filter(is_current);
    let at: Vec<ElementId> = at
        .filter(|id| circuit[*id].nodes().into_iter().any(is_there))
        .collect();
    let drive = at.iter().map(|id| match circuit[*id].law() {
        Law::CurrentSource { current } => current.abs(),
        _ => 0.0,
    });
    let drive = drive.fold(f64::MIN_POSITIVE, |a, b| a + b);
    (at.into_iter().map(|id| name(circuit, id)).collect(), drive)
}

/// By how much each equation may be off, in volt: what is missed, and the rounding of laws and of sources.
pub(super) fn digits(circuit: &Circuit, newton: &Newton) -> Vec<f64> {
    let system = newton.system;
    let mut digits: Vec<f64> = newton.misses.iter().map(|miss| miss.abs()).collect();
    for (k, (branch, bent)) in system.branches.iter().zip(&newton.bent).enumerate() {
        let law = circuit.elements()[branch.element].law();
        digits[system.nodes + k] += match &branch.equation {
            Equation::Curve(curve) => {
                let voltage = system.voltage(branch, &newton.x).value();
                let steep = f64::EPSILON * voltage.abs();
                steep.max(bent.share * branch.resistance * curve.rounding(voltage))
            }
            _ => match law {
                Law::VoltageSource { voltage } => 2.0 * f64::EPSILON * voltage.abs(),
                Law::Diode(diode) => 2.0 * f64::EPSILON * diode.forward_voltage.abs(),
                _ => 0.0,
            },
        };
    }
    digits
}

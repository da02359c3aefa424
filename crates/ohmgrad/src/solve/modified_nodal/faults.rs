//! Equations that no state solves, and how well they can be computed.

use std::collections::HashMap;

use super::newton::{End, Newton};
use super::structure::{Structure, name};
use super::system::Equation;
use crate::circuit::{Circuit, ElementId};
use crate::device::Law;
use crate::presolve::PresolveError;

/// An equation that is missed by more, relative to what drives it, is contradicted by others.
const MISSED: f64 = 1e-9;

/// Currents below this, relative to the largest, are what rounding leaves of sums of 32 digits.
const NOISE: f64 = 1e-22;

/// Unknowns that are larger, relative to what drives them, grow without end.
const ENDLESS: f64 = 1e12;

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
    if end == End::Converged {
        check_pinned(circuit, structure, newton)?;
    }
    let is_found = matches!(end, End::Converged | End::Interrupted);
    if is_found || newton.contradiction.is_empty() {
        return Ok(());
    }
    let system = newton.system;
    let name = |k: &usize| match k.checked_sub(system.nodes) {
        None => circuit.node_names()[k + 1].clone(),
        Some(branch) => circuit.element_names()[system.branches[branch].element].clone(),
    };
    Err(PresolveError::Contradiction {
        of: newton.contradiction.iter().map(name).collect(),
    })
}

/// Sees to it that no current flows into a part that nothing joins to ground.
fn check_pinned(
    circuit: &Circuit,
    structure: &Structure,
    newton: &Newton,
) -> Result<(), PresolveError> {
    if structure.pinned.is_empty() {
        return Ok(());
    }
    let currents = newton.system.currents(&newton.x);
    let is_source = |law: &Law| {
        matches!(
            law,
            Law::CurrentSource { .. } | Law::ControlledCurrent { .. }
        )
    };
    let sources = circuit
        .element_ids()
        .filter(|id| is_source(circuit[*id].law()));
    let largest = currents.iter().fold(0.0, |max: f64, i| max.max(i.abs()));
    let mut driven: HashMap<usize, (f64, Vec<ElementId>)> = HashMap::new();
    for id in sources {
        for part in circuit[id].nodes().map(|node| structure.part_of(node)) {
            let (sum, sources) = driven.entry(part).or_default();
            *sum += currents[id.index()].abs();
            if sources.last() != Some(&id) {
                sources.push(id);
            }
        }
    }
    for node in &structure.pinned {
        let k = node.index() - 1;
        let excess = newton.x[k].value().abs() * newton.system.scales[k];
        let Some((driven, sources)) = driven.get(&structure.part_of(*node)) else {
            continue;
        };
        if excess > MISSED * driven + NOISE * largest {
            return Err(PresolveError::NowhereToGo {
                sources: sources.iter().map(|id| name(circuit, *id)).collect(),
                nodes: structure.part(circuit, *node),
                excess,
            });
        }
    }
    Ok(())
}

/// The unknowns that grow without end, if straight equations are missed even so.
pub(super) fn growing(newton: &Newton) -> Vec<usize> {
    let system = newton.system;
    // What has grown out of range is no number.
    let drive = system.drive();
    let mut straight = (0..system.unknowns()).filter(|k| system.is_straight(*k));
    let is_missed = |miss: f64| miss.abs() > MISSED * drive || miss.is_nan();
    let sizes = newton.x.iter().map(|x| match x.value().abs() {
        size if size.is_nan() => f64::INFINITY,
        size => size,
    });
    let largest = sizes.clone().fold(0.0, f64::max);
    let is_endless = largest > ENDLESS * drive && straight.any(|k| is_missed(newton.misses[k]));
    let growing = sizes
        .enumerate()
        .filter(|(_, size)| is_endless && *size >= 0.1 * largest);
    growing.map(|(k, _)| k).collect()
}

/// By how much each equation may be off, in volt: what is missed, and the rounding of laws and of sources.
pub(super) fn digits(circuit: &Circuit, newton: &Newton) -> Vec<f64> {
    let system = newton.system;
    let mut digits: Vec<f64> = newton.misses.iter().map(|miss| miss.abs()).collect();
    for (k, (branch, bent)) in system.branches.iter().zip(&newton.bent).enumerate() {
        let row = system.nodes + k;
        let law = circuit.elements()[branch.element].law();
        digits[row] += match (&branch.equation, law) {
            (Equation::Curve(curve), _) => {
                let voltage = system.voltage(branch, &newton.x).value();
                let by_current = bent.share * branch.resistance * curve.rounding(voltage);
                match bent.share > 0.5 {
                    true => by_current,
                    false => by_current + f64::EPSILON * (voltage + newton.x[row].high).abs(),
                }
            }
            (_, Law::VoltageSource { voltage }) => 2.0 * f64::EPSILON * voltage.abs(),
            (_, Law::ControlledVoltage { .. }) => {
                let voltage = system.voltage(branch, &newton.x).value();
                f64::EPSILON * voltage.abs()
            }
            (_, Law::Diode(diode)) => {
                let on = (1.0 - bent.share) * diode.forward_voltage.abs();
                f64::EPSILON * (2.0 * on + bent.share * newton.x[row].high.abs())
            }
            _ => 0.0,
        };
    }
    digits
}

/// What the rounding of conductances, gains and currents as written brings to the nodes, in volt: as much of each current as
/// enters at one end leaves at the other. `up` says which way.
pub(super) fn round_currents(
    circuit: &Circuit,
    newton: &Newton,
    up: impl Fn(usize) -> bool,
) -> Vec<f64> {
    let system = newton.system;
    let mut brought = vec![0.0; system.unknowns()];
    let currents = system.currents(&newton.x);
    for (k, (element, current)) in circuit.elements().iter().zip(currents).enumerate() {
        let is_written = matches!(
            element.law(),
            Law::Resistor { conductance } if conductance.is_finite()
        ) || matches!(
            element.law(),
            Law::CurrentSource { .. } | Law::ControlledCurrent { .. }
        );
        if !is_written {
            continue;
        }
        let off = f64::EPSILON * current * if up(k) { 1.0 } else { -1.0 };
        for (node, off) in element.nodes().into_iter().zip([off, -off]) {
            if let Some(row) = node.index().checked_sub(1) {
                brought[row] += off / system.scales[row];
            }
        }
    }
    brought
}

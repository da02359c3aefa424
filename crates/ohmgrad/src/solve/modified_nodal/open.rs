//! Nodes whose potentials a circuit leaves open.

use super::newton::Newton;
use super::structure::{Structure, parts};
use super::system::{Equation, REGULARIZATION};
use super::{PATTERNS, sign};
use crate::circuit::{Circuit, NodeId};
use crate::presolve::Undetermined;

/// Nodes that move by so much when all equations are pulled by what keeps the matrix regular have nothing else that holds them. What is
/// held moves by 1e-3 at most, or by little beside its potential: behind a gain of 1e15, all voltages are large.
const OPEN: f64 = 0.1;
const LITTLE: f64 = 1e-3;

/// Finds the open nodes, and the potentials that they may have while all laws hold.
pub(super) fn find(
    circuit: &Circuit,
    structure: &Structure,
    newton: &mut Newton,
) -> Vec<Undetermined> {
    let is_open = pulled(circuit, structure, newton);
    if !is_open.contains(&true) {
        return Vec::new();
    }
    let system = newton.system;
    // Elements at corners and on flat stretches, with the voltages that they may have without another current.
    let mut free = vec![None; circuit.elements().len()];
    for (branch, bent) in system.branches.iter().zip(&newton.bent) {
        let voltage = system.voltage(branch, &newton.x).value();
        free[branch.element] = match &branch.equation {
            Equation::Diode(diode) if bent.share == 1.0 => {
                Some((f64::NEG_INFINITY, diode.forward_voltage - voltage))
            }
            Equation::Curve(curve) if bent.share == 1.0 => {
                let (low, high) = curve.flat(voltage);
                Some((low - voltage, high - voltage))
            }
            _ => None,
        };
    }
    let rigid = parts(circuit, |id| free[id.index()].is_none());
    let mut ranges = vec![(f64::NEG_INFINITY, f64::INFINITY); rigid.len()];
    for (element, free) in circuit.elements().iter().zip(&free) {
        let Some((low, high)) = *free else { continue };
        let [a, b] = element.nodes().map(NodeId::index);
        match (is_open[a], is_open[b]) {
            (true, false) => narrow(&mut ranges[rigid[a]], low, high),
            (false, true) => narrow(&mut ranges[rigid[b]], -high, -low),
            _ => {}
        }
    }
    let nodes = circuit.node_ids().filter(|node| is_open[node.index()]);
    let range = |node: NodeId| {
        let potential = match node.index().checked_sub(1) {
            Some(k) => newton.x[k].value(),
            None => 0.0,
        };
        let (low, high) = ranges[rigid[node.index()]];
        Undetermined {
            node,
            lowest: potential + low,
            highest: potential + high,
        }
    };
    nodes.map(range).collect()
}

fn narrow(range: &mut (f64, f64), low: f64, high: f64) {
    *range = (range.0.max(low), range.1.min(high));
}

/// Whether each node is open.
fn pulled(circuit: &Circuit, structure: &Structure, newton: &mut Newton) -> Vec<bool> {
    let drive = newton.system.drive();
    let mut moved = vec![0.0_f64; newton.system.unknowns()];
    for pattern in 0..PATTERNS {
        let pull = |k| match sign(pattern, k) {
            true => REGULARIZATION,
            false => -REGULARIZATION,
        };
        let mut pulled: Vec<f64> = (0..moved.len()).map(pull).collect();
        newton.solve(&mut pulled);
        for (moved, pulled) in moved.iter_mut().zip(pulled) {
            *moved = moved.max(pulled.abs());
        }
    }
    let is_moved =
        |k: usize| moved[k] >= OPEN && moved[k] * drive >= LITTLE * newton.x[k].value().abs();
    let node = |node: NodeId| match node.index().checked_sub(1) {
        Some(k) => structure.is_open(node) || is_moved(k),
        None => false,
    };
    circuit.node_ids().map(node).collect()
}

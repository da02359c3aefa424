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
    let moves = pulled(newton);
    let is_open = open_nodes(circuit, structure, newton, &moves);
    if !is_open.contains(&true) {
        return Vec::new();
    }
    let free = free_voltages(circuit, newton);
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
    // Controlled sources join followers to what is held: their ranges are those of what they follow.
    let mut is_joined = vec![false; rigid.len()];
    for node in circuit.node_ids().filter(|node| !is_open[node.index()]) {
        is_joined[rigid[node.index()]] = true;
    }
    let follow = |k: usize| {
        let mut leaders = (1..is_open.len()).filter(|z| is_open[*z] && !is_joined[rigid[*z]]);
        let followed = leaders.find_map(|z| Some((z, ratio(&moves, k - 1, z - 1)?)));
        followed.map_or((f64::NEG_INFINITY, f64::INFINITY), |(z, ratio)| {
            let (low, high) = ranges[rigid[z]];
            let ends = [ratio * low, ratio * high];
            (ends[0].min(ends[1]), ends[0].max(ends[1]))
        })
    };
    let nodes = circuit.node_ids().filter(|node| is_open[node.index()]);
    let range = |node: NodeId| {
        let potential = match node.index().checked_sub(1) {
            Some(k) => newton.x[k].value(),
            None => 0.0,
        };
        let (low, high) = match is_joined[rigid[node.index()]] {
            true => follow(node.index()),
            false => ranges[rigid[node.index()]],
        };
        Undetermined {
            node,
            lowest: potential + low,
            highest: potential + high,
        }
    };
    nodes.map(range).collect()
}

/// Elements at corners and on flat stretches: how far their voltages may go without another current.
fn free_voltages(circuit: &Circuit, newton: &Newton) -> Vec<Option<(f64, f64)>> {
    let system = newton.system;
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
    free
}

fn narrow(range: &mut (f64, f64), low: f64, high: f64) {
    *range = (range.0.max(low), range.1.min(high));
}

/// By how much the second unknown is multiplied in the first, if it is that alone which moves it.
fn ratio(moves: &[Vec<f64>], one: usize, other: usize) -> Option<f64> {
    let larger = moves
        .iter()
        .max_by(|a, b| a[other].abs().total_cmp(&b[other].abs()))?;
    if larger[other].abs() < OPEN {
        return None;
    }
    let ratio = larger[one] / larger[other];
    let is_alike =
        |m: &Vec<f64>| (m[one] - ratio * m[other]).abs() <= OPEN * OPEN * larger[one].abs();
    moves.iter().all(is_alike).then_some(ratio)
}

/// How all unknowns move when every equation is pulled, one way or the other, by what keeps the matrix regular.
fn pulled(newton: &mut Newton) -> Vec<Vec<f64>> {
    let size = newton.system.unknowns();
    let pull = |pattern| {
        let signs = (0..size).map(|k| sign(pattern, k));
        let pull = |up| if up { REGULARIZATION } else { -REGULARIZATION };
        let mut moves: Vec<f64> = signs.map(pull).collect();
        newton.solve(&mut moves);
        moves
    };
    (0..PATTERNS).map(pull).collect()
}

/// Whether each node is open.
fn open_nodes(
    circuit: &Circuit,
    structure: &Structure,
    newton: &Newton,
    moves: &[Vec<f64>],
) -> Vec<bool> {
    let drive = newton.system.drive();
    let is_moved = |k: usize| {
        let moved = moves
            .iter()
            .fold(0.0, |max: f64, moves| max.max(moves[k].abs()));
        moved >= OPEN && moved * drive >= LITTLE * newton.x[k].value().abs()
    };
    let node = |node: NodeId| match node.index().checked_sub(1) {
        Some(k) => structure.is_open(node) || is_moved(k),
        None => false,
    };
    circuit.node_ids().map(node).collect()
}

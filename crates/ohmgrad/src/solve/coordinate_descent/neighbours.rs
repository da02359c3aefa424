//! What lies at each node: resistors, ideal diodes, and bent elements, from the node's side.

use crate::presolve::Network;

/// What lies at each node, node after node.
pub(super) struct Rows<T> {
    starts: Vec<usize>,
    items: Vec<T>,
}

impl<T: Clone> Rows<T> {
    /// Sorts items by their nodes.
    pub(super) fn new(nodes: usize, mut items: Vec<(u32, T)>) -> Rows<T> {
        items.sort_by_key(|(node, _)| *node);
        let mut starts = vec![0; nodes + 1];
        for (node, _) in &items {
            starts[*node as usize + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let items = items.into_iter().map(|(_, item)| item).collect();
        Rows { starts, items }
    }

    pub(super) fn at(&self, node: u32) -> &[T] {
        let node = node as usize;
        &self.items[self.starts[node]..self.starts[node + 1]]
    }
}

/// A resistor from a node's side: the current into the node is g (x_other - x + offset).
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) other: u32,
    pub(super) conductance: f64,
    pub(super) offset: f64,
}

/// An ideal diode from a node's side: x <= x_other + bound if it is an upper limit, x >= x_other + bound if not.
#[derive(Clone)]
pub(super) struct Limit {
    pub(super) other: u32,
    pub(super) diode: u32,
    pub(super) upper: bool,
    pub(super) bound: f64,
}

/// A soft diode or nonlinear element from a node's side: the current out of the node is
/// sign law(sign (x - x_other) + offset).
#[derive(Clone)]
pub(super) struct NonlinearBranch {
    pub(super) other: u32,
    /// A diode of the network, or a nonlinear element counted on from its diodes.
    pub(super) element: usize,
    pub(super) sign: f64,
    pub(super) offset: f64,
}

/// The resistors at each node.
pub(super) fn wires(network: &Network) -> Rows<Wire> {
    let ground = network.nodes as u32;
    let mut wires = Vec::new();
    for resistor in network.resistors.iter().filter(|r| r.conductance > 0.0) {
        for (node, other, sign) in sides(resistor.ends, ground) {
            let wire = Wire {
                other,
                conductance: resistor.conductance,
                offset: -sign * resistor.offset,
            };
            wires.push((node, wire));
        }
    }
    Rows::new(network.nodes, wires)
}

/// The ideal diodes at each node.
pub(super) fn limits(network: &Network) -> Rows<Limit> {
    let ground = network.nodes as u32;
    let mut limits = Vec::new();
    for (number, diode) in (0..).zip(&network.diodes) {
        for (node, other, sign) in sides(diode.ends, ground) {
            let limit = Limit {
                other,
                diode: number,
                upper: sign > 0.0,
                bound: sign * diode.bound,
            };
            if diode.resistance == 0.0 {
                limits.push((node, limit));
            }
        }
    }
    Rows::new(network.nodes, limits)
}

/// The soft diodes and nonlinear elements at each node.
pub(super) fn nonlinear_branches(network: &Network) -> Rows<NonlinearBranch> {
    let ground = network.nodes as u32;
    let diodes = network.diodes.iter().enumerate();
    let soft = diodes.filter(|(_, diode)| diode.resistance > 0.0);
    let soft = soft.map(|(k, diode)| (k, diode.ends, -diode.bound));
    let nonlinear = (network.diodes.len()..).zip(&network.nonlinear);
    let nonlinear = nonlinear.map(|(k, nonlinear)| (k, nonlinear.ends, nonlinear.offset));
    let mut nonlinear_branches = Vec::new();
    for (element, ends, offset) in soft.chain(nonlinear) {
        for (node, other, sign) in sides(ends, ground) {
            let bend = NonlinearBranch {
                other,
                element,
                sign,
                offset,
            };
            nonlinear_branches.push((node, bend));
        }
    }
    Rows::new(network.nodes, nonlinear_branches)
}

/// (node, the other end, 1 at the first end and -1 at the second) of a branch, without ground.
fn sides([a, b]: [u32; 2], ground: u32) -> impl Iterator<Item = (u32, u32, f64)> {
    let (a, b) = (a.min(ground), b.min(ground));
    let sides = [(a, b, 1.0), (b, a, -1.0)].into_iter();
    sides.filter(move |(node, ..)| *node < ground)
}

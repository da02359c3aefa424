//! How strong a conducting ideal diode must be to hold its nodes together.
//!
//! In a factorization, a conducting diode without resistance is a large conductance; corrections remove what it gives way.
//! It must be far stronger than what it has to move, which is the weaker of the two sides that it joins, and strong enough for
//! the last digits of its own current to move it by no more than those of a voltage. It must not be stronger than needed either:
//! times the last of 32 digits of a voltage, its conductance is what its current is known to.

use std::collections::{HashMap, HashSet};

use super::newton::Newton;
use crate::presolve::Network;

/// The conductance of a diode over that of the weaker side.
const STRENGTH: f64 = 1e8;

/// Larger loads are held by themselves, in siemens.
const MOST: f64 = 1e250;

/// A node of a tree of conducting diodes.
struct Place {
    node: u32,
    parent: usize,
    /// The diode to the parent.
    diode: usize,
    /// The conductance of what else lies at the node, then of all that lies behind it, in siemens.
    load: f64,
}

/// Gives the responses that hold voltages (conducting ideal diodes without resistance, and `idle` nonlinear elements) their
/// conductances. Those of the other responses are set.
pub(super) fn strengthen(
    newton: &mut Newton,
    network: &Network,
    idle: impl Iterator<Item = usize>,
) {
    let mut joined: HashMap<u32, Vec<(u32, usize)>> = HashMap::new();
    let diodes = network.diodes.iter().zip(&newton.responses).enumerate();
    let conducting = diodes.filter(|(_, (d, r))| d.resistance == 0.0 && r.conductance > 0.0);
    let holding: Vec<usize> = conducting.map(|(k, _)| k).chain(idle).collect();
    for k in holding {
        let [a, b] = newton.responses[k].ends;
        joined.entry(a).or_default().push((b, k));
        joined.entry(b).or_default().push((a, k));
        newton.responses[k].conductance = 0.0;
    }
    if joined.is_empty() {
        return;
    }
    let loads = newton.loads(network);
    let load = |node: u32| loads.get(node as usize).copied().unwrap_or(f64::INFINITY);
    let mut roots: Vec<u32> = joined.keys().copied().collect();
    roots.sort_by(|a, b| load(*b).total_cmp(&load(*a)).then(a.cmp(b)));
    let mut seen = HashSet::new();
    for root in roots {
        if seen.contains(&root) {
            continue;
        }
        let mut tree = grow(root, &joined, &mut seen, load);
        for k in (1..tree.len()).rev() {
            let (parent, behind) = (tree[k].parent, tree[k].load);
            tree[parent].load += behind;
        }
        let strongest = load(root);
        let total = tree[0].load;
        let typical = newton.scale.conductance;
        for place in &tree[1..] {
            // The root has the largest load of all: what lies before a node is no less.
            let before = strongest.max(total - place.load);
            let weaker = place.load.min(before).min(MOST);
            let weaker = if weaker > 0.0 { weaker } else { typical };
            let carried = newton.responses[place.diode].current.abs() / newton.scale.held;
            let conductance = (STRENGTH * weaker).max(carried.min(MOST));
            newton.responses[place.diode].conductance = conductance;
        }
        // Those that close loops.
        for place in &tree {
            for (_, k) in &joined[&place.node] {
                let conductance = &mut newton.responses[*k].conductance;
                if *conductance == 0.0 {
                    let most = total.min(MOST);
                    *conductance = STRENGTH * if most > 0.0 { most } else { typical };
                }
            }
        }
    }
}

/// The tree of the nodes that diodes join to a root, each after its parent.
fn grow(
    root: u32,
    joined: &HashMap<u32, Vec<(u32, usize)>>,
    seen: &mut HashSet<u32>,
    load: impl Fn(u32) -> f64,
) -> Vec<Place> {
    let place = |node, parent, diode| Place {
        node,
        parent,
        diode,
        load: load(node),
    };
    let mut tree = vec![place(root, 0, usize::MAX)];
    seen.insert(root);
    let mut next = 0;
    while next < tree.len() {
        let here = tree[next].node;
        for (node, diode) in &joined[&here] {
            if seen.insert(*node) {
                tree.push(place(*node, next, *diode));
            }
        }
        next += 1;
    }
    tree
}

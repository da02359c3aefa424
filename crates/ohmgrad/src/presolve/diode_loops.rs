//! Loops of ideal diodes: those that contradict one another, and those that hold nodes together.
//!
//! Ideal diodes bound differences of potentials, v_anode - v_cathode <= w. There are potentials that obey all
//! bounds if and only if no loop of diodes has a negative sum of bounds. A loop whose bounds add up to
//! zero (two diodes back to back, say) leaves no room: each of its diodes is held at its bound.

use num_bigint::BigInt;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::double::Double;
use crate::interrupt::{self, Interrupted};

/// v(anode) - v(cathode) <= bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) anode: u32,
    pub(super) cathode: u32,
    pub(super) bound: Double,
    /// The sum of the magnitudes that the bound was computed from, in volt.
    pub(super) size: f64,
}

/// Why there are no potentials that obey all bounds.
pub(super) enum NoPotentials {
    /// A loop of bounds with a negative sum: places of the bounds in the list, and the sum.
    NegativeLoop(Vec<usize>, BigInt),
    Interrupted,
}

impl From<Interrupted> for NoPotentials {
    fn from(_: Interrupted) -> NoPotentials {
        NoPotentials::Interrupted
    }
}

/// The bounds that may be part of a loop whose bounds add up to nothing or less.
pub(super) fn loops(nodes: usize, bounds: &[Bound]) -> Vec<usize> {
    // No rounding makes a positive number of one that is not.
    if bounds.iter().all(|b| b.bound.high > 1e-9 * b.size) {
        return Vec::new();
    }
    let arcs = bounds.iter().map(|b| (b.anode, b.cathode));
    let (components, _) = strong_components(nodes, arcs);
    let component = |node: u32| components[node as usize];
    let closes = |k: &usize| component(bounds[*k].anode) == component(bounds[*k].cathode);
    (0..bounds.len()).filter(closes).collect()
}

/// The places of the bounds that are tight in all potentials that obey all bounds; `exact` are the bounds, exactly.
pub(super) fn tight_bounds(
    nodes: usize,
    bounds: &[Bound],
    exact: &[BigInt],
) -> Result<Vec<usize>, NoPotentials> {
    let potentials = feasible_potentials(nodes, bounds, exact)?;
    let is_tight = |k: &usize| {
        let [a, c] = [bounds[*k].anode, bounds[*k].cathode].map(|n| &potentials[n as usize]);
        a - c == exact[*k]
    };
    let tight: Vec<usize> = (0..bounds.len()).filter(is_tight).collect();
    let arcs = tight.iter().map(|k| (bounds[*k].anode, bounds[*k].cathode));
    let (components, _) = strong_components(nodes, arcs);
    let component = |node: u32| components[node as usize];
    let is_held = |k: &usize| component(bounds[*k].anode) == component(bounds[*k].cathode);
    Ok(tight.into_iter().filter(is_held).collect())
}

/// For each node the set of nodes it can reach and be reached from, a number below the second result.
/// The sets are numbered so that arcs between them lead to lower numbers.
pub(super) fn strong_components(
    nodes: usize,
    arcs: impl Iterator<Item = (u32, u32)>,
) -> (Vec<u32>, usize) {
    let mut graph = DiGraph::<(), (), u32>::default();
    (0..nodes).for_each(|_| _ = graph.add_node(()));
    graph.extend_with_edges(arcs.map(|(a, b)| (NodeIndex::from(a), NodeIndex::from(b))));
    let sets = kosaraju_scc(&graph);
    let mut components = vec![0; nodes];
    for (c, members) in sets.iter().enumerate() {
        for node in members {
            components[node.index()] = c as u32;
        }
    }
    (components, sets.len())
}

/// Shortest paths from a virtual node at 0 V to all nodes (Bellman and Ford): v(anode) may be at most
/// v(cathode) + bound.
fn feasible_potentials(
    nodes: usize,
    bounds: &[Bound],
    exact: &[BigInt],
) -> Result<Vec<BigInt>, NoPotentials> {
    let mut potentials = vec![BigInt::ZERO; nodes];
    let mut last = vec![usize::MAX; nodes];
    loop {
        let mut changed = None;
        for (k, (b, bound)) in bounds.iter().zip(exact).enumerate() {
            let limit = &potentials[b.cathode as usize] + bound;
            if potentials[b.anode as usize] > limit {
                potentials[b.anode as usize] = limit;
                last[b.anode as usize] = k;
                changed = Some(b.anode);
            }
        }
        // A loop is found after as many rounds as there are nodes at the latest.
        let Some(node) = changed else {
            return Ok(potentials);
        };
        if let Some(around) = loop_behind(node, bounds, &last) {
            let sum = around.iter().map(|k| &exact[*k]).sum();
            return Err(NoPotentials::NegativeLoop(around, sum));
        }
        interrupt::check()?;
    }
}

/// The loop that the bounds that last lowered each potential run into, if they do.
fn loop_behind(node: u32, bounds: &[Bound], last: &[usize]) -> Option<Vec<usize>> {
    let next = |node: u32| match last[node as usize] {
        usize::MAX => None,
        k => Some((bounds[k].cathode, k)),
    };
    // Brent's method: `hare` runs, `tortoise` waits where the hare was at the last power of two.
    let (mut tortoise, mut hare) = (node, next(node)?.0);
    let (mut steps, mut power) = (1, 1);
    while tortoise != hare {
        if steps == power {
            tortoise = hare;
            (steps, power) = (0, 2 * power);
        }
        hare = next(hare)?.0;
        steps += 1;
    }
    let mut around = Vec::new();
    let mut at = hare;
    loop {
        let (cathode, k) = next(at)?;
        around.push(k);
        at = cathode;
        if at == hare {
            break;
        }
    }
    Some(around)
}

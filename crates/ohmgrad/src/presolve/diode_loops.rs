//! Loops of ideal diodes: those that contradict one another, and those that hold nodes together.
//!
//! Ideal diodes bound differences of potentials, v_anode - v_cathode <= w. There are potentials that obey all
//! bounds if and only if no loop of diodes has a negative sum of bounds. A loop whose bounds add up to
//! zero (two diodes back to back, say) leaves no room: each of its diodes is held at its bound.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

/// v(anode) - v(cathode) <= bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) anode: u32,
    pub(super) cathode: u32,
    pub(super) bound: f64,
}

/// A loop of bounds with a negative sum.
pub(super) struct NegativeLoop {
    /// Places of the bounds in the list.
    pub(super) bounds: Vec<usize>,
    pub(super) sum: f64,
}

/// Potentials that obey all bounds, and the bounds that are tight in every such set of potentials.
pub(super) fn tight_bounds(nodes: usize, bounds: &[Bound]) -> Result<Vec<usize>, NegativeLoop> {
    if bounds.iter().all(|b| b.bound > 0.0) || !has_loop(nodes, bounds) {
        return Ok(Vec::new());
    }
    let size = bounds
        .iter()
        .fold(0.0, |max: f64, b| max.max(b.bound.abs()));
    let tolerance = 1e-12 * size;
    let potentials = feasible_potentials(nodes, bounds, tolerance)?;
    let slack =
        |b: &Bound| b.bound - (potentials[b.anode as usize] - potentials[b.cathode as usize]);
    let tight: Vec<usize> = (0..bounds.len())
        .filter(|k| slack(&bounds[*k]) <= 4.0 * tolerance)
        .collect();
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

/// Whether any loop runs through diodes from anode to cathode.
fn has_loop(nodes: usize, bounds: &[Bound]) -> bool {
    let arcs = bounds.iter().map(|b| (b.anode, b.cathode));
    bounds.iter().any(|b| b.anode == b.cathode) || strong_components(nodes, arcs).1 < nodes
}

/// Shortest paths from a virtual node at 0 V to all nodes (Bellman and Ford): v(anode) may be at most
/// v(cathode) + bound.
fn feasible_potentials(
    nodes: usize,
    bounds: &[Bound],
    tolerance: f64,
) -> Result<Vec<f64>, NegativeLoop> {
    let mut potentials = vec![0.0; nodes];
    let mut last = vec![usize::MAX; nodes];
    for _ in 0..=nodes {
        let mut changed = None;
        for (k, b) in bounds.iter().enumerate() {
            let limit = potentials[b.cathode as usize] + b.bound;
            if potentials[b.anode as usize] > limit + tolerance {
                potentials[b.anode as usize] = limit;
                last[b.anode as usize] = k;
                changed = Some(b.anode);
            }
        }
        match changed {
            None => return Ok(potentials),
            Some(node) => {
                if let Some(negative) = loop_behind(node, bounds, &last) {
                    return Err(negative);
                }
            }
        }
    }
    Ok(potentials)
}

/// The loop that the bounds that last lowered each potential run into, if they do.
fn loop_behind(node: u32, bounds: &[Bound], last: &[usize]) -> Option<NegativeLoop> {
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
    let sum = around.iter().map(|k| bounds[*k].bound).sum();
    Some(NegativeLoop {
        bounds: around,
        sum,
    })
}

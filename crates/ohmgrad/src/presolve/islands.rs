//! Currents with nowhere to go, and diodes that can carry none.
//!
//! Resistors carry any current either way; parts of the network that they connect are islands. Between
//! islands, diodes carry current one way only, and saturating elements a limited one. The current
//! sources' currents must find a way through (a flow problem); where no current flows and no way leads
//! on, diodes stay open, and the potential of the island behind them is open as well.

use num_bigint::BigInt;
use petgraph::unionfind::UnionFind;

use super::decimal::Decimals;
use super::diode_loops::strong_components;
use super::error::PresolveError;
use super::flow::Flow;
use super::network::{DiodeBranch, Network};
use crate::circuit::Circuit;
use crate::device::{Characteristic, Law};

/// Checks that every current has somewhere to go, and removes the diodes that can carry none.
pub(super) fn settle(
    circuit: &Circuit,
    nodes: &[u32],
    network: &mut Network,
) -> Result<(), PresolveError> {
    let mut sets = UnionFind::<u32>::new(network.nodes + 1);
    for resistor in network.resistors.iter().filter(|r| r.conductance > 0.0) {
        sets.union(place(resistor.ends[0]), place(resistor.ends[1]));
    }
    let is_unlimited = |limits: (f64, f64)| limits.0.is_infinite() && limits.1.is_infinite();
    for nonlinear in &network.nonlinear {
        if is_unlimited(nonlinear.law.current_limits()) {
            sets.union(place(nonlinear.ends[0]), place(nonlinear.ends[1]));
        }
    }
    let islands = Islands::new(sets);
    if islands.count == 1 {
        return Ok(());
    }
    islands.check_currents(circuit, nodes, network)?;
    open_idle_diodes(circuit, nodes, network);
    Ok(())
}

/// A node's place where ground counts as node 0.
fn place(end: u32) -> u32 {
    end.wrapping_add(1)
}

/// Nodes in islands; ground's is number 0.
struct Islands {
    /// The island of each node, ground first.
    of: Vec<u32>,
    count: usize,
}

impl Islands {
    fn new(sets: UnionFind<u32>) -> Islands {
        let labels = sets.into_labeling();
        let mut numbers = vec![u32::MAX; labels.len()];
        let mut count = 0;
        let of: Vec<u32> = labels
            .iter()
            .map(|label| {
                let number = &mut numbers[*label as usize];
                if *number == u32::MAX {
                    *number = count;
                    count += 1;
                }
                *number
            })
            .collect();
        Islands {
            of,
            count: count as usize,
        }
    }

    /// The currents that sources drive into each island, in units of a decimal place; `more` currents are converted with
    /// them, and come after all sources.
    fn supplies(
        &self,
        circuit: &Circuit,
        nodes: &[u32],
        more: impl Iterator<Item = f64>,
    ) -> (Decimals, Vec<BigInt>) {
        let sources = || {
            let elements = circuit.elements().iter();
            elements.filter_map(|element| match element.law() {
                Law::CurrentSource { current } => Some((element.nodes(), *current)),
                _ => None,
            })
        };
        let decimals = Decimals::new(sources().map(|(_, current)| current).chain(more));
        let mut supplies = vec![BigInt::ZERO; self.count];
        for ((ends, _), current) in sources().zip(&decimals.integers) {
            let [a, b] = ends.map(|node| self.at(nodes[node.index()]) as usize);
            supplies[a] -= current;
            supplies[b] += current;
        }
        (decimals, supplies)
    }

    fn at(&self, end: u32) -> u32 {
        self.of[place(end) as usize]
    }

    /// Sends all supplies through the elements between the islands.
    fn check_currents(
        &self,
        circuit: &Circuit,
        nodes: &[u32],
        network: &Network,
    ) -> Result<(), PresolveError> {
        let limits: Vec<f64> = network
            .nonlinear
            .iter()
            .flat_map(|c| limits(c.law))
            .collect();
        let finite = limits.iter().copied().filter(|limit| limit.is_finite());
        let (decimals, mut supplies) = self.supplies(circuit, nodes, finite);
        let finite = limits.iter().filter(|limit| limit.is_finite()).count();
        let mut exact = decimals.integers[decimals.integers.len() - finite..].iter();
        let limits = limits.iter().map(|limit| match limit.is_finite() {
            true => exact.next(),
            false => None,
        });
        let limits: Vec<Option<&BigInt>> = limits.collect();
        let ranges: Vec<Range> = limits
            .chunks(2)
            .map(|pair| Range::new(pair[0], pair[1]))
            .collect();
        for (nonlinear, range) in network.nonlinear.iter().zip(&ranges) {
            let [a, b] = nonlinear.ends.map(|end| self.at(end) as usize);
            supplies[a] -= &range.carried;
            supplies[b] += &range.carried;
        }
        if supplies.iter().all(|supply| *supply == BigInt::ZERO) {
            return Ok(());
        }
        let mut flow = self.flow(network, ranges);
        let (source, sink) = (self.count, self.count + 1);
        let mut wanted = BigInt::ZERO;
        for (island, supply) in supplies.into_iter().enumerate() {
            if supply > BigInt::ZERO {
                wanted += &supply;
                flow.add(source, island, Some(supply));
            } else if supply < BigInt::ZERO {
                flow.add(island, sink, Some(-supply));
            }
        }
        let excess = wanted - flow.send(source, sink)?;
        if excess == BigInt::ZERO {
            return Ok(());
        }
        // The islands on the far side of the bottleneck from ground.
        let fed = flow.reach(source, false);
        let stuck = if fed[0] { flow.reach(sink, true) } else { fed };
        Err(nowhere_to_go(circuit, decimals.value(&excess), |end| {
            stuck[self.at(nodes[end]) as usize]
        }))
    }

    /// Islands and the elements between them, with room for a source and a sink.
    fn flow(&self, network: &Network, ranges: Vec<Range>) -> Flow {
        let mut flow = Flow::new(self.count + 2);
        for diode in &network.diodes {
            let [a, b] = diode.ends.map(|end| self.at(end) as usize);
            flow.add(a, b, None);
        }
        for (nonlinear, range) in network.nonlinear.iter().zip(ranges) {
            let [a, b] = nonlinear.ends.map(|end| self.at(end) as usize);
            flow.add(a, b, range.more);
            flow.add(b, a, range.less);
        }
        flow
    }
}

/// The least and the largest current of a nonlinear element, in ampere. Those that saturate at infinite voltage only stay a little
/// within.
fn limits(law: &dyn Characteristic) -> [f64; 2] {
    let (least, most) = law.current_limits();
    let width = match (most - least).is_finite() {
        true => most - least,
        false if least.is_finite() => least.abs(),
        false => most.abs(),
    };
    let inset = match law.reaches_limits() || width.is_infinite() {
        true => 0.0,
        false => 1e-9 * width,
    };
    [least + inset, most - inset]
}

/// The currents of a nonlinear element: one that it carries in any case, the smallest in magnitude, and by how much it may be more
/// and less; `None` is no limit.
struct Range {
    carried: BigInt,
    more: Option<BigInt>,
    less: Option<BigInt>,
}

impl Range {
    fn new(least: Option<&BigInt>, most: Option<&BigInt>) -> Range {
        let zero = BigInt::ZERO;
        let at_least = least.unwrap_or(&zero).max(&zero);
        let carried = most.map_or(at_least, |most| at_least.min(most));
        Range {
            more: most.map(|most| most - carried),
            less: least.map(|least| carried - least),
            carried: carried.clone(),
        }
    }
}

fn nowhere_to_go(
    circuit: &Circuit,
    excess: f64,
    is_stuck: impl Fn(usize) -> bool,
) -> PresolveError {
    let names = circuit.node_names().iter().enumerate();
    let nodes = names
        .filter(|(node, _)| is_stuck(*node))
        .map(|(_, name)| name.clone());
    let crosses = |element: &crate::circuit::Element| {
        let [a, b] = element.nodes().map(|node| is_stuck(node.index()));
        a != b && drives(element.law())
    };
    let elements = circuit.element_names().iter().zip(circuit.elements());
    let sources = elements.filter(|(_, element)| crosses(element));
    PresolveError::NowhereToGo {
        sources: sources.map(|(name, _)| name.clone()).collect(),
        nodes: nodes.collect(),
        excess,
    }
}

/// Whether an element carries a current at any voltage.
fn drives(law: &Law) -> bool {
    match law {
        Law::CurrentSource { current } => *current != 0.0,
        law => law.characteristic().is_some_and(|law| {
            let [least, most] = limits(law);
            least > 0.0 || most < 0.0
        }),
    }
}

/// Removes the diodes into and out of groups of islands that no current can pass through: without a
/// supply, and without a diode in or without one out.
fn open_idle_diodes(circuit: &Circuit, nodes: &[u32], network: &mut Network) {
    let mut sets = UnionFind::<u32>::new(network.nodes + 1);
    for resistor in network.resistors.iter().filter(|r| r.conductance > 0.0) {
        sets.union(place(resistor.ends[0]), place(resistor.ends[1]));
    }
    for nonlinear in &network.nonlinear {
        sets.union(place(nonlinear.ends[0]), place(nonlinear.ends[1]));
    }
    let islands = Islands::new(sets);
    let (_, supplies) = islands.supplies(circuit, nodes, std::iter::empty());
    let arcs = |diode: &DiodeBranch| (islands.at(diode.ends[0]), islands.at(diode.ends[1]));
    let (groups, count) = strong_components(islands.count, network.diodes.iter().map(arcs));
    let mut supplied = vec![false; count];
    for (group, supply) in groups.iter().zip(&supplies) {
        supplied[*group as usize] |= *supply != BigInt::ZERO;
    }
    supplied[groups[0] as usize] = true;
    let ends: Vec<[u32; 2]> = network
        .diodes
        .iter()
        .map(|diode| diode.ends.map(|end| groups[islands.at(end) as usize]))
        .collect();
    let idle = idle_groups(&supplied, &ends);
    let mut between = ends
        .iter()
        .map(|[a, b]| a != b && (idle[*a as usize] || idle[*b as usize]));
    network
        .diodes
        .retain(|_| !between.next().expect("one per diode"));
}

/// Groups that lose all their arcs when groups without arcs in, or without arcs out, are taken away one
/// after the other. Those with a supply stay.
fn idle_groups(supplied: &[bool], arcs: &[[u32; 2]]) -> Vec<bool> {
    let count = supplied.len();
    let mut degrees = vec![[0usize; 2]; count];
    let mut arcs_of = vec![Vec::new(); count];
    for (k, [a, b]) in arcs.iter().enumerate().filter(|(_, [a, b])| a != b) {
        degrees[*a as usize][0] += 1;
        degrees[*b as usize][1] += 1;
        arcs_of[*a as usize].push(k);
        arcs_of[*b as usize].push(k);
    }
    let mut idle = vec![false; count];
    let ends_here = |degrees: &[usize; 2]| degrees[0] == 0 || degrees[1] == 0;
    let mut next: Vec<usize> = (0..count)
        .filter(|g| !supplied[*g] && ends_here(&degrees[*g]))
        .collect();
    while let Some(group) = next.pop() {
        if std::mem::replace(&mut idle[group], true) {
            continue;
        }
        for k in &arcs_of[group] {
            for (side, end) in arcs[*k].map(|end| end as usize).into_iter().enumerate() {
                if idle[end] {
                    continue;
                }
                degrees[end][side] -= 1;
                if !supplied[end] && ends_here(&degrees[end]) {
                    next.push(end);
                }
            }
        }
    }
    idle
}

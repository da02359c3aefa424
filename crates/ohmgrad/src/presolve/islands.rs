//! Currents with nowhere to go, and diodes that can carry none.
//!
//! Resistors carry any current either way; parts of the network that they connect are islands. Between
//! islands, diodes carry current one way only, and saturating elements a limited one. The current
//! sources' currents must find a way through (a flow problem); where no current flows and no way leads
//! on, diodes stay open, and the potential of the island behind them is open as well.

use petgraph::Direction;
use petgraph::algo::ford_fulkerson;
use petgraph::graph::{DiGraph, EdgeReference, NodeIndex};
use petgraph::unionfind::UnionFind;
use petgraph::visit::EdgeRef;

use super::diode_loops::strong_components;
use super::error::PresolveError;
use super::network::{DiodeBranch, Network};
use crate::circuit::Circuit;
use crate::device::Law;

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
    for curved in &network.curved {
        if is_unlimited(curved.law.current_limits()) {
            sets.union(place(curved.ends[0]), place(curved.ends[1]));
        }
    }
    let islands = Islands::new(sets, network);
    if islands.count == 1 {
        return Ok(());
    }
    islands.check_currents(circuit, nodes, network)?;
    open_idle_diodes(network);
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
    /// Current that sources drive into each island, in ampere.
    supplies: Vec<f64>,
    /// Below this, a current is rounding.
    tolerance: f64,
}

impl Islands {
    fn new(sets: UnionFind<u32>, network: &Network) -> Islands {
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
        let mut supplies = vec![0.0; count as usize];
        let mut total = 0.0;
        for (node, injection) in network.injections.iter().enumerate() {
            supplies[of[node + 1] as usize] += injection;
            total += injection.abs();
        }
        let tolerance = 1e-12 * total;
        for supply in &mut supplies {
            if supply.abs() <= tolerance {
                *supply = 0.0;
            }
        }
        Islands {
            of,
            count: count as usize,
            supplies,
            tolerance,
        }
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
        if self.supplies.iter().all(|supply| *supply == 0.0) {
            return Ok(());
        }
        let (graph, source, sink) = self.flow_graph(network);
        let (flow, flows) = ford_fulkerson(&graph, source, sink);
        let wanted: f64 = graph.edges(source).map(|edge| *edge.weight()).sum();
        let excess = wanted - flow;
        // A saturating element reaches its limit at infinite voltage only.
        if excess <= 1e3 * self.tolerance {
            return Ok(());
        }
        let stuck = self.stuck(&graph, &flows, source, sink);
        Err(nowhere_to_go(circuit, excess, |end| {
            stuck[self.at(nodes[end]) as usize]
        }))
    }

    /// Islands, a source that feeds those with a supply, and a sink that draws from the others. Ground
    /// balances the sum.
    fn flow_graph(&self, network: &Network) -> (DiGraph<(), f64>, NodeIndex, NodeIndex) {
        let mut graph = DiGraph::<(), f64>::new();
        let islands: Vec<NodeIndex> = (0..self.count).map(|_| graph.add_node(())).collect();
        let (source, sink) = (graph.add_node(()), graph.add_node(()));
        let node = |end: u32| islands[self.at(end) as usize];
        for diode in &network.diodes {
            graph.add_edge(node(diode.ends[0]), node(diode.ends[1]), f64::INFINITY);
        }
        for curved in &network.curved {
            let (backwards, forwards) = curved.law.current_limits();
            let [a, b] = curved.ends.map(node);
            graph.add_edge(a, b, forwards * (1.0 - 1e-9));
            graph.add_edge(b, a, -backwards * (1.0 - 1e-9));
        }
        let others: f64 = self.supplies[1..].iter().sum();
        let supplies = self.supplies[1..].iter().copied();
        for (island, supply) in islands.iter().zip(std::iter::once(-others).chain(supplies)) {
            if supply > 0.0 {
                graph.add_edge(source, *island, supply);
            } else if supply < 0.0 {
                graph.add_edge(*island, sink, -supply);
            }
        }
        (graph, source, sink)
    }

    /// The islands on the far side of the bottleneck from ground.
    fn stuck(
        &self,
        graph: &DiGraph<(), f64>,
        flows: &[f64],
        source: NodeIndex,
        sink: NodeIndex,
    ) -> Vec<bool> {
        let is_open =
            |edge: EdgeReference<f64>| flows[edge.id().index()] < edge.weight() * (1.0 - 1e-9);
        let carries = |edge: EdgeReference<f64>| flows[edge.id().index()] > 0.0;
        let reach = |start: NodeIndex, with: Direction| {
            let mut seen = vec![false; graph.node_count()];
            let mut next = vec![start];
            seen[start.index()] = true;
            while let Some(at) = next.pop() {
                let along = graph.edges_directed(at, with).filter(|e| is_open(*e));
                let against = graph
                    .edges_directed(at, with.opposite())
                    .filter(|e| carries(*e));
                for edge in along.chain(against) {
                    let onward = if edge.source() == at {
                        edge.target()
                    } else {
                        edge.source()
                    };
                    if !std::mem::replace(&mut seen[onward.index()], true) {
                        next.push(onward);
                    }
                }
            }
            seen
        };
        let fed = reach(source, Direction::Outgoing);
        if fed[0] {
            reach(sink, Direction::Incoming)
        } else {
            fed
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
        let drives = matches!(element.law(), Law::CurrentSource { current } if *current != 0.0);
        drives && a != b
    };
    let elements = circuit.element_names().iter().zip(circuit.elements());
    let sources = elements.filter(|(_, element)| crosses(element));
    PresolveError::NowhereToGo {
        sources: sources.map(|(name, _)| name.clone()).collect(),
        nodes: nodes.collect(),
        excess,
    }
}

/// Removes the diodes into and out of groups of islands that no current can pass through: without a
/// supply, and without a diode in or without one out.
fn open_idle_diodes(network: &mut Network) {
    let mut sets = UnionFind::<u32>::new(network.nodes + 1);
    for resistor in network.resistors.iter().filter(|r| r.conductance > 0.0) {
        sets.union(place(resistor.ends[0]), place(resistor.ends[1]));
    }
    for curved in &network.curved {
        sets.union(place(curved.ends[0]), place(curved.ends[1]));
    }
    let islands = Islands::new(sets, network);
    let arcs = |diode: &DiodeBranch| (islands.at(diode.ends[0]), islands.at(diode.ends[1]));
    let (groups, count) = strong_components(islands.count, network.diodes.iter().map(arcs));
    let mut supplied = vec![false; count];
    for (group, supply) in groups.iter().zip(&islands.supplies) {
        supplied[*group as usize] |= *supply != 0.0;
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

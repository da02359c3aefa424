//! The reduction of a circuit to its network: what depends on the circuit's shape, and the numbers of a solve.

use std::collections::HashMap;

use super::contraction::{Contraction, Link};
use super::diode_loops::{Bound, tight_bounds};
use super::error::PresolveError;
use super::islands;
use super::network::{Curved, DiodeBranch, GROUND, Network, Resistor};
use crate::circuit::{Circuit, Element};
use crate::device::{Diode, Law};

/// How a circuit becomes a [`Network`], for all circuits of the same shape.
pub(crate) struct Reduction {
    shapes: Vec<Shape>,
    /// Voltage sources and shorts.
    pub(super) sources: Contraction,
    /// Ideal diodes that loops hold at their bounds: elements, and what they join.
    pub(super) welds: Vec<u32>,
    pub(super) welded: Contraction,
    /// The network's node (or ground) of every node of the circuit.
    pub(super) nodes: Vec<u32>,
    edges: Edges,
    /// The place of an element among `edges`.
    pub(super) places: Vec<u32>,
    /// Whether ideal diodes could form a loop.
    may_weld: bool,
    /// Diodes with an on resistance and curved elements between nodes of fixed voltage, which are no branches of
    /// the network.
    pub(super) inside: Vec<u32>,
}

/// Ends of the network's branches: merged resistors, then diodes, then curved elements.
pub(crate) struct Edges {
    pub(crate) ends: Vec<[u32; 2]>,
    pub(crate) resistors: usize,
    pub(crate) nodes: usize,
}

/// What an element is, as far as the reduction depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    Link,
    Open,
    Resistor,
    CurrentSource,
    Ideal { leaks: bool },
    Soft { leaks: bool },
    Curved,
}

/// The numbers of one solve: offsets of the nodes, and the network.
pub(crate) struct Numbers<'c> {
    /// Potential of each node of the circuit above its node of the network, in volt.
    pub(super) offsets: Vec<f64>,
    pub(crate) network: Network<'c>,
}

const NOWHERE: u32 = u32::MAX;

impl Shape {
    fn of(law: &Law) -> Shape {
        match law {
            Law::VoltageSource { .. } => Shape::Link,
            Law::Resistor { conductance } if conductance.is_infinite() => Shape::Link,
            Law::Resistor { conductance } if *conductance == 0.0 => Shape::Open,
            Law::Resistor { .. } => Shape::Resistor,
            Law::CurrentSource { .. } => Shape::CurrentSource,
            Law::Diode(diode) => {
                let leaks = diode.off_conductance > 0.0;
                match diode.on_conductance.is_infinite() {
                    true => Shape::Ideal { leaks },
                    false => Shape::Soft { leaks },
                }
            }
            _ => Shape::Curved,
        }
    }

    /// Whether the element is, or contains, a linear resistor.
    fn resists(self) -> bool {
        matches!(
            self,
            Shape::Resistor | Shape::Ideal { leaks: true } | Shape::Soft { leaks: true }
        )
    }
}

/// The linear resistor that an element is or contains.
pub(super) fn conductance(law: &Law) -> f64 {
    match law {
        Law::Resistor { conductance } => *conductance,
        Law::Diode(diode) => diode.off_conductance,
        _ => 0.0,
    }
}

/// The voltage that a source or a short holds.
pub(super) fn held_voltage(law: &Law) -> f64 {
    match law {
        Law::VoltageSource { voltage } => *voltage,
        _ => 0.0,
    }
}

impl Reduction {
    /// Finds the reduction of a circuit.
    pub(crate) fn new(circuit: &Circuit) -> Result<Reduction, PresolveError> {
        let shapes: Vec<Shape> = laws(circuit).map(Shape::of).collect();
        let links: Vec<Link> = of_shape(circuit, &shapes, Shape::Link)
            .map(|(id, element)| Link {
                ends: ends(element),
                id,
            })
            .collect();
        let sources = Contraction::new(circuit.node_names().len(), &links);
        let offsets = source_offsets(circuit, &sources)?;
        let bounds = bounds(circuit, &shapes, &sources, &offsets);
        let welds = welds(circuit, sources.count, &bounds)?;
        let links: Vec<Link> = welds
            .iter()
            .map(|id| Link {
                ends: ends(&circuit.elements()[*id as usize])
                    .map(|node| sources.clusters[node as usize]),
                id: *id,
            })
            .collect();
        let welded = Contraction::new(sources.count, &links);
        // Ground is node 0 of the circuit, hence cluster 0 of each contraction, and none of the network.
        let node = |cluster: &u32| welded.clusters[*cluster as usize].wrapping_sub(1);
        let nodes: Vec<u32> = sources.clusters.iter().map(node).collect();
        let (edges, places) = Edges::new(circuit, &shapes, &nodes, welded.count - 1);
        let is_inside = |(id, element): (usize, &Element)| {
            let [a, b] = ends(element).map(|node| nodes[node as usize]);
            let bends = matches!(shapes[id], Shape::Soft { .. } | Shape::Curved);
            (bends && a == b).then_some(id as u32)
        };
        let elements = circuit.elements().iter().enumerate();
        let inside = elements.filter_map(is_inside).collect();
        let may_weld = shapes
            .iter()
            .any(|shape| matches!(shape, Shape::Ideal { .. }));
        Ok(Reduction {
            shapes,
            sources,
            welds,
            welded,
            nodes,
            edges,
            places,
            may_weld,
            inside,
        })
    }

    /// The network's branches, whatever their values.
    pub(crate) fn edges(&self) -> &Edges {
        &self.edges
    }

    /// The network of a circuit; `None` if the circuit is not of this reduction's shape.
    pub(crate) fn numbers<'c>(
        &self,
        circuit: &'c Circuit,
    ) -> Result<Option<Numbers<'c>>, PresolveError> {
        let same_shape = self.shapes.len() == circuit.elements().len()
            && laws(circuit)
                .zip(&self.shapes)
                .all(|(law, shape)| Shape::of(law) == *shape);
        if !same_shape {
            return Ok(None);
        }
        let mut offsets = source_offsets(circuit, &self.sources)?;
        if self.may_weld {
            let bounds = bounds(circuit, &self.shapes, &self.sources, &offsets);
            let welds = welds(circuit, self.sources.count, &bounds)?;
            if welds != self.welds {
                return Ok(None);
            }
            self.add_weld_offsets(&bounds, &mut offsets);
        }
        let mut network = self.network(circuit, &offsets);
        islands::settle(circuit, &self.nodes, &mut network)?;
        Ok(Some(Numbers { offsets, network }))
    }

    /// Adds to each node's offset that of its cluster among the welded ones.
    fn add_weld_offsets(&self, bounds: &[(u32, Bound)], offsets: &mut [f64]) {
        if self.welds.is_empty() {
            return;
        }
        let voltages: HashMap<u32, f64> = bounds.iter().map(|(id, b)| (*id, b.bound)).collect();
        let added = self.welded.offsets(|id| voltages[&id]);
        let added = added.unwrap_or_else(|_| vec![0.0; self.sources.count]);
        for (offset, cluster) in offsets.iter_mut().zip(&self.sources.clusters) {
            *offset += added[*cluster as usize];
        }
    }

    fn network<'c>(&self, circuit: &'c Circuit, offsets: &[f64]) -> Network<'c> {
        let resistors = &self.edges.ends[..self.edges.resistors];
        let resistor = |ends: &[u32; 2]| Resistor {
            ends: *ends,
            conductance: 0.0,
            offset: 0.0,
        };
        let mut network = Network {
            nodes: self.edges.nodes,
            resistors: resistors.iter().map(resistor).collect(),
            diodes: Vec::new(),
            curved: Vec::new(),
            injections: vec![0.0; self.edges.nodes],
            largest_conductance: 0.0,
        };
        let mut moments = vec![0.0; self.edges.resistors];
        let mut bent = self.edges.resistors as u32;
        for (id, element) in circuit.elements().iter().enumerate() {
            let [a, b] = element.nodes();
            let [from, to] = [a, b].map(|node| self.nodes[node.index()]);
            let largest = &mut network.largest_conductance;
            *largest = largest.max(element.law().largest_conductance());
            if from == to {
                continue;
            }
            let offset = offsets[a.index()] - offsets[b.index()];
            if let Some(resistor) = network.resistors.get_mut(self.places[id] as usize) {
                let sign = if resistor.ends == [from, to] {
                    1.0
                } else {
                    -1.0
                };
                let conductance = conductance(element.law());
                if resistor.conductance == 0.0 {
                    resistor.offset = sign * offset;
                }
                resistor.conductance += conductance;
                moments[self.places[id] as usize] +=
                    conductance * (sign * offset - resistor.offset);
            }
            let id = id as u32;
            match element.law() {
                Law::CurrentSource { current } => {
                    for (node, sign) in [(from, -1.0), (to, 1.0)] {
                        if node != GROUND {
                            network.injections[node as usize] += sign * current;
                        }
                    }
                }
                Law::Diode(diode) => {
                    network
                        .diodes
                        .push(branch(diode, [from, to], offset, bent, id));
                    bent += 1;
                }
                law => {
                    if let Some(law) = law.characteristic() {
                        network.curved.push(Curved {
                            ends: [from, to],
                            offset,
                            law,
                            edge: bent,
                            element: id,
                        });
                        bent += 1;
                    }
                }
            }
        }
        // The mean offset; that of a single resistor is kept to the last digit.
        for (resistor, moment) in network.resistors.iter_mut().zip(moments) {
            if moment != 0.0 {
                resistor.offset += moment / resistor.conductance;
            }
        }
        network
    }
}

/// The corner of a diode. Beyond it the conductance grows from g_off, which is a resistor beside it, to g_on.
fn branch(diode: &Diode, ends: [u32; 2], offset: f64, edge: u32, element: u32) -> DiodeBranch {
    DiodeBranch {
        ends,
        bound: diode.forward_voltage - offset,
        resistance: diode.series_resistance(),
        edge,
        element,
    }
}

impl Edges {
    fn new(circuit: &Circuit, shapes: &[Shape], nodes: &[u32], count: usize) -> (Edges, Vec<u32>) {
        let mut places = vec![NOWHERE; shapes.len()];
        let mut merged = HashMap::new();
        let mut list = Vec::new();
        let inner = |element: &Element| {
            let [a, b] = ends(element).map(|node| nodes[node as usize]);
            (a != b).then_some([a, b])
        };
        for (id, element) in circuit.elements().iter().enumerate() {
            if let Some([a, b]) = inner(element).filter(|_| shapes[id].resists()) {
                let pair = [a.min(b), a.max(b)];
                places[id] = *merged.entry(pair).or_insert_with(|| {
                    list.push(pair);
                    list.len() as u32 - 1
                });
            }
        }
        let resistors = list.len();
        for (element, shape) in circuit.elements().iter().zip(shapes) {
            if matches!(
                shape,
                Shape::Ideal { .. } | Shape::Soft { .. } | Shape::Curved
            ) {
                list.extend(inner(element));
            }
        }
        let edges = Edges {
            ends: list,
            resistors,
            nodes: count,
        };
        (edges, places)
    }
}

fn laws(circuit: &Circuit) -> impl Iterator<Item = &Law> {
    circuit.elements().iter().map(Element::law)
}

/// The elements of a shape, with their numbers.
fn of_shape<'c>(
    circuit: &'c Circuit,
    shapes: &'c [Shape],
    shape: Shape,
) -> impl Iterator<Item = (u32, &'c Element)> {
    let elements = circuit.elements().iter().enumerate();
    elements
        .filter(move |(k, _)| shapes[*k] == shape)
        .map(|(k, element)| (k as u32, element))
}

fn ends(element: &Element) -> [u32; 2] {
    element.nodes().map(|node| node.index() as u32)
}

fn names(circuit: &Circuit, elements: impl Iterator<Item = u32>) -> Vec<String> {
    let name = |id: u32| circuit.element_names()[id as usize].clone();
    elements.map(name).collect()
}

/// The potential of each node above its cluster's root.
fn source_offsets(circuit: &Circuit, sources: &Contraction) -> Result<Vec<f64>, PresolveError> {
    let voltage = |id: u32| held_voltage(circuit.elements()[id as usize].law());
    sources
        .offsets(voltage)
        .map_err(|loop_| PresolveError::ContradictoryLoop {
            elements: names(circuit, loop_.links.into_iter()),
            excess: loop_.excess.abs(),
        })
}

/// The bounds that ideal diodes put on the potentials of clusters, with their elements.
fn bounds(
    circuit: &Circuit,
    shapes: &[Shape],
    sources: &Contraction,
    offsets: &[f64],
) -> Vec<(u32, Bound)> {
    let mut bounds = Vec::new();
    for (id, element) in circuit.elements().iter().enumerate() {
        if let (Shape::Ideal { .. }, Law::Diode(diode)) = (shapes[id], element.law()) {
            let [a, b] = ends(element).map(|node| node as usize);
            let bound = Bound {
                anode: sources.clusters[a],
                cathode: sources.clusters[b],
                bound: diode.forward_voltage - (offsets[a] - offsets[b]),
            };
            bounds.push((id as u32, bound));
        }
    }
    bounds
}

/// The ideal diodes that loops hold at their bounds.
fn welds(
    circuit: &Circuit,
    clusters: usize,
    bounds: &[(u32, Bound)],
) -> Result<Vec<u32>, PresolveError> {
    let list: Vec<Bound> = bounds.iter().map(|(_, bound)| *bound).collect();
    let tight = tight_bounds(clusters, &list).map_err(|negative| {
        let elements = negative.bounds.iter().map(|k| bounds[*k].0);
        PresolveError::InfeasibleDiodes {
            elements: names(circuit, elements),
            excess: -negative.sum,
        }
    })?;
    let is_inner = |k: &usize| list[*k].anode != list[*k].cathode;
    let welds = tight.into_iter().filter(is_inner);
    Ok(welds.map(|k| bounds[k].0).collect())
}

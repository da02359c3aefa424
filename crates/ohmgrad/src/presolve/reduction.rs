//! The reduction of a circuit to its network: what depends on the circuit's shape alone.

use std::collections::HashMap;

use num_bigint::BigInt;

use super::contraction::{Contraction, Link};
use super::decimal::{Decimals, as_written};
use super::diode_loops::{Bound, NoPotentials, loops, tight_bounds};
use super::double::Double;
use super::error::PresolveError;
use crate::circuit::{Circuit, Element};
use crate::device::Law;
use crate::interrupt::Interrupted;

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
    /// Ideal diodes.
    pub(super) ideal: Vec<u32>,
    pub(super) current_sources: Vec<u32>,
    /// Diodes and nonlinear elements that are branches of the network.
    pub(super) bent: Vec<u32>,
    /// Diodes with an on resistance and nonlinear elements between nodes of fixed voltage, which are no branches of
    /// the network.
    pub(super) inside: Vec<u32>,
}

/// Ends of the network's branches: merged resistors, then diodes, then nonlinear elements.
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
    Nonlinear,
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
            _ => Shape::Nonlinear,
        }
    }

    /// Whether the element is a diode or nonlinear.
    fn is_nonlinear(self) -> bool {
        matches!(
            self,
            Shape::Ideal { .. } | Shape::Soft { .. } | Shape::Nonlinear
        )
    }

    /// Whether the element is, or contains, a linear resistor.
    fn resists(self) -> bool {
        matches!(
            self,
            Shape::Resistor | Shape::Ideal { leaks: true } | Shape::Soft { leaks: true }
        )
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
        let ids = |wanted: fn(Shape) -> bool| -> Vec<u32> {
            let shapes = (0..).zip(&shapes);
            let of = |(id, shape): (u32, &Shape)| wanted(*shape).then_some(id);
            shapes.filter_map(of).collect()
        };
        let ideal = ids(|shape| matches!(shape, Shape::Ideal { .. }));
        let bounds = bounds(circuit, &ideal, &sources, &offsets);
        let welds = welds(circuit, &sources, &bounds)?;
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
        let is_inner = |id: &u32| {
            let [a, b] = ends(&circuit.elements()[*id as usize]);
            nodes[a as usize] != nodes[b as usize]
        };
        let (bent, inside): (Vec<u32>, Vec<u32>) =
            ids(Shape::is_nonlinear).into_iter().partition(is_inner);
        // Ideal diodes between nodes of fixed voltage either block or are welded.
        let is_ideal = |id: &u32| matches!(shapes[*id as usize], Shape::Ideal { .. });
        let inside = inside.into_iter().filter(|id| !is_ideal(id)).collect();
        let (edges, places) = Edges::new(circuit, &shapes, &bent, &nodes, welded.count - 1);
        let current_sources = ids(|shape| shape == Shape::CurrentSource);
        Ok(Reduction {
            shapes,
            sources,
            welds,
            welded,
            nodes,
            edges,
            places,
            ideal,
            current_sources,
            bent,
            inside,
        })
    }

    /// Whether a circuit has this reduction's shape, as far as its ideal diodes do not decide.
    pub(super) fn fits(&self, circuit: &Circuit) -> bool {
        let shapes = laws(circuit).map(Shape::of);
        self.shapes.len() == circuit.elements().len()
            && shapes.zip(&self.shapes).all(|(now, then)| now == *then)
    }

    /// The network's branches, whatever their values.
    pub(crate) fn edges(&self) -> &Edges {
        &self.edges
    }
}

impl Edges {
    fn new(
        circuit: &Circuit,
        shapes: &[Shape],
        bent: &[u32],
        nodes: &[u32],
        count: usize,
    ) -> (Edges, Vec<u32>) {
        let mut places = vec![NOWHERE; shapes.len()];
        let mut merged = HashMap::new();
        let mut list = Vec::new();
        let between = |element: &Element| ends(element).map(|node| nodes[node as usize]);
        for (id, element) in circuit.elements().iter().enumerate() {
            let [a, b] = between(element);
            if a != b && shapes[id].resists() {
                let pair = [a.min(b), a.max(b)];
                places[id] = *merged.entry(pair).or_insert_with(|| {
                    list.push(pair);
                    list.len() as u32 - 1
                });
            }
        }
        let resistors = list.len();
        let bent = bent.iter().map(|id| &circuit.elements()[*id as usize]);
        list.extend(bent.map(between));
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

/// The potential of each node above its cluster's root, for voltages rounded to doubles.
pub(super) fn source_offsets(
    circuit: &Circuit,
    sources: &Contraction,
) -> Result<Vec<Double>, PresolveError> {
    let voltage = |id: u32| held_voltage(circuit.elements()[id as usize].law());
    let offsets = sources.offsets(|id| Double::from(voltage(id)));
    let checked = sources.check(&offsets, voltage);
    checked.map_err(|loop_| PresolveError::ContradictoryLoop {
        elements: names(circuit, loop_.links.into_iter()),
        excess: loop_.excess.abs(),
    })?;
    Ok(offsets)
}

/// The bounds that ideal diodes put on the potentials of clusters, with their elements.
pub(super) fn bounds(
    circuit: &Circuit,
    ideal: &[u32],
    sources: &Contraction,
    offsets: &[Double],
) -> Vec<(u32, Bound)> {
    let bound = |id: &u32| {
        let element = &circuit.elements()[*id as usize];
        let Law::Diode(diode) = element.law() else {
            return None;
        };
        let [a, b] = ends(element).map(|node| node as usize);
        let [above, below] = [offsets[a], offsets[b]];
        let bound = Bound {
            anode: sources.clusters[a],
            cathode: sources.clusters[b],
            bound: as_written(diode.forward_voltage) - (above - below),
            size: diode.forward_voltage.abs() + above.high.abs() + below.high.abs(),
        };
        Some((*id, bound))
    };
    ideal.iter().filter_map(bound).collect()
}

/// The ideal diodes that loops hold at their bounds.
pub(super) fn welds(
    circuit: &Circuit,
    sources: &Contraction,
    bounds: &[(u32, Bound)],
) -> Result<Vec<u32>, PresolveError> {
    let all: Vec<Bound> = bounds.iter().map(|(_, bound)| *bound).collect();
    let places = loops(sources.count, &all);
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<u32> = places.iter().map(|k| bounds[*k].0).collect();
    let list: Vec<Bound> = places.iter().map(|k| all[*k]).collect();
    let (decimals, exact) = exact_bounds(circuit, sources, &ids);
    let tight = tight_bounds(sources.count, &list, &exact).map_err(|why| match why {
        NoPotentials::Interrupted => PresolveError::Interrupted(Interrupted),
        NoPotentials::NegativeLoop(around, sum) => PresolveError::InfeasibleDiodes {
            elements: names(circuit, around.iter().map(|k| ids[*k])),
            excess: -decimals.value(&sum),
        },
    })?;
    let is_inner = |k: &usize| list[*k].anode != list[*k].cathode;
    let welds = tight.into_iter().filter(is_inner);
    Ok(welds.map(|k| ids[k]).collect())
}

/// The bounds of ideal diodes as integers, in units of a decimal place: V_f - (offset_a - offset_b).
fn exact_bounds(circuit: &Circuit, sources: &Contraction, ids: &[u32]) -> (Decimals, Vec<BigInt>) {
    let law = |id: u32| circuit.elements()[id as usize].law();
    let held = sources.tree_links().map(|id| held_voltage(law(id)));
    let forward = |id: &u32| match law(*id) {
        Law::Diode(diode) => diode.forward_voltage,
        _ => 0.0,
    };
    let decimals = Decimals::new(held.chain(ids.iter().map(forward)));
    let (held, forward) = decimals
        .integers
        .split_at(decimals.integers.len() - ids.len());
    let offsets = sources.exact_offsets(held);
    let bound = |(id, forward): (&u32, &BigInt)| {
        let [a, b] = ends(&circuit.elements()[*id as usize]).map(|node| &offsets[node as usize]);
        forward - (a - b)
    };
    let exact = ids.iter().zip(forward).map(bound).collect();
    (decimals, exact)
}

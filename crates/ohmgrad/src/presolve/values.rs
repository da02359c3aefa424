//! The numbers of a solve: the conductances of a circuit, and what its sources make of them.

use std::collections::HashMap;
use std::sync::Arc;

use super::diode_loops::Bound;
use super::error::PresolveError;
use super::islands;
use super::network::{DiodeBranch, GROUND, Network, Nonlinear, Resistor};
use super::reduction::{Reduction, bounds, source_offsets, welds};
use crate::circuit::{Circuit, Element, Mark};
use crate::device::{Diode, Law};

/// What the elements other than sources bring into the network. It holds while sources alone change.
pub(crate) struct Conductances {
    mark: Mark,
    /// Of all elements.
    pub(super) linear: Vec<Linear>,
    /// Of the network's resistors.
    merged: Vec<f64>,
    /// Where the parts of each of the network's resistors begin, and the last ones end.
    starts: Vec<usize>,
    /// The elements that make up the network's resistors, each from the lower node of the network to the higher.
    parts: Vec<Linear>,
    /// The largest finite one of the circuit, in siemens.
    largest: f64,
}

/// The linear resistor that an element is or contains.
#[derive(Clone, Copy, Default)]
pub(super) struct Linear {
    /// Nodes of the circuit.
    pub(super) nodes: [u32; 2],
    /// g, in siemens; 0 where the element has no resistor.
    pub(super) conductance: f64,
}

/// The numbers of one solve: offsets of the nodes, and the network.
pub(crate) struct Values<'c> {
    pub(super) conductances: Arc<Conductances>,
    /// Potential of each node of the circuit above its node of the network, in volt.
    pub(super) offsets: Vec<f64>,
    pub(crate) network: Network<'c>,
}

impl Conductances {
    /// Whether they are those of a circuit.
    pub(crate) fn are_of(&self, circuit: &Circuit) -> bool {
        self.mark == circuit.mark()
    }
}

impl Reduction {
    /// The conductances of a circuit; `None` if it is not of this reduction's shape.
    pub(crate) fn conductances(&self, circuit: &Circuit) -> Option<Conductances> {
        if !self.fits(circuit) {
            return None;
        }
        let elements = circuit.elements();
        let linear = |element: &Element| Linear {
            nodes: element.nodes().map(|node| node.index() as u32),
            conductance: conductance(element.law()),
        };
        let largest = |max: f64, element: &Element| max.max(element.law().largest_conductance());
        let linear: Vec<Linear> = elements.iter().map(linear).collect();
        let (starts, parts) = self.parts(&linear);
        let conductances = |ends: &[usize]| parts[ends[0]..ends[1]].iter().map(|p| p.conductance);
        Some(Conductances {
            mark: circuit.mark(),
            merged: starts
                .windows(2)
                .map(|ends| conductances(ends).sum())
                .collect(),
            linear,
            starts,
            parts,
            largest: elements.iter().fold(0.0, largest),
        })
    }

    /// The parts of the network's resistors, in the order of the elements, and where those of each begin.
    fn parts(&self, linear: &[Linear]) -> (Vec<usize>, Vec<Linear>) {
        let resistors = self.edges().resistors;
        let mut starts = vec![0; resistors + 1];
        let places = || self.places.iter().map(|place| *place as usize);
        for place in places().filter(|place| *place < resistors) {
            starts[place + 1] += 1;
        }
        for place in 0..resistors {
            starts[place + 1] += starts[place];
        }
        let mut next = starts.clone();
        let mut parts = vec![Linear::default(); starts[resistors]];
        for (place, linear) in places().zip(linear) {
            if let Some(next) = next.get_mut(place).filter(|_| place < resistors) {
                let [a, b] = linear.nodes;
                let nodes = match self.nodes[a as usize] < self.nodes[b as usize] {
                    true => [a, b],
                    false => [b, a],
                };
                parts[*next] = Linear { nodes, ..*linear };
                *next += 1;
            }
        }
        (starts, parts)
    }

    /// The network of a circuit with these conductances; `None` if its ideal diodes make another one.
    pub(crate) fn numbers<'c>(
        &self,
        circuit: &'c Circuit,
        conductances: &Arc<Conductances>,
    ) -> Result<Option<Values<'c>>, PresolveError> {
        let mut offsets = source_offsets(circuit, &self.sources)?;
        if !self.ideal.is_empty() {
            let bounds = bounds(circuit, &self.ideal, &self.sources, &offsets);
            let welds = welds(circuit, &self.sources, &bounds)?;
            if welds != self.welds {
                return Ok(None);
            }
            self.add_weld_offsets(&bounds, &mut offsets);
        }
        let mut network = self.network(circuit, conductances, &offsets);
        islands::settle(circuit, &self.nodes, &mut network)?;
        Ok(Some(Values {
            conductances: Arc::clone(conductances),
            offsets,
            network,
        }))
    }

    /// Adds to each node's offset that of its cluster among the welded ones.
    fn add_weld_offsets(&self, bounds: &[(u32, Bound)], offsets: &mut [f64]) {
        if self.welds.is_empty() {
            return;
        }
        let voltages: HashMap<u32, f64> = bounds.iter().map(|(id, b)| (*id, b.bound)).collect();
        // Loops of welds add up to 0: that is why they are welds.
        let added = self.welded.offsets(|id| voltages[&id]);
        for (offset, cluster) in offsets.iter_mut().zip(&self.sources.clusters) {
            *offset += added[*cluster as usize];
        }
    }

    fn network<'c>(
        &self,
        circuit: &'c Circuit,
        conductances: &Conductances,
        offsets: &[f64],
    ) -> Network<'c> {
        let mut network = Network {
            nodes: self.edges().nodes,
            resistors: self.resistors(conductances, offsets),
            diodes: Vec::new(),
            nonlinear: Vec::new(),
            injections: vec![0.0; self.edges().nodes],
            largest_conductance: conductances.largest,
        };
        let elements = circuit.elements();
        for &id in &self.current_sources {
            let element = &elements[id as usize];
            if let Law::CurrentSource { current } = element.law() {
                let nodes = element.nodes().map(|node| self.nodes[node.index()]);
                for (node, sign) in nodes.into_iter().zip([-1.0, 1.0]) {
                    if node != GROUND {
                        network.injections[node as usize] += sign * current;
                    }
                }
            }
        }
        for (&id, edge) in self.bent.iter().zip(self.edges().resistors as u32..) {
            let element = &elements[id as usize];
            let [a, b] = element.nodes().map(|node| node.index());
            let ends = [self.nodes[a], self.nodes[b]];
            let offset = offsets[a] - offsets[b];
            match element.law() {
                Law::Diode(diode) => network.diodes.push(branch(diode, ends, offset, edge, id)),
                law => network
                    .nonlinear
                    .extend(law.characteristic().map(|law| Nonlinear {
                        ends,
                        offset,
                        law,
                        edge,
                        element: id,
                    })),
            }
        }
        network
    }

    /// The network's resistors.
    fn resistors(&self, conductances: &Conductances, offsets: &[f64]) -> Vec<Resistor> {
        let parts = conductances.starts.windows(2);
        let parts = parts.map(|ends| &conductances.parts[ends[0]..ends[1]]);
        let resistors = self.edges().ends.iter().zip(&conductances.merged);
        let resistors = resistors.zip(parts);
        let resistor = |((ends, conductance), parts): ((&[u32; 2], &f64), &[Linear])| Resistor {
            ends: *ends,
            conductance: *conductance,
            offset: mean_offset(*conductance, parts, offsets),
        };
        resistors.map(resistor).collect()
    }
}

/// The mean offset of parallel resistors; that of a single one, and of equal ones, to the last digit.
fn mean_offset(conductance: f64, parts: &[Linear], offsets: &[f64]) -> f64 {
    let offset = |part: &Linear| {
        let [a, b] = part.nodes.map(|node| offsets[node as usize]);
        a - b
    };
    let first = offset(&parts[0]);
    // Several sums, taken in turn: no addition waits for the one before.
    let mut moments = [0.0; 4];
    for parts in parts[1..].chunks(moments.len()) {
        for (moment, part) in moments.iter_mut().zip(parts) {
            *moment += part.conductance * (offset(part) - first);
        }
    }
    match moments.iter().sum::<f64>() {
        0.0 => first,
        moment => first + moment / conductance,
    }
}

/// The conductance of the linear resistor that an element is or contains, in siemens; 0 for others and for shorts.
fn conductance(law: &Law) -> f64 {
    match law {
        Law::Resistor { conductance } if conductance.is_finite() => *conductance,
        Law::Diode(diode) => diode.off_conductance,
        _ => 0.0,
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

//! The numbers of a solve: the conductances of a circuit, and what its sources make of them.

use std::collections::HashMap;
use std::sync::Arc;

use super::decimal::as_written;
use super::diode_loops::Bound;
use super::double::Double;
use super::error::PresolveError;
use super::exact::Corner;
use super::islands;
use super::network::{DiodeBranch, GROUND, Network, Nonlinear, Resistor};
use super::reduction::{Reduction, bounds, held_voltage, source_offsets, welds};
use crate::circuit::{Circuit, Element, Mark};
use crate::device::{Diode, Law};

/// What the elements other than sources bring into the network. It holds while sources alone change.
pub(crate) struct Conductances {
    mark: Mark,
    /// Of all elements.
    pub(super) linear: Vec<Linear>,
    /// Of the elements of the network that are no resistors; 0 for those that are no diodes.
    pub(super) corners: Vec<Corner>,
    /// Of the network's resistors.
    pub(super) merged: Vec<Double>,
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
    pub(super) offsets: Vec<Double>,
    /// Whether the offsets are those of the voltages as written, or rounded.
    are_exact: bool,
    pub(crate) network: Network<'c>,
}

impl Conductances {
    /// Whether they are those of a circuit.
    pub(crate) fn are_of(&self, circuit: &Circuit) -> bool {
        self.mark == circuit.mark()
    }

    /// The elements that make up each of the network's resistors.
    pub(super) fn parts(&self) -> impl Iterator<Item = &[Linear]> {
        let parts = self.starts.windows(2);
        parts.map(|ends| &self.parts[ends[0]..ends[1]])
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
        let merge = |ends: &[usize]| {
            let parts = parts[ends[0]..ends[1]].iter();
            parts.fold(Double::default(), |sum, part| {
                sum + Double::from(part.conductance)
            })
        };
        Some(Conductances {
            mark: circuit.mark(),
            merged: starts.windows(2).map(merge).collect(),
            linear,
            corners: self.corners(circuit),
            starts,
            parts,
            largest: elements.iter().fold(0.0, largest),
        })
    }

    fn corners(&self, circuit: &Circuit) -> Vec<Corner> {
        let bent = self.bent.iter();
        let corner = |id: &u32| match circuit.elements()[*id as usize].law() {
            Law::Diode(diode) => Corner {
                voltage: as_written(diode.forward_voltage),
                resistance: series_resistance(diode),
            },
            _ => Corner::default(),
        };
        bent.map(corner).collect()
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
            are_exact: false,
            network,
        }))
    }

    /// Takes the voltages of sources as written.
    pub(crate) fn make_exact(&self, circuit: &Circuit, values: &mut Values) {
        if values.are_exact {
            return;
        }
        let voltage = |id: u32| as_written(held_voltage(circuit.elements()[id as usize].law()));
        values.offsets = self.sources.offsets(voltage);
        if !self.welds.is_empty() {
            let bounds = bounds(circuit, &self.ideal, &self.sources, &values.offsets);
            self.add_weld_offsets(&bounds, &mut values.offsets);
        }
        values.are_exact = true;
    }

    /// Adds to each node's offset that of its cluster among the welded ones.
    fn add_weld_offsets(&self, bounds: &[(u32, Bound)], offsets: &mut [Double]) {
        if self.welds.is_empty() {
            return;
        }
        let voltages: HashMap<u32, Double> = bounds.iter().map(|(id, b)| (*id, b.bound)).collect();
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
        offsets: &[Double],
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
            let offset = (offsets[a] - offsets[b]).value();
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
    fn resistors(&self, conductances: &Conductances, offsets: &[Double]) -> Vec<Resistor> {
        let resistors = self.edges().ends.iter().zip(&conductances.merged);
        let resistors = resistors.zip(conductances.parts());
        let resistor = |((ends, conductance), parts): ((&[u32; 2], &Double), &[Linear])| {
            let conductance = conductance.value();
            Resistor {
                ends: *ends,
                conductance,
                offset: mean_offset(conductance, parts, offsets),
            }
        };
        resistors.map(resistor).collect()
    }
}

/// The mean offset of parallel resistors; that of a single one, and of equal ones, to the last digit.
fn mean_offset(conductance: f64, parts: &[Linear], offsets: &[Double]) -> f64 {
    let offset = |part: &Linear| {
        let [a, b] = part.nodes.map(|node| offsets[node as usize]);
        (a.high - b.high) + (a.low - b.low)
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

/// 1 / (g_on - g_off), in ohm.
fn series_resistance(diode: &Diode) -> Double {
    match diode.on_conductance.is_finite() {
        true => {
            (Double::from(diode.on_conductance) - Double::from(diode.off_conductance)).inverse()
        }
        false => Double::default(),
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

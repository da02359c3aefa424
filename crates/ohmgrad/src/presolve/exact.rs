//! The values of a network to 32 digits.
//!
//! What confirms a state of a network computes by how much it misses the laws with as many digits as the state has. Voltages and
//! currents are the decimal numbers as written, conductances the numbers that the circuit holds.

use super::decimal::as_written;
use super::double::{Double, product, sum};
use super::reduction::Reduction;
use super::values::{Linear, Values};
use crate::circuit::{Circuit, NodeId};
use crate::device::Law;

/// The values of a network's branches, in the order of the network.
pub(crate) struct ExactValues {
    pub(super) resistors: Vec<ExactResistor>,
    pub(super) diodes: Vec<Corner>,
    /// Of the nonlinear elements: what is added to the difference of the free potentials, in volt.
    pub(super) offsets: Vec<Double>,
    /// The current that sources drive into each node, in ampere.
    pub(super) injections: Vec<Double>,
    /// The sum of the magnitudes of the sources' currents at each node, in ampere.
    pub(super) driven: Vec<f64>,
}

/// Resistors between the same two nodes: i = g (x_a - x_b + c) + rest.
#[derive(Clone, Copy)]
pub(super) struct ExactResistor {
    /// g, in siemens.
    pub(super) conductance: Double,
    /// c, of the first of them, in volt.
    pub(super) offset: Double,
    /// What the offsets of the others, less that of the first, are worth, in ampere.
    pub(super) rest: Double,
}

/// Where a diode begins to conduct, and its resistance from there on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Corner {
    /// In volt.
    pub(super) voltage: Double,
    /// In ohm.
    pub(super) resistance: Double,
}

impl Reduction {
    /// The values of a circuit's network, whose offsets become exact.
    pub(crate) fn exact_values(&self, circuit: &Circuit, values: &mut Values) -> ExactValues {
        self.make_exact(circuit, values);
        let values = &*values;
        let across = |element: u32| {
            let [a, b] = circuit.elements()[element as usize]
                .nodes()
                .map(NodeId::index);
            values.offsets[a] - values.offsets[b]
        };
        let resistors = self.edges().resistors;
        let network = &values.network;
        let diode = |diode: &super::network::DiodeBranch| {
            let corner = values.conductances.corners[diode.edge as usize - resistors];
            Corner {
                voltage: corner.voltage - across(diode.element),
                ..corner
            }
        };
        let nonlinear = network.nonlinear.iter();
        let (injections, driven) = self.injections(circuit, network.nodes);
        ExactValues {
            resistors: exact_resistors(values),
            diodes: network.diodes.iter().map(diode).collect(),
            offsets: nonlinear.map(|branch| across(branch.element)).collect(),
            injections,
            driven,
        }
    }

    /// What current sources drive into each node of the network, and the sum of the magnitudes.
    fn injections(&self, circuit: &Circuit, nodes: usize) -> (Vec<Double>, Vec<f64>) {
        let (mut injections, mut driven) = (vec![Double::default(); nodes], vec![0.0; nodes]);
        for &id in &self.current_sources {
            let element = &circuit.elements()[id as usize];
            let Law::CurrentSource { current } = element.law() else {
                continue;
            };
            let [a, b] = element.nodes().map(|node| self.nodes[node.index()]);
            let exact = as_written(*current);
            for (node, current) in [(a, -exact), (b, exact)] {
                if a != b
                    && let Some(sum) = injections.get_mut(node as usize)
                {
                    *sum += current;
                    driven[node as usize] += current.high.abs();
                }
            }
        }
        (injections, driven)
    }
}

fn exact_resistors(values: &Values) -> Vec<ExactResistor> {
    let parts = values.conductances.parts();
    let merged = values.conductances.merged.iter().zip(parts);
    let resistor = |(conductance, parts): (&Double, &[Linear])| {
        let [a, b] = parts[0].nodes.map(|node| values.offsets[node as usize]);
        let offset = a - b;
        ExactResistor {
            conductance: *conductance,
            offset,
            rest: rest_of(&parts[1..], offset, &values.offsets),
        }
    };
    merged.map(resistor).collect()
}

/// Sum of g (c - `first`) over parallel resistors: products and sums with the errors of their rounding (Ogita, Rump and Oishi,
/// "Accurate sum and dot product", SIAM J. Sci. Comput. 26, 2005).
fn rest_of(parts: &[Linear], first: Double, offsets: &[Double]) -> Double {
    // Several sums, taken in turn: no addition waits for the one before.
    const LANES: usize = 4;
    let mut lanes = [(0.0, 0.0); LANES];
    for parts in parts.chunks(LANES) {
        for ((total, rest), part) in lanes.iter_mut().zip(parts) {
            let [a, b] = part.nodes.map(|node| offsets[node as usize]);
            let (high, error) = sum(a.high, -b.high);
            let (high, more) = sum(high, -first.high);
            let low = (a.low - b.low) - first.low + (error + more);
            let (current, error) = product(part.conductance, high);
            let (next, lost) = sum(*total, current);
            *total = next;
            *rest += error + part.conductance * low + lost;
        }
    }
    let lane = |(total, rest): (f64, f64)| Double::new(total, rest);
    lanes
        .into_iter()
        .map(lane)
        .fold(Double::default(), |a, b| a + b)
}

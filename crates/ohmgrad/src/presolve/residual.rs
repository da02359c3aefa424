//! What a state leaves over of Kirchhoff's current law and of the laws of diodes, to 32 digits.

use super::decimal::as_written;
use super::double::Double;
use super::network::at;
use super::reduction::Reduction;
use super::restore::State;
use super::values::Values;
use crate::circuit::{Circuit, NodeId};
use crate::device::Law;

/// The last of 32 digits, with what a few operations add.
const DIGITS: f64 = 4e-32;

/// The residual of a state, element by element of the circuit: nothing is merged, and sums are compensated.
#[derive(Default)]
pub(crate) struct Residual {
    /// Of the nodes of the circuit, in volt.
    potentials: Vec<Double>,
    sums: Vec<Double>,
    /// The current that is missing at each node of the network, in ampere: what flows into it.
    pub(crate) missing: Vec<f64>,
    /// The sum of the currents' magnitudes at each node of the network, in ampere.
    pub(crate) sizes: Vec<f64>,
    /// What the rounding of 32 digits may be worth at each node of the network, in ampere.
    pub(crate) digits: Vec<f64>,
    /// Of the network's diodes, u - w - r i; of its nonlinear elements u; in volt.
    pub(crate) voltages: Vec<f64>,
}

impl Residual {
    /// Finds the residual of a state. `currents` are those of the network's diodes, then of its nonlinear elements.
    pub(crate) fn find(
        &mut self,
        reduction: &Reduction,
        circuit: &Circuit,
        numbers: &Values,
        state: &State,
        currents: &[Double],
    ) {
        let nodes = numbers.network.nodes;
        self.set_potentials(reduction, numbers, state);
        self.sums.clear();
        self.sums.resize(nodes + 1, Double::default());
        self.sizes.clear();
        self.sizes.resize(nodes + 1, 0.0);
        self.digits.clear();
        self.digits.resize(nodes + 1, 0.0);
        for linear in &numbers.conductances.linear {
            let ends = linear.nodes.map(|node| reduction.nodes[node as usize]);
            if linear.conductance > 0.0 && ends[0] != ends[1] {
                let [a, b] = linear.nodes.map(|node| self.potentials[node as usize]);
                self.add(ends, (a - b).times(linear.conductance));
                let digits = DIGITS * linear.conductance * (a.high.abs() + b.high.abs());
                for end in ends {
                    self.digits[(end as usize).min(nodes)] += digits;
                }
            }
        }
        for &source in &reduction.current_sources {
            let element = &circuit.elements()[source as usize];
            let ends = element.nodes().map(|node| reduction.nodes[node.index()]);
            if let Law::CurrentSource { current } = element.law()
                && ends[0] != ends[1]
            {
                self.add(ends, as_written(*current));
            }
        }
        self.add_responses(circuit, numbers, currents);
        self.missing.clear();
        let sums = self.sums[..nodes].iter();
        self.missing.extend(sums.map(|sum| sum.value()));
        self.sizes.truncate(nodes);
        self.digits.truncate(nodes);
    }

    /// The potentials of the circuit's nodes: those of the network's, and what sources hold above them.
    fn set_potentials(&mut self, reduction: &Reduction, numbers: &Values, state: &State) {
        let ends = reduction.nodes.iter().zip(&numbers.offsets);
        let potential = |(end, offset): (&u32, &f64)| {
            let free = Double {
                high: at(&state.potentials, *end),
                low: at(&state.remainders, *end),
            };
            free + Double::from(*offset)
        };
        self.potentials.clear();
        self.potentials.extend(ends.map(potential));
    }

    fn add_responses(&mut self, circuit: &Circuit, numbers: &Values, currents: &[Double]) {
        self.voltages.clear();
        let network = &numbers.network;
        let across = |this: &Residual, element: u32| {
            let element = &circuit.elements()[element as usize];
            let [a, b] = element.nodes().map(NodeId::index);
            (this.potentials[a] - this.potentials[b], element.law())
        };
        let (diodes, nonlinear) = currents.split_at(network.diodes.len());
        for (diode, current) in network.diodes.iter().zip(diodes) {
            let (voltage, law) = across(self, diode.element);
            let Law::Diode(law) = law else { continue };
            let beyond = voltage - Double::from(law.forward_voltage);
            let beyond = beyond - current.times(diode.resistance);
            self.voltages.push(beyond.value());
            self.add(diode.ends, *current);
        }
        for (branch, current) in network.nonlinear.iter().zip(nonlinear) {
            let (voltage, _) = across(self, branch.element);
            self.voltages.push(voltage.value());
            self.add(branch.ends, *current);
        }
    }

    /// Lets a current flow from the first end to the second; ground is the last place.
    fn add(&mut self, ends: [u32; 2], current: Double) {
        let ground = self.sums.len() - 1;
        let [a, b] = ends.map(|end| (end as usize).min(ground));
        let size = current.high.abs();
        self.sums[a] += -current;
        self.sums[b] += current;
        self.sizes[a] += size;
        self.sizes[b] += size;
    }
}

//! What a state leaves over of Kirchhoff's current law and of the laws of diodes, to 32 digits.

use super::double::Double;
use super::exact::ExactValues;
use super::network::Network;
use super::restore::State;

/// The last of 32 digits, with what a few operations add.
const DIGITS: f64 = 4e-32;

/// The residual of a state: sums are compensated.
#[derive(Default)]
pub(crate) struct Residual {
    /// Of the nodes of the network, then of ground, in volt.
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
        network: &Network,
        exact: &ExactValues,
        state: &State,
        currents: &[Double],
    ) {
        self.begin(network, exact, state);
        let ground = network.nodes;
        for (resistor, exact) in network.resistors.iter().zip(&exact.resistors) {
            let [a, b] = resistor.ends.map(|end| (end as usize).min(ground));
            let potentials = [self.potentials[a], self.potentials[b]];
            let across = potentials[0] - potentials[1] + exact.offset;
            let through = exact.conductance * across;
            let size = through.high.abs() + exact.rest.high.abs();
            self.add([a, b], through + exact.rest, size);
            let [volts, more] = potentials.map(|potential| potential.high.abs());
            let digits = exact.conductance.high * (volts + more + exact.offset.high.abs());
            self.digits[a] += digits;
            self.digits[b] += digits;
        }
        self.add_responses(network, exact, currents);
        self.sizes.truncate(ground);
        self.digits.truncate(ground);
        for (digits, size) in self.digits.iter_mut().zip(&self.sizes) {
            *digits = DIGITS * (*digits + size);
        }
        self.missing.clear();
        let sums = self.sums[..ground].iter();
        self.missing.extend(sums.map(|sum| sum.value()));
    }

    /// Takes the potentials, and the currents of sources.
    fn begin(&mut self, network: &Network, exact: &ExactValues, state: &State) {
        let free = state.potentials.iter().zip(&state.remainders);
        self.potentials.clear();
        self.potentials
            .extend(free.map(|(high, low)| Double::new(*high, *low)));
        self.potentials.push(Double::default());
        self.sums.clone_from(&exact.injections);
        self.sums.push(Double::default());
        self.sizes.clone_from(&exact.driven);
        self.sizes.push(0.0);
        self.digits.clear();
        self.digits.resize(network.nodes + 1, 0.0);
        self.voltages.clear();
    }

    fn add_responses(&mut self, network: &Network, exact: &ExactValues, currents: &[Double]) {
        let ground = network.nodes;
        let (diodes, nonlinear) = currents.split_at(network.diodes.len());
        let corners = network.diodes.iter().zip(&exact.diodes);
        for ((diode, corner), current) in corners.zip(diodes) {
            let [a, b] = diode.ends.map(|end| (end as usize).min(ground));
            let beyond = self.potentials[a] - self.potentials[b] - corner.voltage;
            let beyond = beyond - *current * corner.resistance;
            self.voltages.push(beyond.value());
            self.add([a, b], *current, current.high.abs());
        }
        let branches = network.nonlinear.iter().zip(&exact.offsets);
        for ((branch, offset), current) in branches.zip(nonlinear) {
            let [a, b] = branch.ends.map(|end| (end as usize).min(ground));
            let voltage = self.potentials[a] - self.potentials[b] + *offset;
            self.voltages.push(voltage.value());
            self.add([a, b], *current, current.high.abs());
        }
    }

    /// Lets a current flow from the first node to the second; `size` is the sum of the magnitudes that it is made of.
    fn add(&mut self, [a, b]: [usize; 2], current: Double, size: f64) {
        self.sums[a] += -current;
        self.sums[b] += current;
        self.sizes[a] += size;
        self.sizes[b] += size;
    }
}

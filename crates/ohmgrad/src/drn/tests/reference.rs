//! The layered network in f64, unit by unit, as the equations of both energies stand in their publications; it shares no
//! code with what it tests.
//!
//! The fast kernels are tested against it, and it is tested against finite differences.

use super::{interval, laws};
use crate::drn::{Architecture, Energy, Readout, Settling, SweepOrder};

/// A network in f64: plain matrices, one example at a time.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// Shape, energy, gains and bounds.
    pub(crate) architecture: Architecture,
    /// Weight matrices (conductances in siemens), row-major, shaped as [`Architecture::shape`].
    pub(crate) weights: Vec<Vec<f64>>,
    /// Bias currents in ampere, one vector per free layer.
    pub(crate) biases: Vec<Vec<f64>>,
}

/// States of all layers (potentials in volt): input nodes first, then every free layer.
pub(crate) type Potentials = Vec<Vec<f64>>;

/// The term `beta * C` added to the energy, with `C = |v_out - target|^2 / 2`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nudge<'a> {
    /// Strength, in siemens; 0 for the free phase.
    pub(crate) beta: f64,
    /// Targets of the outputs, in volt.
    pub(crate) target: &'a [f64],
}

/// Derivatives with respect to all weights and all biases.
pub(crate) type Gradient = (Vec<Vec<f64>>, Vec<Vec<f64>>);

impl Reference {
    /// Potentials with the sources set by `features`, every free node at 0 V.
    pub(crate) fn at_rest(&self, features: &[f64]) -> Potentials {
        let gain = f64::from(self.architecture.input_gain);
        let gains = match self.architecture.energy {
            Energy::CoContent => vec![gain, -gain],
            Energy::Hopfield => vec![gain],
        };
        let sources = gains
            .iter()
            .flat_map(|g| features.iter().map(move |p| g * p))
            .collect();
        let free =
            (0..self.architecture.free_layers()).map(|l| vec![0.0; self.architecture.width(l)]);
        std::iter::once(sources).chain(free).collect()
    }

    /// Weight between node `i` of layer `l` and node `j` of the layer above it, layer 0 being the input.
    fn g(&self, l: usize, i: usize, j: usize) -> f64 {
        self.weights[l][i * self.architecture.shape(l).1 + j]
    }

    /// Curvature of the energy along unit `j` of free layer `l` (its total conductance in siemens), and what pulls on it
    /// from 0 (a current in ampere).
    fn pull(&self, v: &Potentials, l: usize, j: usize, nudge: Nudge) -> (f64, f64) {
        let (mut conductance, mut current) = match self.architecture.energy {
            Energy::CoContent => (self.total_conductance(v, l, j), self.biases[l][j]),
            Energy::Hopfield => (1.0, self.biases[l][j]),
        };
        for (i, v_i) in v[l].iter().enumerate() {
            current += self.g(l, i, j) * v_i;
        }
        match v.get(l + 2) {
            Some(above) => {
                for (k, v_k) in above.iter().enumerate() {
                    current += self.g(l + 1, j, k) * v_k;
                }
            }
            None => {
                let source = match self.architecture.readout {
                    Readout::Nodes => nudge.target[j],
                    // A source of y volt from each node of a pair to the other.
                    Readout::Pairs if j.is_multiple_of(2) => v[l + 1][j + 1] + nudge.target[j / 2],
                    Readout::Pairs => v[l + 1][j - 1] - nudge.target[j / 2],
                };
                conductance += nudge.beta;
                current += nudge.beta * source;
            }
        }
        (conductance, current)
    }

    /// Sum of all conductances that end on unit `j` of free layer `l`.
    fn total_conductance(&self, v: &Potentials, l: usize, j: usize) -> f64 {
        let below: f64 = (0..v[l].len()).map(|i| self.g(l, i, j)).sum();
        let nodes_above = v.get(l + 2).map_or(0, Vec::len);
        let above: f64 = (0..nodes_above).map(|k| self.g(l + 1, j, k)).sum();
        below + above
    }

    /// The outputs, as they are read from the potentials of the output nodes.
    pub(crate) fn read(&self, v: &Potentials) -> Vec<f64> {
        let nodes = v.last().map(Vec::as_slice).unwrap_or_default();
        match self.architecture.readout {
            Readout::Nodes => nodes.to_vec(),
            Readout::Pairs => nodes.chunks(2).map(|pair| pair[0] - pair[1]).collect(),
        }
    }

    /// The currents into the output nodes that currents into the outputs are.
    pub(crate) fn currents_of_nodes(&self, currents: &[f64]) -> Vec<f64> {
        match self.architecture.readout {
            Readout::Nodes => currents.to_vec(),
            Readout::Pairs => currents.iter().flat_map(|i| [*i, -i]).collect(),
        }
    }

    /// The state that minimises the energy over one unit: v = clip(current / conductance, lo, hi).
    fn optimum(&self, v: &Potentials, l: usize, j: usize, nudge: Nudge) -> f64 {
        let (conductance, current) = self.pull(v, l, j, nudge);
        if laws::bends(&self.architecture, l) {
            let own = |v: f64| laws::current(&self.architecture, l, j, v);
            return laws::solution((conductance, current), own);
        }
        let free = if conductance > 0.0 {
            current / conductance
        } else {
            0.0
        };
        self.clip(l, j, free)
    }

    /// The potentials that minimise the energy over both nodes of each output pair:
    /// (g_a + beta) v_a - beta v_b = i_a + beta y and (g_b + beta) v_b - beta v_a = i_b - beta y.
    fn pairs_optimum(&self, v: &Potentials, nudge: Nudge) -> Vec<f64> {
        let l = self.architecture.free_layers() - 1;
        let free = Nudge { beta: 0.0, ..nudge };
        let pair = |(k, y): (usize, &f64)| {
            let (g_a, i_a) = self.pull(v, l, 2 * k, free);
            let (g_b, i_b) = self.pull(v, l, 2 * k + 1, free);
            let determinant = g_a * g_b + nudge.beta * (g_a + g_b);
            let through = nudge.beta * (i_a + i_b);
            [
                (g_b * (i_a + nudge.beta * y) + through) / determinant,
                (g_a * (i_b - nudge.beta * y) + through) / determinant,
            ]
        };
        nudge.target.iter().enumerate().flat_map(pair).collect()
    }

    fn clip(&self, l: usize, j: usize, value: f64) -> f64 {
        let (lo, hi) = interval(&self.architecture, l, j);
        value.clamp(lo, hi)
    }

    /// One sweep of exact block coordinate descent.
    pub(crate) fn sweep(&self, v: &mut Potentials, order: SweepOrder, nudge: Nudge) {
        for group in order.groups(self.architecture.free_layers()) {
            for l in group {
                let coupled = self.architecture.readout == Readout::Pairs && nudge.beta != 0.0;
                v[l + 1] = match coupled && l + 1 == self.architecture.free_layers() {
                    true => self.pairs_optimum(v, nudge),
                    false => (0..v[l + 1].len())
                        .map(|j| self.optimum(v, l, j, nudge))
                        .collect(),
                };
            }
        }
    }

    /// Sweeps until `settling` says stop; returns the number of sweeps.
    pub(crate) fn settle(&self, v: &mut Potentials, settling: Settling, nudge: Nudge) -> usize {
        for sweep in 1..=settling.sweeps {
            self.sweep(v, settling.order, nudge);
            if settling
                .tolerance
                .is_some_and(|t| self.residual(v, nudge) <= t)
            {
                return sweep;
            }
        }
        settling.sweeps
    }

    /// One sweep over the response d of a settled state v to currents (ampere) into the outputs; units at the ends of
    /// their intervals stay there.
    pub(crate) fn sweep_response(
        &self,
        d: &mut Potentials,
        v: &Potentials,
        order: SweepOrder,
        currents: &[f64],
    ) {
        let free = Nudge {
            beta: 0.0,
            target: currents,
        };
        let output = self.architecture.free_layers() - 1;
        for l in order.groups(output + 1).concat() {
            let response = |j: usize| {
                let (lo, hi) = interval(&self.architecture, l, j);
                let is_free = lo < v[l + 1][j] && v[l + 1][j] < hi;
                let (conductance, current) = self.pull(d, l, j, free);
                let own = if l == output { currents[j] } else { 0.0 };
                let conductance = conductance + laws::slope(&self.architecture, l, j, v[l + 1][j]);
                match is_free && conductance > 0.0 {
                    true => (current - self.biases[l][j] + own) / conductance,
                    false => 0.0,
                }
            };
            d[l + 1] = (0..v[l + 1].len()).map(response).collect();
        }
    }

    /// Largest violation of the units' equilibrium (Kirchhoff's current law, diodes included), relative to the largest pull
    /// on a unit (its current).
    pub(crate) fn residual(&self, v: &Potentials, nudge: Nudge) -> f64 {
        let (mut violation, mut largest) = (0.0_f64, 0.0_f64);
        for l in 0..self.architecture.free_layers() {
            for j in 0..v[l + 1].len() {
                let (conductance, current) = self.pull(v, l, j, nudge);
                let moved = v[l + 1][j] - self.optimum(v, l, j, nudge);
                let own = laws::current(&self.architecture, l, j, v[l + 1][j]);
                let violated = match conductance > 0.0 {
                    _ if laws::bends(&self.architecture, l) => {
                        conductance * v[l + 1][j] + own - current
                    }
                    true => conductance * moved,
                    // No resistor leads the bias current away; a diode may.
                    false => self.clip(l, j, current),
                };
                violation = violation.max(violated.abs());
                largest = largest.max(current.abs());
            }
        }
        if largest > 0.0 {
            violation / largest
        } else {
            violation
        }
    }

    /// Power dissipated in all resistors and elements, in watt: sum of g (v_i - v_j)^2 and of v i(v).
    pub(crate) fn dissipated_power(&self, v: &Potentials) -> f64 {
        let own = self.over_units(v, |l, j, v| v * laws::current(&self.architecture, l, j, v));
        self.power_of_resistors(v) + own
    }

    /// The sum of some quantity over the hidden units, by layer, unit and potential.
    fn over_units(&self, v: &Potentials, of: impl Fn(usize, usize, f64) -> f64) -> f64 {
        let layers = (0..self.architecture.hidden.len()).map(|l| (l, &v[l + 1]));
        let of = &of;
        layers
            .flat_map(|(l, v)| v.iter().enumerate().map(move |(j, v)| of(l, j, *v)))
            .sum()
    }

    fn power_of_resistors(&self, v: &Potentials) -> f64 {
        let mut power = 0.0;
        for l in 0..self.architecture.matrices() {
            for (i, v_i) in v[l].iter().enumerate() {
                for (j, v_j) in v[l + 1].iter().enumerate() {
                    power += self.g(l, i, j) * (v_i - v_j).powi(2);
                }
            }
        }
        power
    }

    /// The energy of a Hopfield network but for its biases: sum of s^2 / 2 over the units, minus sum of s W s'.
    fn interaction(&self, s: &Potentials) -> f64 {
        let own: f64 = s[1..].iter().flatten().map(|s| s * s / 2.0).sum();
        let mut joint = 0.0;
        for l in 0..self.architecture.matrices() {
            for (i, s_i) in s[l].iter().enumerate() {
                for (j, s_j) in s[l + 1].iter().enumerate() {
                    joint += s_i * self.g(l, i, j) * s_j;
                }
            }
        }
        own - joint
    }

    /// The [`Energy`] plus beta C: of a DRN in watt, (power of the resistors) / 2 + co-content of the elements - sum of b v.
    pub(crate) fn energy(&self, v: &Potentials, nudge: Nudge) -> f64 {
        let injected: f64 = self
            .biases
            .iter()
            .zip(&v[1..])
            .flat_map(|(b, v)| b.iter().zip(v))
            .map(|(b, v)| b * v)
            .sum();
        let stored = match self.architecture.energy {
            Energy::CoContent => {
                let own = |l, j, v| laws::co_content(&self.architecture, l, j, v);
                self.power_of_resistors(v) / 2.0 + self.over_units(v, own)
            }
            Energy::Hopfield => self.interaction(v),
        };
        stored - injected + nudge.beta * self.cost(v, nudge.target)
    }

    /// Partial derivatives of the energy, states held: u^2 / 2 per conductance, or -s_i s_j per weight of a Hopfield
    /// network, and -v per bias.
    pub(crate) fn energy_derivatives(&self, v: &Potentials) -> Gradient {
        let derivative = |v_i: f64, v_j: f64| match self.architecture.energy {
            Energy::CoContent => (v_i - v_j).powi(2) / 2.0,
            Energy::Hopfield => -v_i * v_j,
        };
        let weights = (0..self.architecture.matrices())
            .map(|l| {
                let pairs = v[l]
                    .iter()
                    .flat_map(|v_i| v[l + 1].iter().map(move |v_j| (*v_i, *v_j)));
                pairs.map(|(v_i, v_j)| derivative(v_i, v_j)).collect()
            })
            .collect();
        let biases = v[1..]
            .iter()
            .map(|layer| layer.iter().map(|v| -v).collect())
            .collect();
        (weights, biases)
    }

    /// The contrastive estimate of the gradient of the cost: (dE(second) - dE(first)) / (beta_2 - beta_1).
    pub(crate) fn contrast(&self, first: &Potentials, second: &Potentials, span: f64) -> Gradient {
        let (w1, b1) = self.energy_derivatives(first);
        let (w2, b2) = self.energy_derivatives(second);
        let difference = |two: &[Vec<f64>], one: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let per_layer = |(two, one): (&Vec<f64>, &Vec<f64>)| {
                two.iter().zip(one).map(|(a, b)| (a - b) / span).collect()
            };
            two.iter().zip(one).map(per_layer).collect()
        };
        (difference(&w2, &w1), difference(&b2, &b1))
    }

    /// Half the squared distance of the outputs to the target.
    pub(crate) fn cost(&self, v: &Potentials, target: &[f64]) -> f64 {
        let outputs = self.read(v).into_iter().zip(target);
        outputs.map(|(v, y)| (v - y).powi(2) / 2.0).sum()
    }
}

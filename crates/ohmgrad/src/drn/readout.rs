//! How the output nodes are read, and where a load on what is read moves them.

use serde::{Deserialize, Serialize};

/// What the output nodes are read as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readout {
    /// Every node is an output: its potential.
    #[default]
    Nodes,
    /// Two nodes are an output, which can be negative although all conductances are positive: v_2k - v_2k+1, in volt.
    /// Their number must be even.
    Pairs,
}

impl Readout {
    /// Nodes that an output is read from.
    pub(crate) fn nodes(self) -> usize {
        match self {
            Readout::Nodes => 1,
            Readout::Pairs => 2,
        }
    }

    /// The outputs of one example, in volt; `potentials` are those of its output nodes.
    ///
    /// ```
    /// use ohmgrad::drn::Readout;
    ///
    /// let potentials = [0.5, 2.0, 1.0, 0.25];
    /// assert!(Readout::Nodes.read(&potentials).eq([0.5, 2.0, 1.0, 0.25]));
    /// assert!(Readout::Pairs.read(&potentials).eq([-1.5, 0.75]));
    /// ```
    pub fn read(self, potentials: &[f32]) -> impl ExactSizeIterator<Item = f32> + Clone {
        potentials.chunks(self.nodes()).map(|nodes| match nodes {
            [plus, minus] => plus - minus,
            _ => nodes[0],
        })
    }

    /// Adds to each output, by moving its nodes equally far.
    pub(crate) fn shift(self, potentials: &mut [f32], shifts: impl Iterator<Item = f32>) {
        for (nodes, shift) in potentials.chunks_mut(self.nodes()).zip(shifts) {
            match nodes {
                [plus, minus] => {
                    *plus += 0.5 * shift;
                    *minus -= 0.5 * shift;
                }
                _ => nodes[0] += shift,
            }
        }
    }

    /// The conductance, in siemens, that each output presents; that of a pair is its nodes' in series.
    pub(crate) fn conductances(self, nodes: &[f32]) -> impl Iterator<Item = f32> + Clone {
        nodes.chunks(self.nodes()).map(|nodes| match nodes {
            [plus, minus] if *plus > 0.0 && *minus > 0.0 => plus * (minus / (plus + minus)),
            [_, _] => 0.0,
            _ => nodes[0],
        })
    }
}

/// What is connected to the outputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Load {
    /// Nothing.
    Free,
    /// To each output, a conductance (siemens) from a source at its target. A negative one is a nudge away.
    Conductance(f32),
    /// Into each output, a current: this many siemens times its target.
    Current(f32),
    /// Sources that hold the outputs where they are.
    Hold,
}

/// An output node as the rest of the network drives it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Driven {
    /// Sum of its conductances, in siemens.
    pub(crate) conductance: f32,
    /// Into the node at 0 V, in ampere.
    pub(crate) current: f32,
    /// Where it may be, in volt; the nodes of pairs have no limits.
    pub(crate) interval: (f32, f32),
}

impl Driven {
    /// Without a conductance it stays at 0 V.
    fn potential(self) -> f32 {
        let (lo, hi) = self.interval;
        match self.conductance > 0.0 {
            true => (self.current / self.conductance).clamp(lo, hi),
            false => 0.0,
        }
    }

    fn with(self, conductance: f32, current: f32) -> Self {
        Self {
            conductance: self.conductance + conductance,
            current: self.current + current,
            ..self
        }
    }

    /// The current that leaves a node of this conductance at v, no more than it takes to move the node to the end of
    /// its interval: what is beyond, its limits take.
    fn violated(self, leaving: f32, conductance: f32, v: f32) -> f32 {
        let (lo, hi) = self.interval;
        let (up, down) = (conductance * (v - hi), conductance * (v - lo));
        leaving.max(up).min(down)
    }

    /// Current out of the node at v, in ampere.
    fn leaving(self, v: f32) -> f32 {
        self.conductance * v - self.current
    }
}

impl Load {
    /// The potentials `v` of an output's nodes, where the energy is least.
    pub(crate) fn settle(self, nodes: &[Driven], target: f32, v: &mut [f32]) {
        match (nodes, v) {
            (&[node], [v]) => *v = self.settle_node(node, target, *v),
            (&[a, b], [v_a, v_b]) => [*v_a, *v_b] = self.settle_pair([a, b], target, [*v_a, *v_b]),
            _ => unreachable!("an output is read from one node or two"),
        }
    }

    /// v = clip((i + beta y) / (g + beta))
    fn settle_node(self, node: Driven, target: f32, v: f32) -> f32 {
        match self {
            Load::Free => node.potential(),
            Load::Conductance(beta) => node.with(beta, beta * target).potential(),
            Load::Current(beta) => node.with(0.0, beta * target).potential(),
            Load::Hold => v,
        }
    }

    /// Between the nodes of a pair, the least of g_a v_a^2 / 2 - i_a v_a + g_b v_b^2 / 2 - i_b v_b
    /// + beta (v_a - v_b - y)^2 / 2.
    fn settle_pair(self, [a, b]: [Driven; 2], target: f32, v: [f32; 2]) -> [f32; 2] {
        match self {
            Load::Free => [a.potential(), b.potential()],
            Load::Current(beta) => {
                let current = beta * target;
                [a.with(0.0, current), b.with(0.0, -current)].map(Driven::potential)
            }
            Load::Conductance(beta) => {
                let total = a.conductance + b.conductance;
                let determinant = a.conductance * b.conductance + beta * total;
                if determinant <= 0.0 {
                    return [0.0; 2]; // no conductance anywhere
                }
                let through = beta * (a.current + b.current);
                [(a, b, target), (b, a, -target)].map(|(one, other, target)| {
                    (other.conductance * (one.current + beta * target) + through) / determinant
                })
            }
            Load::Hold => {
                let total = a.conductance + b.conductance;
                if total <= 0.0 {
                    return v;
                }
                let held = v[0] - v[1];
                let v_b = (a.current + b.current - a.conductance * held) / total;
                [v_b + held, v_b]
            }
        }
    }

    /// The largest violation of the current law at an output's nodes, and the largest current into one of them at 0 V, all
    /// others held, in ampere.
    pub(crate) fn violation(self, nodes: &[Driven], target: f32, v: &[f32]) -> (f32, f32) {
        let output = v.iter().skip(1).fold(v[0], |output, minus| output - minus);
        let (conductance, source) = match self {
            Load::Conductance(beta) => (beta, beta * target),
            Load::Current(beta) => (0.0, beta * target),
            Load::Free | Load::Hold => (0.0, 0.0),
        };
        let mut largest = (0.0_f32, 0.0_f32);
        let mut total = 0.0;
        for ((node, v), sign) in nodes.iter().zip(v).zip([1.0, -1.0]) {
            let driven = node.with(0.0, sign * source);
            let leaving = driven.leaving(*v) + sign * conductance * output;
            total += leaving;
            let violated = driven.violated(leaving, node.conductance + conductance, *v);
            let from_other = conductance * (v - sign * output);
            let current = driven.current + from_other;
            largest = (largest.0.max(violated.abs()), largest.1.max(current.abs()));
        }
        match (self, nodes.len()) {
            // The source takes what is left over.
            (Load::Hold, 1) => (0.0, largest.1),
            (Load::Hold, _) => (total.abs(), largest.1),
            _ => largest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNLIMITED: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);
    const A: Driven = Driven {
        conductance: 3.0,
        current: 0.5,
        interval: UNLIMITED,
    };
    const B: Driven = Driven {
        conductance: 0.75,
        current: -2.0,
        interval: UNLIMITED,
    };

    /// A pair's energy under a conductance beta to a source of y volt between its nodes.
    fn energy(beta: f64, y: f64, [a, b]: [f64; 2]) -> f64 {
        let node = |node: Driven, v: f64| {
            f64::from(node.conductance) * v * v / 2.0 - f64::from(node.current) * v
        };
        node(A, a) + node(B, b) + beta * (a - b - y).powi(2) / 2.0
    }

    #[test]
    fn a_loaded_pair_has_the_least_energy() {
        // 3 and 0.75 S in series are 0.6 S: nudges down to -0.6 S have a minimum.
        for beta in [-0.59, -0.3, 0.0, 0.2, 50.0] {
            let mut v = [9.0, 9.0];
            let load = Load::Conductance(beta);
            load.settle(&[A, B], 1.5, &mut v);
            let (violation, _) = load.violation(&[A, B], 1.5, &v);
            assert!(violation < 1e-4, "{beta} S: {violation} A left over");
            let at = |a: f64, b: f64| {
                let [v_a, v_b] = v.map(f64::from);
                energy(f64::from(beta), 1.5, [v_a + a, v_b + b])
            };
            for (a, b) in [(0.1, 0.0), (0.0, 0.1), (0.1, 0.1), (0.1, -0.1)] {
                let least = at(0.0, 0.0);
                assert!(
                    at(a, b) > least && at(-a, -b) > least,
                    "{beta} S, along {a}, {b}"
                );
            }
        }
    }

    /// Within [0, 1]: v = clip(4 - 2 beta, 0, 1), and what is violated elsewhere is the way there.
    #[test]
    fn a_limited_node_settles_within_its_interval() {
        let node = Driven {
            conductance: 1.0,
            current: 4.0,
            interval: (0.0, 1.0),
        };
        for (beta, settled) in [(0.0, 1.0), (1.75, 0.5), (5.0, 0.0)] {
            let load = Load::Current(beta);
            let mut v = [9.0];
            load.settle(&[node], -2.0, &mut v);
            assert_eq!(v, [settled], "{beta}");
            for v in [0.0, 0.25, 1.0] {
                let (violation, _) = load.violation(&[node], -2.0, &[v]);
                assert_eq!(violation, (v - settled).abs(), "{beta}, at {v}");
            }
        }
    }

    /// A node's current at 0 V comes from the network, from the source, and through the load from the other node.
    #[test]
    fn violations_of_a_pair_are_relative_to_all_currents_into_its_nodes() {
        let (beta, y, v) = (0.2, 1.5, [2.0, -3.0]);
        let (_, current) = Load::Conductance(beta).violation(&[A, B], y, &v);
        let [into_a, into_b] = [0.5 + beta * (y - 3.0), -2.0 + beta * (2.0 - y)];
        assert!((current - into_a.abs().max(into_b.abs())).abs() < 1e-6);
    }

    #[test]
    fn a_held_pair_keeps_its_voltage_and_moves_as_one() {
        let mut v = [2.0, 0.5];
        Load::Hold.settle(&[A, B], 0.0, &mut v);
        let [v_a, v_b] = v;
        assert_eq!(v_a - v_b, 1.5);
        let leaving = 3.0 * v_a - 0.5 + 0.75 * v_b + 2.0;
        assert!(leaving.abs() < 1e-6, "{leaving} A leave the pair");
        let (violation, _) = Load::Hold.violation(&[A, B], 0.0, &v);
        assert!(violation < 1e-6, "{violation}");
    }

    #[test]
    fn an_output_presents_the_conductance_that_bounds_negative_nudges() {
        let pairs: Vec<f32> = Readout::Pairs
            .conductances(&[3.0, 0.75, 0.0, 2.0])
            .collect();
        assert!((pairs[0] - 0.6).abs() < 1e-6);
        assert_eq!(pairs[1], 0.0);
        assert!(Readout::Nodes.conductances(&[3.0, 0.75]).eq([3.0, 0.75]));
    }
}

//! What is connected to the outputs, an element like any other, and where it moves them.

use num_traits::Float;

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

/// An output node as the rest of the network drives it; in f32 for the engine, in f64 for the reference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputNode<T> {
    /// Sum of its conductances, and the slope of its own law, in siemens.
    pub(crate) conductance: T,
    /// Into the node at 0 V, in ampere.
    pub(crate) current: T,
    /// Where it may be, in volt; the nodes of pairs have no limits.
    pub(crate) interval: (T, T),
}

impl<T: Float> OutputNode<T> {
    /// Without a conductance it stays at 0 V.
    fn potential(self) -> T {
        match self.conductance > T::zero() {
            true => self.clip(self.current / self.conductance),
            false => T::zero(),
        }
    }

    fn clip(self, v: T) -> T {
        let (lo, hi) = self.interval;
        num_traits::clamp(v, lo, hi)
    }

    fn with(self, conductance: T, current: T) -> Self {
        Self {
            conductance: self.conductance + conductance,
            current: self.current + current,
            ..self
        }
    }

    /// The current that leaves a node of this conductance at v, no more than it takes to move the node to the end of
    /// its interval: what is beyond, its limits take.
    fn violated(self, leaving: T, conductance: T, v: T) -> T {
        let (lo, hi) = self.interval;
        let (up, down) = (conductance * (v - hi), conductance * (v - lo));
        leaving.max(up).min(down)
    }

    /// Current out of the node at v, in ampere.
    fn leaving(self, v: T) -> T {
        self.conductance * v - self.current
    }
}

/// A number of the options in the precision of the states.
fn number<T: Float>(value: f32) -> T {
    T::from(value).unwrap_or_else(T::nan)
}

impl Load {
    /// Moves the potentials `v` of an output's nodes `factor` times the way to where the energy is least (1: there), as
    /// far as they may go.
    pub(crate) fn relax<T: Float>(
        self,
        nodes: &[OutputNode<T>],
        target: T,
        v: &mut [T],
        factor: T,
    ) {
        let before = [v[0], v[v.len() - 1]];
        self.settle(nodes, target, v);
        if factor != T::one() {
            for ((v, before), node) in v.iter_mut().zip(before).zip(nodes) {
                *v = node.clip(before + factor * (*v - before));
            }
        }
    }

    /// The potentials `v` of an output's nodes, where the energy is least.
    fn settle<T: Float>(self, nodes: &[OutputNode<T>], target: T, v: &mut [T]) {
        match (nodes, v) {
            (&[node], [v]) => *v = self.settle_node(node, target, *v),
            (&[a, b], [v_a, v_b]) => [*v_a, *v_b] = self.settle_pair([a, b], target, [*v_a, *v_b]),
            _ => unreachable!("an output is read from one node or two"),
        }
    }

    /// v = clip((i + beta y) / (g + beta))
    fn settle_node<T: Float>(self, node: OutputNode<T>, target: T, v: T) -> T {
        match self {
            Load::Free => node.potential(),
            Load::Conductance(beta) => {
                let beta = number(beta);
                node.with(beta, beta * target).potential()
            }
            Load::Current(beta) => node.with(T::zero(), number::<T>(beta) * target).potential(),
            Load::Hold => v,
        }
    }

    /// Between the nodes of a pair, the least of g_a v_a^2 / 2 - i_a v_a + g_b v_b^2 / 2 - i_b v_b
    /// + beta (v_a - v_b - y)^2 / 2.
    fn settle_pair<T: Float>(self, [a, b]: [OutputNode<T>; 2], target: T, v: [T; 2]) -> [T; 2] {
        match self {
            Load::Free => [a.potential(), b.potential()],
            Load::Current(beta) => {
                let current = number::<T>(beta) * target;
                [a.with(T::zero(), current), b.with(T::zero(), -current)].map(OutputNode::potential)
            }
            Load::Conductance(beta) => {
                let beta = number::<T>(beta);
                let total = a.conductance + b.conductance;
                let determinant = a.conductance * b.conductance + beta * total;
                if determinant <= T::zero() {
                    return [T::zero(); 2]; // no conductance anywhere
                }
                let through = beta * (a.current + b.current);
                [(a, b, target), (b, a, -target)].map(|(one, other, target)| {
                    (other.conductance * (one.current + beta * target) + through) / determinant
                })
            }
            Load::Hold => {
                let total = a.conductance + b.conductance;
                if total <= T::zero() {
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
    pub(crate) fn violation<T: Float>(self, nodes: &[OutputNode<T>], target: T, v: &[T]) -> (T, T) {
        let zero = T::zero();
        let output = v.iter().skip(1).fold(v[0], |output, minus| output - *minus);
        let (conductance, source) = match self {
            Load::Conductance(beta) => (number(beta), number::<T>(beta) * target),
            Load::Current(beta) => (zero, number::<T>(beta) * target),
            Load::Free | Load::Hold => (zero, zero),
        };
        let mut largest = (zero, zero);
        let mut total = zero;
        for ((node, &v), sign) in nodes.iter().zip(v).zip([T::one(), -T::one()]) {
            let driven = node.with(zero, sign * source);
            let leaving = driven.leaving(v) + sign * conductance * output;
            total = total + leaving;
            let violated = driven.violated(leaving, node.conductance + conductance, v);
            let from_other = conductance * (v - sign * output);
            let current = driven.current + from_other;
            largest = (largest.0.max(violated.abs()), largest.1.max(current.abs()));
        }
        match (self, nodes.len()) {
            // The source takes what is left over.
            (Load::Hold, 1) => (zero, largest.1),
            (Load::Hold, _) => (total.abs(), largest.1),
            _ => largest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNLIMITED: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);
    const A: OutputNode<f32> = OutputNode {
        conductance: 3.0,
        current: 0.5,
        interval: UNLIMITED,
    };
    const B: OutputNode<f32> = OutputNode {
        conductance: 0.75,
        current: -2.0,
        interval: UNLIMITED,
    };

    /// A pair's energy under a conductance beta to a source of y volt between its nodes.
    fn energy(beta: f64, y: f64, [a, b]: [f64; 2]) -> f64 {
        let node = |node: OutputNode<f32>, v: f64| {
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
        let node = OutputNode {
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
}

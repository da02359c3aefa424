//! What a solve ends with.

use super::Certificate;
#[cfg(doc)]
use crate::circuit::Circuit;
use crate::circuit::{ElementId, NodeId};
use crate::presolve::Undetermined;

/// Whether a state is the operating point, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The certificate passes, and the error bars, unless they are left out, are below the tolerance.
    Solved,
    /// All diodes are right and the laws hold as well as double precision allows, but the certificate does not pass or an
    /// error bar is above the tolerance. The bars say how far off the potentials may be.
    AccuracyLimit,
    /// The steps ended before the diodes were right or the laws held. The potentials may be far off.
    IterationLimit,
    /// Values went out of the range of double precision. The potentials may be far off.
    Breakdown,
    /// It was [interrupted](crate::interrupt) before the certificate passed.
    Interrupted,
}

impl Status {
    /// The status as one word, for files and tables: `solved`, `accuracy_limit`, `iteration_limit`,
    /// `numerical_breakdown` or `interrupted`.
    pub fn name(self) -> &'static str {
        match self {
            Status::Solved => "solved",
            Status::AccuracyLimit => "accuracy_limit",
            Status::IterationLimit => "iteration_limit",
            Status::Breakdown => "numerical_breakdown",
            Status::Interrupted => "interrupted",
        }
    }
}

/// How much work a solve was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Newton steps.
    pub iterations: usize,
    /// Factorizations of the linear network, by which the state was found.
    pub factorizations: usize,
    /// Solutions of linear networks, by which it was found.
    pub linear_solves: usize,
    /// Factorizations besides, by which it was confirmed and its error bars found.
    pub confirming_factorizations: usize,
    /// Solutions of linear networks besides, by which it was confirmed and its error bars found.
    pub confirming_solves: usize,
    /// Sweeps of coordinate descent.
    pub sweeps: usize,
    /// Nodes of the network after presolve.
    pub nodes: usize,
}

/// A state of a circuit, and how well it obeys the laws.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Solution {
    /// Whether it is the operating point.
    pub status: Status,
    /// Potentials of the nodes, in volt, in the order of [`Circuit::node_names`].
    pub potentials: Vec<f64>,
    /// Currents of the elements, in ampere, in the order of [`Circuit::elements`].
    pub currents: Vec<f64>,
    /// How far off each potential may be, in volt, in the order of [`Circuit::node_names`]: its error bar. Of a node
    /// whose potential is open, how far off its voltage to the nodes that it moves with may be. Empty if no error bars are
    /// [asked for](super::SolveOptions::error_bars).
    ///
    /// For straight lines, with the right diodes conducting, it is proved: it is what the currents that the state misses can
    /// raise, and the inverse of the network's matrix has no negative entry. For curves it is an estimate: of first
    /// order, with a check that no curve nonlinear_branches within the bars, and with a few last digits for what rounding makes of a law.
    pub accuracy: Vec<f64>,
    /// Power that the elements other than sources take up, in watt.
    pub dissipated_power: f64,
    /// How well the laws hold.
    pub certificate: Certificate,
    /// Nodes whose potentials the circuit leaves open.
    pub undetermined: Vec<Undetermined>,
    /// The work done.
    pub statistics: Statistics,
}

impl Solution {
    /// The potential of a node, in volt.
    pub fn potential(&self, node: NodeId) -> f64 {
        self.potentials[node.index()]
    }

    /// Whether it is worth more than another answer: by its status, then by its error bars.
    pub(super) fn is_better_than(&self, other: &Solution) -> bool {
        let worst = |bars: &[f64]| bars.iter().copied().fold(0.0, f64::max);
        let rank = |status| match status {
            Status::Solved => 0,
            Status::AccuracyLimit => 1,
            _ => 2,
        };
        match rank(self.status).cmp(&rank(other.status)) {
            std::cmp::Ordering::Equal => worst(&self.accuracy) < worst(&other.accuracy),
            order => order.is_lt(),
        }
    }

    /// The current through an element, in ampere.
    pub fn current(&self, element: ElementId) -> f64 {
        self.currents[element.index()]
    }
}

//! Learning rules: how each makes the two states that the local update contrasts.

mod adjoint_learning;
mod contrastive_learning;
mod coupled_learning;
mod equilibrium_propagation;
mod program;
mod recurrent_backpropagation;
mod truncated_backpropagation;

use serde::{Deserialize, Serialize};

/// A learning rule.
///
/// Every rule settles the network freely. Most settle it again under a push towards the target, or away from it; two find
/// the response of the free state to an infinitesimal push, and one goes back through the sweeps. Every conductance then
/// changes along the contrast of two states, by one local law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Rule {
    /// `p-ep`: equilibrium propagation, from the free state to one nudged by +beta (Scellier and Bengio 2017).
    #[serde(rename = "p-ep")]
    PositiveEp,
    /// `n-ep`: equilibrium propagation, from a state nudged by -beta to the free one.
    #[serde(rename = "n-ep")]
    NegativeEp,
    /// `c-ep`: equilibrium propagation, from -beta to +beta; its error falls as beta squared (Laborieux et al. 2021).
    #[serde(rename = "c-ep")]
    CenteredEp,
    /// `cl`: contrastive learning, from the free state to one with the outputs held at the target (Movellan 1991).
    #[serde(rename = "cl")]
    ContrastiveLearning,
    /// `p-cpl`: coupled learning, to outputs held a share beta of the way to the target (Stern et al. 2021).
    #[serde(rename = "p-cpl")]
    PositiveCpl,
    /// `n-cpl`: coupled learning, from outputs held a share beta away from the target (Scellier et al. 2023).
    #[serde(rename = "n-cpl")]
    NegativeCpl,
    /// `c-cpl`: coupled learning, between the two (Scellier et al. 2023).
    #[serde(rename = "c-cpl")]
    CenteredCpl,
    /// `al`: adjoint learning, the exact gradient: the response of the free state to an infinitesimal nudge, with
    /// the states of all diodes fixed.
    #[serde(rename = "al")]
    AdjointLearning,
    /// `rbp`: recurrent backpropagation, the same response after a few sweeps only (Almeida 1987, Pineda 1987).
    #[serde(rename = "rbp")]
    RecurrentBackpropagation,
    /// `tbp`: truncated backpropagation through the sweeps of the free phase. For layered networks.
    #[serde(rename = "tbp")]
    TruncatedBackpropagation,
}

/// How a phase departs from the free one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Push {
    /// The cost, times a conductance in siemens, is added to the energy.
    Nudge(f32),
    /// The outputs are held on the line from their free potentials (0) to the target (1).
    Clamp(f32),
    /// The free state plus so many times its response to an infinitesimal nudge.
    Respond(f32),
    /// All states of the free phase, one per sweep, and their errors.
    Unroll,
}

/// The states that a rule makes, and the two that it contrasts: 0 is the free one, k the one under push k.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct States {
    pub(crate) pushes: Vec<Push>,
    pub(crate) first: usize,
    pub(crate) second: usize,
    /// What the contrast is divided by.
    pub(crate) span: f32,
}

impl Rule {
    /// All rules.
    pub const ALL: [Rule; 10] = [
        Rule::PositiveEp,
        Rule::NegativeEp,
        Rule::CenteredEp,
        Rule::ContrastiveLearning,
        Rule::PositiveCpl,
        Rule::NegativeCpl,
        Rule::CenteredCpl,
        Rule::AdjointLearning,
        Rule::RecurrentBackpropagation,
        Rule::TruncatedBackpropagation,
    ];

    /// Whether the rule has an amplitude `beta`: the nudging strength in siemens of equilibrium propagation, or the
    /// share of the way to the target of coupled learning.
    pub fn has_beta(self) -> bool {
        matches!(self.push(), Push::Nudge(_)) || self.is_coupled()
    }

    fn is_coupled(self) -> bool {
        use Rule::{CenteredCpl, NegativeCpl, PositiveCpl};
        matches!(self, PositiveCpl | NegativeCpl | CenteredCpl)
    }

    /// Its first push, of amplitude 1.
    fn push(self) -> Push {
        self.states(1.0).pushes[0]
    }

    /// Whether it holds the outputs between their free potentials and the target, which the target must then be.
    pub(crate) fn clamps(self) -> bool {
        matches!(self.push(), Push::Clamp(_))
    }

    /// The states to contrast.
    pub(crate) fn states(self, beta: f32) -> States {
        match self {
            Rule::PositiveEp => equilibrium_propagation::positive(beta),
            Rule::NegativeEp => equilibrium_propagation::negative(beta),
            Rule::CenteredEp => equilibrium_propagation::centered(beta),
            Rule::ContrastiveLearning => contrastive_learning::states(),
            Rule::PositiveCpl => coupled_learning::positive(beta),
            Rule::NegativeCpl => coupled_learning::negative(beta),
            Rule::CenteredCpl => coupled_learning::centered(beta),
            Rule::AdjointLearning => adjoint_learning::states(),
            Rule::RecurrentBackpropagation => recurrent_backpropagation::states(),
            Rule::TruncatedBackpropagation => truncated_backpropagation::states(),
        }
    }
}

impl States {
    /// The state that the next free phase starts from: the second, if it is one of the network.
    pub(crate) fn carried(&self) -> usize {
        match self.pushes[0] {
            Push::Respond(_) | Push::Unroll => 0,
            _ => self.second,
        }
    }

    /// Checks that nudging leaves the energy bounded in every output, of these conductances: a negative nudge lowers an
    /// output's curvature.
    pub(crate) fn check_bounded(
        &self,
        conductances: impl Iterator<Item = f32> + Clone,
    ) -> Result<(), Unbounded> {
        for push in &self.pushes {
            let &Push::Nudge(beta) = push else { continue };
            if let Some((output, conductance)) = conductances
                .clone()
                .enumerate()
                .find(|(_, g)| g + beta <= 0.0)
            {
                return Err(Unbounded {
                    output,
                    conductance,
                    beta: -beta,
                });
            }
        }
        Ok(())
    }
}

/// A negative nudge that leaves the energy without a minimum.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "nudging by -{beta} S leaves the energy unbounded below: the conductances of output {output} add up to \
     {conductance} S only; use a beta below that, larger weight gains, or a positive rule"
)]
pub struct Unbounded {
    /// The output, counted from 0.
    pub output: usize,
    /// Sum of its node's conductances, in siemens; that of a pair is its two nodes' in series.
    pub conductance: f32,
    /// Nudging strength, in siemens.
    pub beta: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_negative_nudges_can_be_unbounded() {
        let conductances = || [3.0, 0.5].into_iter();
        for rule in [Rule::NegativeEp, Rule::CenteredEp] {
            assert_eq!(rule.states(0.4).check_bounded(conductances()), Ok(()));
            let error = rule.states(0.5).check_bounded(conductances()).unwrap_err();
            assert_eq!((error.output, error.conductance), (1, 0.5));
        }
        for rule in [Rule::PositiveEp, Rule::CenteredCpl, Rule::AdjointLearning] {
            assert_eq!(rule.states(9.0).check_bounded(conductances()), Ok(()));
        }
    }

    #[test]
    fn rules_with_an_amplitude_scale_with_it() {
        for rule in Rule::ALL {
            let span = |beta| rule.states(beta).span;
            assert_eq!(rule.has_beta(), span(2.0) == 2.0 * span(1.0), "{rule:?}");
        }
    }
}

//! Equilibrium propagation (Scellier & Bengio 2017; centered variant: Laborieux et al. 2021).

use serde::{Deserialize, Serialize};

/// The two states that equilibrium propagation contrasts, by their nudging strengths.
///
/// The output is nudged towards the target by adding `beta * C` to the energy, where `C` is half the
/// squared distance of the output potentials to the target. As beta goes to 0 the contrast of the two
/// states, divided by the difference of their nudging strengths, tends to the gradient of the cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EquilibriumPropagation {
    /// From the free state to `+beta` (P-EP).
    Positive,
    /// From `-beta` to the free state (N-EP).
    Negative,
    /// From `-beta` to `+beta` (C-EP): the error of the gradient falls as beta squared.
    Centered,
}

impl EquilibriumPropagation {
    /// Nudging strengths of the phases that follow the free phase, in the order of their slots.
    pub(crate) fn betas(self, beta: f32) -> Vec<f32> {
        match self {
            Self::Positive => vec![beta],
            Self::Negative => vec![-beta],
            Self::Centered => vec![-beta, beta],
        }
    }

    /// Which states are the first and the second of the contrast: 0 is the free one, 1 and 2 the nudged ones.
    pub(crate) fn states(self) -> (usize, usize) {
        match self {
            Self::Positive => (0, 1),
            Self::Negative => (1, 0),
            Self::Centered => (1, 2),
        }
    }

    /// Difference of the nudging strengths of the two states.
    pub(crate) fn span(self, beta: f32) -> f32 {
        match self {
            Self::Positive | Self::Negative => beta,
            Self::Centered => 2.0 * beta,
        }
    }

    /// Checks that nudging leaves the energy bounded in every output: a negative nudge lowers an
    /// output's curvature, the sum of its conductances, by beta.
    pub(crate) fn check_bounded(self, beta: f32, conductance: &[f32]) -> Result<(), Unbounded> {
        let worst = conductance.iter().position(|&g| g <= beta);
        match (self, worst) {
            (Self::Negative | Self::Centered, Some(output)) => Err(Unbounded {
                output,
                conductance: conductance[output],
                beta,
            }),
            _ => Ok(()),
        }
    }
}

/// A negative nudge that leaves the energy without a minimum.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "nudging by -{beta} S leaves the energy unbounded below: the conductances of output {output} add up to \
     {conductance} S only; use a beta below that, larger weight gains, or positive equilibrium propagation"
)]
pub struct Unbounded {
    /// The output node, counted from 0.
    pub output: usize,
    /// Sum of its conductances, in siemens.
    pub conductance: f32,
    /// Nudging strength, in siemens.
    pub beta: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_negative_nudges_can_be_unbounded() {
        let conductance = [3.0, 0.5];
        for rule in [
            EquilibriumPropagation::Negative,
            EquilibriumPropagation::Centered,
        ] {
            assert_eq!(rule.check_bounded(0.4, &conductance), Ok(()));
            let error = rule.check_bounded(0.5, &conductance).unwrap_err();
            assert_eq!((error.output, error.conductance), (1, 0.5));
        }
        let positive = EquilibriumPropagation::Positive;
        assert_eq!(positive.check_bounded(9.0, &conductance), Ok(()));
    }
}

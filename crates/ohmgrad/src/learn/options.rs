//! How a layered network is trained.

use serde::{Deserialize, Serialize};

use super::rules::{Push, States};
use super::{Cost, Divergence, Optimizer, OptimizerError, Rule, TrainError};
use crate::drn::{Architecture, Energy, Network, Settling, SettlingError, SweepOrder};

/// Where the free phase of a training step starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum InitialState {
    /// From the state that the last step ended with (its second nudged state), as in the publications.
    Persistent,
    /// From 0 V.
    Zero,
}

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainOptions {
    /// How the states that are contrasted are made.
    pub rule: Rule,
    /// The rule's amplitude, if it has one: the nudging strength in siemens of equilibrium propagation, the share of
    /// the way to the target of coupled learning. Finite and above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta: Option<f32>,
    /// What is made small. Default: squared error.
    #[serde(default)]
    pub cost: Cost,
    /// Examples per step. At least 1.
    pub batch: usize,
    /// Where the free phase starts from. Default: persistent.
    #[serde(default = "persistent")]
    pub initial_state: InitialState,
    /// How the free phase is settled, in training and in evaluation.
    pub free_phase: Settling,
    /// How the nudged phases are settled; they start from the free state.
    pub nudged_phase: Settling,
    /// What a step does to the parameters.
    pub optimizer: Optimizer,
}

fn persistent() -> InitialState {
    InitialState::Persistent
}

/// Why [`TrainOptions`] are refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrainOptionsError {
    /// An amplitude that is not finite and positive.
    #[error("beta is {0}: it must be finite and above 0")]
    Beta(f32),
    /// A rule without its amplitude.
    #[error(
        "beta is missing: it is the nudging strength in siemens of p-ep, n-ep and c-ep, and the share of the way to \
         the target of p-cpl, n-cpl and c-cpl"
    )]
    NoBeta,
    /// An amplitude for a rule that has none.
    #[error("beta is {0}: this rule has no amplitude; leave it out")]
    UnusedBeta(f32),
    /// A nudge away from the target that outweighs what holds a unit of a Hopfield network.
    #[error(
        "beta is {0}: a Hopfield network nudged away from the target by 1 or more has no minimum in its outputs; use a \
         beta below 1, or p-ep"
    )]
    StrongNudge(f32),
    /// Sweeps that cannot be gone back through.
    #[error(
        "free_phase: tbp goes back through a fixed number of asynchronous sweeps, at most {max}: set order and sweeps, \
         and neither tolerance nor relaxation",
        max = TrainOptions::MAX_UNROLLED
    )]
    NotUnrolled,
    /// A rule that holds outputs at the target, with a cost that does not end there.
    #[error(
        "cost is cross-entropy: cl, p-cpl, n-cpl and c-cpl hold the outputs at the target; use squared-error"
    )]
    NoTarget,
    /// An empty batch.
    #[error("batch is 0: a step needs at least one example")]
    EmptyBatch,
    /// A batch too large to be addressed.
    #[error("batch is {0}: at most {max} are supported", max = TrainOptions::MAX_BATCH)]
    LargeBatch(usize),
    /// The free phase's stopping rule.
    #[error("free_phase: {0}")]
    FreePhase(SettlingError),
    /// The nudged phases' stopping rule.
    #[error("nudged_phase: {0}")]
    NudgedPhase(SettlingError),
    /// More states, or more registers of the optimiser, than memory can hold.
    #[error(
        "the states of a batch and the optimizer's registers need {} MB, more than there is: use a smaller batch, or with tbp \
         fewer sweeps",
        bytes / 1_000_000
    )]
    Memory {
        /// Bytes needed.
        bytes: usize,
    },
    /// The optimiser.
    #[error("optimizer: {0}")]
    Optimizer(OptimizerError),
}

impl TrainOptions {
    /// The largest batch.
    pub const MAX_BATCH: usize = 1 << 16;

    /// The most sweeps that backpropagation goes back through.
    pub const MAX_UNROLLED: usize = 100;

    /// An amplitude that suits a network as it stands: for equilibrium propagation 1 S, or half the least of its
    /// [output conductances](Network::output_conductances) where the rule nudges away from the target; none for the other
    /// rules.
    pub fn standard_beta(rule: Rule, network: &Network) -> Option<f32> {
        let pushes = rule.states(1.0).pushes;
        let nudges = pushes.iter().filter_map(|push| match push {
            Push::Nudge(beta) => Some(*beta),
            _ => None,
        });
        let least = network.output_conductances().into_iter();
        let half = 0.5 * least.fold(f32::INFINITY, f32::min);
        match nudges.reduce(f32::min)? {
            0.0.. => Some(1.0),
            _ => Some(if half > 0.0 { half.min(1.0) } else { 1.0 }),
        }
    }

    /// Checks everything that does not need the data.
    ///
    /// # Errors
    /// The first setting that is wrong, by name.
    pub fn validate(&self, network: &Architecture) -> Result<(), TrainOptionsError> {
        match (self.rule.has_beta(), self.beta) {
            (true, None) => return Err(TrainOptionsError::NoBeta),
            (true, Some(beta)) if !(beta.is_finite() && beta > 0.0) => {
                return Err(TrainOptionsError::Beta(beta));
            }
            (false, Some(beta)) => return Err(TrainOptionsError::UnusedBeta(beta)),
            _ => {}
        }
        if network.energy == Energy::Hopfield && self.cost == Cost::SquaredError {
            let bounded = self.states().check_bounded(std::iter::once(1.0));
            bounded.map_err(|nudge| TrainOptionsError::StrongNudge(nudge.beta))?;
        }
        if self.rule == Rule::TruncatedBackpropagation && !self.can_be_unrolled() {
            return Err(TrainOptionsError::NotUnrolled);
        }
        if self.rule.clamps() && self.cost != Cost::SquaredError {
            return Err(TrainOptionsError::NoTarget);
        }
        if self.batch == 0 {
            return Err(TrainOptionsError::EmptyBatch);
        }
        if self.batch > Self::MAX_BATCH {
            return Err(TrainOptionsError::LargeBatch(self.batch));
        }
        self.free_phase
            .validate()
            .map_err(TrainOptionsError::FreePhase)?;
        self.nudged_phase
            .validate()
            .map_err(TrainOptionsError::NudgedPhase)?;
        self.optimizer
            .validate(network)
            .map_err(TrainOptionsError::Optimizer)
    }

    fn can_be_unrolled(&self) -> bool {
        let Settling {
            order,
            sweeps,
            relaxation,
            tolerance,
        } = self.free_phase;
        let fixed = tolerance.is_none() && relaxation == 1.0;
        order == SweepOrder::Asynchronous && sweeps <= Self::MAX_UNROLLED && fixed
    }

    /// The error of training that diverges in an epoch, counted from 0, after so many examples of it.
    pub(super) fn diverged(&self, epoch: usize, example: usize, sign: Divergence) -> TrainError {
        let rates = self.optimizer.learning_rates.iter();
        let largest = rates.max_by(|a, b| a.1.total_cmp(b.1));
        let (parameter, rate) = largest.map_or((String::new(), 0.0), |(p, r)| (p.clone(), *r));
        let factor = self.optimizer.schedule.factor(epoch as f64);
        TrainError::Diverged {
            epoch: epoch + 1,
            example,
            sign,
            rate: factor * f64::from(rate),
            parameter,
        }
    }

    /// The states that the rule makes.
    pub(crate) fn states(&self) -> States {
        self.rule.states(self.beta.unwrap_or(1.0))
    }
}

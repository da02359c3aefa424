//! How a circuit is trained.

use serde::{Deserialize, Serialize};

use crate::device::Law;
use crate::learn::{Cost, Optimizer, OptimizerError, Rule, Schedule, Update};

/// The kinds of trained parameters, by which a circuit's optimiser names their learning rates.
pub(super) const PARAMETERS: [&str; 3] = ["conductances", "voltages", "currents"];

/// How a [`CircuitLearner`](super::CircuitLearner) trains.
///
/// ```
/// use ohmgrad::learn::circuit::CircuitOptions;
/// use ohmgrad::learn::{Rule, Update};
///
/// let options: CircuitOptions = toml::from_str(
///     r#"
///     rule = "al"
///     [optimizer]
///     method = "adam"
///     schedule = { kind = "cosine", epochs = 100 }
///     learning_rates = { conductances = 0.01, voltages = 0.1 }
///     "#,
/// )?;
/// assert_eq!((options.rule, options.optimizer.update), (Rule::AdjointLearning, Update::ADAM));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct CircuitOptions {
    /// The learning rule. Default: `c-ep`.
    pub rule: Rule,
    /// The cost. Default: `squared-error`. Rules that clamp need it.
    pub cost: Cost,
    /// The rule's amplitude, if it has one, above 0: the strength of nudges in siemens (in ohm for output currents), or the
    /// share of the way to the target. Default: 0.01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta: Option<f32>,
    /// Lower bound of the trained conductances, in siemens, above 0. Default: 1e-9.
    pub g_min: f64,
    /// Upper bound of the trained conductances, in siemens. Default: 1e3.
    pub g_max: f64,
    /// Examples per update, at least 1; more than there are is all of them. Default: 4.
    pub batch: usize,
    /// What a step does to the trained elements. Its learning rates are those of their `conductances`, `voltages` and
    /// `currents`, with a rate for every kind that is trained. Default: gradient descent with a rate of 0.1 for each.
    pub optimizer: Optimizer,
}

/// Why [`CircuitOptions`] are refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CircuitOptionsError {
    /// A number that must be finite and above 0.
    #[error("{name} is {value}: it must be finite and above 0")]
    Positive {
        /// The option.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// An amplitude for a rule that has none.
    #[error("beta is {0}: this rule has no amplitude; leave it out")]
    UnusedBeta(f32),
    /// The optimiser.
    #[error("optimizer: {0}")]
    Optimizer(#[from] OptimizerError),
    /// Bounds in the wrong order.
    #[error("g_min is {g_min} S, it must be below g_max, {g_max} S")]
    Bounds {
        /// The lower bound.
        g_min: f64,
        /// The upper bound.
        g_max: f64,
    },
    /// No examples per update.
    #[error("batch is 0: it must be at least 1")]
    Batch,
    /// A cost without target voltages under a rule that holds the outputs at them.
    #[error(
        "the rule holds the outputs at target voltages, which cross-entropy does not have: use the cost squared-error, \
         an equilibrium-propagation rule, or al"
    )]
    NoTargetVoltages,
    /// A rule for layered networks.
    #[error(
        "rule is tbp, which goes back through the sweeps of a layered network: use al, the exact gradient"
    )]
    Layered,
}

impl Default for CircuitOptions {
    fn default() -> CircuitOptions {
        CircuitOptions {
            rule: Rule::CenteredEp,
            cost: Cost::SquaredError,
            beta: None,
            optimizer: Optimizer {
                update: Update::Sgd,
                weight_decay: 0.0,
                schedule: Schedule::default(),
                learning_rates: PARAMETERS.map(|kind| (kind.to_owned(), 0.1)).into(),
            },
            g_min: 1e-9,
            g_max: 1e3,
            batch: 4,
        }
    }
}

impl CircuitOptions {
    /// With another rule.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> CircuitOptions {
        self.rule = rule;
        self
    }

    /// With another cost.
    #[must_use]
    pub fn with_cost(mut self, cost: Cost) -> CircuitOptions {
        self.cost = cost;
        self
    }

    /// With another amplitude, above 0, for a rule that has one.
    #[must_use]
    pub fn with_beta(mut self, beta: f32) -> CircuitOptions {
        self.beta = Some(beta);
        self
    }

    /// With another learning rate of the conductances, at least 0.
    #[must_use]
    pub fn with_rate(mut self, rate: f32) -> CircuitOptions {
        let rates = &mut self.optimizer.learning_rates;
        rates.insert(PARAMETERS[0].to_owned(), rate);
        self
    }

    /// With another optimiser.
    #[must_use]
    pub fn with_optimizer(mut self, optimizer: Optimizer) -> CircuitOptions {
        self.optimizer = optimizer;
        self
    }

    /// With other bounds of the trained conductances, in siemens, both above 0.
    #[must_use]
    pub fn with_bounds(mut self, g_min: f64, g_max: f64) -> CircuitOptions {
        self.g_min = g_min;
        self.g_max = g_max;
        self
    }

    /// With another number of examples per update, from 1.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> CircuitOptions {
        self.batch = batch;
        self
    }

    /// Checks every option.
    ///
    /// # Errors
    /// The first option that is out of range, by name.
    pub fn validate(&self) -> Result<(), CircuitOptionsError> {
        if let (false, Some(beta)) = (self.rule.has_beta(), self.beta) {
            return Err(CircuitOptionsError::UnusedBeta(beta));
        }
        for (name, value) in [
            ("beta", f64::from(self.amplitude())),
            ("g_min", self.g_min),
            ("g_max", self.g_max),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(CircuitOptionsError::Positive { name, value });
            }
        }
        self.optimizer
            .validate_for(&PARAMETERS.map(str::to_owned), &[])?;
        let (g_min, g_max) = (self.g_min, self.g_max);
        match self.cost {
            _ if g_min >= g_max => Err(CircuitOptionsError::Bounds { g_min, g_max }),
            _ if self.batch == 0 => Err(CircuitOptionsError::Batch),
            _ if self.rule == Rule::TruncatedBackpropagation => Err(CircuitOptionsError::Layered),
            Cost::CrossEntropy if self.rule.clamps() => Err(CircuitOptionsError::NoTargetVoltages),
            _ => Ok(()),
        }
    }

    /// The amplitude of a rule that has one.
    pub(super) fn amplitude(&self) -> f32 {
        self.beta.unwrap_or(0.01)
    }
}

/// The kind of a trained element's parameter.
pub(super) fn parameter(law: &Law) -> &'static str {
    match law {
        Law::VoltageSource { .. } => PARAMETERS[1],
        Law::CurrentSource { .. } => PARAMETERS[2],
        _ => PARAMETERS[0],
    }
}

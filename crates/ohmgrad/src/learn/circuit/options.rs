//! How a circuit is trained.

use serde::{Deserialize, Serialize};

use crate::learn::{Cost, Rule};

/// How a [`CircuitLearner`](super::CircuitLearner) trains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct CircuitOptions {
    /// The learning rule. Default: `c-ep`.
    pub rule: Rule,
    /// The cost. Default: `squared-error`. Rules that clamp need it.
    pub cost: Cost,
    /// The rule's amplitude, above 0: the strength of nudges in siemens (in ohm for output currents), or the share of
    /// the way to the target. Default: 0.01.
    pub beta: f32,
    /// Learning rate of the conductances, at least 0. Default: 0.1.
    pub rate: f64,
    /// Learning rate of trained voltage sources, at least 0. Default: 0.1.
    pub voltage_rate: f64,
    /// Learning rate of trained current sources, at least 0. Default: 0.1.
    pub current_rate: f64,
    /// Factor on all learning rates after every epoch, above 0. Default: 1.
    pub decay: f64,
    /// Lower bound of the trained conductances, in siemens, above 0. Default: 1e-9.
    pub lowest: f64,
    /// Upper bound of the trained conductances, in siemens. Default: 1e3.
    pub highest: f64,
    /// Examples per update, at least 1; more than there are is all of them. Default: 4.
    pub batch: usize,
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
    /// A learning rate below 0.
    #[error("{name} is {value}: it must be finite and at least 0")]
    Rate {
        /// The option.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// Bounds in the wrong order.
    #[error("lowest is {lowest} S, it must be below highest, {highest} S")]
    Bounds {
        /// The lower bound.
        lowest: f64,
        /// The upper bound.
        highest: f64,
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
            beta: 0.01,
            rate: 0.1,
            voltage_rate: 0.1,
            current_rate: 0.1,
            decay: 1.0,
            lowest: 1e-9,
            highest: 1e3,
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

    /// With another amplitude, above 0.
    #[must_use]
    pub fn with_beta(mut self, beta: f32) -> CircuitOptions {
        self.beta = beta;
        self
    }

    /// With another learning rate of the conductances, at least 0.
    #[must_use]
    pub fn with_rate(mut self, rate: f64) -> CircuitOptions {
        self.rate = rate;
        self
    }

    /// With other bounds of the trained conductances, in siemens, both above 0.
    #[must_use]
    pub fn with_bounds(mut self, lowest: f64, highest: f64) -> CircuitOptions {
        self.lowest = lowest;
        self.highest = highest;
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
        let beta = f64::from(self.beta);
        for (name, value) in [
            ("beta", beta),
            ("decay", self.decay),
            ("lowest", self.lowest),
            ("highest", self.highest),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(CircuitOptionsError::Positive { name, value });
            }
        }
        for (name, value) in [
            ("rate", self.rate),
            ("voltage_rate", self.voltage_rate),
            ("current_rate", self.current_rate),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(CircuitOptionsError::Rate { name, value });
            }
        }
        let (lowest, highest) = (self.lowest, self.highest);
        match self.cost {
            _ if lowest >= highest => Err(CircuitOptionsError::Bounds { lowest, highest }),
            _ if self.batch == 0 => Err(CircuitOptionsError::Batch),
            _ if self.rule == Rule::TruncatedBackpropagation => Err(CircuitOptionsError::Layered),
            Cost::CrossEntropy if self.rule.clamps() => Err(CircuitOptionsError::NoTargetVoltages),
            _ => Ok(()),
        }
    }
}

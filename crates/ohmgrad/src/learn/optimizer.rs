//! Stochastic gradient descent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::drn::{Architecture, UpdateLaw};

/// Stochastic gradient descent with momentum, weight decay and a learning rate per parameter:
///
/// ```text
/// velocity <- momentum * velocity + gradient + weight_decay * parameter
/// parameter <- parameter - rate * decay^epoch * velocity
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimizer {
    /// Factor on all learning rates after each epoch. In (0, 1]; default 1.
    #[serde(default = "one")]
    pub decay: f32,
    /// Share of the velocity that is kept from one step to the next. In [0, 1); default 0.
    #[serde(default)]
    pub momentum: f32,
    /// Pull of the conductances towards zero, in units of the gradient per siemens; biases have none.
    /// At least 0; default 0.
    #[serde(default)]
    pub weight_decay: f32,
    /// Learning rates by the name of the parameter: `W1, W2, ...` and `b1, b2, ...`
    /// (see [`Architecture::parameter_names`]). Each finite and at least 0; all must be given.
    pub learning_rates: BTreeMap<String, f32>,
}

fn one() -> f32 {
    1.0
}

/// Why an [`Optimizer`] is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptimizerError {
    /// A parameter without a learning rate.
    #[error("learning_rates has no entry {name}: this network's parameters are {parameters}")]
    MissingRate {
        /// The parameter.
        name: String,
        /// All parameters.
        parameters: String,
    },
    /// A learning rate for a parameter that the network does not have.
    #[error(
        "learning_rates names {name}, which this network does not have: its parameters are {parameters}"
    )]
    UnknownParameter {
        /// The name.
        name: String,
        /// All parameters.
        parameters: String,
    },
    /// A number out of range.
    #[error("{name} is {value}: it must be {rule}")]
    OutOfRange {
        /// The setting.
        name: String,
        /// Its value.
        value: f32,
        /// What is allowed.
        rule: &'static str,
    },
}

impl Optimizer {
    /// Plain gradient descent: one rate per conductance matrix, one per bias vector, and the factor on
    /// all rates after each epoch.
    pub fn plain(weights: &[f32], biases: &[f32], decay: f32) -> Self {
        let named = |letter: char, rates: &[f32]| -> Vec<(String, f32)> {
            let numbered = rates.iter().enumerate();
            numbered
                .map(|(l, rate)| (format!("{letter}{}", l + 1), *rate))
                .collect()
        };
        let learning_rates = named('W', weights).into_iter().chain(named('b', biases));
        Self {
            decay,
            momentum: 0.0,
            weight_decay: 0.0,
            learning_rates: learning_rates.collect(),
        }
    }

    /// Checks all numbers, and that the rates name exactly the parameters of `architecture`.
    ///
    /// # Errors
    /// The first setting that is wrong, by name.
    pub fn validate(&self, architecture: &Architecture) -> Result<(), OptimizerError> {
        let range = |name: &str, value: f32, allowed: bool, rule| match allowed {
            true => Ok(()),
            false => Err(OptimizerError::OutOfRange {
                name: name.to_owned(),
                value,
                rule,
            }),
        };
        let (decay, momentum) = (self.decay, self.momentum);
        range(
            "decay",
            decay,
            decay > 0.0 && decay <= 1.0,
            "above 0 and at most 1",
        )?;
        range(
            "momentum",
            momentum,
            (0.0..1.0).contains(&momentum),
            "at least 0 and below 1",
        )?;
        let non_negative = |x: f32| x.is_finite() && x >= 0.0;
        let rule = "finite and at least 0";
        range(
            "weight_decay",
            self.weight_decay,
            non_negative(self.weight_decay),
            rule,
        )?;
        let names = architecture.parameter_names();
        let parameters = names.join(", ");
        if let Some(name) = names.iter().find(|n| !self.learning_rates.contains_key(*n)) {
            let name = name.clone();
            return Err(OptimizerError::MissingRate { name, parameters });
        }
        for (name, &rate) in &self.learning_rates {
            if !names.contains(name) {
                let name = name.clone();
                return Err(OptimizerError::UnknownParameter { name, parameters });
            }
            range(
                &format!("learning_rates.{name}"),
                rate,
                non_negative(rate),
                rule,
            )?;
        }
        Ok(())
    }

    /// Factor on all learning rates in the given epoch (counted from 0): `decay^epoch`.
    pub fn factor(&self, epoch: usize) -> f64 {
        f64::from(self.decay).powi(i32::try_from(epoch).unwrap_or(i32::MAX))
    }

    /// Names of the registers that each parameter has.
    pub(crate) fn registers(&self) -> &'static [&'static str] {
        match self.momentum > 0.0 {
            true => &["velocity"],
            false => &[],
        }
    }

    /// The laws of the steps of an epoch (counted from 0), from its first on.
    pub(crate) fn laws(&self, architecture: &Architecture, epoch: usize) -> Laws {
        let names = architecture.parameter_names();
        let mut laws = Laws {
            optimizer: self.clone(),
            rates: names.iter().map(|name| self.learning_rates[name]).collect(),
            matrices: architecture.matrices(),
            epoch,
            laws: Vec::with_capacity(names.len()),
        };
        laws.renew();
        laws
    }
}

/// What each parameter follows in one step.
#[derive(Clone, Debug)]
pub(crate) struct Laws {
    optimizer: Optimizer,
    /// Learning rates of all matrices, then of all biases.
    rates: Vec<f32>,
    matrices: usize,
    epoch: usize,
    laws: Vec<UpdateLaw>,
}

impl Laws {
    /// Laws that add up gradients in a register and change no parameter: momentum that forgets nothing, at rate 0.
    pub(crate) fn accumulating(architecture: &Architecture) -> Self {
        todo!()
    }

    /// Those of all matrices, and of all biases.
    pub(crate) fn all(&self) -> (&[UpdateLaw], &[UpdateLaw]) {
        self.laws.split_at(self.matrices)
    }

    /// Goes on to the next step.
    pub(crate) fn go_on(&mut self) {
        self.renew();
    }

    fn renew(&mut self) {
        let factor = self.optimizer.factor(self.epoch);
        let (matrices, momentum) = (self.matrices, self.optimizer.momentum);
        let weight_decay = self.optimizer.weight_decay;
        self.laws.clear();
        self.laws
            .extend(self.rates.iter().enumerate().map(|(p, rate)| {
                let rate = (f64::from(*rate) * factor) as f32;
                // Biases have no weight decay.
                let decay = if p < matrices { weight_decay } else { 0.0 };
                match momentum > 0.0 {
                    true => UpdateLaw::Momentum {
                        rate,
                        momentum,
                        decay,
                    },
                    false => UpdateLaw::Descent { rate, decay },
                }
            }));
    }
}

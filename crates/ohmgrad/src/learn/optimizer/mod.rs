//! What one step of training does to a parameter: the optimiser of networks and of circuits.

mod laws;
mod schedule;
mod settings;
mod update;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use laws::Laws;
pub use schedule::{Course, Schedule};
pub(crate) use update::Memory;
pub use update::Update;

use settings::OptimizerSettings;

use crate::drn::Architecture;

/// An update law with its learning rates. One step changes a parameter p, of which the rule gives the gradient g:
///
/// ```text
/// d <- update law of (g + weight_decay p)
/// p <- clamp(p - rate factor(t) d)
/// ```
///
/// with the parameter's own learning rate, the [schedule](Schedule)'s factor at time t, and the bounds of the parameter. In
/// settings files `method` is `"sgd"` (the default), `"momentum"` or `"adam"`, beside the numbers of that method:
///
/// ```
/// use ohmgrad::learn::{Optimizer, Schedule, Update};
///
/// let optimizer: Optimizer = toml::from_str(
///     r#"
///     method = "momentum"
///     momentum = 0.9
///     weight_decay = 0.001
///     schedule = { kind = "exponential", factor = 0.99 }
///     learning_rates = { W1 = 0.006, W2 = 0.006, b1 = 0.006, b2 = 0.006 }
///     "#,
/// )?;
/// assert_eq!(optimizer.update, Update::MOMENTUM);
/// assert_eq!(optimizer.schedule, Schedule::exponential(0.99));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "OptimizerSettings", into = "OptimizerSettings")]
pub struct Optimizer {
    /// The update law. Default: [`Update::Sgd`].
    pub update: Update,
    /// Pull of the conductances (of a Hopfield network: the weights) towards zero, in units of the gradient per siemens;
    /// biases and sources have none. At least 0; default 0.
    pub weight_decay: f32,
    /// Factor on all learning rates in the course of training. Default: 1.
    pub schedule: Schedule,
    /// Learning rates by the name of the parameter, each finite and at least 0: of a network, all of `W1, W2, ...` and
    /// `b1, b2, ...` (see [`Architecture::parameter_names`]); of a circuit, those of `conductances`, `voltages` and `currents`
    /// that are trained.
    pub learning_rates: BTreeMap<String, f32>,
}

/// Why an [`Optimizer`] is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptimizerError {
    /// A parameter without a learning rate.
    #[error("learning_rates has no entry {name}: the parameters are {parameters}")]
    MissingRate {
        /// The parameter.
        name: String,
        /// All parameters.
        parameters: String,
    },
    /// A learning rate for a parameter that there is not.
    #[error("learning_rates names {name}, which there is not: the parameters are {parameters}")]
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
    /// A number that only another method or kind of schedule uses.
    #[error("{name} is used by {of} alone: set that, or leave {name} out")]
    Unused {
        /// The setting.
        name: &'static str,
        /// What uses it.
        of: &'static str,
    },
    /// A cosine without its length.
    #[error(
        "schedule.epochs is missing: kind = \"cosine\" needs the number of epochs in which the rates fall"
    )]
    NoEpochs,
}

impl OptimizerError {
    /// An error unless a setting is in its range.
    fn unless(
        allowed: bool,
        name: &str,
        value: f32,
        rule: &'static str,
    ) -> Result<(), OptimizerError> {
        match allowed {
            true => Ok(()),
            false => Err(OptimizerError::OutOfRange {
                name: name.to_owned(),
                value,
                rule,
            }),
        }
    }
}

impl Optimizer {
    /// Plain gradient descent of a network: one rate per conductance matrix, one per bias vector, and the factor on all
    /// rates after each epoch.
    pub fn plain(weights: &[f32], biases: &[f32], factor: f32) -> Self {
        let named = |letter: char, rates: &[f32]| -> Vec<(String, f32)> {
            let numbered = rates.iter().enumerate();
            numbered
                .map(|(l, rate)| (format!("{letter}{}", l + 1), *rate))
                .collect()
        };
        let learning_rates = named('W', weights).into_iter().chain(named('b', biases));
        Self {
            update: Update::Sgd,
            weight_decay: 0.0,
            schedule: Schedule::exponential(factor),
            learning_rates: learning_rates.collect(),
        }
    }

    /// Checks all numbers, and that the rates name exactly the parameters of `architecture`.
    ///
    /// # Errors
    /// The first setting that is wrong, by name.
    pub fn validate(&self, architecture: &Architecture) -> Result<(), OptimizerError> {
        let names = architecture.parameter_names();
        self.validate_for(&names, &names)
    }

    /// Checks all numbers, that there is a rate for each of the `trained` parameters, and that all rates are of `parameters`.
    pub(crate) fn validate_for(
        &self,
        parameters: &[String],
        trained: &[String],
    ) -> Result<(), OptimizerError> {
        self.update.validate()?;
        let rule = "finite and at least 0";
        let rate = |name: &str, value: f32| {
            OptimizerError::unless(value.is_finite() && value >= 0.0, name, value, rule)
        };
        rate("weight_decay", self.weight_decay)?;
        self.schedule.validate()?;
        let all = || parameters.join(", ");
        if let Some(name) = trained
            .iter()
            .find(|n| !self.learning_rates.contains_key(*n))
        {
            return Err(OptimizerError::MissingRate {
                name: name.clone(),
                parameters: all(),
            });
        }
        for (name, &value) in &self.learning_rates {
            if !parameters.contains(name) {
                return Err(OptimizerError::UnknownParameter {
                    name: name.clone(),
                    parameters: all(),
                });
            }
            rate(&format!("learning_rates.{name}"), value)?;
        }
        Ok(())
    }
}

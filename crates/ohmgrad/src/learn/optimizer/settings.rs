//! How optimisers and schedules are spelt in settings files.
//!
//! A number belongs to one method or kind. Given with another one it is refused, not ignored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Course, Optimizer, OptimizerError, Schedule, Update};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OptimizerSettings {
    #[serde(default)]
    method: Method,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    momentum: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beta1: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beta2: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epsilon: Option<f32>,
    #[serde(default)]
    weight_decay: f32,
    #[serde(default)]
    schedule: Schedule,
    learning_rates: BTreeMap<String, f32>,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Method {
    #[default]
    Sgd,
    Momentum,
    Adam,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleSettings {
    #[serde(default)]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    factor: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epochs: Option<u32>,
    #[serde(default, rename = "final", skip_serializing_if = "Option::is_none")]
    last: Option<f32>,
    #[serde(default)]
    warmup: f32,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    Constant,
    Exponential,
    Cosine,
}

/// Refuses a number that is given although it is not used.
fn unused<T>(name: &'static str, value: Option<T>, of: &'static str) -> Result<(), OptimizerError> {
    match value {
        None => Ok(()),
        Some(_) => Err(OptimizerError::Unused { name, of }),
    }
}

impl TryFrom<OptimizerSettings> for Optimizer {
    type Error = OptimizerError;

    fn try_from(settings: OptimizerSettings) -> Result<Self, OptimizerError> {
        let OptimizerSettings {
            method,
            momentum,
            beta1,
            beta2,
            epsilon,
            ..
        } = settings;
        if method != Method::Momentum {
            unused("momentum", momentum, "method = \"momentum\"")?;
        }
        if method != Method::Adam {
            let numbers = [("beta1", beta1), ("beta2", beta2), ("epsilon", epsilon)];
            let mut numbers = numbers.into_iter();
            numbers.try_for_each(|(name, value)| unused(name, value, "method = \"adam\""))?;
        }
        let update = match method {
            Method::Sgd => Update::Sgd,
            Method::Momentum => Update::Momentum {
                momentum: momentum.unwrap_or(0.9),
            },
            Method::Adam => Update::Adam {
                beta1: beta1.unwrap_or(0.9),
                beta2: beta2.unwrap_or(0.999),
                epsilon: epsilon.unwrap_or(1e-8),
            },
        };
        Ok(Optimizer {
            update,
            weight_decay: settings.weight_decay,
            schedule: settings.schedule,
            learning_rates: settings.learning_rates,
        })
    }
}

impl From<Optimizer> for OptimizerSettings {
    fn from(optimizer: Optimizer) -> Self {
        let mut settings = OptimizerSettings {
            method: Method::Sgd,
            momentum: None,
            beta1: None,
            beta2: None,
            epsilon: None,
            weight_decay: optimizer.weight_decay,
            schedule: optimizer.schedule,
            learning_rates: optimizer.learning_rates,
        };
        match optimizer.update {
            Update::Sgd => {}
            Update::Momentum { momentum } => {
                settings.method = Method::Momentum;
                settings.momentum = Some(momentum);
            }
            Update::Adam {
                beta1,
                beta2,
                epsilon,
            } => {
                settings.method = Method::Adam;
                settings.beta1 = Some(beta1);
                settings.beta2 = Some(beta2);
                settings.epsilon = Some(epsilon);
            }
        }
        settings
    }
}

impl TryFrom<ScheduleSettings> for Schedule {
    type Error = OptimizerError;

    fn try_from(settings: ScheduleSettings) -> Result<Self, OptimizerError> {
        let ScheduleSettings {
            kind,
            factor,
            epochs,
            last,
            warmup,
        } = settings;
        if kind != Kind::Exponential {
            unused("schedule.factor", factor, "kind = \"exponential\"")?;
        }
        if kind != Kind::Cosine {
            unused("schedule.epochs", epochs, "kind = \"cosine\"")?;
            unused("schedule.final", last, "kind = \"cosine\"")?;
        }
        let course = match kind {
            Kind::Constant => Course::Constant,
            Kind::Exponential => Course::Exponential {
                factor: factor.unwrap_or(0.99),
            },
            Kind::Cosine => Course::Cosine {
                epochs: epochs.ok_or(OptimizerError::NoEpochs)?,
                last: last.unwrap_or(0.0),
            },
        };
        Ok(Schedule { course, warmup })
    }
}

impl From<Schedule> for ScheduleSettings {
    fn from(Schedule { course, warmup }: Schedule) -> Self {
        let (kind, factor, epochs, last) = match course {
            Course::Constant => (Kind::Constant, None, None, None),
            Course::Exponential { factor } => (Kind::Exponential, Some(factor), None, None),
            Course::Cosine { epochs, last } => (Kind::Cosine, None, Some(epochs), Some(last)),
        };
        ScheduleSettings {
            kind,
            factor,
            epochs,
            last,
            warmup,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Optimizer, String> {
        let text = format!("{text}\nlearning_rates = {{ W1 = 0.5 }}");
        toml::from_str(&text).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_that_are_left_out_have_their_published_values() {
        for (text, update) in [
            ("", Update::Sgd),
            ("method = 'sgd'", Update::Sgd),
            ("method = 'momentum'", Update::MOMENTUM),
            ("method = 'adam'", Update::ADAM),
        ] {
            let optimizer = parse(text).expect(text);
            assert_eq!(optimizer.update, update, "{text}");
            assert_eq!(optimizer.schedule, Schedule::default(), "{text}");
        }
    }

    #[test]
    fn settings_survive_their_toml() {
        let warm = |course| Schedule {
            course,
            warmup: 1.5,
        };
        let updates = [Update::Sgd, Update::MOMENTUM, Update::ADAM];
        let cosine = Course::Cosine {
            epochs: 30,
            last: 0.1,
        };
        let schedules = [
            Schedule::default(),
            Schedule::exponential(0.97),
            warm(cosine),
        ];
        for (update, schedule) in updates.into_iter().zip(schedules) {
            let optimizer = Optimizer {
                update,
                weight_decay: 1e-3,
                schedule,
                ..Optimizer::plain(&[0.1], &[0.2], 1.0)
            };
            let text = toml::to_string(&optimizer).expect("it has only strings and numbers");
            assert_eq!(toml::from_str(&text), Ok(optimizer), "{text}");
        }
    }

    #[test]
    fn a_number_that_would_be_ignored_is_refused() {
        for (text, parts) in [
            ("momentum = 0.9", ["momentum", "method = \"momentum\""]),
            (
                "method = 'adam'\nmomentum = 0.9",
                ["momentum", "method = \"momentum\""],
            ),
            ("beta1 = 0.9", ["beta1", "method = \"adam\""]),
            (
                "method = 'momentum'\nepsilon = 1e-8",
                ["epsilon", "method = \"adam\""],
            ),
            (
                "schedule.factor = 0.9",
                ["schedule.factor", "kind = \"exponential\""],
            ),
            (
                "schedule = { kind = 'exponential', epochs = 3 }",
                ["schedule.epochs", "kind = \"cosine\""],
            ),
            (
                "schedule = { kind = 'cosine' }",
                ["schedule.epochs", "cosine"],
            ),
            ("method = 'nadam'", ["nadam", "adam"]),
            ("decay = 0.99", ["unknown field", "`decay`"]),
        ] {
            let error = parse(text).expect_err(text);
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }
}

//! How learning rates change in the course of training.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::OptimizerError;
use super::settings::ScheduleSettings;

/// The factor on all learning rates at time t, in epochs from 0 (a half is the middle of the first one):
///
/// ```text
/// factor(t) = min(1, t / warmup) * course(t)
/// ```
///
/// In settings files a table: `kind`, which is `"constant"` (the default), `"exponential"` or `"cosine"`, the numbers of
/// that kind, and `warmup`.
///
/// ```
/// use ohmgrad::learn::{Course, Schedule};
///
/// let schedule: Schedule = toml::from_str("kind = 'cosine'\nepochs = 20\nwarmup = 2.0")?;
/// assert_eq!(schedule.course, Course::Cosine { epochs: 20, last: 0.0 });
/// assert_eq!(schedule.factor(0.0), 0.0);
/// assert!((schedule.factor(10.0) - 0.5).abs() < 1e-12);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ScheduleSettings", into = "ScheduleSettings")]
pub struct Schedule {
    /// What the rates follow once they are warm.
    pub course: Course,
    /// Epochs in which the rates rise linearly from 0. Finite and at least 0; default 0.
    pub warmup: f32,
}

/// What learning rates follow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Course {
    /// They stay as they are: 1.
    #[default]
    Constant,
    /// They fall after every epoch: `factor^floor(t)`.
    Exponential {
        /// Factor per epoch. In (0, 1]; default 0.99.
        factor: f32,
    },
    /// They fall along half a period of a cosine, and then stay: `last + (1 - last) (1 + cos(pi min(1, t / epochs))) / 2`
    /// (Loshchilov and Hutter, "SGDR", ICLR 2017, without restarts).
    Cosine {
        /// Epochs until the last value is reached. At least 1.
        epochs: u32,
        /// The last value. In [0, 1]; default 0.
        last: f32,
    },
}

impl Schedule {
    /// The rates fall by this factor after every epoch.
    pub fn exponential(factor: f32) -> Self {
        Self {
            course: Course::Exponential { factor },
            warmup: 0.0,
        }
    }

    /// Factor on all learning rates at a time in epochs, counted from 0.
    pub fn factor(&self, t: f64) -> f64 {
        let warmup = f64::from(self.warmup);
        let warm = if t < warmup { t / warmup } else { 1.0 };
        warm * self.course.factor(t)
    }

    /// Checks all numbers.
    ///
    /// # Errors
    /// The first number that is out of range, by name.
    pub fn validate(&self) -> Result<(), OptimizerError> {
        let range = |name: &str, value: f32, allowed: bool, rule| {
            OptimizerError::unless(allowed, &format!("schedule.{name}"), value, rule)
        };
        match self.course {
            Course::Constant => {}
            Course::Exponential { factor } => {
                let allowed = factor > 0.0 && factor <= 1.0;
                range("factor", factor, allowed, "above 0 and at most 1")?;
            }
            Course::Cosine { epochs, last } => {
                range("epochs", epochs as f32, epochs >= 1, "at least 1")?;
                range("final", last, (0.0..=1.0).contains(&last), "from 0 to 1")?;
            }
        }
        let allowed = self.warmup.is_finite() && self.warmup >= 0.0;
        range("warmup", self.warmup, allowed, "finite and at least 0")
    }
}

impl Course {
    fn factor(self, t: f64) -> f64 {
        match self {
            Course::Constant => 1.0,
            Course::Exponential { factor } => f64::from(factor).powi(t as i32),
            Course::Cosine { epochs, last } => {
                let (last, done) = (f64::from(last), (t / f64::from(epochs)).min(1.0));
                last + (1.0 - last) * 0.5 * (1.0 + (PI * done).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    #[test]
    fn a_constant_schedule_changes_nothing() {
        for t in [0.0, 0.5, 1e6] {
            assert_eq!(Schedule::default().factor(t), 1.0);
        }
    }

    #[test]
    fn an_exponential_schedule_falls_once_per_epoch() {
        let schedule = Schedule::exponential(0.5);
        for (t, expected) in [(0.0, 1.0), (0.99, 1.0), (1.0, 0.5), (3.5, 0.125)] {
            assert_eq!(schedule.factor(t), expected, "{t}");
        }
    }

    #[test]
    fn a_cosine_falls_from_one_to_its_last_value_and_stays() {
        let schedule = Schedule {
            course: Course::Cosine {
                epochs: 12,
                last: 0.25,
            },
            warmup: 0.0,
        };
        // cos(pi / 3) = 1/2, cos(2 pi / 3) = -1/2
        for (t, expected) in [(0.0, 1.0), (4.0, 0.8125), (6.0, 0.625), (8.0, 0.4375)] {
            close(schedule.factor(t), expected);
        }
        for t in [12.0, 13.0, 1e9] {
            close(schedule.factor(t), 0.25);
        }
    }

    #[test]
    fn warm_up_rises_linearly_on_any_course() {
        let schedule = Schedule {
            warmup: 2.0,
            ..Schedule::exponential(0.5)
        };
        for (t, expected) in [
            (0.0, 0.0),
            (0.5, 0.25),
            (1.0, 0.25),
            (2.0, 0.25),
            (3.0, 0.125),
        ] {
            assert_eq!(schedule.factor(t), expected, "{t}");
        }
    }
}

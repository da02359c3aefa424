//! In which order layers are relaxed, and when to stop.

use serde::{Deserialize, Serialize};

/// The order in which one sweep visits the free layers (hidden layers, then the output layer).
///
/// A layer is minimised exactly, given its neighbours; whatever the order, the energy never rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SweepOrder {
    /// First all even-indexed free layers, then all odd ones (counted from 0, the first hidden layer).
    Asynchronous,
    /// From the first hidden layer to the output.
    Forward,
    /// From the output to the first hidden layer.
    Backward,
}

impl SweepOrder {
    /// The free layers that one sweep visits, grouped: layers of one group are not neighbours and
    /// can be relaxed at once.
    pub fn groups(self, free_layers: usize) -> Vec<Vec<usize>> {
        let one_by_one = (0..free_layers).map(|l| vec![l]);
        match self {
            Self::Forward => one_by_one.collect(),
            Self::Backward => one_by_one.rev().collect(),
            Self::Asynchronous => [0, 1]
                .map(|parity| (parity..free_layers).step_by(2).collect::<Vec<_>>())
                .into_iter()
                .filter(|group| !group.is_empty())
                .collect(),
        }
    }
}

/// How a phase is settled: the order of the sweeps, and when they stop.
///
/// With `tolerance` absent, exactly `sweeps` sweeps are made, as in the published experiments. With
/// it, sweeps go on until the [residual](crate::drn::Settled::residuals) of every example of the
/// batch is at most `tolerance`, but never more than `sweeps` of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settling {
    /// Order of the layers within a sweep.
    pub order: SweepOrder,
    /// Number of sweeps, or the cap on them if a tolerance is given. At least 1.
    pub sweeps: usize,
    /// Over-relaxation: how far a layer is moved on its way to where its neighbours drive it, as far as its units' laws
    /// allow. Above 0 and below 2; default 1, exactly there. Above 1, deep networks need fewer sweeps (successive
    /// over-relaxation: Young 1954; the energy of a network of resistors, ideal diodes and sources still never rises).
    #[serde(default = "exactly", skip_serializing_if = "is_exact")]
    pub relaxation: f32,
    /// Largest accepted residual, relative to the largest node current. Above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
}

fn exactly() -> f32 {
    1.0
}

fn is_exact(relaxation: &f32) -> bool {
    *relaxation == exactly()
}

/// Why a [`Settling`] is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettlingError {
    /// No sweeps.
    #[error("sweeps is 0: at least one sweep is needed")]
    NoSweeps,
    /// A tolerance that is not finite and positive.
    #[error("tolerance is {0}: it must be finite and above 0 (1e-6 is near the rounding of f32)")]
    Tolerance(f64),
    /// A factor of over-relaxation out of range.
    #[error(
        "relaxation is {0}: it must be above 0 and below 2; 1 moves every layer exactly to its optimum"
    )]
    Relaxation(f32),
}

impl Settling {
    /// A fixed number of sweeps.
    pub fn sweeps(order: SweepOrder, sweeps: usize) -> Self {
        Self {
            order,
            sweeps,
            relaxation: exactly(),
            tolerance: None,
        }
    }

    /// Sweeps until the residual is at most `tolerance`, at most `cap` of them.
    pub fn tolerance(order: SweepOrder, tolerance: f64, cap: usize) -> Self {
        Self {
            order,
            sweeps: cap,
            relaxation: exactly(),
            tolerance: Some(tolerance),
        }
    }

    /// Sets the factor of over-relaxation, above 0 and below 2.
    #[must_use]
    pub fn with_relaxation(self, relaxation: f32) -> Self {
        Self { relaxation, ..self }
    }

    /// Checks the number of sweeps, the factor and the tolerance.
    ///
    /// # Errors
    /// If one is out of range.
    pub fn validate(&self) -> Result<(), SettlingError> {
        match self.tolerance {
            _ if self.sweeps == 0 => Err(SettlingError::NoSweeps),
            _ if !(self.relaxation > 0.0 && self.relaxation < 2.0) => {
                Err(SettlingError::Relaxation(self.relaxation))
            }
            Some(t) if !(t.is_finite() && t > 0.0) => Err(SettlingError::Tolerance(t)),
            _ => Ok(()),
        }
    }
}

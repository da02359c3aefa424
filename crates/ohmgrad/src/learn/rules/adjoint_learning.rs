//! Adjoint learning: the exact gradient.
//!
//! The free state changes by d under an infinitesimal nudge, with the states of all diodes fixed: the solution of one
//! linear network. The contrast of v - d/2 and v + d/2 is the derivative of the contrast, without an error of any order:
//! ((u + e/2)^2 - (u - e/2)^2) / 2 = u e. (In a Hopfield network the units at 0 and 1 stay there, and with the
//! products of states it is (s + d/2)(s' + d'/2) - (s - d/2)(s' - d'/2) = s d' + d s'.)

use super::{Push, States};
use crate::drn::{Settling, SweepOrder};

/// Near the rounding of f32.
const RESIDUAL: f64 = 1e-6;

/// Sweeps after which the response is taken as it is.
const MAX_SWEEPS: usize = 1000;

pub(super) fn states() -> States {
    States {
        pushes: vec![Push::Respond(-0.5), Push::Respond(0.5)],
        first: 1,
        second: 2,
        span: 1.0,
    }
}

/// To the end.
pub(super) fn settling(order: SweepOrder) -> Settling {
    Settling::tolerance(order, RESIDUAL, MAX_SWEEPS)
}

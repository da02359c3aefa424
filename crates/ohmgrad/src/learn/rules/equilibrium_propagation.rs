//! Equilibrium propagation (Scellier and Bengio 2017; centered: Laborieux et al. 2021).
//!
//! The energy gets `beta` times the cost added. As beta goes to 0 the contrast, divided by the difference of the nudging
//! strengths, tends to the gradient of the cost.

use super::{Push, States};

pub(super) fn positive(beta: f32) -> States {
    States {
        pushes: vec![Push::Nudge(beta)],
        first: 0,
        second: 1,
        span: beta,
    }
}

pub(super) fn negative(beta: f32) -> States {
    States {
        pushes: vec![Push::Nudge(-beta)],
        first: 1,
        second: 0,
        span: beta,
    }
}

pub(super) fn centered(beta: f32) -> States {
    States {
        pushes: vec![Push::Nudge(-beta), Push::Nudge(beta)],
        first: 1,
        second: 2,
        span: 2.0 * beta,
    }
}

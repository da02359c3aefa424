//! Coupled learning (Stern, Hexner, Rocks and Liu 2021; negative and centered: Scellier et al. 2023).
//!
//! The outputs are held a small share of the way from their free potentials to the target.

use super::{Push, States};

pub(super) fn positive(eta: f32) -> States {
    States {
        pushes: vec![Push::Clamp(eta)],
        first: 0,
        second: 1,
        span: eta,
    }
}

pub(super) fn negative(eta: f32) -> States {
    States {
        pushes: vec![Push::Clamp(-eta)],
        first: 1,
        second: 0,
        span: eta,
    }
}

pub(super) fn centered(eta: f32) -> States {
    States {
        pushes: vec![Push::Clamp(-eta), Push::Clamp(eta)],
        first: 1,
        second: 2,
        span: 2.0 * eta,
    }
}

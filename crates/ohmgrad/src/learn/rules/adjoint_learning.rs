//! Adjoint learning: the exact gradient.
//!
//! The free state changes by d under an infinitesimal nudge, with the states of all diodes fixed: the solution of one
//! linear network. The contrast of v - d/2 and v + d/2 is the derivative of the contrast, without an error of any order:
//! ((u + e/2)^2 - (u - e/2)^2) / 2 = u e. (In a Hopfield network the units at 0 and 1 stay there, and with the
//! products of states it is (s + d/2)(s' + d'/2) - (s - d/2)(s' - d'/2) = s d' + d s'.)

use super::{Push, States};
use crate::drn::{Builder, Contrast, Load, Op, Program, Settling};

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

/// To the end, in the order of the nudged phase.
pub(super) fn settling(nudged_phase: Settling) -> Settling {
    Settling {
        sweeps: MAX_SWEEPS,
        tolerance: Some(RESIDUAL),
        ..nudged_phase
    }
}

/// Free phase (state 0), then its response d (state 1), settled from zero, and the states around it:
/// 1 becomes v - d/2, 2 becomes v + d/2.
pub(super) fn program(
    mut steps: Builder,
    free_phase: Settling,
    settling: Settling,
    layers: usize,
) -> Program {
    let (response, first, second) = (1, 1, 2);
    let groups = free_phase.order.groups(layers);
    steps.settle(0..1, vec![Load::Free], None, free_phase, &groups);
    steps.push(Op::Score);
    steps.push(Op::Pull { every_slot: true });
    steps.push(Op::Clear { state: response });
    let groups = settling.order.groups(layers);
    let loads = vec![Load::Current(1.0)];
    steps.settle(response..response + 1, loads, Some(0), settling, &groups);
    steps.push(Op::Straddle {
        means: [0, 0],
        response,
        first,
        second,
    });
    steps.push(Op::Meet);
    let contrast = Contrast {
        first,
        second,
        span: 1.0,
        sweeps: None,
        lag: 0,
    };
    steps.build(3, contrast, 0)
}

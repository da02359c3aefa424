//! Truncated backpropagation: back through the sweeps of the free phase, to the state that it started from.
//!
//! Sweep k sets layer l to v_l = clip(pull / conductance). An error p_l = dC/dv_l goes back to the neighbours as
//! a_l = p_l / conductance, times their conductances, where the diode did not clip, and a conductance g_ij of the layer
//! gets a_j (v_i - v_j). With a layer's update of each sweep as one more example, the sum over the sweeps is
//! the contrast of states y - a/2 and y + a/2, y being the potentials that the neighbours read.

use super::{Push, States};
use crate::drn::{Builder, Contrast, Load, Op, Program, Settling};

pub(super) fn states() -> States {
    States {
        pushes: vec![Push::Unroll],
        first: 0,
        second: 0,
        span: 1.0,
    }
}

/// Which states of an example hold what: its present one, the states y + a/2 (at first those after each sweep, from the
/// state before the first on), the states y - a/2 from the first sweep on, and a. Behind
/// the states of the last sweep the final state stands in both.
#[derive(Clone, Copy)]
struct Sweeps(usize);

impl Sweeps {
    /// y + a/2 of a sweep.
    fn second(self, sweep: usize) -> usize {
        1 + sweep
    }

    /// y - a/2 of a sweep.
    fn first(self, sweep: usize) -> usize {
        self.second(self.0 + 1) + sweep
    }

    /// a
    fn errors(self) -> usize {
        self.first(self.0 + 2)
    }
}

/// The free phase, sweep by sweep, with the state after each kept; then back: a, and the states around it.
pub(super) fn program(mut steps: Builder, free_phase: Settling, layers: usize) -> Program {
    let sweeps = Sweeps(free_phase.sweeps);
    let once = Settling {
        sweeps: 1,
        ..free_phase
    };
    let mut groups = free_phase.order.groups(layers);
    steps.copy_all(0, sweeps.second(0));
    for sweep in 1..=sweeps.0 {
        steps.settle(0..1, vec![Load::Free], None, once, &groups);
        steps.copy_all(0, sweeps.second(sweep));
    }
    let behind = sweeps.0 + 1;
    steps.copy_all(0, sweeps.first(behind));
    steps.copy_all(0, sweeps.second(behind));
    steps.push(Op::Score);

    steps.push(Op::Pull { every_slot: false });
    let errors = sweeps.errors();
    steps.push(Op::Clear { state: errors });
    groups.reverse();
    for sweep in (1..=sweeps.0).rev() {
        let load = match sweep == sweeps.0 {
            true => Load::Current(1.0),
            false => Load::Free,
        };
        let settled = Some(sweeps.second(sweep));
        steps.settle(errors..errors + 1, vec![load], settled, once, &groups);
        // A layer's neighbours read the potentials that it has after this sweep if it comes first, else those before.
        steps.push(Op::Straddle {
            means: [sweeps.second(sweep), sweeps.second(sweep - 1)],
            response: errors,
            first: sweeps.first(sweep),
            second: sweeps.second(sweep),
        });
    }
    steps.push(Op::Meet);
    let contrast = Contrast {
        first: sweeps.first(1),
        second: sweeps.second(1),
        span: 1.0,
        sweeps: Some(sweeps.0),
        lag: 1,
    };
    steps.build(errors + 1, contrast, 0)
}

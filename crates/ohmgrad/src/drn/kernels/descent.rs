//! One step of gradient descent on a row of conductances.

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::lanes::{Row, lanes};

/// Step sizes of one parameter: g <- clamp(g - rate * velocity), velocity <- momentum * velocity + gradient + decay * g.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) rate: f32,
    pub(crate) momentum: f32,
    pub(crate) decay: f32,
}

impl Step {
    /// What the gradient is multiplied with before it reaches the kernel: without momentum the rate
    /// is folded into it, so that the inner loop need not apply it.
    pub(crate) fn gradient_scale(&self) -> f32 {
        if self.momentum == 0.0 { self.rate } else { 1.0 }
    }
}

/// Interval of conductances for each column, in siemens; columns beyond the layer's width have [0, 0].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) lo: Row,
    pub(crate) hi: Row,
    /// Whether the bounds are [0, inf) (columns beyond the width do not count: nothing raises them).
    pub(crate) only_positive: bool,
}

/// Gradient descent without momentum on one row: g <- clamp(keep g - gradient).
#[inline(always)]
pub(super) fn descend<S: Simd, const N: usize>(
    simd: S,
    g: &mut [S::f32s; N],
    gradient: &[S::f32s; N],
    step: Step,
    bounds: &Bounds,
) {
    let (lo, hi) = (lanes::<S, N>(&bounds.lo), lanes::<S, N>(&bounds.hi));
    let keep = simd.splat_f32s(1.0 - step.rate * step.decay);
    for v in 0..N {
        let free = simd.mul_add_e_f32s(keep, g[v], simd.neg_f32s(gradient[v]));
        g[v] = simd.min_f32s(simd.max_f32s(free, lo[v]), hi[v]);
    }
}

/// Gradient descent with momentum on one row:
/// velocity <- momentum velocity + gradient + decay g, g <- clamp(g - rate velocity).
#[inline(always)]
pub(super) fn roll<S: Simd, const N: usize>(
    simd: S,
    g: &mut [S::f32s; N],
    velocity: &mut [S::f32s; N],
    gradient: &[S::f32s; N],
    step: Step,
    bounds: &Bounds,
) {
    let (lo, hi) = (lanes::<S, N>(&bounds.lo), lanes::<S, N>(&bounds.hi));
    let (momentum, decay) = (simd.splat_f32s(step.momentum), simd.splat_f32s(step.decay));
    let minus_rate = simd.splat_f32s(-step.rate);
    for v in 0..N {
        let force = simd.mul_add_e_f32s(decay, g[v], gradient[v]);
        velocity[v] = simd.mul_add_e_f32s(momentum, velocity[v], force);
        let free = simd.mul_add_e_f32s(minus_rate, velocity[v], g[v]);
        g[v] = simd.min_f32s(simd.max_f32s(free, lo[v]), hi[v]);
    }
}

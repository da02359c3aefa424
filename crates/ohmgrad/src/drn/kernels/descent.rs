//! One step of gradient descent on a row of conductances.

// `t` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::lanes::{BLOCK, Row, strip};

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

/// Interval of weights for each column (of conductances in siemens); columns beyond the layer's width have [0, 0].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) lo: Row,
    pub(crate) hi: Row,
    /// Whether the bounds are [0, inf) (columns beyond the width do not count: nothing raises them).
    pub(crate) only_positive: bool,
}

impl Bounds {
    /// Whether all 64 columns are within the width and their bounds are [0, inf).
    pub(super) fn all_positive(&self) -> bool {
        self.only_positive && self.hi.0[BLOCK - 1] == f32::INFINITY
    }

    /// Strip `s` of both.
    #[inline(always)]
    fn strip<S: Simd, const T: usize>(&self, s: usize) -> (&[S::f32s; T], &[S::f32s; T]) {
        (strip::<S, T>(&self.lo, s), strip::<S, T>(&self.hi, s))
    }
}

/// Gradient descent without momentum on strip `s` of a row: g <- clamp(keep g - gradient).
#[inline(always)]
pub(super) fn descend<S: Simd, const T: usize>(
    simd: S,
    g: &mut [S::f32s; T],
    gradient: &[S::f32s; T],
    step: Step,
    bounds: &Bounds,
    s: usize,
) {
    let (lo, hi) = bounds.strip::<S, T>(s);
    let keep = simd.splat_f32s(1.0 - step.rate * step.decay);
    for t in 0..T {
        let free = simd.mul_add_e_f32s(keep, g[t], simd.neg_f32s(gradient[t]));
        g[t] = simd.min_f32s(simd.max_f32s(free, lo[t]), hi[t]);
    }
}

/// Gradient descent with momentum on strip `s` of a row:
/// velocity <- momentum velocity + gradient + decay g, g <- clamp(g - rate velocity).
#[inline(always)]
pub(super) fn roll<S: Simd, const T: usize>(
    simd: S,
    g: &mut [S::f32s; T],
    velocity: &mut [S::f32s; T],
    gradient: &[S::f32s; T],
    step: Step,
    bounds: &Bounds,
    s: usize,
) {
    let (lo, hi) = bounds.strip::<S, T>(s);
    let (momentum, decay) = (simd.splat_f32s(step.momentum), simd.splat_f32s(step.decay));
    let minus_rate = simd.splat_f32s(-step.rate);
    for t in 0..T {
        let force = simd.mul_add_e_f32s(decay, g[t], gradient[t]);
        velocity[t] = simd.mul_add_e_f32s(momentum, velocity[t], force);
        let free = simd.mul_add_e_f32s(minus_rate, velocity[t], g[t]);
        g[t] = simd.min_f32s(simd.max_f32s(free, lo[t]), hi[t]);
    }
}

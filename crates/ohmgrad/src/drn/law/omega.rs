//! Where exp z + a z = r: the equation of a diode behind a resistor, by Wright's omega function.
//!
//! ```text
//! z = ln(a omega(s)),   omega + ln omega = s,   s = r / a - ln a
//! ```
//!
//! (Corless and Jeffrey, "The Wright omega function", 2002). Here it is the place from which Newton's method starts: an
//! approximation of omega within 8 % is one of z within 0.08.

use pulp::Simd;

use crate::drn::simd::{BLOCK, Row, exponential, rough_ln};

/// What is known of a, per unit of a block.
#[derive(Clone, Debug)]
pub(super) struct Omega {
    reciprocal: Row,
    ln: Row,
}

/// r / a of any size that numbers have: beyond it, 1 is nothing.
const LARGEST: f32 = 1e37;

impl Omega {
    pub(super) const ZERO: Self = Self {
        reciprocal: Row::ZERO,
        ln: Row::ZERO,
    };

    /// With a = `factor` times a conductance; at a conductance of 0 nothing is to be solved.
    pub(super) fn set(&mut self, conductance: &Row, factor: f64) {
        for c in 0..BLOCK {
            let a = (factor * f64::from(conductance.0[c])) as f32;
            let positive = a.max(f32::MIN_POSITIVE);
            self.reciprocal.0[c] = 1.0 / positive;
            self.ln.0[c] = positive.ln();
        }
    }

    /// 1 / a of register `v`.
    #[inline(always)]
    pub(super) fn reciprocal<S: Simd>(&self, v: usize) -> S::f32s {
        S::as_simd_f32s(&self.reciprocal.0).0[v]
    }

    /// The z of register `v`, to start from.
    #[inline(always)]
    pub(super) fn start<S: Simd>(&self, simd: S, v: usize, r: S::f32s) -> S::f32s {
        let one = simd.splat_f32s(1.0);
        let ln = S::as_simd_f32s(&self.ln.0).0[v];
        let quotient = simd.mul_f32s(r, self.reciprocal::<S>(v));
        let quotient = simd.min_f32s(quotient, simd.splat_f32s(LARGEST));
        let s = simd.sub_f32s(quotient, ln);
        let is_small = simd.less_than_f32s(s, one);
        // s >= 1: omega is about s - ln(s) s / (s + 1)
        let large = simd.max_f32s(s, one);
        let share = simd.div_f32s(large, simd.add_f32s(large, one));
        let less = simd.mul_f32s(rough_ln(simd, large), share);
        let omega = simd.sub_f32s(large, less);
        // s < 1: omega is about exp(s) / (1 + (1 - 1/e) exp(s)), the same at s = 1
        let small = simd.min_f32s(s, one);
        let (_, exp) = exponential(simd, small);
        let below = simd.mul_add_e_f32s(exp, simd.splat_f32s(0.632_120_6), one);
        let logarithm = rough_ln(simd, simd.select_f32s(is_small, below, omega));
        simd.select_f32s(
            is_small,
            simd.sub_f32s(quotient, logarithm),
            simd.add_f32s(ln, logarithm),
        )
    }
}

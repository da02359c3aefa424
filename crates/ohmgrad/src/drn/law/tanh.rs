//! A resistor that saturates: i(v) = I tanh(v / V).

use std::sync::Arc;

use pulp::Simd;
use serde::{Deserialize, Serialize};

use super::bent::{Bend, Bent};
use super::omega::Omega;
use super::{BlockLaw, Element, Half, Law, check_positive};
use crate::device;
use crate::drn::simd::{Row, exponential};

/// A resistor to ground that saturates, i = I tanh(v / V): what a unit with [`UnitLaw::Tanh`](super::UnitLaw::Tanh) has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TanhResistor {
    /// I, the largest current, in ampere. From 1e-30 to 1e30.
    pub limit: f64,
    /// V, in volt; the conductance at 0 V is I / V. From 1e-30 to 1e30.
    pub scale: f64,
}

impl TanhResistor {
    pub(super) fn fault(&self) -> Option<String> {
        check_positive("limit", self.limit, "A")
            .or_else(|| check_positive("scale", self.scale, "V"))
    }
}

impl Law for TanhResistor {
    fn elements(&self) -> [Element; 2] {
        let (limit, scale) = (self.limit, self.scale);
        let device = Arc::new(device::Tanh { limit, scale }.into());
        [
            Element::Device(Arc::clone(&device)),
            Element::Device(device),
        ]
    }

    fn block(&self, units: &[Half]) -> Box<dyn BlockLaw> {
        let resistors = Saturating {
            limit: self.limit as f32,
            inverse_limit: (1.0 / self.limit) as f32,
            scale: self.scale as f32,
            inverse_scale: (1.0 / self.scale) as f32,
            resistance: (self.scale / self.limit) as f32,
            omega: Omega::ZERO,
        };
        Box::new(Bent::new(resistors, units.len()))
    }
}

/// The resistors of a block.
#[derive(Clone, Debug)]
struct Saturating {
    /// I and V, and their inverses.
    limit: f32,
    inverse_limit: f32,
    scale: f32,
    inverse_scale: f32,
    /// V / I, in ohm.
    resistance: f32,
    /// Of half of a V / I.
    omega: Omega,
}

/// Beyond it tanh is 1, and the square of exp(2 z) would overflow.
const LARGEST: f32 = 20.0;

impl Bend for Saturating {
    /// From within 0.4 V.
    const STEPS: usize = 5;

    fn set_conductance(&mut self, a: &Row) {
        self.omega.set(a, 0.5 * f64::from(self.resistance));
    }

    /// With z = |v| / V, alpha = a V / I and q = |p| / I: alpha z + tanh z = q. Since tanh z is at most z, 1 and 1 - exp(-2 z),
    /// the z of these three are at most the solution; Newton's method rises from there.
    #[inline(always)]
    fn start<S: Simd>(&self, simd: S, v: usize, a: S::f32s, p: S::f32s) -> S::f32s {
        let [zero, one, half] = [0.0, 1.0, -0.5].map(|x| simd.splat_f32s(x));
        let q = simd.mul_f32s(simd.abs_f32s(p), simd.splat_f32s(self.inverse_limit));
        let alpha = simd.mul_f32s(a, simd.splat_f32s(self.resistance));
        let straight = simd.div_f32s(q, simd.add_f32s(alpha, one));
        let bent = self.omega.start(simd, v, simd.sub_f32s(one, q));
        let z = simd.max_f32s(straight, simd.mul_f32s(half, bent));
        let u = simd.mul_f32s(z, simd.splat_f32s(self.scale));
        let turned = simd.less_than_f32s(p, zero);
        simd.select_f32s(turned, simd.neg_f32s(u), u)
    }

    #[inline(always)]
    fn current<S: Simd>(&self, simd: S, _: usize, potential: S::f32s) -> (S::f32s, S::f32s) {
        let [one, two, four] = [1.0, 2.0, 4.0].map(|x| simd.splat_f32s(x));
        let [most, least] = [LARGEST, -LARGEST].map(|x| simd.splat_f32s(x));
        let z = simd.mul_f32s(potential, simd.splat_f32s(self.inverse_scale));
        let z = simd.max_f32s(simd.min_f32s(z, most), least);
        // tanh z = m / (m + 2), and its slope 4 exp(2 z) / (m + 2)^2, with m = exp(2 z) - 1
        let (m, exp) = exponential(simd, simd.add_f32s(z, z));
        let inverse = simd.div_f32s(one, simd.add_f32s(m, two));
        let tanh = simd.mul_f32s(m, inverse);
        let slope = simd.mul_f32s(simd.mul_f32s(exp, inverse), inverse);
        let conductance = simd.mul_f32s(four, simd.splat_f32s(self.limit * self.inverse_scale));
        (
            simd.mul_f32s(simd.splat_f32s(self.limit), tanh),
            simd.mul_f32s(conductance, slope),
        )
    }
}

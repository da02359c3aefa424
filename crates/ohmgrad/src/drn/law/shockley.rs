//! Diodes with Shockley's law, behind a voltage that they must overcome.
//!
//! ```text
//! diode              i(u) = I_s (exp((u - V_off) / V_t) - 1)
//! with a dead zone   the same for u > V_off, else 0
//! ```
//!
//! A `single` diode leads currents to ground in units of the first half of a layer, i(v), and from ground in those of the
//! second half, -i(-v). A `double` one is both, i(v) - i(-v): with a dead zone one of the two at a time, without one the
//! current 2 I_s exp(-V_off / V_t) sinh(v / V_t). (Osana, Grollier and Querlioz 2026 have dead zones.) What SPICE adds in
//! reverse, up to I_s / 20, and its conductance beside every junction are left out.

use std::sync::Arc;

use pulp::Simd;
use serde::{Deserialize, Serialize};

use super::bent::{Bend, Bent};
use super::omega::Omega;
use super::{BlockLaw, Element, Half, Law, check_positive};
use crate::device::{self, Formula, Function, Term};
use crate::drn::simd::{BLOCK, Row, exponential};

/// Shockley diodes to ground: what a unit with [`UnitLaw::Shockley`](super::UnitLaw::Shockley) has.
///
/// ```text
/// i(u) = I_s (exp((u - V_off) / V_t) - 1), with a dead zone 0 for u <= V_off
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShockleyDiodes {
    /// One diode per unit, or two.
    pub arrangement: Arrangement,
    /// I_s, SPICE's IS, in ampere. From 1e-30 to 1e30.
    pub saturation_current: f64,
    /// V_t, in volt; above 0. Default: N k T / q.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thermal_voltage: Option<f64>,
    /// SPICE's N; above 0. Default 1. Only without `thermal_voltage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ideality: Option<f64>,
    /// T, in kelvin; above 0. Default 300.15, SPICE's 27 degrees Celsius. Only without `thermal_voltage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// V_off, in volt; at least 0, default 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset_voltage: f64,
    /// Whether no current flows below V_off. Default: it does.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dead_zone: bool,
}

/// How many diodes a unit has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Arrangement {
    /// One: units of the first half of a layer to ground (they stay below about V_off), those of the second half from ground
    /// (above about -V_off).
    Single,
    /// Two, one each way.
    Double,
}

fn is_zero(x: &f64) -> bool {
    *x == 0.0
}

fn is_false(x: &bool) -> bool {
    !x
}

/// SPICE's room temperature, in kelvin.
const ROOM: f64 = 300.15;
/// The smallest current at 0 V that f32 computes with, in ampere.
const LEAST: f64 = 1e-30;

impl ShockleyDiodes {
    /// V_t, in volt.
    pub fn thermal_voltage(&self) -> f64 {
        self.thermal_voltage.unwrap_or_else(|| {
            let kelvin = self.temperature.unwrap_or(ROOM);
            self.ideality.unwrap_or(1.0) * device::Shockley::thermal_voltage_at(kelvin)
        })
    }

    pub(super) fn fault(&self) -> Option<String> {
        let numbers = [
            ("saturation_current", Some(self.saturation_current), "A"),
            ("thermal_voltage", self.thermal_voltage, "V"),
            ("ideality", self.ideality, ""),
            ("temperature", self.temperature, "K"),
        ];
        let given = numbers.into_iter();
        let mut given = given.filter_map(|(name, x, unit)| Some((name, x?, unit)));
        if let Some(fault) = given.find_map(|(name, x, unit)| check_positive(name, x, unit)) {
            return Some(fault);
        }
        if self.thermal_voltage.is_some() && (self.ideality.or(self.temperature)).is_some() {
            return Some(
                "give either thermal_voltage or ideality and temperature, which make one"
                    .to_owned(),
            );
        }
        let offset = self.offset_voltage;
        if !(offset >= 0.0 && offset.is_finite()) {
            return Some(format!(
                "offset_voltage is {offset} V: it must be finite and at least 0"
            ));
        }
        let least = self.scale_current();
        (least < LEAST).then(|| {
            format!(
                "at 0 V such a diode leads {least:e} A, too little to compute with: raise saturation_current, lower \
                 offset_voltage or set dead_zone = true"
            )
        })
    }

    /// What multiplies the exponential: of two diodes without a dead zone that of v / V_t, else that of (v - V_off) / V_t.
    fn scale_current(&self) -> f64 {
        match self.is_sinh() {
            true => self.saturation_current * (-self.offset_voltage / self.thermal_voltage()).exp(),
            false => self.saturation_current,
        }
    }

    fn is_sinh(&self) -> bool {
        self.arrangement == Arrangement::Double && !self.dead_zone
    }
}

impl Law for ShockleyDiodes {
    fn elements(&self) -> [Element; 2] {
        let (saturation, thermal) = (self.saturation_current, self.thermal_voltage());
        let term = |sign: f64| Term {
            coefficient: sign * saturation,
            function: match self.dead_zone {
                true => Function::Onset,
                false => Function::ExpM1,
            },
            scale: sign * thermal,
            offset: -self.offset_voltage / thermal,
        };
        let terms = match self.arrangement {
            Arrangement::Single => [vec![term(1.0)], vec![term(-1.0)]],
            Arrangement::Double => [1, 2].map(|_| vec![term(1.0), term(-1.0)]),
        };
        terms.map(|terms| {
            let formula = Formula {
                constant: 0.0,
                conductance: 0.0,
                terms: terms.into(),
            };
            Element::Device(Arc::new(formula.into()))
        })
    }

    fn block(&self, units: &[Half]) -> Box<dyn BlockLaw> {
        match (self.arrangement, self.dead_zone) {
            (Arrangement::Single, true) => self.diodes::<false, true>(units),
            (Arrangement::Single, false) => self.diodes::<false, false>(units),
            (Arrangement::Double, true) => self.diodes::<true, true>(units),
            (Arrangement::Double, false) => self.diodes::<true, false>(units),
        }
    }
}

impl ShockleyDiodes {
    fn diodes<const DOUBLE: bool, const DEAD: bool>(&self, units: &[Half]) -> Box<dyn BlockLaw> {
        let mut sign = Row([1.0; BLOCK]);
        for (sign, half) in sign.0.iter_mut().zip(units) {
            *sign = if *half == Half::First { 1.0 } else { -1.0 };
        }
        let offset = if self.is_sinh() {
            0.0
        } else {
            self.offset_voltage
        };
        let (current, thermal) = (self.scale_current(), self.thermal_voltage());
        let diodes = Diodes::<DOUBLE, DEAD> {
            sign,
            current: current as f32,
            inverse_current: (1.0 / current) as f32,
            thermal: thermal as f32,
            inverse_thermal: (1.0 / thermal) as f32,
            scale: (thermal / current) as f32,
            offset: offset as f32,
            omega: Omega::ZERO,
        };
        Box::new(Bent::new(diodes, units.len()))
    }
}

/// The diodes of a block: one of each unit or two, with a dead zone or without one.
#[derive(Clone, Debug)]
struct Diodes<const DOUBLE: bool, const DEAD: bool> {
    /// Of a single diode: 1 if it leads to ground, -1 if from it.
    sign: Row,
    /// What multiplies the exponential, in ampere, and its inverse.
    current: f32,
    inverse_current: f32,
    /// V_t, in volt, and its inverse.
    thermal: f32,
    inverse_thermal: f32,
    /// V_t / current, in ohm.
    scale: f32,
    /// V_off, in volt; 0 where it is in the current.
    offset: f32,
    omega: Omega,
}

impl<const DOUBLE: bool, const DEAD: bool> Diodes<DOUBLE, DEAD> {
    const SINH: bool = DOUBLE && !DEAD;

    /// The sign of a current or a potential x of register `v` that a diode to ground sees turned over.
    #[inline(always)]
    fn sign<S: Simd>(&self, simd: S, v: usize, x: S::f32s) -> S::u32s {
        let signed = match DOUBLE {
            true => x,
            false => S::as_simd_f32s(&self.sign.0).0[v],
        };
        let bit = simd.splat_u32s((-0.0_f32).to_bits());
        simd.and_u32s(simd.transmute_u32s_f32s(signed), bit)
    }

    /// i(u) and its slope, of the diode that points to ground; of two diodes for u >= 0.
    #[inline(always)]
    fn forward<S: Simd>(&self, simd: S, u: S::f32s) -> (S::f32s, S::f32s) {
        let current = simd.splat_f32s(self.current);
        let inverse = simd.splat_f32s(self.inverse_thermal);
        let beyond = simd.sub_f32s(u, simd.splat_f32s(self.offset));
        let mut z = simd.mul_f32s(beyond, inverse);
        if DEAD {
            z = simd.max_f32s(z, simd.splat_f32s(0.0));
        }
        let (grown, exp) = exponential(simd, z);
        let steepest = simd.mul_f32s(current, inverse);
        if Self::SINH {
            // exp z - exp(-z) = m + m / (1 + m) with m = exp z - 1
            let one = simd.splat_f32s(1.0);
            let reciprocal = simd.div_f32s(one, exp);
            let sinh = simd.mul_add_e_f32s(grown, reciprocal, grown);
            let cosh = simd.add_f32s(exp, reciprocal);
            return (simd.mul_f32s(current, sinh), simd.mul_f32s(steepest, cosh));
        }
        let slope = simd.mul_f32s(steepest, exp);
        let zero = simd.splat_f32s(0.0);
        let slope = match DEAD {
            true => simd.select_f32s(simd.less_than_f32s(zero, z), slope, zero),
            false => slope,
        };
        (simd.mul_f32s(current, grown), slope)
    }
}

impl<const DOUBLE: bool, const DEAD: bool> Bend for Diodes<DOUBLE, DEAD> {
    /// From within 0.08 V_t, or 0.2 V_t of two diodes without a dead zone.
    const STEPS: usize = 3;

    fn set_conductance(&mut self, a: &Row) {
        self.omega.set(a, f64::from(self.scale));
    }

    /// With z = (u - V_off) / V_t, alpha = a V_t / I and q = (p - a V_off) / I: alpha z + exp z - 1 = q, or
    /// alpha z + 2 sinh z = q.
    #[inline(always)]
    fn start<S: Simd>(&self, simd: S, v: usize, a: S::f32s, p: S::f32s) -> S::f32s {
        let sign = self.sign(simd, v, p);
        let y = flipped(simd, p, sign);
        let (offset, zero) = (simd.splat_f32s(self.offset), simd.splat_f32s(0.0));
        let beyond = simd.sub_f32s(y, simd.mul_f32s(a, offset));
        let q = simd.mul_f32s(beyond, simd.splat_f32s(self.inverse_current));
        let q = simd.min_f32s(q, simd.splat_f32s(f32::MAX));
        let mut z = self
            .omega
            .start(simd, v, simd.add_f32s(q, simd.splat_f32s(1.0)));
        if Self::SINH || DEAD {
            // 2 sinh z >= 2 z, and exp z - 1 >= z
            let alpha = simd.mul_f32s(a, simd.splat_f32s(self.scale));
            let slope = simd.splat_f32s(if Self::SINH { 2.0 } else { 1.0 });
            let most = simd.div_f32s(q, simd.add_f32s(alpha, slope));
            let near = simd.min_f32s(z, most);
            // In a dead zone there is no slope to start from.
            z = match DEAD {
                true => simd.select_f32s(simd.less_than_f32s(zero, near), near, most),
                false => near,
            };
        }
        if DEAD {
            let straight = simd.mul_f32s(q, self.omega.reciprocal::<S>(v));
            let conducts = simd.less_than_f32s(zero, beyond);
            z = simd.select_f32s(conducts, z, straight);
        }
        let u = simd.mul_add_e_f32s(z, simd.splat_f32s(self.thermal), offset);
        flipped(simd, u, sign)
    }

    #[inline(always)]
    fn current<S: Simd>(&self, simd: S, v: usize, potential: S::f32s) -> (S::f32s, S::f32s) {
        let sign = self.sign(simd, v, potential);
        let (current, slope) = self.forward(simd, flipped(simd, potential, sign));
        (flipped(simd, current, sign), slope)
    }
}

/// x, turned over where the sign is set.
#[inline(always)]
fn flipped<S: Simd>(simd: S, x: S::f32s, sign: S::u32s) -> S::f32s {
    simd.transmute_f32s_u32s(simd.xor_u32s(simd.transmute_u32s_f32s(x), sign))
}

//! A straight line between limits: i(v) = s v for lo < v < hi, and at lo or hi whatever current keeps v there.
//!
//! ```text
//! v = clip(p / (a + s), lo, hi)
//! ```
//!
//! An ideal diode to ground is the line s = 0 with one limit at 0 V; no element is s = 0 without limits; the unit of a
//! Hopfield network, whose weights offer it no conductance, is s = 1 in [0, 1].

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;
use serde::{Deserialize, Serialize};

use super::block::SimdLaw;
use super::{BlockLaw, Element, Half, Law};
use crate::drn::simd::{BLOCK, Row, lanes};

/// An ideal diode to ground: the first half of the layer is excitatory (v >= 0), the second half inhibitory (v <= 0).
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdealDiode;

/// No element: the unit goes where its neighbours drive it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linear;

/// Two ideal diodes to ground that keep a unit between two potentials: what a unit with
/// [`UnitLaw::IdealPair`](super::UnitLaw::IdealPair) has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdealPair {
    /// The lowest potential, in volt; at most 0.
    pub low: f64,
    /// The highest, in volt; at least 0, and above `low`.
    pub high: f64,
}

impl IdealPair {
    pub(super) fn fault(&self) -> Option<String> {
        let Self { low, high } = *self;
        let is_fine = low <= 0.0 && high >= 0.0 && low < high;
        (!is_fine).then(|| {
            format!(
                "a unit cannot lie in [{low}, {high}] V: low <= 0 <= high and low < high must hold"
            )
        })
    }
}

/// A unit of a deep Hopfield network, i(v) = v between its limits 0 and 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HopfieldBox;

macro_rules! clipped_lines {
    ($($law:ty: $clips:expr),* $(,)?) => {
        $(impl Law for $law {
            fn elements(&self) -> [Element; 2] {
                let clips: fn(&Self) -> [Clip; 2] = $clips;
                clips(self).map(Element::Clip)
            }

            fn block(&self, units: &[Half]) -> Box<dyn BlockLaw> {
                let clips: fn(&Self) -> [Clip; 2] = $clips;
                let clips = clips(self);
                Box::new(ClipBlock::new(units.iter().map(|half| clips[*half as usize])))
            }
        })*
    };
}

clipped_lines!(
    IdealDiode: |_| [Clip::above(0.0), Clip::below(0.0)],
    IdealPair: |pair| [Clip::within(pair.low, pair.high, 0.0); 2],
    Linear: |_| [Clip::NONE; 2],
    HopfieldBox: |_| [Clip::within(0.0, 1.0, 1.0); 2],
);

/// The law of one unit, in f64.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Clip {
    lo: f64,
    hi: f64,
    slope: f64,
}

impl Clip {
    /// No element.
    pub(crate) const NONE: Self = Self::within(f64::NEG_INFINITY, f64::INFINITY, 0.0);

    /// A line of that slope (siemens) between two limits (volt).
    pub(crate) const fn within(lo: f64, hi: f64, slope: f64) -> Self {
        Self { lo, hi, slope }
    }

    /// A lower limit alone.
    pub(crate) const fn above(lo: f64) -> Self {
        Self::within(lo, f64::INFINITY, 0.0)
    }

    /// An upper limit alone.
    pub(crate) const fn below(hi: f64) -> Self {
        Self::within(f64::NEG_INFINITY, hi, 0.0)
    }

    pub(super) fn interval(self) -> (f64, f64) {
        (self.lo, self.hi)
    }

    /// v = clip(p / (a + s), lo, hi)
    pub(super) fn solve(self, a: f64, p: f64) -> f64 {
        let curvature = a + self.slope;
        match curvature > 0.0 {
            true => (p / curvature).clamp(self.lo, self.hi),
            false => 0.0_f64.clamp(self.lo, self.hi),
        }
    }

    /// As [`Self::solve`], `factor` times the way from `before`, clipped.
    pub(super) fn over_relax(self, (a, p): (f64, f64), before: f64, factor: f64) -> f64 {
        let curvature = a + self.slope;
        match (factor == 1.0, curvature > 0.0) {
            (true, _) => self.solve(a, p),
            (false, false) => (before - factor * before).clamp(self.lo, self.hi),
            (false, true) => (before + factor * (p / curvature - before)).clamp(self.lo, self.hi),
        }
    }

    /// (a + s) (v - optimum), or where nothing leads a current away what the limits do not take of it.
    pub(super) fn violation(self, a: f64, p: f64, v: f64) -> f64 {
        let curvature = a + self.slope;
        match curvature > 0.0 {
            true => curvature * (v - self.solve(a, p)),
            false => p.clamp(self.lo, self.hi),
        }
    }

    pub(super) fn interior_slope(self) -> f64 {
        self.slope
    }

    pub(super) fn slope(self, v: f64) -> f64 {
        match self.lo < v && v < self.hi {
            true => self.slope,
            false => f64::INFINITY,
        }
    }

    /// s v^2 / 2, within the limits.
    pub(super) fn co_content(self, v: f64) -> f64 {
        self.slope * v * v / 2.0
    }
}

/// The law of a block of units, in f32.
#[derive(Clone, Debug)]
pub(crate) struct ClipBlock {
    lo: Row,
    hi: Row,
    slope: Row,
    /// a + s, in siemens.
    curvature: Row,
    /// Its reciprocal; 0 where it is 0.
    reciprocal: Row,
}

impl ClipBlock {
    /// Of at most 64 units; what is beyond them stays at 0 V.
    pub(super) fn new(units: impl Iterator<Item = Clip>) -> Self {
        let mut block = Self {
            lo: Row::ZERO,
            hi: Row::ZERO,
            slope: Row::ZERO,
            curvature: Row::ZERO,
            reciprocal: Row::ZERO,
        };
        for (c, unit) in units.enumerate() {
            block.lo.0[c] = unit.lo as f32;
            block.hi.0[c] = unit.hi as f32;
            block.slope.0[c] = unit.slope as f32;
        }
        SimdLaw::set_conductance(&mut block, &Row::ZERO);
        block
    }

    /// `free` where the settled unit is between its limits, else 0.
    #[inline(always)]
    fn where_free<S: Simd, const N: usize>(
        &self,
        simd: S,
        mut free: [S::f32s; N],
        settled: &[S::f32s; N],
    ) -> [S::f32s; N] {
        let (lo, hi) = (lanes::<S, N>(&self.lo), lanes::<S, N>(&self.hi));
        for v in 0..N {
            let above = simd.less_than_f32s(lo[v], settled[v]);
            let below = simd.less_than_f32s(settled[v], hi[v]);
            let within = simd.and_m32s(above, below);
            free[v] = simd.select_f32s(within, free[v], simd.splat_f32s(0.0));
        }
        free
    }

    #[inline(always)]
    fn clip<S: Simd, const N: usize>(&self, simd: S, mut free: [S::f32s; N]) -> [S::f32s; N] {
        let (lo, hi) = (lanes::<S, N>(&self.lo), lanes::<S, N>(&self.hi));
        for v in 0..N {
            free[v] = simd.min_f32s(simd.max_f32s(free[v], lo[v]), hi[v]);
        }
        free
    }
}

impl SimdLaw for ClipBlock {
    const RESTS: bool = true;

    fn set_conductance(&mut self, a: &Row) {
        for c in 0..BLOCK {
            let sum = a.0[c] + self.slope.0[c];
            self.curvature.0[c] = sum;
            self.reciprocal.0[c] = if sum > 0.0 { 1.0 / sum } else { 0.0 };
        }
    }

    fn curvature(&self) -> &Row {
        &self.curvature
    }

    #[inline(always)]
    fn solve<S: Simd, const N: usize>(&self, simd: S, pull: &[S::f32s; N]) -> [S::f32s; N] {
        let reciprocal = lanes::<S, N>(&self.reciprocal);
        let mut free = *pull;
        for v in 0..N {
            free[v] = simd.mul_f32s(pull[v], reciprocal[v]);
        }
        self.clip(simd, free)
    }

    /// v + w (p / (a + s) - v), clipped: for a unit within its limits no farther from p / (a + s) than v is, where
    /// 0 < w < 2.
    #[inline(always)]
    fn over_relax<S: Simd, const N: usize>(
        &self,
        simd: S,
        pull: &[S::f32s; N],
        before: &[S::f32s; N],
        factor: f32,
    ) -> [S::f32s; N] {
        let reciprocal = lanes::<S, N>(&self.reciprocal);
        let factor = simd.splat_f32s(factor);
        let mut free = *pull;
        for v in 0..N {
            let way = simd.sub_f32s(simd.mul_f32s(pull[v], reciprocal[v]), before[v]);
            free[v] = simd.mul_add_e_f32s(factor, way, before[v]);
        }
        self.clip(simd, free)
    }

    #[inline(always)]
    fn respond<S: Simd, const N: usize>(
        &self,
        simd: S,
        pull: &[S::f32s; N],
        settled: &[S::f32s; N],
    ) -> [S::f32s; N] {
        let reciprocal = lanes::<S, N>(&self.reciprocal);
        let mut free = *pull;
        for v in 0..N {
            free[v] = simd.mul_f32s(pull[v], reciprocal[v]);
        }
        self.where_free(simd, free, settled)
    }

    /// (a + s) (v - optimum), or where nothing leads a current away what the limits do not take of it.
    #[inline(always)]
    fn violation<S: Simd, const N: usize>(
        &self,
        simd: S,
        pull: &[S::f32s; N],
        settled: Option<&[S::f32s; N]>,
        potential: &[S::f32s; N],
    ) -> [S::f32s; N] {
        let curvature = lanes::<S, N>(&self.curvature);
        let (optimum, stranded) = match settled {
            None => (self.solve(simd, pull), self.clip(simd, *pull)),
            Some(settled) => (
                self.respond(simd, pull, settled),
                self.where_free(simd, *pull, settled),
            ),
        };
        let mut violation = *pull;
        for v in 0..N {
            let moved = simd.sub_f32s(potential[v], optimum[v]);
            let isolated = simd.equal_f32s(curvature[v], simd.splat_f32s(0.0));
            let moving = simd.mul_f32s(curvature[v], moved);
            violation[v] = simd.abs_f32s(simd.select_f32s(isolated, stranded[v], moving));
        }
        violation
    }
}

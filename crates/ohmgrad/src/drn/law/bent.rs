//! The kernels of a law whose current is a smooth or piecewise smooth function of the potential.

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use std::fmt::Debug;

use pulp::Simd;

use super::block::SimdLaw;
use crate::drn::simd::{Row, lanes};

/// A current i(v) that does not fall, for a block of units.
pub(super) trait Bend: Clone + Debug + Send + Sync + 'static {
    /// After so many steps of Newton's method from the start, what is left is the rounding of f32.
    const STEPS: usize;

    /// Hears of the conductance a that the neighbours offer each unit.
    fn set_conductance(&mut self, a: &Row);

    /// A potential near the one that solves a v + i(v) = p, of register `v`; anything where a is 0.
    fn start<S: Simd>(&self, simd: S, v: usize, a: S::f32s, p: S::f32s) -> S::f32s;

    /// i at these potentials of register `v`, and di/dv.
    fn current<S: Simd>(&self, simd: S, v: usize, potential: S::f32s) -> (S::f32s, S::f32s);
}

/// A block of such units. Without a conductance a unit stays at 0 V.
#[derive(Clone, Debug)]
pub(super) struct Bent<B> {
    bend: B,
    a: Row,
    /// 1 for every unit, 0 for what is beyond the layer's width: there nothing is violated.
    present: Row,
}

impl<B: Bend> Bent<B> {
    /// Of so many units.
    pub(super) fn new(bend: B, units: usize) -> Self {
        let mut present = Row::ZERO;
        present.0[..units].fill(1.0);
        let mut bent = Self {
            bend,
            a: Row::ZERO,
            present,
        };
        SimdLaw::set_conductance(&mut bent, &Row::ZERO);
        bent
    }
}

impl<B: Bend> SimdLaw for Bent<B> {
    const RESTS: bool = false;

    fn set_conductance(&mut self, a: &Row) {
        self.a = *a;
        self.bend.set_conductance(a);
    }

    fn curvature(&self) -> &Row {
        &self.a
    }

    #[inline(always)]
    fn solve<S: Simd, const N: usize>(&self, simd: S, pull: &[S::f32s; N]) -> [S::f32s; N] {
        let a = lanes::<S, N>(&self.a);
        let zero = simd.splat_f32s(0.0);
        let mut solved = *pull;
        for v in 0..N {
            solved[v] = self.bend.start(simd, v, a[v], pull[v]);
        }
        // Step by step over all registers, which do not wait for one another.
        for _ in 0..B::STEPS {
            for v in 0..N {
                let (current, slope) = self.bend.current(simd, v, solved[v]);
                let short = simd.sub_f32s(current, pull[v]);
                let excess = simd.mul_add_e_f32s(a[v], solved[v], short);
                let step = simd.div_f32s(excess, simd.add_f32s(a[v], slope));
                solved[v] = simd.sub_f32s(solved[v], step);
            }
        }
        for v in 0..N {
            let isolated = simd.equal_f32s(a[v], zero);
            solved[v] = simd.select_f32s(isolated, zero, solved[v]);
        }
        solved
    }

    /// v + w (solution - v)
    #[inline(always)]
    fn over_relax<S: Simd, const N: usize>(
        &self,
        simd: S,
        pull: &[S::f32s; N],
        before: &[S::f32s; N],
        factor: f32,
    ) -> [S::f32s; N] {
        let factor = simd.splat_f32s(factor);
        let mut relaxed = self.solve(simd, pull);
        for v in 0..N {
            let way = simd.sub_f32s(relaxed[v], before[v]);
            relaxed[v] = simd.mul_add_e_f32s(factor, way, before[v]);
        }
        relaxed
    }

    #[inline(always)]
    fn respond<S: Simd, const N: usize>(
        &self,
        simd: S,
        pull: &[S::f32s; N],
        settled: &[S::f32s; N],
    ) -> [S::f32s; N] {
        let a = lanes::<S, N>(&self.a);
        let zero = simd.splat_f32s(0.0);
        let mut response = *pull;
        for v in 0..N {
            let (_, slope) = self.bend.current(simd, v, settled[v]);
            let curvature = simd.add_f32s(a[v], slope);
            let loose = simd.equal_f32s(curvature, zero);
            let quotient = simd.div_f32s(pull[v], curvature);
            response[v] = simd.select_f32s(loose, zero, quotient);
        }
        response
    }

    /// a (v - solution) + i(v) - i(solution), or a + di/dv times the distance from the response; where there is no
    /// conductance, i(v) - p.
    #[inline(always)]
    fn violation<S: Simd, const N: usize>(
        &self,
        simd: S,
        pull: &[S::f32s; N],
        settled: Option<&[S::f32s; N]>,
        potential: &[S::f32s; N],
    ) -> [S::f32s; N] {
        let (a, present) = (lanes::<S, N>(&self.a), lanes::<S, N>(&self.present));
        let optimum = match settled {
            None => self.solve(simd, pull),
            Some(settled) => self.respond(simd, pull, settled),
        };
        let mut violation = *pull;
        for v in 0..N {
            let moved = simd.sub_f32s(potential[v], optimum[v]);
            let short = match settled {
                None => {
                    let (current, _) = self.bend.current(simd, v, potential[v]);
                    let (at_optimum, _) = self.bend.current(simd, v, optimum[v]);
                    let isolated = simd.equal_f32s(a[v], simd.splat_f32s(0.0));
                    let wanted = simd.select_f32s(isolated, pull[v], at_optimum);
                    simd.mul_add_e_f32s(a[v], moved, simd.sub_f32s(current, wanted))
                }
                Some(settled) => {
                    let (_, slope) = self.bend.current(simd, v, settled[v]);
                    simd.mul_f32s(simd.add_f32s(a[v], slope), moved)
                }
            };
            violation[v] = simd.mul_f32s(present[v], simd.abs_f32s(short));
        }
        violation
    }
}

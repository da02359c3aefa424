//! Kernels of the matrices between two free layers.

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::descent::{Bounds, Step, descend, roll};
use super::lanes::{
    BLOCK, Kernel, LINES_PER_ROW, Line, Row, lanes, lanes_mut, prefetch, strip, strip_mut, tree_sum,
};
use super::relax::Active;
use crate::drn::Energy;

/// Two states of a layer on the other side of a matrix, or of one of its blocks.
#[derive(Clone, Copy)]
pub(crate) struct OtherStates<'a> {
    /// Potentials in the first and in the second state, one row per example.
    pub(crate) first: &'a [Row],
    pub(crate) second: &'a [Row],
    /// The units that are not at 0 V in both states, per example.
    pub(crate) active: &'a [Active],
    /// mean_b d_bi s_bi / span, times the gradient scale.
    pub(crate) drop: &'a Row,
}

/// Updates a tile of a matrix between two free layers and adds up its columns. The gradient of the
/// conductance between unit i of the other layer and unit j of the block is
/// row_i + column_j - scale * q_ij with q_ij = sum_b (v2_i v2_j - v1_i v1_j). That of a weight of a Hopfield network is
/// its last term alone, and columns are not added up.
pub(crate) struct MatrixUpdate<'a> {
    pub(crate) energy: Energy,
    /// At most 64 rows: one per unit of a block of the other layer.
    pub(crate) weights: &'a mut [Row],
    /// Velocities, same layout; empty without momentum.
    pub(crate) velocity: &'a mut [Row],
    /// Rows of the tile that will be updated next.
    pub(crate) next: &'a [Row],
    pub(crate) other: OtherStates<'a>,
    /// mean_b d_bj s_bj / span of this block, times the gradient scale.
    pub(crate) column: &'a Row,
    /// Potentials of the block in the first and in the second state, one row per example.
    pub(crate) first: &'a [Row],
    pub(crate) second: &'a [Row],
    /// Gradient scale / (batch * span).
    pub(crate) scale: f32,
    pub(crate) step: Step,
    pub(crate) bounds: &'a Bounds,
    /// In and out: column sums of the tiles so far, in siemens; unchanged in a Hopfield network.
    pub(crate) sum: &'a mut Row,
}

/// Registers per strip: with twice as many for the states, what a row needs.
const STRIP: usize = 4;

/// A matrix to a layer of so few units, as the outputs are, needs no room for more.
const FEW: usize = 16;

/// A strip of q for each of `R` rows, aligned as memory is.
#[repr(align(64))]
struct Products<V, const T: usize, const R: usize>([[V; T]; R]);

impl Kernel for MatrixUpdate<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        match self.energy {
            Energy::CoContent => self.strips::<S, N, false>(simd),
            Energy::Hopfield => self.strips::<S, N, true>(simd),
        }
    }
}

impl MatrixUpdate<'_> {
    #[inline(always)]
    fn strips<S: Simd, const N: usize, const HOPFIELD: bool>(mut self, simd: S) {
        let mut ahead =
            bytemuck::cast_slice(self.next).chunks_exact(LINES_PER_ROW.div_ceil(N / STRIP));
        for s in 0..N / STRIP {
            match self.weights.len() {
                ..=FEW => self.strip::<S, STRIP, FEW, HOPFIELD>(simd, s, &mut ahead),
                _ => self.strip::<S, STRIP, BLOCK, HOPFIELD>(simd, s, &mut ahead),
            }
        }
    }

    /// Updates strip `s` of all rows, at most `R`.
    #[inline(always)]
    fn strip<'b, S: Simd, const T: usize, const R: usize, const HOPFIELD: bool>(
        &mut self,
        simd: S,
        s: usize,
        ahead: &mut impl Iterator<Item = &'b [Line]>,
    ) {
        let Products(q) = &self.products::<S, T, R>(simd, s);
        let plain = self.step.decay == 0.0 && (HOPFIELD || self.bounds.all_positive());
        match plain && self.velocity.is_empty() {
            true => self.descend::<S, T, true, HOPFIELD>(simd, s, q, ahead),
            false => self.descend::<S, T, false, HOPFIELD>(simd, s, q, ahead),
        }
    }

    /// Strip `s` of q, for all rows.
    #[inline(always)]
    fn products<S: Simd, const T: usize, const R: usize>(
        &self,
        simd: S,
        s: usize,
    ) -> Products<S::f32s, T, R> {
        let mut products = Products([[simd.splat_f32s(0.0); T]; R]);
        let Products(q) = &mut products;
        for (b, active) in self.other.active.iter().enumerate() {
            let second = *strip::<S, T>(&self.second[b], s);
            let minus_first = strip::<S, T>(&self.first[b], s).map(|v| simd.neg_f32s(v));
            for unit in active.units() {
                let i = unit % R;
                let v1 = simd.splat_f32s(self.other.first[b].0[i]);
                let v2 = simd.splat_f32s(self.other.second[b].0[i]);
                for t in 0..T {
                    let sum = simd.mul_add_e_f32s(v2, second[t], q[i][t]);
                    q[i][t] = simd.mul_add_e_f32s(v1, minus_first[t], sum);
                }
            }
        }
        products
    }

    /// The step itself, on strip `s` of all rows. `PLAIN` says that there is neither momentum nor
    /// weight decay and that the bounds are [0, inf), or none.
    #[inline(always)]
    fn descend<'b, S: Simd, const T: usize, const PLAIN: bool, const HOPFIELD: bool>(
        &mut self,
        simd: S,
        s: usize,
        q: &[[S::f32s; T]],
        ahead: &mut impl Iterator<Item = &'b [Line]>,
    ) {
        let column = strip::<S, T>(self.column, s);
        let minus_scale = simd.splat_f32s(-self.scale);
        let total = strip_mut::<S, T>(self.sum, s);
        let mut sum = *total;
        let mut velocity = self.velocity.iter_mut();
        for ((row, q), drop) in self.weights.iter_mut().zip(q).zip(&self.other.drop.0) {
            prefetch(ahead.next().unwrap_or_default());
            let g = strip_mut::<S, T>(row, s);
            let r = simd.splat_f32s(*drop);
            let mut gradient = *q;
            for t in 0..T {
                gradient[t] = match HOPFIELD {
                    true => simd.mul_f32s(minus_scale, q[t]),
                    false => simd.mul_add_e_f32s(minus_scale, q[t], simd.add_f32s(r, column[t])),
                };
            }
            if PLAIN && HOPFIELD {
                for t in 0..T {
                    g[t] = simd.sub_f32s(g[t], gradient[t]);
                }
            } else if PLAIN {
                for t in 0..T {
                    g[t] = simd.max_f32s(simd.sub_f32s(g[t], gradient[t]), simd.splat_f32s(0.0));
                }
            } else if let Some(speed) = velocity.next() {
                let speed = strip_mut::<S, T>(speed, s);
                roll(simd, g, speed, &gradient, self.step, self.bounds, s);
            } else {
                descend(simd, g, &gradient, self.step, self.bounds, s);
            }
            if !HOPFIELD {
                for t in 0..T {
                    sum[t] = simd.add_f32s(sum[t], g[t]);
                }
            }
        }
        *total = sum;
    }
}

/// Column sums of a block: the conductance that a matrix adds to each unit, in siemens.
pub(crate) struct ColumnSums<'a> {
    pub(crate) weights: &'a [Row],
    pub(crate) sum: &'a mut Row,
}

impl Kernel for ColumnSums<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let mut sum = [simd.splat_f32s(0.0); N];
        for row in self.weights {
            let g = lanes::<S, N>(row);
            for v in 0..N {
                sum[v] = simd.add_f32s(sum[v], g[v]);
            }
        }
        *lanes_mut::<S, N>(self.sum) = sum;
    }
}

/// Row sums of a block: the conductance that a block adds to each unit of the other layer, in siemens.
pub(crate) struct RowSums<'a> {
    pub(crate) weights: &'a [Row],
    pub(crate) sums: &'a mut [f32],
}

impl Kernel for RowSums<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        for (row, sum) in self.weights.iter().zip(self.sums) {
            *sum = tree_sum(simd, lanes::<S, N>(row));
        }
    }
}

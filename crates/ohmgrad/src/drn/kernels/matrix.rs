//! Kernels of the matrices between two free layers.

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::descent::{Bounds, Step, descend, roll};
use super::entries::StatePairs;
use super::lanes::{Kernel, Row, lanes, lanes_mut, prefetch_rows, tree_sum};

/// Rows between the one updated and the one asked of memory.
const ROWS_AHEAD: usize = 16;

/// Updates one block of a matrix between two free layers: the gradient of the conductance between unit
/// i of the other layer and unit j of the block is  row_i + column_j - scale * sum_b (v2_i v2_j - v1_i v1_j).
/// The expression is symmetric in i and j: the two copies of the matrix, one on each side, stay equal to the bit.
pub(crate) struct MatrixUpdate<'a> {
    pub(crate) weights: &'a mut [Row],
    /// Velocities, same layout; empty without momentum.
    pub(crate) velocity: &'a mut [Row],
    pub(crate) pairs: &'a StatePairs,
    /// mean_b d_bi s_bi / span of the other layer, times the gradient scale; one per row.
    pub(crate) rows: &'a [f32],
    /// The same of this block.
    pub(crate) column: &'a Row,
    /// Potentials of the block in the first and in the second state, one row per example.
    pub(crate) first: &'a [Row],
    pub(crate) second: &'a [Row],
    /// Gradient scale / (batch * span).
    pub(crate) scale: f32,
    pub(crate) step: Step,
    pub(crate) bounds: &'a Bounds,
}

impl Kernel for MatrixUpdate<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let column = lanes::<S, N>(self.column);
        let minus_scale = simd.splat_f32s(-self.scale);
        let mut velocity = self.velocity.iter_mut();
        for i in 0..self.weights.len() {
            if let Some(ahead) = self.weights.get(i + ROWS_AHEAD) {
                prefetch_rows(std::slice::from_ref(ahead));
            }
            let row = &mut self.weights[i];
            let mut q = [simd.splat_f32s(0.0); N];
            for &(b, (v1, v2)) in self.pairs.row(i) {
                let first = lanes::<S, N>(&self.first[b as usize]);
                let second = lanes::<S, N>(&self.second[b as usize]);
                let (v1, v2) = (simd.splat_f32s(-v1), simd.splat_f32s(v2));
                for v in 0..N {
                    q[v] = simd.mul_add_e_f32s(v2, second[v], q[v]);
                    q[v] = simd.mul_add_e_f32s(v1, first[v], q[v]);
                }
            }
            let r = simd.splat_f32s(self.rows[i]);
            let mut gradient = q;
            for v in 0..N {
                gradient[v] = simd.mul_add_e_f32s(minus_scale, q[v], simd.add_f32s(r, column[v]));
            }
            let g = lanes_mut::<S, N>(row);
            if let Some(speed) = velocity.next() {
                roll(
                    simd,
                    g,
                    lanes_mut::<S, N>(speed),
                    &gradient,
                    self.step,
                    self.bounds,
                );
                continue;
            }
            descend(simd, g, &gradient, self.step, self.bounds);
        }
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

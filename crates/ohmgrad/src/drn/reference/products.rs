//! Products with a conductance matrix, and the contrast of two layers: plain loops, compiled for each instruction set.
//!
//! A matrix is row-major, a row per node of the layer below it. Every sum runs in the same order on all machines.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Rise;

/// Into which layer a product adds currents.
#[derive(Clone, Copy)]
pub(super) enum Adds {
    /// From the layer below into the layer above: v W.
    Up,
    /// From the layer above into the layer below: v W^T.
    Down,
}

/// `to += from W` or `from W^T`, for those of `count` examples that are listed.
pub(super) struct Product<'a> {
    pub(super) weights: &'a [f64],
    pub(super) from: &'a [f64],
    pub(super) to: &'a mut [f64],
    pub(super) direction: Adds,
    pub(super) examples: &'a [usize],
    pub(super) count: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let (examples, count) = (self.examples, self.count);
        match self.direction {
            Adds::Up => up(self.weights, self.from, self.to, examples, count),
            Adds::Down => down(self.weights, self.from, self.to, examples, count),
        }
    }
}

/// to_b += from_b W, for those of `count` examples that are listed.
#[inline(always)]
fn up(weights: &[f64], from: &[f64], to: &mut [f64], examples: &[usize], count: usize) {
    let (rows, columns) = (from.len() / count.max(1), to.len() / count.max(1));
    for i in 0..rows {
        let row = &weights[i * columns..(i + 1) * columns];
        for b in examples {
            let v = from[b * rows + i];
            if v == 0.0 {
                continue;
            }
            let to = &mut to[b * columns..(b + 1) * columns];
            for (to, g) in to.iter_mut().zip(row) {
                *to += v * g;
            }
        }
    }
}

/// to_b += from_b W^T, for those of `count` examples that are listed.
#[inline(always)]
fn down(weights: &[f64], from: &[f64], to: &mut [f64], examples: &[usize], count: usize) {
    let (rows, columns) = (to.len() / count.max(1), from.len() / count.max(1));
    for i in 0..rows {
        let row = &weights[i * columns..(i + 1) * columns];
        for b in examples {
            to[b * rows + i] += dot(row, &from[b * columns..(b + 1) * columns]);
        }
    }
}

#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut lanes = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f64>() + rest
}

/// Some rows of the contrast of a matrix, added up over the examples: (d_i - d_j) (m_i - m_j).
pub(super) struct Contrast<'a> {
    pub(super) rows: Range<usize>,
    pub(super) below: &'a Rise,
    pub(super) above: &'a Rise,
    pub(super) examples: usize,
    pub(super) gradient: &'a mut [f64],
}

impl WithSimd for Contrast<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        if self.examples == 0 {
            return;
        }
        let rows = self.below.rise.len() / self.examples;
        let columns = self.above.rise.len() / self.examples;
        for (i, gradient) in self.rows.zip(self.gradient.chunks_exact_mut(columns)) {
            for b in 0..self.examples {
                let (d_i, m_i) = (self.below.rise[b * rows + i], self.below.mean[b * rows + i]);
                let above = b * columns..(b + 1) * columns;
                let (d, m) = (&self.above.rise[above.clone()], &self.above.mean[above]);
                for ((gradient, d_j), m_j) in gradient.iter_mut().zip(d).zip(m) {
                    *gradient += (d_i - d_j) * (m_i - m_j);
                }
            }
        }
    }
}

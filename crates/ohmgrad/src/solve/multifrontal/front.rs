//! Removing the pivots of one dense front.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};
use pulp::NullaryFnOnce;
use rayon::prelude::*;

/// Pivots that are removed before the rest of the front is updated.
const PANEL: usize = 32;

/// Fronts whose remaining rows are fewer are updated without packing.
const PACKED: usize = 96;

/// Columns of a large front that one thread updates at a time.
const STRIP: usize = 192;

/// A front: conductances between its `height` nodes, below the diagonal, column after column, and
/// from each node to ground.
pub(super) struct Mesh<'a> {
    pub(super) height: usize,
    pub(super) conductances: &'a mut [f64],
    pub(super) ground: &'a mut [f64],
}

/// What the removal of a front's pivots leaves behind, for the solutions to come.
pub(super) struct Removed<'a> {
    /// Column of pivot k: the share of its current that goes to each node.
    pub(super) shares: &'a mut [f64],
    /// 1 / (sum of the conductances of each pivot).
    pub(super) resistances: &'a mut [f64],
}

/// The removal of the first nodes of a mesh, as many as `removed` has places for.
pub(super) struct Removal<'a> {
    pub(super) mesh: Mesh<'a>,
    pub(super) removed: Removed<'a>,
    /// The conductance to ground of a pivot with no conductance at all.
    pub(super) leak: f64,
    /// Whether all threads may work on it.
    pub(super) parallel: bool,
}

impl NullaryFnOnce for Removal<'_> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        let pivots = self.removed.resistances.len();
        for start in (0..pivots).step_by(PANEL) {
            let end = pivots.min(start + PANEL);
            self.mesh
                .remove_panel(start, end, &mut self.removed, self.leak);
            self.mesh
                .update(start, end, self.removed.shares, self.parallel);
        }
    }
}

impl Mesh<'_> {
    /// Removes the nodes from `start` to `end`: each column is first brought up to date with those before it.
    #[inline(always)]
    fn remove_panel(&mut self, start: usize, end: usize, removed: &mut Removed, leak: f64) {
        let height = self.height;
        for k in start..end {
            let (before, column) = self.conductances.split_at_mut(k * height);
            let column = &mut column[k + 1..height];
            let (done, shares) = removed.shares.split_at_mut(k * height);
            join(
                column,
                k,
                height,
                &before[start * height..],
                &done[start * height..],
            );
            let total = self.ground[k] + sum(column);
            // Sums of numbers that are not negative: the total is 0 if and only if nothing is left.
            let resistance = 1.0 / if total > 0.0 { total } else { leak };
            removed.resistances[k] = resistance;
            let to_ground = self.ground[k];
            let targets = shares[k + 1..height]
                .iter_mut()
                .zip(&mut self.ground[k + 1..]);
            for ((share, ground), conductance) in targets.zip(&*column) {
                *share = conductance * resistance;
                *ground += *share * to_ground;
            }
        }
    }

    /// Adds to the remaining columns what the removal of the nodes from `start` to `end` joins.
    #[inline(always)]
    fn update(&mut self, start: usize, end: usize, shares: &[f64], parallel: bool) {
        let height = self.height;
        let left = height - end;
        if left == 0 {
            return;
        }
        let (panel, rest) = self.conductances.split_at_mut(end * height);
        let panel = &panel[start * height..];
        let shares = &shares[start * height..end * height];
        if left < PACKED {
            update_small(height, end, panel, shares, rest);
            return;
        }
        let panel = MatRef::from_column_major_slice(panel, height, end - start);
        let shares = MatRef::from_column_major_slice(shares, height, end - start);
        let strip = |(s, columns): (usize, &mut [f64])| {
            let first = end + s * STRIP;
            update_strip(height, first, columns, panel, shares);
        };
        if parallel {
            rest.par_chunks_mut(STRIP * height)
                .enumerate()
                .for_each(strip);
        } else {
            rest.chunks_mut(STRIP * height).enumerate().for_each(strip);
        }
    }
}

/// Columns from `first` on: the triangle at the diagonal, and the rectangle below it.
fn update_strip(
    height: usize,
    first: usize,
    columns: &mut [f64],
    panel: MatRef<f64>,
    shares: MatRef<f64>,
) {
    let width = columns.len() / height;
    let target = MatMut::from_column_major_slice_mut(columns, height, width);
    let (_, target) = target.split_at_row_mut(first);
    let (triangle, below) = target.split_at_row_mut(width);
    let shares = shares.subrows(first, width).transpose();
    triangular::matmul(
        triangle,
        BlockStructure::TriangularLower,
        Accum::Add,
        panel.subrows(first, width),
        BlockStructure::Rectangular,
        shares,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    let rows = panel.subrows(first + width, height - first - width);
    faer::linalg::matmul::matmul(below, Accum::Add, rows, shares, 1.0, Par::Seq);
}

/// Column after column.
#[inline(always)]
fn update_small(height: usize, end: usize, panel: &[f64], shares: &[f64], rest: &mut [f64]) {
    for (j, target) in rest.chunks_exact_mut(height).enumerate() {
        let row = end + j;
        join(&mut target[row + 1..], row, height, panel, shares);
    }
}

/// What the removal of pivots joins to node `row`: target_i += sum_k share_k,row c_ik for the nodes i after it, four
/// pivots at a time.
#[inline(always)]
fn join(target: &mut [f64], row: usize, height: usize, panel: &[f64], shares: &[f64]) {
    let mut panels = panel.chunks_exact(4 * height);
    let mut share_columns = shares.chunks_exact(4 * height);
    for (columns, shares) in (&mut panels).zip(&mut share_columns) {
        let share = [0, 1, 2, 3].map(|k| shares[k * height + row]);
        let column = [0, 1, 2, 3].map(|k| &columns[k * height + row + 1..(k + 1) * height]);
        let [c0, c1, c2, c3] = column.map(|c| &c[..target.len()]);
        for (i, target) in target.iter_mut().enumerate() {
            *target +=
                (share[0] * c0[i] + share[1] * c1[i]) + (share[2] * c2[i] + share[3] * c3[i]);
        }
    }
    let columns = panels.remainder().chunks_exact(height);
    let shares = share_columns.remainder().chunks_exact(height);
    for (column, shares) in columns.zip(shares) {
        let share = shares[row];
        for (target, c) in target.iter_mut().zip(&column[row + 1..]) {
            *target += share * c;
        }
    }
}

/// In eight sums side by side.
#[inline(always)]
fn sum(values: &[f64]) -> f64 {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for chunk in chunks {
        for i in 0..8 {
            sums[i] += chunk[i];
        }
    }
    sums.iter().sum::<f64>() + rest.iter().sum::<f64>()
}

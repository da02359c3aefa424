//! What lies between two layers: currents through it both ways, the conductance that it offers its ends, its update.
//!
//! A connection owns its layout in memory: outside, blocks are all that is known of it. A [`Matrix`] is held by the blocks of
//! one of its layers, block after block. The sources' connection is held by the layer above, that to the outputs by the layer
//! below: in each block a row of 64 values, its units', per node on the other side. A connection between two layers in blocks is
//! held by the layer below: in each block a tile for each block above, with a row per unit.
//!
//! The energy has g (v_i - v_j)^2 / 2 of every conductance g, so that it drives the current g v_i into unit j held at
//! 0 V and g v_j into unit i, and offers g to both.

mod dense;
mod input;
mod sources;

use std::ops::Range;

use super::chain::{Connection, Coupling, Kind};
use super::simd::{BLOCK, Row};
use super::update_law::{REGISTERS, RegisterRows, Window};

pub(crate) use dense::{
    AddLines, Contrasted, DriveDown, DriveUp, LineSums, MatrixUpdate, ReadOut, TileSums, Widen,
};
pub(crate) use input::Input;
pub(crate) use sources::{SourceContrast, SourcePass, SourceProduct};

/// Where the parameters of a matrix stand in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Rows are sources, columns units above; positive and negative sources of so many features alternate.
    Pairs(usize),
    /// Rows are features, columns units above.
    Features,
    /// Rows are nodes above that every thread holds whole, columns units below.
    Outputs,
    /// Rows are units below, columns units above: in each block a tile of 64 by 64 for each of so many blocks above, in the
    /// order of their [places](block_at).
    Tiles(usize),
}

/// One thread's part of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    pub(crate) kind: Kind,
    pub(crate) coupling: Coupling,
    layout: Layout,
    /// Rows of 64 values in each block.
    rows: usize,
    /// Number of the first unit of each block within its layer.
    first_units: Vec<usize>,
    /// Those of the columns, of each block or, where rows are units, of each block above.
    windows: Vec<Window>,
    values: Vec<Row>,
}

/// A parameter's registers, laid out like the parameter; those that a law does not have are empty.
pub(crate) type MatrixRegisters = [Vec<Row>; REGISTERS];

impl Matrix {
    /// The part of the sources' connection that belongs to blocks of the layer above, which start at these units.
    pub(super) fn from_sources(connection: &Connection, first_units: Vec<usize>) -> Self {
        let layout = match connection.kind {
            Kind::Pairs => Layout::Pairs(connection.below / 2),
            Kind::Features | Kind::Dense => Layout::Features,
        };
        Self::new(connection, layout, first_units)
    }

    /// The part of a connection that belongs to blocks of the layer below; that above is in blocks, too, or held whole.
    pub(super) fn to_layer(
        connection: &Connection,
        above_in_blocks: bool,
        first_units: Vec<usize>,
    ) -> Self {
        let layout = match above_in_blocks {
            true => Layout::Tiles(connection.above.div_ceil(BLOCK)),
            false => Layout::Outputs,
        };
        Self::new(connection, layout, first_units)
    }

    fn new(connection: &Connection, layout: Layout, first_units: Vec<usize>) -> Self {
        let (below, above) = (connection.below, connection.above);
        let window = |columns: usize| Window::new(connection.window, columns);
        let own = |width: usize| first_units.iter().map(move |first| window(width - first));
        let (rows, windows) = match layout {
            Layout::Pairs(_) | Layout::Features => (below, own(above).collect()),
            Layout::Outputs => (above, own(below).collect()),
            Layout::Tiles(blocks) => {
                let first_above = (0..blocks).map(|place| block_at(place, blocks) * BLOCK);
                let windows = first_above.map(|first| window(above - first)).collect();
                (blocks * BLOCK, windows)
            }
        };
        Self {
            kind: connection.kind,
            coupling: connection.coupling,
            layout,
            rows,
            windows,
            values: vec![Row::ZERO; rows * first_units.len()],
            first_units,
        }
    }

    /// How many tiles there are in each block; 1 where nodes on the other side are held whole.
    pub(crate) fn tiles(&self) -> usize {
        match self.layout {
            Layout::Tiles(blocks) => blocks,
            Layout::Pairs(_) | Layout::Features | Layout::Outputs => 1,
        }
    }

    pub(crate) fn block(&self, k: usize) -> &[Row] {
        &self.values[k * self.rows..(k + 1) * self.rows]
    }

    /// A block to be changed, with its registers and the windows of its columns.
    pub(crate) fn block_mut<'a>(
        &'a mut self,
        registers: &'a mut MatrixRegisters,
        k: usize,
    ) -> (&'a mut [Row], RegisterRows<'a>, &'a [Window]) {
        let range = k * self.rows..(k + 1) * self.rows;
        let registers = registers
            .each_mut()
            .map(|register| match register.is_empty() {
                true => &mut [][..],
                false => &mut register[range.clone()],
            });
        let windows = match self.layout {
            Layout::Tiles(_) => &self.windows[..],
            _ => &self.windows[k..=k],
        };
        (&mut self.values[range], registers, windows)
    }

    /// Tile `m` of block `k`.
    pub(crate) fn tile(&self, k: usize, m: usize) -> &[Row] {
        &self.block(k)[m * BLOCK..][..BLOCK]
    }

    /// So many registers for it, all zero.
    pub(crate) fn registers(&self, count: usize) -> MatrixRegisters {
        std::array::from_fn(|r| match r < count {
            true => vec![Row::ZERO; self.values.len()],
            false => Vec::new(),
        })
    }

    pub(crate) fn values(&self) -> &[Row] {
        &self.values
    }

    /// Copies what of row `i` of the connection is here out of `values`, laid out like its values.
    pub(crate) fn read_row(&self, values: &[Row], i: usize, row: &mut [f32]) {
        let values: &[f32] = bytemuck::cast_slice(values);
        self.for_row(i, |start, step, columns| {
            let from = values[start..].iter().step_by(step);
            row[columns]
                .iter_mut()
                .zip(from)
                .for_each(|(to, g)| *to = *g);
        });
    }

    /// Copies row `i` of the connection to where it is here in `values`, laid out like its values.
    pub(crate) fn write_row(&self, values: &mut [Row], i: usize, row: &[f32]) {
        let values: &mut [f32] = bytemuck::cast_slice_mut(values);
        self.for_row(i, |start, step, columns| {
            let to = values[start..].iter_mut().step_by(step);
            to.zip(&row[columns]).for_each(|(to, g)| *to = *g);
        });
    }

    /// Calls `at(start, step, columns)` for each stretch of row `i` that is here: its columns stand from value `start` on,
    /// `step` values apart.
    fn for_row(&self, i: usize, mut at: impl FnMut(usize, usize, Range<usize>)) {
        let block = self.rows * BLOCK;
        let stored = match self.layout {
            Layout::Pairs(features) if i < features => 2 * i,
            Layout::Pairs(features) => 2 * (i - features) + 1,
            Layout::Features => i,
            Layout::Outputs => {
                if let Some(k) = self.block_of(i) {
                    at(k * block + i % BLOCK, BLOCK, 0..self.rows);
                }
                return;
            }
            Layout::Tiles(blocks) => {
                if let Some(k) = self.block_of(i) {
                    let start = k * block + i % BLOCK * BLOCK;
                    for (place, window) in self.windows.iter().enumerate() {
                        let first = block_at(place, blocks) * BLOCK;
                        let start = start + place * BLOCK * BLOCK;
                        at(start, 1, first..first + window.columns());
                    }
                }
                return;
            }
        };
        for (k, (first, window)) in self.first_units.iter().zip(&self.windows).enumerate() {
            at(
                k * block + stored * BLOCK,
                1,
                *first..first + window.columns(),
            );
        }
    }

    /// As [`Self::write_row`], to the values themselves.
    pub(crate) fn set_row(&mut self, i: usize, row: &[f32]) {
        let mut values = std::mem::take(&mut self.values);
        self.write_row(&mut values, i, row);
        self.values = values;
    }

    /// Total conductance that ends on each source, added to that of its feature.
    pub(crate) fn add_source_sums(&self, sums: &mut [f64]) {
        let rows_per_feature = self.rows / sums.len();
        for (r, row) in self.values.iter().enumerate() {
            let total: f64 = row.0.iter().map(|g| f64::from(*g)).sum();
            sums[r % self.rows / rows_per_feature] += total * self.coupling.conductance();
        }
    }

    /// Which of its blocks unit `i` belongs to, if one does.
    fn block_of(&self, i: usize) -> Option<usize> {
        let start = i / BLOCK * BLOCK;
        self.first_units.iter().position(|first| *first == start)
    }
}

/// Which block of a hidden layer of so many stands at a place in memory.
///
/// Blocks of a hidden layer alternate between its excitatory and its inhibitory half: with conductances and
/// inputs that are positive nearly all inhibitory units are held at 0 V, where they cost next to nothing, and shares of
/// neighbouring blocks would have very unequal work.
pub(super) fn block_at(place: usize, blocks: usize) -> usize {
    let half = blocks / 2;
    match (place % 2, place / 2) {
        (0, pair) if pair < half => pair,
        (_, pair) => half + pair,
    }
}

#[cfg(test)]
mod tests;

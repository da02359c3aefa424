//! What lies between two layers: currents through it both ways, the conductance that it offers its ends, its update.
//!
//! A connection owns its layout in memory: outside, blocks and tiles are all that is known of it. A block of units holds
//! every parameter that ends on one of them, so that it gathers its currents by itself: a connection between two layers in
//! blocks is held twice, by the blocks of the layer above and, turned over, by those of the layer below. Both
//! follow the same local law from the same states, with the same bits. In memory a [`Matrix`] is block after
//! block, and in each block a row of 64 values per node on the other side.
//!
//! The energy has g (v_i - v_j)^2 / 2 of every conductance g, so that it drives the current g v_i into unit j held at
//! 0 V and g v_j into unit i, and offers g to both.

mod dense;
mod input;
mod sources;

use super::chain::{Connection, Coupling, Kind};
use super::simd::{BLOCK, Row};
use super::update_law::{REGISTERS, RegisterRows, Window};

pub(crate) use dense::{Gather, MatrixUpdate, OtherStates, ReadOut};
pub(crate) use input::Input;
pub(crate) use sources::{SourceContrast, SourcePass, SourceProduct};

/// In which order the rows of a matrix stand in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rows {
    /// Positive and negative sources of so many features alternate.
    Pairs(usize),
    /// As they are counted.
    InOrder,
    /// The layer on the other side stands in so many blocks, which have [places](place_of) of their own.
    Blocks(usize),
}

impl Rows {
    /// Those of a layer of `width` nodes in blocks.
    fn in_blocks(width: usize) -> Self {
        Self::Blocks(width.div_ceil(BLOCK))
    }
}

/// One thread's part of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    pub(crate) kind: Kind,
    pub(crate) coupling: Coupling,
    /// Whether it is turned over: rows are nodes above, columns units below.
    turned: bool,
    order: Rows,
    /// Rows of each block.
    rows: usize,
    /// Number of the first unit of each block within its layer.
    first_units: Vec<usize>,
    windows: Vec<Window>,
    values: Vec<Row>,
}

/// A parameter's registers, laid out like the parameter; those that a law does not have are empty.
pub(crate) type MatrixRegisters = [Vec<Row>; REGISTERS];

impl Matrix {
    /// The part of a connection that belongs to blocks of the layer above, which start at these units.
    pub(super) fn above(connection: &Connection, first_units: Vec<usize>) -> Self {
        let order = match connection.kind {
            Kind::Pairs => Rows::Pairs(connection.below / 2),
            Kind::Features => Rows::InOrder,
            Kind::Dense => Rows::in_blocks(connection.below),
        };
        Self::new(connection, false, order, first_units)
    }

    /// The part of a connection that belongs to blocks of the layer below; that above is in blocks, too, or held whole.
    pub(super) fn below(
        connection: &Connection,
        above_in_blocks: bool,
        first_units: Vec<usize>,
    ) -> Self {
        let order = match above_in_blocks {
            true => Rows::in_blocks(connection.above),
            false => Rows::InOrder,
        };
        Self::new(connection, true, order, first_units)
    }

    fn new(connection: &Connection, turned: bool, order: Rows, first_units: Vec<usize>) -> Self {
        let (rows, columns) = match turned {
            true => (connection.above, connection.below),
            false => (connection.below, connection.above),
        };
        let window = |first: &usize| Window::new(connection.window, columns - first);
        Self {
            kind: connection.kind,
            coupling: connection.coupling,
            turned,
            order,
            rows,
            windows: first_units.iter().map(window).collect(),
            values: vec![Row::ZERO; rows * first_units.len()],
            first_units,
        }
    }

    pub(crate) fn block(&self, k: usize) -> &[Row] {
        &self.values[k * self.rows..(k + 1) * self.rows]
    }

    /// A block to be changed, with its registers and its window.
    pub(crate) fn block_mut<'a>(
        &'a mut self,
        registers: &'a mut MatrixRegisters,
        k: usize,
    ) -> (&'a mut [Row], RegisterRows<'a>, &'a Window) {
        let range = k * self.rows..(k + 1) * self.rows;
        let registers = registers
            .each_mut()
            .map(|register| match register.is_empty() {
                true => &mut [][..],
                false => &mut register[range.clone()],
            });
        (&mut self.values[range], registers, &self.windows[k])
    }

    /// The rows of block `k` that belong to block `row` of the other layer; none after the last.
    pub(crate) fn tile(&self, k: usize, row: usize) -> &[Row] {
        let block = self.block(k);
        let start = (row * BLOCK).min(block.len());
        &block[start..(start + BLOCK).min(block.len())]
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
        if self.turned {
            if let Some(block) = self.block_of(i) {
                let column = &values[block * self.rows..][..self.rows];
                for (j, to) in row.iter_mut().enumerate() {
                    *to = column[self.stored_row(j)].0[i % BLOCK];
                }
            }
            return;
        }
        let stored = self.stored_row(i);
        for (k, first) in self.first_units.iter().enumerate() {
            let from = values[k * self.rows + stored].0;
            row[*first..]
                .iter_mut()
                .zip(from)
                .for_each(|(to, g)| *to = g);
        }
    }

    /// Copies row `i` of the connection to where it is here in `values`, laid out like its values.
    pub(crate) fn write_row(&self, values: &mut [Row], i: usize, row: &[f32]) {
        if self.turned {
            if let Some(block) = self.block_of(i) {
                let column = &mut values[block * self.rows..][..self.rows];
                for (j, g) in row.iter().enumerate() {
                    column[self.stored_row(j)].0[i % BLOCK] = *g;
                }
            }
            return;
        }
        let stored = self.stored_row(i);
        for (k, first) in self.first_units.iter().enumerate() {
            let to = &mut values[k * self.rows + stored].0;
            to.iter_mut()
                .zip(&row[*first..])
                .for_each(|(to, g)| *to = *g);
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

    /// Where row `i` stands.
    fn stored_row(&self, i: usize) -> usize {
        match self.order {
            Rows::Pairs(features) if i < features => 2 * i,
            Rows::Pairs(features) => 2 * (i - features) + 1,
            Rows::InOrder => i,
            Rows::Blocks(blocks) => place_of(i / BLOCK, blocks) * BLOCK + i % BLOCK,
        }
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

/// Where a block of a hidden layer of so many stands in memory.
fn place_of(block: usize, blocks: usize) -> usize {
    let half = blocks / 2;
    match block.checked_sub(half) {
        None => 2 * block,
        Some(pair) => (2 * pair + 1).min(blocks - 1),
    }
}

#[cfg(test)]
mod tests;

//! The part of a network that one thread owns: whole blocks of units, with the conductances that are held with them.
//!
//! Every matrix is held once: that between two hidden layers by the layer above it, the output matrix by the layer below.
//!
//! In memory the blocks of a hidden layer alternate between its excitatory and its inhibitory half: with conductances and
//! inputs that are positive nearly all inhibitory units are held at 0 V, where they cost next to nothing, and shares of
//! neighbouring blocks would have very unequal work.

use std::ops::Range;

use super::board::Board;
use super::kernels::{BLOCK, Bounds, ColumnSums, Kernel, Row, RowSums};
use super::team::Barrier;
use super::tree_sum::TreeSum;
use super::{Architecture, Energy, Readout};
use pulp::Arch;

/// The two numbers that each parameter has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Its value, in siemens or ampere.
    Value,
    /// Its velocity in gradient descent with momentum.
    Velocity,
}

/// One dense matrix, the blocks' units along its columns, the other layer's nodes along its rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matrix {
    /// Rows of each block.
    pub(crate) rows: usize,
    /// Conductances, block after block.
    pub(crate) weights: Vec<Row>,
    /// Velocities of gradient descent with momentum, same layout; empty until they are needed.
    pub(crate) velocity: Vec<Row>,
}

impl Matrix {
    fn new(rows: usize, blocks: usize) -> Self {
        Self {
            rows,
            weights: vec![Row::ZERO; rows * blocks],
            velocity: Vec::new(),
        }
    }

    pub(crate) fn block(&self, k: usize) -> &[Row] {
        &self.weights[k * self.rows..(k + 1) * self.rows]
    }

    pub(crate) fn part(&self, part: Part) -> &[Row] {
        match part {
            Part::Value => &self.weights,
            Part::Velocity => &self.velocity,
        }
    }

    pub(crate) fn part_mut(&mut self, part: Part) -> &mut [Row] {
        match part {
            Part::Value => &mut self.weights,
            Part::Velocity => &mut self.velocity,
        }
    }

    /// The rows of block `k` that belong to block `row` of the other layer; none after the last.
    pub(crate) fn tile(&self, k: usize, row: usize) -> &[Row] {
        let block = self.block(k);
        let start = (row * BLOCK).min(block.len());
        &block[start..(start + BLOCK).min(block.len())]
    }

    /// Conductances and velocities of a block; the latter are empty without momentum.
    pub(crate) fn block_mut(&mut self, k: usize) -> (&mut [Row], &mut [Row]) {
        let range = k * self.rows..(k + 1) * self.rows;
        let velocity = match self.velocity.is_empty() {
            true => &mut [][..],
            false => &mut self.velocity[range.clone()],
        };
        (&mut self.weights[range], velocity)
    }
}

/// Which block of a hidden layer of so many stands at a place in memory.
fn block_at(place: usize, blocks: usize) -> usize {
    let half = blocks / 2;
    match (place % 2, place / 2) {
        (0, pair) if pair < half => pair,
        (_, pair) => half + pair,
    }
}

/// Where a block of a hidden layer of so many stands in memory.
pub(crate) fn place_of(block: usize, blocks: usize) -> usize {
    let half = blocks / 2;
    match block.checked_sub(half) {
        None => 2 * block,
        Some(pair) => (2 * pair + 1).min(blocks - 1),
    }
}

/// What belongs to the units of one block, beside the conductances.
#[derive(Clone, Debug)]
pub(crate) struct Units {
    /// Number of the first unit within the layer.
    pub(crate) first: usize,
    /// Bias currents in ampere, and their velocities.
    pub(crate) bias: Row,
    pub(crate) bias_velocity: Row,
    /// Conductance to the layer below and to the layer above, in siemens.
    pub(crate) below: Row,
    pub(crate) above: Row,
    /// Curvature of the unit's energy by itself: 0 in a resistive network, 1 in a Hopfield network.
    own: Row,
    /// That and the conductance that ends on each unit, in siemens, and its reciprocal (0 for none).
    pub(crate) conductance: Row,
    pub(crate) reciprocal: Row,
    /// Interval that each unit's diode allows, in volt.
    pub(crate) lo: Row,
    pub(crate) hi: Row,
    pub(crate) bounds: Bounds,
}

impl Units {
    fn new(architecture: &Architecture, layer: usize, block: usize) -> Self {
        let width = architecture.width(layer);
        let first = block * BLOCK;
        let each = |value: &dyn Fn(usize) -> f32| {
            Row(std::array::from_fn(|c| match first + c {
                j if j < width => value(j),
                _ => 0.0,
            }))
        };
        let (lowest, highest) = architecture.bounds();
        let mut units = Self {
            first,
            bias: Row::ZERO,
            bias_velocity: Row::ZERO,
            below: Row::ZERO,
            above: Row::ZERO,
            own: each(&|_| architecture.own_curvature()),
            conductance: Row::ZERO,
            reciprocal: Row::ZERO,
            lo: each(&|j| architecture.interval(layer, j).0),
            hi: each(&|j| architecture.interval(layer, j).1),
            bounds: Bounds {
                lo: each(&|_| lowest),
                hi: each(&|_| highest),
                only_positive: (lowest, highest) == (0.0, f32::INFINITY),
            },
        };
        units.add_up();
        units
    }

    pub(crate) fn bias_part(&self, part: Part) -> &Row {
        match part {
            Part::Value => &self.bias,
            Part::Velocity => &self.bias_velocity,
        }
    }

    pub(crate) fn bias_part_mut(&mut self, part: Part) -> &mut Row {
        match part {
            Part::Value => &mut self.bias,
            Part::Velocity => &mut self.bias_velocity,
        }
    }

    /// Sets the totals from the conductances to both sides. (The weights of a Hopfield network add nothing.)
    fn add_up(&mut self) {
        for c in 0..BLOCK {
            let sum = self.below.0[c] + self.above.0[c] + self.own.0[c];
            self.conductance.0[c] = sum;
            self.reciprocal.0[c] = if sum > 0.0 { 1.0 / sum } else { 0.0 };
        }
    }
}

/// The blocks of one layer that belong to a share.
#[derive(Clone, Debug)]
pub(crate) struct LayerShare {
    /// Their places among the layer's blocks.
    pub(crate) blocks: Range<usize>,
    /// Conductances from the layer below; for the first layer, rows 2i and 2i + 1 are those from +x_i and -x_i.
    pub(crate) below: Matrix,
    /// Conductances to the output layer; no rows but in the last hidden layer.
    pub(crate) readout: Matrix,
    pub(crate) units: Vec<Units>,
}

/// The output layer's own quantities; every share holds them, and all shares hold the same.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) readout: Readout,
    /// Where output nodes may be, in volt.
    pub(crate) interval: (f32, f32),
    pub(crate) bias: Vec<f32>,
    pub(crate) bias_velocity: Vec<f32>,
    /// Total conductance that ends on each output, in siemens; 1 in a Hopfield network.
    pub(crate) conductance: Vec<f32>,
}

impl Output {
    pub(crate) fn bias_part(&self, part: Part) -> &[f32] {
        match part {
            Part::Value => &self.bias,
            Part::Velocity => &self.bias_velocity,
        }
    }

    pub(crate) fn bias_part_mut(&mut self, part: Part) -> &mut [f32] {
        match part {
            Part::Value => &mut self.bias,
            Part::Velocity => &mut self.bias_velocity,
        }
    }
}

/// One thread's part of the network.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pub(crate) energy: Energy,
    /// The layers that are held in blocks: the hidden ones, or the output layer if there are none.
    pub(crate) layers: Vec<LayerShare>,
    pub(crate) output: Output,
}

/// Number of layers held in blocks.
pub(crate) fn blocked_layers(architecture: &Architecture) -> usize {
    architecture.hidden.len().max(1)
}

/// Splits a network, all weights zero, into at most `threads` shares of whole blocks.
pub(crate) fn split(architecture: &Architecture, threads: usize) -> Vec<Share> {
    let blocks = |l| architecture.width(l).div_ceil(BLOCK);
    let widest = (0..blocked_layers(architecture)).map(blocks).max();
    let shares = threads.clamp(1, widest.unwrap_or(1));
    let layer = |l: usize, t: usize| {
        let range = blocks(l) * t / shares..blocks(l) * (t + 1) / shares;
        let outputs = match l + 1 == architecture.hidden.len() {
            true => architecture.outputs,
            false => 0,
        };
        LayerShare {
            below: Matrix::new(architecture.shape(l).0, range.len()),
            readout: Matrix::new(outputs, range.len()),
            units: range
                .clone()
                .map(|place| match l < architecture.hidden.len() {
                    true => Units::new(architecture, l, block_at(place, blocks(l))),
                    false => Units::new(architecture, l, place),
                })
                .collect(),
            blocks: range,
        }
    };
    let share = |t| Share {
        energy: architecture.energy,
        layers: (0..blocked_layers(architecture))
            .map(|l| layer(l, t))
            .collect(),
        output: Output {
            readout: architecture.readout,
            interval: architecture.interval(architecture.hidden.len(), 0),
            bias: vec![0.0; architecture.outputs],
            bias_velocity: vec![0.0; architecture.outputs],
            conductance: vec![architecture.own_curvature(); architecture.outputs],
        },
    };
    (0..shares).map(share).collect()
}

impl LayerShare {
    /// Which of these blocks unit `i` of the layer belongs to, if one does.
    pub(crate) fn block_of(&self, i: usize) -> Option<usize> {
        self.units
            .iter()
            .position(|units| units.first == i / BLOCK * BLOCK)
    }

    /// Adds up the conductances of this layer's blocks to the layer below and to the outputs anew, and shows what they add
    /// to the layer below if that is hidden.
    fn sum_matrices(&mut self, mut shown: Option<&mut TreeSum>, arch: Arch) {
        if let Some(shown) = &mut shown {
            shown.start(self.below.rows.div_ceil(BLOCK));
        }
        for (k, block) in self.blocks.clone().enumerate() {
            let units = &mut self.units[k];
            for (matrix, sum) in [
                (&self.below, &mut units.below),
                (&self.readout, &mut units.above),
            ] {
                let weights = matrix.block(k);
                ColumnSums { weights, sum }.run_on(arch);
            }
            let Some(shown) = &mut shown else { continue };
            shown.add(block..block + 1, arch, |rows| {
                let sums = &mut bytemuck::cast_slice_mut(rows)[..self.below.rows];
                let weights = self.below.block(k);
                RowSums { weights, sums }.run_on(arch);
            });
        }
    }
}

impl Share {
    /// Whether all weights, conductances, biases and velocities are finite.
    pub(crate) fn is_finite(&self) -> bool {
        let layers = self.layers.iter().all(|layer| {
            let units = layer.units.iter();
            let units = units.flat_map(|u| [&u.bias, &u.bias_velocity, &u.conductance]);
            let matrices = [&layer.below, &layer.readout].into_iter();
            let matrices = matrices.flat_map(|m| m.weights.iter().chain(&m.velocity));
            let mut rows = units.chain(matrices);
            rows.all(|row| row.0.iter().all(|x| x.is_finite()))
        });
        let Output {
            bias,
            bias_velocity,
            conductance,
            ..
        } = &self.output;
        let mut output = [bias, bias_velocity, conductance].into_iter().flatten();
        layers && output.all(|x| x.is_finite())
    }

    /// Whether there are hidden layers; else the output layer is held in blocks.
    pub(crate) fn has_hidden(&self) -> bool {
        self.layers.last().is_some_and(|l| l.readout.rows > 0)
    }

    /// Adds up the conductances of every node anew; every member of the team calls it.
    pub(crate) fn sum_conductances(
        &mut self,
        index: usize,
        arch: Arch,
        board: &Board,
        barrier: &Barrier,
    ) {
        for (l, layer) in self.layers.iter_mut().enumerate() {
            match l {
                0 => layer.sum_matrices(None, arch),
                _ => layer.sum_matrices(Some(&mut board.sums_above[l - 1].write(index)), arch),
            }
        }
        self.exchange_sums(&mut TreeSum::default(), index, arch, board, barrier);
    }

    /// Adds up the conductances of every node, those of each matrix to its own columns being known, and those to its
    /// rows shown where these belong to a hidden layer; every member of the team calls it.
    pub(crate) fn exchange_sums(
        &mut self,
        tree: &mut TreeSum,
        index: usize,
        arch: Arch,
        board: &Board,
        barrier: &Barrier,
    ) {
        self.show_readout_sums(&mut board.readout_sums.write(index), arch);
        barrier.wait();
        for (l, layer) in self.layers.iter_mut().enumerate() {
            let shown = board.sums_above.get(l).map(|sums| sums.all());
            for (units, block) in layer.units.iter_mut().zip(layer.blocks.clone()) {
                if let Some(shown) = &shown {
                    tree.start(1);
                    shown
                        .iter()
                        .for_each(|parts| parts.add_to(tree, block, arch));
                    units.above = tree.total(arch)[0];
                }
                units.add_up();
            }
        }
        let conductance = &mut self.output.conductance;
        conductance.fill(0.0);
        for sums in board.readout_sums.all() {
            for block in sums.chunks_exact(conductance.len()) {
                for (total, sum) in conductance.iter_mut().zip(block) {
                    *total += sum;
                }
            }
        }
    }

    /// The conductance that each block adds to each output.
    fn show_readout_sums(&self, sums: &mut [f32], arch: Arch) {
        let outputs = self.output.conductance.len();
        let layer = self.layers.last().expect("at least one layer");
        for (k, sums) in sums.chunks_exact_mut(outputs).enumerate() {
            if self.has_hidden() {
                let weights = layer.readout.block(k);
                RowSums { weights, sums }.run_on(arch);
                continue;
            }
            let first = layer.units[k].first;
            let count = BLOCK.min(outputs - first);
            sums.fill(0.0);
            sums[first..first + count].copy_from_slice(&layer.units[k].below.0[..count]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_alternate_between_the_halves_of_a_layer_and_the_last_stays_last() {
        let places = |blocks| (0..blocks).map(|p| block_at(p, blocks)).collect::<Vec<_>>();
        assert_eq!(places(6), [0, 3, 1, 4, 2, 5]);
        assert_eq!(places(5), [0, 2, 1, 3, 4]);
        for blocks in 1..20 {
            for place in 0..blocks {
                assert_eq!(
                    place_of(block_at(place, blocks), blocks),
                    place,
                    "of {blocks}"
                );
            }
            assert_eq!(block_at(blocks - 1, blocks), blocks - 1);
        }
    }
}

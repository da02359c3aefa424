//! The part of a network that one thread owns: whole blocks of units, with every conductance that ends on them.
//!
//! The matrix between two hidden layers is held twice, once by each side, so that relaxing a layer is
//! the same contiguous stream in both directions and its column sums need no exchange. The input
//! matrix and the output matrix, by far the largest in the networks of the literature, are held once.

use std::ops::Range;

use super::board::Board;
use super::kernels::{BLOCK, Bounds, ColumnSums, Kernel, Row, RowSums};
use super::team::Barrier;
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

/// What belongs to the units of one block, beside the conductances.
#[derive(Clone, Debug)]
pub(crate) struct Units {
    /// Bias currents in ampere, and their velocities.
    pub(crate) bias: Row,
    pub(crate) bias_velocity: Row,
    /// Conductance to the layer above, in siemens.
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
        let each = |value: &dyn Fn(usize) -> f32| {
            Row(std::array::from_fn(|c| match block * BLOCK + c {
                j if j < width => value(j),
                _ => 0.0,
            }))
        };
        let (lowest, highest) = architecture.bounds();
        let mut units = Self {
            bias: Row::ZERO,
            bias_velocity: Row::ZERO,
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
        units.set_conductance(&Row::ZERO);
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

    /// Sets the totals from the conductance to the layer below; that to the layer above is known. (The weights of a
    /// Hopfield network add nothing.)
    pub(crate) fn set_conductance(&mut self, below: &Row) {
        for c in 0..BLOCK {
            let sum = below.0[c] + self.above.0[c] + self.own.0[c];
            self.conductance.0[c] = sum;
            self.reciprocal.0[c] = if sum > 0.0 { 1.0 / sum } else { 0.0 };
        }
    }
}

/// The blocks of one layer that belong to a share.
#[derive(Clone, Debug)]
pub(crate) struct LayerShare {
    /// Their numbers within the layer.
    pub(crate) blocks: Range<usize>,
    /// Conductances from the layer below; for the first layer, rows 2i and 2i + 1 are those from +x_i and -x_i.
    pub(crate) below: Matrix,
    /// Conductances to the layer above; no rows for the output layer.
    pub(crate) above: Matrix,
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
        let above = match l < architecture.hidden.len() {
            true => architecture.width(l + 1),
            false => 0,
        };
        LayerShare {
            below: Matrix::new(architecture.shape(l).0, range.len()),
            above: Matrix::new(above, range.len()),
            units: range
                .clone()
                .map(|b| Units::new(architecture, l, b))
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
    /// Adds up the conductances of block `k` to the layer above anew.
    pub(crate) fn sum_above(&mut self, k: usize, arch: Arch) {
        let (weights, sum) = (self.above.block(k), &mut self.units[k].above);
        ColumnSums { weights, sum }.run_on(arch);
    }

    /// Adds up the conductances of block `k` to the layer below anew, and with them the totals.
    pub(crate) fn sum_below(&mut self, k: usize, arch: Arch) {
        let (weights, mut sum) = (self.below.block(k), Row::ZERO);
        ColumnSums {
            weights,
            sum: &mut sum,
        }
        .run_on(arch);
        self.units[k].set_conductance(&sum);
    }
}

impl Share {
    /// Whether all weights, conductances, biases and velocities are finite.
    pub(crate) fn is_finite(&self) -> bool {
        let layers = self.layers.iter().all(|layer| {
            let units = layer.units.iter();
            let units = units.flat_map(|u| [&u.bias, &u.bias_velocity, &u.conductance]);
            let matrices = [&layer.below, &layer.above].into_iter();
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

    /// Sums the conductances of the outputs over all shares; every member of the team calls it.
    pub(crate) fn sum_outputs(
        &mut self,
        index: usize,
        arch: Arch,
        board: &Board,
        barrier: &Barrier,
    ) {
        let outputs = self.output.conductance.len();
        let layer = self.layers.last().expect("at least one layer");
        let mut sums = board.readout_sums.write(index);
        for (k, sums) in sums.chunks_exact_mut(outputs).enumerate() {
            match layer.above.rows {
                0 => {
                    let first = (layer.blocks.start + k) * BLOCK;
                    let count = BLOCK.min(outputs - first);
                    let own = &layer.units[k].conductance.0;
                    sums.fill(0.0);
                    sums[first..first + count].copy_from_slice(&own[..count]);
                }
                _ => RowSums {
                    weights: layer.above.block(k),
                    sums,
                }
                .run_on(arch),
            }
        }
        drop(sums);
        barrier.wait();
        let conductance = &mut self.output.conductance;
        conductance.fill(0.0);
        for sums in board.readout_sums.all() {
            for block in sums.chunks_exact(outputs) {
                for (total, sum) in conductance.iter_mut().zip(block) {
                    *total += sum;
                }
            }
        }
    }
}

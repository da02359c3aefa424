//! The part of a network that one thread owns: whole blocks of units, with the connections that are held with them.

use std::ops::Range;

use pulp::Arch;

use super::board::Board;
use super::team::Barrier;
use crate::drn::Readout;
use crate::drn::chain::{Chain, Coupling, Layer};
use crate::drn::connection::{Matrix, block_at};
use crate::drn::law::{BlockLaw, Element, LayerLaw, Unit};
use crate::drn::simd::{BLOCK, ColumnSums, Kernel, Row, RowSums};
use crate::threads::startable;

/// What belongs to the units of one block, beside the connections.
#[derive(Clone, Debug)]
pub(crate) struct Units {
    /// Number of the first unit within the layer.
    pub(crate) first: usize,
    /// Bias currents in ampere.
    pub(crate) bias: Row,
    /// Conductance to the layer below and to the layer above, in siemens.
    pub(crate) below: Row,
    pub(crate) above: Row,
    pub(crate) law: Box<dyn BlockLaw>,
}

impl Units {
    fn new(layer: &Layer, first: usize) -> Self {
        Self {
            first,
            bias: Row::ZERO,
            below: Row::ZERO,
            above: Row::ZERO,
            law: layer.law.block(first, layer.width),
        }
    }

    /// The conductance that the neighbours offer, in siemens.
    pub(super) fn conductance(&self) -> Row {
        let mut sum = self.below;
        sum.0
            .iter_mut()
            .zip(self.above.0)
            .for_each(|(sum, above)| *sum += above);
        sum
    }

    /// Tells the law the conductance that the neighbours offer.
    fn add_up(&mut self) {
        let conductance = self.conductance();
        self.law.set_conductance(&conductance);
    }

    /// What its units have by themselves.
    pub(super) fn elements<'a>(&self, layer: &'a LayerShare) -> impl Iterator<Item = &'a Element> {
        let width = layer.width;
        let units = (self.first..width).take(BLOCK);
        units.map(move |index| layer.law.element(Unit { index, width }))
    }
}

/// The blocks of one layer that belong to a share.
#[derive(Clone, Debug)]
pub(crate) struct LayerShare {
    /// Number of units of the whole layer, and what they obey.
    width: usize,
    law: LayerLaw,
    /// Their places among the layer's blocks.
    pub(crate) blocks: Range<usize>,
    pub(crate) units: Vec<Units>,
    /// What joins them to the layer below, and to that above, if there is one.
    pub(crate) below: Matrix,
    pub(crate) above: Option<Matrix>,
}

impl LayerShare {
    /// Adds up the conductances that end on its units anew.
    fn sum_columns(&mut self, arch: Arch) {
        for (k, units) in self.units.iter_mut().enumerate() {
            let ends = [
                (Some(&self.below), &mut units.below),
                (self.above.as_ref(), &mut units.above),
            ];
            for (matrix, sum) in ends {
                if let Some(matrix) = matrix
                    && matrix.coupling == Coupling::Resistor
                {
                    let weights = matrix.block(k);
                    ColumnSums { weights, sum }.run_on(arch);
                }
            }
        }
    }
}

/// The output layer: every share holds all of it, so that no thread waits for another to relax a few nodes.
#[derive(Clone, Debug)]
pub(crate) struct OutputLayer {
    pub(crate) readout: Readout,
    /// Where its nodes may be, in volt.
    pub(crate) interval: (f32, f32),
    /// Slope of their own law, in siemens.
    slope: f32,
    /// Bias currents in ampere.
    pub(crate) bias: Vec<f32>,
    /// Total conductance that ends on each node, with the slope of its law, in siemens.
    pub(crate) conductance: Vec<f32>,
}

impl OutputLayer {
    fn new(layer: &Layer, readout: Readout) -> Self {
        let unit = Unit {
            index: 0,
            width: layer.width,
        };
        let (lo, hi) = layer.law.interval(unit);
        let slope = layer.law.interior_slope(unit) as f32;
        Self {
            readout,
            interval: (lo as f32, hi as f32),
            slope,
            bias: vec![0.0; layer.width],
            conductance: vec![slope; layer.width],
        }
    }
}

/// One thread's part of the network.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    /// The layers that are held in blocks: the hidden ones, or the output layer if there are none.
    pub(crate) layers: Vec<LayerShare>,
    pub(crate) output: OutputLayer,
}

/// Number of layers held in blocks: a network without hidden layers holds its outputs so, for its only connection.
fn blocked_layers(chain: &Chain) -> usize {
    chain.output().max(1)
}

/// How many threads a network can be split over: one per block of its widest layer in blocks.
pub(crate) fn most_shares(chain: &Chain) -> usize {
    let layers = chain.layers.iter().take(blocked_layers(chain));
    layers
        .map(|layer| layer.width.div_ceil(BLOCK))
        .max()
        .unwrap_or(1)
}

/// Splits a network, all parameters zero, into at most `threads` shares of whole blocks, and no more than the system lets
/// threads start.
pub(crate) fn split(chain: &Chain, readout: Readout, threads: usize) -> Vec<Share> {
    let shares = startable(threads.clamp(1, most_shares(chain)));
    (0..shares)
        .map(|t| share(chain, readout, t, shares))
        .collect()
}

/// Share `t` of so many.
fn share(chain: &Chain, readout: Readout, t: usize, shares: usize) -> Share {
    let output = chain.output();
    let layer = |l: usize| {
        let layer = &chain.layers[l];
        let blocks = layer.width.div_ceil(BLOCK);
        let range = blocks * t / shares..blocks * (t + 1) / shares;
        let first = |place: usize| match l < output {
            true => block_at(place, blocks) * BLOCK,
            false => place * BLOCK,
        };
        let first_units: Vec<usize> = range.clone().map(first).collect();
        let above = chain.connections.get(l + 1).map(|connection| {
            let above_in_blocks = l + 1 < output;
            Matrix::below(connection, above_in_blocks, first_units.clone())
        });
        LayerShare {
            width: layer.width,
            law: layer.law.clone(),
            units: range.clone().map(|p| Units::new(layer, first(p))).collect(),
            blocks: range,
            below: Matrix::above(&chain.connections[l], first_units),
            above,
        }
    };
    Share {
        layers: (0..blocked_layers(chain)).map(layer).collect(),
        output: OutputLayer::new(&chain.layers[output], readout),
    }
}

impl Share {
    /// The output layer among the free layers.
    pub(crate) fn output_layer(&self) -> usize {
        match self.has_hidden() {
            true => self.layers.len(),
            false => 0,
        }
    }

    /// Whether there are hidden layers; else the output layer is held in blocks, too.
    pub(crate) fn has_hidden(&self) -> bool {
        self.readout().is_some()
    }

    /// The connection to the outputs, if they have a layer in blocks below.
    pub(crate) fn readout(&self) -> Option<&Matrix> {
        self.layers.last()?.above.as_ref()
    }

    /// The connection of hidden layer `l` to the layer above it.
    pub(crate) fn connection_above(&self, l: usize) -> &Matrix {
        let above = self.layers[l].above.as_ref();
        above.expect("a layer above every hidden layer")
    }

    /// The connection between free layer `l` and what is below it: as the layer above holds it, if that is in blocks.
    pub(crate) fn connection(&self, l: usize) -> &Matrix {
        match self.layers.get(l) {
            Some(layer) => &layer.below,
            None => self.connection_above(l - 1),
        }
    }

    /// Sets what this share has of row `i` of the connection between free layer `l` and what is below it.
    pub(crate) fn set_row(&mut self, l: usize, i: usize, row: &[f32]) {
        let below = l
            .checked_sub(1)
            .and_then(|l| self.layers.get_mut(l)?.above.as_mut());
        below.into_iter().for_each(|matrix| matrix.set_row(i, row));
        if let Some(layer) = self.layers.get_mut(l) {
            layer.below.set_row(i, row);
        }
    }

    /// Whether all parameters and all sums of conductances are finite.
    pub(crate) fn is_finite(&self) -> bool {
        let units = self.layers.iter().flat_map(|layer| &layer.units);
        let matrices = (0..=self.output_layer()).map(|l| self.connection(l));
        let mut rows = units
            .flat_map(|units| [&units.bias, units.law.curvature()])
            .chain(matrices.flat_map(Matrix::values));
        let output = &self.output;
        let mut outputs = output.bias.iter().chain(&output.conductance);
        rows.all(|row| row.0.iter().all(|x| x.is_finite())) && outputs.all(|x| x.is_finite())
    }

    /// Adds up the conductances of every node anew; every member of the team calls it.
    pub(crate) fn sum_conductances(
        &mut self,
        index: usize,
        arch: Arch,
        board: &Board,
        barrier: &Barrier,
    ) {
        self.layers
            .iter_mut()
            .for_each(|layer| layer.sum_columns(arch));
        self.exchange_sums(index, arch, board, barrier);
    }

    /// Adds up the conductances of every node, those of each matrix to its own columns being known; every member of the
    /// team calls it.
    pub(crate) fn exchange_sums(
        &mut self,
        index: usize,
        arch: Arch,
        board: &Board,
        barrier: &Barrier,
    ) {
        if self.connection(0).coupling == Coupling::Weight {
            barrier.wait(); // others have read the states
            return;
        }
        self.show_output_sums(&mut board.output_sums.write(index), arch);
        barrier.wait();
        let units = self.layers.iter_mut().flat_map(|layer| &mut layer.units);
        units.for_each(Units::add_up);
        let conductance = &mut self.output.conductance;
        conductance.fill(self.output.slope);
        for sums in board.output_sums.all() {
            for block in sums.chunks_exact(conductance.len()) {
                for (total, sum) in conductance.iter_mut().zip(block) {
                    *total += sum;
                }
            }
        }
    }

    /// The conductance that each block adds to each output.
    fn show_output_sums(&self, sums: &mut [f32], arch: Arch) {
        let outputs = self.output.conductance.len();
        for (k, sums) in sums.chunks_exact_mut(outputs).enumerate() {
            if let Some(readout) = self.readout() {
                let weights = readout.block(k);
                RowSums { weights, sums }.run_on(arch);
                continue;
            }
            let units = &self.layers[0].units[k];
            let count = BLOCK.min(outputs - units.first);
            sums.fill(0.0);
            sums[units.first..][..count].copy_from_slice(&units.below.0[..count]);
        }
    }
}

//! The part of a network that one thread owns: whole blocks of units, with the connections that are held with them.

use std::ops::Range;

use pulp::Arch;

use super::board::Board;
use super::team::Barrier;
use crate::drn::Readout;
use crate::drn::chain::{Chain, Coupling, Layer};
use crate::drn::connection::{Matrix, TileSums, block_at};
use crate::drn::law::{BlockLaw, Element, LayerLaw, Unit};
use crate::drn::simd::{BLOCK, ColumnSums, Kernel, Row, RowSums, TreeSum};
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
    /// What joins them to the layer above, if there is one.
    pub(crate) above: Option<Matrix>,
}

impl LayerShare {
    /// The number of units in block `k`.
    pub(super) fn units_of(&self, k: usize) -> usize {
        BLOCK.min(self.width - self.units[k].first)
    }

    /// Starts to add up the conductances to the layer above; `columns` is what this share adds to those there, if it is in
    /// blocks.
    pub(super) fn start_sums(&self, columns: Option<&mut TreeSum>) {
        if let (Some(matrix), Some(columns)) = (&self.above, columns) {
            columns.start(matrix.tiles());
        }
    }

    /// Adds up those of block `k`.
    pub(super) fn sum_block(&mut self, k: usize, columns: Option<&mut TreeSum>, arch: Arch) {
        let Some(matrix) = &self.above else { return };
        let (block, sum) = (matrix.block(k), &mut self.units[k].above);
        let Some(columns) = columns else {
            let weights = block;
            ColumnSums { weights, sum }.run_on(arch);
            return;
        };
        *sum = Row::ZERO;
        let place = self.blocks.start + k;
        columns.add(place..place + 1, arch, |columns| {
            for (tile, columns) in block.chunks_exact(BLOCK).zip(columns) {
                let rows = &mut *sum;
                TileSums {
                    tile,
                    rows,
                    columns,
                }
                .run_on(arch);
            }
        });
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
    /// What joins the units of the first layer to the sources.
    pub(crate) sources: Matrix,
    /// The layers that are held in blocks: the hidden ones, or the output layer if there are none.
    pub(crate) layers: Vec<LayerShare>,
    pub(crate) output: OutputLayer,
    /// Memory for sums over the blocks of a layer.
    sum: TreeSum,
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
        let units: Vec<Units> = range.clone().map(|p| Units::new(layer, first(p))).collect();
        let above = chain
            .connections
            .get(l + 1)
            .map(|connection| Matrix::to_layer(connection, l + 1 < output, first_units(&units)));
        LayerShare {
            width: layer.width,
            law: layer.law.clone(),
            blocks: range,
            units,
            above,
        }
    };
    let layers: Vec<LayerShare> = (0..blocked_layers(chain)).map(layer).collect();
    Share {
        sources: Matrix::from_sources(&chain.connections[0], first_units(&layers[0].units)),
        layers,
        output: OutputLayer::new(&chain.layers[output], readout),
        sum: TreeSum::default(),
    }
}

/// The numbers of the first units of blocks.
fn first_units(units: &[Units]) -> Vec<usize> {
    units.iter().map(|units| units.first).collect()
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

    /// The connection between free layer `l` and what is below it.
    pub(crate) fn connection(&self, l: usize) -> &Matrix {
        match l.checked_sub(1) {
            None => &self.sources,
            Some(below) => {
                let above = self.layers[below].above.as_ref();
                above.expect("a layer above every hidden layer")
            }
        }
    }

    /// Sets what this share has of row `i` of the connection between free layer `l` and what is below it.
    pub(crate) fn set_row(&mut self, l: usize, i: usize, row: &[f32]) {
        let matrix = match l.checked_sub(1) {
            None => Some(&mut self.sources),
            Some(below) => self.layers[below].above.as_mut(),
        };
        matrix.into_iter().for_each(|matrix| matrix.set_row(i, row));
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
        if self.sources.coupling == Coupling::Resistor {
            for (k, units) in self.layers[0].units.iter_mut().enumerate() {
                let (weights, sum) = (self.sources.block(k), &mut units.below);
                ColumnSums { weights, sum }.run_on(arch);
            }
            for (l, layer) in self.layers.iter_mut().enumerate() {
                let mut columns = board.sums.get(l).map(|sums| sums.write(index));
                layer.start_sums(columns.as_deref_mut());
                for k in 0..layer.units.len() {
                    layer.sum_block(k, columns.as_deref_mut(), arch);
                }
            }
        }
        self.exchange_sums(index, arch, board, barrier);
    }

    /// Adds up the conductances of every node, once each share has added up what it holds of each connection; every member of
    /// the team calls it.
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
        let sum = &mut self.sum;
        for (sums, layer) in board.sums.iter().zip(&mut self.layers[1..]) {
            let shown = sums.all();
            for (place, units) in layer.blocks.clone().zip(&mut layer.units) {
                sum.start(1);
                shown.iter().for_each(|part| part.add_to(sum, place, arch));
                units.below = sum.total(arch).first().copied().unwrap_or(Row::ZERO);
            }
        }
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

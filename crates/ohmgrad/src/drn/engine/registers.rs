//! What an optimiser remembers of every parameter.

use super::share::Share;
use crate::drn::connection::MatrixRegisters;
use crate::drn::simd::{Row, gather_units, set_units};
use crate::drn::update_law::REGISTERS;

/// One share's registers, laid out like the parameters that they go with.
#[derive(Clone, Debug)]
pub(crate) struct Registers {
    pub(super) connections: Vec<MatrixRegisters>,
    /// Per layer in blocks and register, a row for each block's biases.
    pub(super) biases: Vec<[Vec<Row>; REGISTERS]>,
    /// Those of the outputs' biases.
    pub(super) output: [Vec<f32>; REGISTERS],
}

impl Registers {
    /// So many for every parameter of a share, all zero.
    pub(crate) fn new(share: &Share, count: usize) -> Self {
        let sized = |r: usize, size: usize| if r < count { size } else { 0 };
        let rows = |blocks: usize| std::array::from_fn(|r| vec![Row::ZERO; sized(r, blocks)]);
        let outputs = share.output.bias.len();
        Self {
            connections: (0..=share.output_layer())
                .map(|l| share.connection(l).registers(count))
                .collect(),
            biases: share
                .layers
                .iter()
                .map(|layer| rows(layer.units.len()))
                .collect(),
            output: std::array::from_fn(|r| vec![0.0; sized(r, outputs)]),
        }
    }

    /// Copies what this share has of register `r` of row `i` of matrix `l` into `row`.
    pub(crate) fn read_row(&self, share: &Share, r: usize, l: usize, i: usize, row: &mut [f32]) {
        share
            .connection(l)
            .read_row(&self.connections[l][r], i, row);
    }

    /// The inverse of [`Self::read_row`].
    pub(crate) fn write_row(&mut self, share: &Share, r: usize, l: usize, i: usize, row: &[f32]) {
        share
            .connection(l)
            .write_row(&mut self.connections[l][r], i, row);
    }

    /// Sets what this share has of register `r` of the biases of free layer `l`.
    pub(crate) fn write_biases(&mut self, share: &Share, r: usize, l: usize, biases: &[f32]) {
        if l == share.output_layer() {
            self.output[r].copy_from_slice(biases);
            return;
        }
        for (units, row) in share.layers[l].units.iter().zip(&mut self.biases[l][r]) {
            set_units(row, &biases[units.first..]);
        }
    }

    /// Register `r` of the biases of free layer `l`, which has `width` units.
    pub(crate) fn read_biases(
        shares: &[Share],
        registers: &[Self],
        (r, l, width): (usize, usize, usize),
    ) -> Vec<f32> {
        if l == shares[0].output_layer() {
            return registers[0].output[r].clone();
        }
        let parts = shares.iter().zip(registers);
        let blocks = parts.flat_map(|(share, registers)| {
            let units = share.layers[l].units.iter();
            units.zip(&registers.biases[l][r])
        });
        gather_units(width, blocks.map(|(units, row)| (units.first, row)))
    }

    /// Whether all are finite.
    pub(crate) fn are_finite(&self) -> bool {
        let matrices = self.connections.iter().flatten();
        let biases = self.biases.iter().flatten();
        let mut rows = matrices.chain(biases).flatten();
        let mut outputs = self.output.iter().flatten();
        rows.all(|row: &Row| row.0.iter().all(|x| x.is_finite())) && outputs.all(|x| x.is_finite())
    }
}

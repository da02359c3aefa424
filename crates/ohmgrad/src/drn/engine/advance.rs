//! The contrastive update: one local law for every conductance and bias, whatever rule made the two states.
//!
//! ```text
//! g <- clamp(g - rate * mean_batch[(u_second^2 - u_first^2) / 2] / span)
//! b <-        b + rate * mean_batch[ v_second - v_first ]        / span
//! ```
//!
//! with u the voltage across the conductance and span = beta_second - beta_first. The gradient is never
//! stored: with d = v_second - v_first and s the mean of the two, (u_second^2 - u_first^2) / 2 is
//! d_j (s_j - x_i) for a conductance to a source at x_i, and
//! d_i s_i + d_j s_j - (v_second_i v_second_j - v_first_i v_first_j) between two free nodes: sums of a
//! row term, a column term and one product per example. A weight, by which the energy has the derivative
//! -s_i s_j, has the product alone, and its update is
//!
//! ```text
//! w <- w + rate * mean_batch[s_second_i s_second_j - s_first_i s_first_j] / span
//! ```
//!
//! Written here is plain descent; what else may follow from a gradient is an [`UpdateLaw`].

use std::ops::DerefMut;

use super::registers::Registers;
use super::share::Share;
use super::worker::{States, Worker};
use crate::drn::chain::{BiasBounds, Coupling};
use crate::drn::connection::{
    Contrasted, MatrixRegisters, MatrixUpdate, SourceContrast, SourcePass,
};
use crate::drn::program;
use crate::drn::simd::{Active, BLOCK, Kernel, Row};
use crate::drn::update_law::{REGISTERS, UpdateLaw};

/// An update that is due: the contrast of two states of the last step, and the laws to follow.
#[derive(Clone, Copy)]
pub(crate) struct Update<'a> {
    /// Number of states contrasted: the examples, times the sweeps that are contrasted of each.
    states: usize,
    /// First slot of the first and of the second state.
    first: usize,
    second: usize,
    /// How many slots after its two states the mean s of a layer with an odd number has its own place; 0 where it
    /// is the mean of the two.
    lag: usize,
    /// 1 / (examples * span)
    mean: f32,
    /// One law per connection, and one per free layer's biases.
    weights: &'a [UpdateLaw],
    biases: &'a [UpdateLaw],
    /// The window of all biases.
    bounds: BiasBounds,
}

impl<'a> Update<'a> {
    /// The update along a program's contrast for a step with so many examples in batches of `batch`.
    pub(crate) fn new(
        contrast: &program::Contrast,
        examples: usize,
        batch: usize,
        (weights, biases): (&'a [UpdateLaw], &'a [UpdateLaw]),
        bounds: BiasBounds,
    ) -> Self {
        // Several sweeps of all slots are contrasted, empty ones too, which contribute nothing; else the examples alone.
        let (states, span) = match contrast.sweeps {
            None => (examples, contrast.span),
            Some(sweeps) => {
                let states = batch * sweeps;
                (states, examples as f32 / states as f32)
            }
        };
        Self {
            states,
            first: contrast.first * batch,
            second: contrast.second * batch,
            lag: contrast.lag * batch,
            mean: 1.0 / (states as f32 * span),
            weights,
            biases,
            bounds,
        }
    }

    fn states<'r>(&self, rows: &'r [Row]) -> (&'r [Row], &'r [Row]) {
        self.states_after(rows, 0)
    }

    fn states_after<'r>(&self, rows: &'r [Row], slots: usize) -> (&'r [Row], &'r [Row]) {
        let slots = |start: usize| &rows[start + slots..][..self.states];
        (slots(self.first), slots(self.second))
    }

    /// scale * sum_b d_b s_b, for each unit of a block of layer `l`; `rows` are all its slots. Weights have no
    /// such term.
    fn scaled_drop(&self, coupling: Coupling, l: usize, rows: &[Row], scale: f32) -> Row {
        if coupling == Coupling::Weight {
            return Row::ZERO;
        }
        let (first, second) = self.states(rows);
        let means = self.states_after(rows, if l.is_multiple_of(2) { 0 } else { self.lag });
        let mut sum = Row::ZERO;
        for (state, mean) in first.iter().zip(second).zip(means.0.iter().zip(means.1)) {
            for c in 0..BLOCK {
                let rise = state.1.0[c] - state.0.0[c];
                sum.0[c] += rise * (mean.1.0[c] + mean.0.0[c]) * 0.5;
            }
        }
        sum.0.iter_mut().for_each(|sum| *sum *= scale);
        sum
    }
}

impl States {
    /// Starts anew, keeping the memory.
    fn clear(&mut self) {
        self.first.clear();
        self.second.clear();
        self.active.clear();
        self.drops.clear();
    }

    /// Adds a block of layer `l`, whose slots are `rows`, for a connection that ends there.
    fn push(&mut self, update: &Update, coupling: Coupling, l: usize, rows: &[Row], scale: f32) {
        let (first, second) = update.states(rows);
        self.first.extend_from_slice(first);
        self.second.extend_from_slice(second);
        let states = first.iter().zip(second);
        self.active
            .extend(states.map(|(first, second)| Active::any(&[first, second].map(Active::of))));
        self.drops
            .push(update.scaled_drop(coupling, l, rows, scale));
    }

    fn contrasted(&self) -> Contrasted<'_> {
        Contrasted {
            first: &self.first,
            second: &self.second,
            active: &self.active,
            drops: &self.drops,
        }
    }
}

impl<S: DerefMut<Target = Share>> Worker<'_, S> {
    /// Applies an update and drives the network with the next input. Only the sources' connection meets both at once, in
    /// one pass; `between` is told when the others are done.
    pub(crate) fn advance(
        &mut self,
        update: &Update,
        registers: &mut Registers,
        between: impl FnOnce(),
    ) {
        self.update_inner(update, registers);
        between();
        self.update_sources(update, registers);
        self.share
            .exchange_sums(self.index, self.arch, self.board, self.barrier);
    }

    /// Updates all biases and all connections but the sources'.
    fn update_inner(&mut self, update: &Update, registers: &mut Registers) {
        let output = self.share.output_layer();
        for l in 0..output {
            self.collect(l + 1, update);
            self.update_blocks(l, update, &mut registers.connections[l + 1]);
            self.update_biases(l, update, &mut registers.biases[l]);
        }
        self.update_output_bias(update, &mut registers.output);
    }

    /// One pass over the sources' connection: the update, and the product with the next input.
    fn update_sources(&mut self, update: &Update, registers: &mut Registers) {
        let Share {
            sources, layers, ..
        } = &mut *self.share;
        let units = &mut layers[0].units;
        let (kind, coupling) = (sources.kind, sources.coupling);
        let state = self.board.layers[0].read(self.index);
        let law = update.weights[0];
        let scale = update.mean * law.gradient_scale();
        let space = &mut *self.space;
        let currents = space.currents.chunks_exact_mut(space.batch);
        for (k, currents) in currents.enumerate() {
            let rows = &state.rows[state.range(k, &(0..state.slots))];
            let slopes = &mut space.update.slopes;
            slopes.clear();
            slopes.resize(space.last_input.slots(), Row::ZERO);
            add_slopes(update.states(rows), scale, &mut slopes[..space.batch]);
            let units = &mut units[k];
            units.below = Row::ZERO;
            let registers = &mut registers.connections[0];
            let (weights, registers, windows) = sources.block_mut(registers, k);
            SourcePass {
                kind,
                weights,
                registers,
                contrast: SourceContrast {
                    input: &space.last_input,
                    rise: &update.scaled_drop(coupling, 0, rows, -scale),
                    slopes,
                    law,
                    window: &windows[0],
                },
                input: &space.input,
                sum: &mut units.below,
                currents,
            }
            .run_on(self.arch);
        }
    }

    /// Collects the two states of layer `l` for the connection to the layer below it.
    fn collect(&mut self, l: usize, update: &Update) {
        let coupling = self.share.connection(l).coupling;
        let scale = update.mean * update.weights[l].gradient_scale();
        let space = &mut self.space.update;
        space.above.clear();
        if l < self.share.output_layer() {
            for state in self.board.layers[l].all() {
                for k in 0..state.blocks() {
                    let rows = &state.rows[state.range(k, &(0..state.slots))];
                    space.above.push(update, coupling, l, rows, scale);
                }
            }
            return;
        }
        let count = self.share.output.bias.len();
        let slots = self.space.outputs.chunks_exact(count);
        for block in (0..count).step_by(BLOCK) {
            let row = |potentials: &[f32]| {
                let mut row = Row::ZERO;
                let values = potentials[block..].iter();
                row.0.iter_mut().zip(values).for_each(|(to, v)| *to = *v);
                row
            };
            space.outputs.clear();
            space.outputs.extend(slots.clone().map(row));
            let rows = &space.outputs;
            space.above.push(update, coupling, l, rows, scale);
        }
    }

    /// Updates what joins layer `l` to the layer above, whose states have been collected, and adds up its conductances.
    fn update_blocks(&mut self, l: usize, update: &Update, registers: &mut MatrixRegisters) {
        let (arch, space) = (self.arch, &mut self.space.update);
        let law = update.weights[l + 1];
        let scale = update.mean * law.gradient_scale();
        let state = self.board.layers[l].read(self.index);
        let mut sums = self.board.sums.get(l).map(|sums| sums.write(self.index));
        let layer = &mut self.share.layers[l];
        layer.start_sums(sums.as_deref_mut());
        for k in 0..layer.units.len() {
            let units = layer.units_of(k);
            let Some(matrix) = &mut layer.above else {
                return; // these are the outputs
            };
            let coupling = matrix.coupling;
            let rows = &state.rows[state.range(k, &(0..state.slots))];
            space.own.clear();
            space.own.push(update, coupling, l, rows, scale);
            let (tiles, mut registers, windows) = matrix.block_mut(registers, k);
            let mut registers = registers.each_mut().map(|rows| rows.chunks_mut(BLOCK));
            let tiles = tiles
                .chunks_mut(BLOCK)
                .zip(space.above.contrasted().blocks());
            for (m, (tile, above)) in tiles.enumerate() {
                // Rows are units here and columns those above, or the other way round.
                let own = space.own.contrasted();
                let (rows, columns, window, count) = match sums {
                    Some(_) => (own, above, &windows[m], units),
                    None => (above, own, &windows[0], tile.len()),
                };
                MatrixUpdate {
                    coupling,
                    tile: &mut tile[..count],
                    registers: registers
                        .each_mut()
                        .map(|rows| rows.next().unwrap_or_default()),
                    rows,
                    columns,
                    window,
                    scale,
                    law,
                }
                .run_on(arch);
            }
            if coupling == Coupling::Resistor {
                layer.sum_block(k, sums.as_deref_mut(), arch);
            }
        }
    }

    fn update_biases(&mut self, l: usize, update: &Update, registers: &mut [Vec<Row>; REGISTERS]) {
        let state = self.board.layers[l].read(self.index);
        for (k, units) in self.share.layers[l].units.iter_mut().enumerate() {
            let (first, second) = update.states(&state.rows[state.range(k, &(0..state.slots))]);
            let mut gradients = [0.0; BLOCK];
            for (first, second) in first.iter().zip(second) {
                let rises = first.0.iter().zip(&second.0).map(|(a, b)| b - a);
                gradients.iter_mut().zip(rises).for_each(|(g, d)| *g += d);
            }
            gradients.iter_mut().for_each(|g| *g = -*g * update.mean);
            let registers = registers
                .each_mut()
                .map(|rows| rows.get_mut(k).map_or(&mut [][..], |row| &mut row.0[..]));
            update.biases[l].apply(&mut units.bias.0, &gradients, registers, update.bounds.0);
        }
    }

    fn update_output_bias(&mut self, update: &Update, registers: &mut [Vec<f32>; REGISTERS]) {
        let law = update.biases[update.biases.len() - 1];
        let output = &mut self.share.output;
        let count = output.bias.len();
        let gradients = &mut self.space.update.output_gradients;
        gradients.clear();
        gradients.extend((0..count).map(|k| {
            let potential = |slot: usize| self.space.outputs[slot * count + k];
            let rises = (0..update.states)
                .map(|b| potential(update.second + b) - potential(update.first + b));
            -rises.sum::<f32>() * update.mean
        }));
        let registers = registers.each_mut().map(|register| &mut register[..]);
        law.apply(&mut output.bias, gradients, registers, update.bounds.0);
    }
}

/// Adds scale * d_b to the slopes of each example and each unit of a block. Where there are more states than examples, each
/// example has one in every batch of them.
fn add_slopes((first, second): (&[Row], &[Row]), scale: f32, slopes: &mut [Row]) {
    let examples = slopes.len();
    for (at, (first, second)) in first.iter().zip(second).enumerate() {
        let rises = first.0.iter().zip(&second.0).map(|(v1, v2)| v2 - v1);
        for (slope, rise) in slopes[at % examples].0.iter_mut().zip(rises) {
            *slope += rise * scale;
        }
    }
}

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
use super::share::{LayerShare, Share};
use super::worker::{UpdateSpace, Worker};
use crate::drn::chain::{BiasBounds, Coupling};
use crate::drn::connection::{
    MatrixRegisters, MatrixUpdate, OtherStates, SourceContrast, SourcePass,
};
use crate::drn::program;
use crate::drn::simd::{Active, BLOCK, Kernel, Row};
use crate::drn::update_law::{REGISTERS, RegisterRows, UpdateLaw, Window};

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

impl UpdateSpace {
    /// Starts to collect a layer, keeping the memory.
    fn clear(&mut self) {
        self.first.clear();
        self.second.clear();
        self.active.clear();
        self.drops.clear();
    }

    /// Adds a block of layer `l`, on the other side of a matrix: `rows` are all its slots.
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

    fn blocks(&self) -> impl Iterator<Item = OtherStates<'_>> {
        let states = self.first.len() / self.drops.len();
        let pairs = self.first.chunks_exact(states);
        let pairs = pairs.zip(self.second.chunks_exact(states));
        let blocks = pairs.zip(self.active.chunks_exact(states)).zip(&self.drops);
        blocks.map(|(((first, second), active), drop)| OtherStates {
            first,
            second,
            active,
            drop,
        })
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
            let [below, above] = &mut registers.connections[l];
            if l > 0 {
                self.collect(l - 1, l, update);
                self.update_blocks(l, End::Below, update, below);
            }
            self.collect(l + 1, l + 1, update);
            self.update_blocks(l, End::Above, update, above);
            self.update_biases(l, update, &mut registers.biases[l]);
        }
        self.update_output_bias(update, &mut registers.output);
    }

    /// One pass over the sources' connection: the update, and the product with the next input.
    fn update_sources(&mut self, update: &Update, registers: &mut Registers) {
        let share = &mut *self.share;
        let LayerShare { units, below, .. } = &mut share.layers[0];
        let (kind, coupling) = (below.kind, below.coupling);
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
            let registers = &mut registers.connections[0][0];
            let (weights, registers, window) = below.block_mut(registers, k);
            SourcePass {
                kind,
                weights,
                registers,
                contrast: SourceContrast {
                    input: &space.last_input,
                    rise: &update.scaled_drop(coupling, 0, rows, -scale),
                    slopes,
                    law,
                    window,
                },
                input: &space.input,
                sum: &mut units.below,
                currents,
            }
            .run_on(self.arch);
        }
    }

    /// Collects the two states of layer `l`, in blocks, for a connection that ends there.
    fn collect(&mut self, l: usize, connection: usize, update: &Update) {
        let coupling = self.share.connection(connection).coupling;
        let scale = update.mean * update.weights[connection].gradient_scale();
        self.space.update.clear();
        if l == self.share.output_layer() {
            self.collect_outputs(update, coupling, scale);
            return;
        }
        for state in self.board.layers[l].all() {
            for k in 0..state.blocks() {
                let rows = &state.rows[state.range(k, &(0..state.slots))];
                self.space.update.push(update, coupling, l, rows, scale);
            }
        }
    }

    fn collect_outputs(&mut self, update: &Update, coupling: Coupling, scale: f32) {
        let output = self.share.output_layer();
        let count = self.share.output.bias.len();
        let slots = self.space.outputs.chunks_exact(count);
        let space = &mut self.space.update;
        for block in (0..count).step_by(BLOCK) {
            let row = |potentials: &[f32]| {
                let mut row = Row::ZERO;
                let values = potentials[block..].iter();
                row.0.iter_mut().zip(values).for_each(|(to, v)| *to = *v);
                row
            };
            let mut rows = std::mem::take(&mut space.outputs);
            rows.clear();
            rows.extend(slots.clone().map(row));
            space.push(update, coupling, output, &rows, scale);
            space.outputs = rows;
        }
    }

    /// Updates the matrix at one end of layer `l`'s blocks; the states at its other end have been collected.
    fn update_blocks(
        &mut self,
        l: usize,
        end: End,
        update: &Update,
        registers: &mut MatrixRegisters,
    ) {
        let LayerShare {
            units,
            below,
            above,
            ..
        } = &mut self.share.layers[l];
        let (connection, matrix) = match (end, above) {
            (End::Below, _) => (l, below),
            (End::Above, Some(above)) => (l + 1, above),
            (End::Above, None) => return,
        };
        let coupling = matrix.coupling;
        let state = self.board.layers[l].read(self.index);
        for (k, units) in units.iter_mut().enumerate() {
            let rows = &state.rows[state.range(k, &(0..state.slots))];
            let other = &self.space.update;
            let block = BlockUpdate::new(update, connection, l, rows, coupling, other);
            let sum = block.run(matrix.block_mut(registers, k), self.arch);
            match end {
                End::Below => units.below = sum,
                End::Above => units.above = sum,
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

/// Where a connection ends on a layer.
#[derive(Clone, Copy)]
enum End {
    Below,
    Above,
}

/// The update of the connection between one block and another layer.
struct BlockUpdate<'a> {
    coupling: Coupling,
    law: UpdateLaw,
    /// mean / (batch * span), times the law's scale.
    scale: f32,
    column: Row,
    first: &'a [Row],
    second: &'a [Row],
    other: &'a UpdateSpace,
}

impl<'a> BlockUpdate<'a> {
    /// Of connection `connection`, for a block of layer `l` whose potentials in all slots are `rows`.
    fn new(
        update: &Update,
        connection: usize,
        l: usize,
        rows: &'a [Row],
        coupling: Coupling,
        other: &'a UpdateSpace,
    ) -> Self {
        let law = update.weights[connection];
        let scale = update.mean * law.gradient_scale();
        let (first, second) = update.states(rows);
        Self {
            coupling,
            law,
            scale,
            column: update.scaled_drop(coupling, l, rows, scale),
            first,
            second,
            other,
        }
    }

    /// Updates values and registers; returns the column sums, which weights do not have.
    fn run(
        &self,
        (mut rest, mut registers, window): (&mut [Row], RegisterRows, &Window),
        arch: pulp::Arch,
    ) -> Row {
        let mut sum = Row::ZERO;
        let mut registers = registers.each_mut().map(|rows| rows.chunks_mut(BLOCK));
        for other in self.other.blocks() {
            let (weights, next) = rest.split_at_mut(rest.len().min(BLOCK));
            MatrixUpdate {
                coupling: self.coupling,
                weights,
                registers: registers
                    .each_mut()
                    .map(|rows| rows.next().unwrap_or_default()),
                next: &next[..next.len().min(BLOCK)],
                other,
                column: &self.column,
                first: self.first,
                second: self.second,
                scale: self.scale,
                law: self.law,
                window,
                sum: &mut sum,
            }
            .run_on(arch);
            rest = next;
        }
        sum
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

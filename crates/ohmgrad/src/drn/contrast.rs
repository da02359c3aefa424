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
//! row term, a column term and one product per example. In a Hopfield network, whose energy has the derivative
//! -s_i s_j by a weight, the product is all there is, and the update is
//!
//! ```text
//! w <- w + rate * mean_batch[s_second_i s_second_j - s_first_i s_first_j] / span
//! ```

use pulp::Arch;

use super::Energy;
use super::board::Board;
use super::kernels::{
    Active, BLOCK, Bounds, Input, InputContrast, InputPass, Kernel, MatrixUpdate, OtherStates, Row,
    RowSums, Step,
};
use super::relaxation::Workspace;
use super::share::Share;
use super::team::Barrier;

/// Two settled states of a batch, and the steps to take along their contrast.
#[derive(Clone, Copy)]
pub(crate) struct Contrast<'a> {
    pub(crate) energy: Energy,
    /// Number of examples.
    pub(crate) examples: usize,
    /// First slot of the first and of the second state.
    pub(crate) first: usize,
    pub(crate) second: usize,
    /// beta_second - beta_first, in siemens.
    pub(crate) span: f32,
    /// How many slots after its two states the mean s of a layer with an odd number has its own place; 0 where it
    /// is the mean of the two.
    pub(crate) lag: usize,
    /// One step per conductance matrix, and one per free layer's biases.
    pub(crate) weights: &'a [Step],
    pub(crate) biases: &'a [Step],
}

impl Contrast<'_> {
    /// 1 / (batch * span)
    fn mean(&self) -> f32 {
        1.0 / (self.examples as f32 * self.span)
    }

    fn states<'a>(&self, rows: &'a [Row]) -> (&'a [Row], &'a [Row]) {
        self.states_after(rows, 0)
    }

    fn states_after<'a>(&self, rows: &'a [Row], slots: usize) -> (&'a [Row], &'a [Row]) {
        let slots = |start: usize| &rows[start + slots..start + slots + self.examples];
        (slots(self.first), slots(self.second))
    }

    /// scale * sum_b d_b s_b, for each unit of a block of layer `l`; `rows` are all its slots. A Hopfield network has no
    /// such term.
    fn scaled_drop(&self, l: usize, rows: &[Row], scale: f32) -> Row {
        if self.energy == Energy::Hopfield {
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

/// One thread's memory for updates.
#[derive(Default)]
pub(crate) struct Scratch {
    /// The input that the two states were settled with.
    pub(crate) input: Input,
    other: OtherLayer,
    /// A block of the outputs, one row per slot.
    outputs: Vec<Row>,
    slopes: Vec<Row>,
}

/// The two states of the layer on the other side of a matrix, block after block.
#[derive(Default)]
struct OtherLayer {
    first: Vec<Row>,
    second: Vec<Row>,
    active: Vec<Active>,
    drops: Vec<Row>,
}

impl OtherLayer {
    /// Starts anew, keeping the memory.
    fn clear(&mut self) {
        self.first.clear();
        self.second.clear();
        self.active.clear();
        self.drops.clear();
    }

    /// Adds a block of layer `l`: `rows` are all its slots.
    fn push(&mut self, l: usize, rows: &[Row], contrast: &Contrast, scale: f32) {
        let (first, second) = contrast.states(rows);
        self.first.extend_from_slice(first);
        self.second.extend_from_slice(second);
        let states = first.iter().zip(second);
        self.active
            .extend(states.map(|(first, second)| Active::any(&[first, second].map(Active::of))));
        self.drops.push(contrast.scaled_drop(l, rows, scale));
    }

    fn blocks(&self) -> impl Iterator<Item = OtherStates<'_>> {
        let examples = self.first.len() / self.drops.len();
        let first = self.first.chunks_exact(examples);
        let states = first.zip(self.second.chunks_exact(examples));
        let blocks = states
            .zip(self.active.chunks_exact(examples))
            .zip(&self.drops);
        blocks.map(|(((first, second), active), drop)| OtherStates {
            first,
            second,
            active,
            drop,
        })
    }
}

/// A member of the team that changes its share.
pub(crate) struct Learner<'a> {
    pub(crate) arch: Arch,
    pub(crate) index: usize,
    pub(crate) share: &'a mut Share,
    pub(crate) space: &'a mut Workspace,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) board: &'a Board,
    pub(crate) barrier: &'a Barrier,
}

impl Learner<'_> {
    /// Updates all biases and all matrices but the first.
    pub(crate) fn update_inner(&mut self, contrast: &Contrast) {
        let last = self.share.layers.len() - 1;
        for l in 0..if self.share.has_hidden() { last + 1 } else { 0 } {
            if l == last {
                self.collect_outputs(contrast, contrast.weights[l + 1]);
                self.update_readout(l, contrast);
            }
            if l > 0 {
                self.collect_layer(l - 1, contrast, contrast.weights[l]);
                self.update_below(l, contrast);
            }
            self.update_biases(l, contrast);
        }
        self.update_output_bias(contrast);
    }

    /// One pass over the input matrix: the update of the last step, and the product with the next input.
    /// Then all conductance sums are up to date.
    pub(crate) fn update_input(&mut self, contrast: &Contrast) {
        let layer = &mut self.share.layers[0];
        let state = self.board.layers[0].read(self.index);
        let step = contrast.weights[0];
        let scale = contrast.mean() * step.gradient_scale();
        let currents = self.space.currents.chunks_exact_mut(self.space.batch);
        for (k, currents) in currents.enumerate() {
            let rows = &state.rows[state.range(k, &(0..state.slots))];
            let slopes = &mut self.scratch.slopes;
            slopes.clear();
            slopes.resize(self.scratch.input.slots(), Row::ZERO);
            add_slopes(
                contrast.states(rows),
                scale,
                &mut slopes[..self.space.batch],
            );
            let units = &mut layer.units[k];
            units.below = Row::ZERO;
            let (weights, velocity) = layer.below.block_mut(k);
            InputPass {
                energy: contrast.energy,
                weights,
                velocity,
                contrast: InputContrast {
                    input: &self.scratch.input,
                    rise: &contrast.scaled_drop(0, rows, -scale),
                    slopes: &self.scratch.slopes,
                    step,
                    bounds: &units.bounds,
                },
                input: &self.space.input,
                sum: &mut units.below,
                currents,
            }
            .run_on(self.arch);
        }
        drop(state);
        match contrast.energy {
            Energy::CoContent => {
                let tree = &mut self.space.tree;
                self.share
                    .exchange_sums(tree, self.index, self.arch, self.board, self.barrier);
            }
            Energy::Hopfield => self.barrier.wait(), // others have read the states
        }
    }

    /// Collects the two states of a neighbouring layer held in blocks.
    fn collect_layer(&mut self, l: usize, contrast: &Contrast, step: Step) {
        let scale = contrast.mean() * step.gradient_scale();
        self.scratch.other.clear();
        for state in self.board.layers[l].all() {
            for k in 0..state.blocks() {
                let rows = &state.rows[state.range(k, &(0..state.slots))];
                self.scratch.other.push(l, rows, contrast, scale);
            }
        }
    }

    /// The same of the output layer.
    fn collect_outputs(&mut self, contrast: &Contrast, step: Step) {
        let scale = contrast.mean() * step.gradient_scale();
        let count = self.share.output.bias.len();
        let slots = self.space.outputs.chunks_exact(count);
        let layer = self.share.layers.len();
        self.scratch.other.clear();
        for block in (0..count).step_by(BLOCK) {
            let row = |potentials: &[f32]| {
                let mut row = Row::ZERO;
                let values = potentials[block..].iter();
                row.0.iter_mut().zip(values).for_each(|(to, v)| *to = *v);
                row
            };
            let rows = &mut self.scratch.outputs;
            rows.clear();
            rows.extend(slots.clone().map(row));
            self.scratch.other.push(layer, rows, contrast, scale);
        }
    }

    /// Updates the matrix between layer `l` and the layer below, whose states have been collected, and shows what it adds to
    /// the conductances there.
    fn update_below(&mut self, l: usize, contrast: &Contrast) {
        let layer = &mut self.share.layers[l];
        let state = self.board.layers[l].read(self.index);
        let mut shown = self.board.sums_above[l - 1].write(self.index);
        shown.start(self.scratch.other.drops.len());
        for (k, block) in layer.blocks.clone().enumerate() {
            let units = &mut layer.units[k];
            let update = BlockUpdate {
                contrast,
                step: contrast.weights[l],
                layer: l,
                rows: &state.rows[state.range(k, &(0..state.slots))],
                other: &self.scratch.other,
                bounds: &units.bounds,
                arch: self.arch,
            };
            let matrix = layer.below.block_mut(k);
            shown.add(block..block + 1, self.arch, |row_sums| {
                units.below = update.run(matrix, row_sums);
            });
        }
    }

    /// Updates the matrix between layer `l`, the last hidden one, and the outputs, whose states have been collected.
    fn update_readout(&mut self, l: usize, contrast: &Contrast) {
        let layer = &mut self.share.layers[l];
        let state = self.board.layers[l].read(self.index);
        for (k, units) in layer.units.iter_mut().enumerate() {
            let update = BlockUpdate {
                contrast,
                step: contrast.weights[l + 1],
                layer: l,
                rows: &state.rows[state.range(k, &(0..state.slots))],
                other: &self.scratch.other,
                bounds: &units.bounds,
                arch: self.arch,
            };
            units.above = update.run(layer.readout.block_mut(k), &mut []);
        }
    }

    fn update_biases(&mut self, l: usize, contrast: &Contrast) {
        let state = self.board.layers[l].read(self.index);
        for (k, units) in self.share.layers[l].units.iter_mut().enumerate() {
            let (first, second) = contrast.states(&state.rows[state.range(k, &(0..state.slots))]);
            for c in 0..BLOCK {
                let rise: f32 = first.iter().zip(second).map(|(a, b)| b.0[c] - a.0[c]).sum();
                let gradient = -rise * contrast.mean();
                let (bias, velocity) = (&mut units.bias.0[c], &mut units.bias_velocity.0[c]);
                descend(bias, velocity, gradient, contrast.biases[l]);
            }
        }
    }

    fn update_output_bias(&mut self, contrast: &Contrast) {
        let output = &mut self.share.output;
        let count = output.bias.len();
        let step = contrast.biases[contrast.biases.len() - 1];
        for k in 0..count {
            let potential = |slot: usize| self.space.outputs[slot * count + k];
            let rise: f32 = (0..contrast.examples)
                .map(|b| potential(contrast.second + b) - potential(contrast.first + b))
                .sum();
            let (bias, velocity) = (&mut output.bias[k], &mut output.bias_velocity[k]);
            descend(bias, velocity, -rise * contrast.mean(), step);
        }
    }
}

/// The update of the conductances between one block and another layer.
struct BlockUpdate<'a> {
    contrast: &'a Contrast<'a>,
    step: Step,
    /// The block's layer, and its potentials in all slots.
    layer: usize,
    rows: &'a [Row],
    other: &'a OtherLayer,
    bounds: &'a Bounds,
    arch: Arch,
}

impl BlockUpdate<'_> {
    /// Updates conductances and velocities; returns the column sums, and sets the `row_sums` that are asked for, a row for
    /// each block of the other layer.
    fn run(&self, (mut rest, velocity): (&mut [Row], &mut [Row]), row_sums: &mut [Row]) -> Row {
        let scale = self.contrast.mean() * self.step.gradient_scale();
        let (first, second) = self.contrast.states(self.rows);
        let column = self.contrast.scaled_drop(self.layer, self.rows, scale);
        let mut sum = Row::ZERO;
        let mut velocity = velocity.chunks_mut(BLOCK);
        let mut row_sums = match self.contrast.energy {
            Energy::CoContent => row_sums.iter_mut(),
            Energy::Hopfield => [].iter_mut(),
        };
        for other in self.other.blocks() {
            let (weights, next) = rest.split_at_mut(rest.len().min(BLOCK));
            MatrixUpdate {
                energy: self.contrast.energy,
                weights,
                velocity: velocity.next().unwrap_or_default(),
                next: &next[..next.len().min(BLOCK)],
                other,
                column: &column,
                first,
                second,
                scale,
                step: self.step,
                bounds: self.bounds,
                sum: &mut sum,
            }
            .run_on(self.arch);
            if let Some(Row(sums)) = row_sums.next() {
                let sums = &mut sums[..weights.len()];
                RowSums { weights, sums }.run_on(self.arch);
            }
            rest = next;
        }
        sum
    }
}

/// One step of gradient descent with momentum on a bias.
fn descend(bias: &mut f32, velocity: &mut f32, gradient: f32, step: Step) {
    *velocity = step.momentum * *velocity + gradient + step.decay * *bias;
    *bias -= step.rate * *velocity;
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

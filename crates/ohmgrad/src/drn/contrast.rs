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
//! row term, a column term and one product per example.

use pulp::Arch;

use super::board::Board;
use super::kernels::{
    Active, BLOCK, Input, InputContrast, InputPass, Kernel, MatrixUpdate, OtherStates, Row, Step,
};
use super::relaxation::Workspace;
use super::share::Share;
use super::team::Barrier;

/// Two settled states of a batch, and the steps to take along their contrast.
#[derive(Clone, Copy)]
pub(crate) struct Contrast<'a> {
    /// Number of examples.
    pub(crate) examples: usize,
    /// First slot of the first and of the second state.
    pub(crate) first: usize,
    pub(crate) second: usize,
    /// beta_second - beta_first, in siemens.
    pub(crate) span: f32,
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
        let slots = |start: usize| &rows[start..start + self.examples];
        (slots(self.first), slots(self.second))
    }
}

/// One thread's memory for updates.
#[derive(Default)]
pub(crate) struct Scratch {
    /// The input that the two states were settled with.
    pub(crate) input: Input,
    other: OtherLayer,
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

    /// Adds a block: a row per example.
    fn push(&mut self, states: impl Iterator<Item = (Row, Row)>, scale: f32) {
        let start = self.first.len();
        for (first, second) in states {
            self.active.push(Active::of_either(&first, &second));
            self.first.push(first);
            self.second.push(second);
        }
        let drop = scaled_drop(&self.first[start..], &self.second[start..], scale);
        self.drops.push(drop);
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
        for l in 0..if self.has_hidden() { last + 1 } else { 0 } {
            match l < last {
                true => self.collect_layer(l + 1, contrast, contrast.weights[l + 1]),
                false => self.collect_outputs(contrast, contrast.weights[l + 1]),
            }
            self.update_matrix(l, false, contrast);
            if l > 0 {
                self.collect_layer(l - 1, contrast, contrast.weights[l]);
                self.update_matrix(l, true, contrast);
            }
            self.update_biases(l, contrast);
        }
        self.update_output_bias(contrast);
    }

    fn has_hidden(&self) -> bool {
        self.share.layers[0].above.rows > 0
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
            let (first, second) = contrast.states(&state.rows[state.range(k, &(0..state.slots))]);
            slopes(first, second, scale, &mut self.scratch.slopes);
            let slots = self.scratch.input.slots();
            self.scratch.slopes.resize(slots, Row::ZERO);
            let mut sum = Row::ZERO;
            let (weights, velocity) = layer.below.block_mut(k);
            InputPass {
                weights,
                velocity,
                contrast: InputContrast {
                    input: &self.scratch.input,
                    rise: &scaled_drop(first, second, -scale),
                    slopes: &self.scratch.slopes,
                    step,
                    bounds: &layer.units[k].bounds,
                },
                input: &self.space.input,
                sum: &mut sum,
                currents,
            }
            .run_on(self.arch);
            layer.units[k].set_conductance(&sum);
        }
        drop(state);
        self.share
            .sum_outputs(self.index, self.arch, self.board, self.barrier);
    }

    /// Collects the two states of a neighbouring layer held in blocks.
    fn collect_layer(&mut self, l: usize, contrast: &Contrast, step: Step) {
        let scale = contrast.mean() * step.gradient_scale();
        self.scratch.other.clear();
        for state in self.board.layers[l].all() {
            for k in 0..state.blocks() {
                let rows = &state.rows[state.range(k, &(0..state.slots))];
                let (first, second) = contrast.states(rows);
                let states = first.iter().zip(second).map(|(v1, v2)| (*v1, *v2));
                self.scratch.other.push(states, scale);
            }
        }
    }

    /// The same of the output layer.
    fn collect_outputs(&mut self, contrast: &Contrast, step: Step) {
        let scale = contrast.mean() * step.gradient_scale();
        let count = self.share.output.bias.len();
        let potentials = |slot: usize| &self.space.outputs[slot * count..(slot + 1) * count];
        self.scratch.other.clear();
        for block in (0..count).step_by(BLOCK) {
            let row = |slot: usize| {
                let mut row = Row::ZERO;
                let values = potentials(slot)[block..].iter();
                row.0.iter_mut().zip(values).for_each(|(to, v)| *to = *v);
                row
            };
            let slots = (0..contrast.examples).map(|b| (contrast.first + b, contrast.second + b));
            let states = slots.map(|(first, second)| (row(first), row(second)));
            self.scratch.other.push(states, scale);
        }
    }

    /// Updates the matrix below or above layer `l` with the states collected of the layer on its other
    /// side, and the conductance that it adds to the units. That above comes first.
    fn update_matrix(&mut self, l: usize, below: bool, contrast: &Contrast) {
        let layer = &mut self.share.layers[l];
        let (matrix, step) = match below {
            true => (&mut layer.below, contrast.weights[l]),
            false => (&mut layer.above, contrast.weights[l + 1]),
        };
        let scale = contrast.mean() * step.gradient_scale();
        let state = self.board.layers[l].read(self.index);
        for (k, units) in layer.units.iter_mut().enumerate() {
            let (first, second) = contrast.states(&state.rows[state.range(k, &(0..state.slots))]);
            let column = scaled_drop(first, second, scale);
            let mut sum = Row::ZERO;
            let (mut rest, velocity) = matrix.block_mut(k);
            let mut velocity = velocity.chunks_mut(BLOCK);
            for other in self.scratch.other.blocks() {
                let (weights, next) = rest.split_at_mut(rest.len().min(BLOCK));
                MatrixUpdate {
                    weights,
                    velocity: velocity.next().unwrap_or_default(),
                    next: &next[..next.len().min(BLOCK)],
                    other,
                    column: &column,
                    first,
                    second,
                    scale,
                    step,
                    bounds: &units.bounds,
                    sum: &mut sum,
                }
                .run_on(self.arch);
                rest = next;
            }
            match below {
                true => units.set_conductance(&sum),
                false => units.above = sum,
            }
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

/// One step of gradient descent with momentum on a bias.
fn descend(bias: &mut f32, velocity: &mut f32, gradient: f32, step: Step) {
    *velocity = step.momentum * *velocity + gradient + step.decay * *bias;
    *bias -= step.rate * *velocity;
}

/// d s = (v_second - v_first) (v_second + v_first) / 2
fn drop_of(first: f32, second: f32) -> f32 {
    (second - first) * (second + first) * 0.5
}

/// scale * sum_b d_b s_b, for each unit of a block.
fn scaled_drop(first: &[Row], second: &[Row], scale: f32) -> Row {
    let mut sum = Row::ZERO;
    for (first, second) in first.iter().zip(second) {
        for c in 0..BLOCK {
            sum.0[c] += drop_of(first.0[c], second.0[c]);
        }
    }
    sum.0.iter_mut().for_each(|sum| *sum *= scale);
    sum
}

/// scale * d_b, for each example and each unit of a block.
fn slopes(first: &[Row], second: &[Row], scale: f32, slopes: &mut Vec<Row>) {
    slopes.clear();
    slopes.extend(
        first.iter().zip(second).map(|(first, second)| {
            Row(std::array::from_fn(|c| (second.0[c] - first.0[c]) * scale))
        }),
    );
}

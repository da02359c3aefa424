//! The network: parameters, and settling a batch of inputs.

use std::ops::Range;
use std::sync::Mutex;

use pulp::Arch;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::board::Board;
use super::kernels::{BLOCK, Input, Row};
use super::readout::Load;
use super::relaxation::{Phase, Worker, Workspace};
use super::share::{self, Part, Share, place_of};
use super::{Architecture, ArchitectureError, Energy, Settling, SettlingError, team};
use crate::interrupt::Interrupted;

/// A layered network: an [`Architecture`] with its weights (conductances in siemens) and biases (ampere).
///
/// ```
/// use ohmgrad::drn::{Architecture, Network, Settling, SweepOrder};
/// use rand::SeedableRng;
///
/// let architecture = Architecture::new(2, vec![4], 1);
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let network = Network::random(&architecture, &mut rng, 1)?;
/// let settling = Settling::tolerance(SweepOrder::Asynchronous, 1e-5, 100);
/// let settled = network.settle(&[0.3, 0.7], &settling)?;
/// assert!(settled.residuals[0] <= 1e-5);
/// assert_eq!(settled.outputs.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    architecture: Architecture,
    pub(crate) shares: Vec<Share>,
    pub(crate) arch: Arch,
}

/// A batch of settled examples. Vectors hold example after example.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// Sweeps that were made.
    pub sweeps: usize,
    /// Per example, the largest violation of Kirchhoff's current law (diode laws included) over all
    /// free nodes, relative to the largest current that reaches a node. Near 1e-6 is f32 rounding.
    pub residuals: Vec<f64>,
    /// Output potentials in volt: `examples * outputs` values.
    pub outputs: Vec<f32>,
    /// Potentials of each hidden layer in volt: `examples * width` values.
    pub hidden: Vec<Vec<f32>>,
    /// Per example, the power dissipated in all resistors, in watt; empty for a Hopfield network, which has none.
    pub dissipated_power: Vec<f64>,
    /// Per example, the [energy](super::Energy): of a resistive network in watt, half the dissipated power minus the power
    /// of the biases.
    pub energy: Vec<f64>,
}

/// Why a parameter array cannot be set.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// The wrong number of values.
    #[error("{name} has {found} values: this network needs {expected}")]
    WrongLength {
        /// The parameter's name.
        name: String,
        /// Number of values needed.
        expected: usize,
        /// Number of values given.
        found: usize,
    },
    /// A value that is not allowed.
    #[error("{name}[{index}] is {value}: {rule}")]
    Value {
        /// The parameter's name.
        name: String,
        /// Position in the flat array.
        index: usize,
        /// The value.
        value: f32,
        /// What values are allowed.
        rule: String,
    },
}

/// Why a batch cannot be settled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettleError {
    /// The inputs are not whole examples.
    #[error("{found} input values are not one or more whole examples of {features} features")]
    Inputs {
        /// Features per example.
        features: usize,
        /// Number of values given.
        found: usize,
    },
    /// An input that is not finite.
    #[error("input {index} of example {example} is {value}: inputs must be finite")]
    NotFinite {
        /// The example.
        example: usize,
        /// The feature.
        index: usize,
        /// The value.
        value: f32,
    },
    /// The stopping rule is out of range.
    #[error(transparent)]
    Settling(#[from] SettlingError),
    /// It was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// Potentials beyond the range of floating-point numbers.
    #[error("the potentials of example {example} overflow: lower the input gain or the inputs")]
    Overflow {
        /// The example.
        example: usize,
    },
}

impl Network {
    /// A network with random weights: uniform in `[-1, 1] * gain / sqrt(fan-in)`, as in the public code of Scellier (ICML
    /// 2024) for both energies, then clamped to the bounds (so that about half of the conductances of a resistive
    /// network start at `g_min`); biases are zero.
    ///
    /// The network is split over at most `threads` threads (at least one, at most one per 64 units of
    /// the widest layer); no result depends on their number.
    ///
    /// # Errors
    /// If the architecture is not valid.
    pub fn random(
        architecture: &Architecture,
        rng: &mut ChaCha8Rng,
        threads: usize,
    ) -> Result<Self, ArchitectureError> {
        let mut network = Self::zero(architecture, threads)?;
        let (lowest, highest) = architecture.bounds();
        for l in 0..architecture.matrices() {
            let scale = architecture.initial_scale(l);
            network.fill_weights(l, |_, row| {
                for g in row {
                    let draw: f32 = rng.random();
                    *g = ((2.0 * draw - 1.0) * scale).clamp(lowest, highest);
                }
            });
        }
        network.sum_conductances();
        Ok(network)
    }

    /// A network with all weights and biases zero; conductance sums are not yet set.
    pub(crate) fn zero(
        architecture: &Architecture,
        threads: usize,
    ) -> Result<Self, ArchitectureError> {
        architecture.validate()?;
        Ok(Self {
            architecture: architecture.clone(),
            shares: share::split(architecture, threads),
            arch: Arch::new(),
        })
    }

    /// Shape, gains and bounds.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Number of threads that work on this network.
    pub fn threads(&self) -> usize {
        self.shares.len()
    }

    /// Weight matrix `l` (conductances in siemens), row-major, shaped as [`Architecture::shape`].
    pub fn weights(&self, l: usize) -> Vec<f32> {
        let (rows, columns) = self.architecture.shape(l);
        let mut weights = vec![0.0; rows * columns];
        for (i, row) in weights.chunks_exact_mut(columns).enumerate() {
            self.read_row(l, i, Part::Value, row);
        }
        weights
    }

    /// Biases of free layer `l` in ampere.
    pub fn biases(&self, l: usize) -> Vec<f32> {
        self.read_biases(l, Part::Value)
    }

    /// Values or velocities of the biases of free layer `l`.
    pub(crate) fn read_biases(&self, l: usize, part: Part) -> Vec<f32> {
        if l == self.architecture.hidden.len() {
            return self.shares[0].output.bias_part(part).to_vec();
        }
        let mut biases = vec![0.0; self.architecture.width(l)];
        for units in self.shares.iter().flat_map(|share| &share.layers[l].units) {
            let values = units.bias_part(part).0;
            biases[units.first..]
                .iter_mut()
                .zip(values)
                .for_each(|(to, b)| *to = b);
        }
        biases
    }

    /// Sets weight matrix `l` (conductances in siemens), row-major, shaped as [`Architecture::shape`].
    ///
    /// # Errors
    /// If the number of values is wrong, or one of them is not finite or outside the bounds.
    pub fn set_weights(&mut self, l: usize, weights: &[f32]) -> Result<(), ParameterError> {
        let (rows, columns) = self.architecture.shape(l);
        let (lowest, highest) = self.architecture.bounds();
        let rule = self.architecture.bounds_rule();
        let allowed = |g: f32| g.is_finite() && (lowest..=highest).contains(&g);
        check(
            &format!("W{}", l + 1),
            weights,
            rows * columns,
            allowed,
            |g| g,
            &rule,
        )?;
        self.fill_weights(l, |i, row| {
            row.copy_from_slice(&weights[i * columns..(i + 1) * columns]);
        });
        self.sum_conductances();
        Ok(())
    }

    /// Sets the biases of free layer `l`, in ampere.
    ///
    /// # Errors
    /// If the number of values is wrong, or one of them is not finite.
    pub fn set_biases(&mut self, l: usize, biases: &[f32]) -> Result<(), ParameterError> {
        let name = format!("b{}", l + 1);
        let width = self.architecture.width(l);
        check(
            &name,
            biases,
            width,
            f32::is_finite,
            |b| b,
            "a bias must be finite",
        )?;
        self.write_biases(l, Part::Value, biases);
        Ok(())
    }

    /// Sets values or velocities of the biases of free layer `l`.
    pub(crate) fn write_biases(&mut self, l: usize, part: Part, biases: &[f32]) {
        for share in &mut self.shares {
            if l == self.architecture.hidden.len() {
                share.output.bias_part_mut(part).copy_from_slice(biases);
                continue;
            }
            for units in &mut share.layers[l].units {
                let values = biases[units.first..].iter().take(BLOCK);
                let biases = &mut units.bias_part_mut(part).0;
                biases.iter_mut().zip(values).for_each(|(b, v)| *b = *v);
            }
        }
    }

    /// Where row `i` of matrix `l` stands in the layer above it: for the input matrix of a resistive network positive and
    /// negative sources alternate; hidden layers have an order of their own.
    fn stored_row(&self, l: usize, i: usize) -> usize {
        let features = self.architecture.features;
        match l {
            0 if self.architecture.energy == Energy::Hopfield => i,
            0 if i < features => 2 * i,
            0 => 2 * (i - features) + 1,
            _ => {
                let blocks = self.architecture.width(l - 1).div_ceil(BLOCK);
                place_of(i / BLOCK, blocks) * BLOCK + i % BLOCK
            }
        }
    }

    /// Copies row `i` of the values or velocities of matrix `l` into `row`.
    pub(crate) fn read_row(&self, l: usize, i: usize, part: Part, row: &mut [f32]) {
        if self.held_above(l) {
            for layer in self.shares.iter().map(|share| &share.layers[l - 1]) {
                if let Some(k) = layer.block_of(i) {
                    let start = k * layer.readout.rows;
                    let block = &layer.readout.part(part)[start..start + row.len()];
                    let column = block.iter().map(|from| from.0[i % BLOCK]);
                    row.iter_mut().zip(column).for_each(|(to, g)| *to = g);
                }
            }
            return;
        }
        let stored = self.stored_row(l, i);
        for layer in self.shares.iter().map(|share| &share.layers[l]) {
            for (k, units) in layer.units.iter().enumerate() {
                let values = layer.below.part(part)[k * layer.below.rows + stored].0;
                row[units.first..]
                    .iter_mut()
                    .zip(values)
                    .for_each(|(to, g)| *to = g);
            }
        }
    }

    /// Whether matrix `l` is held by the layer below it, transposed.
    fn held_above(&self, l: usize) -> bool {
        l > 0 && l == self.architecture.hidden.len()
    }

    /// Fills matrix `l` row after row with what `fill(i, row)` writes.
    pub(crate) fn fill_weights(&mut self, l: usize, mut fill: impl FnMut(usize, &mut [f32])) {
        let (rows, columns) = self.architecture.shape(l);
        let mut row = vec![0.0; columns];
        for i in 0..rows {
            fill(i, &mut row);
            self.write_row(l, i, Part::Value, &row);
        }
    }

    /// Writes row `i` of the values or velocities of matrix `l`.
    pub(crate) fn write_row(&mut self, l: usize, i: usize, part: Part, row: &[f32]) {
        let stored = self.stored_row(l, i);
        let held_above = self.held_above(l);
        for share in &mut self.shares {
            if held_above {
                let layer = &mut share.layers[l - 1];
                if let Some(k) = layer.block_of(i) {
                    let start = k * layer.readout.rows;
                    let block = &mut layer.readout.part_mut(part)[start..start + row.len()];
                    let column = block.iter_mut().map(|to| &mut to.0[i % BLOCK]);
                    column.zip(row).for_each(|(to, g)| *to = *g);
                }
                continue;
            }
            let layer = &mut share.layers[l];
            for (k, units) in layer.units.iter().enumerate() {
                let at = k * layer.below.rows + stored;
                let target = &mut layer.below.part_mut(part)[at].0;
                let values = row[units.first..].iter();
                target.iter_mut().zip(values).for_each(|(to, g)| *to = *g);
            }
        }
    }

    /// Sets all velocities to zero; matrices have some only for gradient descent with momentum.
    pub(crate) fn reset_velocities(&mut self, momentum: bool) {
        for share in &mut self.shares {
            share.output.bias_velocity.fill(0.0);
            for layer in &mut share.layers {
                for matrix in [&mut layer.below, &mut layer.readout] {
                    let rows = if momentum { matrix.weights.len() } else { 0 };
                    matrix.velocity = vec![Row::ZERO; rows];
                }
                layer
                    .units
                    .iter_mut()
                    .for_each(|units| units.bias_velocity = Row::ZERO);
            }
        }
    }

    /// Adds up the conductances of every node anew; the weights of a Hopfield network are none.
    pub(crate) fn sum_conductances(&mut self) {
        if self.architecture.energy == Energy::Hopfield {
            return;
        }
        let board = Board::new(&self.shares, 0);
        let arch = self.arch;
        team::run(self.shares.iter_mut(), |index, share, barrier| {
            share.sum_conductances(index, arch, &board, barrier);
        });
    }

    /// Total conductance that ends on the two sources of each feature, in siemens; 0 in a Hopfield network.
    pub(crate) fn source_conductances(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.architecture.features];
        if self.architecture.energy == Energy::Hopfield {
            return sums;
        }
        for share in &self.shares {
            let below = &share.layers[0].below;
            for (r, row) in below.weights.iter().enumerate() {
                let total: f64 = row.0.iter().map(|g| f64::from(*g)).sum();
                sums[r % below.rows / 2] += total;
            }
        }
        sums
    }

    /// Settles a batch of inputs from 0 V: `examples * features` values, example after example.
    ///
    /// # Errors
    /// If the inputs are not whole examples, one of them is not finite, the stopping rule is out of
    /// range, or it is [interrupted](crate::interrupt). Reaching the cap on sweeps is not an error: the residuals tell.
    pub fn settle(&self, inputs: &[f32], settling: &Settling) -> Result<Settled, SettleError> {
        settling.validate()?;
        let features = self.architecture.features;
        if inputs.is_empty() || !inputs.len().is_multiple_of(features) {
            let found = inputs.len();
            return Err(SettleError::Inputs { features, found });
        }
        if let Some(at) = inputs.iter().position(|x| !x.is_finite()) {
            let (example, index) = (at / features, at % features);
            let value = inputs[at];
            return Err(SettleError::NotFinite {
                example,
                index,
                value,
            });
        }
        let batch = inputs.len() / features;
        let gain = self.architecture.input_gain;
        let encode = |input: &mut Input, _| {
            input.encode(features, batch, |b, volts| {
                let example = &inputs[b * features..(b + 1) * features];
                volts
                    .iter_mut()
                    .zip(example)
                    .for_each(|(v, x)| *v = gain * x);
            });
        };
        let board = Board::new(&self.shares, batch);
        let mut result = None;
        self.settle_on(&board, 1, settling, true, encode, |_, settled| {
            result = Some(settled);
            Ok::<_, SettleError>(())
        })?;
        let mut settled = result.expect("one batch was settled");
        settled.hidden = (0..self.architecture.hidden.len())
            .map(|l| collect(&board, l, self.architecture.width(l), &(0..batch)))
            .collect();
        let outputs = self.architecture.outputs;
        // A diode clips a hidden potential that is not a number to 0 V: the energy tells.
        let mut answers = settled.outputs.chunks_exact(outputs).zip(&settled.energy);
        let overflow = |(v, e): (&[f32], &f64)| !(e.is_finite() && v.iter().all(|v| v.is_finite()));
        match answers.position(overflow) {
            Some(example) => Err(SettleError::Overflow { example }),
            None => Ok(settled),
        }
    }

    /// Settles several batches from 0 V: `encode(input, b)` gives the input of batch `b`, `receive` gets
    /// its result. Without `physics`, residuals and powers are left empty; hidden potentials always are.
    pub(crate) fn settle_batches<E: Send + From<Interrupted>>(
        &self,
        batch: usize,
        batches: usize,
        settling: &Settling,
        physics: bool,
        encode: impl Fn(&mut Input, usize) + Sync,
        receive: impl FnMut(usize, Settled) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let board = Board::new(&self.shares, batch);
        self.settle_on(&board, batches, settling, physics, encode, receive)
    }

    fn settle_on<E: Send + From<Interrupted>>(
        &self,
        board: &Board,
        batches: usize,
        settling: &Settling,
        physics: bool,
        encode: impl Fn(&mut Input, usize) + Sync,
        receive: impl FnMut(usize, Settled) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let batch = board.slots;
        let groups = settling.order.groups(self.architecture.free_layers());
        let sources = physics.then(|| self.source_conductances());
        let phase = Phase {
            slots: &(0..batch),
            loads: &[Load::Free],
            targets: &[],
            settling,
            groups: &groups,
            response_of: None,
            driven: false,
            drives_on: physics,
        };
        let receive = Mutex::new(receive);
        team::run(self.shares.iter(), |index, share, barrier| {
            let mut space = Workspace::new(&self.architecture, share, batch, batch);
            let mut outcome = Ok(());
            for b in 0..batches {
                encode(&mut space.input, b);
                let mut worker = Worker {
                    arch: self.arch,
                    index,
                    share,
                    space: &mut space,
                    board,
                    barrier,
                };
                let settled = worker.settle_from_rest(&phase, sources.as_deref());
                if barrier.stopped() {
                    return Err(Interrupted.into());
                }
                if let (0, true, Ok(mut receive)) = (index, outcome.is_ok(), receive.lock()) {
                    outcome = receive(b, settled);
                }
            }
            outcome
        })
    }
}

/// The potentials of a hidden layer, example after example.
pub(crate) fn collect(board: &Board, l: usize, width: usize, slots: &Range<usize>) -> Vec<f32> {
    let mut potentials = vec![0.0; slots.len() * width];
    for state in board.layers[l].all() {
        for (k, &first) in state.first_units.iter().enumerate() {
            let count = BLOCK.min(width - first);
            for (b, row) in state.rows[state.range(k, slots)].iter().enumerate() {
                let target = b * width + first;
                potentials[target..target + count].copy_from_slice(&row.0[..count]);
            }
        }
    }
    potentials
}

/// Sets the potentials of a hidden layer, example after example: the inverse of [`collect`].
pub(crate) fn distribute(board: &Board, l: usize, potentials: &[f32], slots: &Range<usize>) {
    let width = potentials.len() / slots.len();
    for mut state in board.layers[l].all_mut() {
        for k in 0..state.blocks() {
            let first = state.first_units[k];
            let count = BLOCK.min(width - first);
            for (at, potentials) in state.range(k, slots).zip(potentials.chunks_exact(width)) {
                let mut row = Row::ZERO;
                row.0[..count].copy_from_slice(&potentials[first..first + count]);
                state.set(at, row);
            }
        }
    }
}

/// Checks the number of a parameter's values and each of them; `narrow` is how a value is shown.
pub(super) fn check<T: Copy>(
    name: &str,
    values: &[T],
    expected: usize,
    allowed: impl Fn(T) -> bool,
    narrow: impl Fn(T) -> f32,
    rule: &str,
) -> Result<(), ParameterError> {
    let name = name.to_owned();
    let found = values.len();
    if found != expected {
        return Err(ParameterError::WrongLength {
            name,
            expected,
            found,
        });
    }
    match values.iter().position(|v| !allowed(*v)) {
        None => Ok(()),
        Some(index) => Err(ParameterError::Value {
            name,
            index,
            value: narrow(values[index]),
            rule: rule.to_owned(),
        }),
    }
}

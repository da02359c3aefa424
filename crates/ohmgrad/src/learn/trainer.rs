//! Training a network, epoch by epoch.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::optimizer::Laws;
use super::pass::Pass;
use super::rules::States;
use super::{Cost, Epoch, Step, TrainOptions, TrainOptionsError, Unbounded};
use crate::data::{Dataset, Targets};
use crate::drn::{Board, Network, Op, ParameterError, Program, Registers, Share, Workspace};
use crate::interrupt::Interrupted;

/// Why training stopped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A clock by which nothing takes any time.
    #[error("the clock of this machine stands still: no speed can be measured by it")]
    StandingClock,
    /// The nudged energy has no minimum.
    #[error("training stopped at example {example} of the epoch")]
    Unbounded {
        /// Examples trained on before in this epoch.
        example: usize,
        /// What is unbounded.
        source: Unbounded,
    },
    /// Training that diverges.
    #[error(
        "training diverged in epoch {epoch}, at example {example} of it: {sign}. Lower the learning rates; the largest is now \
         {rate:.3e}, that of {parameter}"
    )]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
        /// Examples trained on before in this epoch.
        example: usize,
        /// How it shows.
        sign: Divergence,
        /// The largest learning rate at that time.
        rate: f64,
        /// The parameter that has it.
        parameter: String,
    },
    /// Output potentials beyond the range of floating-point numbers, of a network that is measured.
    #[error(
        "the outputs of example {example} are not finite: lower the input gain, the inputs or the biases"
    )]
    Overflow {
        /// The example, counted from 0.
        example: usize,
    },
    /// A dataset that does not fit the network.
    #[error(
        "the data have {features} features and {outputs} classes or target potentials; this network has \
         {expected_features} features and {expected_outputs} outputs"
    )]
    Dataset {
        /// Features of the data.
        features: usize,
        /// Outputs that the data need.
        outputs: usize,
        /// Features of the network.
        expected_features: usize,
        /// Outputs of the network.
        expected_outputs: usize,
    },
    /// A target below 0 for cross-entropy, which would have no minimum.
    #[error(
        "target {output} of example {example} is {value}: cross-entropy needs targets of at least 0; use squared-error"
    )]
    NegativeTarget {
        /// The first such example, counted from 0.
        example: usize,
        /// The output, counted from 0.
        output: usize,
        /// The target.
        value: f32,
    },
    /// It was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// How training that diverges shows.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Divergence {
    /// A number that is not finite.
    #[error("a potential, conductance or bias is not finite")]
    NotFinite,
    /// A mean cost beyond [`Self::FACTOR`] times that of the first epoch.
    #[error("the mean cost of the epoch is {cost:.3e}, after {first:.3e} in the first one")]
    Cost {
        /// Mean cost of the epoch.
        cost: f64,
        /// Mean cost of the first epoch.
        first: f64,
    },
}

impl Divergence {
    /// The mean cost of an epoch is at most so many times that of the first one.
    pub const FACTOR: f64 = 1000.0;
}

/// A network in training: the network, the state of its nodes, what the optimiser remembers, and the number of finished
/// epochs.
pub struct Trainer {
    network: Network,
    options: TrainOptions,
    seed: u64,
    epoch: usize,
    /// Steps made.
    steps: u64,
    /// Mean cost of the first epoch, once it is finished.
    first_cost: Option<f64>,
    /// Whether steps add up gradients in the first register and leave the parameters as they are.
    accumulates: bool,
    states: States,
    program: Program,
    board: Board,
    spaces: Vec<Workspace>,
    /// The optimiser's registers, one set per share of the network.
    registers: Vec<Registers>,
}

/// Streams of the seeded generator: the shuffle of epoch e has stream FIRST_SHUFFLE + e.
const FIRST_SHUFFLE: u64 = 1 << 32;

impl Trainer {
    /// Prepares training; all nodes start at 0 V, all registers of the optimiser at 0.
    ///
    /// `seed` decides the order of the examples: epoch `e` is shuffled by ChaCha8 with this seed and a
    /// stream of its own, whatever happened before.
    ///
    /// # Errors
    /// If an option is out of range, or the states of a batch need more memory than there is.
    pub fn new(
        network: Network,
        options: TrainOptions,
        seed: u64,
    ) -> Result<Self, TrainOptionsError> {
        let architecture = network.architecture();
        options.validate(architecture)?;
        let registers = options.optimizer.update.registers();
        Self::with_registers(network, options, seed, registers)
    }

    /// A trainer whose steps add up gradients, for [`Self::mean_gradient`].
    pub(super) fn accumulating(
        network: Network,
        options: TrainOptions,
    ) -> Result<Self, TrainOptionsError> {
        options.validate(network.architecture())?;
        let trainer = Self::with_registers(network, options, 0, 1)?;
        Ok(Self {
            accumulates: true,
            ..trainer
        })
    }

    fn with_registers(
        network: Network,
        options: TrainOptions,
        seed: u64,
        registers: usize,
    ) -> Result<Self, TrainOptionsError> {
        let architecture = network.architecture();
        let program = options.program(architecture.free_layers());
        check_memory(&network, &options, &program, registers)?;
        let (features, batch) = (architecture.features, options.batch);
        let spaces = network
            .shares
            .iter()
            .map(|share| Workspace::new(share, features, batch, program.states));
        Ok(Self {
            spaces: spaces.collect(),
            board: Board::new(&network.shares, program.states * batch),
            registers: network.registers(registers),
            accumulates: false,
            states: options.states(),
            program,
            network,
            options,
            seed,
            epoch: 0,
            steps: 0,
            first_cost: None,
        })
    }

    /// The network as it stands.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The options it is trained with.
    pub fn options(&self) -> &TrainOptions {
        &self.options
    }

    /// The seed of the order of the examples.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Finished epochs.
    pub fn epoch(&self) -> usize {
        self.epoch
    }

    /// Steps made so far, those of an epoch that was not finished included.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// Trains on every example once, in a new random order; `observe` sees every step.
    ///
    /// # Errors
    /// If the data do not fit the network or the cost, training cannot go on, or it is
    /// [interrupted](crate::interrupt); the network is then in the middle of the epoch.
    pub fn train_epoch(
        &mut self,
        data: &Dataset,
        mut observe: impl FnMut(&Step) + Send,
    ) -> Result<Epoch, TrainError> {
        let architecture = self.network.architecture();
        check_fit(architecture, data, self.options.cost)?;
        let order = self.order(data.len());
        let pass = Pass {
            data,
            order: &order,
            options: &self.options,
            states: &self.states,
            program: &self.program,
            input_gain: architecture.input_gain,
            laws: &match self.accumulates {
                true => Laws::accumulating(architecture),
                false => self.options.optimizer.laws(architecture),
            },
            epoch: self.epoch,
            steps: self.steps,
        };
        let spaces = self.spaces.iter_mut().zip(&mut self.registers);
        let team = self.network.shares.iter_mut().zip(spaces);
        let mut made = 0;
        let observe = |step: &Step| {
            made += 1;
            observe(step);
        };
        let epoch = pass.run(self.network.arch, &self.board, team, observe);
        self.steps += made;
        // The fused pass adds up conductances in another order than a network that is read from a file.
        self.network.sum_conductances();
        let epoch = epoch?;
        self.check_convergence(&epoch)?;
        self.first_cost.get_or_insert(epoch.mean_cost());
        self.epoch += 1;
        Ok(epoch)
    }

    /// The last update of an epoch has met no input yet, and a cost that explodes shows in its mean.
    fn check_convergence(&self, epoch: &Epoch) -> Result<(), TrainError> {
        let registers = self.registers.iter().all(Registers::are_finite);
        let is_finite = registers && self.network.shares.iter().all(Share::is_finite);
        let (cost, first) = (epoch.mean_cost(), self.first_cost.unwrap_or(f64::INFINITY));
        let sign = match is_finite && cost.is_finite() {
            false => Divergence::NotFinite,
            true if cost > Divergence::FACTOR * first => Divergence::Cost { cost, first },
            true => return Ok(()),
        };
        Err(self.options.diverged(self.epoch, epoch.examples, sign))
    }

    /// The examples in the order of the next epoch.
    fn order(&self, examples: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..examples as u32).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(FIRST_SHUFFLE + self.epoch as u64);
        order.shuffle(&mut rng);
        order
    }

    /// The mean of the gradients that the steps of one pass over whole batches follow, by every matrix and every bias
    /// vector. For a trainer that [accumulates](Self::accumulating).
    pub(super) fn mean_gradient(mut self, data: &Dataset) -> Result<Vec<Vec<f64>>, TrainError> {
        self.train_epoch(data, |_| {})?;
        let steps = data.len().div_ceil(self.options.batch) as f64;
        let mean = |sums: Vec<f32>| sums.into_iter().map(|sum| f64::from(sum) / steps).collect();
        let architecture = self.network.architecture();
        let matrix = |l: usize| {
            let (rows, columns) = architecture.shape(l);
            let mut sums = vec![0.0; rows * columns];
            for (i, row) in sums.chunks_exact_mut(columns).enumerate() {
                self.read_register_row(0, l, i, row);
            }
            mean(sums)
        };
        let biases = |l: usize| mean(self.read_register_of_biases(0, l));
        let layers = 0..architecture.free_layers();
        Ok(layers
            .clone()
            .map(matrix)
            .chain(layers.map(biases))
            .collect())
    }

    /// How many states an example has in the last phase of a step.
    pub(super) fn states_of_last_phase(&self) -> usize {
        let phase = self.program.ops.iter().rev().find_map(|op| match op {
            Op::Settle(settle) => Some(settle.states.len()),
            _ => None,
        });
        phase.unwrap_or(1)
    }

    /// Multiply-adds that the states of the last step need for one example of so many features that are not 0: those of
    /// the units that are not at 0 V, driven through every connection in every sweep, and once more by each of the two
    /// states in the update.
    pub(super) fn multiply_adds(&self, sweeps: f64, features: f64) -> f64 {
        let (architecture, hidden) = (
            self.network.architecture(),
            self.network.architecture().hidden.len(),
        );
        let active = |l: usize| match l < hidden {
            true => self.board.activity(l, architecture.width(l)) * architecture.width(l) as f64,
            false => architecture.outputs as f64,
        };
        let connection = |l: usize| match l {
            0 => 2.0 * features * architecture.width(0) as f64,
            _ => {
                let (below, above) = architecture.shape(l);
                let up = active(l - 1) * above as f64;
                sweeps * (up + active(l) * below as f64) + 2.0 * up
            }
        };
        (0..architecture.matrices()).map(connection).sum()
    }

    /// The potentials that the next free phase starts from, one array per free layer: `batch * width` volt.
    pub(crate) fn carried_state(&self) -> Vec<Vec<f32>> {
        let architecture = self.network.architecture();
        let start = self.program.carried * self.options.batch;
        let slots = start..start + self.options.batch;
        let hidden = (0..architecture.hidden.len())
            .map(|l| self.board.collect(l, architecture.width(l), &slots));
        let outputs = &self.spaces[0].outputs;
        let outputs =
            &outputs[slots.start * architecture.outputs..slots.end * architecture.outputs];
        hidden.chain([outputs.to_vec()]).collect()
    }

    /// Mean cost of the first epoch, once it is finished.
    pub(crate) fn first_cost(&self) -> Option<f64> {
        self.first_cost
    }

    /// Continues from a checkpoint: finished epochs, their steps and the mean cost of the first, and the state that
    /// [`Self::carried_state`] gave.
    ///
    /// # Errors
    /// If the state does not have this network's shape; nothing is changed then.
    pub(crate) fn restore(
        &mut self,
        (epoch, steps, first_cost): (usize, u64, Option<f64>),
        state: &[Vec<f32>],
    ) -> Result<(), ParameterError> {
        let architecture = self.network.architecture();
        let batch = self.options.batch;
        check_length("state", state.len(), architecture.free_layers())?;
        for (l, potentials) in state.iter().enumerate() {
            let expected = architecture.width(l) * batch;
            check_length(&format!("state[{l}]"), potentials.len(), expected)?;
        }
        let start = self.program.carried * batch;
        for (l, potentials) in state.iter().take(architecture.hidden.len()).enumerate() {
            self.board
                .distribute(l, potentials, &(start..start + batch));
        }
        let outputs = &state[state.len() - 1];
        for space in &mut self.spaces {
            let range = start * architecture.outputs..(start + batch) * architecture.outputs;
            space.outputs[range].copy_from_slice(outputs);
        }
        (self.epoch, self.steps, self.first_cost) = (epoch, steps, first_cost);
        Ok(())
    }

    /// The optimiser's register `r` of row `i` of matrix `l`.
    pub(crate) fn read_register_row(&self, r: usize, l: usize, i: usize, row: &mut [f32]) {
        for (share, registers) in self.network.shares.iter().zip(&self.registers) {
            registers.read_row(share, r, l, i, row);
        }
    }

    /// The optimiser's register `r` of the biases of free layer `l`.
    pub(crate) fn read_register_of_biases(&self, r: usize, l: usize) -> Vec<f32> {
        let width = self.network.architecture().width(l);
        Registers::read_biases(&self.network.shares, &self.registers, (r, l, width))
    }

    /// The inverse of [`Self::read_register_row`].
    pub(crate) fn write_register_row(&mut self, r: usize, l: usize, i: usize, row: &[f32]) {
        for (share, registers) in self.network.shares.iter().zip(&mut self.registers) {
            registers.write_row(share, r, l, i, row);
        }
    }

    /// The inverse of [`Self::read_register_of_biases`].
    pub(crate) fn write_register_of_biases(&mut self, r: usize, l: usize, biases: &[f32]) {
        for (share, registers) in self.network.shares.iter().zip(&mut self.registers) {
            registers.write_biases(share, r, l, biases);
        }
    }

    /// Gives the network back.
    pub fn into_network(self) -> Network {
        self.network
    }

    /// As [`Network::set_weights`], between epochs; the optimiser's registers stay as they are.
    ///
    /// # Errors
    /// As there.
    pub fn set_weights(&mut self, l: usize, weights: &[f32]) -> Result<(), ParameterError> {
        self.network.set_weights(l, weights)
    }

    /// As [`Network::set_biases`], between epochs; the optimiser's registers stay as they are.
    ///
    /// # Errors
    /// As there.
    pub fn set_biases(&mut self, l: usize, biases: &[f32]) -> Result<(), ParameterError> {
        self.network.set_biases(l, biases)
    }
}

/// Checks that the states of a batch and the optimiser's registers fit into memory.
fn check_memory(
    network: &Network,
    options: &TrainOptions,
    program: &Program,
    registers: usize,
) -> Result<(), TrainOptionsError> {
    let architecture = network.architecture();
    let widths = (0..architecture.free_layers()).map(|l| architecture.width(l));
    let slots = program.states * options.batch;
    let states = Workspace::numbers_per_slot(widths, network.threads())
        .saturating_add(architecture.features)
        .saturating_mul(slots);
    let registers = registers * architecture.conductances();
    let bytes = states
        .saturating_add(registers)
        .saturating_mul(size_of::<f32>());
    match Vec::<u8>::new().try_reserve_exact(bytes) {
        Ok(()) => Ok(()),
        Err(_) => Err(TrainOptionsError::Memory { bytes }),
    }
}

fn check_length(name: &str, found: usize, expected: usize) -> Result<(), ParameterError> {
    match found == expected {
        true => Ok(()),
        false => Err(ParameterError::WrongLength {
            name: name.to_owned(),
            expected,
            found,
        }),
    }
}

/// Checks that the data have as many features and outputs as the network has, and targets that the cost can have.
pub(crate) fn check_fit(
    architecture: &crate::drn::Architecture,
    data: &Dataset,
    cost: Cost,
) -> Result<(), TrainError> {
    let found = (data.features(), data.outputs());
    let expected = (architecture.features, architecture.readouts());
    if found != expected {
        return Err(TrainError::Dataset {
            features: found.0,
            outputs: found.1,
            expected_features: expected.0,
            expected_outputs: expected.1,
        });
    }
    let (Cost::CrossEntropy, Targets::Values { values, outputs }) = (cost, data.targets()) else {
        return Ok(());
    };
    match values.iter().position(|value| *value < 0.0) {
        None => Ok(()),
        Some(place) => Err(TrainError::NegativeTarget {
            example: place / outputs,
            output: place % outputs,
            value: values[place],
        }),
    }
}

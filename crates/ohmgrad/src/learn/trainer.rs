//! Training a network, epoch by epoch.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::epoch::{Member, Plan};
use super::{Cost, Epoch, Step, TrainOptions, TrainOptionsError, Unbounded};
use crate::data::{Dataset, Targets};
use crate::drn::{Board, Contrast, Network, ParameterError, Scratch, Share, Workspace};
use crate::interrupt::Interrupted;

/// Why training stopped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The nudged energy has no minimum.
    #[error("training stopped at example {example} of the epoch")]
    Unbounded {
        /// Examples trained on before in this epoch.
        example: usize,
        /// What is unbounded.
        source: Unbounded,
    },
    /// A potential, a conductance or a bias that is not finite.
    #[error(
        "training diverged at example {example} of the epoch (a potential, conductance or bias is not finite): \
         lower the learning rates"
    )]
    Diverged {
        /// Examples trained on before in this epoch.
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

/// A network in training: the network, the state of its nodes, and the number of finished epochs.
pub struct Trainer {
    network: Network,
    options: TrainOptions,
    seed: u64,
    epoch: usize,
    board: Board,
    members: Vec<(Workspace, Scratch)>,
}

/// Streams of the seeded generator: the shuffle of epoch e has stream FIRST_SHUFFLE + e.
const FIRST_SHUFFLE: u64 = 1 << 32;

impl Trainer {
    /// Prepares training; all nodes start at 0 V.
    ///
    /// `seed` decides the order of the examples: epoch `e` is shuffled by ChaCha8 with this seed and a
    /// stream of its own, whatever happened before.
    ///
    /// # Errors
    /// If an option is out of range.
    pub fn new(
        mut network: Network,
        options: TrainOptions,
        seed: u64,
    ) -> Result<Self, TrainOptionsError> {
        options.validate(network.architecture())?;
        network.reset_velocities(options.optimizer.momentum() > 0.0);
        let slots = match options.unrolled() {
            Some(unrolled) => unrolled.slots(),
            None => (1 + options.states().pushes.len()) * options.batch,
        };
        let members = network.shares.iter().map(|share| {
            let space = Workspace::new(network.architecture(), share, options.batch, slots);
            (space, Scratch::default())
        });
        Ok(Self {
            members: members.collect(),
            board: Board::new(&network.shares, slots),
            network,
            options,
            seed,
            epoch: 0,
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

    /// Finished epochs.
    pub fn epoch(&self) -> usize {
        self.epoch
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
        let architecture = self.network.architecture().clone();
        check_fit(&architecture, data, self.options.cost)?;
        let mut order: Vec<u32> = (0..data.len() as u32).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(FIRST_SHUFFLE + self.epoch as u64);
        order.shuffle(&mut rng);

        let options = &self.options;
        let (weights, biases) = options.optimizer.steps(&architecture, self.epoch as f64);
        let (states, unrolled) = (options.states(), options.unrolled());
        let free_layers = architecture.free_layers();
        let free_groups = options.free_phase.order.groups(free_layers);
        let groups_back: Vec<Vec<usize>> = free_groups.iter().rev().cloned().collect();
        let plan = Plan {
            data,
            order: &order,
            options,
            states: &states,
            free_groups: &free_groups,
            groups_back: &groups_back,
            nudged_groups: &options.nudged_phase.order.groups(free_layers),
            input_gain: architecture.input_gain,
            unrolled,
            contrast: Contrast {
                energy: architecture.energy,
                examples: options.batch * unrolled.map_or(1, |u| u.sweeps),
                first: unrolled.map_or(states.first * options.batch, |u| u.first(1)),
                second: unrolled.map_or(states.second * options.batch, |u| u.second(1)),
                span: states.span,
                lag: unrolled.map_or(0, |u| u.batch),
                weights: &weights,
                biases: &biases,
            },
        };
        let observer = std::sync::Mutex::new(&mut observe);
        let (arch, board) = (self.network.arch, &self.board);
        let team = self.network.shares.iter_mut().zip(&mut self.members);
        let epoch = crate::drn::run_team(team, |index, (share, member), barrier| {
            let (space, scratch) = member;
            let mut member = Member {
                arch,
                index,
                share,
                space,
                scratch,
                board,
                barrier,
            };
            member.epoch(&plan, |step| {
                if let (0, Ok(mut observe)) = (index, observer.lock()) {
                    observe(step);
                }
            })
        });
        // The fused pass adds up conductances in another order than a network that is read from a file.
        self.network.sum_conductances();
        let epoch = epoch?;
        // The last update of the epoch has met no input yet.
        if !self.network.shares.iter().all(Share::is_finite) {
            let example = epoch.examples;
            return Err(TrainError::Diverged { example });
        }
        self.epoch += 1;
        Ok(epoch)
    }

    /// The potentials that the next free phase starts from, one array per free layer: `batch * width` volt.
    pub fn carried_state(&self) -> Vec<Vec<f32>> {
        let architecture = self.network.architecture();
        let start = self.options.states().carried() * self.options.batch;
        let slots = start..start + self.options.batch;
        let hidden = (0..architecture.hidden.len())
            .map(|l| crate::drn::collect(&self.board, l, architecture.width(l), &slots));
        let outputs = &self.members[0].0.outputs;
        let outputs =
            &outputs[slots.start * architecture.outputs..slots.end * architecture.outputs];
        hidden.chain([outputs.to_vec()]).collect()
    }

    /// Continues from a checkpoint: finished epochs, and the state that [`Self::carried_state`] gave.
    ///
    /// # Errors
    /// If the state does not have this network's shape; nothing is changed then.
    pub fn restore(&mut self, epoch: usize, state: &[Vec<f32>]) -> Result<(), ParameterError> {
        let architecture = self.network.architecture();
        let batch = self.options.batch;
        check_length("state", state.len(), architecture.free_layers())?;
        for (l, potentials) in state.iter().enumerate() {
            let expected = architecture.width(l) * batch;
            check_length(&format!("state[{l}]"), potentials.len(), expected)?;
        }
        let start = self.options.states().carried() * batch;
        for (l, potentials) in state.iter().take(architecture.hidden.len()).enumerate() {
            crate::drn::distribute(&self.board, l, potentials, &(start..start + batch));
        }
        let outputs = &state[state.len() - 1];
        for (space, _) in &mut self.members {
            let range = start * architecture.outputs..(start + batch) * architecture.outputs;
            space.outputs[range].copy_from_slice(outputs);
        }
        self.epoch = epoch;
        Ok(())
    }

    /// Gives the network back.
    pub fn into_network(self) -> Network {
        self.network
    }

    /// The network, to set its parameters between epochs.
    ///
    /// Training panics if it is exchanged for a network of another architecture or number of threads.
    pub fn network_mut(&mut self) -> &mut Network {
        &mut self.network
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

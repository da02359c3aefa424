//! The network: parameters, and settling a batch of inputs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use pulp::Arch;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::chain::{Chain, Coupling};
use super::connection::Input;
use super::engine::{self, Board, Powers, Registers, Share, Worker, Workspace};
use super::program::{Machine, Settle, settle_alone};
use super::simd::{gather_units, set_units};
use super::{Architecture, ArchitectureError, Energy, Settling, SettlingError};
use crate::interrupt::Interrupted;

/// A layered network: an [`Architecture`] with its weights (conductances in siemens) and biases (ampere).
///
/// ```
/// use ohmgrad::drn::{Architecture, Network, Settling, SweepOrder};
///
/// let architecture = Architecture::new(2, vec![4], 1);
/// let network = Network::random(&architecture, 0, 1)?;
/// let settling = Settling::tolerance(SweepOrder::Asynchronous, 1e-5, 100);
/// let settled = network.settle(&[0.3, 0.7], &settling)?;
/// assert!(settled.residuals[0] <= 1e-5);
/// assert_eq!(settled.outputs.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    architecture: Architecture,
    chain: Chain,
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
    /// Per example, the power dissipated in all resistors and in what units have by themselves, in watt; empty for a
    /// Hopfield network, which has none.
    pub dissipated_power: Vec<f64>,
    /// Per example, the [energy](super::Energy): of a resistive network in watt, the co-content of all elements minus the
    /// power of the biases.
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
    /// A parameter that the network does not have.
    #[error("this network has no parameter {name}: its parameters are {parameters}")]
    Unknown {
        /// The name.
        name: String,
        /// All parameters.
        parameters: String,
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
    /// A network with random weights, drawn uniformly as its [`Start`](super::Start) says and clamped to their windows; biases
    /// are zero. The weights are drawn by ChaCha8 from `seed`, row by row. An output node
    /// of a resistive network whose conductances add up to less than a quarter of what is expected is drawn
    /// again: from some 30 units below it on, chance might else leave it almost open.
    ///
    /// The network is split over at most `threads` threads (at least one, at most one per 64 units of
    /// the widest layer, and no more than the system lets start); no result depends on their number.
    ///
    /// # Errors
    /// If the architecture is not valid, or a window excludes what its weights start from.
    pub fn random(
        architecture: &Architecture,
        seed: u64,
        threads: usize,
    ) -> Result<Self, ArchitectureError> {
        architecture.validate()?;
        architecture.check_initial()?;
        let mut network = Self::zero(architecture, threads)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for l in 0..architecture.matrices() {
            let [middle, half] = architecture.initial_range(l);
            let [least, largest] = network.chain.connections[l].window;
            network.fill_weights(l, |_, row| {
                for g in row {
                    let draw: f32 = rng.random();
                    *g = (middle + (2.0 * draw - 1.0) * half).clamp(least, largest);
                }
            });
        }
        if architecture.energy == Energy::CoContent {
            network.redraw_faint_outputs(&mut rng);
        }
        network.sum_conductances();
        Ok(network)
    }

    /// Draws output nodes again whose conductances add up to less than a quarter of what is expected.
    fn redraw_faint_outputs(&mut self, rng: &mut ChaCha8Rng) {
        const DRAWS: usize = 1000;
        let last = self.architecture.matrices() - 1;
        let (rows, columns) = self.architecture.shape(last);
        let [middle, half] = self.architecture.initial_range(last);
        let window @ [least, largest] = self.chain.connections[last].window;
        let mut draw = || (middle + (2.0 * rng.random::<f32>() - 1.0) * half).clamp(least, largest);
        let expected = mean_of_clamped([middle - half, middle + half], window);
        let enough = 0.25 * rows as f32 * expected;
        let mut weights = self.weights(last);
        for column in 0..columns {
            let sum = |weights: &[f32]| weights[column..].iter().step_by(columns).sum::<f32>();
            for _ in 0..DRAWS {
                if sum(&weights) >= enough {
                    break;
                }
                weights[column..]
                    .iter_mut()
                    .step_by(columns)
                    .for_each(|g| *g = draw());
            }
        }
        self.fill_weights(last, |i, row| {
            row.copy_from_slice(&weights[i * columns..(i + 1) * columns]);
        });
    }

    /// A network with all weights and biases zero; conductance sums are not yet set.
    pub(crate) fn zero(
        architecture: &Architecture,
        threads: usize,
    ) -> Result<Self, ArchitectureError> {
        architecture.validate()?;
        let chain = architecture.chain();
        Ok(Self {
            architecture: architecture.clone(),
            shares: engine::split(&chain, architecture.readout, threads),
            arch: Arch::new(),
            chain,
        })
    }

    /// How strongly the energy holds each output, in siemens: the conductances at its node, those of a pair's two in series;
    /// 1 in a Hopfield network. Nudging away from the target has no minimum from there on.
    pub fn output_conductances(&self) -> Vec<f32> {
        let output = &self.shares[0].output;
        output.readout.conductances(&output.conductance).collect()
    }

    /// Shape, gains and bounds.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Number of threads that work on this network.
    pub fn threads(&self) -> usize {
        self.shares.len()
    }

    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Weight matrix `l` (conductances in siemens), row-major, shaped as [`Architecture::shape`].
    ///
    /// # Panics
    /// If there is no matrix `l`.
    pub fn weights(&self, l: usize) -> Vec<f32> {
        let (rows, columns) = self.architecture.shape(l);
        let mut weights = vec![0.0; rows * columns];
        for (i, row) in weights.chunks_exact_mut(columns).enumerate() {
            self.read_row(l, i, row);
        }
        weights
    }

    /// Biases of free layer `l` in ampere.
    ///
    /// # Panics
    /// If there is no free layer `l`.
    pub fn biases(&self, l: usize) -> Vec<f32> {
        if l == self.chain.output() {
            return self.shares[0].output.bias.clone();
        }
        let units = self.shares.iter().flat_map(|share| &share.layers[l].units);
        gather_units(
            self.chain.layers[l].width,
            units.map(|units| (units.first, &units.bias)),
        )
    }

    /// Sets weight matrix `l` (conductances in siemens), row-major, shaped as [`Architecture::shape`].
    ///
    /// # Errors
    /// If there is no such matrix, the number of values is wrong, or one of them is not finite or outside the window.
    pub fn set_weights(&mut self, l: usize, weights: &[f32]) -> Result<(), ParameterError> {
        let Some(connection) = self.chain.connections.get(l) else {
            return Err(self.architecture.unknown(&format!("W{}", l + 1)));
        };
        check(
            &format!("W{}", l + 1),
            weights,
            connection.parameters(),
            |g| connection.allows(f64::from(g)),
            |g| g,
            &connection.rule(),
        )?;
        let columns = connection.above;
        self.fill_weights(l, |i, row| {
            row.copy_from_slice(&weights[i * columns..(i + 1) * columns]);
        });
        self.sum_conductances();
        Ok(())
    }

    /// Sets the biases of free layer `l`, in ampere.
    ///
    /// # Errors
    /// If there is no such layer, the number of values is wrong, or one of them is not finite or outside the bounds.
    pub fn set_biases(&mut self, l: usize, biases: &[f32]) -> Result<(), ParameterError> {
        let name = format!("b{}", l + 1);
        let Some(layer) = self.chain.layers.get(l) else {
            return Err(self.architecture.unknown(&name));
        };
        let bounds = self.architecture.bias_bounds();
        check(
            &name,
            biases,
            layer.width,
            |b| bounds.allow(f64::from(b)),
            |b| b,
            &bounds.rule(),
        )?;
        self.write_biases(l, biases);
        Ok(())
    }

    pub(crate) fn write_biases(&mut self, l: usize, biases: &[f32]) {
        let output = self.chain.output();
        for share in &mut self.shares {
            if l == output {
                share.output.bias.copy_from_slice(biases);
                continue;
            }
            for units in &mut share.layers[l].units {
                set_units(&mut units.bias, &biases[units.first..]);
            }
        }
    }

    /// Copies row `i` of matrix `l` into `row`.
    pub(crate) fn read_row(&self, l: usize, i: usize, row: &mut [f32]) {
        for matrix in self.shares.iter().map(|share| share.connection(l)) {
            matrix.read_row(matrix.values(), i, row);
        }
    }

    /// Fills matrix `l` row after row with what `fill(i, row)` writes; conductance sums are not set.
    pub(crate) fn fill_weights(&mut self, l: usize, mut fill: impl FnMut(usize, &mut [f32])) {
        let (rows, columns) = self.architecture.shape(l);
        let mut row = vec![0.0; columns];
        for i in 0..rows {
            fill(i, &mut row);
            self.write_row(l, i, &row);
        }
    }

    /// Writes row `i` of matrix `l`; conductance sums are not set.
    pub(crate) fn write_row(&mut self, l: usize, i: usize, row: &[f32]) {
        for share in &mut self.shares {
            share.set_row(l, i, row);
        }
    }

    /// So many registers for every parameter, one set per share.
    pub(crate) fn registers(&self, count: usize) -> Vec<Registers> {
        let each = self.shares.iter();
        each.map(|share| Registers::new(share, count)).collect()
    }

    /// Adds up the conductances of every node anew.
    pub(crate) fn sum_conductances(&mut self) {
        let board = Board::new(&self.shares, 0);
        let arch = self.arch;
        engine::run_team(self.shares.iter_mut(), |index, share, barrier| {
            share.sum_conductances(index, arch, &board, barrier);
        });
    }

    /// Total conductance that ends on the sources of each feature, in siemens; 0 where parameters are weights.
    pub(crate) fn source_conductances(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.architecture.features];
        for share in &self.shares {
            share.sources.add_source_sums(&mut sums);
        }
        sums
    }

    /// Settles a batch of inputs from 0 V: `examples * features` values, example after example.
    ///
    /// # Errors
    /// If the inputs are not whole examples, one of them is not finite, the stopping rule is out of
    /// range, potentials overflow, or it is [interrupted](crate::interrupt). Reaching the cap on sweeps is not an error: the residuals tell.
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
            .map(|l| board.collect(l, self.architecture.width(l), &(0..batch)))
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
        let (batch, features) = (board.slots, self.architecture.features);
        let sources = physics.then(|| self.source_conductances());
        let phase = settle_alone(self.chain.layers.len(), *settling);
        let (receive, failed) = (Mutex::new(receive), AtomicBool::new(false));
        engine::run_team(self.shares.iter(), |index, share, barrier| {
            let mut space = Workspace::new(share, features, batch, 1);
            let mut outcome = Ok(());
            for b in 0..batches {
                barrier.wait(); // the first member has received what came before
                if failed.load(Ordering::Relaxed) {
                    break;
                }
                encode(&mut space.input, b);
                let mut worker = Worker {
                    arch: self.arch,
                    index,
                    share,
                    space: &mut space,
                    board,
                    barrier,
                };
                let settled = settle_from_rest(&mut worker, &phase, sources.as_deref());
                if barrier.stopped() {
                    return Err(Interrupted.into());
                }
                if let (0, Ok(mut receive)) = (index, receive.lock()) {
                    outcome = receive(b, settled);
                    failed.store(outcome.is_err(), Ordering::Relaxed);
                }
            }
            outcome
        })
    }
}

/// Drives the network with the workspace's input and settles it from 0 V; with the conductances of
/// the `sources`, measures residuals, powers and energies too.
fn settle_from_rest(
    worker: &mut Worker<&Share>,
    phase: &Settle,
    sources: Option<&[f64]>,
) -> Settled {
    worker.drive();
    worker.clear(0);
    let sweeps = worker.settle(phase, &[]);
    let (mut residuals, mut powers) = (Vec::new(), Vec::new());
    if let Some(sources) = sources {
        residuals = worker.residuals(phase, &[]);
        powers = worker.powers(phase, sources);
    }
    Settled {
        sweeps,
        residuals,
        outputs: worker.space.outputs.clone(),
        hidden: Vec::new(),
        dissipated_power: match worker.share.sources.coupling {
            Coupling::Resistor => powers.iter().map(Powers::dissipated).collect(),
            Coupling::Weight => Vec::new(),
        },
        energy: powers.iter().map(Powers::energy).collect(),
    }
}

/// The mean of numbers that are uniform in `[first, last]` and then clamped to the window:
/// `(low (low - first) + (high^2 - low^2) / 2 + high (last - high)) / (last - first)`, `[low, high]` being what both share.
fn mean_of_clamped([first, last]: [f32; 2], [least, largest]: [f32; 2]) -> f32 {
    let [low, high] = [least, largest].map(|end| end.clamp(first, last));
    let within = 0.5 * (high * high - low * low);
    let sum = low * (low - first) + within + high * (last - high);
    (sum / (last - first)).max(least)
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

//! Training against independent truths, and what it refuses.

mod cases;
mod comparison;
mod errors;
mod gradients;
mod programs;
mod simulation;
mod training;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::rules::Push;
use super::*;
use crate::data::{Dataset, Inputs, Targets};
use crate::drn::tests::{Twins, bits, largest};
use crate::drn::{Architecture, Energy, Network, Readout, Settling, SweepOrder};
use crate::interrupt::{Interrupted, interruptible};

use Rule::{
    AdjointLearning, CenteredCpl, CenteredEp, ContrastiveLearning, NegativeCpl, NegativeEp,
    PositiveCpl, PositiveEp, RecurrentBackpropagation, TruncatedBackpropagation,
};

/// All but adjoint learning, which sweeps until f32 has no more digits: its number of sweeps is not that of f64.
const RULES: [Rule; 8] = [
    PositiveEp,
    NegativeEp,
    CenteredEp,
    ContrastiveLearning,
    PositiveCpl,
    NegativeCpl,
    CenteredCpl,
    RecurrentBackpropagation,
];

/// A conductance to a source that no other element moves: in f64 the output is at the target to 9 digits.
const HELD: f64 = 1e9;

/// The options' amplitude, or 1 for a rule without one.
fn amplitude(options: &TrainOptions) -> f64 {
    f64::from(options.beta.unwrap_or(1.0))
}

/// -dC/dv of the outputs.
fn pull_of(cost: Cost, outputs: &[f64], target: &[f64]) -> Vec<f64> {
    let shares = match cost {
        Cost::SquaredError => outputs.to_vec(),
        Cost::CrossEntropy => {
            let sum: f64 = outputs.iter().map(|v| v.exp()).sum();
            let total: f64 = target.iter().sum();
            outputs.iter().map(|v| total * v.exp() / sum).collect()
        }
    };
    target
        .iter()
        .zip(shares)
        .map(|(y, share)| y - share)
        .collect()
}

/// Random examples; half of the pixels are 0.
fn random_data(features: usize, classes: usize, examples: usize, seed: u64) -> Dataset {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut pixel = || rng.random_range(0..=16_u8) * u8::from(rng.random::<bool>());
    let pixels = (0..features * examples).map(|_| pixel()).collect();
    let labels: Vec<u8> = (0..examples)
        .map(|_| rng.random_range(0..classes) as u8)
        .collect();
    Dataset::images(features, classes, 16, pixels, &labels).expect("a valid dataset")
}

/// Random examples with features in [-1, 1], half of them 0, and target potentials in [0, 1] V.
fn random_values(features: usize, outputs: usize, examples: usize, seed: u64) -> Dataset {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut input = || rng.random_range(-1.0..=1.0_f32) * f32::from(u8::from(rng.random::<bool>()));
    let inputs = Inputs::Values((0..features * examples).map(|_| input()).collect());
    let values = (0..examples * outputs).map(|_| rng.random()).collect();
    Dataset::new(features, inputs, Targets::Values { values, outputs }).expect("a valid dataset")
}

fn target_of(data: &Dataset, example: usize) -> Vec<f64> {
    let target = data.targets().of(example);
    (0..data.outputs()).map(|k| target(k).into()).collect()
}

/// A resistive network of each readout and a Hopfield network, of the same hidden layers, with so many values to be read.
fn small_networks(features: usize, hidden: &[usize], readouts: usize) -> [Architecture; 3] {
    let with_outputs = |outputs| Architecture::new(features, hidden.to_vec(), outputs);
    [
        with_outputs(readouts),
        with_outputs(2 * readouts).with_readout(Readout::Pairs),
        with_outputs(readouts).with_energy(Energy::Hopfield),
    ]
}

/// Centered EP with momentum and weight decay, for networks of several blocks.
fn busy_options(architecture: &Architecture, order: SweepOrder, momentum: f32) -> TrainOptions {
    let rates = vec![0.02; architecture.matrices()];
    TrainOptions {
        rule: CenteredEp,
        beta: Some(0.1),
        cost: Cost::SquaredError,
        batch: 4,
        initial_state: InitialState::Persistent,
        free_phase: Settling::tolerance(order, 1e-3, 20),
        nudged_phase: Settling::sweeps(order, 3),
        optimizer: Optimizer {
            update: Update::Momentum { momentum },
            weight_decay: 0.01,
            ..Optimizer::plain(&rates, &rates, 0.9)
        },
    }
}

/// Two epochs of 3 steps, the last of which is short.
fn train_two_epochs(
    architecture: &Architecture,
    options: TrainOptions,
    threads: usize,
) -> (Trainer, Vec<Epoch>) {
    let twins = Twins::random(architecture, threads, 11);
    let data = random_data(architecture.features, architecture.outputs, 10, 12);
    let mut trainer = Trainer::new(twins.engine, options, 13).unwrap();
    let epochs = (0..2)
        .map(|_| trainer.train_epoch(&data, |_| {}).unwrap())
        .collect();
    (trainer, epochs)
}

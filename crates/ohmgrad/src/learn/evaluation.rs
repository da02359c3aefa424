//! Measuring a network on a dataset.

use super::examples::encode_examples;
use super::trainer::check_fit;
use super::{Cost, Epoch, TrainError};
use crate::data::Dataset;
use crate::drn::{Energy, Input, Network, Readout, Settled, Settling};

/// Examples settled at once.
const BATCH: usize = 64;

/// How a network does on a dataset: every example settled from 0 V, prediction = largest output.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Number of examples.
    pub examples: usize,
    /// Number of misclassified examples; 0 if the targets are potentials.
    pub errors: usize,
    /// Mean cost.
    pub cost: f64,
    /// `confusion[label][prediction]` counts the examples; empty if the targets are potentials.
    pub confusion: Vec<Vec<usize>>,
    /// Physical quantities, where they were asked for.
    pub physics: Option<Physics>,
}

/// Physical quantities over a dataset.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Physics {
    /// Mean power dissipated in the resistors, in watt; none in a Hopfield network.
    pub mean_power: Option<f64>,
    /// Mean and largest [residual](Settled::residuals) after the sweeps.
    pub mean_residual: f64,
    /// See `mean_residual`.
    pub max_residual: f64,
    /// Largest number of sweeps that a batch needed.
    pub max_sweeps: usize,
}

impl Evaluation {
    /// Share of misclassified examples, in percent.
    pub fn error_percent(&self) -> f64 {
        100.0 * self.errors as f64 / self.examples as f64
    }
}

/// Measures cost and, on labelled data, misclassified examples.
///
/// # Errors
/// If the data do not fit the network or the cost, an output is not finite, or it is
/// [interrupted](crate::interrupt).
pub fn evaluate(
    network: &Network,
    data: &Dataset,
    settling: &Settling,
    cost: Cost,
) -> Result<Evaluation, TrainError> {
    run(network, data, settling, cost, false)
}

/// Measures cost, misclassified examples, dissipated power and residuals.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_physics(
    network: &Network,
    data: &Dataset,
    settling: &Settling,
    cost: Cost,
) -> Result<Evaluation, TrainError> {
    run(network, data, settling, cost, true)
}

fn run(
    network: &Network,
    data: &Dataset,
    settling: &Settling,
    cost: Cost,
    physics: bool,
) -> Result<Evaluation, TrainError> {
    check_fit(network.architecture(), data, cost)?;
    let gain = network.architecture().input_gain;
    let readout = network.architecture().readout;
    let mut totals = Epoch::default();
    let resistive = network.architecture().energy == Energy::CoContent;
    let mut measured = Physics {
        mean_power: resistive.then_some(0.0),
        ..Physics::default()
    };
    let classes = data.classes().unwrap_or(0);
    let mut confusion = vec![vec![0; classes]; classes];
    let order: Vec<u32> = (0..data.len() as u32).collect();
    let batches = order.chunks(BATCH);
    let encode = |input: &mut Input, b: usize| {
        let examples = batches.clone().nth(b).unwrap_or_default();
        encode_examples(input, data, examples, BATCH, gain);
    };
    network.settle_batches(
        BATCH,
        batches.len(),
        settling,
        physics,
        encode,
        |b, settled| {
            let examples = batches.clone().nth(b).unwrap_or_default();
            let scored = score(&settled.outputs, readout, data, examples, cost, &mut totals);
            scored.map_err(|NotFinite(example)| TrainError::Overflow { example })?;
            let potentials = settled.outputs.chunks(network.architecture().outputs);
            for (&example, potentials) in examples.iter().zip(potentials) {
                if let Some(label) = data.label(example as usize) {
                    confusion[label][prediction(readout.read(potentials))] += 1;
                }
            }
            measured.add(&settled, examples.len());
            Ok::<_, TrainError>(())
        },
    )?;
    let count = data.len() as f64;
    measured.mean_power = measured.mean_power.map(|power| power / count);
    measured.mean_residual /= count;
    Ok(Evaluation {
        examples: totals.examples,
        errors: totals.errors,
        cost: totals.mean_cost(),
        confusion,
        physics: physics.then_some(measured),
    })
}

impl Physics {
    /// Adds the sums over a batch.
    fn add(&mut self, settled: &Settled, examples: usize) {
        self.max_sweeps = self.max_sweeps.max(settled.sweeps);
        let residuals = settled.residuals.iter().take(examples);
        self.mean_residual += residuals.clone().sum::<f64>();
        self.max_residual = residuals.fold(self.max_residual, |max, r| max.max(*r));
        if let Some(power) = &mut self.mean_power {
            *power += settled.dissipated_power.iter().take(examples).sum::<f64>();
        }
    }
}

/// The number of the largest output, the first of equal ones: the class that a network predicts.
///
/// ```
/// assert_eq!(ohmgrad::learn::prediction([0.1, 0.7, -2.0, 0.7].into_iter()), 1);
/// ```
pub fn prediction(outputs: impl Iterator<Item = f32>) -> usize {
    let first = (0, f32::NEG_INFINITY);
    let better = |best: (usize, f32), (k, v)| if v > best.1 { (k, v) } else { best };
    outputs.enumerate().fold(first, better).0
}

/// An example, by the number of those scored before, whose outputs are not finite.
pub(super) struct NotFinite(pub(super) usize);

/// Adds the costs and errors of a batch to `totals`.
pub(super) fn score(
    potentials: &[f32],
    readout: Readout,
    data: &Dataset,
    examples: &[u32],
    cost: Cost,
    totals: &mut Epoch,
) -> Result<(), NotFinite> {
    let slots = potentials.chunks(data.outputs() * readout.nodes());
    for (&example, potentials) in examples.iter().zip(slots) {
        let target = data.targets().of(example as usize);
        let outputs = readout.read(potentials);
        let pairs = outputs.clone().enumerate();
        totals.cost += cost.of(pairs.map(|(k, v)| (f64::from(v), f64::from(target(k)))));
        if potentials.iter().any(|v| !v.is_finite()) {
            return Err(NotFinite(totals.examples));
        }
        totals.examples += 1;
        let label = data.label(example as usize);
        totals.errors += usize::from(label.is_some_and(|label| prediction(outputs) != label));
    }
    Ok(())
}

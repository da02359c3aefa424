//! What a training run will need, before it starts.

use std::time::{Duration, Instant};

use super::RunError;
use super::run::new_trainer;
use crate::data::{Dataset, Inputs, Targets};
use crate::experiment::Experiment;
use crate::learn::{TrainOptions, evaluate};

/// What a run needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Memory in bytes: parameters and what the optimiser remembers of them, the states of a batch, and the data.
    pub bytes: u64,
    /// Time of an epoch with its evaluation, in seconds.
    pub seconds_per_epoch: f64,
}

/// Time that is trained to measure how fast training is.
const MEASURED: Duration = Duration::from_millis(500);

/// Forecasts what a run will need: loads its data, and trains and evaluates on a part of them for about a second.
///
/// # Errors
/// As those of starting the run.
pub fn forecast(experiment: &Experiment, threads: usize) -> Result<Forecast, RunError> {
    let split = experiment.data.load(experiment.seed)?;
    let mut trainer = new_trainer(experiment, threads)?;
    let TrainOptions {
        batch,
        free_phase,
        cost,
        optimizer,
        ..
    } = &experiment.training;
    let mut examples = (*batch).min(split.train.len());
    let rate = loop {
        let part = split.train.drawn(examples, 0);
        let start = Instant::now();
        trainer.train_epoch(&part, |_| {})?;
        let passed = start.elapsed();
        if passed > MEASURED / 2 || examples == split.train.len() {
            break examples as f64 / passed.as_secs_f64().max(1e-9);
        }
        examples = (examples * 4).min(split.train.len());
    };
    let part = split.test.drawn(examples, 0);
    let start = Instant::now();
    evaluate(trainer.network(), &part, free_phase, *cost)?;
    let measured = part.len() as f64 / start.elapsed().as_secs_f64().max(1e-9);
    let network = &experiment.network;
    let numbers = 1 + optimizer.update.registers();
    let widths = network.input_nodes() + network.hidden.iter().sum::<usize>() + network.outputs;
    // Both ends of a connection between hidden layers hold it; a rule makes up to four states of a batch.
    let twice: usize = network.hidden.windows(2).map(|w| w[0] * w[1]).sum();
    let floats = numbers * (network.conductances() + twice) + 4 * batch * widths;
    Ok(Forecast {
        bytes: 4 * floats as u64 + size(&split.train) + size(&split.test),
        seconds_per_epoch: split.train.len() as f64 / rate + split.test.len() as f64 / measured,
    })
}

/// Bytes of a dataset.
fn size(data: &Dataset) -> u64 {
    let inputs = match data.inputs() {
        Inputs::Bytes { pixels, .. } => pixels.len(),
        Inputs::Values(values) => 4 * values.len(),
    };
    let targets = match data.targets() {
        Targets::Labels { labels, .. } => 4 * labels.len(),
        Targets::Values { values, .. } => 4 * values.len(),
    };
    (inputs + targets) as u64
}

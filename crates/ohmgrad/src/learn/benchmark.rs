//! How fast training is, beside how fast memory allows it to be.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Epoch, StepTimes, TrainError, Trainer};
use crate::data::Dataset;
use crate::drn::{Stream, multiply_adds_per_second, run_team};

/// A training step reads and writes every conductance and every register of the optimiser once: 4 bytes each way.
const BYTES_PER_NUMBER: f64 = 8.0;

/// Rounds of measurement; each measures memory and training in turn, so that both see the same machine.
const ROUNDS: usize = 7;

/// Training time per round, and memory time per round.
const TRAINING: Duration = Duration::from_millis(600);
const MEMORY: Duration = Duration::from_millis(150);

/// What [`benchmark`] measured. Times are medians, in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Benchmark {
    /// Threads at work.
    pub threads: usize,
    /// SIMD level that the kernels were dispatched to.
    pub simd: String,
    /// Number of trainable conductances.
    pub conductances: usize,
    /// Examples per step.
    pub batch: usize,
    /// In-place read-modify-write bandwidth over as many bytes as conductances and registers fill, read and
    /// written bytes added, in bytes per second.
    pub bandwidth: f64,
    /// The least time that memory needs for a step: 8 bytes per conductance and register over the bandwidth.
    pub floor: f64,
    /// Multiply-adds per second of all threads that stay in registers, in f32: the most that there can be.
    pub multiply_adds_per_second: f64,
    /// The least time that arithmetic needs for a step: the multiply-adds of the inputs and units that are not at 0 V, in the
    /// states that steps end with, over those per second.
    pub arithmetic_floor: f64,
    /// A training step.
    pub step: f64,
    /// step / floor, the median over the rounds.
    pub step_over_floor: f64,
    /// step / the larger of both floors.
    pub step_over_larger_floor: f64,
    /// Examples trained on per second.
    pub examples_per_second: f64,
    /// A pass over as many examples as the dataset has.
    pub seconds_per_epoch: f64,
    /// Steps that were timed.
    pub steps: usize,
    /// Where the time of a step goes.
    pub breakdown: Breakdown,
}

/// Median time of each part of a training step, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Breakdown {
    /// Listing the nonzero inputs of the batch.
    pub encode: f64,
    /// The fused pass over the input matrix: update, and product with the next input.
    pub fused_pass: f64,
    /// Settling the free phase.
    pub free_phase: f64,
    /// Settling the nudged phases.
    pub nudged_phases: f64,
    /// Updating the other matrices and the biases.
    pub inner_update: f64,
}

/// Trains for a few seconds on random parts of `data` and measures the memory in between.
///
/// # Errors
/// If the data do not fit the network, training cannot go on, or the clock stands.
pub fn benchmark(trainer: &mut Trainer, data: &Dataset) -> Result<Benchmark, TrainError> {
    let (threads, batch) = (trainer.network().threads(), trainer.options().batch);
    let mut memory = Stream::split(numbers(trainer), threads);
    let mut rounds = Rounds::default();
    let mut examples = (16 * batch).min(data.len());
    for round in 0..=ROUNDS {
        let part = part_of(data, round, examples);
        let bandwidth = bandwidth(trainer, &mut memory);
        if bandwidth.is_infinite() {
            return Err(TrainError::StandingClock);
        }
        let mut times = Vec::with_capacity(part.len() / batch + 1);
        let start = Instant::now();
        let epoch = trainer.train_epoch(&part, |step| times.push(step.times))?;
        let per_step = start.elapsed().div_f64(times.len() as f64);
        examples = examples_for(TRAINING, per_step, batch).min(data.len());
        if round == 0 {
            continue; // warm-up: it fills the caches and says how long a step is
        }
        times.remove(0); // the first step of an epoch has no update
        let step = median(times.iter().map(|t| t.total().as_secs_f64()));
        rounds.bandwidths.push(bandwidth);
        rounds.ratios.push(step * bandwidth / bytes(trainer));
        rounds.speeds.push(arithmetic_speed(trainer));
        let needed = multiply_adds(trainer, &epoch, &part);
        rounds.multiply_adds.push(needed * batch as f64);
        rounds.steps.extend(times);
    }
    Ok(rounds.report(trainer, data.len()))
}

/// What the rounds measured.
#[derive(Default)]
struct Rounds {
    steps: Vec<StepTimes>,
    /// Bytes per second, and step over floor.
    bandwidths: Vec<f64>,
    ratios: Vec<f64>,
    /// Multiply-adds per second, and per step.
    speeds: Vec<f64>,
    multiply_adds: Vec<f64>,
}

impl Rounds {
    fn report(self, trainer: &Trainer, examples: usize) -> Benchmark {
        let of = |time: fn(&StepTimes) -> Duration| {
            median(self.steps.iter().map(|t| time(t).as_secs_f64()))
        };
        let network = trainer.network();
        let (batch, step) = (trainer.options().batch, of(StepTimes::total));
        let bandwidth = median(self.bandwidths.into_iter());
        let multiply_adds_per_second = median(self.speeds.into_iter());
        let floor = bytes(trainer) / bandwidth;
        let arithmetic_floor = median(self.multiply_adds.into_iter()) / multiply_adds_per_second;
        let examples_per_second = batch as f64 / step;
        let level = format!("{:?}", network.arch);
        Benchmark {
            threads: network.threads(),
            simd: level.split('(').next().unwrap_or_default().to_owned(),
            conductances: network.architecture().conductances(),
            batch,
            bandwidth,
            floor,
            multiply_adds_per_second,
            arithmetic_floor,
            step,
            step_over_floor: median(self.ratios.into_iter()),
            step_over_larger_floor: step / floor.max(arithmetic_floor),
            examples_per_second,
            seconds_per_epoch: examples as f64 / examples_per_second,
            steps: self.steps.len(),
            breakdown: Breakdown {
                encode: of(|t| t.encode),
                fused_pass: of(|t| t.fused_pass),
                free_phase: of(|t| t.free_phase),
                nudged_phases: of(|t| t.nudged_phases),
                inner_update: of(|t| t.inner_update),
            },
        }
    }
}

/// Conductances and registers.
fn numbers(trainer: &Trainer) -> usize {
    let conductances = trainer.network().architecture().conductances();
    conductances * (1 + trainer.options().optimizer.update.registers())
}

/// What a step reads and writes.
fn bytes(trainer: &Trainer) -> f64 {
    BYTES_PER_NUMBER * numbers(trainer) as f64
}

/// Bytes per second, read and written ones added, of passes over as much memory as the conductances fill.
fn bandwidth(trainer: &Trainer, memory: &mut [Stream]) -> f64 {
    let arch = trainer.network().arch;
    let passes = run_team(memory.iter_mut(), |_, part, barrier| {
        part.passes(arch, MEMORY, barrier)
    });
    bytes(trainer) / median(passes.iter().map(Duration::as_secs_f64))
}

/// Multiply-adds per second of all threads at once.
fn arithmetic_speed(trainer: &Trainer) -> f64 {
    let (arch, threads) = (trainer.network().arch, trainer.network().threads());
    let one = run_team(0..threads, |_, _, barrier| {
        barrier.wait();
        multiply_adds_per_second(arch)
    });
    threads as f64 * one
}

/// Multiply-adds of one example, of as many features that are not 0 as the examples have in the mean.
fn multiply_adds(trainer: &Trainer, epoch: &Epoch, data: &Dataset) -> f64 {
    let steps = epoch.examples.div_ceil(trainer.options().batch) as f64;
    let pushed = trainer.states_of_last_phase() as f64;
    let sweeps = (epoch.sweeps[0] as f64 + pushed * epoch.sweeps[1] as f64) / steps;
    let features: usize = (0..data.len())
        .map(|e| data.input(e).iter().filter(|x| **x != 0.0).count())
        .sum();
    trainer.multiply_adds(sweeps, features as f64 / data.len() as f64)
}

/// Whole batches that fill about `time`, at least two steps.
fn examples_for(time: Duration, per_step: Duration, batch: usize) -> usize {
    let steps = time.as_secs_f64() / per_step.as_secs_f64().max(1e-9);
    batch * (steps as usize).max(3)
}

/// Some examples of the dataset, other ones in each round.
fn part_of(data: &Dataset, round: usize, examples: usize) -> Dataset {
    let chosen = (0..examples).map(|e| (round * examples + e) % data.len());
    data.selected(&chosen.collect::<Vec<_>>())
}

/// The middle value; 0 for none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

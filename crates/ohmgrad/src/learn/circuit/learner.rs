//! Training a circuit.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::examples::CircuitExamples;
use super::options::{CircuitOptions, CircuitOptionsError, PARAMETERS, parameter};
use super::probes::{set_value, value};
use super::task::{CircuitTask, Output, TaskError};
use super::worker::{Failure, Lesson, Worker};
use crate::circuit::{Circuit, CircuitError};
use crate::device::Law;
use crate::interrupt::{self, Interrupted, Stop};
use crate::learn::Memory;
use crate::presolve::{PresolveError, State};
use crate::threads;

/// The examples of a batch are shared among at most so many workers, whatever the number of threads: the results, which
/// depend on the state that each solve starts from, do not depend on it.
const WORKERS: usize = 16;
/// The fewest examples worth a worker.
const LEAST: usize = 4;
/// The most potentials of all examples that are kept from one epoch to the next.
const MOST_KEPT: usize = 200_000;

/// Trains the resistors and sources of a circuit.
pub struct CircuitLearner {
    circuit: Circuit,
    task: CircuitTask,
    options: CircuitOptions,
    prototype: Worker,
    workers: Vec<Worker>,
    /// The free state of each example when it was last learnt from; none if they are too many.
    states: Vec<Option<State>>,
    /// What the optimiser remembers of the trained elements.
    memory: Memory,
    seed: u64,
    epochs: usize,
}

/// What training of a circuit goes on from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LearnerState {
    /// Of the trained elements, in siemens, volt or ampere.
    values: Vec<f64>,
    /// The free state of each example, from which the next epoch finds it; none if they are too many.
    #[serde(default)]
    states: Vec<Option<State>>,
    /// What the optimiser remembers.
    memory: Memory,
}

/// How well a circuit answers.
#[derive(Clone, Debug, PartialEq)]
pub struct CircuitEvaluation {
    /// Mean cost, in volt squared for squared errors of voltages.
    pub cost: f64,
    /// The largest distance of an output from its target, in volt or ampere.
    pub worst: f64,
    /// Examples whose largest output is not that of their class; `None` if the targets are no classes.
    pub wrong: Option<usize>,
    /// The number of examples.
    pub examples: usize,
    /// The outputs of all examples, in volt or ampere, in the order of the examples.
    pub outputs: Vec<Vec<f64>>,
}

/// Why a circuit cannot be trained or evaluated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// A task that was made for another circuit.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Options that are refused.
    #[error(transparent)]
    Options(#[from] CircuitOptionsError),
    /// A rule that holds voltages, for an output that is none.
    #[error(
        "the rule holds output voltages, and output {0} is a current: use an equilibrium-propagation rule, or al"
    )]
    ClampedCurrent(String),
    /// A trained conductance outside of the bounds.
    #[error("the conductance of {element} is {conductance} S, outside of {g_min} to {g_max} S")]
    OutOfBounds {
        /// The element.
        element: String,
        /// Its conductance, in siemens.
        conductance: f64,
        /// The lower bound, in siemens.
        g_min: f64,
        /// The upper bound, in siemens.
        g_max: f64,
    },
    /// Examples that do not fit the task.
    #[error(
        "the examples have {found_inputs} inputs and {found_outputs} targets, the task {inputs} and {outputs}"
    )]
    Width {
        /// Inputs of the examples.
        found_inputs: usize,
        /// Targets of the examples.
        found_outputs: usize,
        /// Inputs of the task.
        inputs: usize,
        /// Outputs of the task.
        outputs: usize,
    },
    /// A number of values other than that of trained elements.
    #[error("there are {found} values for {trained} trained elements")]
    Values {
        /// Values.
        found: usize,
        /// Trained elements.
        trained: usize,
    },
    /// A state that another optimiser has left.
    #[error(
        "the state is that of another optimizer: the number of values that it remembers is another"
    )]
    OptimizerState,
    /// A value that an element cannot have: training has diverged, or an input is no number.
    #[error("{0}: lower the learning rate if this comes from training")]
    Value(#[from] CircuitError),
    /// An example for which a state does not exist.
    #[error("example {}", example + 1)]
    Presolve {
        /// Which, from 0.
        example: usize,
        /// Why.
        source: PresolveError,
    },
    /// A state that was not found.
    #[error("example {}: not solved, the certificate's worst measure is {worst:.1e}", example + 1)]
    NotConverged {
        /// Which, from 0.
        example: usize,
        /// The worst measure of the certificate.
        worst: f64,
    },
    /// It was [interrupted](crate::interrupt).
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// An output whose voltage the circuit leaves open.
    #[error("example {}: the circuit leaves output {output} open; give it a resistor to ground", example + 1)]
    Open {
        /// Which, from 0.
        example: usize,
        /// The output.
        output: String,
    },
}

impl CircuitLearner {
    /// Prepares to train a circuit, from the values that it has.
    ///
    /// `seed` decides the order of the examples: epoch `e` (from 0) is shuffled by ChaCha8 with this seed and the stream
    /// `e + 1`, whatever happened before.
    ///
    /// # Errors
    /// If the task is not one of this circuit, an option is refused, a conductance to train is outside of the bounds, or the
    /// rule clamps and an output is a current.
    pub fn new(
        circuit: &Circuit,
        task: CircuitTask,
        options: CircuitOptions,
        seed: u64,
    ) -> Result<CircuitLearner, LearnError> {
        task.check(circuit)?;
        options.validate()?;
        let clamps = options.rule.clamps();
        let is_current = |output: &&Output| matches!(output, Output::Current(_));
        if let Some(output) = task.outputs().iter().find(is_current).filter(|_| clamps) {
            return Err(LearnError::ClampedCurrent(output.name(circuit)));
        }
        check_rates(circuit, &task, &options)?;
        check_bounds(circuit, &task, &options)?;
        Ok(CircuitLearner {
            memory: Memory::new(options.optimizer.update, task.trained().len()),
            prototype: Worker::new(circuit, task.outputs(), clamps)?,
            circuit: circuit.clone(),
            task,
            options,
            workers: Vec::new(),
            states: Vec::new(),
            seed,
            epochs: 0,
        })
    }

    /// The circuit as it stands.
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// The task.
    pub fn task(&self) -> &CircuitTask {
        &self.task
    }

    /// The number of epochs so far.
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// The values of the trained elements, in siemens, volt or ampere.
    pub fn values(&self) -> Vec<f64> {
        let trained = self.task.trained().iter();
        trained.map(|id| value(self.circuit[*id].law())).collect()
    }

    /// Takes up training after so many epochs, with these values of the trained elements. The optimiser remembers nothing of
    /// the steps before.
    ///
    /// # Errors
    /// If there is not one value for each of them, or one is out of range.
    pub fn resume(&mut self, epochs: usize, values: &[f64]) -> Result<(), LearnError> {
        let before = self.values();
        self.set_values(values)?;
        if let Err(error) = check_bounds(&self.circuit, &self.task, &self.options) {
            self.set_values(&before)?;
            return Err(error);
        }
        self.states.clear();
        self.memory = Memory::new(self.options.optimizer.update, values.len());
        self.epochs = epochs;
        Ok(())
    }

    /// The options it trains with.
    pub fn options(&self) -> &CircuitOptions {
        &self.options
    }

    /// The seed of the order of the examples.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What training goes on from, with the [number of epochs](Self::epochs), as if it had never stopped.
    pub fn state(&self) -> LearnerState {
        LearnerState {
            values: self.values(),
            states: self.states.clone(),
            memory: self.memory.clone(),
        }
    }

    /// Goes on from the state of a learner of the same circuit, task and options after so many epochs.
    ///
    /// # Errors
    /// If it is that of another task or optimiser, or a value is out of range.
    pub fn restore(&mut self, epochs: usize, state: LearnerState) -> Result<(), LearnError> {
        let trained = self.task.trained().len();
        if !state.memory.fits(self.options.optimizer.update, trained) {
            return Err(LearnError::OptimizerState);
        }
        self.resume(epochs, &state.values)?;
        (self.states, self.memory) = (state.states, state.memory);
        Ok(())
    }

    /// Goes once through all examples, in a new random order, and changes the trained elements after every batch.
    /// `observe` gets the number of examples done.
    ///
    /// The result is that of the free states during the epoch.
    ///
    /// # Errors
    /// If the examples do not fit the task, a state does not exist or is not found, or training is
    /// [interrupted](crate::interrupt). The epoch ends there.
    pub fn train_epoch(
        &mut self,
        examples: &CircuitExamples,
        mut observe: impl FnMut(usize),
    ) -> Result<CircuitEvaluation, LearnError> {
        self.check_fit(examples)?;
        // Training that was taken up again goes on as if it had never stopped: no answers are left from before.
        self.workers.clear();
        if self.states.len() != examples.len() {
            let numbers = examples.len() * self.circuit.node_names().len();
            let kept = if numbers <= MOST_KEPT {
                examples.len()
            } else {
                0
            };
            self.states = vec![None; kept];
        }
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(self.epochs as u64 + 1);
        order.shuffle(&mut rng);
        let mut outputs = vec![Vec::new(); examples.len()];
        let mut done = 0;
        for batch in order.chunks(self.options.batch) {
            // A batch may take less time than there is between two questions.
            if interrupt::requested() {
                return Err(Interrupted.into());
            }
            let start = |example: &usize| self.states.get_mut(*example).and_then(Option::take);
            let mut starts: Vec<_> = batch.iter().map(start).collect();
            let (gradient, found) = self.batch_gradient(examples, batch, &mut starts)?;
            let epoch = self.epochs as f64 + done as f64 / examples.len() as f64;
            self.update(&gradient, epoch)?;
            for ((example, found), state) in batch.iter().zip(found).zip(starts) {
                outputs[*example] = found;
                if let Some(kept) = self.states.get_mut(*example) {
                    *kept = state;
                }
            }
            done += batch.len();
            observe(done);
        }
        self.epochs += 1;
        Ok(self.judge(examples, outputs))
    }

    /// The outputs of the free states, beside the targets.
    ///
    /// # Errors
    /// If the examples do not fit the task, a state does not exist or is not found, or it is
    /// [interrupted](crate::interrupt).
    pub fn evaluate(
        &mut self,
        examples: &CircuitExamples,
    ) -> Result<CircuitEvaluation, LearnError> {
        self.check_fit(examples)?;
        let all: Vec<usize> = (0..examples.len()).collect();
        let mut starts = vec![None; all.len()];
        let outputs = self.each(&all, &mut starts, |worker, task, _, example, _| {
            worker.outputs(task, examples.inputs(example))
        })?;
        Ok(self.judge(examples, outputs))
    }

    /// The mean of the rule's contrasts over all examples, for every trained element: the gradient of the mean cost by
    /// its value, or what the rule has in its place.
    ///
    /// # Errors
    /// If the examples do not fit the task, a state does not exist or is not found, or it is
    /// [interrupted](crate::interrupt).
    pub fn gradient(&mut self, examples: &CircuitExamples) -> Result<Vec<f64>, LearnError> {
        self.check_fit(examples)?;
        let all: Vec<usize> = (0..examples.len()).collect();
        Ok(self
            .batch_gradient(examples, &all, &mut vec![None; all.len()])?
            .0)
    }

    /// The mean gradient of a batch, and the free outputs of its examples. `starts` has a state to find that of each example
    /// from, if there is one; it becomes that of the example.
    fn batch_gradient(
        &mut self,
        examples: &CircuitExamples,
        batch: &[usize],
        starts: &mut [Option<State>],
    ) -> Result<(Vec<f64>, Vec<Vec<f64>>), LearnError> {
        let lessons = self.each(batch, starts, |worker, task, options, example, start| {
            let pair = (examples.inputs(example), examples.targets(example));
            worker.learn(task, options, pair, start)
        })?;
        let mut mean = vec![0.0; self.task.trained().len()];
        let mut outputs = Vec::with_capacity(batch.len());
        for Lesson {
            outputs: found,
            gradient,
        } in lessons
        {
            for (mean, gradient) in mean.iter_mut().zip(gradient) {
                *mean += gradient / batch.len() as f64;
            }
            outputs.push(found);
        }
        Ok((mean, outputs))
    }

    /// p <- clamp(p - rate * factor(t) * d), with the direction d that the update law makes of gradient + weight_decay * p.
    fn update(&mut self, gradient: &[f64], t: f64) -> Result<(), LearnError> {
        let CircuitOptions {
            optimizer,
            g_min,
            g_max,
            ..
        } = &self.options;
        let decay = f64::from(optimizer.weight_decay);
        let laws = self.task.trained().iter().map(|id| self.circuit[*id].law());
        let decayed = laws.clone().zip(gradient).map(|(law, gradient)| match law {
            Law::Resistor { conductance } => gradient + decay * conductance,
            _ => *gradient,
        });
        let decayed: Vec<f64> = decayed.collect();
        let directions = self.memory.directions(optimizer.update, &decayed);
        let factor = optimizer.schedule.factor(t);
        let updated = laws.zip(directions).map(|(law, direction)| {
            let rate = f64::from(optimizer.learning_rates[parameter(law)]);
            let updated = value(law) - factor * rate * direction;
            match law {
                Law::Resistor { .. } => updated.clamp(*g_min, *g_max),
                _ => updated,
            }
        });
        let updated: Vec<f64> = updated.collect();
        self.set_values(&updated)
    }

    fn set_values(&mut self, values: &[f64]) -> Result<(), LearnError> {
        let trained = self.task.trained();
        let (found, wanted) = (values.len(), trained.len());
        if found != wanted {
            return Err(LearnError::Values {
                found,
                trained: wanted,
            });
        }
        for (element, value) in trained.iter().zip(values) {
            set_value(&mut self.circuit, *element, *value)?;
        }
        for worker in self.workers.iter_mut().chain([&mut self.prototype]) {
            let set = worker.set(trained, values);
            set.map_err(|failure| LearnError::new(failure, 0, &self.circuit, &self.task))?;
        }
        Ok(())
    }

    /// What `work` finds for each of some examples, in their order; it also gets the example's place in `starts`.
    fn each<T: Send>(
        &mut self,
        examples: &[usize],
        starts: &mut [Option<State>],
        work: impl Fn(
            &mut Worker,
            &CircuitTask,
            &CircuitOptions,
            usize,
            &mut Option<State>,
        ) -> Result<T, Failure>
        + Sync,
    ) -> Result<Vec<T>, LearnError> {
        let share = examples.len().div_ceil(WORKERS).max(LEAST);
        let CircuitLearner {
            circuit,
            task,
            options,
            prototype,
            workers,
            ..
        } = self;
        let each = |stop: &Stop| {
            threads::prepare();
            if prototype.is_new() {
                // What it finds out about the circuit's shape serves all workers; errors come up again below.
                let _ = stop.heard_in(|| work(prototype, task, options, examples[0], &mut None));
            }
            workers.resize_with(workers.len().max(examples.len().div_ceil(share)), || {
                prototype.fork()
            });
            let chunks = examples.par_chunks(share).zip(starts.par_chunks_mut(share));
            let found = workers.par_iter_mut().zip(chunks);
            let found = found.map(|(worker, (chunk, starts))| {
                let of_example = |(&example, start): (&usize, &mut Option<State>)| {
                    if stop.is_requested() {
                        return Err(Interrupted.into());
                    }
                    let found = work(worker, task, options, example, start);
                    found.map_err(|failure| LearnError::new(failure, example, circuit, task))
                };
                let examples = chunk.iter().zip(starts).map(of_example);
                stop.heard_in(|| examples.collect::<Result<Vec<T>, _>>())
            });
            found.collect()
        };
        // The first error in the order of the examples, whatever the threads do.
        let found: Vec<Result<Vec<T>, LearnError>> = interrupt::heed(each)?;
        let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    fn judge(&self, examples: &CircuitExamples, outputs: Vec<Vec<f64>>) -> CircuitEvaluation {
        let pairs = || {
            outputs
                .iter()
                .enumerate()
                .map(|(k, o)| (o, examples.targets(k)))
        };
        let cost = |(o, y): (&Vec<f64>, &[f64])| {
            let pairs = o.iter().copied().zip(y.iter().copied());
            self.options.cost.of(pairs)
        };
        let is_wrong = |(o, y): &(&Vec<f64>, &[f64])| largest(o) != largest(y);
        let distance = |(o, y): (&f64, &f64)| (o - y).abs();
        let distances = pairs().flat_map(|(o, y)| o.iter().zip(y).map(distance));
        CircuitEvaluation {
            cost: pairs().map(cost).sum::<f64>() / examples.len() as f64,
            worst: distances.fold(0.0, f64::max),
            wrong: examples
                .classifies()
                .then(|| pairs().filter(is_wrong).count()),
            examples: examples.len(),
            outputs,
        }
    }

    fn check_fit(&self, examples: &CircuitExamples) -> Result<(), LearnError> {
        let (inputs, outputs) = (self.task.inputs().len(), self.task.outputs().len());
        let (found_inputs, found_outputs) = (examples.inputs(0).len(), examples.targets(0).len());
        match (found_inputs, found_outputs) == (inputs, outputs) {
            true => Ok(()),
            false => Err(LearnError::Width {
                found_inputs,
                found_outputs,
                inputs,
                outputs,
            }),
        }
    }
}

impl LearnError {
    fn new(failure: Failure, example: usize, circuit: &Circuit, task: &CircuitTask) -> LearnError {
        match failure {
            Failure::Value(error) => LearnError::Value(error),
            Failure::Presolve(source) => LearnError::Presolve { example, source },
            Failure::Interrupted => LearnError::Interrupted(Interrupted),
            Failure::NotConverged(worst) => LearnError::NotConverged { example, worst },
            Failure::Open(output) => LearnError::Open {
                example,
                output: task.outputs()[output].name(circuit),
            },
        }
    }
}

impl CircuitEvaluation {
    /// Wrong examples, in percent; `None` if the targets are no classes.
    pub fn error_percent(&self) -> Option<f64> {
        let percent = |wrong| 100.0 * wrong as f64 / self.examples as f64;
        self.wrong.map(percent)
    }
}

/// The place of the largest value, the first among equals.
fn largest(values: &[f64]) -> usize {
    let mut best = 0;
    for (k, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = k;
        }
    }
    best
}

/// Checks that there is a learning rate for every kind of trained parameter.
fn check_rates(
    circuit: &Circuit,
    task: &CircuitTask,
    options: &CircuitOptions,
) -> Result<(), CircuitOptionsError> {
    let trained = task.trained().iter();
    let trained: Vec<String> = trained
        .map(|id| parameter(circuit[*id].law()).to_owned())
        .collect();
    let parameters = PARAMETERS.map(str::to_owned);
    Ok(options.optimizer.validate_for(&parameters, &trained)?)
}

fn check_bounds(
    circuit: &Circuit,
    task: &CircuitTask,
    options: &CircuitOptions,
) -> Result<(), LearnError> {
    let (g_min, g_max) = (options.g_min, options.g_max);
    for id in task.trained() {
        if let &Law::Resistor { conductance } = circuit[*id].law()
            && !(g_min..=g_max).contains(&conductance)
        {
            return Err(LearnError::OutOfBounds {
                element: circuit.element_names()[id.index()].clone(),
                conductance,
                g_min,
                g_max,
            });
        }
    }
    Ok(())
}

//! Training a circuit.

use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::examples::CircuitExamples;
use super::options::{CircuitOptions, CircuitOptionsError};
use super::probes::{set_value, value};
use super::task::{CircuitTask, Output};
use super::worker::{Failure, Lesson, Worker};
use crate::circuit::{Circuit, CircuitError};
use crate::device::Law;
use crate::presolve::{PresolveError, State};

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
    epochs: usize,
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
    /// Options that are refused.
    #[error(transparent)]
    Options(#[from] CircuitOptionsError),
    /// A rule that holds voltages, for an output that is none.
    #[error(
        "the rule holds output voltages, and output {0} is a current: use an equilibrium-propagation rule, or al"
    )]
    ClampedCurrent(String),
    /// A trained conductance outside of the bounds.
    #[error("the conductance of {element} is {conductance} S, outside of {lowest} to {highest} S")]
    OutOfBounds {
        /// The element.
        element: String,
        /// Its conductance, in siemens.
        conductance: f64,
        /// The lower bound, in siemens.
        lowest: f64,
        /// The upper bound, in siemens.
        highest: f64,
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
    /// # Errors
    /// If an option is refused, a conductance to train is outside of the bounds, or the rule clamps and an output is a
    /// current.
    pub fn new(
        circuit: &Circuit,
        task: CircuitTask,
        options: CircuitOptions,
    ) -> Result<CircuitLearner, LearnError> {
        options.validate()?;
        let clamps = options.rule.clamps();
        let is_current = |output: &&Output| matches!(output, Output::Current(_));
        if let Some(output) = task.outputs().iter().find(is_current).filter(|_| clamps) {
            return Err(LearnError::ClampedCurrent(output.name(circuit)));
        }
        check_bounds(circuit, &task, &options)?;
        Ok(CircuitLearner {
            prototype: Worker::new(circuit, task.outputs(), clamps)?,
            circuit: circuit.clone(),
            task,
            options,
            workers: Vec::new(),
            states: Vec::new(),
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

    /// Takes up training after so many epochs, with these values of the trained elements.
    ///
    /// # Errors
    /// If there is not one value for each of them, or one is out of range.
    pub fn resume(&mut self, epochs: usize, values: &[f64]) -> Result<(), LearnError> {
        self.set_values(values)?;
        check_bounds(&self.circuit, &self.task, &self.options)?;
        self.states.clear();
        self.epochs = epochs;
        Ok(())
    }

    /// The free state of each example in the last epoch, from which it is found in the next; none if they are too many to be
    /// kept. Training that is taken up again with them ends with the same bits.
    pub(crate) fn states(&self) -> &[Option<State>] {
        &self.states
    }

    pub(crate) fn set_states(&mut self, states: Vec<Option<State>>) {
        self.states = states;
    }

    /// Goes once through all examples, in an order drawn from `rng`, and changes the trained elements after every batch.
    /// `observe` gets the number of examples done.
    ///
    /// The result is that of the free states during the epoch.
    ///
    /// # Errors
    /// If the examples do not fit the task, or a state does not exist or is not found. The epoch ends there.
    pub fn train_epoch(
        &mut self,
        examples: &CircuitExamples,
        rng: &mut impl Rng,
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
        order.shuffle(rng);
        let mut outputs = vec![Vec::new(); examples.len()];
        let mut done = 0;
        for batch in order.chunks(self.options.batch) {
            let start = |example: &usize| self.states.get_mut(*example).and_then(Option::take);
            let mut starts: Vec<_> = batch.iter().map(start).collect();
            let (gradient, found) = self.batch_gradient(examples, batch, &mut starts)?;
            self.update(&gradient)?;
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
    /// If the examples do not fit the task, or a state does not exist or is not found.
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
    /// If the examples do not fit the task, or a state does not exist or is not found.
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

    /// p <- clamp(p - rate * gradient)
    fn update(&mut self, gradient: &[f64]) -> Result<(), LearnError> {
        let CircuitOptions {
            rate,
            voltage_rate,
            current_rate,
            decay,
            lowest,
            highest,
            ..
        } = self.options;
        let factor = decay.powf(self.epochs as f64);
        let trained = self.task.trained().iter().zip(gradient);
        let updated = trained.map(|(id, gradient)| match self.circuit[*id].law() {
            Law::VoltageSource { voltage } => voltage - factor * voltage_rate * gradient,
            Law::CurrentSource { current } => current - factor * current_rate * gradient,
            law => (value(law) - factor * rate * gradient).clamp(lowest, highest),
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
        let (task, options) = (&self.task, &self.options);
        if self.prototype.is_new() {
            // What it finds out about the circuit's shape serves all workers; errors come up again below.
            let _ = work(&mut self.prototype, task, options, examples[0], &mut None);
        }
        let share = examples.len().div_ceil(WORKERS).max(LEAST);
        let chunks = examples.len().div_ceil(share);
        while self.workers.len() < chunks {
            self.workers.push(self.prototype.fork());
        }
        let circuit = &self.circuit;
        let chunks = examples.par_chunks(share).zip(starts.par_chunks_mut(share));
        let found = self.workers.par_iter_mut().zip(chunks);
        let found = found.map(|(worker, (chunk, starts))| {
            let of_example = |(&example, start): (&usize, &mut Option<State>)| {
                let found = work(worker, task, options, example, start);
                found.map_err(|failure| LearnError::new(failure, example, circuit, task))
            };
            let examples = chunk.iter().zip(starts);
            examples.map(of_example).collect::<Result<Vec<T>, _>>()
        });
        // The first error in the order of the examples, whatever the threads do.
        let found: Vec<Result<Vec<T>, LearnError>> = found.collect();
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

fn check_bounds(
    circuit: &Circuit,
    task: &CircuitTask,
    options: &CircuitOptions,
) -> Result<(), LearnError> {
    let (lowest, highest) = (options.lowest, options.highest);
    for id in task.trained() {
        if let &Law::Resistor { conductance } = circuit[*id].law()
            && !(lowest..=highest).contains(&conductance)
        {
            return Err(LearnError::OutOfBounds {
                element: circuit.element_names()[id.index()].clone(),
                conductance,
                lowest,
                highest,
            });
        }
    }
    Ok(())
}

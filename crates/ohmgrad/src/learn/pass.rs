//! One pass over the examples: a rule's program, step after step, on a team of threads.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::evaluation::score;
use super::examples::{encode_examples, write_targets};
use super::optimizer::Laws;
use super::rules::States;
use super::{Cost, Divergence, TrainError, TrainOptions};
use crate::data::Dataset;
use crate::drn::{
    Board, Machine, Op, Program, Registers, Share, Update, Worker, Workspace, run_team,
};
use crate::interrupt::Interrupted;

/// Time that one training step spent, phase by phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepTimes {
    /// Listing the nonzero inputs of the batch.
    pub encode: Duration,
    /// Updating all matrices but the input matrix, and the biases.
    pub inner_update: Duration,
    /// The fused pass over the input matrix: update, and product with the next input.
    pub fused_pass: Duration,
    /// Settling the free phase.
    pub free_phase: Duration,
    /// Settling the nudged phases, with the copies of states.
    pub nudged_phases: Duration,
}

impl StepTimes {
    /// The whole step.
    pub fn total(&self) -> Duration {
        self.encode + self.inner_update + self.fused_pass + self.free_phase + self.nudged_phases
    }
}

/// A finished training step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Examples trained on in this epoch so far.
    pub examples: usize,
    /// Where the time went.
    pub times: StepTimes,
}

/// What the free phases of one epoch showed, before each update.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Epoch {
    /// Examples trained on.
    pub examples: usize,
    /// How many of them were misclassified; 0 if the targets are potentials.
    pub errors: usize,
    /// Sum of the costs.
    pub cost: f64,
    /// Sweeps made in all free phases, and in all nudged phases.
    pub sweeps: [u64; 2],
}

impl Epoch {
    /// Share of misclassified examples, in percent.
    pub fn error_percent(&self) -> f64 {
        100.0 * self.errors as f64 / self.examples as f64
    }

    /// Mean cost per example.
    pub fn mean_cost(&self) -> f64 {
        self.cost / self.examples as f64
    }
}

/// What all members of the team do in a pass.
pub(super) struct Pass<'a> {
    pub(super) data: &'a Dataset,
    pub(super) order: &'a [u32],
    pub(super) options: &'a TrainOptions,
    pub(super) states: &'a States,
    pub(super) program: &'a Program,
    pub(super) input_gain: f32,
    /// What the parameters follow.
    pub(super) laws: &'a Laws,
    /// Epochs and steps before this pass.
    pub(super) epoch: usize,
    pub(super) steps: u64,
}

/// A share of the network with its memory.
type Part<'a> = (&'a mut Share, (&'a mut Workspace, &'a mut Registers));

impl Pass<'_> {
    /// The pass on a team, a thread for each share; `observe` sees every step, and what the first member has seen comes back.
    pub(super) fn run<'a>(
        &self,
        arch: pulp::Arch,
        board: &Board,
        team: impl ExactSizeIterator<Item = Part<'a>>,
        mut observe: impl FnMut(&Step) + Send,
    ) -> Result<Epoch, TrainError> {
        let observer = Mutex::new(&mut observe);
        run_team(team, |index, (share, (space, registers)), barrier| {
            let mut member = Member {
                worker: Worker {
                    arch,
                    index,
                    share,
                    space,
                    board,
                    barrier,
                },
                registers,
                targets: vec![0.0; self.options.batch * self.data.outputs()],
                laws: self.laws.clone(),
                due: None,
            };
            member.run(self, |step| {
                if let (0, Ok(mut observe)) = (index, observer.lock()) {
                    observe(step);
                }
            })
        })
    }
}

impl Pass<'_> {
    /// Potentials that are not finite, after so many examples.
    fn diverged(&self, example: usize) -> TrainError {
        let sign = Divergence::NotFinite;
        self.options.diverged(self.epoch, example, sign)
    }
}

/// A thread of the team in a pass: its worker, and what only training needs.
struct Member<'a> {
    worker: Worker<'a, &'a mut Share>,
    registers: &'a mut Registers,
    /// Targets of the batch, or what its cost pulls with.
    targets: Vec<f32>,
    /// The laws that the update which is due follows.
    laws: Laws,
    /// Its number of examples; none before the first step.
    due: Option<usize>,
}

impl Member<'_> {
    /// The pass. The update of a step is made together with the product of the next step's input, so
    /// that the sources' connection is read and written once per step.
    fn run(&mut self, pass: &Pass, observe: impl Fn(&Step)) -> Result<Epoch, TrainError> {
        let mut epoch = Epoch::default();
        let batches = pass.order.chunks(pass.options.batch);
        let count = batches.len() as f64;
        for (step, examples) in (0_u32..).zip(batches) {
            let mut clock = Clock::start();
            let mut times = StepTimes::default();
            self.encode(pass, examples);
            times.encode = clock.lap();
            for op in &pass.program.ops {
                self.operate(op, pass, examples, &mut epoch, &mut clock, &mut times)?;
            }
            if self.worker.space.outputs.iter().any(|v| !v.is_finite()) {
                let example = epoch.examples - examples.len();
                return Err(pass.diverged(example));
            }
            let t = pass.epoch as f64 + f64::from(step) / count;
            self.laws.set(t, pass.steps + u64::from(step));
            self.due = Some(examples.len());
            observe(&Step {
                examples: epoch.examples,
                times,
            });
        }
        self.encode(pass, &[]);
        self.advance(pass, &mut Clock::start(), &mut StepTimes::default());
        Ok(epoch)
    }

    /// Input and targets of the next step.
    fn encode(&mut self, pass: &Pass, examples: &[u32]) {
        let space = &mut *self.worker.space;
        std::mem::swap(&mut space.input, &mut space.last_input);
        let (batch, gain) = (pass.options.batch, pass.input_gain);
        encode_examples(&mut space.input, pass.data, examples, batch, gain);
        write_targets(pass.data, examples, &mut self.targets);
    }

    fn operate(
        &mut self,
        op: &Op,
        pass: &Pass,
        examples: &[u32],
        epoch: &mut Epoch,
        clock: &mut Clock,
        times: &mut StepTimes,
    ) -> Result<(), TrainError> {
        let readout = self.worker.share.output.readout;
        let cost = pass.options.cost;
        match op {
            Op::Advance => {
                self.advance(pass, clock, times);
                self.check_bounded(pass, epoch.examples)?;
            }
            Op::Score => {
                let outputs = &self.worker.space.outputs;
                let scored = score(outputs, readout, pass.data, examples, cost, epoch);
                scored.map_err(|overflow| pass.diverged(overflow.0))?;
            }
            Op::Pull { every_slot } => {
                let pulled = match every_slot {
                    true => self.targets.len(),
                    false => examples.len() * pass.data.outputs(),
                };
                self.pull(cost);
                self.targets[pulled..].fill(0.0);
            }
            op => {
                let sweeps = self.worker.run(op, &self.targets) as u64;
                let free = matches!(op, Op::Settle(settle) if settle.is_free());
                epoch.sweeps[usize::from(!free)] += sweeps;
                let lap = clock.lap();
                match free {
                    true => times.free_phase += lap,
                    false => times.nudged_phases += lap,
                }
                if matches!(op, Op::Settle(_)) && self.worker.barrier.stopped() {
                    return Err(Interrupted.into());
                }
            }
        }
        Ok(())
    }

    /// Applies the update of the last step, if there is one, and drives the network with the next input.
    fn advance(&mut self, pass: &Pass, clock: &mut Clock, times: &mut StepTimes) {
        match self.due.take() {
            None => self.worker.drive(),
            Some(examples) => {
                let (contrast, batch) = (&pass.program.contrast, pass.options.batch);
                let bounds = self.laws.bias_bounds();
                let update = Update::new(contrast, examples, batch, self.laws.all(), bounds);
                self.worker.advance(&update, self.registers, || {
                    times.inner_update = clock.lap();
                });
            }
        }
        times.fused_pass = clock.lap();
    }

    /// Nudging must leave the energy bounded in every output.
    fn check_bounded(&self, pass: &Pass, example: usize) -> Result<(), TrainError> {
        if pass.options.cost != Cost::SquaredError {
            return Ok(());
        }
        let output = &self.worker.share.output;
        let conductances = output.readout.conductances(&output.conductance);
        let bounded = pass.states.check_bounded(conductances);
        bounded.map_err(|source| TrainError::Unbounded { example, source })
    }

    /// Replaces targets by what the cost pulls at the free outputs with.
    fn pull(&mut self, cost: Cost) {
        let output = &self.worker.share.output;
        let (count, readout) = (output.bias.len(), output.readout);
        let potentials = self.worker.space.outputs.chunks_exact(count);
        let targets = self.targets.chunks_exact_mut(count / readout.nodes());
        for (targets, potentials) in targets.zip(potentials) {
            let outputs = readout.read(potentials).map(f64::from);
            let pull = cost.pull(outputs.clone().zip(targets.iter().map(|y| f64::from(*y))));
            for (y, v) in targets.iter_mut().zip(outputs) {
                *y = pull.on(v, f64::from(*y)) as f32;
            }
        }
    }
}

/// A stopwatch that is read at the end of each phase.
struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the last lap.
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now - std::mem::replace(&mut self.0, now)
    }
}

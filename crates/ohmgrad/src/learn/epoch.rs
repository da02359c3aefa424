//! One epoch: its steps on a team of threads, and what they show.

use std::time::{Duration, Instant};

use super::evaluation::score;
use super::examples::{encode_examples, write_targets};
use super::rules::{Push, States};
use super::unrolled::Unrolled;
use super::{Cost, InitialState, TrainError, TrainOptions};
use crate::data::Dataset;
use crate::drn::{
    Barrier, Board, Contrast, Learner, Load, Phase, Scratch, Settling, Share, Straddle, SweepOrder,
    Worker, Workspace,
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
    /// Settling the nudged phases.
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

/// The groups of a sweep that reads all layers before it sets one.
const ALL_LAYERS: &[Vec<usize>] = &[Vec::new()];

/// What all members of the team do in an epoch.
pub(super) struct Plan<'a> {
    pub(super) data: &'a Dataset,
    pub(super) order: &'a [u32],
    pub(super) options: &'a TrainOptions,
    pub(super) states: &'a States,
    pub(super) unrolled: Option<Unrolled>,
    pub(super) free_groups: &'a [Vec<usize>],
    /// Those of the free phase, the last first.
    pub(super) groups_back: &'a [Vec<usize>],
    pub(super) nudged_groups: &'a [Vec<usize>],
    pub(super) input_gain: f32,
    pub(super) contrast: Contrast<'a>,
}

impl<'a> Plan<'a> {
    /// The contrast of a batch with so many examples.
    fn contrast_of(&self, examples: usize) -> Contrast<'a> {
        match self.unrolled {
            None => Contrast {
                examples,
                ..self.contrast
            },
            // The mean is over the examples, not over their states, of which some may be empty.
            Some(_) => Contrast {
                span: examples as f32 / self.contrast.examples as f32,
                ..self.contrast
            },
        }
    }
}

/// A member of the team, with its share of the network and its memory.
pub(super) struct Member<'a> {
    pub(super) arch: pulp::Arch,
    pub(super) index: usize,
    pub(super) share: &'a mut Share,
    pub(super) space: &'a mut Workspace,
    pub(super) scratch: &'a mut Scratch,
    pub(super) board: &'a Board,
    pub(super) barrier: &'a Barrier,
}

impl Member<'_> {
    /// One epoch. The update of a step is made together with the product of the next step's input, so
    /// that the input matrix is read and written once per step.
    pub(super) fn epoch(
        &mut self,
        plan: &Plan,
        observe: impl Fn(&Step),
    ) -> Result<Epoch, TrainError> {
        let options = plan.options;
        let mut epoch = Epoch::default();
        let mut targets = vec![0.0; options.batch * plan.data.outputs()];
        let mut pending: Option<Contrast> = None;
        let readout = self.share.output.readout;
        for examples in plan.order.chunks(options.batch) {
            let mut clock = Clock::start();
            let mut times = StepTimes::default();
            std::mem::swap(&mut self.space.input, &mut self.scratch.input);
            encode_examples(
                &mut self.space.input,
                plan.data,
                examples,
                options.batch,
                plan.input_gain,
            );
            write_targets(plan.data, examples, &mut targets);
            times.encode = clock.lap();
            self.advance(pending.as_ref(), &mut clock, &mut times);

            let fail = |example| move |source| TrainError::Unbounded { example, source };
            if options.cost == Cost::SquaredError {
                let bounded = plan
                    .states
                    .check_bounded(readout.conductances(&self.share.output.conductance));
                bounded.map_err(fail(epoch.examples))?;
            }

            let free_sweeps = self.free_phase(plan);
            times.free_phase = clock.lap();
            if self.barrier.stopped() {
                return Err(Interrupted.into());
            }
            score(
                &self.space.outputs,
                readout,
                plan.data,
                examples,
                options.cost,
                &mut epoch,
            )?;

            let nudged_sweeps = self.second_phases(plan, &mut targets, examples.len());
            times.nudged_phases = clock.lap();
            if self.barrier.stopped() {
                return Err(Interrupted.into());
            }
            if self.space.outputs.iter().any(|v| !v.is_finite()) {
                let example = epoch.examples - examples.len();
                return Err(TrainError::Diverged { example });
            }
            pending = Some(plan.contrast_of(examples.len()));
            epoch.sweeps[0] += free_sweeps as u64;
            epoch.sweeps[1] += nudged_sweeps as u64;
            observe(&Step {
                examples: epoch.examples,
                times,
            });
        }
        std::mem::swap(&mut self.space.input, &mut self.scratch.input);
        encode_examples(
            &mut self.space.input,
            plan.data,
            &[],
            options.batch,
            plan.input_gain,
        );
        self.advance(
            pending.as_ref(),
            &mut Clock::start(),
            &mut StepTimes::default(),
        );
        Ok(epoch)
    }

    /// Applies the update of the last step, if there is one, and drives the network with the next input.
    fn advance(&mut self, pending: Option<&Contrast>, clock: &mut Clock, times: &mut StepTimes) {
        let Some(contrast) = pending else {
            self.worker().drive();
            times.fused_pass = clock.lap();
            return;
        };
        let mut learner = self.learner();
        learner.update_inner(contrast);
        times.inner_update = clock.lap();
        learner.update_input(contrast);
        times.fused_pass = clock.lap();
    }

    fn free_phase(&mut self, plan: &Plan) -> usize {
        let batch = plan.options.batch;
        let carried = plan.states.carried() * batch;
        let mut worker = self.worker();
        match plan.options.initial_state {
            InitialState::Zero => worker.clear_state(&(0..batch)),
            InitialState::Persistent if carried > 0 => {
                worker.copy_state(carried, 0, batch, plan.free_groups);
            }
            InitialState::Persistent => {}
        }
        let phase = Phase {
            slots: &(0..batch),
            loads: &[Load::Free],
            targets: &[],
            settling: &plan.options.free_phase,
            groups: plan.free_groups,
            response_of: None,
            driven: false,
            drives_on: matches!(plan.states.pushes[0], Push::Nudge(_) | Push::Clamp(_)),
        };
        let Some(unrolled) = plan.unrolled else {
            return worker.settle(&phase);
        };
        let settling = Settling {
            sweeps: 1,
            ..plan.options.free_phase
        };
        worker.copy_state(0, unrolled.second(0), batch, ALL_LAYERS);
        for sweep in 1..=unrolled.sweeps {
            worker.settle(&Phase {
                settling: &settling,
                driven: sweep > 1,
                drives_on: sweep < unrolled.sweeps,
                ..phase
            });
            worker.copy_state(0, unrolled.second(sweep), batch, ALL_LAYERS);
        }
        let behind = unrolled.sweeps + 1;
        for copy in [unrolled.first(behind), unrolled.second(behind)] {
            worker.copy_state(0, copy, batch, ALL_LAYERS);
        }
        unrolled.sweeps
    }

    /// Makes the other states of the rule. `targets` are one-hot at first.
    fn second_phases(&mut self, plan: &Plan, targets: &mut [f32], examples: usize) -> usize {
        if let Some(unrolled) = plan.unrolled {
            return self.go_back(plan, unrolled, targets, examples);
        }
        match plan.states.pushes[0] {
            Push::Respond(_) => self.response(plan, targets),
            _ => self.pushed_phases(plan, targets),
        }
    }

    /// Settles the states under the rule's pushes, all at once, from the free state, at the end of which the layers have driven on.
    fn pushed_phases(&mut self, plan: &Plan, targets: &mut [f32]) -> usize {
        let batch = plan.options.batch;
        if plan.options.cost == Cost::CrossEntropy {
            self.pull(plan.options.cost, targets);
        }
        let pushes = &plan.states.pushes;
        let mut worker = self.worker();
        for (phase, push) in (1..).zip(pushes) {
            worker.copy_state(0, phase * batch, batch, plan.nudged_groups);
            if let &Push::Clamp(eta) = push {
                let output = &worker.share.output;
                worker.space.hold_outputs(output, phase, targets, eta);
            }
        }
        let load = |push: &Push| match (*push, plan.options.cost) {
            (Push::Nudge(beta), Cost::SquaredError) => Load::Conductance(beta),
            (Push::Nudge(beta), Cost::CrossEntropy) => Load::Current(beta),
            (Push::Clamp(_) | Push::Respond(_) | Push::Unroll, _) => Load::Hold,
        };
        let loads: [Load; 2] = std::array::from_fn(|k| pushes.get(k).map_or(Load::Free, load));
        worker.settle(&Phase {
            slots: &(batch..(1 + pushes.len()) * batch),
            loads: &loads[..pushes.len()],
            targets,
            settling: &plan.options.nudged_phase,
            groups: plan.nudged_groups,
            response_of: None,
            driven: true,
            drives_on: false,
        })
    }

    /// Finds the response of the free state to an infinitesimal nudge, and the states on both sides of it.
    fn response(&mut self, plan: &Plan, targets: &mut [f32]) -> usize {
        let batch = plan.options.batch;
        self.pull(plan.options.cost, targets);
        let settling = plan
            .options
            .rule
            .response_settling(plan.options.nudged_phase);
        let mut worker = self.worker();
        worker.clear_state(&(batch..2 * batch));
        let sweeps = worker.settle(&Phase {
            slots: &(batch..2 * batch),
            loads: &[Load::Current(1.0)],
            targets,
            settling: &settling,
            groups: plan.nudged_groups,
            response_of: Some(0),
            driven: false,
            drives_on: false,
        });
        worker.barrier.wait(); // others read the responses in their last sweep
        worker.straddle(&Straddle {
            means: [0, 0],
            response: batch,
            first: batch,
            second: 2 * batch,
        });
        worker.barrier.wait();
        sweeps
    }

    /// Goes back through the sweeps of the free phase: errors, and the states on both sides of them.
    fn go_back(
        &mut self,
        plan: &Plan,
        unrolled: Unrolled,
        targets: &mut [f32],
        examples: usize,
    ) -> usize {
        self.pull(plan.options.cost, targets);
        targets[examples * plan.data.outputs()..].fill(0.0);
        let settling = Settling::sweeps(SweepOrder::Asynchronous, 1);
        let errors = unrolled.errors();
        let slots = errors..errors + unrolled.batch;
        let mut worker = self.worker();
        worker.clear_state(&slots);
        for sweep in (1..=unrolled.sweeps).rev() {
            let load = match sweep == unrolled.sweeps {
                true => Load::Current(1.0),
                false => Load::Free,
            };
            worker.settle(&Phase {
                slots: &slots,
                loads: &[load],
                targets,
                settling: &settling,
                groups: plan.groups_back,
                response_of: Some(unrolled.second(sweep)),
                driven: sweep < unrolled.sweeps,
                drives_on: sweep > 1,
            });
            worker.barrier.wait(); // others have read the errors
            // A layer's neighbours read the potentials that it has after this sweep if it comes first, else those before.
            worker.straddle(&Straddle {
                means: [unrolled.second(sweep), unrolled.second(sweep - 1)],
                response: errors,
                first: unrolled.first(sweep),
                second: unrolled.second(sweep),
            });
        }
        worker.barrier.wait();
        unrolled.sweeps
    }

    /// Replaces targets by what the cost pulls at the free outputs with.
    fn pull(&self, cost: Cost, targets: &mut [f32]) {
        let (count, readout) = (self.share.output.bias.len(), self.share.output.readout);
        let potentials = self.space.outputs.chunks_exact(count);
        for (targets, potentials) in targets
            .chunks_exact_mut(count / readout.nodes())
            .zip(potentials)
        {
            let outputs = readout.read(potentials).map(f64::from);
            let pull = cost.pull(outputs.clone().zip(targets.iter().map(|y| f64::from(*y))));
            for (y, v) in targets.iter_mut().zip(outputs) {
                *y = pull.on(v, f64::from(*y)) as f32;
            }
        }
    }

    fn worker(&mut self) -> Worker<'_> {
        Worker {
            arch: self.arch,
            index: self.index,
            share: self.share,
            space: self.space,
            board: self.board,
            barrier: self.barrier,
        }
    }

    fn learner(&mut self) -> Learner<'_> {
        Learner {
            arch: self.arch,
            index: self.index,
            share: self.share,
            space: self.space,
            scratch: self.scratch,
            board: self.board,
            barrier: self.barrier,
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

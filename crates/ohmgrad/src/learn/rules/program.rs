//! What a rule does in a training step, as a program.

use super::{Push, Rule, States, adjoint_learning, truncated_backpropagation};
use crate::drn::{Builder, Contrast, Load, Op, Program};
use crate::learn::{Cost, InitialState, TrainOptions};

impl TrainOptions {
    /// The program of a training step of a network with so many free layers.
    pub(crate) fn program(&self, layers: usize) -> Program {
        let states = self.states();
        let mut steps = Builder::new(layers);
        steps.push(Op::Advance);
        match self.initial_state {
            InitialState::Zero => steps.push(Op::Clear { state: 0 }),
            InitialState::Persistent if states.carried() > 0 => {
                steps.copy(states.carried(), 0, &self.free_phase);
            }
            InitialState::Persistent => {}
        }
        match states.pushes[0] {
            Push::Nudge(_) | Push::Clamp(_) => pushed(steps, self, &states, layers),
            Push::Respond(_) => {
                let settling = match self.rule {
                    Rule::AdjointLearning => adjoint_learning::settling(self.nudged_phase),
                    _ => self.nudged_phase,
                };
                adjoint_learning::program(steps, self.free_phase, settling, layers)
            }
            Push::Unroll => truncated_backpropagation::program(steps, self.free_phase, layers),
        }
    }
}

/// Free phase, then the states under the rule's pushes, all at once, from the free state.
fn pushed(mut steps: Builder, options: &TrainOptions, states: &States, layers: usize) -> Program {
    let TrainOptions {
        free_phase,
        nudged_phase,
        cost,
        ..
    } = options;
    let groups = free_phase.order.groups(layers);
    steps.settle(0..1, vec![Load::Free], None, *free_phase, &groups);
    steps.push(Op::Score);
    if *cost == Cost::CrossEntropy {
        steps.push(Op::Pull { every_slot: true });
    }
    for (state, push) in (1..).zip(&states.pushes) {
        steps.copy(0, state, nudged_phase);
        if let &Push::Clamp(share) = push {
            steps.push(Op::Hold { state, share });
        }
    }
    let load = |push: &Push| match (*push, cost) {
        (Push::Nudge(beta), Cost::SquaredError) => Load::Conductance(beta),
        (Push::Nudge(beta), Cost::CrossEntropy) => Load::Current(beta),
        (Push::Clamp(_) | Push::Respond(_) | Push::Unroll, _) => Load::Hold,
    };
    let loads: Vec<Load> = states.pushes.iter().map(load).collect();
    let kept = 1 + states.pushes.len();
    let groups = nudged_phase.order.groups(layers);
    steps.settle(1..kept, loads, None, *nudged_phase, &groups);
    let contrast = Contrast {
        first: states.first,
        second: states.second,
        span: states.span,
        sweeps: None,
        lag: 0,
    };
    steps.build(kept, contrast, states.carried())
}

//! What one step of a rule does, as a list of operations on the states of a batch.
//!
//! A *state* is a set of potentials of every example; a program names its states by number. A rule compiles to a
//! [`Program`] once; whatever implements [`Machine`] runs it: the engine's threads, or the f64 reference. The order in
//! which the layers of a [`Settle`] relax, drive currents on and wait for one another is a [`Schedule`], data as well.

use std::ops::Range;

use super::law::Load;
use super::settling::Settling;

/// A training step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Program {
    /// States that are kept of each example.
    pub(crate) states: usize,
    pub(crate) ops: Vec<Op>,
    pub(crate) contrast: Contrast,
    /// The state that the next step may start from.
    pub(crate) carried: usize,
}

/// One operation of a program.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Op {
    /// Applies the update that the last step has left, and drives the network with the next input.
    Advance,
    /// Sets a state to 0 V.
    Clear {
        /// The state.
        state: usize,
    },
    /// Copies a state.
    Copy {
        /// From this state.
        from: usize,
        /// To this one.
        to: usize,
        /// Layers that need not be copied: the next operation sets them before anything reads them.
        unread: Vec<usize>,
    },
    /// Sweeps over some states.
    Settle(Settle),
    /// Holds the outputs of a state on the line from their potentials in state 0 (share 0) to the target (1).
    Hold {
        /// The state.
        state: usize,
        /// Where on the line.
        share: f32,
    },
    /// Adds up errors and cost of state 0.
    Score,
    /// Replaces the targets by what the cost pulls at the outputs of state 0 with.
    Pull {
        /// Also in slots that a short batch leaves empty; else nothing pulls there.
        every_slot: bool,
    },
    /// Makes the two states around a response d: y - d / 2 and y + d / 2. They are for the update; no phase starts there.
    Straddle {
        /// The states y in the middle: of layers with an even number, and of the others.
        means: [usize; 2],
        /// The state that holds d.
        response: usize,
        /// What becomes y - d / 2.
        first: usize,
        /// What becomes y + d / 2.
        second: usize,
    },
    /// Waits until all have come here.
    Meet,
}

/// Sweeps over some states of every example at once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settle {
    pub(crate) states: Range<usize>,
    /// What is connected to the outputs in each of them.
    pub(crate) loads: Vec<Load>,
    /// If they are responses to the loads alone, the settled state that responds.
    pub(crate) response_of: Option<usize>,
    pub(crate) settling: Settling,
    pub(crate) schedule: Schedule,
}

impl Settle {
    /// Whether it is the free phase.
    pub(crate) fn is_free(&self) -> bool {
        self.response_of.is_none() && self.loads == [Load::Free]
    }

    /// Whether each example has two states with loads of their own that start as the same.
    pub(crate) fn twins(&self) -> bool {
        self.loads.len() == 2
    }
}

/// Two states of a step, and what the difference of their energies' derivatives is divided by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Contrast {
    pub(crate) first: usize,
    pub(crate) second: usize,
    /// beta_second - beta_first, in siemens.
    pub(crate) span: f32,
    /// How many states are contrasted with each of the two, one after the other, if there is one for every sweep.
    pub(crate) sweeps: Option<usize>,
    /// How many states after its two states the mean of a layer with an odd number has its own place; 0 where it is
    /// the mean of the two.
    pub(crate) lag: usize,
}

/// What happens in the sweeps of a phase, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Schedule {
    /// Before the first sweep.
    pub(crate) before: Vec<Move>,
    /// In every sweep but the last.
    pub(crate) sweep: Vec<Move>,
    /// In the last one.
    pub(crate) last: Vec<Move>,
}

/// One part of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// Sets the free layer to where its neighbours drive it, and may drive the layer below from there.
    Relax {
        /// The free layer.
        layer: usize,
        /// Whether it drives the layer below.
        drives: bool,
    },
    /// Drives the layer below by the free layer as it stands.
    Drive {
        /// The free layer.
        layer: usize,
    },
    /// Drives the outputs as the layer below them stands.
    ReadOut,
    /// Waits for the other threads.
    Meet,
}

impl Schedule {
    /// The schedule of a phase: the groups of layers of one sweep; whether the phase starts from currents that the last one
    /// drove on, and whether it drives on itself, for the next one or for its residuals.
    fn new(groups: &[Vec<usize>], driven: bool, drives_on: bool) -> Self {
        let visit = |l: usize| groups.iter().position(|group| group.contains(&l));
        let output = groups.iter().map(Vec::len).sum::<usize>() - 1;
        let mut before = Vec::new();
        // A hidden layer that is relaxed before the one above it starts from what that one drives.
        for layer in (1..output).filter(|l| !driven && visit(l - 1) < visit(*l)) {
            before.push(Move::Drive { layer });
        }
        if output > 1 {
            before.push(Move::Meet); // the potentials of neighbours are in place
        }
        if output == 0 || visit(output) < visit(output - 1) {
            before.extend([Move::ReadOut, Move::Meet]);
        }
        let sweep = |again: bool| {
            let mut moves = Vec::new();
            for group in groups {
                for &layer in group {
                    let hidden = layer > 0 && layer < output;
                    let drives = hidden && (again || visit(layer) < visit(layer - 1));
                    moves.push(Move::Relax { layer, drives });
                }
                // Nobody waits for the outputs, which every thread has; but all must hear of an interruption together.
                if *group != [output] || output == 0 {
                    moves.push(Move::Meet);
                }
            }
            moves
        };
        Self {
            before,
            sweep: sweep(true),
            last: sweep(drives_on),
        }
    }
}

/// Collects the operations of a program, and decides what phases leave to those that follow.
pub(crate) struct Builder {
    layers: usize,
    ops: Vec<Op>,
    /// The last phase, and the states that hold what it ended with.
    ended: Option<(usize, Vec<usize>)>,
    phases: Vec<Phase>,
}

/// A phase of which it is not known yet what the next one needs.
struct Phase {
    /// Its place among the operations.
    at: usize,
    /// The groups of layers of one sweep.
    groups: Vec<Vec<usize>>,
    /// Whether it starts from currents that the last one drove on, and whether it drives on itself.
    driven: bool,
    drives_on: bool,
}

impl Builder {
    /// For a network of so many free layers.
    pub(crate) fn new(layers: usize) -> Self {
        Self {
            layers,
            ops: Vec::new(),
            ended: None,
            phases: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, op: Op) {
        match (&op, &mut self.ended) {
            (Op::Clear { state }, Some((_, same))) => same.retain(|s| s != state),
            (Op::Copy { from, to, .. }, Some((_, same))) => match same.contains(from) {
                true => same.push(*to),
                false => same.retain(|s| s != to),
            },
            (Op::Straddle { first, second, .. }, Some((_, same))) => {
                same.retain(|s| s != first && s != second);
            }
            _ => {}
        }
        self.ops.push(op);
    }

    /// Copies a state for a phase that is settled so next.
    pub(crate) fn copy(&mut self, from: usize, to: usize, next: &Settling) {
        // What a sweep sets first nobody reads before, unless it only goes a part of the way from there.
        let unread = match next.relaxation == 1.0 {
            true => next.order.groups(self.layers)[0].clone(),
            false => Vec::new(),
        };
        self.push(Op::Copy { from, to, unread });
    }

    /// Copies all of a state.
    pub(crate) fn copy_all(&mut self, from: usize, to: usize) {
        let unread = Vec::new();
        self.push(Op::Copy { from, to, unread });
    }

    /// A phase, whose sweeps visit the groups of layers in this order. Where all its states are what the last phase ended with, that one has driven currents on for it.
    pub(crate) fn settle(
        &mut self,
        states: Range<usize>,
        loads: Vec<Load>,
        response_of: Option<usize>,
        settling: Settling,
        groups: &[Vec<usize>],
    ) {
        let at = self.ops.len();
        let mut driven = false;
        if let Some((before, same)) = self.ended.take()
            && states.clone().all(|state| same.contains(&state))
        {
            driven = true;
            let last = self.phases.iter_mut().find(|phase| phase.at == before);
            last.into_iter().for_each(|phase| phase.drives_on = true);
        }
        self.phases.push(Phase {
            at,
            groups: groups.to_vec(),
            driven,
            drives_on: settling.tolerance.is_some(),
        });
        self.ended = (states.len() == 1).then(|| (at, vec![states.start]));
        self.ops.push(Op::Settle(Settle {
            schedule: Schedule::new(groups, driven, false),
            states,
            loads,
            response_of,
            settling,
        }));
    }

    /// The program, with the schedules of its phases.
    pub(crate) fn build(mut self, states: usize, contrast: Contrast, carried: usize) -> Program {
        for phase in self.phases {
            if let Op::Settle(settle) = &mut self.ops[phase.at] {
                settle.schedule = Schedule::new(&phase.groups, phase.driven, phase.drives_on);
            }
        }
        Program {
            states,
            ops: self.ops,
            contrast,
            carried,
        }
    }
}

/// A settling by itself from a state that is in place, with one state per example; it may be followed by measurements.
pub(crate) fn settle_alone(layers: usize, settling: Settling, measured: bool) -> Settle {
    let drives_on = measured || settling.tolerance.is_some();
    Settle {
        states: 0..1,
        loads: vec![Load::Free],
        response_of: None,
        schedule: Schedule::new(&settling.order.groups(layers), false, drives_on),
        settling,
    }
}

/// What runs the operations of programs. Targets, costs and inputs are the caller's.
pub(crate) trait Machine {
    /// What targets are numbers of.
    type Number: Copy;

    /// Sets a state to 0 V.
    fn clear(&mut self, state: usize);
    /// Copies a state, but for the layers that are `unread`.
    fn copy(&mut self, from: usize, to: usize, unread: &[usize]);
    /// Sweeps; `targets` are those of the loads, in volt, example after example. Returns the number of sweeps.
    fn settle(&mut self, settle: &Settle, targets: &[Self::Number]) -> usize;
    /// Holds outputs between those of state 0 and the targets.
    fn hold(&mut self, state: usize, targets: &[Self::Number], share: f32);
    /// Makes the two states around a response.
    fn straddle(&mut self, means: [usize; 2], response: usize, first: usize, second: usize);
    /// Waits until all have come here.
    fn meet(&mut self);

    /// Runs an operation of the machine's own; returns the sweeps that it made. What needs inputs, targets or costs is the
    /// caller's to do: nothing happens here.
    fn run(&mut self, op: &Op, targets: &[Self::Number]) -> usize {
        match op {
            Op::Clear { state } => self.clear(*state),
            Op::Copy { from, to, unread } => self.copy(*from, *to, unread),
            Op::Settle(settle) => return self.settle(settle, targets),
            Op::Hold { state, share } => self.hold(*state, targets, *share),
            Op::Straddle {
                means,
                response,
                first,
                second,
            } => self.straddle(*means, *response, *first, *second),
            Op::Meet => self.meet(),
            Op::Advance | Op::Score | Op::Pull { .. } => {}
        }
        0
    }
}

//! What one step of a rule does, as a list of operations on the states of a batch.
//!
//! A *state* is a set of potentials of every example; a program names its states by number. A rule compiles to a
//! [`Program`] once; whatever implements [`Machine`] runs it: the engine's threads, or the f64 reference. The order in
//! which the layers of a [`Settle`] relax and wait for one another is a [`Schedule`], data as well.

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
    /// In every sweep.
    pub(crate) sweep: Vec<Move>,
}

/// One part of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// Sets a free layer to where its neighbours drive it.
    Relax {
        /// The free layer.
        layer: usize,
    },
    /// Drives the layer above a hidden one, which is hidden too, as it stands.
    DriveUp {
        /// The hidden layer.
        layer: usize,
    },
    /// Drives the outputs as the layer below them stands.
    ReadOut,
    /// Waits for the other threads.
    Meet,
}

impl Schedule {
    /// The schedule of a phase, from the groups of layers of one sweep.
    fn new(groups: &[Vec<usize>]) -> Self {
        let visit = |l: usize| groups.iter().position(|group| group.contains(&l));
        let output = groups.iter().map(Vec::len).sum::<usize>() - 1;
        // A layer that relaxes drives what is above it, too. What is above it first must be driven before.
        let hidden = 0..output.saturating_sub(1);
        let stale = hidden.filter(|&layer| visit(layer + 1) < visit(layer));
        let mut before: Vec<Move> = stale.map(|layer| Move::DriveUp { layer }).collect();
        if output == 0 || visit(output) < visit(output - 1) {
            before.push(Move::ReadOut);
        }
        if output > 1 || !before.is_empty() {
            before.push(Move::Meet); // potentials of neighbours and currents from them are in place
        }
        let mut sweep = Vec::new();
        for group in groups {
            sweep.extend(group.iter().map(|&layer| Move::Relax { layer }));
            // Nobody waits for the outputs, which every thread has; but all must hear of an interruption together.
            if *group != [output] || output == 0 {
                sweep.push(Move::Meet);
            }
        }
        Self { before, sweep }
    }
}

/// Collects the operations of a program.
pub(crate) struct Builder {
    layers: usize,
    ops: Vec<Op>,
}

impl Builder {
    /// For a network of so many free layers.
    pub(crate) fn new(layers: usize) -> Self {
        let ops = Vec::new();
        Self { layers, ops }
    }

    pub(crate) fn push(&mut self, op: Op) {
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

    /// A phase, whose sweeps visit the groups of layers in this order.
    pub(crate) fn settle(
        &mut self,
        states: Range<usize>,
        loads: Vec<Load>,
        response_of: Option<usize>,
        settling: Settling,
        groups: &[Vec<usize>],
    ) {
        self.push(Op::Settle(Settle {
            schedule: Schedule::new(groups),
            states,
            loads,
            response_of,
            settling,
        }));
    }

    /// The program.
    pub(crate) fn build(self, states: usize, contrast: Contrast, carried: usize) -> Program {
        Program {
            states,
            ops: self.ops,
            contrast,
            carried,
        }
    }
}

/// A settling by itself from a state that is in place, with one state per example.
pub(crate) fn settle_alone(layers: usize, settling: Settling) -> Settle {
    Settle {
        states: 0..1,
        loads: vec![Load::Free],
        response_of: None,
        schedule: Schedule::new(&settling.order.groups(layers)),
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

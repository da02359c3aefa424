//! A thread at work on its share of a batch.

use std::ops::Range;

use pulp::Arch;

use super::board::Board;
use super::share::Share;
use super::team::Barrier;
use crate::drn::connection::{Input, LineSums};
use crate::drn::program::Settle;
use crate::drn::simd::{Active, BLOCK, LINES_PER_ROW, Row, TreeSum};

/// One thread's memory for a batch: made once, used for every step.
pub(crate) struct Workspace {
    /// Examples per batch.
    pub(crate) batch: usize,
    /// Slots in all: an example has one for each state that is kept of it. Slot b + batch * s is state s of example b.
    pub(super) slots: usize,
    pub(crate) input: Input,
    /// The input before, which the states of the last step were settled with.
    pub(crate) last_input: Input,
    /// Current from the sources into each unit of the first layer: block after block, one row per example.
    pub(super) currents: Vec<Row>,
    /// Currents into a block from the sources and from hidden neighbours, one row per slot of the phase.
    pub(super) gathered: Vec<Row>,
    /// Output potentials in volt, slot after slot; the same in every share.
    pub(crate) outputs: Vec<f32>,
    /// Currents into the outputs, one per output and slot of the phase.
    pub(super) output_currents: Vec<f32>,
    /// Which of the two boards of partial sums was written last.
    pub(super) parity: usize,
    /// Whether the blocks were last visited from the first to the last.
    pub(super) ascending: bool,
    /// Per slot of the phase, the least and the largest potential of the layer above the one that relaxes, 0 V among them.
    pub(super) ranges: Vec<[f32; 2]>,
    /// Per slot of the phase, the units of a block that the layer above may drive away from 0 V.
    pub(super) awake: Vec<Active>,
    /// What the layer above has driven into the units of a block so far.
    pub(super) from_above: Vec<LineSums>,
    /// Currents into a block from the layer below.
    pub(super) from_below: TreeSum,
    /// What an update collects.
    pub(super) update: UpdateSpace,
}

/// Memory for updates.
#[derive(Default)]
pub(super) struct UpdateSpace {
    /// The layer above a matrix, and a block of that below.
    pub(super) above: States,
    pub(super) own: States,
    /// A block of the outputs, one row per slot.
    pub(super) outputs: Vec<Row>,
    pub(super) slopes: Vec<Row>,
    pub(super) output_gradients: Vec<f32>,
}

/// What an update contrasts of the units of some blocks, as [`Contrasted`](crate::drn::connection::Contrasted) says.
#[derive(Default)]
pub(super) struct States {
    pub(super) first: Vec<Row>,
    pub(super) second: Vec<Row>,
    pub(super) active: Vec<Active>,
    pub(super) drops: Vec<Row>,
}

impl Workspace {
    /// For batches of so many examples with so many states each.
    pub(crate) fn new(share: &Share, features: usize, batch: usize, states: usize) -> Self {
        let slots = batch * states;
        let gathered = if share.layers.len() > 1 { slots } else { 0 };
        let outputs = slots * share.output.bias.len();
        let mut input = Input::default();
        input.encode(features, batch, |_, volts| volts.fill(0.0));
        Self {
            batch,
            slots,
            last_input: input.clone(),
            input,
            currents: vec![Row::ZERO; share.layers[0].units.len() * batch],
            gathered: vec![Row::ZERO; gathered],
            outputs: vec![0.0; outputs],
            output_currents: vec![0.0; outputs],
            parity: 0,
            ascending: false,
            ranges: vec![[0.0; 2]; gathered],
            awake: vec![Active::ALL; gathered],
            from_above: vec![[0.0; BLOCK / LINES_PER_ROW]; gathered * BLOCK],
            from_below: TreeSum::default(),
            update: UpdateSpace::default(),
        }
    }

    /// Numbers that a board and the workspaces of so many threads keep of each slot, for free layers of these widths.
    pub(crate) fn numbers_per_slot(widths: impl Iterator<Item = usize>, threads: usize) -> usize {
        let widths = widths.map(|width| width.next_multiple_of(BLOCK));
        // Potentials and the currents into them, and per thread what is gathered for one block.
        let shown: usize = widths.map(|width| 2 * width).sum();
        shown + threads * BLOCK * (1 + BLOCK / LINES_PER_ROW)
    }

    /// The slots of some states.
    pub(super) fn slots_of(&self, states: &Range<usize>) -> Range<usize> {
        states.start * self.batch..states.end * self.batch
    }
}

/// A thread of the team at work on its share, which it may only read (`&Share`) or also train (`&mut Share`).
pub(crate) struct Worker<'a, S> {
    pub(crate) arch: Arch,
    /// Its number within the team.
    pub(crate) index: usize,
    pub(crate) share: S,
    pub(crate) space: &'a mut Workspace,
    pub(crate) board: &'a Board,
    pub(crate) barrier: &'a Barrier,
}

/// A phase as its kernels see it: slots instead of states.
#[derive(Clone, Copy)]
pub(super) struct Phase<'a> {
    pub(super) settle: &'a Settle,
    pub(super) batch: usize,
    /// First slot, and number of slots.
    pub(super) start: usize,
    pub(super) count: usize,
    /// Targets of the loads in volt, example after example; may be empty where they need none.
    pub(super) targets: &'a [f32],
}

impl<'a> Phase<'a> {
    pub(super) fn new(settle: &'a Settle, targets: &'a [f32], space: &Workspace) -> Self {
        let slots = space.slots_of(&settle.states);
        Self {
            settle,
            batch: space.batch,
            start: slots.start,
            count: slots.len(),
            targets,
        }
    }

    pub(super) fn slots(&self) -> Range<usize> {
        self.start..self.start + self.count
    }

    /// How many slots lie between two that are alike: one from the next, or one state of an example from another.
    pub(super) fn apart(&self) -> usize {
        match self.settle.loads.len() {
            1 => 1,
            _ => self.batch,
        }
    }

    pub(super) fn is_response(&self) -> bool {
        self.settle.response_of.is_some()
    }

    /// The slots of the state whose response the phase finds.
    pub(super) fn settled_slots(&self) -> Option<Range<usize>> {
        let first = self.settle.response_of? * self.batch;
        Some(first..first + self.count)
    }

    /// The bias of an output; it does not change in a response.
    pub(super) fn bias(&self, bias: f32) -> f32 {
        if self.is_response() { 0.0 } else { bias }
    }
}

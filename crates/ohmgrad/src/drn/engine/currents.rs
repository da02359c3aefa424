//! Currents between hidden layers.
//!
//! A block of a layer holds what joins its units to the layer above. It reads that once in a visit: for the currents from
//! the layer above into its units, and, once they have moved, for those into the layer above. Units that the rest of the
//! network holds at 0 V, whatever the layer above does, are passed over both times.

use std::ops::Deref;

use super::board::{LayerState, Shown};
use super::settle::surroundings;
use super::share::Share;
use super::worker::{Phase, Worker};
use crate::drn::chain::Coupling;
use crate::drn::connection::{AddLines, DriveDown, DriveUp, Widen};
use crate::drn::law::Reach;
use crate::drn::simd::{Active, BLOCK, Kernel, Row, TreeSum};

/// What all shares show of the hidden neighbours of a layer. It is held while the layer's blocks are visited: a lock that every
/// thread takes for every block would go to and fro between their processors.
pub(super) struct Neighbours<'a> {
    /// Currents from the layer below.
    below: Shown<'a, TreeSum>,
    /// Potentials of the layer above.
    above: Shown<'a, LayerState>,
}

impl<'a, S: Deref<Target = Share>> Worker<'a, S> {
    /// The hidden neighbours of a layer; the range of the potentials above is measured.
    pub(super) fn neighbours(&mut self, l: usize, phase: &Phase) -> Neighbours<'a> {
        let board = self.board;
        let below = l.checked_sub(1).map(|below| board.driven[below].all());
        let above = board.layers.get(l + 1).map(|shown| shown.all());
        let around = Neighbours {
            below: below.unwrap_or_default(),
            above: above.unwrap_or_default(),
        };
        let ranges = &mut self.space.ranges;
        ranges.fill([0.0; 2]);
        for state in &around.above {
            for m in 0..state.blocks() {
                let ranges = &mut ranges[..phase.count];
                let potentials = &state.rows[state.range(m, &phase.slots())];
                Widen { ranges, potentials }.run_on(self.arch);
            }
        }
        around
    }

    /// Whether the layer above a layer in blocks is in blocks, too.
    fn is_below_hidden(&self, l: usize) -> bool {
        l + 1 < self.share.layers.len()
    }

    /// Collects the currents that the sources or the hidden layer below drive into block `k` of a layer.
    pub(super) fn gather_below(&mut self, l: usize, k: usize, phase: &Phase, around: &Neighbours) {
        if self.share.layers.len() == 1 {
            return; // the only currents are those from the sources, where they are
        }
        let batch = self.space.batch;
        let gathered = &mut self.space.gathered[..phase.count];
        match (l, phase.is_response()) {
            (0, true) => gathered.fill(Row::ZERO),
            (0, false) => {
                let currents = &self.space.currents[k * batch..][..batch];
                let states = gathered.chunks_exact_mut(batch);
                states.for_each(|state| state.copy_from_slice(currents));
            }
            _ => {
                let place = self.share.layers[l].blocks.start + k;
                let sum = &mut self.space.from_below;
                sum.start(phase.count);
                for part in &around.below {
                    part.add_to(sum, place * phase.count, self.arch);
                }
                gathered.copy_from_slice(sum.total(self.arch));
            }
        }
    }

    /// Adds the currents from the layer above, if it is hidden, to all units of a block.
    pub(super) fn gather_above(&mut self, l: usize, k: usize, phase: &Phase, around: &Neighbours) {
        if self.is_below_hidden(l) {
            self.space.awake[..phase.count].fill(Active::ALL);
            self.drive_down(l, k, phase, around);
        }
    }

    /// Adds them to the units that they may move.
    pub(super) fn gather_above_where_it_matters(
        &mut self,
        l: usize,
        k: usize,
        phase: &Phase,
        around: &Neighbours,
    ) {
        if self.is_below_hidden(l) {
            self.find_awake(l, k, phase);
            self.drive_down(l, k, phase, around);
        }
    }

    /// Finds the units of a block that the layer above may drive away from 0 V.
    fn find_awake(&mut self, l: usize, k: usize, phase: &Phase) {
        let mut awake = std::mem::take(&mut self.space.awake);
        let share = &*self.share;
        let units = &share.layers[l].units[k];
        if share.connection(l + 1).coupling == Coupling::Resistor {
            let state = self.board.layers[l].read(self.index);
            let settled = phase.settled_slots();
            let settled = settled.map_or(0..0, |slots| state.range(k, &slots));
            let settled = &state.rows[settled];
            let reach = Reach {
                surroundings: surroundings(share, l, k, self.space, phase, settled),
                relaxation: phase.settle.settling.relaxation,
                potentials: &state.rows[state.range(k, &phase.slots())],
                conductance: &units.above,
                ranges: &self.space.ranges[..phase.count],
                awake: &mut awake[..phase.count],
            };
            units.law.reach(reach, self.arch);
        } else {
            awake.fill(Active::ALL);
        }
        self.space.awake = awake;
    }

    fn drive_down(&mut self, l: usize, k: usize, phase: &Phase, around: &Neighbours) {
        let matrix = self.share.connection(l + 1);
        let sums = &mut self.space.from_above[..phase.count * BLOCK];
        let awake = &self.space.awake[..phase.count];
        sums.as_flattened_mut().fill(0.0);
        for state in &around.above {
            for m in 0..state.blocks() {
                let range = state.range(m, &phase.slots());
                DriveDown {
                    tile: matrix.tile(k, state.first_block + m),
                    potentials: &state.rows[range.clone()],
                    active: &state.active[range],
                    apart: phase.apart(),
                    awake,
                    sums,
                }
                .run_on(self.arch);
            }
        }
        let currents = &mut self.space.gathered[..phase.count];
        AddLines {
            sums,
            awake,
            currents,
        }
        .run_on(self.arch);
    }

    /// Starts to drive the layer above, if it is hidden.
    pub(super) fn start_driving_up(&mut self, l: usize, phase: &Phase) {
        if self.is_below_hidden(l) {
            let tiles = self.share.connection(l + 1).tiles();
            let mut driven = self.board.driven[l].write(self.index);
            driven.start(tiles * phase.count);
        }
    }

    /// Drives the layer above, if it is hidden, as block `k` of this one stands.
    pub(super) fn drive_up(&mut self, l: usize, k: usize, phase: &Phase) {
        if !self.is_below_hidden(l) {
            return;
        }
        let state = self.board.layers[l].read(self.index);
        let range = state.range(k, &phase.slots());
        let place = self.share.layers[l].blocks.start + k;
        let mut driven = self.board.driven[l].write(self.index);
        driven.add(place..place + 1, self.arch, |currents| {
            DriveUp {
                tiles: self.share.connection(l + 1).block(k),
                potentials: &state.rows[range.clone()],
                active: &state.active[range],
                apart: phase.apart(),
                currents,
            }
            .run_on(self.arch);
        });
    }
}

//! Currents between hidden layers.
//!
//! A matrix between two hidden layers is held once, by the layer above it. Upwards, a block gathers its currents from the
//! states that all shares show. Downwards, it drives currents into the whole layer below: each share adds up what its own
//! blocks contribute and shows that before the team meets. A block that was relaxed drives at once, while its
//! conductances are still in the nearest caches.

use std::ops::Deref;

use super::board::{LayerState, Shown};
use super::share::Share;
use super::worker::{Phase, Worker};
use crate::drn::connection::Gather;
use crate::drn::simd::{AddRows, BLOCK, Kernel, Row, Transpose, TreeSum};

/// What all shares show of the hidden neighbours of a layer. It is held while the layer's blocks are visited: a lock that
/// every thread takes for every block would go to and fro between their processors.
pub(super) struct Neighbours<'a> {
    /// Potentials of the layer below.
    below: Shown<'a, LayerState>,
    /// Currents from the layer above.
    above: Shown<'a, TreeSum>,
}

impl<'a, S: Deref<Target = Share>> Worker<'a, S> {
    /// The hidden neighbours of a layer; without `above`, only that below.
    pub(super) fn neighbours(&self, l: usize, above: bool) -> Neighbours<'a> {
        let board = self.board;
        let below = l.checked_sub(1).map(|below| board.layers[below].all());
        let above = board.from_above.get(l).filter(|_| above);
        Neighbours {
            below: below.unwrap_or_default(),
            above: above.map(|shown| shown.all()).unwrap_or_default(),
        }
    }

    /// Collects the currents that the neighbours (and the sources) drive into block `k` of a layer. Where the nudged states
    /// of an example have not come apart yet they share their currents. (States come apart from the output downwards: the
    /// layer below has fewer of them than the layer above, never more.)
    pub(super) fn gather(&mut self, l: usize, k: usize, phase: &Phase, around: &Neighbours) {
        let layers = self.share.layers.len();
        if layers == 1 {
            return; // the only currents are those from the sources, where they are
        }
        let batch = self.space.batch;
        let gathered = &mut self.space.gathered[..batch];
        match (l, phase.is_response()) {
            (0, false) => gathered.copy_from_slice(&self.space.currents[k * batch..][..batch]),
            _ => gathered.fill(Row::ZERO),
        }
        let mut states = 1;
        if l > 0 {
            self.part(self.states(l - 1, phase), &mut states);
            self.gather_from_below(l, k, phase, states, &around.below);
        }
        if !around.above.is_empty() {
            self.part(self.states(l + 1, phase), &mut states);
            self.take_from_above(l, k, states, &around.above);
        }
        self.part(phase.states(), &mut states);
    }

    /// How many states each example has at a layer: those of two nudges are one until they have come apart.
    fn states(&self, l: usize, phase: &Phase) -> usize {
        match l >= self.space.apart {
            true => phase.states(),
            false => 1,
        }
    }

    /// Gives each of so many states its own currents, where one stood for all.
    fn part(&mut self, wanted: usize, states: &mut usize) {
        let batch = self.space.batch;
        while *states < wanted {
            self.space.gathered.copy_within(..batch, *states * batch);
            *states += 1;
        }
    }

    /// Adds the currents from the layer below.
    fn gather_from_below(
        &mut self,
        l: usize,
        k: usize,
        phase: &Phase,
        states: usize,
        shown: &Shown<LayerState>,
    ) {
        let below = &self.share.connections[l];
        let currents = &mut self.space.gathered[..states * self.space.batch];
        let slots = phase.start..phase.start + currents.len();
        for state in shown {
            let active = (0..state.blocks()).filter(|b| !state.active(*b, &slots).is_empty());
            let mut blocks = active
                .map(|b| (b, below.tile(k, state.first_block + b)))
                .peekable();
            while let Some((b, weights)) = blocks.next() {
                let range = state.range(b, &slots);
                Gather {
                    weights,
                    next: blocks.peek().map_or(&[], |(_, tile)| tile),
                    potentials: &state.rows[range.clone()],
                    active: &state.active[range],
                    currents,
                }
                .run_on(self.arch);
            }
        }
    }

    /// Adds the currents from the layer above.
    fn take_from_above(&mut self, l: usize, k: usize, states: usize, shown: &Shown<TreeSum>) {
        let block = self.share.layers[l].blocks.start + k;
        let to = &mut self.space.gathered[..states * self.space.batch];
        let tree = &mut self.space.tree;
        tree.start(to.len());
        for parts in shown {
            parts.add_to(tree, block * to.len(), self.arch);
        }
        let from = tree.total(self.arch);
        AddRows { to, from }.run_on(self.arch);
    }

    /// Starts to show what layer `l` drives into the layer below in so many states of each example.
    pub(super) fn start_driving(&self, l: usize, states: usize) {
        let blocks_below = self.share.connections[l].rows().div_ceil(BLOCK);
        let mut shown = self.board.from_above[l - 1].write(self.index);
        shown.start(blocks_below * states * self.space.batch);
    }

    /// Adds what block `k` drives into the layer below.
    pub(super) fn drive_down(&mut self, l: usize, k: usize, phase: &Phase, states: usize) {
        let (layer, matrix) = (&self.share.layers[l], &self.share.connections[l]);
        let count = states * self.space.batch;
        let state = self.board.layers[l].read(self.index);
        let slots = phase.start..phase.start + count;
        let (range, active) = (state.range(k, &slots), state.active(k, &slots));
        let mut shown = self.board.from_above[l - 1].write(self.index);
        let block = layer.blocks.start + k;
        shown.add(block..block + 1, self.arch, |driven| {
            if active.is_empty() {
                return;
            }
            for (row, currents) in driven.chunks_exact_mut(count).enumerate() {
                let turned = &mut *self.space.turned;
                Transpose {
                    active,
                    tile: matrix.tile(k, row),
                    turned,
                }
                .run_on(self.arch);
                Gather {
                    weights: turned,
                    next: &[],
                    potentials: &state.rows[range.clone()],
                    active: &state.active[range.clone()],
                    currents,
                }
                .run_on(self.arch);
            }
        });
    }

    /// Shows what layer `l` drives into the layer below for the potentials as they stand.
    pub(super) fn drive_all_down(&mut self, l: usize, phase: &Phase) {
        let states = self.states(l, phase);
        self.start_driving(l, states);
        for k in 0..self.share.layers[l].units.len() {
            self.drive_down(l, k, phase, states);
        }
    }
}

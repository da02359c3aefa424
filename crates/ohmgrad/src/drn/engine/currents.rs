//! Currents into hidden layers: each block gathers its own, from the states that all shares show of its neighbours.

use std::ops::Deref;

use super::board::{LayerState, Shown};
use super::share::Share;
use super::worker::{Phase, Worker};
use crate::drn::connection::{Gather, Matrix};
use crate::drn::simd::{Kernel, Row};

/// What all shares show of the hidden neighbours of a layer. It is held while the layer's blocks are visited: a lock that
/// every thread takes for every block would go to and fro between their processors.
pub(super) struct Neighbours<'a> {
    below: Shown<'a, LayerState>,
    above: Shown<'a, LayerState>,
}

impl<'a, S: Deref<Target = Share>> Worker<'a, S> {
    /// The hidden neighbours of a layer; without `above`, only that below.
    pub(super) fn neighbours(&self, l: usize, above: bool) -> Neighbours<'a> {
        let layers = &self.board.layers;
        let below = l.checked_sub(1).map(|below| layers[below].all());
        let above = layers.get(l + 1).filter(|_| above);
        Neighbours {
            below: below.unwrap_or_default(),
            above: above.map(|shown| shown.all()).unwrap_or_default(),
        }
    }

    /// Collects the currents that the neighbours (and the sources) drive into block `k` of a layer. Where the nudged states
    /// of an example have not come apart yet they share their currents. (States come apart from the output downwards: the
    /// layer below has fewer of them than the layer above, never more.)
    pub(super) fn gather(&mut self, l: usize, k: usize, phase: &Phase, around: &Neighbours) {
        if self.share.layers.len() == 1 {
            return; // the only currents are those from the sources, where they are
        }
        let batch = self.space.batch;
        let gathered = &mut self.space.gathered[..batch];
        match (l, phase.is_response()) {
            (0, false) => gathered.copy_from_slice(&self.space.currents[k * batch..][..batch]),
            _ => gathered.fill(Row::ZERO),
        }
        let mut states = 1;
        if !around.below.is_empty() {
            self.part(self.states(l - 1, phase), &mut states);
            let currents = &mut self.space.gathered[..states * batch];
            let matrix = &self.share.layers[l].below;
            gather_from(&around.below, matrix, k, phase.start, currents, self.arch);
        }
        if !around.above.is_empty() {
            self.part(self.states(l + 1, phase), &mut states);
            let currents = &mut self.space.gathered[..states * batch];
            let matrix = self.share.connection_above(l);
            gather_from(&around.above, matrix, k, phase.start, currents, self.arch);
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
}

/// Adds the currents from a hidden layer into block `k`, which holds `matrix`: one row per slot, from slot `start` on.
fn gather_from(
    layer: &Shown<LayerState>,
    matrix: &Matrix,
    k: usize,
    start: usize,
    currents: &mut [Row],
    arch: pulp::Arch,
) {
    let slots = start..start + currents.len();
    for state in layer {
        for b in 0..state.blocks() {
            let range = state.range(b, &slots);
            Gather {
                weights: matrix.tile(k, state.first_block + b),
                potentials: &state.rows[range.clone()],
                active: &state.active[range],
                currents,
            }
            .run_on(arch);
        }
    }
}

//! What the threads of a team show one another: potentials, currents into other layers, conductances, residuals.
//!
//! Each share writes its own slots and reads all; a barrier stands between a write and the reads of
//! others. The locks are therefore never contended: they prove to the compiler what the barriers ensure.

use std::ops::Range;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use smallvec::SmallVec;

use super::measure::Powers;
use super::share::{LayerShare, Share};
use crate::drn::simd::{Active, BLOCK, Row, TreeSum};

/// Potentials of one share's blocks of one layer: block after block, one row per slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct LayerState {
    /// Place of the first block among the layer's blocks.
    pub(crate) first_block: usize,
    /// Number of each block's first unit within the layer.
    pub(crate) first_units: Vec<usize>,
    pub(crate) slots: usize,
    pub(crate) rows: Vec<Row>,
    /// Active units, same layout; empty if no hidden layer is next to this one.
    pub(crate) active: Vec<Active>,
}

impl LayerState {
    fn new(layer: &LayerShare, slots: usize, read_by_neighbours: bool) -> Self {
        let rows = layer.blocks.len() * slots;
        let lists = if read_by_neighbours { rows } else { 0 };
        Self {
            first_block: layer.blocks.start,
            first_units: layer.units.iter().map(|units| units.first).collect(),
            slots,
            rows: vec![Row::ZERO; rows],
            active: vec![Active::NONE; lists],
        }
    }

    pub(crate) fn blocks(&self) -> usize {
        self.rows.len() / self.slots
    }

    /// Range of the slots of block `k` within `rows` and `active`.
    pub(crate) fn range(&self, k: usize, slots: &Range<usize>) -> Range<usize> {
        k * self.slots + slots.start..k * self.slots + slots.end
    }

    /// Sets one row.
    pub(crate) fn set(&mut self, at: usize, row: Row) {
        self.rows[at] = row;
        if let Some(active) = self.active.get_mut(at) {
            *active = Active::of(&row);
        }
    }

    /// Copies slots `from..from + count` of all blocks to `to..to + count`.
    pub(crate) fn copy(&mut self, from: usize, to: usize, count: usize) {
        for start in (0..self.rows.len()).step_by(self.slots.max(1)) {
            let source = start + from..start + from + count;
            self.rows.copy_within(source.clone(), start + to);
            if !self.active.is_empty() {
                self.active.copy_within(source, start + to);
            }
        }
    }

    /// Sets the given slots of all blocks to 0 V.
    pub(crate) fn clear(&mut self, slots: &Range<usize>) {
        for start in (0..self.rows.len()).step_by(self.slots.max(1)) {
            let range = start + slots.start..start + slots.end;
            self.rows[range.clone()].fill(Row::ZERO);
            if !self.active.is_empty() {
                self.active[range].fill(Active::NONE);
            }
        }
    }
}

/// A quantity that each share publishes for all.
pub(crate) struct Published<T>(Vec<Place<T>>);

/// A share's place, far enough from the next for processors not to contend for memory between them.
#[repr(align(128))]
struct Place<T>(RwLock<T>);

/// What all shares show of a quantity, in the order of their blocks; no allocation for up to eight threads.
pub(crate) type Shown<'a, T> = SmallVec<[RwLockReadGuard<'a, T>; 8]>;

impl<T: Clone> Published<T> {
    fn new(shares: &[Share], initial: impl FnMut(&Share) -> T) -> Self {
        let places = shares.iter().map(initial);
        Self(places.map(|place| Place(RwLock::new(place))).collect())
    }

    /// What share `t` shows. (A poisoned lock belongs to a team that is unwinding already.)
    pub(crate) fn read(&self, t: usize) -> RwLockReadGuard<'_, T> {
        self.0[t].0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Share `t`'s own place.
    pub(crate) fn write(&self, t: usize) -> RwLockWriteGuard<'_, T> {
        self.0[t].0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// All shares, for whoever is alone with the board.
    pub(crate) fn all_mut(&self) -> impl Iterator<Item = RwLockWriteGuard<'_, T>> {
        (0..self.0.len()).map(|t| self.write(t))
    }

    /// All shares in the order of their blocks.
    pub(crate) fn all(&self) -> Shown<'_, T> {
        (0..self.0.len()).map(|t| self.read(t)).collect()
    }
}

/// Everything that the shares of a network show one another.
pub(crate) struct Board {
    /// Slots of each layer: an example has one for each state that is kept of it.
    pub(crate) slots: usize,
    /// Potentials, one entry per layer held in blocks.
    pub(crate) layers: Vec<Published<LayerState>>,
    /// Currents into a hidden layer from that below: block after block, one row per slot. One entry per connection between
    /// hidden layers.
    pub(crate) driven: Vec<Published<TreeSum>>,
    /// Conductances of a hidden layer to that below, a row per block.
    pub(crate) sums: Vec<Published<TreeSum>>,
    /// Currents into the outputs, block after block, slot after slot. Two boards that are written in
    /// turn, so that no share overwrites what another still reads.
    pub(crate) partials: [Published<Vec<f32>>; 2],
    /// Conductances of the outputs, block after block.
    pub(crate) output_sums: Published<Vec<f32>>,
    /// Largest (violated, total) current per slot, in ampere.
    pub(crate) residuals: Published<Vec<(f32, f32)>>,
    /// Powers, block after block, slot after slot. One entry per layer held in blocks.
    pub(crate) powers: Vec<Published<Vec<Powers>>>,
}

impl Board {
    pub(crate) fn new(shares: &[Share], slots: usize) -> Self {
        let outputs = shares[0].output.bias.len();
        let layers = shares[0].layers.len();
        let blocks = |share: &Share, l: usize| share.layers[l].blocks.len();
        let state = |share: &Share, l: usize| LayerState::new(&share.layers[l], slots, layers > 1);
        let partials = || {
            Published::new(shares, |s| {
                vec![0.0; blocks(s, layers - 1) * slots * outputs]
            })
        };
        let between = || {
            let trees = (1..layers).map(|_| Published::new(shares, |_| TreeSum::default()));
            trees.collect()
        };
        Self {
            slots,
            driven: between(),
            sums: between(),
            layers: (0..layers)
                .map(|l| Published::new(shares, |s| state(s, l)))
                .collect(),
            partials: [partials(), partials()],
            output_sums: Published::new(shares, |s| vec![0.0; blocks(s, layers - 1) * outputs]),
            residuals: Published::new(shares, |_| vec![(0.0, 0.0); slots]),
            powers: (0..layers)
                .map(|l| Published::new(shares, |s| vec![Powers::default(); blocks(s, l) * slots]))
                .collect(),
        }
    }

    /// The potentials of a hidden layer, example after example.
    pub(crate) fn collect(&self, l: usize, width: usize, slots: &Range<usize>) -> Vec<f32> {
        let mut potentials = vec![0.0; slots.len() * width];
        for state in self.layers[l].all() {
            for (k, &first) in state.first_units.iter().enumerate() {
                let count = BLOCK.min(width - first);
                for (b, row) in state.rows[state.range(k, slots)].iter().enumerate() {
                    let target = b * width + first;
                    potentials[target..target + count].copy_from_slice(&row.0[..count]);
                }
            }
        }
        potentials
    }

    /// The share of a hidden layer's units that are not at 0 V, over all slots.
    pub(crate) fn activity(&self, l: usize, width: usize) -> f64 {
        let shares = self.layers[l].all();
        let active: usize = shares
            .iter()
            .flat_map(|state| &state.rows)
            .map(|row| row.0.iter().filter(|v| **v != 0.0).count())
            .sum();
        active as f64 / (width * self.slots) as f64
    }

    /// Sets the potentials of a hidden layer, example after example: the inverse of [`Self::collect`].
    pub(crate) fn distribute(&self, l: usize, potentials: &[f32], slots: &Range<usize>) {
        let width = potentials.len() / slots.len();
        for mut state in self.layers[l].all_mut() {
            for k in 0..state.blocks() {
                let first = state.first_units[k];
                let count = BLOCK.min(width - first);
                for (at, potentials) in state.range(k, slots).zip(potentials.chunks_exact(width)) {
                    let mut row = Row::ZERO;
                    row.0[..count].copy_from_slice(&potentials[first..first + count]);
                    state.set(at, row);
                }
            }
        }
    }
}

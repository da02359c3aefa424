//! Where backpropagation through the sweeps keeps its states.

/// The slots of a free phase that is gone back through, in batches: its present state, the states y + a/2 (at first
/// those after each sweep, from the state before the first on), the states y - a/2 from the first sweep on, and a. Behind
/// the states of the last sweep the final state stands in both.
#[derive(Clone, Copy)]
pub(super) struct Unrolled {
    pub(super) batch: usize,
    pub(super) sweeps: usize,
}

impl Unrolled {
    /// First slot of the state y + a/2 of a sweep.
    pub(super) fn second(self, sweep: usize) -> usize {
        (1 + sweep) * self.batch
    }

    /// First slot of the state y - a/2 of a sweep.
    pub(super) fn first(self, sweep: usize) -> usize {
        self.second(self.sweeps + 1) + sweep * self.batch
    }

    /// First slot of the errors a.
    pub(super) fn errors(self) -> usize {
        self.first(self.sweeps + 2)
    }

    pub(super) fn slots(self) -> usize {
        self.errors() + self.batch
    }
}

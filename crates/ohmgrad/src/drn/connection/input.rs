//! Sparse lists: the inputs that are not 0 V.

use std::ops::Range;

/// Entries (slot, value) grouped by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowEntries<T> {
    offsets: Vec<u32>,
    entries: Vec<(u32, T)>,
}

impl<T: Copy> RowEntries<T> {
    /// Starts anew, keeping the memory.
    pub(crate) fn clear(&mut self) {
        self.offsets.clear();
        self.offsets.push(0);
    }

    /// Number of entries in the finished rows.
    fn end(&self) -> usize {
        self.offsets[self.offsets.len() - 1] as usize
    }

    /// Starts anew with room for so many entries, as [`Self::push_row`] needs.
    fn restart(&mut self, entries: usize)
    where
        T: Default,
    {
        self.clear();
        self.entries.resize(entries + 1, (0, T::default()));
    }

    /// Adds a row: the values that are marked, numbered from `first`, without a branch per value.
    #[inline(always)]
    fn push_row(&mut self, first: usize, values: impl Iterator<Item = (T, bool)>) {
        let mut end = self.end();
        for (slot, (value, listed)) in (first as u32..).zip(values) {
            self.entries[end] = (slot, value);
            end += usize::from(listed);
        }
        self.offsets.push(end as u32);
    }

    #[inline(always)]
    pub(crate) fn row(&self, i: usize) -> &[(u32, T)] {
        &self.entries[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }
}

/// Signed pairs that are worked on together while they are in the nearest cache.
pub(crate) const CHUNK: usize = 32;

/// Examples whose potentials are listed, and multiplied with, together.
pub(crate) const QUAD: usize = 4;

/// The input potentials of a batch, in volt, by quads of examples; where a whole quad is at 0 V they are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    /// Quads of examples; the last is filled up with examples at 0 V.
    pub(super) quads: usize,
    /// Entries (feature, volts) by chunk of features, and within a chunk by quad.
    driven: RowEntries<[f32; QUAD]>,
    /// The features at 0 V in the whole batch, by chunk.
    idle: RowEntries<()>,
    /// All potentials, example after example.
    dense: Vec<f32>,
}

impl Input {
    /// Lists the input of a batch; `fill(b, volts)` writes the potentials of example b.
    pub(crate) fn encode(
        &mut self,
        features: usize,
        batch: usize,
        mut fill: impl FnMut(usize, &mut [f32]),
    ) {
        self.quads = batch.div_ceil(QUAD);
        self.dense.resize(features * self.slots(), 0.0);
        for (b, volts) in self.dense.chunks_exact_mut(features).enumerate() {
            match b < batch {
                true => fill(b, volts),
                false => volts.fill(0.0),
            }
        }
        self.driven.restart(features * self.quads);
        self.idle.restart(features);
        for first in (0..features).step_by(CHUNK) {
            self.list_chunk(features, first..features.min(first + CHUNK));
        }
    }

    fn list_chunk(&mut self, features: usize, chunk: Range<usize>) {
        let mut awake = [false; CHUNK];
        for quad in self.dense.chunks_exact(features * QUAD) {
            let example = |b: usize| &quad[b * features..][chunk.clone()];
            let examples: [_; QUAD] = [example(0), example(1), example(2), example(3)];
            let volts = (0..chunk.len()).map(|i| examples.map(|volts| volts[i]));
            let driven = volts.zip(&mut awake).map(|(volts, awake)| {
                let driven = volts.iter().fold(0, |bits, x| bits | x.to_bits()) != 0;
                *awake |= driven;
                (volts, driven)
            });
            self.driven.push_row(chunk.start, driven);
        }
        let idle = awake.iter().map(|awake| ((), !awake));
        self.idle.push_row(chunk.start, idle.take(chunk.len()));
    }

    /// Features of a chunk where an example of the quad is not at 0 V, with the potentials of all four.
    #[inline(always)]
    pub(super) fn driven(&self, chunk: usize, quad: usize) -> &[(u32, [f32; QUAD])] {
        self.driven.row(chunk * self.quads + quad)
    }

    /// Features of a chunk at 0 V in the whole batch.
    #[inline(always)]
    pub(super) fn idle(&self, chunk: usize) -> &[(u32, ())] {
        self.idle.row(chunk)
    }

    /// Number of examples, those at 0 V that fill up the last quad included.
    pub(crate) fn slots(&self) -> usize {
        self.quads * QUAD
    }

    /// All potentials, example after example: those of the batch, then zeros.
    pub(crate) fn examples(&self) -> impl Iterator<Item = &[f32]> {
        let features = self.dense.len() / self.slots();
        self.dense.chunks_exact(features)
    }
}

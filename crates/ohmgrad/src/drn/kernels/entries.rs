//! Sparse lists: the inputs that are not 0 V, the pairs of states that differ from 0 V.

/// Entries (slot, value) grouped by row of a matrix; a slot is the place of an example in the batch.
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

    /// Adds a row.
    pub(crate) fn extend_row(&mut self, row: impl Iterator<Item = (u32, T)>) {
        self.entries.truncate(self.end());
        self.entries.extend(row);
        self.offsets.push(self.entries.len() as u32);
    }

    #[inline(always)]
    pub(crate) fn row(&self, i: usize) -> &[(u32, T)] {
        &self.entries[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }
}

impl RowEntries<f32> {
    /// Makes room for entries and `spare` more, so that rows can be written without asking.
    fn reserve(&mut self, entries: usize, spare: usize) {
        if self.entries.len() < entries + spare {
            self.entries.resize(entries + spare, (0, 0.0));
        }
    }

    /// Adds a row: the values that are not 0, numbered from `first`, without a branch per value; padded
    /// with zeros to whole quads if asked. Room must have been reserved.
    #[inline(always)]
    fn push_row(&mut self, first: usize, values: impl Iterator<Item = f32>, padded: bool) {
        let start = self.end();
        let row = &mut self.entries[start..];
        let mut length = 0;
        for (slot, value) in (first as u32..).zip(values) {
            row[length] = (slot, value);
            length += usize::from(value != 0.0);
        }
        if padded {
            row[length..length + QUAD].fill((0, 0.0));
            length = length.next_multiple_of(QUAD);
        }
        self.offsets.push((start + length) as u32);
    }
}

/// Signed pairs that are worked on together while they are in the nearest cache.
pub(crate) const CHUNK: usize = 32;

/// Terms that are summed together without a branch.
pub(super) const QUAD: usize = 4;

/// The input potentials of a batch, in volt; those at 0 V are left out. Listed twice, in the orders in
/// which products and updates need them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    /// Entries (feature, volt) by chunk of features, and within a chunk by example.
    pub(crate) by_example: RowEntries<f32>,
    /// Entries (example, volt) by feature, padded with zeros to whole quads.
    pub(crate) by_feature: RowEntries<f32>,
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
        self.dense.resize(features * batch, 0.0);
        for (b, volts) in self.dense.chunks_exact_mut(features).enumerate() {
            fill(b, volts);
        }
        self.by_example.clear();
        self.by_example.reserve(features * batch, QUAD);
        for chunk in (0..features).step_by(CHUNK) {
            for volts in self.dense.chunks_exact(features) {
                let volts = &volts[chunk..features.min(chunk + CHUNK)];
                self.by_example
                    .push_row(chunk, volts.iter().copied(), false);
            }
        }
        self.by_feature.clear();
        self.by_feature
            .reserve(features * batch.next_multiple_of(QUAD), QUAD);
        for i in 0..features {
            let volts = self.dense[i..].iter().step_by(features);
            self.by_feature.push_row(0, volts.copied(), true);
        }
    }

    /// Entries of example b of a batch in a chunk of features.
    pub(super) fn of_example(&self, batch: usize, chunk: usize, b: usize) -> &[(u32, f32)] {
        self.by_example.row(chunk * batch + b)
    }
}

/// The potentials of a layer in the first and the second state, entries by unit; a unit at 0 V in
/// both states has none.
pub(crate) type StatePairs = RowEntries<(f32, f32)>;

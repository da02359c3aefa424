//! Sums over the blocks of a layer in an order that depends on their number alone.

use std::ops::Range;

use pulp::Arch;

use super::lanes::{AddRows, Kernel, Row};

/// A sum over blocks: neighbours first, then pairs of pairs, and so on. Shares that own some of the blocks each
/// form the parts of the sum that lie within their own, and whoever has all parts goes on from there: the total has the
/// same bits whoever owns what.
#[derive(Clone, Debug, Default)]
pub(crate) struct TreeSum {
    /// Rows of a term.
    width: usize,
    /// The blocks that each part stands for, from the first or from the last on.
    spans: Vec<Range<usize>>,
    /// The parts, one after the other.
    rows: Vec<Row>,
}

impl TreeSum {
    /// Starts a sum of terms of `width` rows, keeping the memory.
    pub(crate) fn start(&mut self, width: usize) {
        self.width = width;
        self.spans.clear();
        self.rows.clear();
    }

    /// Adds the term of the `next` blocks, which `fill` writes over zeros.
    pub(crate) fn add(&mut self, next: Range<usize>, arch: Arch, fill: impl FnOnce(&mut [Row])) {
        let start = self.rows.len();
        self.rows.resize(start + self.width, Row::ZERO);
        fill(&mut self.rows[start..]);
        self.spans.push(next);
        while let [.., one, other] = &self.spans[..]
            && are_halves(one, other)
        {
            self.join(arch);
        }
    }

    /// Adds the last part to the one before.
    fn join(&mut self, arch: Arch) {
        let next = self.spans.pop().expect("two parts");
        let last = self.spans.last_mut().expect("two parts");
        *last = last.start.min(next.start)..last.end.max(next.end);
        let rest = self.rows.len() - self.width;
        let (to, from) = self.rows[rest - self.width..].split_at_mut(self.width);
        AddRows { to, from }.run_on(arch);
        self.rows.truncate(rest);
    }

    /// Adds the parts that the terms so far have been joined to, from row `first` on, to a sum of fewer rows; that sum
    /// goes from the first block to the last.
    pub(crate) fn add_to(&self, sum: &mut Self, first: usize, arch: Arch) {
        let descending = matches!(&self.spans[..], [first, .., last] if first.start > last.start);
        let count = self.spans.len();
        for at in 0..count {
            let at = if descending { count - 1 - at } else { at };
            let part = &self.rows[at * self.width + first..][..sum.width];
            sum.add(self.spans[at].clone(), arch, |rows| {
                rows.copy_from_slice(part)
            });
        }
    }

    /// The sum; nothing if there was no term.
    pub(crate) fn total(&mut self, arch: Arch) -> &[Row] {
        while self.spans.len() > 1 {
            self.join(arch);
        }
        &self.rows
    }
}

/// Whether two neighbouring spans are the halves of a span that starts at a multiple of its length.
fn are_halves(one: &Range<usize>, other: &Range<usize>) -> bool {
    let start = one.start.min(other.start);
    one.len() == other.len() && start.is_multiple_of(2 * one.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drn::simd::BLOCK;

    /// The total of terms whose sum depends on the order, formed by shares with so many blocks each.
    fn total(shares: &[usize], descending: bool) -> [f32; BLOCK] {
        let arch = Arch::new();
        let term = |block: usize| Row([0.1 + 1e3 / (1.0 + block as f32); BLOCK]);
        let (mut all, mut share) = (TreeSum::default(), TreeSum::default());
        let mut start = 0;
        all.start(1);
        for &blocks in shares {
            share.start(1);
            for k in 0..blocks {
                let block = start + if descending { blocks - 1 - k } else { k };
                share.add(block..block + 1, arch, |rows| rows[0] = term(block));
            }
            share.add_to(&mut all, 0, arch);
            start += blocks;
        }
        all.total(arch)[0].0
    }

    #[test]
    fn the_total_does_not_depend_on_who_owns_which_block() {
        for blocks in 1..=23 {
            let one = total(&[blocks], false);
            let want: f64 = (0..blocks).map(|b| 0.1 + 1e3 / (1.0 + b as f64)).sum();
            assert!(
                (f64::from(one[0]) - want).abs() < 1e-6 * want,
                "{blocks} blocks"
            );
            for first in 0..=blocks {
                for second in 0..=blocks - first {
                    let split = [first, second, blocks - first - second];
                    for descending in [false, true] {
                        let same = total(&split, descending).map(f32::to_bits);
                        assert_eq!(same, one.map(f32::to_bits), "{split:?}");
                    }
                }
            }
        }
    }
}

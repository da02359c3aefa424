//! Which units of a block are at work.

use super::lanes::Row;

/// The units of one block that are not at 0 V: bit j stands for unit j.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Active(u64);

impl Active {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self(u64::MAX);

    #[inline(always)]
    pub(crate) fn of(v: &Row) -> Self {
        let bits = v.0.iter().enumerate();
        Self(bits.fold(0, |all, (j, v)| all | u64::from(*v != 0.0) << j))
    }

    /// Those active in one of several states.
    #[inline(always)]
    pub(crate) fn any(states: &[Self]) -> Self {
        Self(states.iter().fold(0, |all, state| all | state.0))
    }

    /// Whether one of `count` units from `first` on is, of at most 63.
    #[inline(always)]
    pub(crate) fn within(self, first: usize, count: usize) -> bool {
        self.0 >> first & ((1 << count) - 1) != 0
    }

    #[inline(always)]
    pub(crate) fn units(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let unit = (rest != 0).then_some(rest.trailing_zeros() as usize);
            rest &= rest.wrapping_sub(1);
            unit
        })
    }
}

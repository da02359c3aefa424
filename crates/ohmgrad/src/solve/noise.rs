//! Currents that only rounding carries.

use super::confirmation::Confirmation;
use super::newton::Newton;
use crate::presolve::{Double, at};

/// The diodes of a chain behind one another that lose their currents in turn.
const LINKS: usize = 20;

/// Currents that are no larger than this many rounding errors may be some.
const DOUBTFUL: f64 = 1e4;

impl Confirmation<'_, '_> {
    /// Removes the currents that only rounding carries: of diodes, and of idle nonlinear elements. The nodes miss them from then
    /// on, and with them the next diode of a chain may miss its current.
    pub(super) fn silence(&mut self, newton: &mut Newton) {
        for _ in 0..LINKS {
            let noise: Vec<usize> = (0..self.currents.len())
                .filter(|k| self.currents[*k].high != 0.0 && self.is_noise(newton, *k))
                .collect();
            if noise.is_empty() {
                return;
            }
            for k in noise {
                self.currents[k] = Double::default();
            }
            self.measure(newton);
        }
    }

    /// Whether a current is a rounding error, or may be and one of its nodes misses most of it.
    fn is_noise(&self, newton: &Newton, k: usize) -> bool {
        match k.checked_sub(self.network().diodes.len()) {
            Some(curve) => self.feet[curve].is_some(),
            None => {
                let current = self.currents[k].high;
                let ends = newton.responses[k].ends.into_iter();
                let mut missing = ends.map(|end| at(&self.residual.missing, end).abs());
                current <= self.faint
                    || (current <= DOUBTFUL * self.faint
                        && missing.any(|missing| missing >= 0.5 * current))
            }
        }
    }
}

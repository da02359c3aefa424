//! What a unit obeys by itself.
//!
//! Neighbours held at their potentials offer a unit the total conductance a (siemens) and drive the current p (ampere)
//! into it while it is held at 0 V. Its law is the current i(v) that its own element leads to ground at the
//! potential v, and Kirchhoff's current law of the unit reads
//!
//! ```text
//! a v + i(v) = p
//! ```
//!
//! Solving it for every unit of a layer, the others held, is one step of exact block coordinate descent. A law says
//! this v, the slope di/dv there (for responses) and its co-content, the integral of i; once in f64
//! ([`UnitLaw`]) and once for a block of units in f32 ([`BlockLaw`]).

mod block;
mod clip;
mod load;

pub(crate) use block::{Measure, Relax, Surroundings};
pub(crate) use clip::{Clip, ClipBlock};
pub(crate) use load::{Load, OutputNode};

use super::simd::{BLOCK, Row};

/// What the units of a layer obey by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnitLaw {
    /// An ideal diode to ground: the first half of the layer is excitatory (v >= 0), the second half inhibitory
    /// (v <= 0).
    IdealDiode,
    /// No element: the unit goes where its neighbours drive it.
    Linear,
    /// A unit of a deep Hopfield network, i(v) = v between its limits 0 and 1.
    HopfieldBox,
}

/// A unit within its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Its number, from 0.
    pub(crate) index: usize,
    /// The layer's width.
    pub(crate) width: usize,
}

impl UnitLaw {
    /// The law of a unit as a straight line between limits.
    fn clip(self, unit: Unit) -> Clip {
        match self {
            UnitLaw::IdealDiode if unit.index < unit.width / 2 => Clip::above(0.0),
            UnitLaw::IdealDiode => Clip::below(0.0),
            UnitLaw::Linear => Clip::NONE,
            UnitLaw::HopfieldBox => Clip::within(0.0, 1.0, 1.0),
        }
    }

    /// The v that solves a v + i(v) = p, in volt; 0 where nothing holds the unit anywhere.
    #[cfg(test)]
    pub(crate) fn solve(self, unit: Unit, a: f64, p: f64) -> f64 {
        self.clip(unit).solve(a, p)
    }

    /// As [`Self::solve`], but `factor` times the way there from the potential `before`, as far as the element lets it go.
    pub(crate) fn over_relax(
        self,
        unit: Unit,
        neighbours: (f64, f64),
        before: f64,
        factor: f64,
    ) -> f64 {
        self.clip(unit).over_relax(neighbours, before, factor)
    }

    /// The current that Kirchhoff's law of the unit is short of at the potential v, in ampere.
    pub(crate) fn violation(self, unit: Unit, a: f64, p: f64, v: f64) -> f64 {
        self.clip(unit).violation(a, p, v)
    }

    /// The slope of i between the unit's limits, in siemens.
    pub(crate) fn interior_slope(self, unit: Unit) -> f64 {
        self.clip(unit).interior_slope()
    }

    /// di/dv at a solved potential, in siemens: infinite where the element holds the unit.
    pub(crate) fn slope(self, unit: Unit, v: f64) -> f64 {
        self.clip(unit).slope(v)
    }

    /// The integral of i from 0 to v, in watt: infinite where the element does not let the unit go.
    #[cfg(test)]
    pub(crate) fn co_content(self, unit: Unit, v: f64) -> f64 {
        self.clip(unit).co_content(v)
    }

    /// The least and the largest potential that the element lets the unit have, in volt.
    pub(crate) fn interval(self, unit: Unit) -> (f64, f64) {
        self.clip(unit).interval()
    }

    /// The law for the units `first`, `first + 1`, ... of a layer of `width` units, as far as there are any.
    pub(crate) fn block(self, first: usize, width: usize) -> BlockLaw {
        match self {
            UnitLaw::IdealDiode | UnitLaw::Linear | UnitLaw::HopfieldBox => {
                let units = (first..width).take(BLOCK);
                let clips = units.map(|index| self.clip(Unit { index, width }));
                BlockLaw::Clip(ClipBlock::new(clips))
            }
        }
    }
}

/// A law for a block of units.
#[derive(Clone, Debug)]
pub(crate) enum BlockLaw {
    /// A straight line between limits.
    Clip(ClipBlock),
}

impl BlockLaw {
    /// Sets the conductance a that the neighbours offer each unit.
    pub(crate) fn set_conductance(&mut self, a: &Row) {
        match self {
            BlockLaw::Clip(clip) => clip.set_conductance(a),
        }
    }

    /// The largest slope of a current into each unit: a, and what the element adds to it, in siemens.
    pub(crate) fn curvature(&self) -> &Row {
        match self {
            BlockLaw::Clip(clip) => clip.curvature(),
        }
    }
}

#[cfg(test)]
mod tests;

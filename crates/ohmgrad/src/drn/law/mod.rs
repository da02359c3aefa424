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
//! this v, the slope di/dv there (for responses), its power and its co-content, the integral of i; once in f64 by the
//! [`Element`] of a unit, and once for a block of units in f32 ([`BlockLaw`]).

mod bent;
mod block;
mod clip;
mod curve;
mod element;
mod load;
mod omega;
mod shockley;
mod tanh;

use std::fmt::Debug;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use clip::IdealPair;
pub use curve::{Beyond, MeasuredCurve, MeasuredCurveError};
pub use shockley::{Arrangement, ShockleyDiodes};
pub use tanh::TanhResistor;

pub(crate) use block::{BlockLaw, Measure, Reach, Relax, Surroundings};
pub(crate) use clip::{HopfieldBox, IdealDiode, Linear};
pub(crate) use element::Element;
pub(crate) use load::{Load, OutputNode};

use super::simd::BLOCK;

/// What each unit of a hidden layer has between itself and ground. In TOML, a table with the name as its `kind`, such as
/// `{ kind = "tanh", limit = 1e-3, scale = 0.2 }`.
///
/// ```
/// use ohmgrad::drn::{Architecture, Arrangement, ShockleyDiodes, UnitLaw};
///
/// let diodes = UnitLaw::Shockley(ShockleyDiodes {
///     arrangement: Arrangement::Double,
///     saturation_current: 1e-6,
///     thermal_voltage: Some(0.05),
///     ideality: None,
///     temperature: None,
///     offset_voltage: 0.8,
///     dead_zone: true,
/// });
/// let network = Architecture::new(64, vec![32, 32], 10).with_laws(vec![diodes, UnitLaw::IdealDiode]);
/// network.validate()?;
/// # Ok::<(), ohmgrad::drn::ArchitectureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UnitLaw {
    /// `ideal-diode`: an ideal diode; units of the first half of the layer are excitatory (v >= 0), those of the second half
    /// inhibitory (v <= 0).
    IdealDiode,
    /// `ideal-pair`: two ideal diodes that keep the unit between two potentials.
    IdealPair(IdealPair),
    /// `shockley`: one diode with Shockley's law, or two.
    Shockley(ShockleyDiodes),
    /// `curve`: an element with a measured curve.
    Curve(MeasuredCurve),
    /// `tanh`: a resistor that saturates.
    Tanh(TanhResistor),
    /// `linear`: nothing.
    Linear,
}

impl UnitLaw {
    /// What is wrong with its numbers, if anything.
    pub fn fault(&self) -> Option<String> {
        match self {
            UnitLaw::IdealPair(pair) => pair.fault(),
            UnitLaw::Shockley(diodes) => diodes.fault(),
            UnitLaw::Tanh(resistor) => resistor.fault(),
            UnitLaw::IdealDiode | UnitLaw::Curve(_) | UnitLaw::Linear => None,
        }
    }

    /// The law of a layer of such units.
    pub(crate) fn of_layer(&self) -> LayerLaw {
        LayerLaw::new(match self.clone() {
            UnitLaw::IdealDiode => Arc::new(IdealDiode),
            UnitLaw::IdealPair(pair) => Arc::new(pair),
            UnitLaw::Shockley(diodes) => Arc::new(diodes),
            UnitLaw::Curve(curve) => Arc::new(curve),
            UnitLaw::Tanh(resistor) => Arc::new(resistor),
            UnitLaw::Linear => Arc::new(Linear),
        })
    }
}

/// The fault of a number that f32 must be able to compute with.
fn check_positive(name: &str, x: f64, unit: &str) -> Option<String> {
    let is_fine = (1e-30..=1e30).contains(&x);
    let unit = if unit.is_empty() {
        String::new()
    } else {
        format!(" {unit}")
    };
    (!is_fine).then(|| format!("{name} is {x}{unit}: it must be from 1e-30 to 1e30"))
}

/// A law of the units of a layer.
pub(crate) trait Law: Debug + Send + Sync {
    /// What a unit of each half of a layer has by itself.
    fn elements(&self) -> [Element; 2];

    /// The law for a block of at most 64 units, of these halves.
    fn block(&self, units: &[Half]) -> Box<dyn BlockLaw>;
}

/// The half of its layer that a unit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    First = 0,
    Second = 1,
}

/// A unit within its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Its number, from 0.
    pub(crate) index: usize,
    /// The layer's width.
    pub(crate) width: usize,
}

impl Unit {
    fn half(self) -> Half {
        match self.index < self.width / 2 {
            true => Half::First,
            false => Half::Second,
        }
    }
}

/// The law of a layer, and what its units have by themselves.
#[derive(Clone, Debug)]
pub(crate) struct LayerLaw {
    law: Arc<dyn Law>,
    elements: [Element; 2],
}

impl LayerLaw {
    pub(crate) fn new(law: Arc<dyn Law>) -> Self {
        let elements = law.elements();
        Self { law, elements }
    }

    /// What a unit has by itself.
    pub(crate) fn element(&self, unit: Unit) -> &Element {
        &self.elements[unit.half() as usize]
    }

    /// The slope of i between the unit's limits, in siemens.
    pub(crate) fn interior_slope(&self, unit: Unit) -> f64 {
        self.element(unit).interior_slope()
    }

    /// di/dv at a solved potential, in siemens: infinite where the element holds the unit.
    pub(crate) fn slope(&self, unit: Unit, v: f64) -> f64 {
        self.element(unit).slope(v)
    }

    /// The least and the largest potential that the element lets the unit have, in volt.
    pub(crate) fn interval(&self, unit: Unit) -> (f64, f64) {
        self.element(unit).interval()
    }

    /// The law for the units `first`, `first + 1`, ... of a layer of `width` units, as far as there are any.
    pub(crate) fn block(&self, first: usize, width: usize) -> Box<dyn BlockLaw> {
        let units = (first..width).take(BLOCK);
        let halves: Vec<Half> = units.map(|index| Unit { index, width }.half()).collect();
        self.law.block(&halves)
    }
}

#[cfg(test)]
mod tests;

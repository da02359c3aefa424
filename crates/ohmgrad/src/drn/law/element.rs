//! What one unit has by itself, in f64.

use std::sync::Arc;

use super::clip::Clip;
use crate::device::{self, Characteristic, Diode};

/// The element between one unit and ground.
#[derive(Clone, Debug)]
pub(crate) enum Element {
    /// A straight line between limits.
    Clip(Clip),
    /// A device whose current is a smooth or piecewise smooth function of the potential.
    Device(Arc<device::Law>),
}

impl Element {
    /// The v that solves a v + i(v) = p, in volt; 0 where no neighbour holds the unit anywhere.
    pub(crate) fn solve(&self, a: f64, p: f64) -> f64 {
        match self {
            Element::Clip(clip) => clip.solve(a, p),
            Element::Device(_) if a <= 0.0 => 0.0,
            Element::Device(device) => characteristic(device).on_load_line(p / a, 1.0 / a),
        }
    }

    /// As [`Self::solve`], but `factor` times the way there from the potential `before`, as far as the element lets it go.
    pub(crate) fn over_relax(&self, (a, p): (f64, f64), before: f64, factor: f64) -> f64 {
        match self {
            Element::Clip(clip) => clip.over_relax((a, p), before, factor),
            Element::Device(_) if factor == 1.0 => self.solve(a, p),
            Element::Device(_) => before + factor * (self.solve(a, p) - before),
        }
    }

    /// The current that Kirchhoff's law of the unit is short of at the potential v, in ampere.
    pub(crate) fn violation(&self, a: f64, p: f64, v: f64) -> f64 {
        match self {
            Element::Clip(clip) => clip.violation(a, p, v),
            Element::Device(device) => a * v + characteristic(device).current(v).0 - p,
        }
    }

    /// The slope of i between the unit's limits, in siemens.
    pub(crate) fn interior_slope(&self) -> f64 {
        match self {
            Element::Clip(clip) => clip.interior_slope(),
            Element::Device(device) => characteristic(device).current(0.0).1,
        }
    }

    /// di/dv at a solved potential, in siemens: infinite where the element holds the unit.
    pub(crate) fn slope(&self, v: f64) -> f64 {
        match self {
            Element::Clip(clip) => clip.slope(v),
            Element::Device(device) => characteristic(device).current(v).1,
        }
    }

    /// The power v i(v) that it takes, and its co-content, the integral of i from 0 to v, in watt, at a potential where it
    /// lets the unit be.
    pub(crate) fn powers(&self, v: f64) -> (f64, f64) {
        match self {
            Element::Clip(clip) => {
                let content = clip.co_content(v);
                (2.0 * content, content)
            }
            Element::Device(device) => {
                let device = characteristic(device);
                (v * device.current(v).0, device.co_content(v))
            }
        }
    }

    /// The least and the largest potential that it lets the unit have, in volt.
    pub(crate) fn interval(&self) -> (f64, f64) {
        match self {
            Element::Clip(clip) => clip.interval(),
            Element::Device(_) => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// What it is in a circuit: devices, each with whether it points from the unit to ground. A Hopfield unit is none.
    pub(crate) fn devices(&self) -> Vec<(device::Law, bool)> {
        match self {
            Element::Clip(clip) => {
                let (lo, hi) = clip.interval();
                let limits = [(-lo, false), (hi, true)].into_iter();
                let limits = limits.filter(|(voltage, _)| voltage.is_finite());
                // -0 V would be another diode than 0 V.
                let diode = |voltage: f64| device::Law::from(Diode::ideal(voltage + 0.0));
                limits.map(|(v, to_ground)| (diode(v), to_ground)).collect()
            }
            Element::Device(device) => vec![((**device).clone(), true)],
        }
    }
}

fn characteristic(device: &device::Law) -> &dyn Characteristic {
    let device = device.characteristic();
    device.expect("laws of units make elements of devices that have one")
}

//! Laws of elements: the current i(u) that a voltage u drives through an element, in ampere and volt.
//!
//! Every law of an element by itself is nondecreasing, which makes the co-content G(u), the integral of i(u) from 0 V,
//! convex, and with it the energy of every network. Resistors and sources are straight lines; a
//! [`Diode`] has a corner; [`Shockley`] diodes and [`Junction`]s, [`RegionDiode`]s, measured curves ([`IvCurve`]),
//! [`Tanh`] and [`PowerLaw`] resistors and sums of them ([`Formula`]) bend, and share the trait [`Characteristic`].

mod curve;
mod curve_file;
mod diode;
mod formula;
mod junction;
mod quadrature;
mod regions;
mod saturating;
mod shockley;

pub use curve::{IvCurve, IvCurveError};
pub use curve_file::CurveFileError;
pub use diode::Diode;
pub use formula::{Formula, Function, Term};
pub use junction::{Breakdown, Junction, Recombination};
pub use regions::RegionDiode;
pub use saturating::{PowerLaw, Tanh};
pub use shockley::Shockley;

/// What an element between two nodes does.
///
/// The voltage u is that of the first node above the second; the current i flows from the first node
/// through the element to the second (for a voltage source as in SPICE: from + through it to -).
///
/// Resistors and sources, the most of every circuit, are kept in 16 bytes, the laws with more numbers in boxes;
/// `Law::from` makes one of each.
///
/// ```
/// use ohmgrad::device::{Diode, Law};
/// let law = Law::from(Diode::ideal(0.7));
/// assert_eq!(law.fault(), None);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Law {
    /// i = g u, with a conductance in siemens from 0 (open) to infinity (short: u = 0).
    Resistor {
        /// g, in siemens.
        conductance: f64,
    },
    /// u = V.
    VoltageSource {
        /// V, in volt.
        voltage: f64,
    },
    /// i = I.
    CurrentSource {
        /// I, in ampere.
        current: f64,
    },
    /// u = A x, with the [voltage or current](crate::circuit::Control) x that controls the source: E and H of SPICE.
    ControlledVoltage {
        /// A, in volt per volt or in ohm.
        gain: f64,
    },
    /// i = A x: G and F of SPICE.
    ControlledCurrent {
        /// A, in siemens or in ampere per ampere.
        gain: f64,
    },
    /// An ideal diode, or one with on and off conductances.
    Diode(Box<Diode>),
    /// A diode with the exponential law of Shockley.
    Shockley(Box<Shockley>),
    /// A junction with breakdown, recombination or high injection.
    Junction(Box<Junction>),
    /// An idealised diode with breakdown, bends or limits.
    Regions(Box<RegionDiode>),
    /// A measured curve, straight between its points.
    Curve(Box<IvCurve>),
    /// A resistor that saturates.
    Tanh(Box<Tanh>),
    /// A resistor with a power law.
    PowerLaw(Box<PowerLaw>),
    /// A sum of functions that do not fall.
    Formula(Box<Formula>),
}

macro_rules! law_from {
    ($($variant:ident: $device:ty),*) => {
        $(impl From<$device> for Law {
            fn from(device: $device) -> Law {
                Law::$variant(Box::new(device))
            }
        })*
    };
}

law_from!(
    Diode: Diode,
    Shockley: Shockley,
    Junction: Junction,
    Regions: RegionDiode,
    Curve: IvCurve,
    Tanh: Tanh,
    PowerLaw: PowerLaw,
    Formula: Formula
);

/// A smooth or piecewise smooth nondecreasing law i(u).
pub trait Characteristic {
    /// i(u) and its slope di/du, in ampere and siemens. The slope may be infinite.
    fn current(&self, voltage: f64) -> (f64, f64);

    /// G(u), the integral of i from 0 V to u, in watt.
    fn co_content(&self, voltage: f64) -> f64;

    /// The largest currents that the element carries backwards and forwards, in ampere.
    fn current_limits(&self) -> (f64, f64) {
        (f64::NEG_INFINITY, f64::INFINITY)
    }

    /// How far off rounding may make the current at a voltage, in ampere: a few last digits of the current, and of the
    /// voltage.
    fn rounding(&self, voltage: f64) -> f64 {
        let (current, slope) = self.current(voltage);
        // A vertical slope at 0 V adds nothing.
        let moved = if voltage == 0.0 {
            0.0
        } else {
            slope * voltage.abs()
        };
        4.0 * f64::EPSILON * (current.abs() + moved)
    }

    /// Whether finite limits are reached at finite voltages.
    fn reaches_limits(&self) -> bool {
        false
    }

    /// The voltages around `voltage` at which the element carries the same current as there, in volt: both are `voltage`
    /// where the current rises.
    fn flat(&self, voltage: f64) -> (f64, f64) {
        (voltage, voltage)
    }

    /// The voltage u of the element behind a source `x` (volt) with an inner resistance `r` (ohm): the
    /// solution of u + r i(u) = x.
    fn on_load_line(&self, x: f64, r: f64) -> f64 {
        // u = x - r i(u) lies between 0 and x - r i(0), since i never falls.
        let end = match self.current(0.0).0 {
            0.0 => x,
            current => x - r * current,
        };
        let bracket = if end >= 0.0 { (0.0, end) } else { (end, 0.0) };
        load_line(|u| self.current(u), x, r, bracket, end)
    }
}

impl Law {
    /// The characteristic, if the law is one: not a straight line, and not an ideal corner.
    pub fn characteristic(&self) -> Option<&dyn Characteristic> {
        match self {
            Law::Shockley(shockley) => Some(&**shockley),
            Law::Curve(curve) => Some(&**curve),
            Law::Tanh(tanh) => Some(&**tanh),
            Law::PowerLaw(power) => Some(&**power),
            Law::Junction(junction) => Some(&**junction),
            Law::Regions(regions) => Some(&**regions),
            Law::Formula(formula) => Some(&**formula),
            _ => None,
        }
    }

    /// Whether both are voltage sources, or both current sources.
    pub(crate) fn is_source_like(&self, other: &Law) -> bool {
        use Law::{CurrentSource, VoltageSource};
        matches!(
            (self, other),
            (VoltageSource { .. }, VoltageSource { .. })
                | (CurrentSource { .. }, CurrentSource { .. })
        )
    }

    /// Whether it is a source that something else in the circuit controls.
    pub(crate) fn is_controlled(&self) -> bool {
        matches!(
            self,
            Law::ControlledVoltage { .. } | Law::ControlledCurrent { .. }
        )
    }

    /// The largest finite conductance of a resistor or diode, in siemens; 0 for other laws.
    pub(crate) fn largest_conductance(&self) -> f64 {
        match self {
            Law::Resistor { conductance } if conductance.is_finite() => *conductance,
            Law::Diode(diode) if diode.on_conductance.is_finite() => diode.on_conductance,
            Law::Diode(diode) => diode.off_conductance,
            _ => 0.0,
        }
    }

    /// What is wrong with the law's numbers, if anything: a number that is not finite, or one out of range.
    pub fn fault(&self) -> Option<String> {
        let finite = |what: &str, x: f64, unit: &str| {
            (!x.is_finite()).then(|| format!("its {what} is {x} {unit}, it must be finite"))
        };
        match self {
            Law::Resistor { conductance: g } if g.is_nan() || *g < 0.0 => Some(format!(
                "its conductance is {g} S, it must be between 0 (open) and infinity (short)"
            )),
            Law::Resistor { .. } | Law::Curve(_) => None,
            Law::VoltageSource { voltage } => finite("voltage", *voltage, "V"),
            Law::CurrentSource { current } => finite("current", *current, "A"),
            Law::ControlledVoltage { gain } | Law::ControlledCurrent { gain } => {
                (!gain.is_finite()).then(|| format!("its gain is {gain}, it must be finite"))
            }
            Law::Diode(diode) => diode.fault(),
            Law::Shockley(shockley) => shockley.fault(),
            Law::Tanh(tanh) => tanh.fault(),
            Law::PowerLaw(power) => power.fault(),
            Law::Junction(junction) => junction.fault(),
            Law::Regions(regions) => regions.fault(),
            Law::Formula(formula) => formula.fault(),
        }
    }
}

/// Solves u + r i(u) = x inside a bracket by Newton's method, and by bisection where that leaves the
/// bracket or closes in too slowly.
fn load_line(
    law: impl Fn(f64) -> (f64, f64),
    x: f64,
    r: f64,
    (mut low, mut high): (f64, f64),
    start: f64,
) -> f64 {
    const STEPS: usize = 200;
    if !x.is_finite() {
        return x;
    }
    let mut u = start.clamp(low, high);
    let (mut width, mut step) = (high - low, high - low);
    for _ in 0..STEPS {
        let (current, slope) = law(u);
        let excess = u - x + r * current;
        if excess > 0.0 {
            high = u
        } else {
            low = u
        }
        if excess == 0.0 || high - low <= f64::EPSILON * u.abs() {
            break;
        }
        let steepness = 1.0 + r * slope;
        let newton = u - excess / steepness;
        if steepness.is_finite() && (newton - u).abs() <= f64::EPSILON * u.abs() {
            return newton.clamp(low, high);
        }
        // A step as long as the last one is no approach: far up an exponential all steps are.
        let closes_in = high - low <= 0.5 * width || (newton - u).abs() <= 0.5 * step;
        (width, step) = (high - low, (newton - u).abs());
        let next = if newton > low && newton < high && closes_in {
            newton
        } else {
            0.5 * (low + high)
        };
        if next == u {
            return next;
        }
        u = next;
    }
    u
}

/// The fault of a number that must be finite and above 0.
fn positive(what: &str, x: f64, unit: &str) -> Option<String> {
    let fault = || format!("its {what} is {x} {unit}, it must be finite and above 0");
    (!(x > 0.0 && x.is_finite())).then(fault)
}

/// The fault of a number that must be finite and at least 0.
fn not_negative(what: &str, x: f64, unit: &str) -> Option<String> {
    let fault = || format!("its {what} is {x} {unit}, it must be finite and at least 0");
    (!(x >= 0.0 && x.is_finite())).then(fault)
}

#[cfg(test)]
mod tests;

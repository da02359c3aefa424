//! Sums of functions of the voltage.

use std::f64::consts::{FRAC_PI_2, LN_2};
use std::fmt::{self, Display, Formatter};

use super::{Characteristic, load_line};

/// A current given by a formula: i = I + g u + the sum of terms, none of which falls as u rises.
///
/// ```
/// use ohmgrad::device::{Characteristic, Formula, Function, Term};
/// // i = 1 mS u + 2 mA sinh(u / 0.5 V)
/// let formula = Formula {
///     constant: 0.0,
///     conductance: 1e-3,
///     terms: Box::new([Term { coefficient: 2e-3, function: Function::Sinh, scale: 0.5, offset: 0.0 }]),
/// };
/// assert_eq!(formula.current(0.0), (0.0, 5e-3));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    /// I, in ampere.
    pub constant: f64,
    /// g, in siemens; at least 0.
    pub conductance: f64,
    /// The terms.
    pub terms: Box<[Term]>,
}

/// A term k f(x) with x = u / s + x_0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// k, in ampere; of the sign of `scale`, so that the term rises.
    pub coefficient: f64,
    /// f.
    pub function: Function,
    /// s, in volt; not 0.
    pub scale: f64,
    /// x_0.
    pub offset: f64,
}

/// A function that does not fall.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Function {
    /// tanh x.
    Tanh,
    /// sinh x.
    Sinh,
    /// asinh x.
    Asinh,
    /// atan x.
    Atan,
    /// exp x.
    Exp,
    /// exp x - 1, to the last digit also near 0.
    ExpM1,
    /// exp x - 1 above 0, and 0 below.
    Onset,
    /// sign(x) |x|^p with p above 0.
    Power(f64),
}

impl Function {
    /// f(x), its slope and its integral from some place.
    fn at(self, x: f64) -> (f64, f64, f64) {
        match self {
            Function::Tanh => {
                let cosh = x.cosh();
                // ln cosh x, written so that cosh does not overflow.
                let ln_cosh = x.abs() + (-2.0 * x.abs()).exp().ln_1p() - LN_2;
                (x.tanh(), 1.0 / (cosh * cosh), ln_cosh)
            }
            Function::Sinh => (x.sinh(), x.cosh(), x.cosh()),
            Function::Asinh => {
                let root = x.hypot(1.0);
                (x.asinh(), 1.0 / root, x * x.asinh() - root)
            }
            Function::Atan => {
                let area = x * x.atan() - x.hypot(1.0).ln();
                (x.atan(), 1.0 / (1.0 + x * x), area)
            }
            Function::Exp => (x.exp(), x.exp(), x.exp()),
            Function::ExpM1 => (x.exp_m1(), x.exp(), exp_m1_minus(x)),
            Function::Onset if x <= 0.0 => (0.0, 0.0, 0.0),
            Function::Onset => (x.exp_m1(), x.exp(), exp_m1_minus(x)),
            Function::Power(p) => {
                let size = x.abs();
                let value = size.powf(p).copysign(x);
                (
                    value,
                    p * size.powf(p - 1.0),
                    size.powf(p + 1.0) / (p + 1.0),
                )
            }
        }
    }

    /// The limits of f far below 0 and far above.
    fn limits(self) -> (f64, f64) {
        match self {
            Function::Tanh => (-1.0, 1.0),
            Function::Atan => (-FRAC_PI_2, FRAC_PI_2),
            Function::Exp | Function::Onset => (0.0, f64::INFINITY),
            Function::ExpM1 => (-1.0, f64::INFINITY),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }
}

/// exp x - 1 - x, the integral of exp x - 1.
fn exp_m1_minus(x: f64) -> f64 {
    match x.abs() < 1e-3 {
        true => x * x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x / 120.0))),
        false => x.exp_m1() - x,
    }
}

impl Display for Function {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(match self {
            Function::Tanh => "tanh",
            Function::Sinh => "sinh",
            Function::Asinh => "asinh",
            Function::Atan => "atan",
            Function::Exp => "exp",
            Function::ExpM1 => "exp - 1",
            Function::Onset => "exp - 1 above 0",
            Function::Power(_) => "power",
        })
    }
}

impl Term {
    /// The current, its slope and its co-content from 0 V.
    fn at(&self, u: f64) -> (f64, f64, f64) {
        let Term {
            coefficient: k,
            function,
            scale,
            offset,
        } = *self;
        let (value, slope, area) = function.at(u / scale + offset);
        let content = k * scale * (area - function.at(offset).2);
        (k * value, k * slope / scale, content)
    }

    fn fault(&self) -> Option<String> {
        let Term {
            coefficient,
            function,
            scale,
            offset,
        } = *self;
        let is_finite = [coefficient, scale, offset].iter().all(|x| x.is_finite());
        let power = match function {
            Function::Power(p) => p,
            _ => 1.0,
        };
        if !is_finite || scale == 0.0 || !(power > 0.0 && power.is_finite()) {
            return Some(format!("its term {function} has a number out of range"));
        }
        (coefficient * scale.signum() < 0.0).then(|| {
            format!(
                "the current of its term {function} falls as the voltage rises: a network with such an element has no unique state"
            )
        })
    }
}

impl Formula {
    pub(super) fn fault(&self) -> Option<String> {
        if self.terms.is_empty() {
            return Some(
                "its formula has no terms: take a resistor and a current source".to_owned(),
            );
        }
        let constant = self.constant;
        let constant = (!constant.is_finite())
            .then(|| format!("its constant is {constant} A, it must be finite"));
        constant
            .or_else(|| super::not_negative("conductance", self.conductance, "S"))
            .or_else(|| self.terms.iter().find_map(Term::fault))
    }
}

impl Characteristic for Formula {
    fn current(&self, u: f64) -> (f64, f64) {
        let start = (self.constant + self.conductance * u, self.conductance);
        self.terms.iter().fold(start, |(current, slope), term| {
            let (more, steeper, _) = term.at(u);
            (current + more, slope + steeper)
        })
    }

    /// Terms may cancel, and so may what is added to the voltage.
    fn rounding(&self, u: f64) -> f64 {
        let straight = self.constant.abs() + self.conductance * u.abs();
        let term = |term: &Term| {
            let (current, slope, _) = term.at(u);
            let moved = match u.abs() + (term.scale * term.offset).abs() {
                0.0 => 0.0,
                size => slope * size,
            };
            current.abs() + moved
        };
        4.0 * f64::EPSILON * (straight + self.terms.iter().map(term).sum::<f64>())
    }

    fn co_content(&self, u: f64) -> f64 {
        let straight = (self.constant + 0.5 * self.conductance * u) * u;
        self.terms
            .iter()
            .fold(straight, |sum, term| sum + term.at(u).2)
    }

    fn current_limits(&self) -> (f64, f64) {
        if self.conductance > 0.0 {
            return (f64::NEG_INFINITY, f64::INFINITY);
        }
        let start = (self.constant, self.constant);
        self.terms.iter().fold(start, |(low, high), term| {
            let (below, above) = term.function.limits();
            let [a, b] = [below, above].map(|limit| match term.coefficient {
                0.0 => 0.0,
                k => k * limit,
            });
            (low + a.min(b), high + a.max(b))
        })
    }

    /// The current at 0 V may be another than 0: what is above it has the sign of u.
    fn on_load_line(&self, x: f64, r: f64) -> f64 {
        let at_zero = self.current(0.0).0;
        let law = |u: f64| {
            let (current, slope) = self.current(u);
            (current - at_zero, slope)
        };
        let y = x - r * at_zero;
        let bracket = if y >= 0.0 { (0.0, y) } else { (y, 0.0) };
        load_line(law, y, r, bracket, y)
    }
}

//! Nonlinear resistors given by a formula.

use super::{Characteristic, positive};

/// A resistor that saturates: i = I tanh(u / V).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tanh {
    /// I, the largest current, in ampere; above 0.
    pub limit: f64,
    /// V, in volt; above 0. The conductance at 0 V is I/V.
    pub scale: f64,
}

/// A resistor with a power law: i = k sign(u) |u|^p.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// k, the current at 1 V, in ampere; above 0.
    pub coefficient: f64,
    /// p, above 0; 1 is a linear resistor.
    pub exponent: f64,
}

impl Tanh {
    pub(super) fn fault(&self) -> Option<String> {
        positive("limit", self.limit, "A").or_else(|| positive("scale", self.scale, "V"))
    }
}

impl PowerLaw {
    pub(super) fn fault(&self) -> Option<String> {
        positive("coefficient", self.coefficient, "A")
            .or_else(|| positive("exponent", self.exponent, ""))
    }
}

impl Characteristic for Tanh {
    fn current(&self, u: f64) -> (f64, f64) {
        let cosh = (u / self.scale).cosh();
        let slope = self.limit / self.scale / (cosh * cosh);
        (self.limit * (u / self.scale).tanh(), slope)
    }

    /// I V ln cosh(u/V), written so that cosh does not overflow.
    fn co_content(&self, u: f64) -> f64 {
        let x = (u / self.scale).abs();
        let ln_cosh = x + (-2.0 * x).exp().ln_1p() - std::f64::consts::LN_2;
        self.limit * self.scale * ln_cosh
    }

    fn current_limits(&self) -> (f64, f64) {
        (-self.limit, self.limit)
    }
}

impl Characteristic for PowerLaw {
    fn current(&self, u: f64) -> (f64, f64) {
        let (k, p) = (self.coefficient, self.exponent);
        let slope = k * p * u.abs().powf(p - 1.0);
        (k * u.abs().powf(p).copysign(u), slope)
    }

    fn co_content(&self, u: f64) -> f64 {
        self.coefficient / (self.exponent + 1.0) * u.abs().powf(self.exponent + 1.0)
    }
}

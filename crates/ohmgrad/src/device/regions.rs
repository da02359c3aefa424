//! Idealised diodes with breakdown, bends and limits.

use super::quadrature::integral;
use super::{Characteristic, positive};

/// LTspice's idealised diode: three straight lines, which parabolas may join, within limits.
///
/// ```text
/// r(u) = g_off u + (g_on - g_off) h(u - V_f, e) - (g_rev - g_off) h(-V_r - u, e_r)
/// h(x, e) = 0 for x <= 0;   x^2 / 2e for x <= e;   x - e/2 beyond
/// i = I tanh(r / I) for r >= 0,   I_r tanh(r / I_r) for r < 0
/// ```
///
/// A [`Diode`](super::Diode) is the same without breakdown, bends and limits, and may be ideal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegionDiode {
    /// V_f, in volt.
    pub forward_voltage: f64,
    /// g_on, in siemens; finite.
    pub on_conductance: f64,
    /// g_off, in siemens; at least 0 and below the other two.
    pub off_conductance: f64,
    /// e, the width of the bend beyond V_f, in volt; at least 0.
    pub bend: f64,
    /// I, in ampere; above 0, infinite without a limit.
    pub limit: f64,
    /// V_r, in volt: breakdown starts at -V_r. Infinite without breakdown.
    pub reverse_voltage: f64,
    /// g_rev, in siemens; finite.
    pub reverse_conductance: f64,
    /// e_r, the width of the bend beyond -V_r, in volt; at least 0.
    pub reverse_bend: f64,
    /// I_r, in ampere; above 0, infinite without a limit.
    pub reverse_limit: f64,
}

/// h(x, e), its slope and its integral.
fn bend(x: f64, width: f64) -> (f64, f64, f64) {
    if x <= 0.0 {
        (0.0, 0.0, 0.0)
    } else if x < width {
        (x * x / (2.0 * width), x / width, x * x * x / (6.0 * width))
    } else {
        let beyond = x - width;
        let area = width * width / 6.0 + 0.5 * beyond * (beyond + width);
        (x - 0.5 * width, 1.0, area)
    }
}

impl RegionDiode {
    pub(super) fn fault(&self) -> Option<String> {
        let finite = |what: &str, x: f64| {
            (!x.is_finite()).then(|| format!("its {what} is {x}, it must be finite"))
        };
        let limit = |what: &str, x: f64| {
            (x.is_nan() || x <= 0.0).then(|| format!("its {what} is {x} A, it must be above 0"))
        };
        let off = self.off_conductance;
        let above_off = |what: &str, g: f64| {
            (g <= off).then(|| {
                format!(
                    "its {what} conductance is {g} S, it must be above the off conductance, {off} S"
                )
            })
        };
        let order = || {
            let (forward, reverse) = (self.forward_voltage, self.reverse_voltage);
            (reverse.is_nan() || -reverse >= forward.min(0.0) || forward < 0.0).then(|| {
                format!("its breakdown voltage is {reverse} V and its forward voltage {forward} V: the one must be above 0, the other at least 0")
            })
        };
        finite("forward voltage", self.forward_voltage)
            .or_else(|| super::not_negative("off conductance", off, "S"))
            .or_else(|| positive("on conductance", self.on_conductance, "S"))
            .or_else(|| positive("breakdown conductance", self.reverse_conductance, "S"))
            .or_else(|| above_off("on", self.on_conductance))
            .or_else(|| above_off("breakdown", self.reverse_conductance))
            .or_else(|| super::not_negative("bend", self.bend, "V"))
            .or_else(|| super::not_negative("reverse bend", self.reverse_bend, "V"))
            .or_else(|| limit("limit", self.limit))
            .or_else(|| limit("reverse limit", self.reverse_limit))
            .or_else(order)
    }

    /// r(u), its slope and its integral from 0 V.
    fn unlimited(&self, u: f64) -> (f64, f64, f64) {
        let (on, off) = (self.on_conductance, self.off_conductance);
        let forward = bend(u - self.forward_voltage, self.bend);
        let reverse = bend(-self.reverse_voltage - u, self.reverse_bend);
        let (g, h) = (on - off, self.reverse_conductance - off);
        (
            off * u + g * forward.0 - h * reverse.0,
            off + g * forward.1 + h * reverse.1,
            0.5 * off * u * u + g * forward.2 + h * reverse.2,
        )
    }

    fn limit_at(&self, u: f64) -> f64 {
        if u < 0.0 {
            self.reverse_limit
        } else {
            self.limit
        }
    }
}

impl Characteristic for RegionDiode {
    fn current(&self, u: f64) -> (f64, f64) {
        let (current, slope, _) = self.unlimited(u);
        let limit = self.limit_at(u);
        if limit.is_infinite() {
            return (current, slope);
        }
        let cosh = (current / limit).cosh();
        (limit * (current / limit).tanh(), slope / (cosh * cosh))
    }

    fn co_content(&self, u: f64) -> f64 {
        if self.limit_at(u).is_infinite() {
            return self.unlimited(u).2;
        }
        let (forward, reverse) = (self.forward_voltage, -self.reverse_voltage);
        let corners = if u < 0.0 {
            [reverse - self.reverse_bend, reverse, 0.0]
        } else {
            [forward + self.bend, forward, 0.0]
        };
        // From u towards 0 V.
        let inside = |corner: &f64| corner.abs() < u.abs();
        let current = |u: f64| self.current(u).0;
        let (mut from, mut content) = (u, 0.0);
        for corner in corners.into_iter().filter(inside) {
            content -= integral(&current, from, corner);
            from = corner;
        }
        content
    }

    fn current_limits(&self) -> (f64, f64) {
        // A current that only leaks has a limit that is reached nowhere.
        let is_closed = self.reverse_voltage.is_infinite() && self.off_conductance == 0.0;
        let backwards = if is_closed { 0.0 } else { -self.reverse_limit };
        (backwards, self.limit)
    }
}

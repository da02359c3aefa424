//! The exponential diode.

use super::{Characteristic, load_line, not_negative, positive};

/// Boltzmann's constant over the elementary charge, in volt per kelvin: CODATA 2014, as ngspice has them, so that
/// the same netlist gives the same voltages (the exact values of the SI differ in the seventh digit).
const BOLTZMANN_OVER_CHARGE: f64 = 1.380_648_52e-23 / 1.602_176_620_8e-19;

/// A junction with the law of Shockley, as SPICE computes it, behind a series resistance.
///
/// ```text
/// i = I_s (exp(w / nV_t) - 1) + g_leak w            for w >= -3 nV_t
/// i = -I_s (1 + (3 nV_t / (e w))^3) + g_leak w      for w <  -3 nV_t   (SPICE's reverse tail)
/// u = w + R_s i
/// ```
///
/// `w` is the voltage across the junction. SPICE puts a conductance `gmin` of 1e-12 S beside every
/// junction; it is the `leakage` here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shockley {
    /// I_s, in ampere; above 0.
    pub saturation_current: f64,
    /// n V_t, in volt; above 0.
    pub thermal_voltage: f64,
    /// R_s, in ohm; at least 0.
    pub series_resistance: f64,
    /// g_leak, in siemens; at least 0.
    pub leakage: f64,
}

impl Shockley {
    /// A junction at 27 degrees Celsius with ideality factor 1, no series resistance and no leakage.
    pub fn new(saturation_current: f64) -> Shockley {
        Shockley {
            saturation_current,
            thermal_voltage: Shockley::thermal_voltage_at(300.15),
            series_resistance: 0.0,
            leakage: 0.0,
        }
    }

    /// V_t = k T / q in volt, at a temperature in kelvin.
    pub fn thermal_voltage_at(kelvin: f64) -> f64 {
        BOLTZMANN_OVER_CHARGE * kelvin
    }

    pub(super) fn fault(&self) -> Option<String> {
        positive("saturation current", self.saturation_current, "A")
            .or_else(|| positive("thermal voltage", self.thermal_voltage, "V"))
            .or_else(|| not_negative("series resistance", self.series_resistance, "ohm"))
            .or_else(|| not_negative("leakage", self.leakage, "S"))
    }

    /// Current through the junction and its slope at the junction's voltage w.
    pub(super) fn junction(&self, w: f64) -> (f64, f64) {
        let (saturation, nvt) = (self.saturation_current, self.thermal_voltage);
        let (current, slope) = if w >= -3.0 * nvt {
            let x = w / nvt;
            // Far from 0 nothing is lost by the difference, and `exp` is several times as fast.
            let grown = if x > 1.0 { x.exp() - 1.0 } else { x.exp_m1() };
            (saturation * grown, saturation / nvt * (grown + 1.0))
        } else {
            let tail = self.tail(w);
            (-saturation * (1.0 + tail), saturation * 3.0 * tail / w)
        };
        (current + self.leakage * w, slope + self.leakage)
    }

    /// (3 nV_t / (e w))^3, which is negative.
    fn tail(&self, w: f64) -> f64 {
        (3.0 * self.thermal_voltage / (std::f64::consts::E * w)).powi(3)
    }

    /// The junction's voltage w with w + r i(w) = x.
    fn junction_on_load_line(&self, x: f64, r: f64) -> f64 {
        if r == 0.0 || x == 0.0 || !x.is_finite() {
            return x;
        }
        let (saturation, nvt) = (self.saturation_current, self.thermal_voltage);
        if x < 0.0 {
            return load_line(|w| self.junction(w), x, r, (x, 0.0), x);
        }
        // i <= x / r, so that w is at most the voltage of that current: Newton's method descends from there.
        let top = x.min(nvt * (x / r / saturation).ln_1p());
        load_line(|w| self.junction(w), x, r, (0.0, top), top)
    }
}

impl Characteristic for Shockley {
    fn current(&self, u: f64) -> (f64, f64) {
        let (current, slope) = self.junction(self.junction_on_load_line(u, self.series_resistance));
        if slope.is_infinite() {
            // The junction's exponential is out of range: only the series resistance limits the current.
            return (current, 1.0 / self.series_resistance);
        }
        (current, slope / (1.0 + self.series_resistance * slope))
    }

    /// The co-content of the junction and of the series resistance, which carry the same current.
    fn co_content(&self, u: f64) -> f64 {
        let (saturation, nvt) = (self.saturation_current, self.thermal_voltage);
        let w = self.junction_on_load_line(u, self.series_resistance);
        let forward = |w: f64| saturation * (nvt * (w / nvt).exp_m1() - w);
        let corner = -3.0 * nvt;
        let junction = if w >= corner {
            forward(w)
        } else {
            // The integral of the tail t(w) = c / w^3 is -w t(w) / 2.
            let tail = |w: f64| saturation * (0.5 * w * self.tail(w) - w);
            forward(corner) + tail(w) - tail(corner)
        };
        let current = self.junction(w).0;
        let series = 0.5 * self.series_resistance * current * current;
        junction + 0.5 * self.leakage * w * w + series
    }

    fn current_limits(&self) -> (f64, f64) {
        let backwards = if self.leakage > 0.0 {
            f64::NEG_INFINITY
        } else {
            -self.saturation_current
        };
        (backwards, f64::INFINITY)
    }

    fn on_load_line(&self, x: f64, r: f64) -> f64 {
        if self.series_resistance == 0.0 {
            return self.junction_on_load_line(x, r);
        }
        let w = self.junction_on_load_line(x, r + self.series_resistance);
        w + self.series_resistance * self.junction(w).0
    }
}

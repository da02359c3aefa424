//! Junctions as real diodes have them: breakdown, recombination and high injection.

use super::quadrature::integral;
use super::{Characteristic, Shockley, load_line, positive};

/// A junction with what a [`Shockley`] diode leaves out, as SPICE computes it.
///
/// ```text
/// c = I_s (exp(w / nV_t) - 1) + i_r      for w >= -3 nV_t; i_r: recombination
/// c = SPICE's reverse tail + i_r - I_s (exp(-(w + V_b) / n_b V_t) - 1)_+     for w < -3 nV_t, with breakdown at -V_b
/// i = c / (1 + sqrt(c / I_kf)) + g_leak w                                    for c > 0: high injection
/// u = w + R_s i
/// ```
///
/// It is nondecreasing, where ngspice's law has small steps: there the breakdown starts with a step of less than
/// (nV_t / V_b)^3 I_s, the reverse knee with one of less than I_s, and the recombination current ends at -3 nV_t; here it goes
/// on, as in PSpice. All else agrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Junction {
    /// I_s, n V_t, R_s and g_leak.
    pub shockley: Shockley,
    /// Breakdown in reverse, if it has one.
    pub breakdown: Option<Breakdown>,
    /// Recombination in the depletion layer, if it matters.
    pub recombination: Option<Recombination>,
    /// I_kf, where high injection begins, in ampere; infinite without it.
    pub forward_knee: f64,
    /// I_kr, the same of the current in breakdown, in ampere; infinite without it.
    pub reverse_knee: f64,
}

/// The breakdown of a junction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breakdown {
    /// V_b, where the current in breakdown is I_s, in volt; at least 3 nV_t.
    pub voltage: f64,
    /// n_b V_t, in volt; above 0.
    pub thermal_voltage: f64,
}

/// The recombination current i_r = I_sr (exp(w / n_r V_t) - 1) ((1 - w / V_j)^2 + 0.005)^(m/2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recombination {
    /// I_sr, in ampere; above 0.
    pub saturation_current: f64,
    /// n_r V_t, in volt; above 0.
    pub thermal_voltage: f64,
    /// V_j, in volt; above 0.
    pub potential: f64,
    /// m, at least 0.
    pub grading: f64,
}

impl From<Shockley> for Junction {
    fn from(shockley: Shockley) -> Junction {
        Junction {
            shockley,
            breakdown: None,
            recombination: None,
            forward_knee: f64::INFINITY,
            reverse_knee: f64::INFINITY,
        }
    }
}

impl Recombination {
    /// What keeps the depletion layer's width above 0 at w = V_j.
    const REST: f64 = 0.005;

    /// i_r and its slope.
    fn current(&self, w: f64) -> (f64, f64) {
        let x = w / self.thermal_voltage;
        let away = 1.0 - w / self.potential;
        let square = away * away + Self::REST;
        let scaled = self.saturation_current * square.powf(0.5 * self.grading);
        // The width's slope over the width.
        let widening = -self.grading * away / (self.potential * square);
        let slope = x.exp() * (1.0 / self.thermal_voltage + widening) - widening;
        (scaled * x.exp_m1(), scaled * slope)
    }

    /// The width of the layer shrinks by at most m / (2 sqrt(0.005) V_j) per volt, relative; the exponential grows by at least
    /// 1 / n_r V_t. Together they grow if the latter is more.
    fn fault(&self) -> Option<String> {
        let range = || {
            let ok = self.grading >= 0.0 && self.grading.is_finite();
            (!ok).then(|| {
                format!(
                    "its grading coefficient is {}, it must be at least 0",
                    self.grading
                )
            })
        };
        let falls = || {
            let steepest = 0.5 * self.grading / (Self::REST.sqrt() * self.potential);
            (steepest * self.thermal_voltage > 1.0).then(|| {
                "its recombination current falls near the junction potential: NR or M are too large, or VJ too small".to_owned()
            })
        };
        positive("recombination current", self.saturation_current, "A")
            .or_else(|| {
                positive(
                    "thermal voltage of recombination",
                    self.thermal_voltage,
                    "V",
                )
            })
            .or_else(|| positive("junction potential", self.potential, "V"))
            .or_else(range)
            .or_else(falls)
    }
}

/// c / (1 + sqrt(c / knee)) of a current c >= 0, and its slope.
fn bent(current: f64, knee: f64) -> (f64, f64) {
    if current.is_infinite() {
        return (current, 1.0);
    }
    let root = (current / knee).sqrt();
    (
        current / (1.0 + root),
        (1.0 + 0.5 * root) / ((1.0 + root) * (1.0 + root)),
    )
}

impl Junction {
    pub(super) fn fault(&self) -> Option<String> {
        let nvt = self.shockley.thermal_voltage;
        let knee = |what: &str, knee: f64| {
            (knee.is_nan() || knee <= 0.0)
                .then(|| format!("its {what} is {knee} A, it must be above 0"))
        };
        let breakdown = |breakdown: Breakdown| {
            let Breakdown {
                voltage,
                thermal_voltage,
            } = breakdown;
            let low = || {
                (!voltage.is_finite() || voltage < 3.0 * nvt).then(|| {
                    format!(
                        "its breakdown starts at {voltage} V, it must be finite and at least {} V, three times n V_t",
                        3.0 * nvt
                    )
                })
            };
            positive("thermal voltage of breakdown", thermal_voltage, "V").or_else(low)
        };
        self.shockley
            .fault()
            .or_else(|| self.breakdown.and_then(breakdown))
            .or_else(|| self.recombination.and_then(|r| r.fault()))
            .or_else(|| knee("knee current", self.forward_knee))
            .or_else(|| knee("reverse knee current", self.reverse_knee))
    }

    /// The current of breakdown alone, positive, at the junction's voltage w, and its slope.
    fn breakdown(&self, w: f64) -> (f64, f64) {
        match self.breakdown {
            Some(b) if w < -b.voltage => {
                let x = -(w + b.voltage) / b.thermal_voltage;
                let saturation = self.shockley.saturation_current;
                let current = saturation * x.exp_m1();
                (current, -saturation / b.thermal_voltage * x.exp())
            }
            _ => (0.0, 0.0),
        }
    }

    /// Current through the junction and its slope at the junction's voltage w.
    fn junction(&self, w: f64) -> (f64, f64) {
        let leakage = self.shockley.leakage;
        let pure = Shockley {
            leakage: 0.0,
            ..self.shockley
        };
        let (mut current, mut slope) = pure.junction(w);
        if let Some(recombination) = self.recombination {
            let (more, steeper) = recombination.current(w);
            current += more;
            slope += steeper;
        }
        if current > 0.0 && self.forward_knee.is_finite() {
            let (after, factor) = bent(current, self.forward_knee);
            current = after;
            slope *= factor;
        }
        let (back, steeper) = self.breakdown(w);
        if back > 0.0 {
            let (after, factor) = if self.reverse_knee.is_finite() {
                bent(back, self.reverse_knee)
            } else {
                (back, 1.0)
            };
            current -= after;
            slope -= factor * steeper;
        }
        (current + leakage * w, slope + leakage)
    }

    /// The junction's voltage w with w + r i(w) = x.
    fn junction_on_load_line(&self, x: f64, r: f64) -> f64 {
        if r == 0.0 || x == 0.0 || !x.is_finite() {
            return x;
        }
        // What c / (1 + sqrt(c / knee)) = i is below: Newton's method comes down from there.
        let before = |i: f64, knee: f64| (2.0 * i).max(4.0 * i * (i / knee));
        let Shockley {
            saturation_current: saturation,
            thermal_voltage: nvt,
            ..
        } = self.shockley;
        if x > 0.0 {
            let top = nvt * (before(x / r, self.forward_knee) / saturation).ln_1p();
            let top = x.min(top);
            return load_line(|w| self.junction(w), x, r, (0.0, top), top);
        }
        let bottom = self.breakdown.map_or(x, |b| {
            let current = before(-x / r, self.reverse_knee) / saturation;
            x.max(-b.voltage - b.thermal_voltage * current.ln_1p())
        });
        load_line(|w| self.junction(w), x, r, (bottom, 0.0), bottom)
    }
}

impl Characteristic for Junction {
    fn current(&self, u: f64) -> (f64, f64) {
        let r = self.shockley.series_resistance;
        let (current, slope) = self.junction(self.junction_on_load_line(u, r));
        if slope.is_infinite() {
            // An exponential is out of range: only the series resistance limits the current.
            return (current, 1.0 / r);
        }
        (current, slope / (1.0 + r * slope))
    }

    /// The co-content of the junction and of the series resistance, which carry the same current.
    fn co_content(&self, u: f64) -> f64 {
        let r = self.shockley.series_resistance;
        let w = self.junction_on_load_line(u, r);
        let current = |w: f64| self.junction(w).0;
        // Where the law changes its form.
        let corners = [
            self.breakdown.map(|b| -b.voltage),
            Some(-3.0 * self.shockley.thermal_voltage),
        ];
        let inside = |corner: &f64| *corner > w && *corner < 0.0;
        let mut from = w;
        let mut content = 0.0;
        for corner in corners.into_iter().flatten().filter(inside).chain([0.0]) {
            content -= integral(&current, from, corner);
            from = corner;
        }
        content + 0.5 * r * current(w) * current(w)
    }

    fn current_limits(&self) -> (f64, f64) {
        let saturation = self.shockley.saturation_current;
        let recombines = self.recombination.is_some_and(|r| r.grading > 0.0);
        let is_open = self.breakdown.is_none() && !recombines && self.shockley.leakage == 0.0;
        let recombination = self.recombination.map_or(0.0, |r| r.saturation_current);
        let backwards = if is_open {
            -saturation - recombination
        } else {
            f64::NEG_INFINITY
        };
        (backwards, f64::INFINITY)
    }

    fn on_load_line(&self, x: f64, r: f64) -> f64 {
        let series = self.shockley.series_resistance;
        let w = self.junction_on_load_line(x, r + series);
        if series == 0.0 {
            return w;
        }
        w + series * self.junction(w).0
    }
}

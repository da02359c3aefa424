//! Ideal diodes, and diodes with on and off conductances.

/// A diode made of two straight lines that meet at its forward voltage.
///
/// ```text
/// i = g_off u                            for u <= V_f
/// i = g_off V_f + g_on (u - V_f)         for u >= V_f
/// ```
///
/// With `g_off = 0` and `g_on` infinite it is ideal: it blocks below V_f, and u never exceeds V_f. These
/// are the laws of LTspice's idealised diode and of ngspice's `sidiode`, with g = 1/Ron and 1/Roff.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diode {
    /// V_f, in volt.
    pub forward_voltage: f64,
    /// g_on, in siemens; may be infinite.
    pub on_conductance: f64,
    /// g_off, in siemens; below `on_conductance`.
    pub off_conductance: f64,
}

impl Diode {
    /// The ideal diode with a forward voltage in volt.
    pub fn ideal(forward_voltage: f64) -> Diode {
        Diode {
            forward_voltage,
            on_conductance: f64::INFINITY,
            off_conductance: 0.0,
        }
    }

    /// The resistance that a conducting diode adds beyond its forward voltage, in ohm: 0 if it is ideal.
    pub(crate) fn series_resistance(&self) -> f64 {
        1.0 / (self.on_conductance - self.off_conductance)
    }

    pub(super) fn fault(&self) -> Option<String> {
        let (on, off) = (self.on_conductance, self.off_conductance);
        if !self.forward_voltage.is_finite() {
            let voltage = self.forward_voltage;
            return Some(format!(
                "its forward voltage is {voltage} V, it must be finite"
            ));
        }
        super::not_negative("off conductance", off, "S").or_else(|| {
            (on.is_nan() || on <= off).then(|| {
                format!(
                    "its on conductance is {on} S, it must be above the off conductance, {off} S"
                )
            })
        })
    }
}

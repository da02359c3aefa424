//! Proof that a state is the operating point of a circuit.
//!
//! The certificate is computed from the circuit, the potentials of its nodes and the currents of its
//! elements alone. It shares no code with the solvers. Convexity makes it sufficient: a state that obeys the
//! laws of Kirchhoff and of all elements minimises the energy.

use crate::circuit::{Circuit, Element};
use crate::device::{Diode, Law};

/// No potential is known to better than this, relative to the largest, nor therefore any current.
const ROUNDING: f64 = 2.0 * f64::EPSILON;

/// By how much a state breaks each law, at most.
///
/// Currents are relative to the largest current in the circuit, voltages to the largest potential, source or
/// forward voltage (or to what the largest current needs through the largest conductance, if that is more). A
/// law of an element counts as obeyed as well as the closest point of its curve allows, in current
/// or in voltage: through 1 kS, the last digit of 1 V drives 0.1 pA.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Certificate {
    /// Kirchhoff's current law: the largest sum of currents into a node.
    pub kcl: f64,
    /// The laws of resistors, sources and curved elements.
    pub voltage_law: f64,
    /// The laws of diodes: voltage beyond the forward voltage, or current in reverse.
    pub diode: f64,
    /// The largest power that the ideal part of a diode takes up, |i (V_f - u)|, relative to the product of the
    /// largest current and voltage.
    pub complementarity: f64,
    /// Tellegen's theorem: the sum of all powers, relative to the sum of their sizes, or to the product of the
    /// largest current and voltage if that is more.
    pub power_balance: f64,
}

impl Certificate {
    /// Checks a state: `potentials` (volt) of all nodes, `currents` (ampere) of all elements.
    ///
    /// # Panics
    /// If there is not one potential per node and one current per element.
    pub fn check(circuit: &Circuit, potentials: &[f64], currents: &[f64]) -> Certificate {
        Certificate::check_and_dissipate(circuit, potentials, currents).0
    }

    /// The certificate, and the power that the elements other than sources take up, in watt.
    pub(super) fn check_and_dissipate(
        circuit: &Circuit,
        potentials: &[f64],
        currents: &[f64],
    ) -> (Certificate, f64) {
        assert_eq!(potentials.len(), circuit.node_names().len());
        assert_eq!(currents.len(), circuit.elements().len());
        let scale = Scale::of(circuit, potentials, currents);
        let mut certificate = Certificate::default();
        let (mut supplied, mut dissipated, mut size) = (0.0, 0.0, 0.0);
        let mut sums = vec![0.0; potentials.len()];
        for (element, &current) in circuit.elements().iter().zip(currents) {
            let [a, b] = element.nodes().map(|node| node.index());
            sums[a] -= current;
            sums[b] += current;
            let voltage = potentials[a] - potentials[b];
            let power = voltage * current;
            size += power.abs();
            match element.law() {
                Law::VoltageSource { .. } | Law::CurrentSource { .. } => supplied += power,
                _ => dissipated += power,
            }
            certificate.check_law(element.law(), voltage, current, &scale);
        }
        let largest = sums.iter().fold(0.0, |max, sum| worse(max, sum.abs()));
        certificate.kcl = relative(largest, scale.current);
        let size = size.max(scale.current * scale.voltage);
        certificate.power_balance = relative((supplied + dissipated).abs(), size);
        (certificate, dissipated)
    }

    /// The worst of its measures.
    pub fn worst(&self) -> f64 {
        let diodes = worse(self.diode, self.complementarity);
        [self.voltage_law, diodes, self.power_balance]
            .into_iter()
            .fold(self.kcl, worse)
    }

    /// Whether every measure is at most `tolerance`.
    pub fn passes(&self, tolerance: f64) -> bool {
        self.worst() <= tolerance
    }

    fn check_law(&mut self, law: &Law, voltage: f64, current: f64, scale: &Scale) {
        let in_volt = |difference: f64| relative(difference.abs(), scale.voltage);
        let in_ampere = |difference: f64| relative(difference.abs(), scale.current);
        let off = match law {
            Law::VoltageSource { voltage: wanted } => in_volt(voltage - wanted),
            Law::CurrentSource { current: wanted } => in_ampere(current - wanted),
            Law::Resistor { conductance } if conductance.is_infinite() => in_volt(voltage),
            Law::Resistor { conductance: g } => {
                // In ampere, or in volt (off / g), whichever is less.
                let off = (current - g * voltage).abs();
                let unit = scale.current.max(g * scale.voltage);
                if off <= self.voltage_law * unit {
                    return;
                }
                relative(off, unit)
            }
            Law::Diode(diode) => return self.check_diode(diode, voltage, current, scale),
            law => match law.characteristic() {
                Some(law) => {
                    let rounding = ROUNDING * scale.voltage;
                    let least = law.current(voltage - rounding).0;
                    let most = law.current(voltage + rounding).0;
                    let off = (current - most).max(least - current).max(0.0);
                    in_ampere(off).min(in_volt(off / law.current(voltage).1))
                }
                None => 0.0,
            },
        };
        self.voltage_law = worse(self.voltage_law, off);
    }

    /// A diode is a resistor g_off, and beside it an ideal diode behind its remaining on resistance.
    fn check_diode(&mut self, diode: &Diode, voltage: f64, current: f64, scale: &Scale) {
        let through = current - diode.off_conductance * voltage;
        let slack = diode.forward_voltage - (voltage - diode.series_resistance() * through);
        let beyond = relative((-slack).max(0.0), scale.voltage);
        let reverse = relative((-through).max(0.0), scale.current);
        self.diode = worse(self.diode, worse(beyond, reverse));
        let power = relative((through * slack).abs(), scale.voltage * scale.current);
        self.complementarity = worse(self.complementarity, power);
    }
}

/// What a circuit's currents and voltages are measured against.
struct Scale {
    current: f64,
    voltage: f64,
}

impl Scale {
    fn of(circuit: &Circuit, potentials: &[f64], currents: &[f64]) -> Scale {
        let largest = |values: &[f64]| values.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        let current = largest(currents);
        let (mut held, mut conductance) = (0.0f64, 0.0f64);
        for law in circuit.elements().iter().map(Element::law) {
            held = held.max(held_voltage(law).abs());
            conductance = conductance.max(law.largest_conductance());
        }
        // The least voltage that the current needs; where ideal diodes alone carry it, any will do.
        let needed = match conductance {
            0.0 => 1.0,
            g => current / g,
        };
        let voltage = largest(potentials).max(held).max(needed);
        Scale {
            current: current.max(ROUNDING * voltage * conductance),
            voltage,
        }
    }
}

fn held_voltage(law: &Law) -> f64 {
    match law {
        Law::VoltageSource { voltage } => *voltage,
        Law::Diode(diode) => diode.forward_voltage,
        _ => 0.0,
    }
}

/// `difference / scale`, and 0 where both are 0.
fn relative(difference: f64, scale: f64) -> f64 {
    if difference == 0.0 {
        return 0.0;
    }
    difference / scale
}

/// The larger number, or NaN if either is.
fn worse(a: f64, b: f64) -> f64 {
    if a >= b || a.is_nan() { a } else { b }
}

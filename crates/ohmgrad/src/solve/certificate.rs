//! Proof that a state is the operating point of a circuit.
//!
//! The certificate is computed from the circuit, the potentials of its nodes and the currents of its
//! elements alone. It shares no code with the solvers. Convexity makes it sufficient: a state that obeys the
//! laws of Kirchhoff and of all elements minimises the energy.

use crate::circuit::{Circuit, Element};
use crate::device::{Characteristic, Diode, Law};

/// No potential is known to better than this, relative to the largest, nor therefore any current.
const ROUNDING: f64 = 2.0 * f64::EPSILON;

/// By how much a state breaks each law, at most.
///
/// Currents are relative to the largest current in the circuit, voltages to the largest potential, source or
/// forward voltage (or to what the largest current needs through the largest conductance, if that is more). The
/// laws of resistors, and of each curved element, count as obeyed as well in current or in voltage,
/// whichever is better: through 1 kS, the last digit of 1 V drives 0.1 pA.
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
        let node = |potential: &f64| Node {
            potential: *potential,
            sums: [0.0; 2],
        };
        let mut nodes: Vec<Node> = potentials.iter().map(node).collect();
        let mut elements = circuit.elements().iter().zip(currents);
        let mut tally = Tally::default();
        let mut curves = Vec::new();
        while let Some((element, &current)) = tally.add_resistors(&mut elements, &mut nodes) {
            let (law, voltage) = (element.law(), voltage(&nodes, element));
            pass(&mut nodes, element, current, 0);
            tally.add(law, voltage, current);
            curves.extend(law.characteristic().map(|law| CurvePoint {
                law,
                voltage,
                current,
            }));
        }
        let scale = Scale::of(&tally, largest(potentials.iter().copied()));
        let mut certificate = tally.certificate(&scale);
        let missing = largest(nodes.iter().map(Node::current));
        certificate.kcl = relative(missing, scale.current);
        for curve in curves {
            certificate.voltage_law = worse(certificate.voltage_law, curve.miss(&scale));
        }
        (certificate, tally.dissipated)
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
}

/// A node, and the current into it: two sums, taken in turn, so that no addition waits for the one before.
#[derive(Clone, Copy)]
struct Node {
    potential: f64,
    sums: [f64; 2],
}

impl Node {
    fn current(&self) -> f64 {
        self.sums[0] + self.sums[1]
    }
}

/// The voltage of an element.
#[inline]
fn voltage(nodes: &[Node], element: &Element) -> f64 {
    let [a, b] = element.nodes().map(|node| nodes[node.index()]);
    a.potential - b.potential
}

/// Takes a current out of one node and into another.
#[inline]
fn pass(nodes: &mut [Node], element: &Element, current: f64, turn: usize) {
    let [a, b] = element.nodes().map(|node| node.index());
    nodes[a].sums[turn % 2] -= current;
    nodes[b].sums[turn % 2] += current;
}

/// What a pass over elements finds, in ampere, volt, watt and siemens.
#[derive(Clone, Copy, Default)]
struct Tally {
    supplied: f64,
    dissipated: f64,
    /// Sum of the sizes of all powers.
    size: f64,
    largest_current: f64,
    /// The largest voltage of a source, or forward voltage.
    largest_held: f64,
    largest_conductance: f64,
    /// By how much voltage and current sources, and shorts, miss their values.
    sources: Miss,
    resistors: Miss,
    /// Voltage beyond the forward voltage of a diode, and current in reverse.
    diodes: Miss,
    /// Power that the ideal part of a diode takes up.
    power: f64,
}

/// By how much a law is missed at most, in current and in voltage.
#[derive(Clone, Copy, Default)]
struct Miss {
    ampere: f64,
    volt: f64,
}

/// What a circuit's currents and voltages are measured against.
struct Scale {
    current: f64,
    voltage: f64,
}

/// The state of a curved element.
struct CurvePoint<'c> {
    law: &'c dyn Characteristic,
    voltage: f64,
    current: f64,
}

impl Tally {
    /// Adds resistors, up to an element that is none, or that misses its law by more than those before; it is
    /// returned, and not added. Most elements of every circuit pass here: a loop without a call keeps
    /// the tally in registers.
    #[inline(never)]
    fn add_resistors<'c>(
        &mut self,
        elements: &mut impl Iterator<Item = (&'c Element, &'c f64)>,
        nodes: &mut [Node],
    ) -> Option<(&'c Element, &'c f64)> {
        let mut tally = *self;
        let mut other = None;
        for (turn, (element, current)) in elements.enumerate() {
            let voltage = voltage(nodes, element);
            match element.law() {
                Law::Resistor { conductance: g }
                    if (current - g * voltage).abs() <= self.resistors.volt * g
                        && *g <= f64::MAX =>
                {
                    pass(nodes, element, *current, turn);
                    tally.add_resistor(*g, voltage, *current);
                }
                _ => {
                    other = Some((element, current));
                    break;
                }
            }
        }
        *self = tally;
        other
    }

    /// Adds a resistor, but for what it misses in volt.
    #[inline]
    fn add_resistor(&mut self, conductance: f64, voltage: f64, current: f64) {
        self.add_power(voltage, current);
        self.dissipated += voltage * current;
        raise(&mut self.largest_conductance, conductance);
        raise(
            &mut self.resistors.ampere,
            (current - conductance * voltage).abs(),
        );
    }

    #[inline]
    fn add_power(&mut self, voltage: f64, current: f64) {
        raise(&mut self.largest_current, current.abs());
        self.size += (voltage * current).abs();
    }

    /// Adds an element. What a curved one misses is not known before the scale.
    fn add(&mut self, law: &Law, voltage: f64, current: f64) {
        if let Law::Resistor { conductance } = law
            && conductance.is_finite()
        {
            let off = (current - conductance * voltage).abs();
            raise(&mut self.resistors.volt, off / conductance);
            return self.add_resistor(*conductance, voltage, current);
        }
        self.add_power(voltage, current);
        raise(&mut self.largest_conductance, law.largest_conductance());
        match law {
            Law::VoltageSource { .. } | Law::CurrentSource { .. } => {
                self.supplied += voltage * current;
            }
            _ => self.dissipated += voltage * current,
        }
        match law {
            Law::VoltageSource { voltage: wanted } => {
                raise(&mut self.largest_held, wanted.abs());
                raise(&mut self.sources.volt, (voltage - wanted).abs());
            }
            Law::CurrentSource { current: wanted } => {
                raise(&mut self.sources.ampere, (current - wanted).abs());
            }
            Law::Resistor { .. } => raise(&mut self.sources.volt, voltage.abs()),
            Law::Diode(diode) => self.add_diode(diode, voltage, current),
            _ => (),
        }
    }

    /// A diode is a resistor g_off, and beside it an ideal diode behind its remaining on resistance.
    fn add_diode(&mut self, diode: &Diode, voltage: f64, current: f64) {
        let through = current - diode.off_conductance * voltage;
        let slack = diode.forward_voltage - (voltage - diode.series_resistance() * through);
        raise(&mut self.largest_held, diode.forward_voltage.abs());
        raise(&mut self.diodes.volt, -slack);
        raise(&mut self.diodes.ampere, -through);
        raise(&mut self.power, (through * slack).abs());
    }

    /// All but the current law and the laws of curved elements.
    fn certificate(&self, scale: &Scale) -> Certificate {
        let in_ampere = |miss: Miss| relative(miss.ampere, scale.current);
        let in_volt = |miss: Miss| relative(miss.volt, scale.voltage);
        let both = |miss: Miss| worse(in_ampere(miss), in_volt(miss));
        let resistors = in_ampere(self.resistors).min(in_volt(self.resistors));
        let all = scale.current * scale.voltage;
        let unbalanced = (self.supplied + self.dissipated).abs();
        Certificate {
            kcl: 0.0,
            voltage_law: worse(both(self.sources), resistors),
            diode: both(self.diodes),
            complementarity: relative(self.power, all),
            power_balance: relative(unbalanced, self.size.max(all)),
        }
    }
}

impl Scale {
    fn of(tally: &Tally, potential: f64) -> Scale {
        // The least voltage that the current needs; where ideal diodes alone carry it, any will do.
        let needed = match tally.largest_conductance {
            0.0 => 1.0,
            g => tally.largest_current / g,
        };
        let voltage = potential.max(tally.largest_held).max(needed);
        let rounding = ROUNDING * voltage * tally.largest_conductance;
        Scale {
            current: tally.largest_current.max(rounding),
            voltage,
        }
    }
}

impl CurvePoint<'_> {
    /// By how much the law is missed, in current or in voltage, whichever is less.
    fn miss(&self, scale: &Scale) -> f64 {
        let rounding = ROUNDING * scale.voltage;
        let least = self.law.current(self.voltage - rounding).0;
        let most = self.law.current(self.voltage + rounding).0;
        let off = (self.current - most).max(least - self.current).max(0.0);
        let slope = self.law.current(self.voltage).1;
        relative(off, scale.current).min(relative(off / slope, scale.voltage))
    }
}

/// Raises a maximum. It passes over what is not a number, which the sums keep.
fn raise(largest: &mut f64, value: f64) {
    if value > *largest {
        *largest = value;
    }
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |max, value| worse(max, value.abs()))
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

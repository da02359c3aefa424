//! How well a state obeys the laws of a circuit, each at its own scale.
//!
//! The certificate is computed from the circuit, the potentials of its nodes and the currents of its
//! elements alone. It shares no code with the solvers. Convexity makes it sufficient: a state that obeys the
//! laws of Kirchhoff and of all elements minimises the energy. Of a circuit with controlled sources it proves that these laws hold
//! at the state, but not that there is no other such state.
//!
//! Every law is measured where it holds: the current law of a node against the currents at that node, the law of an
//! element against its own current and voltage. A scale for the whole circuit would let microamperes be wrong beside
//! amperes. What has no scale of its own is measured against the largest voltage of a source or forward voltage, never
//! against the state: a wrong state with huge currents must not make its own faults look small.
//!
//! Only 1e-22 of the largest current in the circuit is no current anywhere.
//!
//! Potentials are given as rounded numbers, and so are known to a few last digits only; what these digits are worth in a
//! law does not count. A small residual is no small error: a node behind a large resistance moves far for little current.
//! How far off the potentials may be is told by [`Solution::accuracy`](super::Solution::accuracy).

use crate::circuit::{Circuit, Control, Element, ElementId};
use crate::device::{Characteristic, Diode, Law};

/// No potential is known to better than this, relative to itself.
const ROUNDING: f64 = 2.0 * f64::EPSILON;

/// Of the largest current or voltage that sources can drive, this is no current and no voltage.
const NOISE: f64 = 1e-22;

/// By how much a state breaks each law, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Certificate {
    /// Kirchhoff's current law: the largest sum of currents into a node, relative to the current through the node, which is
    /// half the sum of their magnitudes.
    pub kcl: f64,
    /// The laws of resistors, sources and nonlinear elements, relative to their own currents or voltages.
    pub voltage_law: f64,
    /// The laws of diodes: voltage beyond the forward voltage, relative to the largest voltage of a source or forward
    /// voltage, or current in reverse, relative to the currents at its nodes.
    pub diode: f64,
    /// Of the current through the ideal part of a diode and its slack, V_f - u, the one that is less at its scale.
    pub complementarity: f64,
    /// Tellegen's theorem: the sum of all powers, relative to the sum of their sizes.
    pub power_balance: f64,
}

/// What a check finds besides the certificate.
pub(super) struct Checked {
    pub(super) certificate: Certificate,
    /// Power that the elements other than sources take up, in watt.
    pub(super) dissipated: f64,
    /// The largest voltage of a source, or forward voltage; or else the least that the currents need; in volt.
    pub(super) held: f64,
}

impl Certificate {
    /// Checks a state: `potentials` (volt) of all nodes, `currents` (ampere) of all elements.
    ///
    /// # Panics
    /// If there is not one potential per node and one current per element.
    pub fn check(circuit: &Circuit, potentials: &[f64], currents: &[f64]) -> Certificate {
        Certificate::check_all(circuit, potentials, currents).certificate
    }

    pub(super) fn check_all(circuit: &Circuit, potentials: &[f64], currents: &[f64]) -> Checked {
        assert_eq!(potentials.len(), circuit.node_names().len());
        assert_eq!(currents.len(), circuit.elements().len());
        let node = |potential: &f64| Node {
            potential: *potential,
            ..Node::default()
        };
        let mut check = Check {
            nodes: potentials.iter().map(node).collect(),
            ..Check::default()
        };
        let late = check.add_all(circuit, currents);
        check.find_scales();
        let elements = circuit.elements();
        for k in late {
            check.measure(&elements[k as usize], currents[k as usize]);
        }
        for (id, control) in circuit.controls() {
            check.measure_controlled(circuit, *id, *control, currents);
        }
        check.measure_nodes(circuit);
        Checked {
            certificate: check.certificate,
            dissipated: check.dissipated,
            held: check.held,
        }
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

/// A node, and the currents into it: two sums, taken in turn, so that few additions wait for the one before.
#[derive(Clone, Copy, Default)]
struct Node {
    potential: f64,
    sums: [Sum; 2],
}

/// The sum of currents, what rounding has taken from it, and the sum of their magnitudes.
#[derive(Clone, Copy, Default)]
struct Sum {
    sum: f64,
    rest: f64,
    size: f64,
}

impl Node {
    fn size(&self) -> f64 {
        self.sums[0].size + self.sums[1].size
    }

    /// The current that is missing.
    fn missing(&self) -> f64 {
        let [a, b] = self.sums;
        let (sum, error) = exact_sum(a.sum, b.sum);
        sum + (error + a.rest + b.rest)
    }
}

impl Sum {
    /// Adds a current, without losing its last digits.
    #[inline]
    fn add(&mut self, current: f64) {
        let (sum, error) = exact_sum(self.sum, current);
        self.sum = sum;
        self.rest += error;
        self.size += current.abs();
    }
}

/// A check on its way, in ampere, volt, watt and siemens.
#[derive(Default)]
struct Check {
    nodes: Vec<Node>,
    certificate: Certificate,
    supplied: f64,
    dissipated: f64,
    /// Sum of the sizes of all powers.
    power: f64,
    /// The largest voltage of a source, or forward voltage; or else the least that the currents need.
    held: f64,
    /// Voltages that are no larger are rounding errors.
    noise: f64,
    /// The largest current of a source, or of a curve at 0 V.
    driven: f64,
    /// The largest finite conductance.
    conductance: f64,
    /// Less than this is no current.
    faint: f64,
}

/// The state of an element.
struct Point {
    voltage: f64,
    current: f64,
    /// What the rounding of the potentials is worth in its voltage.
    rounding: f64,
    /// The currents at its nodes, the lesser sum.
    around: f64,
    /// Less than this is no current.
    faint: f64,
}

impl Check {
    /// Adds all elements; those whose laws are to be measured once the scales are known.
    fn add_all(&mut self, circuit: &Circuit, currents: &[f64]) -> Vec<u32> {
        let elements = circuit.elements();
        let mut late = Vec::new();
        let mut next = 0;
        loop {
            next += self.add_resistors(&elements[next..], &currents[next..]);
            let Some(element) = elements.get(next) else {
                return late;
            };
            late.push(next as u32);
            self.add_other(element, currents[next]);
            next += 1;
        }
    }

    /// Adds resistors that obey their law, up to the first element that is none; their number. Most elements of every circuit
    /// pass here: a loop without a call keeps what they add up to in registers.
    #[inline(never)]
    fn add_resistors(&mut self, elements: &[Element], currents: &[f64]) -> usize {
        let (mut size, mut dissipated, mut largest) = (0.0, 0.0, self.conductance);
        let mut count = 0;
        for (element, &current) in elements.iter().zip(currents) {
            let [a, b] = element.nodes().map(|node| node.index());
            let (from, to) = (self.nodes[a].potential, self.nodes[b].potential);
            let voltage = from - to;
            let rounding = ROUNDING * (from.abs() + to.abs());
            match element.law() {
                Law::Resistor { conductance: g }
                    if (current - g * voltage).abs() <= g * rounding && *g <= f64::MAX =>
                {
                    let power = voltage * current;
                    size += power.abs();
                    dissipated += power;
                    largest = if *g > largest { *g } else { largest };
                    self.nodes[a].sums[count % 2].add(-current);
                    self.nodes[b].sums[count % 2].add(current);
                    count += 1;
                }
                _ => break,
            }
        }
        self.power += size;
        self.dissipated += dissipated;
        self.conductance = largest;
        count
    }

    /// Adds an element, and the scales that its value sets.
    fn add_other(&mut self, element: &Element, current: f64) {
        let law = element.law();
        let [a, b] = element.nodes().map(|node| node.index());
        let power = (self.nodes[a].potential - self.nodes[b].potential) * current;
        self.power += power.abs();
        self.nodes[a].sums[0].add(-current);
        self.nodes[b].sums[0].add(current);
        self.conductance = self.conductance.max(law.largest_conductance());
        match law {
            Law::VoltageSource { voltage } => self.held = self.held.max(voltage.abs()),
            Law::CurrentSource { current } => self.driven = self.driven.max(current.abs()),
            Law::Diode(diode) => self.held = self.held.max(diode.forward_voltage.abs()),
            // What a curve carries at 0 V, it drives as a source does.
            law => {
                let at_rest = law.characteristic().map_or(0.0, |law| law.current(0.0).0);
                self.driven = self.driven.max(at_rest.abs());
            }
        }
        match law {
            Law::VoltageSource { .. }
            | Law::CurrentSource { .. }
            | Law::ControlledVoltage { .. }
            | Law::ControlledCurrent { .. } => self.supplied += power,
            _ => self.dissipated += power,
        }
    }

    /// What is large and what is small, once all elements are added.
    fn find_scales(&mut self) {
        if self.held == 0.0 {
            // What the currents need at least; where nothing resists them, any voltage will do.
            self.held = match self.conductance > 0.0 {
                true => self.driven / self.conductance,
                false => 1.0,
            };
        }
        self.noise = NOISE * self.held;
        let sizes = self.nodes.iter().map(Node::size);
        let drivable = self.held * self.conductance + self.driven;
        self.faint = NOISE * sizes.fold(1e-2 * drivable, f64::max);
    }

    /// Measures the law of an element.
    fn measure(&mut self, element: &Element, current: f64) {
        let [a, b] = element.nodes().map(|node| self.nodes[node.index()]);
        let ends = a.potential.abs() + b.potential.abs();
        let point = Point {
            voltage: a.potential - b.potential,
            current,
            rounding: ROUNDING * ends + self.noise,
            around: a.size().min(b.size()).max(self.faint),
            faint: self.faint,
        };
        let scale = self.held;
        let certificate = &mut self.certificate;
        match element.law() {
            Law::Diode(diode) => {
                let (broken, both) = point.miss_of_diode(diode, scale);
                certificate.diode = worse(certificate.diode, broken);
                certificate.complementarity = worse(certificate.complementarity, both);
            }
            law => {
                let miss = match law {
                    Law::VoltageSource { voltage } if *voltage != 0.0 => {
                        point.miss_of_voltage(*voltage, voltage.abs())
                    }
                    Law::Resistor { conductance } if conductance.is_finite() => {
                        point.miss_of_resistor(*conductance)
                    }
                    Law::VoltageSource { .. } | Law::Resistor { .. } => {
                        point.miss_of_voltage(0.0, scale)
                    }
                    Law::CurrentSource { current } => relative(
                        (point.current - current).abs(),
                        current.abs().max(point.around),
                    ),
                    law => law
                        .characteristic()
                        .map_or(0.0, |law| point.miss_of_curve(law)),
                };
                certificate.voltage_law = worse(certificate.voltage_law, miss);
            }
        }
    }

    /// Measures the law of a controlled source against its own voltage or current.
    fn measure_controlled(
        &mut self,
        circuit: &Circuit,
        id: ElementId,
        control: Control,
        currents: &[f64],
    ) {
        let potential = |node: crate::circuit::NodeId| self.nodes[node.index()].potential;
        let [a, b] = circuit[id].nodes().map(potential);
        let (x, rounding) = match control {
            Control::Voltage(nodes) => {
                let [c, d] = nodes.map(potential);
                (c - d, ROUNDING * (c.abs() + d.abs()) + self.noise)
            }
            Control::Current(source) => {
                let x = currents[source.index()];
                (x, ROUNDING * x.abs() + self.faint)
            }
        };
        let (own, own_rounding, gain) = match circuit[id].law() {
            Law::ControlledVoltage { gain } => {
                (a - b, ROUNDING * (a.abs() + b.abs()) + self.noise, *gain)
            }
            Law::ControlledCurrent { gain } => (currents[id.index()], self.faint, *gain),
            _ => return,
        };
        let wanted = gain * x;
        let off = (own - wanted).abs() - own_rounding - gain.abs() * rounding;
        let miss = relative(at_least_0(off), own.abs().max(wanted.abs()));
        self.certificate.voltage_law = worse(self.certificate.voltage_law, miss);
    }

    /// Measures the current law of the nodes, and the balance of power.
    fn measure_nodes(&mut self, circuit: &Circuit) {
        let faint = 10.0 * self.faint;
        let missed: Vec<(usize, f64)> =
            (self.nodes.iter().map(|node| node.missing().abs() - faint))
                .enumerate()
                .filter(|(_, off)| off.is_nan() || *off > 0.0)
                .collect();
        // The least current that the conductances at a node tell from none. Most nodes carry more than any could be.
        let step = ROUNDING * self.held;
        let most = step * self.conductance * circuit.elements().len() as f64;
        let is_faint = |(node, _): &(usize, f64)| 0.5 * self.nodes[*node].size() < most;
        let conductances = match missed.iter().any(is_faint) {
            true => conductances(circuit),
            false => vec![0.0; self.nodes.len()],
        };
        for (node, off) in missed {
            let size = (0.5 * self.nodes[node].size()).max(step * conductances[node]);
            self.certificate.kcl = worse(self.certificate.kcl, relative(off, size));
        }
        let largest = self.nodes.iter().map(Node::size).fold(0.0, worse);
        // By as much as the current law is missed, power is.
        let volts: f64 = self.nodes.iter().map(|node| node.potential.abs()).sum();
        let unbalanced = (self.supplied + self.dissipated).abs() - faint * volts;
        let size = self.power.max(ROUNDING * largest * self.held);
        self.certificate.power_balance = relative(at_least_0(unbalanced), size);
    }
}

impl Point {
    fn miss_of_resistor(&self, conductance: f64) -> f64 {
        let wanted = conductance * self.voltage;
        let off = (self.current - wanted).abs() - conductance * self.rounding;
        relative(at_least_0(off), self.current.abs().max(wanted.abs()))
    }

    fn miss_of_voltage(&self, wanted: f64, scale: f64) -> f64 {
        let off = (self.voltage - wanted).abs() - self.rounding;
        relative(at_least_0(off), scale)
    }

    /// A diode is a resistor g_off, and beside it an ideal diode behind its remaining on resistance: by how much its
    /// bounds are broken, and by how much neither current nor slack is 0.
    fn miss_of_diode(&self, diode: &Diode, scale: f64) -> (f64, f64) {
        let resistance = diode.series_resistance();
        let through = self.current - diode.off_conductance * self.voltage;
        let digits = diode.off_conductance * self.rounding
            + f64::EPSILON * (self.current.abs() + through.abs());
        let slack = diode.forward_voltage - (self.voltage - resistance * through);
        let rounding = self.rounding
            + f64::EPSILON * (diode.forward_voltage.abs() + resistance * through.abs());
        let in_ampere = |off: f64| relative(at_least_0(off - digits - self.faint), self.around);
        let in_volt = |off: f64| relative(at_least_0(off - rounding), scale);
        let broken = worse(in_volt(-slack), in_ampere(-through));
        let (current, slack) = (in_ampere(through.abs()), in_volt(slack.abs()));
        (broken, if current <= slack { current } else { slack })
    }

    /// By how much the law is missed, in current or in voltage, whichever is less.
    fn miss_of_curve(&self, law: &dyn Characteristic) -> f64 {
        let least = law.current(self.voltage - self.rounding).0;
        let most = law.current(self.voltage + self.rounding).0;
        let (wanted, slope) = law.current(self.voltage);
        let digits = 2.0 * law.rounding(self.voltage);
        let off = (self.current - most).max(least - self.current) - digits - self.faint;
        let off = at_least_0(off);
        let own = self.current.abs().max(wanted.abs());
        let in_ampere = relative(off, own);
        let in_volt = relative(off / slope, self.voltage.abs());
        if in_volt < in_ampere {
            in_volt
        } else {
            in_ampere
        }
    }
}

/// The sums of the conductances at the nodes, in siemens.
fn conductances(circuit: &Circuit) -> Vec<f64> {
    let mut sums = vec![0.0; circuit.node_names().len()];
    for element in circuit.elements() {
        let conductance = match element.law() {
            Law::Resistor { conductance } if conductance.is_finite() => *conductance,
            Law::Diode(diode) => diode.off_conductance,
            _ => continue,
        };
        for node in element.nodes() {
            sums[node.index()] += conductance;
        }
    }
    sums
}

/// a + b as a rounded sum and its rounding error (Knuth).
#[inline]
fn exact_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let added = sum - a;
    (sum, (a - (sum - added)) + (b - added))
}

/// The larger of a number and 0; what is not a number stays so.
fn at_least_0(x: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { x }
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

//! The equations of a circuit: Kirchhoff's current law at every node, and the law of every branch.
//!
//! The unknowns are the potentials of all nodes but ground and, of every element whose current its voltage does not give
//! (sources, shorts, diodes, curves: the *branches*), y = r i, with the current i and a resistance r of about what the element
//! sees. So all unknowns are in volt. The equations are scaled to volt as well: the current law of a node by the largest conductance at it.
//!
//! A curve is seen through a load line: a point (u, i) that need not lie on it belongs to the point (u*, i*) of the
//! curve with u* + r i* = u + r i, and
//!
//! ```text
//! F = u - u*,        dF = (1 - s) du - s dy,        s = 1 / (1 + r i'(u*))
//! ```
//!
//! is its equation. As i(u) does not fall, u* moves no further than u + r i does: whatever the curve, F has slopes between 0
//! and 1, and an exponential is as tame as an ideal diode, for which u* = min(u + y, V_f) and s is 0 or 1.

use std::collections::HashSet;

use super::lu::Pattern;
use super::structure::hash;
use crate::circuit::{Circuit, Control, ElementId, NodeId};
use crate::device::{Characteristic, Diode, Law};
use crate::presolve::Double;

/// A small conductance from every node to ground and a small resistance in every branch, relative to the largest at hand. They
/// keep the matrix regular where the circuit leaves something open; the equations that are solved do not have them.
pub(super) const REGULARIZATION: f64 = 1e-15;

/// A term `factor * x[unknown]` of an equation.
#[derive(Clone, Copy)]
struct Entry {
    row: usize,
    unknown: usize,
    factor: f64,
}

/// The equation of a branch.
pub(super) enum Equation<'c> {
    /// A straight line, which is among the linear entries.
    Linear,
    /// A diode of two straight lines.
    Diode(&'c Diode),
    /// A curve.
    Curve(&'c dyn Characteristic),
}

/// An element with an unknown current.
pub(super) struct Branch<'c> {
    pub(super) element: usize,
    /// The unknowns of its nodes; none for ground.
    pub(super) ends: [Option<usize>; 2],
    /// r, in ohm.
    pub(super) resistance: f64,
    pub(super) equation: Equation<'c>,
}

/// A branch at a state.
#[derive(Clone, Copy, Default)]
pub(super) struct Bent {
    /// F, in volt.
    pub(super) off: f64,
    /// s.
    pub(super) share: f64,
}

/// Capacitors beside all bent branches, in a step of implicit Euler from a state before: each carries `rate` times the change
/// of its voltage, in units of 1 / r.
pub(super) struct Charging {
    pub(super) rate: f64,
    pub(super) before: Vec<Double>,
}

impl Charging {
    /// No capacitors.
    pub(super) fn none() -> Charging {
        Charging {
            rate: 0.0,
            before: Vec::new(),
        }
    }
}

/// The equations.
pub(super) struct System<'c> {
    circuit: &'c Circuit,
    /// The number of nodes without ground; the unknowns of branches follow.
    pub(super) nodes: usize,
    pub(super) branches: Vec<Branch<'c>>,
    /// The branch of an element, if it is one.
    branch_of: Vec<Option<usize>>,
    linear: Vec<Entry>,
    /// What the equations have on their right sides.
    right: Vec<Double>,
    pub(super) pattern: Pattern,
    /// The places of the linear entries in the pattern, of the regularization, and of the bent branches.
    linear_places: Vec<usize>,
    diagonal: Vec<usize>,
    bent_places: Vec<[Option<usize>; 3]>,
    /// The largest conductance at each node, by which its current law is scaled.
    pub(super) scales: Vec<f64>,
}

impl<'c> System<'c> {
    /// The equations of a circuit. The nodes in `pinned` are held at 0 V, and the branches in `idle` (by elements) carry
    /// no current.
    pub(super) fn new(
        circuit: &'c Circuit,
        pinned: &[NodeId],
        idle: &HashSet<ElementId>,
    ) -> System<'c> {
        let (scales, branches) = (scales(circuit), branches(circuit));
        let nodes = circuit.node_names().len() - 1;
        let mut branch_of = vec![None; circuit.elements().len()];
        for (k, branch) in branches.iter().enumerate() {
            branch_of[branch.element] = Some(k);
        }
        let mut system = System {
            circuit,
            nodes,
            right: vec![Double::default(); nodes + branches.len()],
            branches,
            branch_of,
            linear: Vec::new(),
            pattern: Pattern::new(0, &[]).0,
            linear_places: Vec::new(),
            diagonal: Vec::new(),
            bent_places: Vec::new(),
            scales,
        };
        for (id, element) in circuit.element_ids().zip(circuit.elements()) {
            system.add(id, element.law(), idle.contains(&id));
        }
        for node in pinned {
            let row = node.index() - 1;
            system.put(row, Some(row), 1.0);
        }
        system.place();
        system
    }

    pub(super) fn unknowns(&self) -> usize {
        self.right.len()
    }

    /// The largest voltage that a source or a diode sets by itself.
    pub(super) fn drive(&self) -> f64 {
        let right = self.right.iter().map(|right| right.value().abs());
        let forward = self.branches.iter().map(|branch| match branch.equation {
            Equation::Diode(diode) => diode.forward_voltage.abs(),
            _ => 0.0,
        });
        right.chain(forward).fold(0.0, f64::max)
    }

    /// The equation of an element's own law, if its current is unknown.
    pub(super) fn equation_of(&self, element: ElementId) -> Option<usize> {
        self.branch_of[element.index()].map(|k| self.nodes + k)
    }

    /// The resistance by which the current is scaled whose law an equation is.
    pub(super) fn resistance_of(&self, equation: usize) -> f64 {
        self.branches[equation - self.nodes].resistance
    }

    /// The unknowns at a state.
    pub(super) fn state(&self, potentials: &[f64], currents: &[f64]) -> Vec<Double> {
        let nodes = potentials[1..].iter().copied();
        let branches = self.branches.iter();
        let branches = branches.map(|branch| branch.resistance * currents[branch.element]);
        nodes.chain(branches).map(Double::from).collect()
    }

    /// Whether an equation is a straight line.
    pub(super) fn is_straight(&self, equation: usize) -> bool {
        let branch = equation.checked_sub(self.nodes);
        branch.is_none_or(|k| matches!(self.branches[k].equation, Equation::Linear))
    }

    fn put(&mut self, row: usize, unknown: Option<usize>, factor: f64) {
        if let Some(unknown) = unknown {
            self.linear.push(Entry {
                row,
                unknown,
                factor,
            });
        }
    }

    /// Adds an element to the current laws of its nodes, and its own equation.
    fn add(&mut self, id: ElementId, law: &Law, is_idle: bool) {
        let ends = self.circuit[id].nodes().map(unknown);
        if let Some(k) = self.branch_of[id.index()] {
            let (row, resistance) = (self.nodes + k, self.branches[k].resistance);
            self.flow(ends, Some(row), 1.0 / resistance);
            return match is_idle {
                true => self.put(row, Some(row), -1.0),
                false => self.add_equation(id, law, row),
            };
        }
        match law {
            Law::Resistor { conductance } if *conductance > 0.0 => {
                self.flow(ends, ends[0], *conductance);
                self.flow(ends, ends[1], -conductance);
            }
            Law::CurrentSource { current } => {
                for (end, sign) in ends.into_iter().zip([-1.0, 1.0]) {
                    if let Some(row) = end {
                        let scaled = Double::from(sign * current).times(1.0 / self.scales[row]);
                        self.right[row] += scaled;
                    }
                }
            }
            Law::ControlledCurrent { gain } => {
                for (unknown, factor) in self.controls(id) {
                    self.flow(ends, unknown, gain * factor);
                }
            }
            _ => {}
        }
    }

    /// A current `siemens * x[unknown]` through an element.
    fn flow(&mut self, ends: [Option<usize>; 2], unknown: Option<usize>, siemens: f64) {
        for (end, sign) in ends.into_iter().zip([1.0, -1.0]) {
            if let Some(row) = end {
                self.put(row, unknown, sign * siemens / self.scales[row]);
            }
        }
    }

    /// The unknowns that control a source, with their factors.
    fn controls(&self, id: ElementId) -> Vec<(Option<usize>, f64)> {
        match self.circuit.control(id) {
            Some(Control::Voltage([c, d])) => vec![(unknown(c), 1.0), (unknown(d), -1.0)],
            Some(Control::Current(source)) => {
                let k = self.branch_of[source.index()].expect("voltage sources are branches");
                vec![(Some(self.nodes + k), 1.0 / self.branches[k].resistance)]
            }
            None => Vec::new(),
        }
    }

    /// The equation of a branch, if it is linear.
    fn add_equation(&mut self, id: ElementId, law: &Law, row: usize) {
        let [a, b] = self.circuit[id].nodes().map(unknown);
        match law {
            Law::VoltageSource { voltage } => self.right[row] = Double::from(*voltage),
            Law::ControlledVoltage { gain } => {
                for (unknown, factor) in self.controls(id) {
                    self.put(row, unknown, -gain * factor);
                }
            }
            Law::Resistor { .. } => {}
            _ => return,
        }
        self.put(row, a, 1.0);
        self.put(row, b, -1.0);
    }

    /// Finds the pattern.
    fn place(&mut self) {
        let size = self.unknowns();
        let mut entries: Vec<(usize, usize)> =
            self.linear.iter().map(|e| (e.row, e.unknown)).collect();
        entries.extend((0..size).map(|k| (k, k)));
        let mut bent = Vec::new();
        for (k, branch) in self.branches.iter().enumerate() {
            let row = self.nodes + k;
            let is_bent = !matches!(branch.equation, Equation::Linear);
            let unknowns = [branch.ends[0], branch.ends[1], Some(row)];
            bent.push(unknowns.map(|unknown| {
                let unknown = unknown.filter(|_| is_bent)?;
                entries.push((row, unknown));
                Some(entries.len() - 1)
            }));
        }
        let (pattern, places) = Pattern::new(size, &entries);
        let linear = self.linear.len();
        self.linear_places = places[..linear].to_vec();
        self.diagonal = places[linear..linear + size].to_vec();
        self.bent_places = bent
            .into_iter()
            .map(|three| three.map(|entry| entry.map(|k| places[k])))
            .collect();
        self.pattern = pattern;
    }

    /// The entries of the matrix of the tangents at a state of the branches, with what keeps it regular.
    pub(super) fn matrix(
        &self,
        bent: &[Bent],
        rate: f64,
        regularization: f64,
        values: &mut Vec<f64>,
    ) {
        values.clear();
        values.resize(self.pattern.len(), 0.0);
        for (entry, place) in self.linear.iter().zip(&self.linear_places) {
            values[*place] += entry.factor;
        }
        for (k, place) in self.diagonal.iter().enumerate() {
            let weight = regularization * weight(k);
            values[*place] += if k < self.nodes { weight } else { -weight };
        }
        for (places, bent) in self.bent_places.iter().zip(bent) {
            let by_voltage = 1.0 - bent.share + rate * bent.share;
            let factors = [by_voltage, -by_voltage, -bent.share];
            for (place, factor) in places.iter().zip(factors) {
                if let Some(place) = place {
                    values[*place] += factor;
                }
            }
        }
    }

    /// By how much a state misses each equation, in volt, and its bent branches.
    pub(super) fn misses(
        &self,
        x: &[Double],
        charging: &Charging,
        misses: &mut Vec<f64>,
        bent: &mut Vec<Bent>,
    ) {
        let mut sums: Vec<Double> = self.right.iter().map(|right| -*right).collect();
        for entry in &self.linear {
            sums[entry.row] += x[entry.unknown].times(entry.factor);
        }
        misses.clear();
        misses.extend(sums.iter().map(|sum| sum.value()));
        bent.clear();
        for (k, branch) in self.branches.iter().enumerate() {
            let u = self.voltage(branch, x);
            let mut y = x[self.nodes + k];
            if charging.rate > 0.0 {
                y = y - (u - self.voltage(branch, &charging.before)).times(charging.rate);
            }
            let at_branch = branch.at(u, y);
            if let Some(at_branch) = at_branch {
                misses[self.nodes + k] += at_branch.off;
            }
            bent.push(at_branch.unwrap_or_default());
        }
    }

    pub(super) fn voltage(&self, branch: &Branch, x: &[Double]) -> Double {
        let [a, b] = branch
            .ends
            .map(|end| end.map_or(Double::default(), |k| x[k]));
        a - b
    }

    /// The currents of all elements, in ampere.
    pub(super) fn currents(&self, x: &[Double]) -> Vec<f64> {
        let potential = |node: NodeId| unknown(node).map_or(Double::default(), |k| x[k]);
        let current = |(id, element): (ElementId, &crate::circuit::Element)| {
            if let Some(k) = self.branch_of[id.index()] {
                return x[self.nodes + k].value() / self.branches[k].resistance;
            }
            let [a, b] = element.nodes().map(potential);
            match element.law() {
                Law::Resistor { conductance } => (a - b).times(*conductance).value(),
                Law::CurrentSource { current } => *current,
                Law::ControlledCurrent { gain } => {
                    let terms = self.controls(id).into_iter();
                    let x = |(unknown, factor): (Option<usize>, f64)| {
                        unknown.map_or(Double::default(), |k| x[k].times(factor))
                    };
                    let sum = terms.map(x).fold(Double::default(), |sum, x| sum + x);
                    sum.times(*gain).value()
                }
                _ => 0.0,
            }
        };
        let elements = self.circuit.element_ids().zip(self.circuit.elements());
        elements.map(current).collect()
    }
}

impl Branch<'_> {
    /// F and s of a bent branch at u and y.
    fn at(&self, u: Double, y: Double) -> Option<Bent> {
        let r = self.resistance;
        match self.equation {
            Equation::Linear => None,
            Equation::Diode(diode) => Some(at_diode(diode, r, u, y)),
            Equation::Curve(law) => {
                let w = (u + y).value();
                let on_curve = law.on_load_line(w, r);
                let share = 1.0 / (1.0 + r * law.current(on_curve).1);
                let mut off = (u - Double::from(on_curve)).value();
                // Near the curve, and where it is flat, the current tells more digits than the voltage.
                if share > 0.5 && off.abs() <= 1e-6 * w.abs() {
                    let (current, slope) = law.current(u.high);
                    let wanted = Double::from(r * current) + Double::from(r * slope * u.low);
                    off = share * (wanted - y).value();
                }
                Some(Bent { off, share })
            }
        }
    }
}

/// On the line of its state, i = g u + c or u = V_f, F is (1 - s) u - s (y - r c) or u - V_f.
fn at_diode(diode: &Diode, r: f64, u: Double, y: Double) -> Bent {
    let (forward, off, on) = (
        diode.forward_voltage,
        diode.off_conductance,
        diode.on_conductance,
    );
    let conducts = (u + y).value() > forward * (1.0 + r * off);
    if conducts && on.is_infinite() {
        let off = (u - Double::from(forward)).value();
        return Bent { off, share: 0.0 };
    }
    let (g, from) = if conducts { (on, forward) } else { (off, 0.0) };
    let share = 1.0 / (1.0 + r * g);
    let beyond = (u - Double::from(from)).times(r * g);
    let wanted = beyond + Double::from(from).times(r * off);
    let off = share * (wanted - y).value();
    Bent { off, share }
}

/// A number from 1 to 2 for each equation: what keeps the matrix regular does not cancel, as equal terms would.
fn weight(equation: usize) -> f64 {
    1.0 + hash(equation) as f64 / 2.0_f64.powi(64)
}

/// The unknown of a node; ground has none.
fn unknown(node: NodeId) -> Option<usize> {
    node.index().checked_sub(1)
}

/// The largest conductance at each node but ground: of resistors and controlled currents, and of what branches see.
fn scales(circuit: &Circuit) -> Vec<f64> {
    let mut scales = vec![0.0_f64; circuit.node_names().len()];
    let mut raise = |nodes: [NodeId; 2], conductance: f64| {
        for node in nodes {
            scales[node.index()] = scales[node.index()].max(conductance);
        }
    };
    for (id, element) in circuit.element_ids().zip(circuit.elements()) {
        match (element.law(), circuit.control(id)) {
            (Law::Resistor { conductance }, _) if conductance.is_finite() => {
                raise(element.nodes(), *conductance);
            }
            (Law::ControlledCurrent { gain }, Some(Control::Voltage(_))) => {
                raise(element.nodes(), gain.abs());
            }
            _ => {}
        }
    }
    let common = common_conductance(circuit);
    let scale = |scale: &f64| power_of_two(if *scale > 0.0 { *scale } else { common });
    scales[1..].iter().map(scale).collect()
}

/// About a positive number: scaling by it rounds nothing.
fn power_of_two(x: f64) -> f64 {
    2.0_f64.powi(x.log2().round().clamp(-1000.0, 1000.0) as i32)
}

/// What stands for the conductances around where there are none: the geometric mean of all resistors.
fn common_conductance(circuit: &Circuit) -> f64 {
    let logarithms = circuit.elements().iter().filter_map(|e| match e.law() {
        Law::Resistor { conductance } if *conductance > 0.0 && conductance.is_finite() => {
            Some(conductance.ln())
        }
        _ => None,
    });
    let (count, sum) = logarithms.fold((0, 0.0), |(count, sum), ln| (count + 1, sum + ln));
    if count == 0 {
        1e-3
    } else {
        (sum / f64::from(count)).exp()
    }
}

/// The branches, each with the resistance that it sees: of all resistors at one node and at the other, in series.
fn branches(circuit: &Circuit) -> Vec<Branch<'_>> {
    let mut around = vec![0.0_f64; circuit.node_names().len()];
    around[0] = f64::INFINITY;
    for element in circuit.elements() {
        let conductance = match element.law() {
            Law::Resistor { conductance } => *conductance,
            _ => continue,
        };
        for node in element.nodes() {
            around[node.index()] += conductance;
        }
    }
    let common = common_conductance(circuit);
    let mut branches = Vec::new();
    for (k, element) in circuit.elements().iter().enumerate() {
        let equation = match element.law() {
            Law::VoltageSource { .. } | Law::ControlledVoltage { .. } => Equation::Linear,
            Law::Resistor { conductance } if conductance.is_infinite() => Equation::Linear,
            Law::Diode(diode) => Equation::Diode(diode),
            law => match law.characteristic() {
                Some(curve) => Equation::Curve(curve),
                None => continue,
            },
        };
        let seen = |node: NodeId| match around[node.index()] {
            0.0 => 1.0 / common,
            conductance => 1.0 / conductance,
        };
        let [a, b] = element.nodes();
        let resistance = match seen(a) + seen(b) {
            0.0 => 1.0 / common,
            resistance => resistance,
        };
        branches.push(Branch {
            element: k,
            ends: element.nodes().map(unknown),
            resistance: power_of_two(resistance),
            equation,
        });
    }
    branches
}

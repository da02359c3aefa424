//! Circuits as netlists.

use std::fmt::{self, Display, Formatter};

use super::Map;
use super::lines::NOTE;
use super::spelling::spell;
use crate::circuit::{Circuit, Control, Element, ElementId};
use crate::device::{
    Diode, Formula, Function, IvCurve, Junction, Law, RegionDiode, Shockley, Term,
};

/// How many nodes a note names.
const NODES_PER_LINE: usize = 20;
/// The temperature at which SPICE and this library compute by default, in kelvin.
const ROOM: f64 = 300.15;
/// The conductance that SPICE puts beside junctions by default, in siemens.
const GMIN: f64 = 1e-12;
/// What stands for a conductance of 0 and an infinite one where SPICE needs numbers, in siemens.
const ALMOST_OPEN: f64 = 1e-12;
const ALMOST_SHORT: f64 = 1e6;

/// Writes a circuit as a netlist for ngspice, and for [`parse`](super::parse), which gives the same circuit back:
/// all names, nodes and numbers are equal. See [the notes](super#notes) for what SPICE cannot say.
///
/// In ngspice, an ideal diode gets on and off resistances of 1 micro-ohm and 1 teraohm; an open resistor is
/// written as a capacitor and a short as an inductor. A current source that its own voltage controls comes back as the resistor
/// that it is, unless its conductance is below 0.
///
/// ```
/// use ohmgrad::circuit::{Circuit, netlist};
/// let circuit = Circuit::builder()
///     .voltage_source("v1", "in", "0", 5.0)
///     .resistor("r1", "in", "out", 2e3)
///     .ideal_diode("d1", "out", "0", 0.5)
///     .build()?;
/// let text = netlist::write(&circuit, "A clipped voltage");
/// assert!(text.starts_with("A clipped voltage\nv1 in 0 5\nr1 in out 2000\n"));
/// let netlist = netlist::parse(&text, "clipped.cir")?;
/// assert_eq!(netlist.circuit, circuit);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(circuit: &Circuit, title: &str) -> String {
    Writer::new(circuit, title).to_string()
}

struct Writer<'c> {
    circuit: &'c Circuit,
    title: &'c str,
    /// The names of nodes in the netlist.
    nodes: Vec<String>,
    /// The names of elements in the netlist.
    elements: Vec<String>,
    models: Models,
    /// The conductance that ngspice shall put beside junctions, in siemens.
    gmin: f64,
}

impl<'c> Writer<'c> {
    fn new(circuit: &'c Circuit, title: &'c str) -> Writer<'c> {
        let nodes = circuit.node_names().iter();
        let nodes: Vec<_> = nodes.map(|name| (name.as_str(), None)).collect();
        let letters = circuit.element_ids().map(|id| Some(letter(circuit, id)));
        let names = circuit.element_names().iter().map(String::as_str);
        let names = names.zip(letters);
        let names: Vec<_> = names.collect();
        let mut leakages = circuit.elements().iter().filter_map(|e| match e.law() {
            Law::Shockley(shockley) => Some(shockley.leakage),
            Law::Junction(junction) => Some(junction.shockley.leakage),
            _ => None,
        });
        Writer {
            circuit,
            title,
            nodes: spell(&nodes),
            elements: spell(&names),
            models: Models::of(circuit),
            gmin: leakages.next().unwrap_or(GMIN),
        }
    }

    /// The notes that number and name nodes.
    fn write_nodes(&self, f: &mut Formatter) -> fmt::Result {
        // Without elements, an empty note says that there are none on purpose.
        if self.elements.is_empty() && self.nodes.len() == 1 {
            writeln!(f, "{NOTE} nodes")?;
        }
        if !is_in_order(self.circuit) {
            for names in self.nodes[1..].chunks(NODES_PER_LINE) {
                writeln!(f, "{NOTE} nodes {}", names.join(" "))?;
            }
        }
        for (name, meant) in self.nodes.iter().zip(self.circuit.node_names()) {
            if name != meant {
                writeln!(f, "{NOTE} node {name} {meant}")?;
            }
        }
        Ok(())
    }

    /// The element number `k`.
    fn write_element(&self, f: &mut Formatter, k: usize) -> fmt::Result {
        let id = ElementId::from_index(k as u32);
        let (name, element) = (&self.elements[k], &self.circuit[id]);
        let meant = &self.circuit.element_names()[k];
        if name != meant {
            writeln!(f, "{NOTE} element {name} {meant}")?;
        }
        let [a, b] = element.nodes().map(|node| &self.nodes[node.index()]);
        write!(f, "{name} {a} {b} ")?;
        match element.law() {
            Law::Resistor { conductance } => write_resistance(f, *conductance),
            Law::VoltageSource { voltage } => write!(f, "{}", Number(*voltage)),
            Law::CurrentSource { current } => write!(f, "{}", Number(*current)),
            Law::ControlledVoltage { gain } | Law::ControlledCurrent { gain } => {
                match self.circuit.control(id) {
                    Some(Control::Voltage(nodes)) => {
                        let [c, d] = nodes.map(|node| &self.nodes[node.index()]);
                        write!(f, "{c} {d} ")?;
                    }
                    Some(Control::Current(source)) => {
                        write!(f, "{} ", self.elements[source.index()])?;
                    }
                    None => {}
                }
                write!(f, "{}", Number(*gain))
            }
            Law::Diode(_) | Law::Shockley(_) | Law::Junction(_) | Law::Regions(_) => {
                let number = Key::of(element.law()).and_then(|key| self.models.numbers.get(&key));
                write!(f, "diode{}", number.copied().unwrap_or_default())
            }
            Law::Curve(curve) => write_curve(f, curve, [a, b]),
            Law::Tanh(tanh) => {
                let (limit, scale) = (Number(tanh.limit), Number(tanh.scale));
                write!(f, "i={limit}*tanh(v({a},{b})/{scale})")
            }
            Law::PowerLaw(power) => {
                let (k, p) = (Number(power.coefficient), Number(power.exponent));
                write!(f, "i={k}*pwr(v({a},{b}),{p})")
            }
            Law::Formula(formula) => write_formula(f, formula, [a, b]),
        }?;
        writeln!(f)
    }

    fn write_model(&self, f: &mut Formatter, number: usize, law: &Law) -> fmt::Result {
        match law {
            Law::Diode(diode) => write_diode(f, number, diode),
            Law::Shockley(shockley) => {
                write_junction(f, number, &Junction::from(**shockley), self.gmin)
            }
            Law::Junction(junction) => write_junction(f, number, junction, self.gmin),
            Law::Regions(regions) => write_regions(f, number, regions),
            _ => Ok(()),
        }
    }
}

impl Display for Writer<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let title = self.title.trim().replace(char::is_control, " ");
        writeln!(f, "{title}")?;
        self.write_nodes(f)?;
        for k in 0..self.elements.len() {
            self.write_element(f, k)?;
        }
        for (k, law) in self.models.laws.iter().enumerate() {
            self.write_model(f, k + 1, law)?;
        }
        if self.gmin != GMIN {
            writeln!(f, ".options gmin={}", Number(self.gmin))?;
        }
        writeln!(f, ".op\n.end")
    }
}

/// The letter with which the name of an element starts.
fn letter(circuit: &Circuit, id: ElementId) -> char {
    let is_by_voltage = matches!(circuit.control(id), Some(Control::Voltage(_)));
    match circuit[id].law() {
        Law::ControlledVoltage { .. } => {
            if is_by_voltage {
                'e'
            } else {
                'h'
            }
        }
        Law::ControlledCurrent { .. } => {
            if is_by_voltage {
                'g'
            } else {
                'f'
            }
        }
        Law::Resistor { conductance: 0.0 } => 'c',
        Law::Resistor { conductance } if conductance.is_infinite() => 'l',
        Law::Resistor { .. } => 'r',
        Law::VoltageSource { .. } => 'v',
        Law::CurrentSource { .. } => 'i',
        Law::Diode(_) => 'a',
        Law::Shockley(_) | Law::Junction(_) | Law::Regions(_) => 'd',
        Law::Curve(_) | Law::Tanh(_) | Law::PowerLaw(_) | Law::Formula(_) => 'b',
    }
}

/// Whether the nodes have the numbers that they get when the elements are read one after the other.
fn is_in_order(circuit: &Circuit) -> bool {
    let mut next = 1;
    // A controlled source may name nodes before their elements do.
    let nodes = circuit.element_ids().flat_map(|id| {
        let own = circuit[id].nodes();
        let controlling = match circuit.control(id) {
            Some(Control::Voltage(nodes)) => nodes,
            _ => own,
        };
        own.into_iter().chain(controlling)
    });
    for node in nodes {
        if node.index() > next {
            return false;
        }
        next += usize::from(node.index() == next);
    }
    next == circuit.node_names().len()
}

/// A resistance such that the reader gets the conductance back to the last digit; any capacitance if it is
/// open, any inductance if it is a short.
fn write_resistance(f: &mut Formatter, conductance: f64) -> fmt::Result {
    let resistance = 1.0 / conductance;
    if conductance == 0.0 || conductance.is_infinite() {
        write!(f, "1")
    } else if resistance.is_infinite() {
        write!(f, "1 m={}", Number(conductance))
    } else {
        write!(f, "{}", Resistance(conductance))
    }
}

fn write_curve(f: &mut Formatter, curve: &IvCurve, [a, b]: [&String; 2]) -> fmt::Result {
    write!(f, "i=pwl(v({a},{b})")?;
    for (voltage, current) in curve.points() {
        write!(f, ", {},{}", Number(voltage), Number(current))?;
    }
    write!(f, ")")
}

/// The constant and the conductance are written even if they are 0: what is added up is read as a formula, and not as the
/// law of one of its terms.
fn write_formula(f: &mut Formatter, formula: &Formula, [a, b]: [&String; 2]) -> fmt::Result {
    let (constant, conductance) = (Number(formula.constant), Number(formula.conductance));
    write!(f, "i={constant}+{conductance}*v({a},{b})")?;
    for term in &formula.terms {
        let Term {
            coefficient,
            function,
            scale,
            offset,
        } = *term;
        let (k, scale, offset) = (Number(coefficient), Number(scale), Number(offset));
        let x = format!("v({a},{b})/({scale})+{offset}");
        match function {
            Function::Power(p) => write!(f, "+{k}*pwr({x},{})", Number(p)),
            Function::ExpM1 => write!(f, "+{k}*(exp({x})-1)"),
            Function::Onset => write!(f, "+{k}*(exp(uramp({x}))-1)"),
            _ => write!(f, "+{k}*{function}({x})"),
        }?;
    }
    Ok(())
}

/// Whether a conductance can be said by a resistance.
fn can_be_said(conductance: f64) -> bool {
    conductance.is_finite() && (1.0 / conductance).is_finite()
}

/// The resistance of a conductance, or of another one if that cannot be said.
fn said(conductance: f64, other: f64) -> Resistance {
    Resistance(if can_be_said(conductance) {
        conductance
    } else {
        other
    })
}

fn write_diode(f: &mut Formatter, number: usize, diode: &Diode) -> fmt::Result {
    let (on, off) = (diode.on_conductance, diode.off_conductance);
    if !(can_be_said(on) && can_be_said(off)) {
        let (on, off) = (Number(on), Number(off));
        writeln!(f, "{NOTE} model diode{number} gon={on} goff={off}")?;
    }
    let (on, off) = (said(on, ALMOST_SHORT), said(off, ALMOST_OPEN));
    let forward = Number(diode.forward_voltage);
    writeln!(
        f,
        ".model diode{number} sidiode(ron={on} roff={off} vfwd={forward})"
    )
}

/// LTspice reads such a model as well.
fn write_regions(f: &mut Formatter, number: usize, diode: &RegionDiode) -> fmt::Result {
    let RegionDiode {
        forward_voltage,
        on_conductance: on,
        off_conductance: off,
        bend,
        limit,
        reverse_voltage,
        reverse_conductance: reverse,
        reverse_bend,
        reverse_limit,
    } = *diode;
    if ![on, off, reverse].into_iter().all(can_be_said) {
        let [on, off, reverse] = [on, off, reverse].map(Number);
        writeln!(
            f,
            "{NOTE} model diode{number} gon={on} goff={off} grev={reverse}"
        )?;
    }
    let (on, off) = (said(on, ALMOST_SHORT), said(off, ALMOST_OPEN));
    let reverse = said(reverse, ALMOST_SHORT);
    write!(
        f,
        ".model diode{number} d(ron={on} roff={off} rrev={reverse}"
    )?;
    let others = [
        ("vfwd", forward_voltage, 0.0),
        ("vrev", reverse_voltage, f64::INFINITY),
        ("epsilon", bend, 0.0),
        ("revepsilon", reverse_bend, 0.0),
        ("ilimit", limit, f64::INFINITY),
        ("revilimit", reverse_limit, f64::INFINITY),
    ];
    for (name, value, _) in others.iter().filter(|(_, value, default)| value != default) {
        write!(f, " {name}={}", Number(*value))?;
    }
    writeln!(f, ")")
}

/// Breakdown starts at BV if IBV is so small.
fn write_junction(f: &mut Formatter, number: usize, junction: &Junction, gmin: f64) -> fmt::Result {
    let shockley = &junction.shockley;
    let thermal = Shockley::thermal_voltage_at(ROOM);
    let quotient = shockley.thermal_voltage / thermal;
    let candidates = [quotient, quotient.next_up(), quotient.next_down()];
    let exact = |n: &f64| n.is_finite() && n * thermal == shockley.thermal_voltage;
    let n = candidates.into_iter().find(exact);
    let bends = junction.breakdown.is_some() || junction.recombination.is_some();
    if n.is_none() || shockley.leakage != gmin || bends {
        let (nvt, leakage) = (Number(shockley.thermal_voltage), Number(shockley.leakage));
        write!(f, "{NOTE} model diode{number} nvt={nvt} gmin={leakage}")?;
        if let Some(breakdown) = junction.breakdown {
            let (start, nvt) = (Number(breakdown.voltage), Number(breakdown.thermal_voltage));
            write!(f, " vbreak={start} nbvt={nvt}")?;
        }
        if let Some(recombination) = junction.recombination {
            write!(f, " nrvt={}", Number(recombination.thermal_voltage))?;
        }
        writeln!(f)?;
    }
    let in_range = |n: f64| n.clamp(f64::MIN_POSITIVE, f64::MAX);
    let n = Number(n.unwrap_or(in_range(quotient)));
    let (is, rs) = (
        Number(shockley.saturation_current),
        Number(shockley.series_resistance),
    );
    write!(f, ".model diode{number} d(is={is} n={n} rs={rs}")?;
    if let Some(breakdown) = junction.breakdown {
        let (bv, nbv) = (
            Number(breakdown.voltage),
            in_range(breakdown.thermal_voltage / thermal),
        );
        write!(f, " bv={bv} ibv={is} nbv={}", Number(nbv))?;
    }
    if let Some(recombination) = junction.recombination {
        let (isr, vj, m) = (
            Number(recombination.saturation_current),
            Number(recombination.potential),
            Number(recombination.grading),
        );
        let nr = Number(in_range(recombination.thermal_voltage / thermal));
        write!(f, " isr={isr} nr={nr} vj={vj} m={m}")?;
    }
    for (name, knee) in [
        ("ikf", junction.forward_knee),
        ("ikr", junction.reverse_knee),
    ] {
        if knee.is_finite() {
            write!(f, " {name}={}", Number(knee))?;
        }
    }
    writeln!(f, ")")
}

/// The different diodes of a circuit.
struct Models {
    laws: Vec<Law>,
    /// The numbers of the laws, from 1.
    numbers: Map<Key, usize>,
}

impl Models {
    fn of(circuit: &Circuit) -> Models {
        let mut models = Models {
            laws: Vec::new(),
            numbers: Map::default(),
        };
        for law in circuit.elements().iter().map(Element::law) {
            let Some(key) = Key::of(law) else {
                continue;
            };
            models.numbers.entry(key).or_insert_with(|| {
                models.laws.push(law.clone());
                models.laws.len()
            });
        }
        models
    }
}

/// The kind of a diode, and its numbers to the last bit.
#[derive(PartialEq, Eq, Hash)]
struct Key(char, Vec<u64>);

impl Key {
    fn of(law: &Law) -> Option<Key> {
        let key = |kind, numbers: &[f64]| {
            let bits = numbers.iter().map(|number| number.to_bits());
            Some(Key(kind, bits.collect()))
        };
        match law {
            Law::Diode(diode) => {
                let numbers = [
                    diode.forward_voltage,
                    diode.on_conductance,
                    diode.off_conductance,
                ];
                key('a', &numbers)
            }
            Law::Shockley(shockley) => key('s', &shockley_numbers(shockley)),
            Law::Junction(junction) => {
                let mut numbers = shockley_numbers(&junction.shockley).to_vec();
                let breakdown = junction.breakdown;
                let breakdown = breakdown.map_or([f64::NAN; 2], |b| [b.voltage, b.thermal_voltage]);
                let recombination = junction.recombination.map_or([f64::NAN; 4], |r| {
                    [
                        r.saturation_current,
                        r.thermal_voltage,
                        r.potential,
                        r.grading,
                    ]
                });
                numbers.extend(breakdown);
                numbers.extend(recombination);
                numbers.extend([junction.forward_knee, junction.reverse_knee]);
                key('j', &numbers)
            }
            Law::Regions(regions) => {
                let numbers = [
                    regions.forward_voltage,
                    regions.on_conductance,
                    regions.off_conductance,
                    regions.bend,
                    regions.limit,
                    regions.reverse_voltage,
                    regions.reverse_conductance,
                    regions.reverse_bend,
                    regions.reverse_limit,
                ];
                key('r', &numbers)
            }
            _ => None,
        }
    }
}

fn shockley_numbers(shockley: &Shockley) -> [f64; 4] {
    [
        shockley.saturation_current,
        shockley.thermal_voltage,
        shockley.series_resistance,
        shockley.leakage,
    ]
}

/// A number with all its digits, and no more than it needs.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let size = self.0.abs();
        if size == 0.0 || (1e-4..1e15).contains(&size) || size.is_infinite() {
            write!(f, "{}", self.0)
        } else {
            write!(f, "{:e}", self.0)
        }
    }
}

/// The resistance of a conductance: as a number if its inverse is exactly the conductance, and else as an
/// expression, which the reader takes for one.
struct Resistance(f64);

impl Display for Resistance {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let resistance = 1.0 / self.0;
        if 1.0 / resistance == self.0 {
            write!(f, "{}", Number(resistance))
        } else {
            write!(f, "{{1/{}}}", Number(self.0))
        }
    }
}

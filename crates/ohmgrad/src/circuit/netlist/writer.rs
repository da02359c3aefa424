//! Circuits as netlists.

use std::fmt::{self, Display, Formatter};

use super::Map;
use super::lines::NOTE;
use super::spelling::spell;
use crate::circuit::{Circuit, Element};
use crate::device::{Diode, IvCurve, Law, Shockley};

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
/// written as a capacitor and a short as an inductor.
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
        let letters = circuit.elements().iter().map(|e| Some(letter(e.law())));
        let names = circuit.element_names().iter().map(String::as_str);
        let names = names.zip(letters);
        let names: Vec<_> = names.collect();
        let mut leakages = circuit.elements().iter().filter_map(|e| match e.law() {
            Law::Shockley(shockley) => Some(shockley.leakage),
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
        let (name, element) = (&self.elements[k], &self.circuit.elements()[k]);
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
            Law::Diode(_) | Law::Shockley(_) => {
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
        }?;
        writeln!(f)
    }

    fn write_model(&self, f: &mut Formatter, number: usize, law: &Law) -> fmt::Result {
        match law {
            Law::Diode(diode) => write_diode(f, number, diode),
            Law::Shockley(shockley) => write_junction(f, number, shockley, self.gmin),
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

/// The letter with which the name of an element with a law starts.
fn letter(law: &Law) -> char {
    match law {
        Law::Resistor { conductance: 0.0 } => 'c',
        Law::Resistor { conductance } if conductance.is_infinite() => 'l',
        Law::Resistor { .. } => 'r',
        Law::VoltageSource { .. } => 'v',
        Law::CurrentSource { .. } => 'i',
        Law::Diode(_) => 'a',
        Law::Shockley(_) => 'd',
        Law::Curve(_) | Law::Tanh(_) | Law::PowerLaw(_) => 'b',
    }
}

/// Whether the nodes have the numbers that they get when the elements are read one after the other.
fn is_in_order(circuit: &Circuit) -> bool {
    let mut next = 1;
    for node in circuit.elements().iter().flat_map(Element::nodes) {
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

fn write_diode(f: &mut Formatter, number: usize, diode: &Diode) -> fmt::Result {
    let (on, off) = (diode.on_conductance, diode.off_conductance);
    let can_be_said = |conductance: f64| conductance.is_finite() && (1.0 / conductance).is_finite();
    if !(can_be_said(on) && can_be_said(off)) {
        let (on, off) = (Number(on), Number(off));
        writeln!(f, "{NOTE} model diode{number} gon={on} goff={off}")?;
    }
    let near = |conductance: f64, other| {
        Resistance(if can_be_said(conductance) {
            conductance
        } else {
            other
        })
    };
    let (on, off) = (near(on, ALMOST_SHORT), near(off, ALMOST_OPEN));
    let forward = Number(diode.forward_voltage);
    writeln!(
        f,
        ".model diode{number} sidiode(ron={on} roff={off} vfwd={forward})"
    )
}

fn write_junction(f: &mut Formatter, number: usize, junction: &Shockley, gmin: f64) -> fmt::Result {
    let thermal = Shockley::thermal_voltage_at(ROOM);
    let quotient = junction.thermal_voltage / thermal;
    let candidates = [quotient, quotient.next_up(), quotient.next_down()];
    let exact = |n: &f64| n.is_finite() && n * thermal == junction.thermal_voltage;
    let n = candidates.into_iter().find(exact);
    if n.is_none() || junction.leakage != gmin {
        let (nvt, leakage) = (Number(junction.thermal_voltage), Number(junction.leakage));
        writeln!(f, "{NOTE} model diode{number} nvt={nvt} gmin={leakage}")?;
    }
    let n = Number(n.unwrap_or(quotient.clamp(f64::MIN_POSITIVE, f64::MAX)));
    let (is, rs) = (
        Number(junction.saturation_current),
        Number(junction.series_resistance),
    );
    writeln!(f, ".model diode{number} d(is={is} n={n} rs={rs})")
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

/// The numbers of a diode to the last bit.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Diode([u64; 3]),
    Shockley([u64; 4]),
}

impl Key {
    fn of(law: &Law) -> Option<Key> {
        match law {
            Law::Diode(diode) => {
                let numbers = [
                    diode.forward_voltage,
                    diode.on_conductance,
                    diode.off_conductance,
                ];
                Some(Key::Diode(numbers.map(f64::to_bits)))
            }
            Law::Shockley(shockley) => {
                let numbers = [
                    shockley.saturation_current,
                    shockley.thermal_voltage,
                    shockley.series_resistance,
                    shockley.leakage,
                ];
                Some(Key::Shockley(numbers.map(f64::to_bits)))
            }
            _ => None,
        }
    }
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

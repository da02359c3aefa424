//! An operating point as text and as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use ohmgrad::circuit::netlist::Netlist;
use ohmgrad::circuit::{Circuit, Element};
use ohmgrad::device::Law;
use ohmgrad::solve::{Certificate, Solution, Status, Transfer};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

use crate::readable;

/// Prints node voltages, the currents of sources and diodes, and the certificate.
pub(super) fn print(
    netlist: &Netlist,
    solution: &Solution,
    transfer: Option<Transfer>,
) -> io::Result<()> {
    let circuit = &netlist.circuit;
    let mut out = io::stdout().lock();
    if !netlist.title.is_empty() {
        writeln!(out, "{}\n", readable(&netlist.title))?;
    }
    for warning in &netlist.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    if !netlist.ignored.is_empty() {
        let left_out = left_out(netlist);
        writeln!(
            out,
            "left out: {left_out}; no operating point depends on them"
        )?;
    }
    if !(netlist.warnings.is_empty() && netlist.ignored.is_empty()) {
        writeln!(out)?;
    }
    print_nodes(&mut out, circuit, solution)?;
    print_elements(&mut out, circuit, solution)?;
    let power = engineering(solution.dissipated_power, "W");
    writeln!(out, "dissipated power  {power}")?;
    print_certificate(&mut out, circuit, solution)?;
    if let (Some(request), Some(transfer)) = (&netlist.transfer, transfer) {
        let [input, output] = [transfer.input_resistance, transfer.output_resistance]
            .map(|ohm| engineering(ohm, "ohm"));
        writeln!(
            out,
            "\nsmall changes     {} follows {} by {:.7e};\n  input resistance {input}, output resistance {output}",
            request.output, request.source, transfer.gain
        )?;
    }
    Ok(())
}

/// Prints warnings to stderr.
pub(super) fn print_warnings(netlist: &Netlist) {
    for warning in &netlist.warnings {
        eprintln!("warning: {warning}");
    }
}

/// Prints what was read to stderr.
pub(super) fn print_summary(netlist: &Netlist) {
    let circuit = &netlist.circuit;
    let nodes = circuit.node_names().len();
    eprintln!(
        "read: {} elements, {nodes} nodes with ground",
        circuit.elements().len()
    );
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for element in circuit.elements() {
        *counts.entry(kind(element.law())).or_default() += 1;
    }
    for (kind, count) in counts {
        eprintln!("  {kind}: {count}");
    }
    let is_merging = |law: &Law| {
        matches!(law, Law::Resistor { conductance } if conductance.is_infinite())
            || matches!(law, Law::VoltageSource { voltage: 0.0 })
    };
    let merging = circuit
        .elements()
        .iter()
        .filter(|element| is_merging(element.law()));
    eprintln!(
        "  nodes that shorts and sources of 0 V merge with others: at most {}",
        merging.count()
    );
    if !netlist.ignored.is_empty() {
        eprintln!("  left out: {}", left_out(netlist));
    }
}

/// The kind of an element, in the plural.
fn kind(law: &Law) -> &'static str {
    match law {
        Law::Resistor { conductance: 0.0 } => "open resistors and capacitors",
        Law::Resistor { conductance } if conductance.is_infinite() => "shorts and inductors",
        Law::Resistor { .. } => "resistors",
        Law::VoltageSource { .. } => "voltage sources",
        Law::CurrentSource { .. } => "current sources",
        Law::ControlledVoltage { .. } | Law::ControlledCurrent { .. } => "controlled sources",
        Law::Diode(_) | Law::Regions(_) => "idealised diodes",
        Law::Shockley(_) | Law::Junction(_) => "diodes",
        Law::Curve(_) => "curves",
        _ => "formulas",
    }
}

/// What was left out, with counts.
fn left_out(netlist: &Netlist) -> String {
    let ignored = netlist.ignored.iter().map(|ignored| match ignored.count {
        1 => ignored.statement.clone(),
        count => format!("{} ({count})", ignored.statement),
    });
    ignored.collect::<Vec<_>>().join(", ")
}

fn print_nodes(out: &mut impl Write, circuit: &Circuit, solution: &Solution) -> io::Result<()> {
    let names = circuit.node_names().iter().skip(1);
    let width = width(names.clone().map(String::as_str), "node");
    writeln!(out, "{:<width$}  {:>14}", "node", "voltage")?;
    for (name, potential) in names.zip(&solution.potentials[1..]) {
        writeln!(out, "{name:<width$}  {:>14}", engineering(*potential, "V"))?;
    }
    for open in &solution.undetermined {
        let (low, high) = (
            engineering(open.lowest, "V"),
            engineering(open.highest, "V"),
        );
        let name = &circuit[open.node];
        writeln!(out, "{name} is open: anything from {low} to {high}")?;
    }
    writeln!(out)
}

fn print_elements(out: &mut impl Write, circuit: &Circuit, solution: &Solution) -> io::Result<()> {
    let shown = || {
        let elements = circuit.elements().iter().zip(&solution.currents);
        let elements = circuit.element_names().iter().zip(elements);
        elements.filter(|(_, (element, _))| !matches!(element.law(), Law::Resistor { .. }))
    };
    let width = width(shown().map(|(name, _)| name.as_str()), "element");
    if shown().next().is_some() {
        let [voltage, current, power] = ["voltage", "current", "power"];
        writeln!(
            out,
            "{:<width$}  {voltage:>14}  {current:>14}  {power:>14}",
            "element"
        )?;
    }
    for (name, (element, current)) in shown() {
        let across = voltage(element, solution);
        let columns = [(across, "V"), (*current, "A"), (across * current, "W")];
        let [u, i, p] = columns.map(|(value, unit)| engineering(value, unit));
        writeln!(out, "{name:<width$}  {u:>14}  {i:>14}  {p:>14}")?;
    }
    writeln!(out)
}

fn print_certificate(
    out: &mut impl Write,
    circuit: &Circuit,
    solution: &Solution,
) -> io::Result<()> {
    let Certificate {
        kcl,
        voltage_law,
        diode,
        complementarity,
        power_balance,
        ..
    } = solution.certificate;
    let verdict = match solution.status {
        Status::Solved => "solved",
        Status::AccuracyLimit => "NOT solved, at the limit of double precision",
        Status::IterationLimit => "NOT solved, the steps ended before",
        Status::Breakdown => "NOT solved, numbers went out of range",
        _ => "NOT solved",
    };
    writeln!(
        out,
        "certificate       {verdict}; the largest violations, relative:"
    )?;
    writeln!(
        out,
        "  current law {kcl:.1e}, voltage laws {voltage_law:.1e}, diodes {diode:.1e},"
    )?;
    writeln!(
        out,
        "  complementarity {complementarity:.1e}, power balance {power_balance:.1e}"
    )?;
    if solution.accuracy.is_empty() {
        return writeln!(out, "error bars        none: the equations do not hold");
    }
    let is_open = |k: usize| {
        let mut open = solution.undetermined.iter();
        open.any(|open| open.node.index() == k)
    };
    let bars = solution.accuracy.iter().enumerate();
    let worst = bars.filter(|(k, _)| !is_open(*k)).map(|(_, bar)| *bar);
    let worst = worst.fold(0.0, f64::max);
    let which = match solution.undetermined.is_empty() {
        true => "every potential",
        false => "every potential that is not open",
    };
    let is_estimated = !circuit.controls().is_empty();
    let how = if is_estimated {
        "is, as estimated,"
    } else {
        "is"
    };
    writeln!(out, "error bars        {which} {how} within {worst:.1e} V")
}

/// Prints one JSON object with everything.
pub(super) fn print_json(
    netlist: &Netlist,
    solution: &Solution,
    transfer: Option<Transfer>,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let json = Json {
        netlist,
        solution,
        transfer,
    };
    serde_json::to_writer(&mut out, &json).map_err(io::Error::from)?;
    writeln!(out)
}

/// A solution as JSON, with nodes and elements in the circuit's order. Numbers that are not finite become null.
struct Json<'a> {
    netlist: &'a Netlist,
    solution: &'a Solution,
    transfer: Option<Transfer>,
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Json {
            netlist,
            solution,
            transfer,
        } = self;
        let circuit = &netlist.circuit;
        let warnings = netlist.warnings.iter().map(ToString::to_string);
        let ignored = netlist.ignored.iter();
        let ignored = ignored.map(|ignored| (ignored.statement.clone(), ignored.count.into()));
        let ignored: serde_json::Map<_, _> = ignored.collect();
        let open = solution.undetermined.iter().map(|open| {
            json!({ "node": &circuit[open.node], "lowest": open.lowest, "highest": open.highest })
        });
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", solution.status.name())?;
        map.serialize_entry("warnings", &warnings.collect::<Vec<_>>())?;
        map.serialize_entry("ignored", &ignored)?;
        map.serialize_entry("nodes", &Nodes(circuit, &solution.potentials))?;
        map.serialize_entry("accuracy", &Nodes(circuit, &solution.accuracy))?;
        map.serialize_entry("elements", &Elements(circuit, solution))?;
        if let (Some(request), Some(transfer)) = (&netlist.transfer, transfer) {
            let transfer = json!({
                "output": request.output,
                "source": request.source,
                "gain": transfer.gain,
                "input_resistance": transfer.input_resistance,
                "output_resistance": transfer.output_resistance,
            });
            map.serialize_entry("transfer", &transfer)?;
        }
        map.serialize_entry("dissipated_power", &solution.dissipated_power)?;
        map.serialize_entry("certificate", &certificate(&solution.certificate))?;
        map.serialize_entry("undetermined", &open.collect::<Vec<_>>())?;
        let statistics = &solution.statistics;
        let statistics = json!({
            "sweeps": statistics.sweeps,
            "iterations": statistics.iterations,
            "factorizations": statistics.factorizations,
            "linear_solves": statistics.linear_solves,
            "network_nodes": statistics.nodes,
        });
        map.serialize_entry("statistics", &statistics)?;
        map.end()
    }
}

fn certificate(certificate: &Certificate) -> serde_json::Value {
    json!({
        "kcl": certificate.kcl,
        "voltage_law": certificate.voltage_law,
        "diode": certificate.diode,
        "complementarity": certificate.complementarity,
        "power_balance": certificate.power_balance,
    })
}

/// Numbers by the names of their nodes.
struct Nodes<'a>(&'a Circuit, &'a [f64]);

impl Serialize for Nodes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.node_names().iter().zip(self.1))
    }
}

struct Elements<'a>(&'a Circuit, &'a Solution);

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let elements = self.0.elements().iter().zip(&self.1.currents);
        let elements = self.0.element_names().iter().zip(elements);
        serializer.collect_map(elements.map(|(name, (element, current))| {
            let voltage = voltage(element, self.1);
            let power = voltage * current;
            let values = json!({ "current": current, "voltage": voltage, "power": power });
            (name, values)
        }))
    }
}

/// The voltage across an element.
fn voltage(element: &Element, solution: &Solution) -> f64 {
    let [a, b] = element.nodes().map(|node| solution.potential(node));
    a - b
}

/// The width of a column of names; longer names stand out of it.
fn width<'a>(names: impl Iterator<Item = &'a str>, heading: &str) -> usize {
    const WIDEST: usize = 60;
    let longest = names.map(|name| name.chars().count()).max();
    longest.unwrap_or_default().clamp(heading.len(), WIDEST)
}

/// A number with seven digits and an engineering prefix, such as `4.300000 mA`.
fn engineering(value: f64, unit: &str) -> String {
    const PREFIXES: [&str; 11] = ["f", "p", "n", "u", "m", "", "k", "M", "G", "T", "P"];
    if value == 0.0 || !value.is_finite() {
        return format!("{value} {unit}");
    }
    // Of the seven digits that are shown, so that 999.99999 m is 1.
    let value: f64 = format!("{value:.6e}").parse().unwrap_or(value);
    let thousands = (value.abs().log10() / 3.0).floor();
    let place = (thousands + 5.0).clamp(0.0, 10.0);
    let scaled = value / 1000f64.powf(place - 5.0);
    let prefix = PREFIXES[place as usize];
    if !(1e-3..1e6).contains(&scaled.abs()) {
        return format!("{value:.6e} {unit}");
    }
    let decimals = (6 - scaled.abs().log10().floor() as i32).clamp(0, 9) as usize;
    format!("{scaled:.decimals$} {prefix}{unit}")
}

#[cfg(test)]
mod tests {
    use super::engineering;

    #[test]
    fn numbers_have_prefixes() {
        let cases = [
            (0.0, "0 V"),
            (4.3e-3, "4.300000 mV"),
            (-12.5, "-12.50000 V"),
            (9.999_999_99e-10, "1.000000 nV"),
            (-0.999_999_999, "-1.000000 V"),
            (999.9999999, "1.000000 kV"),
            (1e6, "1.000000 MV"),
            (2e-30, "2.000000e-30 V"),
            (f64::INFINITY, "inf V"),
        ];
        for (value, text) in cases {
            assert_eq!(engineering(value, "V"), text);
        }
    }
}

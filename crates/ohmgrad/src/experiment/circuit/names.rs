//! From the names in a task to nodes and elements.

use std::collections::HashSet;

use super::super::nearest;
use super::CircuitExperimentError;
use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::Law;
use crate::learn::circuit::{Output, TaskError};

/// The element of a name.
pub(super) fn element(
    circuit: &Circuit,
    name: &str,
    role: &'static str,
) -> Result<ElementId, CircuitExperimentError> {
    let found = circuit.find_element(name);
    found.map_err(|_| CircuitExperimentError::NoElement {
        role,
        name: name.to_owned(),
        nearest: nearest(name, circuit.element_names().iter().map(String::as_str)),
    })
}

fn node(circuit: &Circuit, name: &str) -> Result<NodeId, CircuitExperimentError> {
    let found = circuit.find_node(name);
    found.map_err(|_| CircuitExperimentError::NoNode {
        name: name.to_owned(),
        nearest: nearest(name, circuit.node_names().iter().map(String::as_str)),
    })
}

/// `v(a)`, `v(a,b)` or `i(e)`.
pub(super) fn output(circuit: &Circuit, text: &str) -> Result<Output, CircuitExperimentError> {
    let bad = || CircuitExperimentError::Output(text.to_owned());
    let (quantity, rest) = text.trim().split_once('(').ok_or_else(bad)?;
    let names = rest.strip_suffix(')').ok_or_else(bad)?;
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    match (quantity.trim().to_lowercase().as_str(), &names[..]) {
        ("v", [a]) => Ok(Output::Potential(node(circuit, a)?)),
        ("v", [a, b]) => Ok(Output::Voltage(node(circuit, a)?, node(circuit, b)?)),
        ("i", [e]) => Ok(Output::Current(element(circuit, e, "outputs")?)),
        _ => Err(bad()),
    }
}

/// The elements that the patterns name, each once; without patterns, all resistors that are neither open nor shorts.
pub(super) fn trained(
    circuit: &Circuit,
    patterns: Option<&[String]>,
) -> Result<Vec<ElementId>, CircuitExperimentError> {
    let Some(patterns) = patterns else {
        let is_resistor = |id: &ElementId| match circuit[*id].law() {
            Law::Resistor { conductance } => *conductance > 0.0 && conductance.is_finite(),
            _ => false,
        };
        return Ok(circuit.element_ids().filter(is_resistor).collect());
    };
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for pattern in patterns {
        let elements = match pattern.strip_suffix('*') {
            Some(beginning) => beginning_with(circuit, beginning, pattern)?,
            None => vec![element(circuit, pattern, "train")?],
        };
        if let Some(twice) = elements.iter().find(|id| !seen.insert(**id)) {
            let name = circuit.element_names()[twice.index()].clone();
            return Err(TaskError::Twice(name, "elements to train").into());
        }
        found.extend(elements);
    }
    Ok(found)
}

fn beginning_with(
    circuit: &Circuit,
    beginning: &str,
    pattern: &str,
) -> Result<Vec<ElementId>, CircuitExperimentError> {
    let names = circuit.element_ids().zip(circuit.element_names());
    let lower = beginning.to_lowercase();
    let begins = |name: &str| name.starts_with(beginning) || name.starts_with(&lower);
    let found: Vec<ElementId> = names
        .filter(|(_, name)| begins(name))
        .map(|(id, _)| id)
        .collect();
    match found.is_empty() {
        false => Ok(found),
        true => Err(CircuitExperimentError::NoElement {
            role: "train",
            name: pattern.to_owned(),
            nearest: None,
        }),
    }
}

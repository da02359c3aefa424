//! Circuits with a probe at every output, and the values of sources and parameters.

use super::task::Output;
use crate::circuit::{Circuit, CircuitBuilder, CircuitError, ElementId};
use crate::device::Law;

/// A circuit to which a source has been added for every output. Nodes and elements keep their numbers; the new ones
/// come after them.
#[derive(Clone)]
pub(super) struct Probed {
    pub(super) circuit: Circuit,
    /// The added sources, one for each output.
    pub(super) probes: Vec<ElementId>,
}

/// The circuit whose probes nudge: a current source into each output voltage, a voltage source in series with each output
/// current, all at 0.
pub(super) fn nudging(circuit: &Circuit, outputs: &[Output]) -> Result<Probed, CircuitError> {
    let mut builder = copy(circuit, outputs);
    for (k, output) in outputs.iter().enumerate() {
        let [a, b] = output.nodes(circuit).map(|node| &circuit[node]);
        let name = unused_element(circuit, k);
        match output {
            Output::Current(_) => {
                let law = Law::VoltageSource { voltage: 0.0 };
                builder.push(name, a, &unused_node(circuit, k), law);
            }
            _ => builder.push(name, b, a, Law::CurrentSource { current: 0.0 }),
        }
    }
    finish(builder, outputs)
}

/// The circuit whose probes hold: a voltage source across each output voltage.
pub(super) fn clamping(circuit: &Circuit, outputs: &[Output]) -> Result<Probed, CircuitError> {
    let mut builder = copy(circuit, &[]);
    for (k, output) in outputs.iter().enumerate() {
        let [a, b] = output.nodes(circuit).map(|node| &circuit[node]);
        let law = Law::VoltageSource { voltage: 0.0 };
        builder.push(unused_element(circuit, k), a, b, law);
    }
    finish(builder, outputs)
}

/// The circuit, with a node between the first node and the body of each element whose current is an output.
fn copy(circuit: &Circuit, outputs: &[Output]) -> CircuitBuilder {
    let mut builder = Circuit::builder();
    for name in circuit.node_names() {
        builder.node(name);
    }
    let position = |id: ElementId| outputs.iter().position(|o| *o == Output::Current(id));
    for id in circuit.element_ids() {
        let element = &circuit[id];
        let [a, b] = element.nodes().map(|node| circuit[node].to_owned());
        let a = position(id).map_or(a, |k| unused_node(circuit, k));
        let name = &circuit.element_names()[id.index()];
        builder.push(name, &a, &b, element.law().clone());
    }
    builder
}

fn finish(builder: CircuitBuilder, outputs: &[Output]) -> Result<Probed, CircuitError> {
    let circuit = builder.build()?;
    let first = circuit.elements().len() - outputs.len();
    Ok(Probed {
        probes: circuit.element_ids().skip(first).collect(),
        circuit,
    })
}

fn unused_element(circuit: &Circuit, output: usize) -> String {
    unused(output, |name| circuit.element(name).is_some())
}

fn unused_node(circuit: &Circuit, output: usize) -> String {
    unused(output, |name| circuit.node(name).is_some())
}

/// A name for what is added at an output.
fn unused(output: usize, is_used: impl Fn(&str) -> bool) -> String {
    let mut name = format!("probe{output}");
    while is_used(&name) {
        name.push('_');
    }
    name
}

/// The number of a resistor (siemens), voltage source (volt) or current source (ampere).
///
/// # Panics
/// If the law is another one, which tasks refuse.
pub(super) fn value(law: &Law) -> f64 {
    match law {
        Law::Resistor { conductance } => *conductance,
        Law::VoltageSource { voltage } => *voltage,
        Law::CurrentSource { current } => *current,
        other => unreachable!("no task has {other:?} as an input or trains it"),
    }
}

/// Gives a resistor (siemens), voltage source (volt) or current source (ampere) another value.
///
/// # Errors
/// If the value is out of range, or the law is another one.
pub(super) fn set_value(
    circuit: &mut Circuit,
    element: ElementId,
    value: f64,
) -> Result<(), CircuitError> {
    let law = match circuit[element].law() {
        Law::Resistor { .. } => Law::Resistor { conductance: value },
        Law::VoltageSource { .. } => Law::VoltageSource { voltage: value },
        Law::CurrentSource { .. } => Law::CurrentSource { current: value },
        _ => {
            return Err(CircuitError::Law {
                element: circuit.element_names()[element.index()].clone(),
                fault: "it is neither a resistor nor a source, and has no value to set".to_owned(),
            });
        }
    };
    circuit.set_law(element, law)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_not_set_where_there_is_none() {
        let mut circuit = Circuit::builder()
            .resistor("r1", "a", "0", 1.0)
            .ideal_diode("d1", "a", "0", 0.5)
            .build()
            .expect("a valid circuit");
        let named = |name| circuit.element(name).expect("it was just added");
        let (resistor, diode) = (named("r1"), named("d1"));
        set_value(&mut circuit, resistor, 0.25).expect("it is finite and above 0");
        assert_eq!(value(circuit[resistor].law()), 0.25);
        let error = set_value(&mut circuit, diode, 0.25).expect_err("a diode");
        assert!(error.to_string().contains("element d1"), "{error}");
    }
}

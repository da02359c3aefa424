//! What netlists mean, and what is said of those that mean nothing.

mod controlled;
mod faults;
mod meaning;
mod robustness;
mod writing;

use super::*;
use crate::device::Law;

/// The circuit of statements without a title.
fn circuit(statements: &str) -> Circuit {
    match parse(&format!("title\n{statements}"), "test.cir") {
        Ok(netlist) => netlist.circuit,
        Err(errors) => panic!("{errors}"),
    }
}

fn law(circuit: &Circuit, element: &str) -> Law {
    let id = circuit.element(element);
    let id = id.unwrap_or_else(|| panic!("no element {element} in {circuit:?}"));
    circuit[id].law().clone()
}

/// The law of the element with which a netlist starts.
fn law_of(statements: &str) -> Law {
    circuit(statements).elements()[0].law().clone()
}

fn conductance_of(statements: &str) -> f64 {
    match law_of(statements) {
        Law::Resistor { conductance } => conductance,
        other => panic!("{other:?}"),
    }
}

/// All that is wrong with statements without a title.
fn errors(statements: &str) -> NetlistErrors {
    parse(&format!("title\n{statements}"), "test.cir").expect_err("a fault")
}

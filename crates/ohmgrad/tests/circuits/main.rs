//! The circuit solver against closed forms, a quadratic-program solver, itself by another way, and the certificate; and
//! learning on circuits against finite differences.

mod certificate;
mod closed_forms;
mod coordinate;
mod counters;
mod families;
mod interruption;
mod learning;
mod no_operating_point;
mod open_potentials;
mod properties;
mod quadratic_program;
mod random;
mod rows;
mod two_ports;

use ohmgrad::circuit::Circuit;
use ohmgrad::solve::{Solution, SolveOptions, Solver, Status};

/// Solves a circuit, and insists on the certificate.
fn solve(circuit: &Circuit) -> Solution {
    let mut solver = Solver::new(circuit, SolveOptions::default()).expect("an operating point");
    let solution = solver.solve(circuit).expect("an operating point");
    assert_eq!(
        solution.status,
        Status::Solved,
        "{:?}",
        solution.certificate
    );
    assert!(
        solution.certificate.passes(1e-9),
        "{:?}",
        solution.certificate
    );
    solution
}

/// The potential of a node.
fn volts(circuit: &Circuit, solution: &Solution, node: &str) -> f64 {
    solution.potential(circuit.node(node).expect("the circuit has the node"))
}

/// The current of an element.
fn amperes(circuit: &Circuit, solution: &Solution, element: &str) -> f64 {
    solution.current(
        circuit
            .element(element)
            .expect("the circuit has the element"),
    )
}

fn assert_close(found: f64, wanted: f64, what: &str) {
    let off = (found - wanted).abs();
    assert!(
        off <= 1e-12 * (1.0 + wanted.abs()),
        "{what}: {found} for {wanted}"
    );
}

//! Potentials that a circuit leaves open.

use ohmgrad::circuit::{Circuit, CircuitBuilder};

use super::{assert_close, solve, volts};

/// The open nodes with their intervals, by name.
fn open(builder: CircuitBuilder) -> Vec<(String, f64, f64)> {
    let circuit = builder.build().expect("valid");
    let solution = solve(&circuit);
    let named = solution.undetermined.iter().map(|open| {
        let potential = solution.potential(open.node);
        assert!(open.lowest <= potential && potential <= open.highest);
        (circuit[open.node].to_owned(), open.lowest, open.highest)
    });
    named.collect()
}

#[test]
fn an_island_floats() {
    let all = (f64::NEG_INFINITY, f64::INFINITY);
    let found = open(
        Circuit::builder()
            .voltage_source("v1", "a", "b", 1.0)
            .resistor("r1", "a", "b", 1.0)
            .resistor("r2", "c", "0", 1.0),
    );
    assert_eq!(
        found,
        [
            ("a".to_owned(), all.0, all.1),
            ("b".to_owned(), all.0, all.1)
        ]
    );
}

#[test]
fn a_node_between_blocking_diodes_has_an_interval() {
    let found = open(
        Circuit::builder()
            .voltage_source("vl", "low", "0", -1.0)
            .voltage_source("vh", "high", "0", 2.0)
            .ideal_diode("d1", "low", "a", 0.0)
            .ideal_diode("d2", "a", "high", 0.5),
    );
    assert_eq!(found, [("a".to_owned(), -1.0, 2.5)]);
}

#[test]
fn a_chain_of_idle_diodes_is_bounded_on_one_side() {
    let found = open(
        Circuit::builder()
            .voltage_source("v1", "in", "0", 1.0)
            .ideal_diode("d1", "in", "a", 0.25)
            .ideal_diode("d2", "a", "b", 0.25),
    );
    assert_eq!(
        found,
        [
            ("a".to_owned(), 0.75, f64::INFINITY),
            ("b".to_owned(), 0.5, f64::INFINITY)
        ]
    );
}

#[test]
fn a_conducting_diode_determines_its_node() {
    let builder = Circuit::builder()
        .voltage_source("v1", "in", "0", 1.0)
        .ideal_diode("d1", "in", "a", 0.25)
        .resistor("r1", "a", "0", 1.0);
    assert_eq!(open(builder.clone()), []);
    let circuit = builder.build().expect("valid");
    assert_close(volts(&circuit, &solve(&circuit), "a"), 0.75, "potential");
}

#[test]
fn nodes_without_elements_are_open() {
    let mut builder = Circuit::builder().resistor("r1", "a", "0", 1.0);
    builder.node("lonely");
    assert_eq!(open(builder).len(), 1);
}

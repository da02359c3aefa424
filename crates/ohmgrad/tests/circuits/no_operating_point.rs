//! Circuits without an operating point, and what is said of them.

use ohmgrad::circuit::{Circuit, CircuitBuilder};
use ohmgrad::device::{Law, Tanh};
use ohmgrad::solve::PresolveError;
use ohmgrad::solve::{SolveOptions, Solver};

fn fault(builder: CircuitBuilder) -> PresolveError {
    let circuit = builder.build().expect("valid elements");
    let outcome = Solver::new(&circuit, SolveOptions::default());
    let outcome = outcome.and_then(|mut solver| solver.solve(&circuit));
    outcome.expect_err("no operating point")
}

#[test]
fn contradictory_sources_are_listed() {
    let error = fault(
        Circuit::builder()
            .voltage_source("v1", "a", "0", 1.0)
            .voltage_source("v2", "a", "b", 1.0)
            .resistor("short", "b", "0", 0.0)
            .voltage_source("v3", "b", "0", 0.5)
            .resistor("r1", "a", "0", 1.0),
    );
    let PresolveError::ContradictoryLoop { elements, excess } = &error else {
        panic!("{error}");
    };
    assert_eq!(*excess, 0.5);
    assert!(elements.contains(&"v3".to_owned()) && !elements.contains(&"r1".to_owned()));
    assert!(
        error
            .to_string()
            .contains("add up to 0.5 V around their loop"),
        "{error}"
    );
}

#[test]
fn consistent_loops_of_sources_are_fine() {
    let circuit = Circuit::builder()
        .voltage_source("v1", "a", "0", 0.1)
        .voltage_source("v2", "b", "a", 0.2)
        .voltage_source("v3", "b", "0", 0.3)
        .resistor("r1", "b", "0", 1.0)
        .build()
        .expect("valid");
    super::solve(&circuit);
}

#[test]
fn infeasible_diode_loops_are_listed() {
    let error = fault(
        Circuit::builder()
            .voltage_source("v1", "a", "0", 2.0)
            .ideal_diode("d1", "a", "b", 0.7)
            .ideal_diode("d2", "b", "0", 0.7)
            .resistor("r1", "b", "0", 1.0),
    );
    let PresolveError::InfeasibleDiodes { elements, excess } = &error else {
        panic!("{error}");
    };
    assert_eq!(elements.len(), 2);
    assert!((excess - 0.6).abs() < 1e-12);
    assert!(
        error.to_string().contains("put a resistor in the loop"),
        "{error}"
    );
}

#[test]
fn current_into_an_island_is_named() {
    let error = fault(
        Circuit::builder()
            .current_source("i1", "0", "a", 1e-3)
            .resistor("r1", "a", "b", 1.0)
            .ideal_diode("d1", "0", "a", 0.0)
            .resistor("r2", "c", "0", 1.0),
    );
    let PresolveError::NowhereToGo {
        sources,
        nodes,
        excess,
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(
        (sources.as_slice(), *excess),
        (&["i1".to_owned()][..], 1e-3)
    );
    assert_eq!(nodes, &["a", "b"]);
    assert!(
        error.to_string().contains("add a path to ground"),
        "{error}"
    );
}

#[test]
fn current_beyond_saturation_is_named() {
    let tanh = Law::from(Tanh {
        limit: 1e-3,
        scale: 1.0,
    });
    let error = fault(
        Circuit::builder()
            .current_source("i1", "a", "0", 2e-3)
            .element("x1", "a", "0", tanh),
    );
    assert!(
        matches!(error, PresolveError::NowhereToGo { .. }),
        "{error}"
    );
}

#[test]
fn current_may_leave_through_a_diode() {
    let circuit = Circuit::builder()
        .current_source("i1", "0", "a", 1e-3)
        .ideal_diode("d1", "a", "b", 0.7)
        .resistor("r1", "b", "0", 1e3)
        .build()
        .expect("valid");
    let solution = super::solve(&circuit);
    super::assert_close(super::volts(&circuit, &solution, "a"), 1.7, "potential");
}

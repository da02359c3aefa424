//! The certificate finds what is wrong.

use ohmgrad::circuit::Circuit;
use ohmgrad::solve::Certificate;

use super::solve;

fn rectifier() -> Circuit {
    Circuit::builder()
        .voltage_source("v1", "in", "0", 5.0)
        .ideal_diode("d1", "in", "out", 0.7)
        .resistor("r1", "out", "0", 1e3)
        .ideal_diode("d2", "0", "out", 0.0)
        .build()
        .expect("valid")
}

/// The certificate after a change of the potentials and currents of the right answer.
fn after(change: impl Fn(&mut [f64], &mut [f64])) -> Certificate {
    let circuit = rectifier();
    let solution = solve(&circuit);
    let (mut potentials, mut currents) = (solution.potentials, solution.currents);
    change(&mut potentials, &mut currents);
    Certificate::check(&circuit, &potentials, &currents)
}

#[test]
fn the_right_answer_passes() {
    assert!(after(|_, _| ()).passes(1e-12));
}

#[test]
fn a_missing_current_shows_in_the_current_law() {
    let certificate = after(|_, i| i[1] *= 1.01);
    assert!((certificate.kcl - 0.01).abs() < 1e-3, "{certificate:?}");
    assert!(!certificate.passes(1e-9));
}

#[test]
fn a_wrong_potential_shows_in_the_voltage_law() {
    assert!(after(|v, _| v[1] += 0.05).voltage_law > 1e-3);
}

#[test]
fn a_diode_beyond_its_forward_voltage_shows() {
    assert!(after(|v, _| v[2] -= 0.05).diode > 1e-3);
}

#[test]
fn a_reverse_current_shows() {
    assert!(after(|_, i| i[3] = -1e-3).diode > 1e-3);
}

#[test]
fn a_current_through_a_blocking_diode_shows() {
    assert!(after(|_, i| i[3] = 1e-3).complementarity > 1e-3);
}

#[test]
fn what_is_not_a_number_does_not_pass() {
    assert!(!after(|v, _| v[2] = f64::NAN).passes(1.0));
    assert!(!after(|_, i| i[1] = f64::NAN).passes(1.0));
}

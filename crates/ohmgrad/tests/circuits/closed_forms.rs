//! Circuits whose answers are known.

use ohmgrad::circuit::Circuit;
use ohmgrad::device::{IvCurve, Law, PowerLaw, Tanh};

use super::{amperes, assert_close, families, solve, volts};

#[test]
fn divider() {
    let circuit = families::divider();
    let solution = solve(&circuit);
    assert_close(volts(&circuit, &solution, "out"), 1.0, "divided voltage");
    // As in SPICE: from + through the source to -.
    assert_close(amperes(&circuit, &solution, "v1"), -1e-3, "source current");
    assert_close(solution.dissipated_power, 3e-3, "power");
}

#[test]
fn wheatstone_bridge() {
    // With arms a/b and c/d and a detector of 1 ohm; nodal equations solved by hand.
    let circuit = Circuit::builder()
        .voltage_source("v1", "top", "0", 10.0)
        .resistor("ra", "top", "left", 1.0)
        .resistor("rb", "left", "0", 2.0)
        .resistor("rc", "top", "right", 2.0)
        .resistor("rd", "right", "0", 1.0)
        .resistor("rm", "left", "right", 1.0)
        .build()
        .expect("valid");
    let solution = solve(&circuit);
    // 2.5 l - r = 10, -l + 2.5 r = 5.
    assert_close(volts(&circuit, &solution, "left"), 30.0 / 5.25, "left");
    assert_close(volts(&circuit, &solution, "right"), 22.5 / 5.25, "right");
}

#[test]
fn infinite_ladder_has_the_golden_ratio() {
    let mut builder = Circuit::builder().voltage_source("v1", "n0", "0", 1.0);
    for k in 0..60 {
        let (here, next) = (format!("n{k}"), format!("n{}", k + 1));
        builder = builder
            .resistor(format!("rs{k}"), &here, &next, 1.0)
            .resistor(format!("rp{k}"), &next, "0", 1.0);
    }
    let circuit = builder.build().expect("valid");
    let golden = (1.0 + 5f64.sqrt()) / 2.0;
    assert_close(
        amperes(&circuit, &solve(&circuit), "v1"),
        -1.0 / golden,
        "current",
    );
}

#[test]
fn full_wave_rectifier() {
    for volt in [-5.0, -1.0, 0.3, 4.0] {
        let circuit = families::full_wave(volt);
        let solution = solve(&circuit);
        let wanted = (volt.abs() - 1.4).max(0.0);
        assert_close(volts(&circuit, &solution, "high"), wanted, "rectified");
    }
}

#[test]
fn maximum_of_n() {
    let circuit = families::maximum(&[0.3, -1.0, 2.25, 2.0, 1.5]);
    let solution = solve(&circuit);
    assert_close(volts(&circuit, &solution, "out"), 2.25, "maximum");
    assert_close(
        amperes(&circuit, &solution, "d2"),
        2.25e-6,
        "its diode's current",
    );
    assert_eq!(
        amperes(&circuit, &solution, "d3"),
        0.0,
        "another diode's current"
    );
}

#[test]
fn jamming_case() {
    let circuit = families::jamming();
    let solution = solve(&circuit);
    for node in ["n1", "n2"] {
        assert_close(volts(&circuit, &solution, node), 0.5, node);
    }
    assert_close(amperes(&circuit, &solution, "d1"), 0.5, "diode current");
}

#[test]
fn curved_elements_meet_their_load_lines() {
    let laws = [
        Law::from(Tanh {
            limit: 1e-3,
            scale: 0.2,
        }),
        Law::from(PowerLaw {
            coefficient: 1e-3,
            exponent: 3.0,
        }),
        Law::from(PowerLaw {
            coefficient: 1e-3,
            exponent: 0.5,
        }),
        Law::from(
            IvCurve::new([(-1.0, -1e-3), (0.2, 0.0), (0.5, 0.0), (0.6, 1e-2)]).expect("rising"),
        ),
        families::shockley(),
    ];
    for law in laws {
        for volt in [-2.0, 0.1, 5.0] {
            let circuit = Circuit::builder()
                .voltage_source("v1", "in", "0", volt)
                .resistor("r1", "in", "out", 1e3)
                .element("x1", "out", "0", law.clone())
                .build()
                .expect("valid");
            let solution = solve(&circuit);
            let curve = law.characteristic().expect("a curve");
            let wanted = curve.on_load_line(volt, 1e3);
            let found = volts(&circuit, &solution, "out");
            assert!(
                (found - wanted).abs() < 1e-9,
                "{law:?} at {volt} V: {found} for {wanted}"
            );
        }
    }
}

#[test]
fn current_through_a_huge_conductance_keeps_its_digits() {
    // 1 nA through 1 kS beside a source of 1 V: 1 pV, four decades below the last digit of 1 V.
    let circuit = Circuit::builder()
        .voltage_source("v1", "in", "0", 1.0)
        .conductance("r1", "in", "out", 1e3)
        .conductance("r2", "out", "0", 1e-9)
        .build()
        .expect("valid");
    let solution = solve(&circuit);
    assert_close(
        amperes(&circuit, &solution, "r1") / 1e-9,
        1.0,
        "current in nA",
    );
}

#[test]
fn two_diodes_back_to_back_hold_their_nodes_together() {
    let circuit = Circuit::builder()
        .voltage_source("v1", "in", "0", 1.0)
        .conductance("r1", "in", "a", 1.0)
        .ideal_diode("d1", "a", "b", 0.0)
        .ideal_diode("d2", "b", "a", 0.0)
        .conductance("r2", "b", "0", 3.0)
        .build()
        .expect("valid");
    let solution = solve(&circuit);
    assert_close(volts(&circuit, &solution, "b"), 0.25, "common potential");
    assert_close(amperes(&circuit, &solution, "d1"), 0.75, "forward current");
    assert_close(amperes(&circuit, &solution, "d2"), 0.0, "reverse current");
}

//! Small circuits that are hard to certify, with their values: by every method, right to the last digits.

use ohmgrad::circuit::{Circuit, netlist};
use ohmgrad::solve::{Solution, SolveOptions, Solver, Status};

use super::METHODS;

/// The answers of a netlist of this folder by all methods.
fn answers(name: &str) -> (Circuit, Vec<Solution>) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exact/certified");
    let netlist = netlist::read(format!("{folder}/{name}.cir")).expect("a valid netlist");
    let circuit = netlist.circuit;
    let solve = |method| {
        let options = SolveOptions::default().with_method(method);
        let mut solver = Solver::new(&circuit, options).expect("an operating point");
        let solution = solver.solve(&circuit).expect("an operating point");
        let why = (&solution.certificate, &solution.accuracy);
        assert_eq!(
            solution.status,
            Status::Solved,
            "{name}, {method:?}: {why:?}"
        );
        solution
    };
    let solutions = METHODS.map(solve).into_iter().collect();
    (circuit, solutions)
}

/// Insists on potentials, within the error bar and `digits` of rounding of the truth as it is written here.
fn has(name: &str, wanted: &[(&str, f64)]) {
    let (circuit, solutions) = answers(name);
    for solution in solutions {
        for (node, volt) in wanted {
            let id = circuit.node(node).expect("a node of the circuit");
            let found = solution.potential(id);
            let bar = solution.accuracy[id.index()] + 1e-9 * volt.abs();
            let off = (found - volt).abs();
            assert!(
                off <= bar,
                "{name}: v({node}) is {found}, not {volt}; bar {bar}"
            );
        }
    }
}

/// Insists that nodes are open, and between which potentials.
fn leaves_open(name: &str, wanted: &[(&str, f64, f64)]) {
    let (circuit, solutions) = answers(name);
    for solution in solutions {
        for (node, low, high) in wanted {
            let id = circuit.node(node).expect("a node of the circuit");
            let open = solution.undetermined.iter().find(|open| open.node == id);
            let open = open.unwrap_or_else(|| panic!("{name}: {node} is open"));
            let off = (open.lowest - low).abs().max((open.highest - high).abs());
            assert!(off <= 1e-12, "{name}: {open:?}");
        }
    }
}

#[test]
fn a_leaky_diode_beside_a_strong_source() {
    has("A0_leaky_1841V", &[("5", 40.0), ("6", 40.0)]);
}

#[test]
fn one_of_two_diodes_carries_an_ampere_beside_a_leak() {
    has("A1_certified_wrong_isource", &[("a", 0.0)]);
}

#[test]
fn a_diode_blocks_before_a_shockley_diode() {
    // a to b would need v(b) = 5 V across the Shockley diode, which carries amperes without number there.
    let (circuit, solutions) = answers("A2_certified_wrong_5V");
    let d1 = circuit.element("d1").expect("of the circuit");
    for solution in &solutions {
        let b = solution.potential(circuit.node("b").expect("of the circuit"));
        assert!((b - 5.0).abs() < 1e-12 && solution.current(d1) > 0.0);
    }
}

#[test]
fn an_idle_node_behind_gigaohms() {
    has("A6_idle_node_15V", &[("h1", 0.0), ("h5", 1.0)]);
}

#[test]
fn a_diode_to_an_open_node() {
    has("A8_coordinate_open_node", &[("9", -1.0), ("10", -1.0)]);
}

#[test]
fn two_diodes_with_a_picovolt_of_room() {
    let (circuit, solutions) = answers("B1_weld_mismatch");
    for solution in solutions {
        let v2 = solution.potential(circuit.node("2").expect("of the circuit"));
        assert!(
            (0.339_999_999_999 - 1e-15..=0.34 + 1e-15).contains(&v2),
            "{v2}"
        );
    }
}

#[test]
fn a_tenth_and_two_tenths_are_three_tenths() {
    has("C1_refused_decimals", &[("a", 0.1), ("b", 0.3)]);
}

#[test]
fn two_diodes_back_to_back_across_20_volt() {
    let (circuit, solutions) = answers("D1_coordinate_nan");
    let id = circuit.node("b").expect("of the circuit");
    let wanted = solutions[0].potential(id);
    // The load's current is that of the diode.
    let diode = ohmgrad::device::Shockley::new(1e-14);
    let current = ohmgrad::device::Characteristic::current(&diode, 20.0 - wanted).0;
    assert!((current - wanted / 1e3).abs() < 1e-5 * current, "{wanted}");
    for solution in &solutions {
        let off = (solution.potential(id) - wanted).abs();
        assert!(off <= 2.0 * solution.accuracy[id.index()]);
    }
}

#[test]
fn nodes_between_idle_diodes_are_open() {
    leaves_open(
        "E1_open_node_missed",
        &[("1", -2.6, -0.1), ("5", -2.6, -0.1)],
    );
}

#[test]
fn a_curve_at_rest() {
    // What the diode lets through in reverse, by ngspice's formula far below 0 V (IS (1 + (3 n V_t / (e u))^3)), and the 1e-12 S
    // beside it come from ground through the 0.1 S of the curve.
    let (voltage, saturation) = (-2.226_720_699_067_797, 1.982_786_490_244_153_8e-12);
    let thermal = 1.110_585_237_203_502_6 * 1.380_649e-23 * 300.15 / 1.602_176_634e-19;
    let share: f64 = 3.0 * thermal / (std::f64::consts::E * voltage);
    let current = saturation * (1.0 + share.powi(3)) - 1e-12 * voltage;
    has("J1_pwl_at_rest", &[("8", -current / 0.1)]);
}

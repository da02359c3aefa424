//! Coordinate descent against closed forms and the direct method.

use ohmgrad::circuit::Circuit;
use ohmgrad::device::Law;
use ohmgrad::solve::{Method, Solution, SolveOptions, Solver, Status};

use super::{assert_close, families, volts};

fn solve_by(circuit: &Circuit, options: SolveOptions) -> Solution {
    let mut solver = Solver::new(circuit, options).expect("an operating point");
    let solution = solver.solve(circuit).expect("an operating point");
    let certificate = solution.certificate;
    assert_eq!(solution.status, Status::Solved, "{certificate:?}");
    assert!(certificate.passes(1e-9), "{certificate:?}");
    solution
}

/// Solves by coordinate descent alone.
fn descend_alone(circuit: &Circuit) -> Solution {
    let options = SolveOptions::default().with_method(Method::Coordinate);
    let solution = solve_by(circuit, options);
    let statistics = solution.statistics;
    assert_eq!(statistics.factorizations, 0, "{statistics:?}");
    solution
}

/// Insists on the potentials of the direct method.
fn assert_agrees(circuit: &Circuit, solution: &Solution) {
    let direct = solve_by(circuit, SolveOptions::default().with_method(Method::Direct));
    assert_eq!(direct.statistics.sweeps, 0);
    for (found, wanted) in solution.potentials.iter().zip(&direct.potentials) {
        assert!((found - wanted).abs() < 1e-6, "{found} for {wanted}");
    }
}

#[test]
fn divider() {
    let circuit = families::divider();
    let solution = descend_alone(&circuit);
    assert_close(volts(&circuit, &solution, "out"), 1.0, "divided voltage");
}

#[test]
fn jamming_case() {
    let circuit = families::jamming();
    let solution = descend_alone(&circuit);
    for node in ["n1", "n2"] {
        assert_close(volts(&circuit, &solution, node), 0.5, node);
    }
}

#[test]
fn maximum_of_n() {
    let circuit = families::maximum(&[0.3, -1.0, 2.25, 2.0, 1.5]);
    let solution = descend_alone(&circuit);
    assert_close(volts(&circuit, &solution, "out"), 2.25, "maximum");
}

#[test]
fn full_wave_rectifier() {
    for volt in [-5.0, -1.0, 0.3, 4.0] {
        let circuit = families::full_wave(volt);
        let solution = descend_alone(&circuit);
        let wanted = (volt.abs() - 1.4).max(0.0);
        assert_close(volts(&circuit, &solution, "high"), wanted, "rectified");
    }
}

#[test]
fn networks_with_diodes_to_ground() {
    for seed in 0..5 {
        for diode in [families::ideal(0.0), families::ideal(0.7)] {
            for circuit in [
                families::layered(&[40, 30, 20, 10], &diode, seed),
                families::ladder(100, &diode, seed),
            ] {
                assert_agrees(&circuit, &descend_alone(&circuit));
            }
        }
    }
}

#[test]
fn free_diodes_and_curves() {
    for seed in 0..10 {
        for diode in [
            families::ideal(0.0),
            families::ideal(0.7),
            families::shockley(),
        ] {
            let circuit = families::graph(100, &diode, seed);
            assert_agrees(&circuit, &descend_alone(&circuit));
        }
    }
}

#[test]
fn anything_is_certified() {
    for seed in 0..500 {
        let circuit = families::anything(seed);
        let options = SolveOptions::default()
            .with_method(Method::Coordinate)
            .with_max_sweeps(500);
        let Ok(mut solver) = Solver::new(&circuit, options) else {
            continue;
        };
        let Ok(solution) = solver.solve(&circuit) else {
            continue;
        };
        let certificate = solution.certificate;
        assert!(certificate.passes(1e-9), "seed {seed}: {certificate:?}");
    }
}

#[test]
fn over_relaxation_saves_sweeps_on_a_ladder() {
    let circuit = families::ladder(100, &families::ideal(0.7), 1);
    let plain = descend_alone(&circuit);
    let options = SolveOptions::default().with_method(Method::Coordinate);
    let faster = solve_by(&circuit, options.with_over_relaxation(1.7));
    let sweeps = [&plain, &faster].map(|solution| solution.statistics.sweeps);
    assert!(2 * sweeps[1] < sweeps[0], "{sweeps:?}");
    assert_agrees(&circuit, &faster);
}

#[test]
fn too_few_sweeps_hand_over_to_the_direct_method() {
    let circuit = families::ladder(100, &families::ideal(0.7), 1);
    let options = SolveOptions::default().with_method(Method::Coordinate);
    let solution = solve_by(&circuit, options.with_max_sweeps(3));
    assert_eq!(solution.statistics.sweeps, 3);
    assert!(solution.statistics.factorizations > 0);
}

#[test]
fn a_warm_start_saves_sweeps() {
    let mut circuit = families::layered(&[40, 30, 20, 10], &families::ideal(0.0), 1);
    let options = SolveOptions::default().with_method(Method::Coordinate);
    let mut solver = Solver::new(&circuit, options).expect("solvable");
    let cold = solver.solve(&circuit).expect("solvable").statistics.sweeps;
    let source = circuit.element("v0").expect("the first source");
    let law = Law::VoltageSource { voltage: 0.0 };
    let again = solver.solve(&circuit).expect("solvable").statistics.sweeps;
    assert!(again < cold, "{again} sweeps, {cold} before");
    circuit.set_law(source, law).expect("in range");
    let changed = solver.solve(&circuit).expect("solvable");
    assert_eq!(changed.statistics.factorizations, 0);
    assert_agrees(&circuit, &changed);
}

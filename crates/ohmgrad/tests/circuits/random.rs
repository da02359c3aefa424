//! Random circuits with everything that can go wrong: each has no operating point, or a certified one.

use ohmgrad::solve::{SolveOptions, Solver, Status};

use super::{families, solve};

#[test]
fn anything_is_refused_or_certified() {
    let (mut solved, mut limited) = (0, 0);
    for seed in 0..10_000 {
        let circuit = families::anything(seed);
        let Ok(mut solver) = Solver::new(&circuit, SolveOptions::default()) else {
            continue;
        };
        let Ok(solution) = solver.solve(&circuit) else {
            continue;
        };
        let certificate = solution.certificate;
        match solution.status {
            Status::Solved => solved += 1,
            // Power laws and flats at rest, behind gigaohms: double precision may not tell.
            Status::AccuracyLimit | Status::IterationLimit | Status::Breakdown => {
                limited += 1;
                let numbers = solution.potentials.iter().chain(&solution.currents);
                assert!(numbers.copied().all(f64::is_finite), "seed {seed}");
                continue;
            }
            status => panic!("seed {seed}: {status:?}, {certificate:?}"),
        }
        assert!(certificate.passes(1e-9), "seed {seed}: {certificate:?}");
    }
    assert!(200 * limited < solved, "{limited} are not solved");
    assert!(
        solved > 5_000,
        "only {solved} circuits have an operating point"
    );
}

#[test]
fn families_are_certified() {
    let ideal = families::ideal(0.0);
    let shockley = families::shockley();
    for seed in 0..5 {
        for beside in [false, true] {
            solve(&families::grid(25, beside, seed));
        }
        for diode in [&ideal, &families::ideal(0.7), &shockley] {
            solve(&families::graph(200, diode, seed));
            solve(&families::ladder(100, diode, seed));
            solve(&families::rectifiers(20, diode, seed));
            solve(&families::layered(&[40, 30, 20, 10], diode, seed));
        }
    }
}

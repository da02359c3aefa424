//! Many rows of source values at once.

use ohmgrad::circuit::{Circuit, ElementId};
use ohmgrad::device::Law;
use ohmgrad::solve::{RowError, SolveOptions, Solver};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{families, solve};

fn sources(circuit: &Circuit) -> Vec<ElementId> {
    let is_source = |id: &ElementId| matches!(circuit[*id].law(), Law::VoltageSource { .. });
    circuit.element_ids().filter(is_source).collect()
}

fn potentials(circuit: &Circuit, values: &[f64], threads: usize) -> Vec<Vec<f64>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    let pool = pool.build().expect("threads");
    let mut solver = Solver::new(circuit, SolveOptions::default()).expect("solvable");
    let sources = sources(circuit);
    pool.install(|| solver.solve_rows(circuit, &sources, values, |_, s| s.potentials))
        .expect("solvable")
}

#[test]
fn rows_are_solved_as_one_by_one_for_any_number_of_threads() {
    let circuit = families::layered(&[12, 16, 5], &families::ideal(0.0), 1);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let sources = sources(&circuit);
    let values: Vec<f64> = (0..100 * sources.len())
        .map(|_| rng.random_range(-1.0..1.0))
        .collect();
    let rows = potentials(&circuit, &values, 1);
    for threads in [2, 3] {
        assert_eq!(
            potentials(&circuit, &values, threads),
            rows,
            "{threads} threads"
        );
    }
    for (row, values) in rows.iter().zip(values.chunks(sources.len())) {
        let mut one = circuit.clone();
        for (source, voltage) in sources.iter().zip(values) {
            let law = Law::VoltageSource { voltage: *voltage };
            one.set_law(*source, law).expect("in range");
        }
        for (found, wanted) in row.iter().zip(solve(&one).potentials) {
            assert!((found - wanted).abs() < 1e-10);
        }
    }
}

#[test]
fn bad_rows_are_errors() {
    let circuit = families::ladder(3, &families::ideal(0.7), 0);
    let mut solver = Solver::new(&circuit, SolveOptions::default()).expect("solvable");
    let source = circuit.element("v1").expect("named");
    let resistor = circuit.element("rs0").expect("named");
    let mut fault = |sources: &[ElementId], values: &[f64]| {
        let outcome = solver.solve_rows(&circuit, sources, values, |_, s| s.status);
        outcome.expect_err("a fault")
    };
    assert_eq!(
        fault(&[resistor], &[1.0]),
        RowError::NoSource("rs0".to_owned())
    );
    assert!(matches!(
        fault(&[source, source], &[1.0]),
        RowError::Length { .. }
    ));
    assert!(matches!(
        fault(&[source], &[1.0, f64::NAN]),
        RowError::Value { row: 1, .. }
    ));
}

//! Many rows of source values at once.

use ohmgrad::circuit::{Circuit, ElementId};
use ohmgrad::device::Law;
use ohmgrad::solve::{RowError, Solution, SolveOptions, Solver};
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
    let read = |_, row: Result<Solution, RowError>| row.expect("solvable").potentials;
    pool.install(|| solver.solve_rows(circuit, &sources, values, read))
        .expect("whole rows")
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
fn bad_columns_are_errors() {
    let circuit = families::graph(20, &families::ideal(0.7), 0);
    let mut solver = Solver::new(&circuit, SolveOptions::default()).expect("solvable");
    let [source, other, resistor] =
        ["v0", "v10", "rg0"].map(|name| circuit.element(name).expect("named"));
    let mut fault = |sources: &[ElementId], values: &[f64]| {
        let outcome = solver.solve_rows(&circuit, sources, values, |_, _| ());
        outcome.expect_err("a fault")
    };
    assert_eq!(
        fault(&[resistor], &[1.0]),
        RowError::NoSource("rg0".to_owned())
    );
    assert_eq!(
        fault(&[source, source], &[1.0, 2.0]),
        RowError::Twice("v0".to_owned())
    );
    assert!(matches!(
        fault(&[source, other], &[1.0]),
        RowError::Length { .. }
    ));
}

#[test]
fn a_bad_row_is_an_error_in_its_place() {
    // Beside an ideal diode, the source may not be above 0.7 V.
    let circuit = Circuit::builder()
        .voltage_source("v1", "in", "0", 0.0)
        .ideal_diode("d1", "in", "0", 0.7)
        .resistor("r1", "in", "out", 1e3)
        .resistor("r2", "out", "0", 1e3)
        .build()
        .expect("valid");
    let (source, out) = (circuit.element("v1"), circuit.node("out"));
    let (source, out) = (source.expect("named"), out.expect("named"));
    // The first rows are bad, and so are some in every later chunk.
    let volts = |row: usize| match row % 40 {
        0 | 1 => 5.0,
        2 => f64::INFINITY,
        _ => -(row as f64),
    };
    let values: Vec<f64> = (0..200).map(volts).collect();
    let mut solver = Solver::new(&circuit, SolveOptions::default()).expect("solvable");
    let read = |_, row: Result<Solution, RowError>| row.map(|solution| solution.potential(out));
    let rows = solver.solve_rows(&circuit, &[source], &values, read);
    for (k, (found, value)) in rows
        .expect("whole rows")
        .into_iter()
        .zip(values)
        .enumerate()
    {
        match found {
            Ok(found) => assert!((found - 0.5 * value).abs() < 1e-9 && value < 0.7),
            Err(RowError::Presolve { row, .. }) => assert_eq!((row, value), (k, 5.0)),
            Err(RowError::Value { row, .. }) => assert_eq!((row, value), (k, f64::INFINITY)),
            Err(error) => panic!("{error}"),
        }
    }
}

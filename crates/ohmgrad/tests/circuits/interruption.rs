//! A single solve that takes long can be stopped, and its solver goes on to be used; and so can training.

use ohmgrad::circuit::Circuit;
use ohmgrad::interrupt::{Interrupted, interruptible};
use ohmgrad::learn::circuit::{
    CircuitExamples, CircuitLearner, CircuitOptions, CircuitTask, LearnError, Output,
};
use ohmgrad::solve::PresolveError;
use ohmgrad::solve::{Method, SolveOptions, Solver, Status};

use super::families;

/// Each round of the search for contradictions settles one more diode: without an end before, it takes minutes.
#[test]
fn the_search_for_contradictions_is_interrupted() {
    const DIODES: usize = 20_000;
    let mut builder = Circuit::builder();
    for k in 0..DIODES {
        let ends = [k, k + 1].map(|node| format!("n{node}"));
        builder.push(format!("d{k}"), &ends[0], &ends[1], families::ideal(-1.0));
    }
    builder.push("back", &format!("n{DIODES}"), "n0", families::ideal(1e9));
    let circuit = builder.build().expect("valid");
    let stopped = interruptible(
        || true,
        || Solver::new(&circuit, SolveOptions::default()).map(drop),
    );
    assert!(matches!(stopped, Err(PresolveError::Interrupted(_))));
}

#[test]
fn options_that_are_no_numbers_are_refused() {
    let circuit = families::divider();
    let refused = |options: SolveOptions| match Solver::new(&circuit, options).map(drop) {
        Err(PresolveError::Option { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    let options = SolveOptions::default();
    for tolerance in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        assert_eq!(refused(options.with_tolerance(tolerance)), "tolerance");
    }
    assert_eq!(
        refused(options.with_over_relaxation(f64::NAN)),
        "over-relaxation"
    );
}

#[test]
fn a_solve_is_interrupted() {
    let circuit = families::grid(120, false, 1); // takes several times the 50 ms after which it is first asked
    for method in [Method::Direct, Method::Coordinate] {
        let options = SolveOptions::default().with_method(method);
        let mut solver = Solver::new(&circuit, options).expect("an operating point");
        let stopped = interruptible(|| true, || solver.solve(&circuit));
        let stopped = stopped.expect("an operating point");
        assert_eq!(stopped.status, Status::Interrupted, "{method:?}");
        assert!(!stopped.certificate.passes(1e-9), "{method:?}");
        assert_eq!(stopped.potentials.len(), circuit.node_names().len());
        if method == Method::Direct {
            let solution = solver.solve(&circuit).expect("an operating point");
            assert_eq!(solution.status, Status::Solved);
        }
    }
}

/// A learner of the resistor at the first source of a grid, with examples of which all ask for 0 V.
fn grid_learner(circuit: &Circuit, examples: usize) -> (CircuitLearner, CircuitExamples) {
    let mut names = circuit.element_names().iter();
    let series = names.find(|name| name.starts_with("rs"));
    let series = series.expect("a grid has sources");
    let named = |name: &str| circuit.element(name).expect("it has one");
    let (input, trained) = (named(&series.replace("rs", "v")), named(series));
    let output = Output::Potential(circuit[trained].nodes()[1]);
    let task = CircuitTask::new(circuit, vec![input], vec![output], vec![trained]);
    let options = CircuitOptions::default();
    let learner = CircuitLearner::new(circuit, task.expect("a valid task"), options, 0);
    let inputs = (0..examples).map(|k| vec![1.0 + k as f64]).collect();
    let examples = CircuitExamples::new(inputs, vec![vec![0.0]; examples]);
    (learner.expect("valid options"), examples.expect("valid"))
}

#[test]
fn training_and_evaluation_of_a_circuit_are_interrupted() {
    let stopped = LearnError::Interrupted(Interrupted);
    // Many short solves, and one that takes several times as long as it is before it is first asked.
    for (side, count) in [(20, 4000), (120, 1)] {
        let circuit = families::grid(side, false, 1);
        let (mut learner, examples) = grid_learner(&circuit, count);
        let outcome = interruptible(|| true, || learner.train_epoch(&examples, |_| ()));
        assert_eq!(outcome, Err(stopped.clone()), "training, {side}");
        let outcome = interruptible(|| true, || learner.evaluate(&examples));
        assert_eq!(outcome, Err(stopped.clone()), "evaluation, {side}");
    }
}

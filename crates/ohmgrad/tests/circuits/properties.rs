//! Laws that all answers obey.

use ohmgrad::circuit::Circuit;
use ohmgrad::device::Law;
use ohmgrad::solve::{SolveOptions, Solver, Status};

use super::{families, solve};

/// A copy of the circuit with other laws.
fn with_laws(circuit: &Circuit, change: impl Fn(&Law) -> Law) -> Circuit {
    let mut changed = circuit.clone();
    for id in circuit.element_ids() {
        let law = change(circuit[id].law());
        changed.set_law(id, law).expect("in range");
    }
    changed
}

fn assert_same(found: &[f64], wanted: impl Iterator<Item = f64>, tolerance: f64, what: &str) {
    for (node, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let off = (found - wanted).abs();
        assert!(
            off <= tolerance * (1.0 + wanted.abs()),
            "{what}, node {node}: {found} for {wanted}"
        );
    }
}

#[test]
fn scaling_all_conductances_leaves_the_potentials() {
    for seed in 0..20 {
        let circuit = families::graph(40, &families::ideal(0.3), seed);
        let scaled = with_laws(&circuit, |law| match law {
            Law::Resistor { conductance } => families::resistor(1e3 * conductance),
            law => law.clone(),
        });
        let wanted = solve(&circuit).potentials;
        let found = solve(&scaled).potentials;
        assert_same(&found, wanted.into_iter(), 1e-10, "scaled");
    }
}

#[test]
fn linear_circuits_superpose() {
    let circuit = families::graph(50, &families::resistor(1e-3), 7);
    let sources: Vec<_> = circuit
        .element_ids()
        .filter(|id| matches!(circuit[*id].law(), Law::VoltageSource { .. }))
        .collect();
    let mut sum = vec![0.0; circuit.node_names().len()];
    for alone in &sources {
        let mut one = circuit.clone();
        for other in sources.iter().filter(|other| *other != alone) {
            let law = Law::VoltageSource { voltage: 0.0 };
            one.set_law(*other, law).expect("in range");
        }
        for (sum, v) in sum.iter_mut().zip(solve(&one).potentials) {
            *sum += v;
        }
    }
    assert_same(
        &solve(&circuit).potentials,
        sum.into_iter(),
        1e-10,
        "superposed",
    );
}

#[test]
fn raising_a_source_lowers_no_potential() {
    // Potentials of networks of resistors and diodes rise with every source (monotonicity of M-functions).
    for seed in 0..10 {
        let circuit = families::graph(40, &families::ideal(0.2), seed);
        let source = circuit.element("v10").expect("every tenth node has one");
        let mut solver = Solver::new(&circuit, SolveOptions::default()).expect("solvable");
        let mut last = vec![f64::NEG_INFINITY; circuit.node_names().len()];
        let mut raised = circuit.clone();
        for step in 0..12 {
            let voltage = f64::from(step) - 6.0;
            raised
                .set_law(source, Law::VoltageSource { voltage })
                .expect("in range");
            let solution = solver.solve(&raised).expect("solvable");
            assert_eq!(solution.status, Status::Solved);
            for (now, before) in solution.potentials.iter().zip(&last) {
                assert!(
                    *now >= before - 1e-10,
                    "a potential falls from {before} to {now}"
                );
            }
            last = solution.potentials;
        }
    }
}

#[test]
fn sources_and_shorts_are_contracted_without_a_trace() {
    // A circuit with every node split in two by a short or a source of 0 V has the same answer.
    for seed in 0..10 {
        let circuit = families::graph(30, &families::ideal(0.4), seed);
        let mut builder = Circuit::builder();
        for node in circuit.node_names() {
            builder.node(node);
        }
        let names = circuit.element_names();
        for (k, element) in circuit.elements().iter().enumerate() {
            let [a, b] = element.nodes().map(|node| &circuit[node]);
            let middle = format!("split{k}");
            builder.push(&names[k], a, &middle, element.law().clone());
            let law = if k % 2 == 0 {
                Law::VoltageSource { voltage: 0.0 }
            } else {
                families::resistor(f64::INFINITY)
            };
            builder.push(format!("x{k}"), &middle, b, law);
        }
        let split = builder.build().expect("valid");
        let wanted = solve(&circuit).potentials;
        assert_same(
            &solve(&split).potentials,
            wanted.into_iter(),
            1e-10,
            "split",
        );
    }
}

#[test]
fn solving_again_gives_the_answer_of_a_fresh_solver() {
    let ideal = families::ideal(0.0);
    let circuit = families::layered(&[20, 12, 8, 4], &ideal, 3);
    let mut solver = Solver::new(&circuit, SolveOptions::default()).expect("solvable");
    for step in 0..30 {
        let changed = with_laws(&circuit, |law| match law {
            Law::VoltageSource { voltage } => Law::VoltageSource {
                voltage: voltage * (f64::from(step) * 0.7).cos(),
            },
            Law::Resistor { conductance } => {
                families::resistor(conductance * (1.0 + 0.5 * (f64::from(step)).sin()))
            }
            law => law.clone(),
        });
        let again = solver.solve(&changed).expect("solvable");
        assert_eq!(again.status, Status::Solved);
        assert_same(
            &again.potentials,
            solve(&changed).potentials.into_iter(),
            1e-10,
            "again",
        );
    }
}

#[test]
fn a_solver_follows_a_change_of_shape() {
    let circuit = families::graph(30, &families::ideal(0.4), 5);
    let mut solver = Solver::new(&circuit, SolveOptions::default()).expect("solvable");
    let opened = with_laws(&circuit, |law| match law {
        Law::Resistor { conductance } if *conductance < 3e-5 => families::resistor(0.0),
        law => law.clone(),
    });
    let found = solver.solve(&opened).expect("solvable");
    assert_eq!(found.status, Status::Solved);
    assert_same(
        &found.potentials,
        solve(&opened).potentials.into_iter(),
        1e-10,
        "opened",
    );
}

#[test]
fn a_solver_sees_every_change() {
    let circuit = families::graph(60, &families::ideal(0.2), 3);
    let doubled = with_laws(&circuit, |law| match law {
        Law::Resistor { conductance } => families::resistor(2.0 * conductance),
        law => law.clone(),
    });
    let softened = with_laws(&circuit, |law| match law {
        Law::Diode(_) => families::resistor(1e-3),
        law => law.clone(),
    });
    let raised = with_laws(&circuit, |law| match law {
        Law::VoltageSource { voltage } => Law::VoltageSource {
            voltage: voltage + 1.0,
        },
        law => law.clone(),
    });
    let mut solver = Solver::new(&circuit, SolveOptions::default()).expect("solvable");
    for changed in [&circuit, &doubled, &raised, &softened, &circuit, &raised] {
        let solution = solver.solve(changed).expect("solvable");
        assert_eq!(solution.status, Status::Solved);
        let wanted = solve(changed).potentials;
        assert_same(&solution.potentials, wanted.into_iter(), 1e-10, "changed");
    }
}

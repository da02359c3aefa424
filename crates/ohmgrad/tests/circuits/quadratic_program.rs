//! Ideal circuits against Clarabel, an independent solver of quadratic programs.
//!
//! minimise the co-content of the resistors and current sources over the potentials, subject to v_a - v_b = V for
//! voltage sources and v_a - v_b <= V_f for diodes.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};
use ohmgrad::circuit::Circuit;
use ohmgrad::device::Law;

use super::{families, solve};

/// The potentials of all nodes but ground, and by how much a state's energy exceeds theirs, relative to it.
fn minimum(circuit: &Circuit, state: &[f64]) -> (Vec<f64>, f64) {
    let count = circuit.node_names().len() - 1;
    let mut quadratic = vec![vec![0.0; count]; count];
    let mut linear = vec![0.0; count];
    let (mut equal, mut below) = (Vec::new(), Vec::new());
    for element in circuit.elements() {
        let [a, b] = element.nodes().map(|node| node.index().checked_sub(1));
        let ends = [(a, 1.0), (b, -1.0)];
        let ends = || {
            ends.into_iter()
                .filter_map(|(node, sign)| Some((node?, sign)))
        };
        match element.law() {
            Law::Resistor { conductance } => {
                for (i, si) in ends() {
                    for (j, sj) in ends() {
                        quadratic[i][j] += si * sj * conductance;
                    }
                }
            }
            Law::CurrentSource { current } => ends().for_each(|(i, si)| linear[i] += si * current),
            Law::VoltageSource { voltage } => equal.push((ends().collect::<Vec<_>>(), *voltage)),
            Law::Diode(diode) => below.push((ends().collect(), diode.forward_voltage)),
            law => panic!("{law:?} is not ideal"),
        }
    }
    let cones = [
        SupportedConeT::ZeroConeT(equal.len()),
        SupportedConeT::NonnegativeConeT(below.len()),
    ];
    let rows: Vec<_> = equal.into_iter().chain(below).collect();
    let mut matrix = vec![vec![0.0; count]; rows.len()];
    for (row, (ends, _)) in matrix.iter_mut().zip(&rows) {
        ends.iter().for_each(|(i, sign)| row[*i] += sign);
    }
    let bounds: Vec<f64> = rows.iter().map(|(_, bound)| *bound).collect();
    let settings = DefaultSettings {
        verbose: false,
        tol_gap_abs: 1e-12,
        tol_gap_rel: 1e-12,
        tol_feas: 1e-12,
        ..DefaultSettings::default()
    };
    let (p, a) = (CscMatrix::from(&quadratic), CscMatrix::from(&matrix));
    let mut solver = DefaultSolver::new(&p.to_triu(), &linear, &a, &bounds, &cones, settings)
        .expect("a well-formed problem");
    solver.solve();
    let status = solver.solution.status;
    let is_solved = matches!(status, SolverStatus::Solved | SolverStatus::AlmostSolved);
    assert!(is_solved, "{status:?}");
    let product = |row: &Vec<f64>| -> f64 { row.iter().zip(state).map(|(p, x)| p * x).sum() };
    let rows = quadratic.iter().zip(&linear).zip(state);
    let energy: f64 = rows.map(|((p, q), x)| x * (0.5 * product(p) + q)).sum();
    let best = solver.solution.obj_val;
    (solver.solution.x.clone(), (energy - best) / best.abs())
}

#[test]
fn potentials_agree() {
    for seed in 0..30 {
        for circuit in [
            families::graph(30, &families::ideal(0.0), seed),
            families::graph(30, &families::ideal(0.5), seed),
            families::ladder(20, &families::ideal(0.7), seed),
            families::rectifiers(5, &families::ideal(0.7), seed),
            families::layered(&[10, 8, 6, 3], &families::ideal(0.0), seed),
        ] {
            let found = &solve(&circuit).potentials[1..];
            let (wanted, excess) = minimum(&circuit, found);
            assert!(excess.abs() < 1e-8, "seed {seed}: energy off by {excess}");
            for (k, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
                let node = &circuit.node_names()[k + 1];
                // Where 1 uS ties a node to the others, the energy hardly depends on its potential.
                assert!(
                    (found - wanted).abs() < 1e-3,
                    "seed {seed}, {node}: {found}, {wanted}"
                );
            }
        }
    }
}

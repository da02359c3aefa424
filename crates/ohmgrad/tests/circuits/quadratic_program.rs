//! Ideal circuits against Clarabel, an independent solver of quadratic programs.
//!
//! minimise the co-content of the resistors and current sources over the potentials, subject to v_a - v_b = V for
//! voltage sources and v_a - v_b <= V_f for diodes.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};
use ohmgrad::circuit::Circuit;
use ohmgrad::device::Law;
use ohmgrad::solve::PresolveError;
use ohmgrad::solve::{SolveOptions, Solver};

use super::{families, solve};

/// minimise x P x / 2 + q x subject to A x = b in the first rows, A x <= b in the others.
struct Program {
    quadratic: Vec<Vec<f64>>,
    linear: Vec<f64>,
    matrix: Vec<Vec<f64>>,
    bounds: Vec<f64>,
    equalities: usize,
}

struct Answer {
    status: SolverStatus,
    x: Vec<f64>,
    objective: f64,
}

impl Program {
    /// The program of a circuit, in the potentials of all nodes but ground.
    fn new(circuit: &Circuit) -> Program {
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
                Law::CurrentSource { current } => {
                    ends().for_each(|(i, s)| linear[i] += s * current)
                }
                Law::VoltageSource { voltage } => equal.push((ends().collect(), *voltage)),
                Law::Diode(diode) => below.push((ends().collect(), diode.forward_voltage)),
                law => panic!("{law:?} is not ideal"),
            }
        }
        let equalities = equal.len();
        let rows: Vec<(Vec<_>, f64)> = equal.into_iter().chain(below).collect();
        let mut matrix = vec![vec![0.0; count]; rows.len()];
        for (row, (ends, _)) in matrix.iter_mut().zip(&rows) {
            ends.iter().for_each(|(i, sign)| row[*i] += sign);
        }
        Program {
            quadratic,
            linear,
            matrix,
            bounds: rows.iter().map(|(_, bound)| *bound).collect(),
            equalities,
        }
    }

    fn solve(&self, tolerance: f64) -> Answer {
        let cones = [
            SupportedConeT::ZeroConeT(self.equalities),
            SupportedConeT::NonnegativeConeT(self.bounds.len() - self.equalities),
        ];
        let settings = DefaultSettings {
            verbose: false,
            tol_gap_abs: tolerance,
            tol_gap_rel: tolerance,
            tol_feas: tolerance,
            ..DefaultSettings::default()
        };
        let p = CscMatrix::from(&self.quadratic).to_triu();
        let a = CscMatrix::from(&self.matrix);
        let mut solver = DefaultSolver::new(&p, &self.linear, &a, &self.bounds, &cones, settings)
            .expect("a well-formed problem");
        solver.solve();
        Answer {
            status: solver.solution.status,
            x: solver.solution.x.clone(),
            objective: solver.solution.obj_val,
        }
    }

    fn objective(&self, x: &[f64]) -> f64 {
        let product = |row: &[f64]| -> f64 { row.iter().zip(x).map(|(p, x)| p * x).sum() };
        let rows = self.quadratic.iter().zip(&self.linear).zip(x);
        rows.map(|((p, q), x)| x * (0.5 * product(p) + q)).sum()
    }
}

#[test]
fn potentials_and_energies_agree() {
    for seed in 0..30 {
        for circuit in [
            families::graph(30, &families::ideal(0.0), seed),
            families::graph(30, &families::ideal(0.5), seed),
            families::ladder(20, &families::ideal(0.7), seed),
            families::rectifiers(5, &families::ideal(0.7), seed),
            families::layered(&[10, 8, 6, 3], &families::ideal(0.0), seed),
        ] {
            let found = &solve(&circuit).potentials[1..];
            let program = Program::new(&circuit);
            let best = program.solve(1e-12);
            let is_solved = matches!(
                best.status,
                SolverStatus::Solved | SolverStatus::AlmostSolved
            );
            assert!(is_solved, "seed {seed}: {:?}", best.status);
            let excess = (program.objective(found) - best.objective) / best.objective.abs();
            assert!(excess.abs() < 1e-8, "seed {seed}: energy off by {excess}");
            for (k, (found, wanted)) in found.iter().zip(&best.x).enumerate() {
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

#[test]
fn circuits_are_refused_for_the_right_reason() {
    let (mut refused, mut undecided) = (0, 0);
    for seed in 0..3000 {
        let mut circuit = families::anything_ideal(seed);
        // Whether there is an operating point does not depend on the conductances.
        for id in circuit.element_ids() {
            if matches!(circuit[id].law(), Law::Resistor { .. }) {
                let law = families::resistor(1.0);
                circuit.set_law(id, law).expect("in range");
            }
        }
        let outcome = Solver::new(&circuit, SolveOptions::default());
        let outcome = outcome.and_then(|mut solver| solver.solve(&circuit));
        let program = Program::new(&circuit);
        if program.matrix.is_empty() {
            // Clarabel wants constraints.
            continue;
        }
        let status = program.solve(1e-8).status;
        if status == SolverStatus::InsufficientProgress {
            undecided += 1;
            continue;
        }
        let agree = match &outcome {
            Ok(_) => matches!(status, SolverStatus::Solved | SolverStatus::AlmostSolved),
            Err(PresolveError::NowhereToGo { .. }) => matches!(
                status,
                SolverStatus::DualInfeasible | SolverStatus::AlmostDualInfeasible
            ),
            // Where potentials and currents are both impossible, Clarabel may find either first.
            Err(_) => !matches!(status, SolverStatus::Solved | SolverStatus::AlmostSolved),
        };
        let found = outcome.map(|s| s.status);
        assert!(agree, "seed {seed}: {found:?}, Clarabel says {status:?}");
        refused += usize::from(found.is_err());
    }
    assert!(refused > 500, "only {refused} refused");
    assert!(undecided < 30, "Clarabel cannot decide {undecided}");
}

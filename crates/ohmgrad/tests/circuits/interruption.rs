//! A single solve that takes long can be stopped, and its solver goes on to be used.

use ohmgrad::interrupt::interruptible;
use ohmgrad::solve::{Method, SolveOptions, Solver, Status};

use super::families;

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

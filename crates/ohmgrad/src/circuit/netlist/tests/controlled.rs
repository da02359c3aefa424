//! Controlled sources, and functions among parameters.

use super::*;
use crate::solve::{SolveOptions, Solver, Status};

#[test]
fn functions_stand_among_parameters() {
    let text = "r1 a b {f(k)}\n.param f(x)='x*w' k=3 w={2*k} g(x, y)='x+y'\nr2 a b 'g(1,2)'";
    let circuit = circuit(text);
    let law = |name| law(&circuit, name);
    let conductance = 1.0 / 18.0;
    assert_eq!(law("r1"), Law::Resistor { conductance });
    let conductance = 1.0 / 3.0;
    assert_eq!(law("r2"), Law::Resistor { conductance });
}

#[test]
fn subcircuits_side_by_side_hold_controlled_sources_of_each() {
    const CELL: &str = ".subckt cell a b\nr1 a n 100\nvs n 0 0.1\nf1 b 0 vs 2\nh1 h 0 vs 50\nr2 h b 300\ng1 b 0 a 0 2m\ne1 e 0 b 0 -3\nr3 e a 1k\n.ends";
    const AROUND: &str = "v1 in 0 1\nr1 in x 70\nr2 y 0 90\n";
    let solved = |calls: &str| {
        let circuit = circuit(&format!("{AROUND}{calls}\n{CELL}"));
        let solver = Solver::new(&circuit, SolveOptions::default());
        let solution = solver.and_then(|mut solver| solver.solve(&circuit));
        let solution = solution.expect("an operating point");
        assert_eq!(solution.status, Status::Solved);
        ["x", "y"].map(|node| solution.potential(circuit.node(node).expect("a node")))
    };
    let as_one = solved("x1 x y cell m=3");
    let apart = solved("x1 x y cell\nx2 x y cell\nx3 x y cell");
    for (one, other) in as_one.into_iter().zip(apart) {
        assert!((one - other).abs() < 1e-12, "{one} V, {other} V");
    }
}

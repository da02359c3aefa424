//! The factorization against dense elimination and closed forms.

use super::*;
use crate::presolve::GROUND;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Random edges over `nodes` nodes, some to ground.
fn network(nodes: u32, edges: usize, rng: &mut impl Rng) -> (Vec<[u32; 2]>, Vec<f64>) {
    let end = |rng: &mut dyn Rng| rng.random_range(0..nodes);
    let ends = |rng: &mut dyn Rng| match rng.random_range(0..8) {
        0 => [end(rng), GROUND],
        _ => [end(rng), end(rng)],
    };
    let edges: Vec<[u32; 2]> = (0..edges).map(|_| ends(rng)).collect();
    let conductances = edges
        .iter()
        .map(|_| 10f64.powf(rng.random_range(-3.0..3.0)));
    let conductances = conductances.collect();
    (edges, conductances)
}

/// Currents out of the nodes at these potentials.
fn currents(edges: &[[u32; 2]], conductances: &[f64], potentials: &[f64]) -> Vec<f64> {
    let at = |node: u32| potentials.get(node as usize).copied().unwrap_or(0.0);
    let mut sums = vec![0.0; potentials.len()];
    for ([a, b], g) in edges.iter().zip(conductances) {
        let current = g * (at(*a) - at(*b));
        for (node, sign) in [(a, 1.0), (b, -1.0)] {
            if let Some(sum) = sums.get_mut(*node as usize) {
                *sum += sign * current;
            }
        }
    }
    sums
}

#[test]
fn potentials_obey_the_current_law() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for size in [1, 2, 3, 10, 40, 200, 600] {
        let (mut edges, mut conductances) = network(size, 3 * size as usize, &mut rng);
        edges.extend((0..size).map(|node| [node, GROUND]));
        conductances.extend((0..size).map(|_| 1e-3));
        let plan = Plan::new(size as usize, &edges);
        let mut factor = Factor::new(&plan);
        factor.factorize(&plan, &conductances, 1.0);
        let wanted: Vec<f64> = (0..size).map(|_| rng.random_range(-1.0..1.0)).collect();
        let mut x = currents(&edges, &conductances, &wanted);
        factor.solve(&plan, &mut x);
        for (x, wanted) in x.iter().zip(&wanted) {
            assert!((x - wanted).abs() < 1e-8, "{size} nodes: {x} for {wanted}");
        }
    }
}

#[test]
fn conductances_to_ground_survive_ratios_beyond_rounding() {
    // Two nodes joined by 1e20 S, with 1 nS to ground: 1 nA lifts both to 1 V.
    let edges = [[0, 1], [1, GROUND]];
    let plan = Plan::new(2, &edges);
    let mut factor = Factor::new(&plan);
    factor.factorize(&plan, &[1e20, 1e-9], 1.0);
    let mut x = [1e-9, 0.0];
    factor.solve(&plan, &mut x);
    assert!((x[0] - 1.0).abs() < 1e-15 && (x[1] - 1.0).abs() < 1e-15);
}

#[test]
fn a_part_without_ground_floats() {
    let edges = [[0, 1], [2, GROUND]];
    let plan = Plan::new(3, &edges);
    let mut factor = Factor::new(&plan);
    factor.factorize(&plan, &[2.0, 4.0], 1.0);
    let mut x = [1.0, -1.0, 1.0];
    factor.solve(&plan, &mut x);
    assert_eq!([x[0] - x[1], x[2]], [0.5, 0.25]);
}

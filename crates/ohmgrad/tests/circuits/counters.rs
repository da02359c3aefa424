//! Counts of the work done on a dozen circuits: a change of the algorithm shows here even where answers stay right.

use super::{families, solve};

/// (circuit, nodes of the network, iterations, factorizations, linear solves).
const COUNTS: &[(&str, [usize; 4])] = &[
    ("grid 20", [385, 26, 26, 63]),
    ("grid 20 beside", [385, 23, 23, 54]),
    ("grid 40", [1570, 28, 28, 68]),
    ("grid 40 beside", [1570, 25, 26, 64]),
    ("graph ideal", [200, 6, 5, 6]),
    ("graph forward", [200, 17, 17, 35]),
    ("graph shockley", [200, 8, 9, 11]),
    ("ladder forward", [100, 4, 3, 4]),
    ("ladder shockley", [100, 3, 4, 5]),
    ("rectifiers forward", [60, 17, 17, 44]),
    ("rectifiers shockley", [60, 13, 14, 20]),
    ("layered ideal", [60, 3, 2, 3]),
    ("layered shockley", [60, 4, 5, 6]),
];

#[test]
fn work_is_as_it_was() {
    let ideal = families::ideal(0.0);
    let forward = families::ideal(0.7);
    let shockley = families::shockley();
    let circuits = [
        ("grid 20", families::grid(20, false, 1)),
        ("grid 20 beside", families::grid(20, true, 1)),
        ("grid 40", families::grid(40, false, 2)),
        ("grid 40 beside", families::grid(40, true, 2)),
        ("graph ideal", families::graph(200, &ideal, 1)),
        ("graph forward", families::graph(200, &forward, 1)),
        ("graph shockley", families::graph(200, &shockley, 1)),
        ("ladder forward", families::ladder(100, &forward, 1)),
        ("ladder shockley", families::ladder(100, &shockley, 1)),
        ("rectifiers forward", families::rectifiers(20, &forward, 1)),
        (
            "rectifiers shockley",
            families::rectifiers(20, &shockley, 1),
        ),
        (
            "layered ideal",
            families::layered(&[40, 30, 20, 10], &ideal, 1),
        ),
        (
            "layered shockley",
            families::layered(&[40, 30, 20, 10], &shockley, 1),
        ),
    ];
    let counts = circuits.map(|(name, circuit)| {
        let s = solve(&circuit).statistics;
        (
            name,
            [s.nodes, s.iterations, s.factorizations, s.linear_solves],
        )
    });
    assert_eq!(counts.as_slice(), COUNTS, "{counts:#?}");
}

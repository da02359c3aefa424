//! The layout of a matrix, and its kernels against dense products in f64.

use pulp::Arch;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::drn::simd::{Active, ColumnSums, Kernel, RowSums, set_units};

#[test]
fn blocks_alternate_between_the_halves_of_a_layer_and_the_last_stays_last() {
    let places = |blocks| (0..blocks).map(|p| block_at(p, blocks)).collect::<Vec<_>>();
    assert_eq!(places(6), [0, 3, 1, 4, 2, 5]);
    assert_eq!(places(5), [0, 2, 1, 3, 4]);
    for blocks in 1..20 {
        for place in 0..blocks {
            assert_eq!(
                place_of(block_at(place, blocks), blocks),
                place,
                "of {blocks}"
            );
        }
        assert_eq!(block_at(blocks - 1, blocks), blocks - 1);
    }
}

/// Random values of a connection, in f64 and in the blocks of three shares of the layer that holds it.
struct Case {
    connection: Connection,
    values: Vec<f32>,
    shares: Vec<Matrix>,
}

fn case(kind: Kind, below: usize, above: usize, turned: bool) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64((below * 1000 + above) as u64);
    let connection = Connection {
        kind,
        coupling: Coupling::Resistor,
        below,
        above,
        window: [0.0, f32::INFINITY],
    };
    let values: Vec<f32> = (0..below * above)
        .map(|_| rng.random_range(0.0..1.0))
        .collect();
    let blocks = if turned { below } else { above }.div_ceil(BLOCK);
    let shares = (0..3).map(|t| {
        let places = blocks * t / 3..blocks * (t + 1) / 3;
        let first_units = places
            .map(|place| block_at(place, blocks) * BLOCK)
            .collect();
        let mut matrix = match turned {
            true => Matrix::below(&connection, first_units),
            false => Matrix::above(&connection, first_units),
        };
        for i in 0..below {
            matrix.set_row(i, &values[i * above..(i + 1) * above]);
        }
        matrix
    });
    Case {
        shares: shares.collect(),
        connection,
        values,
    }
}

const SHAPES: [(Kind, usize, usize, bool); 8] = [
    (Kind::Pairs, 2, 1, false),
    (Kind::Pairs, 134, 67, false),
    (Kind::Features, 33, 130, false),
    (Kind::Dense, 1, 3, false),
    (Kind::Dense, 65, 129, false),
    (Kind::Dense, 300, 200, false),
    (Kind::Dense, 129, 10, true),
    (Kind::Dense, 70, 66, true),
];

#[test]
fn rows_are_read_back_as_they_were_written() {
    for (kind, below, above, turned) in SHAPES {
        let case = case(kind, below, above, turned);
        for i in 0..below {
            let mut row = vec![f32::NAN; above];
            for matrix in &case.shares {
                matrix.read_row(matrix.values(), i, &mut row);
            }
            assert_eq!(
                row,
                case.values[i * above..(i + 1) * above],
                "{kind:?}, row {i}"
            );
        }
        assert_eq!(case.connection.parameters(), case.values.len());
    }
}

/// Currents upwards, v W, and conductances on both sides, of a matrix between two layers in blocks.
#[test]
fn currents_and_sums_are_those_of_the_dense_product() {
    for (below, above) in [(1, 3), (65, 129), (300, 200)] {
        let case = case(Kind::Dense, below, above, false);
        let v: Vec<f32> = (0..below)
            .map(|i| if i % 3 == 0 { 0.0 } else { (i as f32).sin() })
            .collect();
        let blocks_below = below.div_ceil(BLOCK);
        let (mut currents, mut columns) = (vec![0.0; above], vec![0.0; above]);
        let mut rows = vec![0.0; blocks_below * BLOCK];
        for matrix in &case.shares {
            for (k, first) in matrix.first_units.iter().enumerate() {
                let (mut sum, mut current) = (Row::ZERO, [Row::ZERO]);
                for place in 0..blocks_below {
                    let start = block_at(place, blocks_below) * BLOCK;
                    let mut potentials = [Row::ZERO];
                    set_units(&mut potentials[0], &v[start.min(below)..]);
                    Gather {
                        weights: matrix.tile(k, place),
                        next: &[],
                        potentials: &potentials,
                        active: &[Active::of(&potentials[0])],
                        currents: &mut current,
                    }
                    .run_on(Arch::new());
                    let mut sums = [0.0; BLOCK];
                    let weights = matrix.tile(k, place);
                    let sums = &mut sums[..weights.len()];
                    RowSums { weights, sums }.run_on(Arch::new());
                    rows[start..]
                        .iter_mut()
                        .zip(&*sums)
                        .for_each(|(to, g)| *to += *g);
                }
                let weights = matrix.block(k);
                ColumnSums {
                    weights,
                    sum: &mut sum,
                }
                .run_on(Arch::new());
                for (c, j) in (*first..above).take(BLOCK).enumerate() {
                    (currents[j], columns[j]) = (current[0].0[c], sum.0[c]);
                }
            }
        }
        let g = |i: usize, j: usize| f64::from(case.values[i * above + j]);
        let near = |got: f32, want: f64| (f64::from(got) - want).abs() < 1e-4 * (1.0 + want.abs());
        for j in 0..above {
            let current: f64 = (0..below).map(|i| g(i, j) * f64::from(v[i])).sum();
            let sum: f64 = (0..below).map(|i| g(i, j)).sum();
            assert!(near(currents[j], current), "current into {j}");
            assert!(near(columns[j], sum), "conductance of {j}");
        }
        for (i, got) in rows.iter().take(below).enumerate() {
            let sum: f64 = (0..above).map(|j| g(i, j)).sum();
            assert!(near(*got, sum), "conductance of {i} below");
        }
    }
}

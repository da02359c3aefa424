//! The layout of a matrix, and its kernels against dense products in f64.

use pulp::Arch;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::drn::simd::{Active, ColumnSums, Kernel, set_units};

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

/// Which layer holds a connection, and how what is on the other side stands in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holder {
    Above,
    Below { above_in_blocks: bool },
}

const TO_OUTPUTS: Holder = Holder::Below {
    above_in_blocks: false,
};
const TO_BLOCKS: Holder = Holder::Below {
    above_in_blocks: true,
};

fn case(kind: Kind, below: usize, above: usize, holder: Holder) -> Case {
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
    let width = match holder {
        Holder::Above => above,
        Holder::Below { .. } => below,
    };
    let blocks = width.div_ceil(BLOCK);
    let shares = (0..3).map(|t| {
        let places = blocks * t / 3..blocks * (t + 1) / 3;
        let first_units = places
            .map(|place| block_at(place, blocks) * BLOCK)
            .collect();
        let mut matrix = match holder {
            Holder::Above => Matrix::above(&connection, first_units),
            Holder::Below { above_in_blocks } => {
                Matrix::below(&connection, above_in_blocks, first_units)
            }
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

const SHAPES: [(Kind, usize, usize, Holder); 10] = [
    (Kind::Pairs, 2, 1, Holder::Above),
    (Kind::Pairs, 134, 67, Holder::Above),
    (Kind::Features, 33, 130, Holder::Above),
    (Kind::Dense, 1, 3, Holder::Above),
    (Kind::Dense, 65, 129, Holder::Above),
    (Kind::Dense, 300, 200, Holder::Above),
    (Kind::Dense, 129, 10, TO_OUTPUTS),
    (Kind::Dense, 70, 66, TO_OUTPUTS),
    (Kind::Dense, 3, 1, TO_BLOCKS),
    (Kind::Dense, 129, 200, TO_BLOCKS),
];

#[test]
fn rows_are_read_back_as_they_were_written() {
    for (kind, below, above, holder) in SHAPES {
        let case = case(kind, below, above, holder);
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

/// Currents both ways, v W and W v, and the conductances on both sides, of a matrix between two layers in blocks.
#[test]
fn currents_and_sums_are_those_of_the_dense_product() {
    for (below, above) in [(1, 3), (65, 129), (300, 200)] {
        for holder in [Holder::Above, TO_BLOCKS] {
            let case = case(Kind::Dense, below, above, holder);
            let (from, to) = match holder {
                Holder::Above => (below, above),
                Holder::Below { .. } => (above, below),
            };
            let v: Vec<f32> = (0..from)
                .map(|i| if i % 3 == 0 { 0.0 } else { (i as f32).sin() })
                .collect();
            let (currents, sums) = driven(&case, &v, to);
            let g = |i: usize, j: usize| match holder {
                Holder::Above => f64::from(case.values[i * above + j]),
                Holder::Below { .. } => f64::from(case.values[j * above + i]),
            };
            let near =
                |got: f32, want: f64| (f64::from(got) - want).abs() < 1e-4 * (1.0 + want.abs());
            for j in 0..to {
                let current: f64 = (0..from).map(|i| g(i, j) * f64::from(v[i])).sum();
                let sum: f64 = (0..from).map(|i| g(i, j)).sum();
                assert!(near(currents[j], current), "current into {j}, {holder:?}");
                assert!(near(sums[j], sum), "conductance of {j}, {holder:?}");
            }
        }
    }
}

/// Currents into the `width` units of the layer that holds the matrix, and the conductances that end on them.
fn driven(case: &Case, v: &[f32], width: usize) -> (Vec<f32>, Vec<f32>) {
    let blocks = v.len().div_ceil(BLOCK);
    let (mut currents, mut sums) = (vec![0.0; width], vec![0.0; width]);
    for matrix in &case.shares {
        for (k, first) in matrix.first_units.iter().enumerate() {
            let (mut sum, mut current) = (Row::ZERO, [Row::ZERO]);
            for place in 0..blocks {
                let mut potentials = [Row::ZERO];
                set_units(&mut potentials[0], &v[block_at(place, blocks) * BLOCK..]);
                Gather {
                    weights: matrix.tile(k, place),
                    potentials: &potentials,
                    active: &[Active::of(&potentials[0])],
                    currents: &mut current,
                }
                .run_on(Arch::new());
            }
            ColumnSums {
                weights: matrix.block(k),
                sum: &mut sum,
            }
            .run_on(Arch::new());
            for (c, j) in (*first..width).take(BLOCK).enumerate() {
                (currents[j], sums[j]) = (current[0].0[c], sum.0[c]);
            }
        }
    }
    (currents, sums)
}

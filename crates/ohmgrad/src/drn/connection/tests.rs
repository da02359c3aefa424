//! The layout of a matrix, and its kernels against dense products in f64.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::drn::simd::{Active, Kernel, set_units};
use crate::drn::tests::levels;
use crate::drn::update_law::UpdateLaw;

#[test]
fn blocks_alternate_between_the_halves_of_a_layer_and_the_last_stays_last() {
    let places = |blocks| (0..blocks).map(|p| block_at(p, blocks)).collect::<Vec<_>>();
    assert_eq!(places(6), [0, 3, 1, 4, 2, 5]);
    assert_eq!(places(5), [0, 2, 1, 3, 4]);
    for blocks in 1..20 {
        let mut all = places(blocks);
        assert_eq!(all[blocks - 1], blocks - 1);
        all.sort_unstable();
        assert!(all.into_iter().eq(0..blocks), "of {blocks}");
    }
}

/// Random values of a connection, in f64 and in the blocks of three shares of the layer that holds it.
struct Case {
    connection: Connection,
    values: Vec<f32>,
    shares: Vec<Matrix>,
}

/// Which layer holds a connection, and whether that above is in blocks.
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
            Holder::Above => Matrix::from_sources(&connection, first_units),
            Holder::Below { above_in_blocks } => {
                Matrix::to_layer(&connection, above_in_blocks, first_units)
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

impl Case {
    fn g(&self, i: usize, j: usize) -> f64 {
        f64::from(self.values[i * self.connection.above + j])
    }
}

#[test]
fn rows_are_read_back_as_they_were_written() {
    let shapes = [
        (Kind::Pairs, 2, 1, Holder::Above),
        (Kind::Pairs, 134, 67, Holder::Above),
        (Kind::Features, 33, 130, Holder::Above),
        (Kind::Dense, 129, 10, TO_OUTPUTS),
        (Kind::Dense, 70, 66, TO_OUTPUTS),
        (Kind::Dense, 3, 1, TO_BLOCKS),
        (Kind::Dense, 129, 200, TO_BLOCKS),
        (Kind::Dense, 300, 65, TO_BLOCKS),
    ];
    for (kind, below, above, holder) in shapes {
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

/// Between two layers in blocks, below and above.
const SHAPES: [(usize, usize); 5] = [(1, 3), (65, 129), (300, 200), (130, 64), (64, 1)];

/// Potentials of `width` units in so many slots, some of them 0 V, in the places of their layer's blocks.
fn potentials(width: usize, slots: usize) -> (Vec<Vec<f32>>, Vec<Vec<Row>>) {
    let volts = |s: usize| {
        let unit = move |i: usize| match (i + s) % 3 {
            0 => 0.0,
            _ => ((i + 7 * s) as f32).sin(),
        };
        (0..width).map(unit).collect::<Vec<f32>>()
    };
    let all: Vec<Vec<f32>> = (0..slots).map(volts).collect();
    let blocks = width.div_ceil(BLOCK);
    let rows = |place: usize| {
        let row = |volts: &Vec<f32>| {
            let mut row = Row::ZERO;
            set_units(&mut row, &volts[block_at(place, blocks) * BLOCK..]);
            row
        };
        all.iter().map(row).collect()
    };
    let rows = (0..blocks).map(rows).collect();
    (all, rows)
}

fn active(rows: &[Row]) -> Vec<Active> {
    rows.iter().map(Active::of).collect()
}

fn near(got: f32, want: f64) -> bool {
    (f64::from(got) - want).abs() < 1e-4 * (1.0 + want.abs())
}

/// Currents that layers above in blocks with these potentials drive into block `k`.
fn down(
    matrix: &Matrix,
    k: usize,
    above: &[Vec<Row>],
    awake: &[Active],
    (apart, arch): (usize, pulp::Arch),
) -> Vec<Row> {
    let mut sums = vec![[0.0; 16]; awake.len() * BLOCK];
    for (m, rows) in above.iter().enumerate() {
        DriveDown {
            tile: matrix.tile(k, m),
            potentials: rows,
            active: &active(rows),
            apart,
            awake,
            sums: &mut sums,
        }
        .run_on(arch);
    }
    let mut currents = vec![Row::ZERO; awake.len()];
    AddLines {
        sums: &sums,
        awake,
        currents: &mut currents,
    }
    .run_on(arch);
    currents
}

/// v W into the layer above and W v into that below, for numbers of slots that fill quads or do not.
#[test]
fn currents_are_those_of_the_dense_product() {
    for ((below, above), arch) in SHAPES
        .into_iter()
        .flat_map(|s| levels().into_iter().map(move |a| (s, a)))
    {
        let case = case(Kind::Dense, below, above, TO_BLOCKS);
        for (slots, apart) in [(1, 1), (4, 1), (6, 3), (7, 1)] {
            let (v_below, rows_below) = potentials(below, slots);
            let (v_above, rows_above) = potentials(above, slots);
            let mut up = vec![Row::ZERO; rows_above.len() * slots];
            let places = case.shares.iter().flat_map(|matrix| {
                let blocks = 0..matrix.first_units.len();
                blocks.map(move |k| (matrix, k))
            });
            for ((matrix, k), rows) in places.zip(&rows_below) {
                DriveUp {
                    tiles: matrix.block(k),
                    potentials: rows,
                    active: &active(rows),
                    apart,
                    currents: &mut up,
                }
                .run_on(arch);
                let down = down(
                    matrix,
                    k,
                    &rows_above,
                    &vec![Active::ALL; slots],
                    (apart, arch),
                );
                let first = matrix.first_units[k];
                for (s, row) in down.iter().enumerate() {
                    for (c, i) in (first..below).take(BLOCK).enumerate() {
                        let terms = v_above[s].iter().enumerate();
                        let want = terms.map(|(j, v)| case.g(i, j) * f64::from(*v)).sum();
                        assert!(near(row.0[c], want), "down to {i} of {below} x {above}");
                    }
                }
            }
            let blocks = rows_above.len();
            for (place, rows) in up.chunks_exact(slots).enumerate() {
                for (s, row) in rows.iter().enumerate() {
                    let first = block_at(place, blocks) * BLOCK;
                    for (c, j) in (first..above).take(BLOCK).enumerate() {
                        let terms = v_below[s].iter().enumerate();
                        let want = terms.map(|(i, v)| case.g(i, j) * f64::from(*v)).sum();
                        assert!(near(row.0[c], want), "up to {j} of {below} x {above}");
                    }
                }
            }
        }
    }
}

/// Units that nothing can move need no current: the others get the same bits without them, at any width of registers.
#[test]
fn currents_into_some_units_are_those_into_all() {
    let case = case(Kind::Dense, 64, 129, TO_BLOCKS);
    let (matrix, (_, above)) = (&case.shares[2], potentials(129, 4));
    let (_, units) = potentials(64, 4);
    let awake = active(&units[0]);
    let all = down(matrix, 0, &above, &[Active::ALL; 4], (1, levels()[0]));
    for arch in levels() {
        let some = down(matrix, 0, &above, &awake, (2, arch));
        for ((all, some), units) in all.iter().zip(&some).zip(&units[0]) {
            for unit in 0..BLOCK {
                let want = match units.0[unit] {
                    0.0 => 0.0,
                    _ => all.0[unit],
                };
                assert!((some.0[unit] - want).abs() < 1e-5, "unit {unit}: {arch:?}");
            }
        }
    }
}

/// Conductances on both sides of a matrix between layers in blocks.
#[test]
fn conductances_are_those_of_the_dense_matrix() {
    for ((below, above), arch) in SHAPES
        .into_iter()
        .flat_map(|s| levels().into_iter().map(move |a| (s, a)))
    {
        let case = case(Kind::Dense, below, above, TO_BLOCKS);
        let blocks = above.div_ceil(BLOCK);
        let mut columns = vec![Row::ZERO; blocks];
        for matrix in &case.shares {
            for (k, first) in matrix.first_units.iter().enumerate() {
                let mut rows = Row::ZERO;
                for (m, columns) in columns.iter_mut().enumerate() {
                    TileSums {
                        tile: matrix.tile(k, m),
                        rows: &mut rows,
                        columns,
                    }
                    .run_on(arch);
                }
                for (c, i) in (*first..below).take(BLOCK).enumerate() {
                    let want = (0..above).map(|j| case.g(i, j)).sum();
                    assert!(near(rows.0[c], want), "of {i} below");
                }
            }
        }
        for (place, row) in columns.iter().enumerate() {
            let first = block_at(place, blocks) * BLOCK;
            for (c, j) in (first..above).take(BLOCK).enumerate() {
                let want = (0..below).map(|i| case.g(i, j)).sum();
                assert!(near(row.0[c], want), "of {j} above");
            }
        }
    }
}

/// g <- max(g - rate mean_b [(u2^2 - u1^2) / 2] / span, 0), u being the voltage across each conductance.
#[test]
fn an_update_is_that_of_the_dense_matrix() {
    const EXAMPLES: usize = 3;
    let rate = 0.3;
    for ((below, above), arch) in SHAPES
        .into_iter()
        .flat_map(|s| levels().into_iter().map(move |a| (s, a)))
    {
        let mut case = case(Kind::Dense, below, above, TO_BLOCKS);
        let (v_below, rows_below) = potentials(below, 2 * EXAMPLES);
        let (v_above, rows_above) = potentials(above, 2 * EXAMPLES);
        let scale = rate / EXAMPLES as f32;
        let drop = |rows: &Vec<Row>| {
            Row(std::array::from_fn(|c| {
                let of = |b: usize| {
                    let (first, second) = (rows[b].0[c], rows[EXAMPLES + b].0[c]);
                    (second - first) * (second + first) * 0.5
                };
                scale * (0..EXAMPLES).map(of).sum::<f32>()
            }))
        };
        let split = |blocks: &[Vec<Row>]| {
            let part = |from: usize| {
                let rows = blocks.iter().flat_map(|rows| &rows[from..][..EXAMPLES]);
                rows.copied().collect::<Vec<Row>>()
            };
            (
                part(0),
                part(EXAMPLES),
                blocks.iter().map(drop).collect::<Vec<Row>>(),
            )
        };
        let (first_above, second_above, drops_above) = split(&rows_above);
        let (mut place, mut none) = (0, MatrixRegisters::default());
        for matrix in &mut case.shares {
            for k in 0..matrix.first_units.len() {
                let units = BLOCK.min(below - matrix.first_units[k]);
                let (first, second, drops) = split(&rows_below[place..=place]);
                let own = Contrasted {
                    first: &first,
                    second: &second,
                    active: &[Active::ALL; EXAMPLES],
                    drops: &drops,
                };
                let above = Contrasted {
                    first: &first_above,
                    second: &second_above,
                    active: &active(&first_above),
                    drops: &drops_above,
                };
                let (tiles, _, windows) = matrix.block_mut(&mut none, k);
                for (m, tile) in tiles.chunks_exact_mut(BLOCK).enumerate() {
                    MatrixUpdate {
                        coupling: Coupling::Resistor,
                        tile: &mut tile[..units],
                        registers: Default::default(),
                        rows: own,
                        columns: above.block(m),
                        window: &windows[m],
                        scale,
                        law: UpdateLaw::Descent { rate, decay: 0.0 },
                    }
                    .run_on(arch);
                }
                place += 1;
            }
        }
        let mut total = 0.0;
        for i in 0..below {
            let own: Vec<f32> = v_below.iter().map(|volts| volts[i]).collect();
            let mut row = vec![f32::NAN; above];
            for matrix in &case.shares {
                matrix.read_row(matrix.values(), i, &mut row);
            }
            for (j, &got) in row.iter().enumerate() {
                let square = |s: usize| f64::from(own[s] - v_above[s][j]).powi(2) / 2.0;
                let rise: f64 = (0..EXAMPLES)
                    .map(|b| square(EXAMPLES + b) - square(b))
                    .sum();
                let want = (case.g(i, j) - f64::from(scale) * rise).max(0.0);
                assert!(
                    near(got, want),
                    "g({i}, {j}) of {below} x {above}: {got} for {want}"
                );
                total += f64::from(got);
            }
        }
        let stored = case.shares.iter().flat_map(Matrix::values);
        let stored: f64 = stored.flat_map(|row| row.0).map(f64::from).sum();
        assert!(
            (stored - total).abs() < 1e-9 * total,
            "something beyond {below} x {above} is not 0"
        );
    }
}

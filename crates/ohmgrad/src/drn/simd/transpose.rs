//! A tile turned over, so that currents can be gathered through it in the other direction.

use pulp::Simd;

use super::active::Active;
use super::lanes::{BLOCK, Kernel, Row};

/// Turns a tile of at most 64 rows, filled up with zeros: column j becomes row j, if unit j is active.
pub(crate) struct Transpose<'a> {
    pub(crate) active: Active,
    pub(crate) tile: &'a [Row],
    pub(crate) turned: &'a mut [Row; BLOCK],
}

/// What the smallest registers hold: all wider ones are several of these side by side.
const QUAD: usize = 4;

impl Kernel for Transpose<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let Self {
            active,
            tile,
            turned,
        } = self;
        match (tile.first_chunk(), S::F32_LANES / QUAD) {
            (Some(tile), 4) => turn::<S, 4>(simd, active, tile, turned),
            (Some(tile), 2) => turn::<S, 2>(simd, active, tile, turned),
            (Some(tile), 1) => turn::<S, 1>(simd, active, tile, turned),
            _ => {
                turned.fill(Row::ZERO);
                for (i, row) in tile.iter().enumerate() {
                    for (turned, value) in turned.iter_mut().zip(row.0) {
                        turned.0[i] = value;
                    }
                }
            }
        }
    }
}

/// Turns squares of 4 x 4, `Q` of them at once: quad q of register r is what row 4 q + r holds of four columns, and taking
/// four such registers apart, every fourth value to each, turns the squares where they lie.
#[inline(always)]
fn turn<S: Simd, const Q: usize>(
    simd: S,
    active: Active,
    tile: &[Row; BLOCK],
    turned: &mut [Row; BLOCK],
) {
    for i in (0..BLOCK).step_by(QUAD * Q) {
        for j in active.fours() {
            let register = |r: usize| -> S::f32s {
                let quad = |q: usize| -> [f32; QUAD] {
                    *tile[i + QUAD * q + r].0[j..]
                        .first_chunk()
                        .expect("columns in fours")
                };
                bytemuck::cast::<[[f32; QUAD]; Q], _>(std::array::from_fn(quad))
            };
            let squares: [_; QUAD] = std::array::from_fn(register);
            let columns = simd.deinterleave_shfl_f32s(squares);
            for (turned, column) in turned[j..].iter_mut().zip(columns) {
                S::as_mut_simd_f32s(&mut turned.0).0[i / (QUAD * Q)] = column;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drn::tests::levels;

    #[test]
    fn active_columns_become_rows_at_every_level() {
        let value = |i: usize, j: usize| 1.0 + (BLOCK * i + j) as f32;
        let tile = |rows: usize| -> Vec<Row> {
            let row = |i: usize| Row(std::array::from_fn(|j| value(i, j)));
            (0..rows).map(row).collect()
        };
        let mut potentials = Row::ZERO;
        for unit in [0, 5, 6, 63] {
            potentials.0[unit] = 1.0;
        }
        let active = Active::of(&potentials);
        for arch in levels() {
            for rows in [1, 37, BLOCK] {
                let mut turned = [Row([f32::NAN; BLOCK]); BLOCK];
                let kernel = Transpose {
                    active,
                    tile: &tile(rows),
                    turned: &mut turned,
                };
                kernel.run_on(arch);
                for unit in active.units() {
                    for i in 0..BLOCK {
                        let want = if i < rows { value(i, unit) } else { 0.0 };
                        assert_eq!(turned[unit].0[i], want, "{arch:?}, {rows} rows");
                    }
                }
            }
        }
    }
}

//! Kernels of a matrix between two free layers: currents through it, and its update.

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use crate::drn::chain::Coupling;
use crate::drn::simd::{
    Active, BLOCK, Kernel, LINES_PER_ROW, Line, Row, dot, lanes, prefetch, strip, strip_mut,
};
use crate::drn::update_law::{RegisterRows, SimdUpdate, UpdateLaw, Window, WithUpdate};

/// Adds to each unit the current that one block of a neighbouring layer drives into it: a tile of at
/// most 64 rows, read from the nearest cache slot after slot, inactive units skipped.
///
/// Tiles come one after the other, as memory likes it: asking for the next one here would take longer than it saves.
pub(crate) struct Gather<'a> {
    /// Rows of the tile: one per unit of the neighbouring block.
    pub(crate) weights: &'a [Row],
    /// Potentials of the neighbouring block, one row per slot.
    pub(crate) potentials: &'a [Row],
    pub(crate) active: &'a [Active],
    /// One row per slot.
    pub(crate) currents: &'a mut [Row],
}

impl Kernel for Gather<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        match S::F32_LANES {
            8 => self.in_fours::<S, 2, N>(simd),
            _ => self.in_fours::<S, 4, N>(simd),
        }
    }
}

/// Four slots read conductances together, unless so few of their active units are the same that it pays more to pass over
/// what each does not need: per unit, one slot alone takes about 3 / 8 of the time of four together.
fn alike(active: &[Active]) -> bool {
    let each: u32 = active.iter().map(|active| active.count()).sum();
    8 * Active::any(active).count() <= 3 * each
}

impl Gather<'_> {
    /// `T` registers for each of four slots at once.
    #[inline(always)]
    fn in_fours<S: Simd, const T: usize, const N: usize>(self, simd: S) {
        let fours = self.potentials.chunks(4).zip(self.active.chunks(4));
        for ((v, active), to) in fours.zip(self.currents.chunks_mut(4)) {
            match (v, &mut *to) {
                ([v0, v1, v2, v3], [to0, to1, to2, to3]) if alike(active) => {
                    let active = Active::any(active);
                    let (v, to) = ([v0, v1, v2, v3], [to0, to1, to2, to3]);
                    gather::<S, 4, T>(simd, self.weights, active, v, to);
                }
                _ => {
                    for ((v, active), to) in v.iter().zip(active).zip(to) {
                        gather::<S, 1, N>(simd, self.weights, *active, [v], [to]);
                    }
                }
            }
        }
    }
}

/// current_s += sum_i v_si g_i over the units i that are active in any of `M` slots s.
#[inline(always)]
fn gather<S: Simd, const M: usize, const T: usize>(
    simd: S,
    weights: &[Row],
    active: Active,
    potentials: [&Row; M],
    currents: [&mut Row; M],
) {
    for s in 0..BLOCK / (S::F32_LANES * T) {
        let mut sums = [[simd.splat_f32s(0.0); T]; M];
        for m in 0..M {
            sums[m] = *strip::<S, T>(currents[m], s);
        }
        for unit in active.units() {
            let g = strip::<S, T>(&weights[unit], s);
            let v = potentials.map(|v| simd.splat_f32s(v.0[unit % BLOCK]));
            for t in 0..T {
                for m in 0..M {
                    sums[m][t] = simd.mul_add_e_f32s(v[m], g[t], sums[m][t]);
                }
            }
        }
        for m in 0..M {
            *strip_mut::<S, T>(currents[m], s) = sums[m];
        }
    }
}

/// Current that a block drives through its rows into each unit of a layer that every thread holds whole, held at 0 V:
/// sum_j v_j g_jk, slot after slot.
pub(crate) struct ReadOut<'a> {
    pub(crate) readout: &'a [Row],
    pub(crate) potentials: &'a [Row],
    pub(crate) partials: &'a mut [f32],
}

impl Kernel for ReadOut<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        read_out::<S, N>(simd, self.readout, self.potentials, self.partials);
    }
}

#[inline(always)]
fn read_out<S: Simd, const N: usize>(
    simd: S,
    readout: &[Row],
    potentials: &[Row],
    partials: &mut [f32],
) {
    if readout.is_empty() {
        return;
    }
    for (row, partials) in potentials
        .iter()
        .zip(partials.chunks_exact_mut(readout.len()))
    {
        let potential = *lanes::<S, N>(row); // stays in registers
        for (row, partial) in readout.iter().zip(partials) {
            let g = lanes::<S, N>(row);
            *partial = dot::<S, N>(simd, &potential, g);
        }
    }
}

/// Two states of a layer on the other side of a matrix, or of one of its blocks.
#[derive(Clone, Copy)]
pub(crate) struct OtherStates<'a> {
    /// Potentials in the first and in the second state, one row per example.
    pub(crate) first: &'a [Row],
    pub(crate) second: &'a [Row],
    /// The units that are not at 0 V in both states, per example.
    pub(crate) active: &'a [Active],
    /// mean_b d_bi s_bi / span, times the gradient scale.
    pub(crate) drop: &'a Row,
}

/// Updates a tile of a matrix between two free layers and adds up its columns. The gradient of the
/// conductance between unit i of the other layer and unit j of the block is
/// row_i + column_j - scale * q_ij with q_ij = sum_b (v2_i v2_j - v1_i v1_j). That of a weight is
/// its last term alone, and columns are not added up.
pub(crate) struct MatrixUpdate<'a> {
    pub(crate) coupling: Coupling,
    /// At most 64 rows: one per unit of a block of the other layer.
    pub(crate) weights: &'a mut [Row],
    pub(crate) registers: RegisterRows<'a>,
    /// Rows of the tile that will be updated next.
    pub(crate) next: &'a [Row],
    pub(crate) other: OtherStates<'a>,
    /// mean_b d_bj s_bj / span of this block, times the gradient scale.
    pub(crate) column: &'a Row,
    /// Potentials of the block in the first and in the second state, one row per example.
    pub(crate) first: &'a [Row],
    pub(crate) second: &'a [Row],
    /// Gradient scale / (batch * span).
    pub(crate) scale: f32,
    pub(crate) law: UpdateLaw,
    pub(crate) window: &'a Window,
    /// In and out: column sums of the tiles so far, in siemens; unchanged for weights.
    pub(crate) sum: &'a mut Row,
}

/// Registers per strip: with twice as many for the states, what a row needs.
const STRIP: usize = 4;

/// A matrix to a layer of so few units, as the outputs are, needs no room for more.
const FEW: usize = 16;

/// A strip of q for each of `R` rows, aligned as memory is.
#[repr(align(64))]
struct Products<V, const T: usize, const R: usize>([[V; T]; R]);

impl Kernel for MatrixUpdate<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let (law, window) = (self.law, self.window);
        match self.coupling {
            Coupling::Resistor => law.on(window, true, Tile::<S, N, true>(simd, self)),
            Coupling::Weight => law.on(window, true, Tile::<S, N, false>(simd, self)),
        }
    }
}

/// An update of the conductances of a tile, or of weights.
struct Tile<'a, S, const N: usize, const RESISTORS: bool>(S, MatrixUpdate<'a>);

impl<S: Simd, const N: usize, const RESISTORS: bool> WithUpdate for Tile<'_, S, N, RESISTORS> {
    #[inline(always)]
    fn run<U: SimdUpdate>(self, law: U) {
        let Self(simd, mut update) = self;
        let mut ahead =
            bytemuck::cast_slice(update.next).chunks_exact(LINES_PER_ROW.div_ceil(N / STRIP));
        for s in 0..N / STRIP {
            match update.weights.len() {
                ..=FEW => {
                    let Products(q) = &update.products::<S, STRIP, FEW>(simd, s);
                    update.step::<S, STRIP, RESISTORS, U>(simd, s, q, law, &mut ahead);
                }
                _ => {
                    let Products(q) = &update.products::<S, STRIP, BLOCK>(simd, s);
                    update.step::<S, STRIP, RESISTORS, U>(simd, s, q, law, &mut ahead);
                }
            }
        }
    }
}

impl MatrixUpdate<'_> {
    /// Strip `s` of q, for all rows.
    #[inline(always)]
    fn products<S: Simd, const T: usize, const R: usize>(
        &self,
        simd: S,
        s: usize,
    ) -> Products<S::f32s, T, R> {
        let mut products = Products([[simd.splat_f32s(0.0); T]; R]);
        let Products(q) = &mut products;
        for (b, active) in self.other.active.iter().enumerate() {
            let second = *strip::<S, T>(&self.second[b], s);
            let minus_first = strip::<S, T>(&self.first[b], s).map(|v| simd.neg_f32s(v));
            for unit in active.units() {
                let i = unit % R;
                let v1 = simd.splat_f32s(self.other.first[b].0[i]);
                let v2 = simd.splat_f32s(self.other.second[b].0[i]);
                for t in 0..T {
                    let sum = simd.mul_add_e_f32s(v2, second[t], q[i][t]);
                    q[i][t] = simd.mul_add_e_f32s(v1, minus_first[t], sum);
                }
            }
        }
        products
    }

    /// The step itself, on strip `s` of all rows.
    #[inline(always)]
    fn step<'b, S: Simd, const T: usize, const RESISTORS: bool, U: SimdUpdate>(
        &mut self,
        simd: S,
        s: usize,
        q: &[[S::f32s; T]],
        law: U,
        ahead: &mut impl Iterator<Item = &'b [Line]>,
    ) {
        let mut minus_column = *strip::<S, T>(self.column, s);
        for t in 0..T {
            minus_column[t] = simd.neg_f32s(minus_column[t]);
        }
        let scale = simd.splat_f32s(self.scale);
        let total = strip_mut::<S, T>(self.sum, s);
        let mut sum = *total;
        let rows = self.weights.iter_mut().zip(q).zip(&self.other.drop.0);
        for (i, ((row, q), drop)) in rows.enumerate() {
            prefetch(ahead.next().unwrap_or_default());
            let g = strip_mut::<S, T>(row, s);
            let minus_row = simd.splat_f32s(-*drop);
            let mut ascent = *q;
            for t in 0..T {
                ascent[t] = match RESISTORS {
                    true => {
                        let ends = simd.add_f32s(minus_row, minus_column[t]);
                        simd.mul_add_e_f32s(scale, q[t], ends)
                    }
                    false => simd.mul_f32s(scale, q[t]),
                };
            }
            law.apply(simd, g, &ascent, &mut self.registers, (i, s));
            if RESISTORS {
                for t in 0..T {
                    sum[t] = simd.add_f32s(sum[t], g[t]);
                }
            }
        }
        *total = sum;
    }
}

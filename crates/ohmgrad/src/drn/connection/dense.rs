//! Kernels of a matrix between two free layers: currents through it both ways, and its update.

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use crate::drn::chain::Coupling;
use crate::drn::simd::{
    Active, BLOCK, Kernel, LINES_PER_ROW, Line, Row, dot, lanes, lanes_mut, line_mut, strip,
    strip_mut, sum_line, tree_sum,
};
use crate::drn::update_law::{RegisterRows, SimdUpdate, UpdateLaw, Window, WithUpdate};

/// Widens the range of each slot's potentials to those of a block.
pub(crate) struct Widen<'a> {
    /// Per slot the least and the largest potential.
    pub(crate) ranges: &'a mut [[f32; 2]],
    /// One row per slot.
    pub(crate) potentials: &'a [Row],
}

impl Kernel for Widen<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        for ([least, largest], row) in self.ranges.iter_mut().zip(self.potentials) {
            let row = lanes::<S, N>(row);
            let (mut lo, mut hi) = (row[0], row[0]);
            for v in 1..N {
                (lo, hi) = (simd.min_f32s(lo, row[v]), simd.max_f32s(hi, row[v]));
            }
            *least = least.min(simd.reduce_min_f32s(lo));
            *largest = largest.max(simd.reduce_max_f32s(hi));
        }
    }
}

/// Units of a line.
const LINE: usize = BLOCK / LINES_PER_ROW;

/// Sums over the lines of a layer's units, for every unit of a block below it: slot after slot, a line per unit.
pub(crate) type LineSums = Line;

/// Slots that read conductances together, in pairs that are `apart` slots from one another: what is active in one of them is
/// mostly active in the other, if they are two states of an example. The last may be alone.
fn pairs(slots: usize, apart: usize) -> impl Iterator<Item = (usize, Option<usize>)> {
    let first = (0..slots).filter(move |slot| (slot / apart).is_multiple_of(2));
    first.map(move |slot| (slot, Some(slot + apart).filter(|other| *other < slots)))
}

/// Adds to units of a block what one block of the layer above drives into them, held at 0 V, as sums that
/// [`AddLines`] finishes: current_si += sum_j g_ij v_sj for the units i that are awake in slot s (or in its partner). Lines of
/// units above that are all at 0 V are passed over.
pub(crate) struct DriveDown<'a> {
    /// A row per unit.
    pub(crate) tile: &'a [Row],
    /// Potentials of the block above, one row per slot.
    pub(crate) potentials: &'a [Row],
    pub(crate) active: &'a [Active],
    /// As in [`pairs`].
    pub(crate) apart: usize,
    /// Per slot, the units that may not stay at 0 V: the others need no current.
    pub(crate) awake: &'a [Active],
    pub(crate) sums: &'a mut [LineSums],
}

impl Kernel for DriveDown<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        match N {
            4 => self.lines::<S, 1, 4>(simd),
            8 => self.lines::<S, 2, 2>(simd),
            16 => self.lines::<S, 4, 2>(simd),
            _ => self.lines::<S, 16, 1>(simd),
        }
    }
}

impl DriveDown<'_> {
    /// Lines of `P` registers, up to `T` of them at once.
    #[inline(always)]
    fn lines<S: Simd, const P: usize, const T: usize>(self, simd: S) {
        let (tile, _) = self.tile.as_chunks::<BLOCK>();
        let (sums, _) = self.sums.as_chunks_mut::<BLOCK>();
        for (one, other) in pairs(self.potentials.len(), self.apart) {
            let any = |of: &[Active]| Active::any(&[of[one], of[other.unwrap_or(one)]]);
            let (active, awake) = (any(self.active), any(self.awake));
            let mut lines = [0; LINES_PER_ROW];
            let mut count = 0;
            for line in 0..LINES_PER_ROW {
                lines[count] = line;
                count += usize::from(active.within(line * LINE, LINE));
            }
            for lines in lines[..count].chunks(T) {
                let dots = Dots {
                    tile: &tile[0],
                    awake,
                };
                match other {
                    None => {
                        let (v, sums) = ([&self.potentials[one]], [&mut sums[one]]);
                        dots.add::<S, P, T, 1>(simd, lines, v, sums);
                    }
                    Some(other) => {
                        let v = [&self.potentials[one], &self.potentials[other]];
                        let (before, after) = sums.split_at_mut(other);
                        let sums = [&mut before[one], &mut after[0]];
                        dots.add::<S, P, T, 2>(simd, lines, v, sums);
                    }
                }
            }
        }
    }
}

/// Rows of a tile, and those that matter.
struct Dots<'a> {
    tile: &'a [Row; BLOCK],
    awake: Active,
}

impl Dots<'_> {
    /// sum_si += g_ij v_sj over at most `T` lines of units j.
    #[inline(always)]
    fn add<S: Simd, const P: usize, const T: usize, const M: usize>(
        &self,
        simd: S,
        lines: &[usize],
        v: [&Row; M],
        sums: [&mut [LineSums; BLOCK]; M],
    ) {
        match *lines {
            [a] => self.add_lines::<S, P, 1, M>(simd, [a], v, sums),
            [a, b] if T >= 2 => self.add_lines::<S, P, 2, M>(simd, [a, b], v, sums),
            [a, b, c] if T >= 3 => self.add_lines::<S, P, 3, M>(simd, [a, b, c], v, sums),
            [a, b, c, d] if T >= 4 => self.add_lines::<S, P, 4, M>(simd, [a, b, c, d], v, sums),
            _ => unreachable!("1 to T lines"),
        }
    }

    /// The same of `T` lines, whose potentials stay in registers.
    #[inline(always)]
    fn add_lines<S: Simd, const P: usize, const T: usize, const M: usize>(
        &self,
        simd: S,
        lines: [usize; T],
        v: [&Row; M],
        sums: [&mut [LineSums; BLOCK]; M],
    ) {
        let lines = lines.map(|line| line % LINES_PER_ROW);
        let v = v.map(|v| lines.map(|line| *strip::<S, P>(v, line)));
        for unit in self.awake.units() {
            let unit = unit % BLOCK;
            let mut totals = [[simd.splat_f32s(0.0); P]; M];
            for m in 0..M {
                totals[m] = *line_mut::<S, P>(&mut sums[m][unit]);
            }
            for t in 0..T {
                let g = strip::<S, P>(&self.tile[unit], lines[t]);
                for m in 0..M {
                    for p in 0..P {
                        totals[m][p] = simd.mul_add_e_f32s(g[p], v[m][t][p], totals[m][p]);
                    }
                }
            }
            for m in 0..M {
                *line_mut::<S, P>(&mut sums[m][unit]) = totals[m];
            }
        }
    }
}

/// Adds the sums of awake units to their currents.
pub(crate) struct AddLines<'a> {
    pub(crate) sums: &'a [LineSums],
    pub(crate) awake: &'a [Active],
    /// One row per slot.
    pub(crate) currents: &'a mut [Row],
}

impl Kernel for AddLines<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let slots = self.currents.iter_mut().zip(self.awake);
        for ((currents, awake), sums) in slots.zip(self.sums.chunks_exact(BLOCK)) {
            for unit in awake.units() {
                let line = &sums[unit];
                currents.0[unit % BLOCK] += match N {
                    4 => sum_line::<S, 1>(simd, line),
                    8 => sum_line::<S, 2>(simd, line),
                    16 => sum_line::<S, 4>(simd, line),
                    _ => sum_line::<S, 16>(simd, line),
                };
            }
        }
    }
}

/// Adds what a block drives into every unit of the layer above, held at 0 V: current_sj += sum_i v_si g_ij.
pub(crate) struct DriveUp<'a> {
    /// Tile after tile, one for each block above: in each a row per unit.
    pub(crate) tiles: &'a [Row],
    /// Potentials of the block, one row per slot.
    pub(crate) potentials: &'a [Row],
    pub(crate) active: &'a [Active],
    /// As in [`pairs`].
    pub(crate) apart: usize,
    /// Block after block of the layer above, one row per slot.
    pub(crate) currents: &'a mut [Row],
}

impl Kernel for DriveUp<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let slots = self.potentials.len();
        let (tiles, _) = self.tiles.as_chunks::<BLOCK>();
        for (tile, currents) in tiles.iter().zip(self.currents.chunks_exact_mut(slots)) {
            for (one, other) in pairs(slots, self.apart) {
                let v = &self.potentials;
                match other {
                    None => drive::<S, 1>(
                        simd,
                        tile,
                        self.active[one],
                        [&v[one]],
                        [&mut currents[one]],
                    ),
                    Some(other) => {
                        let active = Active::any(&[self.active[one], self.active[other]]);
                        let (before, after) = currents.split_at_mut(other);
                        let to = [&mut before[one], &mut after[0]];
                        drive::<S, 2>(simd, tile, active, [&v[one], &v[other]], to);
                    }
                }
            }
        }
    }
}

/// Registers of a row that are worked on at once: with those of two slots they leave room for what is read.
const STRIP: usize = 4;

/// current_s += sum_i v_si g_i over the units i that are active in one of `M` slots s.
#[inline(always)]
fn drive<S: Simd, const M: usize>(
    simd: S,
    tile: &[Row; BLOCK],
    active: Active,
    potentials: [&Row; M],
    currents: [&mut Row; M],
) {
    for s in 0..BLOCK / (S::F32_LANES * STRIP) {
        let mut sums = [[simd.splat_f32s(0.0); STRIP]; M];
        for m in 0..M {
            sums[m] = *strip::<S, STRIP>(currents[m], s);
        }
        for unit in active.units() {
            let g = strip::<S, STRIP>(&tile[unit % BLOCK], s);
            let v = potentials.map(|v| simd.splat_f32s(v.0[unit % BLOCK]));
            for m in 0..M {
                for t in 0..STRIP {
                    sums[m][t] = simd.mul_add_e_f32s(v[m], g[t], sums[m][t]);
                }
            }
        }
        for m in 0..M {
            *strip_mut::<S, STRIP>(currents[m], s) = sums[m];
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
        if self.readout.is_empty() {
            return;
        }
        let partials = self.partials.chunks_exact_mut(self.readout.len());
        for (row, partials) in self.potentials.iter().zip(partials) {
            let potential = *lanes::<S, N>(row); // stays in registers
            for (row, partial) in self.readout.iter().zip(partials) {
                let g = lanes::<S, N>(row);
                *partial = dot::<S, N>(simd, &potential, g);
            }
        }
    }
}

/// Two states of the units of some blocks, which an update contrasts: block after block, a row per example.
#[derive(Clone, Copy)]
pub(crate) struct Contrasted<'a> {
    pub(crate) first: &'a [Row],
    pub(crate) second: &'a [Row],
    /// The units that are not at 0 V in both states.
    pub(crate) active: &'a [Active],
    /// Per block, mean_b d_bi s_bi / span, times the gradient scale.
    pub(crate) drops: &'a [Row],
}

impl<'a> Contrasted<'a> {
    /// Block `k` alone.
    #[inline(always)]
    pub(crate) fn block(self, k: usize) -> Self {
        let states = self.first.len() / self.drops.len();
        let rows = k * states..(k + 1) * states;
        Self {
            first: &self.first[rows.clone()],
            second: &self.second[rows.clone()],
            active: &self.active[rows],
            drops: &self.drops[k..=k],
        }
    }

    /// One after the other.
    pub(crate) fn blocks(self) -> impl Iterator<Item = Self> {
        (0..self.drops.len()).map(move |k| self.block(k))
    }
}

/// Updates a tile of a matrix between two free layers. The gradient of the conductance between the units i of a row and j of a
/// column is drop_i + drop_j - scale * q_ij with q_ij = sum_b (v2_i v2_j - v1_i v1_j). That of a weight is its last term alone.
pub(crate) struct MatrixUpdate<'a> {
    pub(crate) coupling: Coupling,
    /// A row for each unit, at most 64.
    pub(crate) tile: &'a mut [Row],
    pub(crate) registers: RegisterRows<'a>,
    /// The blocks of the rows' units and of the columns' ones.
    pub(crate) rows: Contrasted<'a>,
    pub(crate) columns: Contrasted<'a>,
    /// Of the columns.
    pub(crate) window: &'a Window,
    /// Gradient scale / (batch * span).
    pub(crate) scale: f32,
    pub(crate) law: UpdateLaw,
}

impl Kernel for MatrixUpdate<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let (law, window) = (self.law, self.window);
        match (self.coupling, N) {
            (Coupling::Resistor, 8) => law.on(window, true, Tile::<S, N, 2, true>(simd, self)),
            (Coupling::Resistor, _) => law.on(window, true, Tile::<S, N, 4, true>(simd, self)),
            (Coupling::Weight, 8) => law.on(window, true, Tile::<S, N, 2, false>(simd, self)),
            (Coupling::Weight, _) => law.on(window, true, Tile::<S, N, 4, false>(simd, self)),
        }
    }
}

/// Rows that share what they read of the columns.
const ROWS: usize = 4;

/// An update of the conductances of a tile, or of weights, in strips of `T` registers.
struct Tile<'a, S, const N: usize, const T: usize, const RESISTORS: bool>(S, MatrixUpdate<'a>);

impl<S: Simd, const N: usize, const T: usize, const RESISTORS: bool> WithUpdate
    for Tile<'_, S, N, T, RESISTORS>
{
    #[inline(always)]
    fn run<U: SimdUpdate>(self, law: U) {
        let Self(simd, mut update) = self;
        let rows = update.tile.len();
        let whole = rows - rows % ROWS;
        for s in 0..N / T {
            for first in (0..whole).step_by(ROWS) {
                update.step::<S, T, ROWS, RESISTORS, U>(simd, first, s, law);
            }
            for first in whole..rows {
                update.step::<S, T, 1, RESISTORS, U>(simd, first, s, law);
            }
        }
    }
}

impl MatrixUpdate<'_> {
    /// Strip `s` of `R` rows from `first` on.
    #[inline(always)]
    fn step<S: Simd, const T: usize, const R: usize, const RESISTORS: bool, U: SimdUpdate>(
        &mut self,
        simd: S,
        first: usize,
        s: usize,
        law: U,
    ) {
        let scale = simd.splat_f32s(self.scale);
        let q = products_of_states::<S, T, R>(simd, self.rows, first, self.columns, s);
        let drop = strip::<S, T>(&self.columns.drops[0], s);
        for (r, q) in (first..).zip(&q) {
            let minus_row = simd.splat_f32s(-self.rows.drops[0].0[r % BLOCK]);
            let mut ascent = *q;
            for t in 0..T {
                ascent[t] = match RESISTORS {
                    true => {
                        let ends = simd.sub_f32s(minus_row, drop[t]);
                        simd.mul_add_e_f32s(scale, q[t], ends)
                    }
                    false => simd.mul_f32s(scale, q[t]),
                };
            }
            let g = strip_mut::<S, T>(&mut self.tile[r], s);
            law.apply(simd, g, &ascent, &mut self.registers, (r, s));
        }
    }
}

/// q of `R` rows from `first` on, in strip `s` of a block of columns.
#[inline(always)]
fn products_of_states<S: Simd, const T: usize, const R: usize>(
    simd: S,
    rows: Contrasted,
    first: usize,
    columns: Contrasted,
    s: usize,
) -> [[S::f32s; T]; R] {
    let mut q = [[simd.splat_f32s(0.0); T]; R];
    let rows = rows.first.iter().zip(rows.second).zip(rows.active);
    let columns = columns.first.iter().zip(columns.second);
    for (((row1, row2), active), (column1, column2)) in rows.zip(columns) {
        if !active.within(first, R) {
            continue;
        }
        let (column1, column2) = (strip::<S, T>(column1, s), strip::<S, T>(column2, s));
        for r in 0..R {
            let v2 = simd.splat_f32s(row2.0[(first + r) % BLOCK]);
            let minus_v1 = simd.splat_f32s(-row1.0[(first + r) % BLOCK]);
            for t in 0..T {
                let sum = simd.mul_add_e_f32s(v2, column2[t], q[r][t]);
                q[r][t] = simd.mul_add_e_f32s(minus_v1, column1[t], sum);
            }
        }
    }
    q
}

/// Adds what a tile is in the total conductance of the units of its rows and of its columns.
pub(crate) struct TileSums<'a> {
    pub(crate) tile: &'a [Row],
    pub(crate) rows: &'a mut Row,
    pub(crate) columns: &'a mut Row,
}

impl Kernel for TileSums<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let columns = lanes_mut::<S, N>(self.columns);
        let mut sum = *columns;
        for (row, total) in self.tile.iter().zip(&mut self.rows.0) {
            let g = lanes::<S, N>(row);
            for v in 0..N {
                sum[v] = simd.add_f32s(sum[v], g[v]);
            }
            *total += tree_sum(simd, g);
        }
        *columns = sum;
    }
}

//! The connection from the sources, the largest of a network: update and product in one pass.

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::input::{CHUNK, Input, QUAD};
use crate::drn::chain::Kind;
use crate::drn::simd::{
    BLOCK, Kernel, LINES_PER_ROW, Line, Row, lanes, lanes_mut, prefetch, strip, strip_mut,
};
use crate::drn::update_law::{RegisterRows, SimdUpdate, UpdateLaw, Window, WithUpdate};

/// Rows per feature: the conductances from both sources of a signed pair, or the weights from the feature itself.
const PAIR: usize = 2;
const SINGLE: usize = 1;

/// The contrast between two states as the sources' connection needs it: gradient descent adds
/// rise_j + sum_b x_bi slope_bj to the conductance between source i and unit j. To a weight, whose product with states is
/// all that the energy has, it adds sum_b x_bi d_bj / (batch * span), and nothing rises.
#[derive(Clone, Copy)]
pub(crate) struct SourceContrast<'a> {
    /// The input that the two states were settled with.
    pub(crate) input: &'a Input,
    /// -mean_b d_bj s_bj / span, times the gradient scale.
    pub(crate) rise: &'a Row,
    /// d_bj / (batch * span), times the gradient scale; one row per example
    /// and per empty slot of the input.
    pub(crate) slopes: &'a [Row],
    pub(crate) law: UpdateLaw,
    pub(crate) window: &'a Window,
}

/// One pass over a block: apply the last step's update, project, store, add up the
/// columns and multiply with the next input. In signed pairs row 2i holds the conductances from +x_i, row 2i + 1 those
/// from -x_i; else row i holds the weights from x_i, and columns are not added up.
pub(crate) struct SourcePass<'a> {
    pub(crate) kind: Kind,
    pub(crate) weights: &'a mut [Row],
    pub(crate) registers: RegisterRows<'a>,
    pub(crate) contrast: SourceContrast<'a>,
    /// Next input.
    pub(crate) input: &'a Input,
    /// Out: column sums, in siemens; 0 for weights.
    pub(crate) sum: &'a mut Row,
    /// Out: current that the sources drive into each unit held at 0 V, one row per example.
    pub(crate) currents: &'a mut [Row],
}

impl Kernel for SourcePass<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let (law, window) = (self.contrast.law, self.contrast.window);
        match (N, self.kind) {
            // 16 registers
            (8, Kind::Pairs) => law.on(window, false, Pass::<S, N, 2, PAIR>(simd, self)),
            (8, _) => law.on(window, false, Pass::<S, N, 2, SINGLE>(simd, self)),
            // 32 registers
            (_, Kind::Pairs) => law.on(window, false, Pass::<S, N, 4, PAIR>(simd, self)),
            (_, _) => law.on(window, false, Pass::<S, N, 4, SINGLE>(simd, self)),
        }
    }
}

/// A pass with strips of `T` registers and `ROWS` rows per feature.
struct Pass<'a, S, const N: usize, const T: usize, const ROWS: usize>(S, SourcePass<'a>);

impl<S: Simd, const N: usize, const T: usize, const ROWS: usize> WithUpdate
    for Pass<'_, S, N, T, ROWS>
{
    #[inline(always)]
    fn run<U: SimdUpdate>(self, update: U) {
        let Self(simd, mut pass) = self;
        let contrast = &pass.contrast;
        let single = contrast.input.quads == 1 && matches!(contrast.law, UpdateLaw::Descent { .. });
        let unlimited = contrast.window.is_unlimited()
            && matches!(contrast.law, UpdateLaw::Descent { decay: 0.0, .. });
        *pass.sum = Row::ZERO;
        pass.currents.fill(Row::ZERO);
        let mut registers = pass
            .registers
            .each_mut()
            .map(|rows| rows.chunks_mut(ROWS * CHUNK));
        let mut rest = pass.weights;
        for chunk in 0..rest.len().div_ceil(ROWS * CHUNK) {
            let (rows, next) = rest.split_at_mut(rest.len().min(ROWS * CHUNK));
            let step = ChunkStep {
                chunk,
                next: &next[..next.len().min(ROWS * CHUNK)],
                contrast,
            };
            let registers = registers
                .each_mut()
                .map(|rows| rows.next().unwrap_or_default());
            match ROWS {
                SINGLE if unlimited => {
                    step.unlimited::<S, T>(simd, rows);
                }
                PAIR if single => step.strips::<S, T, U>(simd, rows, update, pass.sum),
                _ => step.mixed::<S, N, ROWS, U>(simd, rows, registers, update, pass.sum),
            }
            drive::<S, T, ROWS>(simd, rows, chunk, pass.input, pass.currents);
            rest = next;
        }
    }
}

/// The product of a block with an input, without an update.
pub(crate) struct SourceProduct<'a> {
    pub(crate) kind: Kind,
    pub(crate) weights: &'a [Row],
    pub(crate) input: &'a Input,
    /// Out: current that the sources drive into each unit held at 0 V, one row per example.
    pub(crate) currents: &'a mut [Row],
}

impl Kernel for SourceProduct<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        match (N, self.kind) {
            (8, Kind::Pairs) => self.product::<S, 2, PAIR>(simd),
            (8, _) => self.product::<S, 2, SINGLE>(simd),
            (_, Kind::Pairs) => self.product::<S, 4, PAIR>(simd),
            (_, _) => self.product::<S, 4, SINGLE>(simd),
        }
    }
}

impl SourceProduct<'_> {
    #[inline(always)]
    fn product<S: Simd, const T: usize, const ROWS: usize>(self, simd: S) {
        self.currents.fill(Row::ZERO);
        for (chunk, rows) in self.weights.chunks(ROWS * CHUNK).enumerate() {
            drive::<S, T, ROWS>(simd, rows, chunk, self.input, self.currents);
        }
    }
}

/// One step of the parameters of a chunk of features. On signed pairs, with their column sums:
/// p <- step(p, rise + q), n <- step(n, rise - q) with q = sum_b x_b slope_b.
struct ChunkStep<'a> {
    chunk: usize,
    /// The rows of the next chunk, to ask of memory meanwhile.
    next: &'a [Row],
    contrast: &'a SourceContrast<'a>,
}

impl ChunkStep<'_> {
    /// On weights without limits, registers and decay: w <- w + sum_b x_b slope_b. Where there is no input, nothing changes.
    #[inline(always)]
    fn unlimited<S: Simd, const T: usize>(&self, simd: S, rows: &mut [Row]) {
        let c = self.contrast;
        for s in 0..BLOCK / (S::F32_LANES * T) {
            for quad in 0..c.input.quads {
                let slopes = quad_of::<S, T>(&c.slopes[quad * QUAD..], s);
                for (i, x) in c.input.driven(self.chunk, quad) {
                    let w = strip_mut::<S, T>(&mut rows[*i as usize % CHUNK], s);
                    mix(simd, x, &slopes, w);
                }
            }
        }
    }

    /// On signed pairs, by a law without registers and with a single quad of examples. A strip of the columns at a time,
    /// so narrow that its sums and slopes stay in registers.
    #[inline(always)]
    fn strips<S: Simd, const T: usize, U: SimdUpdate>(
        &self,
        simd: S,
        pairs: &mut [Row],
        update: U,
        sum: &mut Row,
    ) {
        let c = self.contrast;
        let strips = BLOCK / (S::F32_LANES * T);
        let lines = bytemuck::cast_slice::<Row, Line>(self.next);
        let mut ahead = lines.chunks_exact((2 * LINES_PER_ROW).div_ceil(strips));
        let one = simd.splat_f32s(1.0);
        let (pairs, _) = pairs.as_chunks_mut();
        for s in 0..strips {
            let step = |g: &mut [S::f32s; T], ascent: &[S::f32s; T]| {
                update.apply(simd, g, ascent, &mut [&mut [], &mut []], (0, s));
            };
            let rise = *strip::<S, T>(c.rise, s);
            let mut twice = rise;
            for t in 0..T {
                twice[t] = simd.add_f32s(rise[t], rise[t]);
            }
            let slopes = quad_of::<S, T>(c.slopes, s);
            let total = strip_mut::<S, T>(sum, s);
            let mut sum = *total;
            for &(i, ()) in c.input.idle(self.chunk) {
                prefetch(ahead.next().unwrap_or_default());
                let (p, n) = pair_mut::<S, T>(pairs, i, s);
                step(p, &rise);
                step(n, &rise);
                for t in 0..T {
                    sum[t] = simd.add_f32s(sum[t], simd.mul_add_e_f32s(one, p[t], n[t]));
                }
            }
            for (i, x) in c.input.driven(self.chunk, 0) {
                prefetch(ahead.next().unwrap_or_default());
                let (p, n) = pair_mut::<S, T>(pairs, *i, s);
                let mut ascent = rise;
                mix(simd, x, &slopes, &mut ascent);
                step(p, &ascent);
                for t in 0..T {
                    ascent[t] = simd.sub_f32s(twice[t], ascent[t]);
                }
                step(n, &ascent);
                for t in 0..T {
                    sum[t] = simd.add_f32s(sum[t], simd.mul_add_e_f32s(one, p[t], n[t]));
                }
            }
            *total = sum;
        }
    }

    /// By any law, with any number of examples: q is made first, quad after quad.
    #[inline(always)]
    fn mixed<S: Simd, const N: usize, const ROWS: usize, U: SimdUpdate>(
        &self,
        simd: S,
        rows: &mut [Row],
        mut registers: RegisterRows,
        update: U,
        sum: &mut Row,
    ) {
        let c = self.contrast;
        let mut mixture = [Row::ZERO; CHUNK];
        for quad in 0..c.input.quads {
            let slopes = quad_of::<S, N>(&c.slopes[quad * QUAD..], 0);
            for (i, x) in c.input.driven(self.chunk, quad) {
                let q = lanes_mut::<S, N>(&mut mixture[*i as usize % CHUNK]);
                mix(simd, x, &slopes, q);
            }
        }
        let rise = lanes::<S, N>(c.rise);
        let sum = lanes_mut::<S, N>(sum);
        for (feature, (rows, q)) in rows.chunks_exact_mut(ROWS).zip(&mixture).enumerate() {
            let q = lanes::<S, N>(q);
            let (mut plus, mut minus) = (*q, *q);
            for v in 0..N {
                plus[v] = simd.add_f32s(rise[v], q[v]);
                minus[v] = simd.sub_f32s(rise[v], q[v]);
            }
            for (side, (g, ascent)) in rows.iter_mut().zip([&plus, &minus]).enumerate() {
                let g = lanes_mut::<S, N>(g);
                update.apply(simd, g, ascent, &mut registers, (feature * ROWS + side, 0));
                if ROWS == PAIR {
                    for v in 0..N {
                        sum[v] = simd.add_f32s(sum[v], g[v]);
                    }
                }
            }
        }
    }
}

/// q += sum_b x_b slope_b over a quad of examples.
#[inline(always)]
fn mix<S: Simd, const T: usize>(
    simd: S,
    x: &[f32; QUAD],
    slopes: &[[S::f32s; T]; QUAD],
    q: &mut [S::f32s; T],
) {
    for b in 0..QUAD {
        let x = simd.splat_f32s(x[b]);
        for t in 0..T {
            q[t] = simd.mul_add_e_f32s(x, slopes[b][t], q[t]);
        }
    }
}

/// current_b += sum_i x_bi (p_i - n_i) over a chunk of signed pairs, or sum_i x_bi w_i, for every example b.
#[inline(always)]
fn drive<S: Simd, const T: usize, const ROWS: usize>(
    simd: S,
    rows: &[Row],
    chunk: usize,
    input: &Input,
    currents: &mut [Row],
) {
    let (features, _) = rows.as_chunks::<ROWS>();
    for (quad, currents) in currents.chunks_mut(QUAD).enumerate() {
        for s in 0..BLOCK / (S::F32_LANES * T) {
            let mut sums = quad_of::<S, T>(currents, s);
            for (i, x) in input.driven(chunk, quad) {
                let weights = &features[*i as usize % CHUNK];
                let mut weight = *strip::<S, T>(&weights[0], s);
                if ROWS == PAIR {
                    let n = strip::<S, T>(&weights[1], s);
                    for t in 0..T {
                        weight[t] = simd.sub_f32s(weight[t], n[t]);
                    }
                }
                for b in 0..QUAD {
                    let x = simd.splat_f32s(x[b]);
                    for t in 0..T {
                        sums[b][t] = simd.mul_add_e_f32s(x, weight[t], sums[b][t]);
                    }
                }
            }
            for (current, sum) in currents.iter_mut().zip(sums) {
                *strip_mut::<S, T>(current, s) = sum;
            }
        }
    }
}

/// Strip `s` of the first four rows; what is missing is taken from the first.
#[inline(always)]
fn quad_of<S: Simd, const T: usize>(rows: &[Row], s: usize) -> [[S::f32s; T]; QUAD] {
    let row = |b: usize| *strip::<S, T>(rows.get(b).unwrap_or(&rows[0]), s);
    [row(0), row(1), row(2), row(3)]
}

/// Strip `s` of the conductances from +x_i and from -x_i.
#[inline(always)]
fn pair_mut<S: Simd, const T: usize>(
    pairs: &mut [[Row; 2]],
    i: u32,
    s: usize,
) -> (&mut [S::f32s; T], &mut [S::f32s; T]) {
    let [p, n] = &mut pairs[i as usize % CHUNK];
    (strip_mut::<S, T>(p, s), strip_mut::<S, T>(n, s))
}

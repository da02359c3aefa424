//! Kernels of the input matrix, the largest of a network: update and product in one pass.

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::descent::{Bounds, Step, descend, roll};
use super::entries::{CHUNK, Input, QUAD};
use super::lanes::{
    BLOCK, Kernel, LINES_PER_ROW, Line, Row, lanes, lanes_mut, prefetch, strip, strip_mut,
};
use crate::drn::Energy;

/// Rows per feature: the conductances from both sources of a signed pair, or the weights from the feature itself.
const PAIR: usize = 2;
const SINGLE: usize = 1;

/// The contrast between two states as the input matrix needs it: gradient descent adds
/// rise_j + sum_b x_bi slope_bj to the conductance between source i and unit j. In a Hopfield network, where it adds
/// sum_b x_bi d_bj / (batch * span) to a weight, nothing rises.
#[derive(Clone, Copy)]
pub(crate) struct InputContrast<'a> {
    /// The input that the two states were settled with.
    pub(crate) input: &'a Input,
    /// -mean_b d_bj s_bj / span, times the gradient scale.
    pub(crate) rise: &'a Row,
    /// d_bj / (batch * span), times the gradient scale; one row per example
    /// and per empty slot of the input.
    pub(crate) slopes: &'a [Row],
    pub(crate) step: Step,
    pub(crate) bounds: &'a Bounds,
}

impl InputContrast<'_> {
    /// Whether there is no weight decay and the bounds are [0, inf).
    fn is_plain(&self) -> bool {
        self.step.decay == 0.0 && self.bounds.only_positive
    }
}

/// One pass over a block of the input matrix: apply the last step's update, clamp, store, add up the
/// columns and multiply with the next input. Row 2i holds the conductances from +x_i, row 2i + 1 those
/// from -x_i. In a Hopfield network row i holds the weights from x_i, and columns are not added up.
pub(crate) struct InputPass<'a> {
    pub(crate) energy: Energy,
    pub(crate) weights: &'a mut [Row],
    /// Velocities, same layout; empty without momentum.
    pub(crate) velocity: &'a mut [Row],
    pub(crate) contrast: InputContrast<'a>,
    /// Next input.
    pub(crate) input: &'a Input,
    /// Out: column sums, in siemens; 0 in a Hopfield network.
    pub(crate) sum: &'a mut Row,
    /// Out: current that the sources drive into each unit held at 0 V, one row per example.
    pub(crate) currents: &'a mut [Row],
}

impl Kernel for InputPass<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        match (N, self.energy) {
            // 16 registers
            (8, Energy::CoContent) => self.pass::<S, N, 2, PAIR>(simd),
            (8, Energy::Hopfield) => self.pass::<S, N, 2, SINGLE>(simd),
            // 32 registers
            (_, Energy::CoContent) => self.pass::<S, N, 4, PAIR>(simd),
            (_, Energy::Hopfield) => self.pass::<S, N, 4, SINGLE>(simd),
        }
    }
}

impl InputPass<'_> {
    #[inline(always)]
    fn pass<S: Simd, const N: usize, const T: usize, const ROWS: usize>(self, simd: S) {
        let contrast = &self.contrast;
        let (single, plain) = (contrast.input.quads == 1, contrast.is_plain());
        *self.sum = Row::ZERO;
        self.currents.fill(Row::ZERO);
        let mut velocity = self.velocity.chunks_mut(ROWS * CHUNK);
        let mut rest = self.weights;
        for chunk in 0..rest.len().div_ceil(ROWS * CHUNK) {
            let (rows, next) = rest.split_at_mut(rest.len().min(ROWS * CHUNK));
            let descent = Descent {
                chunk,
                next: &next[..next.len().min(ROWS * CHUNK)],
                contrast,
            };
            match velocity.next() {
                None if ROWS == SINGLE && contrast.step.decay == 0.0 => {
                    descent.unlimited::<S, T>(simd, rows);
                }
                None if ROWS == PAIR && single && plain => {
                    descent.run::<S, T, true>(simd, rows, self.sum);
                }
                None if ROWS == PAIR && single => descent.run::<S, T, false>(simd, rows, self.sum),
                velocity => descent.mixed::<S, N, ROWS>(simd, rows, velocity, self.sum),
            }
            drive::<S, T, ROWS>(simd, rows, chunk, self.input, self.currents);
            rest = next;
        }
    }
}

/// The product of a block of the input matrix with an input, without an update.
pub(crate) struct InputProduct<'a> {
    pub(crate) energy: Energy,
    pub(crate) weights: &'a [Row],
    pub(crate) input: &'a Input,
    /// Out: current that the sources drive into each unit held at 0 V, one row per example.
    pub(crate) currents: &'a mut [Row],
}

impl Kernel for InputProduct<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        match (N, self.energy) {
            (8, Energy::CoContent) => self.product::<S, 2, PAIR>(simd),
            (8, Energy::Hopfield) => self.product::<S, 2, SINGLE>(simd),
            (_, Energy::CoContent) => self.product::<S, 4, PAIR>(simd),
            (_, Energy::Hopfield) => self.product::<S, 4, SINGLE>(simd),
        }
    }
}

impl InputProduct<'_> {
    #[inline(always)]
    fn product<S: Simd, const T: usize, const ROWS: usize>(self, simd: S) {
        self.currents.fill(Row::ZERO);
        for (chunk, rows) in self.weights.chunks(ROWS * CHUNK).enumerate() {
            drive::<S, T, ROWS>(simd, rows, chunk, self.input, self.currents);
        }
    }
}

/// Gradient descent on the weights of a chunk of features. On signed pairs, with their column sums:
/// p <- clamp(keep p + rise + q), n <- clamp(keep n + rise - q) with q = sum_b x_b slope_b.
struct Descent<'a> {
    chunk: usize,
    /// The rows of the next chunk, to ask of memory meanwhile.
    next: &'a [Row],
    contrast: &'a InputContrast<'a>,
}

impl Descent<'_> {
    /// On weights without limits, momentum and decay: w <- w + sum_b x_b slope_b. Where there is no input, nothing changes.
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

    /// On signed pairs, without momentum and with a single quad of examples. A strip of the columns at a time, so narrow
    /// that its sums and slopes stay in registers.
    ///
    /// `PLAIN` says that there is no weight decay (keep = 1) and that the bounds are [0, inf).
    #[inline(always)]
    fn run<S: Simd, const T: usize, const PLAIN: bool>(
        &self,
        simd: S,
        pairs: &mut [Row],
        sum: &mut Row,
    ) {
        let c = self.contrast;
        let strips = BLOCK / (S::F32_LANES * T);
        let lines = bytemuck::cast_slice::<Row, Line>(self.next);
        let mut ahead = lines.chunks_exact((2 * LINES_PER_ROW).div_ceil(strips));
        let keep = simd.splat_f32s(1.0 - c.step.rate * c.step.decay);
        let one = simd.splat_f32s(1.0);
        let (pairs, _) = pairs.as_chunks_mut();
        for s in 0..strips {
            let (lo, hi) = (
                strip::<S, T>(&c.bounds.lo, s),
                strip::<S, T>(&c.bounds.hi, s),
            );
            let step = |g, rise, t: usize| {
                if PLAIN {
                    return simd.max_f32s(simd.add_f32s(rise, g), simd.splat_f32s(0.0));
                }
                let free = simd.mul_add_e_f32s(keep, g, rise);
                simd.min_f32s(simd.max_f32s(free, lo[t]), hi[t])
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
                for t in 0..T {
                    p[t] = step(p[t], rise[t], t);
                    n[t] = step(n[t], rise[t], t);
                    sum[t] = simd.add_f32s(sum[t], simd.mul_add_e_f32s(one, p[t], n[t]));
                }
            }
            for (i, x) in c.input.driven(self.chunk, 0) {
                prefetch(ahead.next().unwrap_or_default());
                let (p, n) = pair_mut::<S, T>(pairs, *i, s);
                let mut ascent = rise;
                mix(simd, x, &slopes, &mut ascent);
                for t in 0..T {
                    p[t] = step(p[t], ascent[t], t);
                    n[t] = step(n[t], simd.sub_f32s(twice[t], ascent[t]), t);
                    sum[t] = simd.add_f32s(sum[t], simd.mul_add_e_f32s(one, p[t], n[t]));
                }
            }
            *total = sum;
        }
    }

    /// With momentum, or any number of examples: q is made first, quad after quad.
    #[inline(always)]
    fn mixed<S: Simd, const N: usize, const ROWS: usize>(
        &self,
        simd: S,
        rows: &mut [Row],
        velocity: Option<&mut [Row]>,
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
        let mut velocity = velocity.unwrap_or_default().chunks_exact_mut(ROWS);
        let rise = lanes::<S, N>(c.rise);
        let sum = lanes_mut::<S, N>(sum);
        for (rows, q) in rows.chunks_exact_mut(ROWS).zip(&mixture) {
            let q = lanes::<S, N>(q);
            let (mut minus, mut plus) = (*q, *q);
            for v in 0..N {
                minus[v] = simd.neg_f32s(simd.add_f32s(rise[v], q[v]));
                plus[v] = simd.sub_f32s(q[v], rise[v]);
            }
            let mut speeds = velocity.next().into_iter().flatten();
            for (g, gradient) in rows.iter_mut().zip([&minus, &plus]) {
                let g = lanes_mut::<S, N>(g);
                match speeds.next() {
                    None => descend(simd, g, gradient, c.step, c.bounds, 0),
                    Some(speed) => {
                        let speed = lanes_mut::<S, N>(speed);
                        roll(simd, g, speed, gradient, c.step, c.bounds, 0);
                    }
                }
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

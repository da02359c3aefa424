//! Kernels of the input matrix, the largest of a network: update and product in one pass.

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::descent::{Bounds, Step, roll};
use super::entries::{CHUNK, Input, QUAD};
use super::lanes::{Kernel, Row, lanes, lanes_mut, prefetch};

/// The contrast between two states as the input matrix needs it: gradient descent adds
/// rise_j + sum_b x_bi slope_bj to the conductance between source i and unit j.
#[derive(Clone, Copy)]
pub(crate) struct InputContrast<'a> {
    /// The input that the two states were settled with.
    pub(crate) input: &'a Input,
    /// -mean_b d_bj s_bj / span, times the gradient scale.
    pub(crate) rise: &'a Row,
    /// d_bj / (batch * span), times the gradient scale; one row per example.
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
/// from -x_i.
pub(crate) struct InputPass<'a> {
    pub(crate) weights: &'a mut [Row],
    /// Velocities, same layout; empty without momentum.
    pub(crate) velocity: &'a mut [Row],
    pub(crate) contrast: InputContrast<'a>,
    /// Next input.
    pub(crate) input: &'a Input,
    /// Out: column sums, in siemens.
    pub(crate) sum: &'a mut Row,
    /// Out: current that the sources drive into each unit held at 0 V, one row per example.
    pub(crate) currents: &'a mut [Row],
}

impl Kernel for InputPass<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        self.currents.fill(Row::ZERO);
        let (contrast, plain) = (&self.contrast, self.contrast.is_plain());
        let mut sum = [simd.splat_f32s(0.0); N];
        let mut velocity = self.velocity.chunks_mut(2 * CHUNK);
        let mut rest = self.weights;
        for chunk in 0.. {
            let (pairs, next) = rest.split_at_mut(rest.len().min(2 * CHUNK));
            if pairs.is_empty() {
                break;
            }
            let first = chunk * CHUNK;
            match velocity.next() {
                None if plain => {
                    descend::<S, N, true>(simd, pairs, next, first, contrast, &mut sum)
                }
                None => descend::<S, N, false>(simd, pairs, next, first, contrast, &mut sum),
                Some(speed) => roll_pairs(simd, pairs, speed, first, contrast, &mut sum),
            }
            drive::<S, N>(simd, pairs, chunk, self.input, self.currents);
            rest = next;
        }
        *lanes_mut::<S, N>(self.sum) = sum;
    }
}

/// The product of a block of the input matrix with an input, without an update.
pub(crate) struct InputProduct<'a> {
    pub(crate) weights: &'a [Row],
    pub(crate) input: &'a Input,
    /// Out: current that the sources drive into each unit held at 0 V, one row per example.
    pub(crate) currents: &'a mut [Row],
}

impl Kernel for InputProduct<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        self.currents.fill(Row::ZERO);
        for (chunk, pairs) in self.weights.chunks(2 * CHUNK).enumerate() {
            drive::<S, N>(simd, pairs, chunk, self.input, self.currents);
        }
    }
}

/// q_j = sum_b x_bi slope_bj, of one vector
#[inline(always)]
fn mixture<S: Simd, const N: usize>(
    simd: S,
    terms: &[(S::f32s, &[S::f32s; N]); QUAD],
    v: usize,
    q: S::f32s,
) -> S::f32s {
    let mut q = q;
    for (x, slope) in terms {
        q = simd.mul_add_e_f32s(*x, slope[v], q);
    }
    q
}

/// The input potentials and the slopes of four examples.
#[inline(always)]
fn quad<'a, S: Simd, const N: usize>(
    simd: S,
    c: &InputContrast<'a>,
    entries: &[(u32, f32); QUAD],
) -> [(S::f32s, &'a [S::f32s; N]); QUAD] {
    entries.map(|(slot, x)| (simd.splat_f32s(x), lanes::<S, N>(&c.slopes[slot as usize])))
}

/// Signed pairs between the one updated and the one asked of memory.
const PAIRS_AHEAD: usize = 6;

/// Gradient descent without momentum on a chunk of signed pairs, and their column sums:
/// p <- clamp(keep p + rise + q), n <- clamp(keep n + rise - q).
///
/// `PLAIN` says that there is no weight decay (keep = 1) and that the bounds are [0, inf).
#[inline(always)]
fn descend<S: Simd, const N: usize, const PLAIN: bool>(
    simd: S,
    pairs: &mut [Row],
    next: &[Row],
    first: usize,
    c: &InputContrast,
    sum: &mut [S::f32s; N],
) {
    let rise = lanes::<S, N>(c.rise);
    let (lo, hi) = (lanes::<S, N>(&c.bounds.lo), lanes::<S, N>(&c.bounds.hi));
    let keep = simd.splat_f32s(1.0 - c.step.rate * c.step.decay);
    let step = |g, rise, v: usize| {
        if PLAIN {
            return simd.max_f32s(simd.add_f32s(rise, g), simd.splat_f32s(0.0));
        }
        let free = simd.mul_add_e_f32s(keep, g, rise);
        simd.min_f32s(simd.max_f32s(free, lo[v]), hi[v])
    };
    let total = sum;
    let mut sum = *total;
    for i in 0..pairs.len() / 2 {
        let ahead = 2 * (i + PAIRS_AHEAD);
        match ahead.checked_sub(pairs.len()) {
            None => prefetch(&pairs[ahead..ahead + 2]),
            Some(ahead) => prefetch(next.get(ahead..ahead + 2).unwrap_or_default()),
        }
        let [p, n] = &mut pairs[2 * i..2 * i + 2] else {
            unreachable!()
        };
        let (p, n) = (lanes_mut::<S, N>(p), lanes_mut::<S, N>(n));
        let (quads, _) = c.input.by_feature.row(first + i).as_chunks();
        match quads {
            [] => {
                for v in 0..N {
                    p[v] = step(p[v], rise[v], v);
                    n[v] = step(n[v], rise[v], v);
                    sum[v] = simd.add_f32s(sum[v], simd.add_f32s(p[v], n[v]));
                }
            }
            [head, tail @ ..] => {
                let head = quad::<S, N>(simd, c, head);
                for v in 0..N {
                    let mut q = mixture(simd, &head, v, simd.splat_f32s(0.0));
                    for entries in tail {
                        q = mixture(simd, &quad::<S, N>(simd, c, entries), v, q);
                    }
                    p[v] = step(p[v], simd.add_f32s(rise[v], q), v);
                    n[v] = step(n[v], simd.sub_f32s(rise[v], q), v);
                    sum[v] = simd.add_f32s(sum[v], simd.add_f32s(p[v], n[v]));
                }
            }
        }
    }
    *total = sum;
}

/// Gradient descent with momentum on a chunk of signed pairs, and their column sums.
#[inline(always)]
fn roll_pairs<S: Simd, const N: usize>(
    simd: S,
    pairs: &mut [Row],
    velocity: &mut [Row],
    first: usize,
    c: &InputContrast,
    sum: &mut [S::f32s; N],
) {
    let rise = lanes::<S, N>(c.rise);
    let both = pairs.chunks_exact_mut(2).zip(velocity.chunks_exact_mut(2));
    for (i, pair) in both.enumerate() {
        let ([p, n], [vp, vn]) = pair else {
            unreachable!()
        };
        let mut q = [simd.splat_f32s(0.0); N];
        for entries in c.input.by_feature.row(first + i).as_chunks().0 {
            let terms = quad::<S, N>(simd, c, entries);
            for v in 0..N {
                q[v] = mixture(simd, &terms, v, q[v]);
            }
        }
        let (mut minus, mut plus) = (q, q);
        for v in 0..N {
            minus[v] = simd.neg_f32s(simd.add_f32s(rise[v], q[v]));
            plus[v] = simd.sub_f32s(q[v], rise[v]);
        }
        roll(
            simd,
            lanes_mut::<S, N>(p),
            lanes_mut::<S, N>(vp),
            &minus,
            c.step,
            c.bounds,
        );
        roll(
            simd,
            lanes_mut::<S, N>(n),
            lanes_mut::<S, N>(vn),
            &plus,
            c.step,
            c.bounds,
        );
        let (p, n) = (lanes::<S, N>(p), lanes::<S, N>(n));
        for v in 0..N {
            sum[v] = simd.add_f32s(sum[v], simd.add_f32s(p[v], n[v]));
        }
    }
}

/// current_b += sum_i x_bi (p_i - n_i) over a chunk of signed pairs, for every example b.
#[inline(always)]
fn drive<S: Simd, const N: usize>(
    simd: S,
    pairs: &[Row],
    chunk: usize,
    input: &Input,
    currents: &mut [Row],
) {
    let batch = currents.len();
    for (b, current) in currents.iter_mut().enumerate() {
        let current = lanes_mut::<S, N>(current);
        let mut sum = *current;
        for &(i, x) in input.of_example(batch, chunk, b) {
            let at = 2 * (i as usize % CHUNK);
            let (p, n) = (lanes::<S, N>(&pairs[at]), lanes::<S, N>(&pairs[at + 1]));
            let x = simd.splat_f32s(x);
            for v in 0..N {
                sum[v] = simd.mul_add_e_f32s(x, simd.sub_f32s(p[v], n[v]), sum[v]);
            }
        }
        *current = sum;
    }
}

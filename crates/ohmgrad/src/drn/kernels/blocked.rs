//! The f32 kernels. Each works on one block: 64 neighbouring units and every conductance that ends on them.
//!
//! A conductance matrix is stored block after block, and within a block row after row, so that a pass
//! over a block is one contiguous stream and its accumulators stay in registers. The kernels are
//! written once over [`pulp::Simd`]; the caller dispatches them on the processor's features. Every sum
//! runs in an order that does not depend on the vector width: with fused multiply-add (AVX-512, AVX2,
//! NEON) all machines give the same bits.

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use bytemuck::{Pod, Zeroable};
use pulp::{Arch, Simd, WithSimd};

/// Units per block.
pub(crate) const BLOCK: usize = 64;

/// One quantity for each unit of a block: a row of conductances, potentials, currents.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Row(pub(crate) [f32; BLOCK]);

impl Row {
    pub(crate) const ZERO: Self = Self([0.0; BLOCK]);
}

/// Entries (slot, value) grouped by row of a matrix; a slot is the place of an example in the batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowEntries<T> {
    offsets: Vec<u32>,
    entries: Vec<(u32, T)>,
}

impl<T: Copy> RowEntries<T> {
    /// Starts anew, keeping the memory.
    pub(crate) fn clear(&mut self) {
        self.offsets.clear();
        self.offsets.push(0);
    }

    /// Number of entries in the finished rows.
    fn end(&self) -> usize {
        self.offsets[self.offsets.len() - 1] as usize
    }

    /// Adds a row.
    pub(crate) fn extend_row(&mut self, row: impl Iterator<Item = (u32, T)>) {
        self.entries.truncate(self.end());
        self.entries.extend(row);
        self.offsets.push(self.entries.len() as u32);
    }

    #[inline(always)]
    pub(crate) fn row(&self, i: usize) -> &[(u32, T)] {
        &self.entries[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }
}

impl RowEntries<f32> {
    /// Makes room for entries and `spare` more, so that rows can be written without asking.
    fn reserve(&mut self, entries: usize, spare: usize) {
        if self.entries.len() < entries + spare {
            self.entries.resize(entries + spare, (0, 0.0));
        }
    }

    /// Adds a row: the values that are not 0, numbered from `first`, without a branch per value; padded
    /// with zeros to whole quads if asked. Room must have been reserved.
    #[inline(always)]
    fn push_row(&mut self, first: usize, values: impl Iterator<Item = f32>, padded: bool) {
        let start = self.end();
        let row = &mut self.entries[start..];
        let mut length = 0;
        for (slot, value) in (first as u32..).zip(values) {
            row[length] = (slot, value);
            length += usize::from(value != 0.0);
        }
        if padded {
            row[length..length + QUAD].fill((0, 0.0));
            length = length.next_multiple_of(QUAD);
        }
        self.offsets.push((start + length) as u32);
    }
}

/// Signed pairs that are worked on together while they are in the nearest cache.
pub(crate) const CHUNK: usize = 32;

/// Terms that are summed together without a branch.
const QUAD: usize = 4;

/// The input potentials of a batch, in volt; those at 0 V are left out. Listed twice, in the orders in
/// which products and updates need them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    /// Entries (feature, volt) by chunk of features, and within a chunk by example.
    pub(crate) by_example: RowEntries<f32>,
    /// Entries (example, volt) by feature, padded with zeros to whole quads.
    pub(crate) by_feature: RowEntries<f32>,
    /// All potentials, example after example.
    dense: Vec<f32>,
}

impl Input {
    /// Lists the input of a batch; `fill(b, volts)` writes the potentials of example b.
    pub(crate) fn encode(
        &mut self,
        features: usize,
        batch: usize,
        mut fill: impl FnMut(usize, &mut [f32]),
    ) {
        self.dense.resize(features * batch, 0.0);
        for (b, volts) in self.dense.chunks_exact_mut(features).enumerate() {
            fill(b, volts);
        }
        self.by_example.clear();
        self.by_example.reserve(features * batch, QUAD);
        for chunk in (0..features).step_by(CHUNK) {
            for volts in self.dense.chunks_exact(features) {
                let volts = &volts[chunk..features.min(chunk + CHUNK)];
                self.by_example
                    .push_row(chunk, volts.iter().copied(), false);
            }
        }
        self.by_feature.clear();
        self.by_feature
            .reserve(features * batch.next_multiple_of(QUAD), QUAD);
        for i in 0..features {
            let volts = self.dense[i..].iter().step_by(features);
            self.by_feature.push_row(0, volts.copied(), true);
        }
    }

    /// Entries of example b of a batch in a chunk of features.
    fn of_example(&self, batch: usize, chunk: usize, b: usize) -> &[(u32, f32)] {
        self.by_example.row(chunk * batch + b)
    }
}

/// The potentials of a layer in the first and the second state, entries by unit; a unit at 0 V in
/// both states has none.
pub(crate) type StatePairs = RowEntries<(f32, f32)>;

/// The units of one block that are not at 0 V in one example.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Active {
    count: u32,
    units: [u8; BLOCK],
}

impl Active {
    pub(crate) const NONE: Self = Self {
        count: 0,
        units: [0; BLOCK],
    };

    #[inline(always)]
    pub(crate) fn of(v: &Row) -> Self {
        let mut active = Self::NONE;
        for (j, v) in v.0.iter().enumerate() {
            active.units[active.count as usize % BLOCK] = j as u8;
            active.count += u32::from(*v != 0.0);
        }
        active
    }

    #[inline(always)]
    fn units(&self) -> &[u8] {
        &self.units[..self.count as usize]
    }
}

/// Step sizes of one parameter: g <- clamp(g - rate * velocity), velocity <- momentum * velocity + gradient + decay * g.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) rate: f32,
    pub(crate) momentum: f32,
    pub(crate) decay: f32,
}

impl Step {
    /// What the gradient is multiplied with before it reaches the kernel: without momentum the rate
    /// is folded into it, so that the inner loop need not apply it.
    pub(crate) fn gradient_scale(&self) -> f32 {
        if self.momentum == 0.0 { self.rate } else { 1.0 }
    }
}

/// Interval of conductances for each column, in siemens; columns beyond the layer's width have [0, 0].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) lo: Row,
    pub(crate) hi: Row,
    /// Whether the bounds are [0, inf) (columns beyond the width do not count: nothing raises them).
    pub(crate) only_positive: bool,
}

/// A computation over the lanes of a block: `N` registers of type `S::f32s`.
trait Kernel {
    fn run<S: Simd, const N: usize>(self, simd: S);
}

struct OnLanes<K>(K);

impl<K: Kernel> WithSimd for OnLanes<K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.0.run::<S, 4>(simd),
            8 => self.0.run::<S, 8>(simd),
            4 => self.0.run::<S, 16>(simd),
            _ => self.0.run::<S, 64>(simd),
        }
    }
}

#[inline(always)]
fn lanes<S: Simd, const N: usize>(row: &Row) -> &[S::f32s; N] {
    S::as_simd_f32s(&row.0).0.first_chunk().expect("64 lanes")
}

#[inline(always)]
fn lanes_mut<S: Simd, const N: usize>(row: &mut Row) -> &mut [S::f32s; N] {
    let (vectors, _) = S::as_mut_simd_f32s(&mut row.0);
    vectors.first_chunk_mut().expect("64 lanes")
}

/// Sum over a block in a fixed tree: column c + 32, then + 16, ..., whatever the vector width.
#[inline(always)]
fn tree_sum<S: Simd, const N: usize>(simd: S, row: &[S::f32s; N]) -> f32 {
    let mut halves = *row;
    for v in 0..N / 2 {
        halves[v] = simd.add_f32s(row[v], row[v + N / 2]);
    }
    sum_half::<S, N>(simd, halves)
}

/// Dot product of two rows, in the same tree.
#[inline(always)]
fn dot<S: Simd, const N: usize>(simd: S, a: &[S::f32s; N], b: &[S::f32s; N]) -> f32 {
    let mut halves = *a;
    for v in 0..N / 2 {
        let product = simd.mul_f32s(a[v], b[v]);
        halves[v] = simd.mul_add_e_f32s(a[v + N / 2], b[v + N / 2], product);
    }
    sum_half::<S, N>(simd, halves)
}

/// Sum of the first half of a block.
#[inline(always)]
fn sum_half<S: Simd, const N: usize>(simd: S, mut row: [S::f32s; N]) -> f32 {
    let mut width = N / 4;
    while width > 0 {
        for v in 0..width {
            row[v] = simd.add_f32s(row[v], row[v + width]);
        }
        width /= 2;
    }
    simd.reduce_sum_f32s(row[0])
}

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

impl InputPass<'_> {
    pub(crate) fn run_on(self, arch: Arch) {
        arch.dispatch(OnLanes(self));
    }
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

impl InputProduct<'_> {
    pub(crate) fn run_on(self, arch: Arch) {
        arch.dispatch(OnLanes(self));
    }
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

/// Asks memory for rows that are needed soon: the work on a chunk is longer than what the processor looks
/// ahead by itself.
#[inline(always)]
fn prefetch(rows: &[Row]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytemuck::cast_slice::<Row, [f32; 16]>(rows) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch is a hint; the address is that of a live reference.
        #[allow(unsafe_code)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
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

/// Gradient descent with momentum on one row:
/// velocity <- momentum velocity + gradient + decay g, g <- clamp(g - rate velocity).
#[inline(always)]
fn roll<S: Simd, const N: usize>(
    simd: S,
    g: &mut [S::f32s; N],
    velocity: &mut [S::f32s; N],
    gradient: &[S::f32s; N],
    step: Step,
    bounds: &Bounds,
) {
    let (lo, hi) = (lanes::<S, N>(&bounds.lo), lanes::<S, N>(&bounds.hi));
    let (momentum, decay) = (simd.splat_f32s(step.momentum), simd.splat_f32s(step.decay));
    let minus_rate = simd.splat_f32s(-step.rate);
    for v in 0..N {
        let force = simd.mul_add_e_f32s(decay, g[v], gradient[v]);
        velocity[v] = simd.mul_add_e_f32s(momentum, velocity[v], force);
        let free = simd.mul_add_e_f32s(minus_rate, velocity[v], g[v]);
        g[v] = simd.min_f32s(simd.max_f32s(free, lo[v]), hi[v]);
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

/// Rows between the one updated and the one asked of memory.
const ROWS_AHEAD: usize = 16;

/// Updates one block of a matrix between two free layers: the gradient of the conductance between unit
/// i of the other layer and unit j of the block is  row_i + column_j - scale * sum_b (v2_i v2_j - v1_i v1_j).
/// The expression is symmetric in i and j: the two copies of the matrix, one on each side, stay equal to the bit.
pub(crate) struct MatrixUpdate<'a> {
    pub(crate) weights: &'a mut [Row],
    /// Velocities, same layout; empty without momentum.
    pub(crate) velocity: &'a mut [Row],
    pub(crate) pairs: &'a StatePairs,
    /// mean_b d_bi s_bi / span of the other layer, times the gradient scale; one per row.
    pub(crate) rows: &'a [f32],
    /// The same of this block.
    pub(crate) column: &'a Row,
    /// Potentials of the block in the first and in the second state, one row per example.
    pub(crate) first: &'a [Row],
    pub(crate) second: &'a [Row],
    /// Gradient scale / (batch * span).
    pub(crate) scale: f32,
    pub(crate) step: Step,
    pub(crate) bounds: &'a Bounds,
}

impl MatrixUpdate<'_> {
    pub(crate) fn run_on(self, arch: Arch) {
        arch.dispatch(OnLanes(self));
    }
}

impl Kernel for MatrixUpdate<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let column = lanes::<S, N>(self.column);
        let (lo, hi) = (
            lanes::<S, N>(&self.bounds.lo),
            lanes::<S, N>(&self.bounds.hi),
        );
        let keep = simd.splat_f32s(1.0 - self.step.rate * self.step.decay);
        let minus_scale = simd.splat_f32s(-self.scale);
        let mut velocity = self.velocity.iter_mut();
        for i in 0..self.weights.len() {
            if let Some(ahead) = self.weights.get(i + ROWS_AHEAD) {
                prefetch(std::slice::from_ref(ahead));
            }
            let row = &mut self.weights[i];
            let mut q = [simd.splat_f32s(0.0); N];
            for &(b, (v1, v2)) in self.pairs.row(i) {
                let first = lanes::<S, N>(&self.first[b as usize]);
                let second = lanes::<S, N>(&self.second[b as usize]);
                let (v1, v2) = (simd.splat_f32s(-v1), simd.splat_f32s(v2));
                for v in 0..N {
                    q[v] = simd.mul_add_e_f32s(v2, second[v], q[v]);
                    q[v] = simd.mul_add_e_f32s(v1, first[v], q[v]);
                }
            }
            let r = simd.splat_f32s(self.rows[i]);
            let mut gradient = q;
            for v in 0..N {
                gradient[v] = simd.mul_add_e_f32s(minus_scale, q[v], simd.add_f32s(r, column[v]));
            }
            let g = lanes_mut::<S, N>(row);
            if let Some(speed) = velocity.next() {
                roll(
                    simd,
                    g,
                    lanes_mut::<S, N>(speed),
                    &gradient,
                    self.step,
                    self.bounds,
                );
                continue;
            }
            for v in 0..N {
                let free = simd.mul_add_e_f32s(keep, g[v], simd.neg_f32s(gradient[v]));
                g[v] = simd.min_f32s(simd.max_f32s(free, lo[v]), hi[v]);
            }
        }
    }
}

/// Column sums of a block: the conductance that a matrix adds to each unit, in siemens.
pub(crate) struct ColumnSums<'a> {
    pub(crate) weights: &'a [Row],
    pub(crate) sum: &'a mut Row,
}

impl ColumnSums<'_> {
    pub(crate) fn run_on(self, arch: Arch) {
        arch.dispatch(OnLanes(self));
    }
}

impl Kernel for ColumnSums<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let mut sum = [simd.splat_f32s(0.0); N];
        for row in self.weights {
            let g = lanes::<S, N>(row);
            for v in 0..N {
                sum[v] = simd.add_f32s(sum[v], g[v]);
            }
        }
        *lanes_mut::<S, N>(self.sum) = sum;
    }
}

/// Row sums of a block: the conductance that a block adds to each unit of the other layer, in siemens.
pub(crate) struct RowSums<'a> {
    pub(crate) weights: &'a [Row],
    pub(crate) sums: &'a mut [f32],
}

impl RowSums<'_> {
    pub(crate) fn run_on(self, arch: Arch) {
        arch.dispatch(OnLanes(self));
    }
}

impl Kernel for RowSums<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        for (row, sum) in self.weights.iter().zip(self.sums) {
            *sum = tree_sum(simd, lanes::<S, N>(row));
        }
    }
}

/// Adds to each unit the current that one block of a neighbouring layer drives into it: a tile of at
/// most 64 rows, read from the nearest cache once per example, inactive units skipped.
pub(crate) struct Gather<'a> {
    /// Rows of the tile: one per unit of the neighbouring block.
    pub(crate) weights: &'a [Row],
    /// Rows of the tile that will be gathered from next.
    pub(crate) next: &'a [Row],
    /// Potentials of the neighbouring block, one row per slot.
    pub(crate) potentials: &'a [Row],
    pub(crate) active: &'a [Active],
    /// One row per slot.
    pub(crate) currents: &'a mut [Row],
}

impl Gather<'_> {
    pub(crate) fn run_on(self, arch: Arch) {
        arch.dispatch(OnLanes(self));
    }
}

impl Kernel for Gather<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let mut ahead = self.next.chunks(BLOCK.div_ceil(self.active.len()));
        let slots = self.potentials.iter().zip(self.active).zip(self.currents);
        for ((potentials, active), current) in slots {
            prefetch(ahead.next().unwrap_or_default());
            let mut sum = *lanes::<S, N>(current);
            for &unit in active.units() {
                let v = simd.splat_f32s(potentials.0[unit as usize % BLOCK]);
                let g = lanes::<S, N>(&self.weights[unit as usize]);
                for k in 0..N {
                    sum[k] = simd.mul_add_e_f32s(v, g[k], sum[k]);
                }
            }
            *lanes_mut::<S, N>(current) = sum;
        }
    }
}

/// What acts on the units of a block beside their hidden neighbours.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// Current from the sources or the hidden neighbours with the unit at 0 V; slot s uses row s modulo their number.
    pub(crate) currents: &'a [Row],
    pub(crate) bias: &'a Row,
    /// Conductances to the output layer, one row per output; empty unless this is the last hidden layer.
    pub(crate) readout: &'a [Row],
    /// Output potentials, slot after slot.
    pub(crate) outputs: &'a [f32],
    /// Interval that each unit's diode allows, in volt.
    pub(crate) lo: &'a Row,
    pub(crate) hi: &'a Row,
}

impl Surroundings<'_> {
    /// Total current into each unit held at 0 V, in ampere.
    #[inline(always)]
    fn pull<S: Simd, const N: usize>(&self, simd: S, slot: usize) -> [S::f32s; N] {
        let current = lanes::<S, N>(&self.currents[slot % self.currents.len()]);
        let bias = lanes::<S, N>(self.bias);
        let mut pull = *current;
        for v in 0..N {
            pull[v] = simd.add_f32s(current[v], bias[v]);
        }
        let count = self.readout.len();
        for (row, &out) in self.readout.iter().zip(&self.outputs[slot * count..]) {
            let (g, out) = (lanes::<S, N>(row), simd.splat_f32s(out));
            for v in 0..N {
                pull[v] = simd.mul_add_e_f32s(out, g[v], pull[v]);
            }
        }
        pull
    }

    /// v = clip(pull / conductance, lo, hi)
    #[inline(always)]
    fn optimum<S: Simd, const N: usize>(
        &self,
        simd: S,
        pull: &[S::f32s; N],
        reciprocal: &Row,
    ) -> [S::f32s; N] {
        let (lo, hi) = (lanes::<S, N>(self.lo), lanes::<S, N>(self.hi));
        let reciprocal = lanes::<S, N>(reciprocal);
        let mut optimum = *pull;
        for v in 0..N {
            let free = simd.mul_f32s(pull[v], reciprocal[v]);
            optimum[v] = simd.min_f32s(simd.max_f32s(free, lo[v]), hi[v]);
        }
        optimum
    }
}

/// Sets every unit of a block to the potential that minimises the energy, its neighbours held.
pub(crate) struct Relax<'a> {
    pub(crate) surroundings: Surroundings<'a>,
    /// 1 / (total conductance of the unit), 0 where there is none.
    pub(crate) reciprocal: &'a Row,
    /// Out: one row per slot.
    pub(crate) potentials: &'a mut [Row],
    /// Out, if the layer has a hidden neighbour: the active units of each slot. Else empty.
    pub(crate) active: &'a mut [Active],
    /// Out: current that the block drives into each output, slot after slot.
    pub(crate) partials: &'a mut [f32],
}

impl Relax<'_> {
    pub(crate) fn run_on(self, arch: Arch) {
        arch.dispatch(OnLanes(self));
    }
}

impl Kernel for Relax<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let around = &self.surroundings;
        for (slot, row) in self.potentials.iter_mut().enumerate() {
            let pull: [_; N] = around.pull(simd, slot);
            *lanes_mut::<S, N>(row) = around.optimum(simd, &pull, self.reciprocal);
            if let Some(active) = self.active.get_mut(slot) {
                *active = Active::of(row);
            }
        }
        read_out::<S, N>(simd, around.readout, self.potentials, self.partials);
    }
}

/// Current that a block drives into each output held at 0 V: sum_j v_j g_jk, slot after slot.
pub(crate) struct ReadOut<'a> {
    pub(crate) readout: &'a [Row],
    pub(crate) potentials: &'a [Row],
    pub(crate) partials: &'a mut [f32],
}

impl ReadOut<'_> {
    pub(crate) fn run_on(self, arch: Arch) {
        arch.dispatch(OnLanes(self));
    }
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
        let potential = lanes::<S, N>(row);
        for (row, partial) in readout.iter().zip(partials) {
            let g = lanes::<S, N>(row);
            *partial = dot::<S, N>(simd, potential, g);
        }
    }
}

/// Measures, per slot, how far a block is from the optimum: the largest violated current
/// |conductance * (v - optimum)| and the largest current |pull|, both in ampere.
pub(crate) struct Measure<'a> {
    pub(crate) surroundings: Surroundings<'a>,
    pub(crate) conductance: &'a Row,
    pub(crate) reciprocal: &'a Row,
    pub(crate) potentials: &'a [Row],
    /// In and out, per slot: (violation, current), raised to what this block shows.
    pub(crate) largest: &'a mut [(f32, f32)],
}

impl Measure<'_> {
    pub(crate) fn run_on(self, arch: Arch) {
        arch.dispatch(OnLanes(self));
    }
}

impl Kernel for Measure<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let conductance = lanes::<S, N>(self.conductance);
        let slots = self.potentials.iter().zip(self.largest).enumerate();
        for (slot, (row, largest)) in slots {
            let pull: [S::f32s; N] = self.surroundings.pull(simd, slot);
            let optimum: [S::f32s; N] = self.surroundings.optimum(simd, &pull, self.reciprocal);
            let potential = lanes::<S, N>(row);
            // No resistor leads the bias current of an isolated unit away; its diode may.
            let stuck: [S::f32s; N] = self.surroundings.optimum(simd, &pull, &Row([1.0; BLOCK]));
            for v in 0..N {
                let moved = simd.sub_f32s(potential[v], optimum[v]);
                let isolated = simd.equal_f32s(conductance[v], simd.splat_f32s(0.0));
                let moving = simd.mul_f32s(conductance[v], moved);
                let violation = simd.abs_f32s(simd.select_f32s(isolated, stuck[v], moving));
                largest.0 = largest.0.max(simd.reduce_max_f32s(violation));
                largest.1 = largest.1.max(simd.reduce_max_f32s(simd.abs_f32s(pull[v])));
            }
        }
    }
}

/// Adds 1 to every number: the least that a pass over memory in place can do.
pub(crate) struct Increment<'a> {
    pub(crate) rows: &'a mut [Row],
}

impl Increment<'_> {
    pub(crate) fn run_on(self, arch: Arch) {
        arch.dispatch(OnLanes(self));
    }
}

impl Kernel for Increment<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let one = simd.splat_f32s(1.0);
        for row in self.rows {
            for v in lanes_mut::<S, N>(row) {
                *v = simd.add_f32s(*v, one);
            }
        }
    }
}

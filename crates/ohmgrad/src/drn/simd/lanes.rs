//! Blocks of 64 units, and the registers that hold them.

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

/// The values of all units of a layer, from those of its blocks and the numbers of their first units.
pub(crate) fn gather_units<'a>(
    width: usize,
    blocks: impl Iterator<Item = (usize, &'a Row)>,
) -> Vec<f32> {
    let mut values = vec![0.0; width];
    for (first, row) in blocks {
        let to = values[first..].iter_mut();
        to.zip(row.0).for_each(|(to, value)| *to = value);
    }
    values
}

/// Sets the values of a block's units, as many as it has.
pub(crate) fn set_units(row: &mut Row, values: &[f32]) {
    row.0
        .iter_mut()
        .zip(values)
        .for_each(|(to, value)| *to = *value);
}

/// A computation over the lanes of a block: `N` registers of type `S::f32s`.
pub(crate) trait Kernel: Sized {
    /// The computation itself; it must be inlined, so that it is compiled for the processor it runs on.
    fn run<S: Simd, const N: usize>(self, simd: S);

    /// Runs on the widest registers that `arch` offers.
    fn run_on(self, arch: Arch) {
        arch.dispatch(OnLanes(self));
    }
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
pub(crate) fn lanes<S: Simd, const N: usize>(row: &Row) -> &[S::f32s; N] {
    S::as_simd_f32s(&row.0).0.first_chunk().expect("64 lanes")
}

#[inline(always)]
pub(crate) fn lanes_mut<S: Simd, const N: usize>(row: &mut Row) -> &mut [S::f32s; N] {
    let (vectors, _) = S::as_mut_simd_f32s(&mut row.0);
    vectors.first_chunk_mut().expect("64 lanes")
}

/// Strip `s` of a row: `T` registers.
#[inline(always)]
pub(crate) fn strip<S: Simd, const T: usize>(row: &Row, s: usize) -> &[S::f32s; T] {
    &S::as_simd_f32s(&row.0).0.as_chunks().0[s]
}

#[inline(always)]
pub(crate) fn strip_mut<S: Simd, const T: usize>(row: &mut Row, s: usize) -> &mut [S::f32s; T] {
    &mut S::as_mut_simd_f32s(&mut row.0).0.as_chunks_mut().0[s]
}

/// Sum over a block in a fixed tree: column c + 32, then + 16, ..., whatever the vector width.
#[inline(always)]
pub(crate) fn tree_sum<S: Simd, const N: usize>(simd: S, row: &[S::f32s; N]) -> f32 {
    let mut halves = *row;
    for v in 0..N / 2 {
        halves[v] = simd.add_f32s(row[v], row[v + N / 2]);
    }
    sum_first::<S, N>(simd, halves, N / 2)
}

/// Dot product of two rows, in the same tree.
#[inline(always)]
pub(crate) fn dot<S: Simd, const N: usize>(simd: S, a: &[S::f32s; N], b: &[S::f32s; N]) -> f32 {
    let mut halves = *a;
    for v in 0..N / 2 {
        let product = simd.mul_f32s(a[v], b[v]);
        halves[v] = simd.mul_add_e_f32s(a[v + N / 2], b[v + N / 2], product);
    }
    sum_first::<S, N>(simd, halves, N / 2)
}

/// Sum of the first `count` registers, a power of two, halved until one is left.
#[inline(always)]
fn sum_first<S: Simd, const N: usize>(simd: S, mut row: [S::f32s; N], count: usize) -> f32 {
    let mut width = count / 2;
    while width > 0 {
        for v in 0..width {
            row[v] = simd.add_f32s(row[v], row[v + width]);
        }
        width /= 2;
    }
    simd.reduce_sum_f32s(row[0])
}

/// What memory hands over at once.
pub(crate) type Line = [f32; 16];

pub(crate) const LINES_PER_ROW: usize = size_of::<Row>() / size_of::<Line>();

/// Asks memory for what is needed soon: the work on a chunk is longer than what the processor looks
/// ahead by itself. It goes to the second cache: in the first one, two chunks and what is made of them are too much.
#[inline(always)]
pub(crate) fn prefetch(lines: &[Line]) {
    #[cfg(target_arch = "x86_64")]
    for line in lines {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch is a hint; the address is that of a live reference.
        #[allow(unsafe_code)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast());
        }
    }
}

/// The registers of a line: `P` of them.
#[inline(always)]
pub(crate) fn line_mut<S: Simd, const P: usize>(line: &mut Line) -> &mut [S::f32s; P] {
    let (registers, _) = S::as_mut_simd_f32s(line);
    registers.first_chunk_mut().expect("16 lanes")
}

/// Sum over a line, in the tree of [`tree_sum`].
#[inline(always)]
pub(crate) fn sum_line<S: Simd, const P: usize>(simd: S, line: &Line) -> f32 {
    let (registers, _) = S::as_simd_f32s(line);
    sum_first(simd, *registers.first_chunk::<P>().expect("16 lanes"), P)
}

/// Adds rows to others.
pub(crate) struct AddRows<'a> {
    pub(crate) to: &'a mut [Row],
    pub(crate) from: &'a [Row],
}

impl Kernel for AddRows<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        for (to, from) in self.to.iter_mut().zip(self.from) {
            let (to, from) = (lanes_mut::<S, N>(to), lanes::<S, N>(from));
            for v in 0..N {
                to[v] = simd.add_f32s(to[v], from[v]);
            }
        }
    }
}

/// Column sums of a block of a matrix.
pub(crate) struct ColumnSums<'a> {
    pub(crate) weights: &'a [Row],
    pub(crate) sum: &'a mut Row,
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

/// Row sums of a block of a matrix.
pub(crate) struct RowSums<'a> {
    pub(crate) weights: &'a [Row],
    pub(crate) sums: &'a mut [f32],
}

impl Kernel for RowSums<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        for (row, sum) in self.weights.iter().zip(self.sums) {
            *sum = tree_sum(simd, lanes::<S, N>(row));
        }
    }
}

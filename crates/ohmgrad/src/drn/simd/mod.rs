//! Blocks of 64 units in the processor's registers: what of the fast engine has no physics in it.
//!
//! Each kernel works on one block: 64 neighbouring units and the conductances that are held with them. A
//! matrix is stored block after block, and within a block row after row, so that a pass over a block is
//! one contiguous stream and its accumulators stay in registers. Kernels are written once over
//! [`pulp::Simd`]; the caller dispatches them on the processor's features. Every sum runs in an order
//! that does not depend on the vector width: with fused multiply-add (AVX-512, AVX2, NEON) all machines
//! give the same bits.

mod active;
mod functions;
mod lanes;
mod tree_sum;

pub(crate) use active::Active;
pub(crate) use functions::{exponential, rough_ln};
pub(crate) use lanes::{
    BLOCK, ColumnSums, Kernel, LINES_PER_ROW, Line, Row, RowSums, dot, gather_units, lanes,
    lanes_mut, line_mut, prefetch, set_units, strip, strip_mut, sum_line, tree_sum,
};
pub(crate) use tree_sum::TreeSum;

//! The arithmetic of the network: a plain f64 [reference](mod@reference), and the f32 kernels.
//!
//! Each kernel works on one block: 64 neighbouring units and the conductances that are held with them. A
//! matrix is stored block after block, and within a block row after row, so that a pass over a block is
//! one contiguous stream and its accumulators stay in registers. The kernels are written once over
//! [`pulp::Simd`]; the caller dispatches them on the processor's features. Every sum runs in an order
//! that does not depend on the vector width: with fused multiply-add (AVX-512, AVX2, NEON) all machines
//! give the same bits.

mod descent;
mod entries;
mod input;
mod lanes;
mod matrix;
pub mod reference;
mod relax;
mod transpose;

pub(crate) use descent::{Bounds, Step};
pub(crate) use entries::Input;
pub(crate) use input::{InputContrast, InputPass, InputProduct};
pub(crate) use lanes::{AddRows, BLOCK, Increment, Kernel, Row};
pub(crate) use matrix::{ColumnSums, MatrixUpdate, OtherStates, RowSums};
pub(crate) use relax::{Active, Gather, Measure, ReadOut, Relax, Surroundings};
pub(crate) use transpose::Transpose;

//! The arithmetic of the network: a plain f64 [reference](mod@reference) and the fast f32 kernels.

pub(crate) mod blocked;
pub mod reference;

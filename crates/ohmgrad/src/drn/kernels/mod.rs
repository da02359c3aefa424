//! The arithmetic of the network: a plain f64 [`reference`] and the [`blocked`] f32 kernels.

pub(crate) mod blocked;
pub mod reference;

//! Exact simulation and training of nonlinear resistive networks.

pub mod circuit;
pub mod data;
pub mod device;
pub mod drn;
pub mod experiment;
pub mod interrupt;
pub mod learn;
pub mod presolve;
pub mod record;
pub mod solve;

//! Exact simulation and training of nonlinear resistive networks.

pub mod data;
pub mod drn;
pub mod experiment;
pub mod learn;
pub mod record;

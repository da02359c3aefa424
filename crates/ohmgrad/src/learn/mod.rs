//! Learning: a rule makes two settled states, and one local law changes every conductance along their contrast.
//!
//! [`Trainer`] trains a [`Network`](crate::drn::Network) on a [`Dataset`](crate::data::Dataset) by
//! [equilibrium propagation](EquilibriumPropagation); [`evaluate`] measures it.

mod benchmark;
mod equilibrium_propagation;
mod evaluation;
mod examples;
mod optimizer;
#[cfg(test)]
mod tests;
mod trainer;

pub use benchmark::{Benchmark, Breakdown, benchmark};
pub use equilibrium_propagation::{EquilibriumPropagation, Unbounded};
pub use evaluation::{Evaluation, Physics, evaluate, evaluate_physics};
pub use optimizer::{Optimizer, OptimizerError};
pub use trainer::{
    Epoch, InitialState, Step, StepTimes, TrainError, TrainOptions, TrainOptionsError, Trainer,
};

pub(crate) use trainer::check_fit;

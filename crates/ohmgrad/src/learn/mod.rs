//! Learning: a rule makes two states, and one local law changes every conductance along their contrast.
//!
//! [`Trainer`] trains a [`Network`](crate::drn::Network) on a [`Dataset`](crate::data::Dataset) by a [`Rule`];
//! [`evaluate`] measures it. Module [`circuit`] trains circuits of any shape.

mod benchmark;
pub mod circuit;
mod cost;
mod evaluation;
mod examples;
mod gradients;
mod optimizer;
mod options;
mod pass;
mod rules;
#[cfg(test)]
mod tests;
mod trainer;

pub use benchmark::{Benchmark, Breakdown, benchmark};
pub use cost::Cost;
pub use evaluation::{Evaluation, Physics, evaluate, evaluate_physics, prediction};
pub use gradients::{
    GradientAgreement, GradientReport, GradientReportError, GradientRow, NoGradient,
    compare_gradients,
};
pub use optimizer::{Course, Optimizer, OptimizerError, Schedule, Update};
pub use options::{InitialState, TrainOptions, TrainOptionsError};
pub use pass::{Epoch, Step, StepTimes};
pub use rules::{Rule, Unbounded};
pub use trainer::{Divergence, TrainError, Trainer};

pub(crate) use optimizer::Memory;
pub(crate) use trainer::check_fit;

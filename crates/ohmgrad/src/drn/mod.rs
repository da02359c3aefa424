//! Deep resistive networks: layers of nodes, dense conductances between them, diodes to ground.
//!
//! Given the layers next to it, a whole layer is minimised exactly at once,
//!
//! ```text
//! v_l = clip((v_{l-1} W_l + v_{l+1} W_{l+1}^T + b_l) / (colsum W_l + rowsum W_{l+1}), lo_l, hi_l)
//! ```
//!
//! which is exact block coordinate descent on the network's energy (Scellier, "A Fast Algorithm to
//! Simulate Nonlinear Resistive Networks", ICML 2024): [`Network::settle`] sweeps over the layers until
//! the [`Settling`] says stop, and reports the residual of Kirchhoff's laws.

mod architecture;
mod board;
mod circuit;
mod contrast;
mod differentiable;
pub mod kernels;
mod network;
mod relaxation;
mod settling;
mod share;
mod stream;
mod team;
#[cfg(test)]
pub(crate) mod tests;

pub use architecture::{Architecture, ArchitectureError};
pub use circuit::ToCircuitError;
pub use differentiable::{
    Differentiable, DifferentiableError, Equilibrium, Gradient, GradientError, Method,
};
pub use network::{Network, ParameterError, SettleError, Settled};
pub use settling::{Settling, SettlingError, SweepOrder};

pub(crate) use board::Board;
pub(crate) use contrast::{Contrast, Learner, Scratch};
pub(crate) use kernels::{Input, Step};
pub(crate) use network::{collect, distribute};
pub(crate) use relaxation::{Load, Phase, Straddle, Worker, Workspace};
pub(crate) use share::{Part, Share};
pub(crate) use stream::Stream;
pub(crate) use team::{Barrier, run as run_team};

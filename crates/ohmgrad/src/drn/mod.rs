//! Layered networks: deep resistive networks, of layers of nodes, dense conductances between them and diodes to ground;
//! and, for comparison, deep Hopfield networks, which minimise another [`Energy`] by the same sweeps.
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
//!
//! The words are those of resistive networks: in a Hopfield network a potential is the state of a unit, a conductance a
//! weight, a current what pulls on a unit, and nothing has a physical unit.

mod architecture;
mod board;
mod circuit;
mod contrast;
mod currents;
mod differentiable;
mod energy;
pub mod kernels;
mod network;
mod readout;
mod relaxation;
mod settling;
mod share;
mod stream;
mod team;
#[cfg(test)]
pub(crate) mod tests;
mod tree_sum;

pub use architecture::{Architecture, ArchitectureError};
pub use circuit::ToCircuitError;
pub use differentiable::{
    Differentiable, DifferentiableError, Equilibrium, Gradient, GradientError, Method,
};
pub use energy::Energy;
pub use network::{Network, ParameterError, SettleError, Settled};
pub use readout::Readout;
pub use settling::{Settling, SettlingError, SweepOrder};
pub use team::default_threads;

pub(crate) use board::Board;
pub(crate) use contrast::{Contrast, Learner, Scratch};
pub(crate) use kernels::{Input, Step};
pub(crate) use network::{collect, distribute};
pub(crate) use readout::Load;
pub(crate) use relaxation::{Phase, Straddle, Worker, Workspace};
pub(crate) use share::{Part, Share};
pub(crate) use stream::Stream;
pub(crate) use team::{Barrier, run as run_team};

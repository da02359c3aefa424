//! Layered networks: deep resistive networks, of layers of nodes, dense conductances between them and diodes to ground, or
//! other elements with a [law](UnitLaw);
//! and, for comparison, deep Hopfield networks, which minimise another [`Energy`] by the same sweeps.
//!
//! Given the layers next to it, a whole layer is minimised exactly at once,
//!
//! ```text
//! v_l = clip((v_{l-1} W_l + v_{l+1} W_{l+1}^T + b_l) / (colsum W_l + rowsum W_{l+1}), lo_l, hi_l)
//! ```
//!
//! or, where elements bend, to the solution of a v_l + i(v_l) = p with the same conductances a and currents p,
//! which is exact block coordinate descent on the network's energy (Scellier, "A Fast Algorithm to
//! Simulate Nonlinear Resistive Networks", ICML 2024): [`Network::settle`] sweeps over the layers until
//! the [`Settling`] says stop, and reports the residual of Kirchhoff's laws.
//!
//! The words are those of resistive networks: in a Hopfield network a potential is the state of a unit, a conductance a
//! weight, a current what pulls on a unit, and nothing has a physical unit.

mod architecture;
mod chain;
mod circuit;
mod connection;
mod differentiable;
mod energy;
mod engine;
mod law;
mod network;
mod program;
mod readout;
mod reference;
mod settling;
mod simd;
#[cfg(test)]
pub(crate) mod tests;
mod update_law;

pub use architecture::{Architecture, ArchitectureError, Start};
pub use circuit::ToCircuitError;
pub use differentiable::{
    Differentiable, DifferentiableError, Equilibrium, Gradient, GradientError, GradientMethod,
};
pub use energy::Energy;
pub use engine::default_threads;
pub use law::{
    Arrangement, Beyond, IdealPair, MeasuredCurve, MeasuredCurveError, ShockleyDiodes,
    TanhResistor, UnitLaw,
};
pub use network::{Network, ParameterError, SettleError, Settled};
pub use readout::Readout;
pub use settling::{Settling, SettlingError, SweepOrder};

pub(crate) use chain::BiasBounds;
pub(crate) use connection::Input;
pub(crate) use engine::{
    Board, Registers, Share, Stream, Update, Worker, Workspace, multiply_adds_per_second, run_team,
};
pub(crate) use law::Load;
pub(crate) use program::{Builder, Contrast, Machine, Op, Program};
#[cfg(test)]
pub(crate) use reference::{Reference, ReferenceBatch};
pub(crate) use update_law::UpdateLaw;

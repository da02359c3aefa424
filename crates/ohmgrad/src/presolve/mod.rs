//! From a circuit to the network of its free potentials, and back.
//!
//! Voltage sources and shorts fix differences of potentials: the nodes that they join become one node of the network,
//! and so do nodes that loops of ideal diodes hold together. What has no solution is found here and named
//! ([`PresolveError`]): voltage sources that contradict one another, diodes that do, currents with nowhere to go. On
//! the way back, the currents of sources and shorts are found, and the intervals of potentials that the circuit leaves
//! open ([`Undetermined`]).

mod contraction;
mod decimal;
mod diode_loops;
mod double;
mod error;
mod exact;
mod flow;
mod islands;
mod network;
mod reduction;
mod residual;
mod restore;
mod values;

pub use error::PresolveError;
pub use restore::Undetermined;

pub(crate) use double::Double;
pub(crate) use exact::ExactValues;
pub(crate) use network::{GROUND, Network, Nonlinear, at};
pub(crate) use reduction::Reduction;
pub(crate) use residual::Residual;
pub(crate) use restore::{OwnCurrents, ROUNDING, State};
pub(crate) use values::{Conductances, Values};

//! Recurrent backpropagation (Almeida 1987, Pineda 1987).
//!
//! The errors of the nodes are relaxed through the transposed Jacobian of the update v <- f(v), from zero. In a
//! resistive network a node's error is its conductance times its response to an infinitesimal nudge, and one sweep over
//! the errors is one sweep of the linear network that adjoint learning solves to the end.

use super::{States, adjoint_learning};

pub(super) fn states() -> States {
    adjoint_learning::states()
}

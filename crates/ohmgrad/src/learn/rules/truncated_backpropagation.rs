//! Truncated backpropagation: back through the sweeps of the free phase, to the state that it started from.
//!
//! Sweep k sets layer l to v_l = clip(pull / conductance). An error p_l = dC/dv_l goes back to the neighbours as
//! a_l = p_l / conductance, times their conductances, where the diode did not clip, and a conductance g_ij of the layer
//! gets a_j (v_i - v_j). With a layer's update of each sweep as one more example, the sum over the sweeps is
//! the contrast of states y - a/2 and y + a/2, y being the potentials that the neighbours read.

use super::{Push, States};

pub(super) fn states() -> States {
    States {
        pushes: vec![Push::Unroll],
        first: 0,
        second: 0,
        span: 1.0,
    }
}

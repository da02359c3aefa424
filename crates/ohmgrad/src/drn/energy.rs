//! What a layered network minimises.

use serde::{Deserialize, Serialize};

/// The energy whose minimum is the state of a layered network.
///
/// Both energies are quadratic in every layer while its neighbours are held, so that a sweep is exact block coordinate
/// descent on either, and both give every weight a local derivative, so that a rule's two states are all that a
/// weight needs to learn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Energy {
    /// `co-content`: a deep resistive network (DRN). The co-content of its resistors and current sources,
    ///
    /// ```text
    /// E(v) = sum of g_ij (v_i - v_j)^2 / 2 - sum of b_j v_j
    /// v_l  = clip((v_{l-1} W_l + v_{l+1} W_{l+1}^T + b_l) / (colsum W_l + rowsum W_{l+1}), lo, hi)
    /// ```
    ///
    /// in watt, with conductances g >= 0: convex.
    #[default]
    CoContent,
    /// `hopfield`: a deep Hopfield network (DHN), for comparison (Scellier, ICML 2024, Appendix E; continuous units:
    /// Hopfield 1984),
    ///
    /// ```text
    /// E(s) = sum of s_j^2 / 2 - sum of w_ij s_i s_j - sum of b_j s_j
    /// s_l  = clip(s_{l-1} W_l + s_{l+1} W_{l+1}^T + b_l, 0, 1)
    /// ```
    ///
    /// without a unit, with weights of either sign. Hidden units and outputs lie in [0, 1]; the inputs are the features
    /// themselves. In general it is not convex: a sweep never raises it and each layer's step is exact, but
    /// where the sweeps end may depend on where they start, and need not be the lowest minimum.
    Hopfield,
}

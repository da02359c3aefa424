//! What is wrong with the shape or a setting of a layered network.

use super::Architecture;

/// Why an [`Architecture`] cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchitectureError {
    /// A layer without nodes.
    #[error("{layer} has width 0: every layer needs at least one node")]
    EmptyLayer {
        /// The layer, in words.
        layer: String,
    },
    /// A layer or a matrix too large to be addressed.
    #[error(
        "{layer} has {width} nodes: at most {} are supported",
        Architecture::MAX_WIDTH
    )]
    TooWide {
        /// The layer, in words.
        layer: String,
        /// Its width.
        width: usize,
    },
    /// A gain that is not finite and positive.
    #[error("{name} is {value}: it must be finite and above 0")]
    Gain {
        /// The setting's name.
        name: String,
        /// Its value.
        value: f32,
    },
    /// The wrong number of weight gains.
    #[error(
        "weight_gains has {found} entries: a network with {expected} matrices needs {expected}, or none"
    )]
    WeightGains {
        /// Number of matrices.
        expected: usize,
        /// Number of gains given.
        found: usize,
    },
    /// The wrong number of laws.
    #[error(
        "laws has {found} entries: a network with {expected} hidden layers needs one for all of them or {expected}"
    )]
    Laws {
        /// Number of hidden layers.
        expected: usize,
        /// Number of laws given.
        found: usize,
    },
    /// A law with a number out of range.
    #[error("laws[{index}]: {fault}")]
    Law {
        /// Which one, from 0.
        index: usize,
        /// What is wrong with it.
        fault: String,
    },
    /// An odd number of output nodes that are read in pairs.
    #[error(
        "outputs is {0}: with readout = \"pairs\" two nodes make an output, so it must be even"
    )]
    OddOutputs(usize),
    /// The wrong number of windows.
    #[error(
        "windows has {found} entries: a network with {expected} matrices needs {expected}, or none"
    )]
    Windows {
        /// Number of matrices.
        expected: usize,
        /// Number of windows given.
        found: usize,
    },
    /// Bounds of biases that exclude 0, where biases start.
    #[error("biases in [{b_min}, {b_max}] A: b_min <= 0 <= b_max must hold, as biases start at 0")]
    Biases {
        /// Lower bound in ampere.
        b_min: f32,
        /// Upper bound in ampere.
        b_max: f32,
    },
    /// A start that needs a finite window.
    #[error(
        "W{matrix} has the window [{least}, {largest}]: a start that is uniform in it, or around its middle, needs a finite \
         one; set g_max or windows, or another start"
    )]
    OpenWindow {
        /// The matrix, from 1.
        matrix: usize,
        /// Its smallest conductance.
        least: f32,
        /// Its largest conductance.
        largest: f32,
    },
    /// A window that excludes what the weights start from.
    #[error(
        "W{matrix} starts within [{from}, {to}] S, outside its window [{least}, {largest}]: all its conductances would start \
         at the same value; set weight_gains, another window or another start"
    )]
    Start {
        /// The matrix, from 1.
        matrix: usize,
        /// What it is drawn from.
        from: f32,
        /// To what.
        to: f32,
        /// Its smallest conductance.
        least: f32,
        /// Its largest conductance.
        largest: f32,
    },
    /// Conductance bounds that do not satisfy `0 <= g_min <= g_max`, with `g_min` finite.
    #[error("conductance bounds [{g_min}, {g_max}] S: 0 <= g_min <= g_max must hold, g_min finite")]
    Bounds {
        /// Lower bound in siemens.
        g_min: f32,
        /// Upper bound in siemens.
        g_max: f32,
    },
    /// A setting of resistive networks in a network of another energy.
    #[error(
        "{0} is a setting of resistive networks: a Hopfield network has no sources, no conductances and no pairs of \
         outputs; leave {0} out"
    )]
    NotResistive(&'static str),
}

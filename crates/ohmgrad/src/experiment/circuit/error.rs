//! Why a learning task of a circuit is refused.

use super::super::{ExperimentError, SettingsError, help};
use crate::learn::circuit::{CircuitOptionsError, ExamplesError, LearnError, TaskError};

/// Why a [`CircuitExperiment`](super::CircuitExperiment) cannot be read, loaded or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CircuitExperimentError {
    /// The file cannot be read or written, or is no TOML of a task.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// A general setting.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Bounds of the initial conductances.
    #[error(
        "initial is [{low}, {high}]: it must be two conductances in siemens, above 0, the lower first"
    )]
    Initial {
        /// The lower bound, in siemens.
        low: f64,
        /// The upper bound, in siemens.
        high: f64,
    },
    /// An option of training.
    #[error("training: {0}")]
    Training(CircuitOptionsError),
    /// The netlist, as its reader says it.
    #[error("{0}")]
    Netlist(String),
    /// An element that the netlist does not have.
    #[error("{role}: the netlist has no element `{name}`{}", help(nearest.as_deref()))]
    NoElement {
        /// Where it is named.
        role: &'static str,
        /// Its name.
        name: String,
        /// The nearest one that exists.
        nearest: Option<String>,
    },
    /// A node that the netlist does not have.
    #[error("outputs: the netlist has no node `{name}`{}", help(nearest.as_deref()))]
    NoNode {
        /// Its name.
        name: String,
        /// The nearest one that exists.
        nearest: Option<String>,
    },
    /// An output that is none.
    #[error("outputs: `{0}` is no output: write v(node), v(node,node) or i(element)")]
    Output(String),
    /// The circuit cannot learn the task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The training options do not fit the task.
    #[error(transparent)]
    Learn(LearnError),
    /// Both a file and rows, or neither.
    #[error("examples: give either a file, or columns and rows")]
    FileOrRows,
    /// Both targets and labels, or neither.
    #[error("examples: give either targets, the columns of the outputs, or label and classes")]
    TargetsOrLabel,
    /// A number of target columns or classes that is not that of the outputs.
    #[error("examples: there are {found} {what} for {outputs} outputs, it must be one for each")]
    Count {
        /// Targets or classes.
        what: &'static str,
        /// Their number.
        found: usize,
        /// Number of outputs.
        outputs: usize,
    },
    /// A pair of numbers that is not finite, or not in order.
    #[error("examples: {name} is [{low}, {high}]: it must be two finite numbers, the lower first")]
    Pair {
        /// The setting.
        name: &'static str,
        /// The first.
        low: f64,
        /// The second.
        high: f64,
    },
    /// A table that cannot be read.
    #[error("{0}")]
    Table(String),
    /// A column that the table does not have.
    #[error("{origin} has no column `{name}`{}", help(nearest.as_deref()))]
    NoColumn {
        /// Where the table is from.
        origin: String,
        /// The column.
        name: String,
        /// The nearest one that exists.
        nearest: Option<String>,
    },
    /// A cell that must be a finite number.
    #[error("{place}, column {column}: `{text}` is not a finite number")]
    Number {
        /// File and line, or row.
        place: String,
        /// The column.
        column: String,
        /// What stands there.
        text: String,
    },
    /// A label that is no class.
    #[error("{place}, column {column}: `{text}` is none of the classes{}", help(nearest.as_deref()))]
    Label {
        /// File and line, or row.
        place: String,
        /// The column.
        column: String,
        /// What stands there.
        text: String,
        /// The nearest class.
        nearest: Option<String>,
    },
    /// The examples do not fit together.
    #[error("examples: {0}")]
    Examples(#[from] ExamplesError),
}

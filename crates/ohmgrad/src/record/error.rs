//! Why a model or a checkpoint cannot be read.

use std::io;
use std::path::PathBuf;

use crate::data::PreprocessingError;
use crate::drn::{ArchitectureError, ParameterError, SettlingError};

/// Why a model or a checkpoint cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system failed to open or read the file.
    #[error("{path} cannot be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is longer or shorter than its header says.
    #[error(
        "{path} has {found} bytes, its header calls for {expected}: it is cut short, damaged, or no safetensors file"
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// Size that the header calls for.
        expected: u64,
        /// Actual size.
        found: u64,
    },
    /// A header that is not one of the safetensors format.
    #[error(
        "{path} has no header of the safetensors format: it is damaged, or another kind of file"
    )]
    Header {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// Receipts that are not as a run writes them.
    #[error(
        "line {line} of {path} is damaged: delete that line to verify the run by its other receipts"
    )]
    Receipts {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// A preprocessing that is refused.
    #[error("{path}: {source}")]
    Preprocessing {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: PreprocessingError,
    },
    /// A metadata entry that is not there.
    #[error("{path} has no metadata entry `{key}`: it was not written by ohmgrad")]
    NoMetadata {
        /// The file.
        path: PathBuf,
        /// The entry.
        key: &'static str,
    },
    /// A file of another kind.
    #[error("{path} has the format `{found}`, not {expected}")]
    Format {
        /// The file.
        path: PathBuf,
        /// The formats that are read here.
        expected: &'static str,
        /// The file's own.
        found: String,
    },
    /// A metadata entry in the wrong form.
    #[error("{path}: metadata entry `{key}` is damaged")]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The entry.
        key: &'static str,
        /// What the parser said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An architecture that cannot be built.
    #[error("{path}: its architecture is not valid")]
    Architecture {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ArchitectureError,
    },
    /// A stopping rule out of range.
    #[error("{path}: its sweeps are not valid")]
    Settling {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: SettlingError,
    },
    /// A tensor that is missing, or of another shape or type than the architecture calls for.
    #[error("{path}: tensor {name} is {found}, its architecture calls for {expected}")]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Type and shape that the architecture calls for.
        expected: String,
        /// Type and shape in the file, or `missing`.
        found: String,
    },
    /// A tensor that belongs to no model.
    #[error("{path}: tensor {name} belongs to no model of its architecture: remove it")]
    Surplus {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor whose bytes are not those that were written.
    #[error(
        "{path}: tensor {name} is damaged, its checksum is wrong: put a copy of the file in its place"
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A value that is not allowed, or node states of another shape than the network and batch.
    #[error("{path} holds what its architecture does not allow")]
    Value {
        /// The file.
        path: PathBuf,
        /// Which, and what is allowed.
        source: ParameterError,
    },
}

//! What a training run leaves on disk: models, checkpoints, metrics, and the folder that holds them.
//!
//! Every file is written beside its place and then renamed into it, so that a reader, or a run that
//! was killed, finds either the old content or the new one, whole.

pub mod atomic;
pub mod checkpoint;
mod circuit_run;
mod error;
mod event_file;
pub mod model;
mod progress;
mod run;
mod tensors;

pub use atomic::WriteError;
pub use circuit_run::{CircuitMetrics, CircuitRun};
pub use error::ReadError;
pub use event_file::EventFile;
pub use progress::{EpochMetrics, Progress};
pub use run::{Run, RunError};

//! What a training run leaves on disk: models, checkpoints, metrics, and the folder that holds them.
//!
//! Every file is written beside its place and then renamed into it, so that a reader, or a run that
//! was killed, finds either the old content or the new one, whole.

pub mod atomic;
pub mod checkpoint;
mod circuit_run;
mod error;
mod event_file;
mod forecast;
pub mod model;
mod progress;
mod receipt;
mod run;
mod study;
mod tensors;
mod verify;

pub use atomic::WriteError;
pub use circuit_run::{CircuitMetrics, CircuitRun};
pub use error::ReadError;
pub use event_file::EventFile;
pub use forecast::{Forecast, forecast};
pub use progress::{EpochMetrics, Progress};
pub use receipt::{Receipt, set_commit};
pub use run::{Run, RunError};
pub use study::{PlannedRun, RunState, Study, StudyEvent, with_causes};
pub use verify::{Check, verify};

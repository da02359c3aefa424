//! Errors of the library as Python exceptions.

use std::error::Error;
use std::io;

use ohmgrad::circuit::netlist::{Fault, NetlistErrors};
use ohmgrad::data::DataError;
use ohmgrad::drn::SettleError;
use ohmgrad::experiment::{DataSourceError, ExperimentError};
use ohmgrad::learn::TrainError;
use ohmgrad::record::ReadError;
use ohmgrad::record::WriteError;
use pyo3::create_exception;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

create_exception!(
    ohmgrad,
    TrainingError,
    PyRuntimeError,
    "Training cannot go on: it diverged, or a negative nudge leaves the energy without a minimum."
);

/// An error with all its causes, in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A value that is refused.
pub(crate) fn value(error: impl Error) -> PyErr {
    PyValueError::new_err(with_causes(&error))
}

/// A failure of the operating system: `OSError`, or the subclass for its kind.
fn system(error: &dyn Error, kind: io::ErrorKind) -> PyErr {
    io::Error::new(kind, with_causes(error)).into()
}

pub(crate) fn settle(error: SettleError) -> PyErr {
    match error {
        SettleError::Inputs { .. } | SettleError::NotFinite { .. } => {
            PyValueError::new_err(format!("X: {error}"))
        }
        _ => value(error),
    }
}

/// Training that cannot go on.
pub(crate) fn training(error: &dyn Error) -> PyErr {
    TrainingError::new_err(with_causes(error))
}

pub(crate) fn train(error: TrainError) -> PyErr {
    match error {
        TrainError::Unbounded { .. } | TrainError::Diverged { .. } => training(&error),
        _ => value(error),
    }
}

pub(crate) fn data(error: DataError) -> PyErr {
    match &error {
        DataError::NoFolder { .. } | DataError::NoFile { .. } => {
            system(&error, io::ErrorKind::NotFound)
        }
        DataError::Read { source, .. } => system(&error, source.kind()),
        _ => value(error),
    }
}

pub(crate) fn data_source(error: DataSourceError) -> PyErr {
    match error {
        DataSourceError::Data(error) => data(error),
        DataSourceError::NoMnist { .. } => system(&error, io::ErrorKind::NotFound),
        _ => value(error),
    }
}

pub(crate) fn experiment(error: ExperimentError) -> PyErr {
    match &error {
        ExperimentError::Read { source, .. } => system(&error, source.kind()),
        _ => value(error),
    }
}

pub(crate) fn read(error: ReadError) -> PyErr {
    match &error {
        ReadError::Io { source, .. } => system(&error, source.kind()),
        _ => value(error),
    }
}

pub(crate) fn write(error: WriteError) -> PyErr {
    system(&error, error.source.kind())
}

/// Issues an `ohmgrad.NetlistWarning`.
pub(crate) fn warn(py: Python<'_>, message: &str) -> PyResult<()> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(py, "ohmgrad.netlist", "NetlistWarning")?;
    let message = std::ffi::CString::new(message.replace('\0', " "))?;
    PyErr::warn(py, class, &message, 1)
}

/// `ohmgrad.NetlistError` with the places of all faults; `OSError` if the netlist cannot be read.
pub(crate) fn netlist(py: Python<'_>, errors: &NetlistErrors) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let mut faults = Vec::new();
    for error in errors.errors() {
        match (&error.place, &error.fault) {
            (Some(place), fault) => faults.push((
                fault.to_string(),
                &place.file,
                place.line,
                place.column,
                place.width,
                &place.text,
            )),
            (None, Fault::Unreadable { cause, .. }) => return system(error, cause.kind()),
            (None, _) => return PyValueError::new_err(error.to_string()),
        }
    }
    let class = CLASS.import(py, "ohmgrad.netlist", "NetlistError");
    match class.and_then(|class| class.call1((errors.to_string(), faults))) {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

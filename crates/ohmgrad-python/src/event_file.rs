//! Files that the Python package writes by the library: event files, and texts that appear whole or not at all.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use ohmgrad::record::{EventFile, atomic};
use pyo3::prelude::*;

use crate::errors;

/// The event file of a folder.
#[pyclass(name = "EventFile", module = "ohmgrad._ohmgrad", frozen)]
pub(crate) struct PyEventFile(Mutex<EventFile>);

#[pymethods]
impl PyEventFile {
    #[new]
    fn new(folder: PathBuf) -> PyResult<Self> {
        let events = EventFile::create(&folder).map_err(errors::write)?;
        Ok(Self(Mutex::new(events)))
    }

    /// Appends the numbers of an epoch by their names.
    fn write(&self, epoch: usize, numbers: BTreeMap<String, Option<f64>>) -> PyResult<()> {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.write(epoch, &numbers).map_err(errors::write)
    }
}

/// Writes a text file; it appears whole or not at all.
#[pyfunction]
pub(crate) fn write_text(path: PathBuf, text: &str) -> PyResult<()> {
    atomic::write(&path, |out| out.write_all(text.as_bytes())).map_err(errors::write)
}

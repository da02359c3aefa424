//! Settings: names, whole numbers, and numbers that the library keeps in f32.

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Serialize;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

/// Positional and keyword arguments that make an equal object: how Python pickles and copies it.
pub(crate) type Arguments<'py, Positional> = PyResult<(Positional, Bound<'py, PyDict>)>;

/// The value that a setting's name stands for, as in a settings file.
pub(crate) fn named<T: DeserializeOwned>(setting: &str, name: &str) -> PyResult<T> {
    let deserializer: StrDeserializer<Error> = name.into_deserializer();
    let parsed = T::deserialize(deserializer);
    parsed.map_err(|error| PyValueError::new_err(format!("{setting}: {error}")))
}

/// The name of a setting's value, as in a settings file.
pub(crate) fn name_of(value: &impl Serialize) -> PyResult<String> {
    match toml::Value::try_from(value) {
        Ok(toml::Value::String(name)) => Ok(name),
        Ok(other) => Ok(other.to_string()),
        Err(error) => Err(PyValueError::new_err(error.to_string())),
    }
}

/// A whole number of at least 0.
pub(crate) fn count(setting: &str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    let wrong = match value.extract::<u64>() {
        Ok(number) => return Ok(number),
        Err(wrong) => wrong,
    };
    Err(match wrong.is_instance_of::<PyOverflowError>(value.py()) {
        true => PyValueError::new_err(format!(
            "{setting} is {}: it must be from 0 to {}",
            value.str()?,
            u64::MAX
        )),
        false => PyTypeError::new_err(format!(
            "{setting} must be an integer, not {}",
            value.get_type().name()?
        )),
    })
}

/// A number of things in memory.
pub(crate) fn size(setting: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    Ok(usize::try_from(count(setting, value)?)?)
}

/// A number of threads, if it is given.
pub(crate) fn threads(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<usize>> {
    match value.map(|value| size("threads", value)).transpose()? {
        Some(0) => Err(PyValueError::new_err(
            "threads is 0: at least one is needed",
        )),
        threads => Ok(threads),
    }
}

/// The shortest decimal number that stands for a number in f32: 0.1 for what f32 makes of 0.1.
pub(crate) fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

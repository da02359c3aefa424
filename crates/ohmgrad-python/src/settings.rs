//! Settings: names, whole numbers, and numbers that the library keeps in f32.

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList};
use serde::Serialize;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::{Table, Value};

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
    match Value::try_from(value) {
        Ok(Value::String(name)) => Ok(name),
        Ok(other) => Ok(other.to_string()),
        Err(error) => Err(PyValueError::new_err(error.to_string())),
    }
}

/// A table of settings from a dict with the entries that it has in a settings file, or from the name that is its entry `key`.
pub(crate) fn from_dict<T: DeserializeOwned>(
    setting: &str,
    key: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<T> {
    let table = match value.extract::<String>() {
        Ok(name) => Value::Table(Table::from_iter([(key.to_owned(), Value::String(name))])),
        Err(_) => to_toml(setting, value)?,
    };
    let parsed = T::deserialize(table);
    parsed.map_err(|error| PyValueError::new_err(format!("{setting}: {}", error.message())))
}

fn to_toml(setting: &str, value: &Bound<'_, PyAny>) -> PyResult<Value> {
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(Value::Boolean(truth.is_true()));
    }
    if let Ok(entries) = value.cast::<PyDict>() {
        let entry = |(key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
            Ok((key.extract::<String>()?, to_toml(setting, &value)?))
        };
        let entries = entries.iter().map(entry);
        return Ok(Value::Table(entries.collect::<PyResult<_>>()?));
    }
    if let Ok(text) = value.extract::<String>() {
        return Ok(Value::String(text));
    }
    if let Ok(whole) = value.extract::<i64>() {
        return Ok(Value::Integer(whole));
    }
    if let Ok(number) = value.extract::<f64>() {
        return Ok(Value::Float(number));
    }
    match value.try_iter() {
        Ok(items) => {
            let items = items.map(|item| to_toml(setting, &item?));
            Ok(Value::Array(items.collect::<PyResult<_>>()?))
        }
        Err(_) => Err(PyTypeError::new_err(format!(
            "{setting} must be made of names, numbers, lists and dicts, not {}",
            value.get_type().name()?
        ))),
    }
}

/// The dict of a table of settings: the inverse of [`from_dict`].
pub(crate) fn to_dict<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let value = Value::try_from(value);
    from_toml(
        py,
        &value.map_err(|error| PyValueError::new_err(error.to_string()))?,
    )
}

fn from_toml<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::String(text) => text.into_bound_py_any(py),
        Value::Integer(number) => number.into_bound_py_any(py),
        Value::Float(number) => number.into_bound_py_any(py),
        Value::Boolean(truth) => truth.into_bound_py_any(py),
        Value::Datetime(date) => date.to_string().into_bound_py_any(py),
        Value::Array(items) => {
            let items = items.iter().map(|item| from_toml(py, item));
            Ok(PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)?.into_any())
        }
        Value::Table(table) => {
            let dict = PyDict::new(py);
            for (key, value) in table {
                dict.set_item(key, from_toml(py, value)?)?;
            }
            Ok(dict.into_any())
        }
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

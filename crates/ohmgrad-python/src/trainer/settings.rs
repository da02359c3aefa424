//! The keyword arguments of `ohmgrad.Trainer`, to options of the library and back.

use std::collections::BTreeMap;

use ohmgrad::drn::Architecture;
use ohmgrad::learn::{Optimizer, TrainOptions};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};
use serde::Deserialize;
use toml::{Table, Value};

use crate::errors;
use crate::settings::{name_of, shortest};
use crate::settling::PySettling;

/// The learning rate of all parameters where none is given.
const STANDARD_RATE: f32 = 0.01;

/// One of several methods: its name, or the entries of its table in a settings file.
#[derive(FromPyObject)]
pub(crate) enum Choice {
    Name(String),
    Table(BTreeMap<String, Entry>),
}

#[derive(FromPyObject)]
pub(crate) enum Entry {
    Text(String),
    Whole(i64),
    Number(f64),
}

impl Choice {
    /// The table, in which the name is the entry `key`.
    pub(crate) fn table(choice: Option<Self>, key: &str) -> Table {
        let value = |entry| match entry {
            Entry::Text(text) => Value::String(text),
            Entry::Whole(number) => Value::Integer(number),
            Entry::Number(number) => Value::Float(number),
        };
        match choice {
            None => Table::new(),
            Some(Choice::Name(name)) => Table::from_iter([(key.to_owned(), Value::String(name))]),
            Some(Choice::Table(entries)) => {
                let entries = entries.into_iter();
                entries.map(|(key, entry)| (key, value(entry))).collect()
            }
        }
    }
}

/// The learning rates of an argument: one for all parameters, or one for each by its name.
pub(super) fn rates(
    rate: Option<&Bound<'_, PyAny>>,
    architecture: &Architecture,
) -> PyResult<BTreeMap<String, f32>> {
    let names = architecture.parameter_names().into_iter();
    match rate {
        Some(rate) => numbers(rate, names),
        None => Ok(names.map(|name| (name, STANDARD_RATE)).collect()),
    }
}

/// Learning rates: a number for all of these parameters, or one for each by its name.
pub(crate) fn numbers(
    rate: &Bound<'_, PyAny>,
    names: impl Iterator<Item = String>,
) -> PyResult<BTreeMap<String, f32>> {
    if let Ok(rates) = rate.cast::<PyMapping>() {
        let mut each = BTreeMap::new();
        for item in rates.items()? {
            let (name, rate): (String, Bound<'_, PyAny>) = item.extract()?;
            let rate = number(&format!("learning_rate[{name:?}]"), &rate)?;
            each.insert(name, rate);
        }
        return Ok(each);
    }
    let rate = number("learning_rate", rate)?;
    Ok(names.map(|name| (name, rate)).collect())
}

fn number(name: &str, value: &Bound<'_, PyAny>) -> PyResult<f32> {
    let text = || {
        let found = value.get_type().name()?;
        let what = "a number, or a dict of numbers by the names of the parameters";
        Ok::<_, PyErr>(format!("{name} must be {what}, not {found}"))
    };
    match value.extract() {
        Ok(number) => Ok(number),
        Err(_) => Err(PyTypeError::new_err(text()?)),
    }
}

/// The optimiser of these settings, read as from a settings file.
pub(crate) fn new_optimizer(
    mut table: Table,
    schedule: Table,
    weight_decay: f32,
    rates: BTreeMap<String, f32>,
) -> PyResult<Optimizer> {
    let number = |number: f32| Value::Float(number.into());
    let rates = rates.into_iter().map(|(name, rate)| (name, number(rate)));
    for (key, value) in [
        ("schedule", Value::Table(schedule)),
        ("weight_decay", number(weight_decay)),
        ("learning_rates", Value::Table(rates.collect())),
    ] {
        if table.insert(key.to_owned(), value).is_some() {
            return Err(PyValueError::new_err(format!(
                "optimizer: {key} is an argument of its own"
            )));
        }
    }
    let parsed = Optimizer::deserialize(Value::Table(table));
    parsed.map_err(|error| PyValueError::new_err(format!("optimizer: {}", error.message())))
}

/// Some entries of a table of a settings file.
fn entries<'py>(py: Python<'py>, table: &Table) -> PyResult<Bound<'py, PyDict>> {
    let entries = PyDict::new(py);
    for (key, value) in table {
        match value {
            Value::String(text) => entries.set_item(key, text)?,
            Value::Integer(number) => entries.set_item(key, number)?,
            Value::Float(number) => entries.set_item(key, shortest(*number as f32))?,
            _ => {}
        }
    }
    Ok(entries)
}

/// Options as keyword arguments of `ohmgrad.Trainer`.
pub(crate) fn settings<'py>(
    py: Python<'py>,
    options: &TrainOptions,
    seed: u64,
) -> PyResult<Bound<'py, PyDict>> {
    let settings = PyDict::new(py);
    settings.set_item("rule", name_of(&options.rule)?)?;
    settings.set_item("beta", options.beta.map(shortest))?;
    settings.set_item("cost", name_of(&options.cost)?)?;
    settings.set_item("batch_size", options.batch)?;
    settings.set_item("initial_state", name_of(&options.initial_state)?)?;
    settings.set_item("free_phase", PySettling(options.free_phase))?;
    settings.set_item("nudged_phase", PySettling(options.nudged_phase))?;
    optimizer_settings(py, &options.optimizer, &settings)?;
    settings.set_item("seed", seed)?;
    Ok(settings)
}

/// Adds an optimiser's keyword arguments.
pub(crate) fn optimizer_settings(
    py: Python<'_>,
    optimizer: &Optimizer,
    settings: &Bound<'_, PyDict>,
) -> PyResult<()> {
    let rates = optimizer.learning_rates.iter();
    let rates: BTreeMap<_, _> = rates.map(|(name, rate)| (name, shortest(*rate))).collect();
    settings.set_item("learning_rate", rates)?;
    let mut table = Table::try_from(optimizer).map_err(errors::value)?;
    table.remove("weight_decay");
    settings.set_item("optimizer", entries(py, &table)?)?;
    let schedule = Table::try_from(optimizer.schedule).map_err(errors::value)?;
    settings.set_item("schedule", entries(py, &schedule)?)?;
    settings.set_item("weight_decay", shortest(optimizer.weight_decay))
}

//! `ohmgrad.study`: what it needs of the library's studies.

use std::path::PathBuf;

use ohmgrad::experiment::{Experiment, Table};
use ohmgrad::record::{PlannedRun, RunError, RunState, Study};
use pyo3::exceptions::{PyBlockingIOError, PyRuntimeError};
use pyo3::prelude::*;

use crate::errors;
use crate::signals::detached;

/// The name of a run, that of its row, its settings as TOML, and its seed.
type Planned = (String, String, String, u64);
/// The state of a run, why it failed, its finished epochs, last test and training error in percent, and seconds of training.
type Told = (
    &'static str,
    Option<String>,
    usize,
    Option<f64>,
    Option<f64>,
    f64,
);

/// The runs of a table.
#[pyfunction]
#[pyo3(signature = (table, seeds=None, rows=None, epochs=None))]
pub(crate) fn study_runs(
    table: PathBuf,
    seeds: Option<Vec<u64>>,
    rows: Option<Vec<String>>,
    epochs: Option<usize>,
) -> PyResult<Vec<Planned>> {
    let mut table = Table::from_folder(&table).map_err(errors::experiment)?;
    if let Some(rows) = rows {
        table.select(&rows).map_err(errors::experiment)?;
    }
    let seeds = seeds.or_else(|| table.seeds.clone());
    let seeds = seeds.unwrap_or_else(|| (0..5).collect());
    let study = Study::new(&PathBuf::new(), &table, &seeds);
    let planned = study.runs.into_iter().map(|mut run| {
        run.experiment.epochs = epochs.unwrap_or(run.experiment.epochs);
        run.experiment.validate().map_err(errors::value)?;
        let toml = run.experiment.to_toml().map_err(errors::experiment)?;
        Ok((run.name, run.row, toml, run.experiment.seed))
    });
    planned.collect()
}

/// Starts a run in its folder, or goes on with it, until it is finished.
#[pyfunction]
pub(crate) fn study_finish(
    py: Python<'_>,
    folder: PathBuf,
    name: String,
    toml: &str,
    threads: usize,
) -> PyResult<()> {
    let (study, run) = one(folder, name, toml)?;
    let finished = detached(py, || study.finish(&run, threads.max(1), |_| {}))?;
    finished.map(drop).map_err(|error| match error {
        RunError::Locked { .. } => PyBlockingIOError::new_err(error.to_string()),
        error => PyRuntimeError::new_err(error.to_string()),
    })
}

/// How far a run has come.
#[pyfunction]
pub(crate) fn study_state(folder: PathBuf, name: String, toml: &str) -> PyResult<Told> {
    let (study, run) = one(folder, name, toml)?;
    let (state, progress) = study.state(&run).map_err(errors::value)?;
    let (state, reason) = match state {
        RunState::Missing => ("missing", None),
        RunState::Interrupted(_) => ("interrupted", None),
        RunState::Failed(reason) => ("failed", Some(reason)),
        _ => ("finished", None),
    };
    let metrics = progress.map_or_else(Vec::new, |progress| progress.metrics);
    let (last, seconds) = (metrics.last(), metrics.iter().map(|m| m.seconds).sum());
    let errors = last.map(|last| (last.test_error, last.train_error)).unzip();
    Ok((state, reason, metrics.len(), errors.0, errors.1, seconds))
}

fn one(folder: PathBuf, name: String, toml: &str) -> PyResult<(Study, PlannedRun)> {
    let experiment = Experiment::parse(toml, &name).map_err(errors::experiment)?;
    let run = PlannedRun {
        row: experiment.name.clone(),
        name,
        experiment,
    };
    let study = Study {
        folder,
        runs: Vec::new(),
    };
    Ok((study, run))
}

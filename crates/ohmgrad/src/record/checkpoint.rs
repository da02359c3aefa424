//! Checkpoints: everything that a training run needs to go on as if it had never stopped.
//!
//! A checkpoint is a [model] file with the format `ohmgrad-checkpoint` and, beyond a
//! model, with the settings (metadata entry `experiment`, TOML), the metrics of all finished epochs
//! (`metrics`, JSON), the potentials that the next free phase starts from (tensors `state.v1, ...`,
//! one row per example) and, with momentum, the velocities (`velocity.W1, ..., velocity.b1, ...`).

use std::path::Path;

use super::model::{self, CHECKPOINT_FORMAT};
use super::tensors::{self, Tensor, TensorFile};
use super::{Progress, ReadError, WriteError, atomic};
use crate::drn::Part;
use crate::experiment::Experiment;
use crate::learn::Trainer;

/// Writes a checkpoint; the file appears whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn save(path: &Path, trainer: &Trainer, progress: &Progress) -> Result<(), WriteError> {
    let network = trainer.network();
    atomic::write(path, |out| {
        let info = progress.model_info();
        let mut metadata = model::metadata(CHECKPOINT_FORMAT, network.architecture(), &info)?;
        metadata.insert("experiment", model::toml_text(&progress.experiment)?);
        metadata.insert("metrics", serde_json::to_string(&progress.metrics)?);
        let mut tensors = model::parameters(network, Part::Value);
        if trainer.options().optimizer.momentum() > 0.0 {
            tensors.extend(model::parameters(network, Part::Velocity));
        }
        let batch = trainer.options().batch;
        let states = trainer.carried_state().into_iter().enumerate();
        tensors.extend(states.map(|(l, state)| state_tensor(batch, l, state)));
        tensors::write(out, &metadata, &tensors)
    })
}

/// Reads a checkpoint, to be worked on by at most `threads` threads.
///
/// # Errors
/// If the file is not a whole and valid checkpoint.
pub fn load(path: &Path, threads: usize) -> Result<(Trainer, Progress), ReadError> {
    let mut file = TensorFile::open(path)?;
    check_format(&file)?;
    let progress = read_progress(&file)?;
    let Experiment {
        network,
        training,
        seed,
        ..
    } = &progress.experiment;
    let network = model::read_network(&mut file, network, threads)?;
    let mut trainer = Trainer::new(network, training.clone(), *seed)
        .map_err(|error| damaged(&file, "experiment", error))?;
    if training.optimizer.momentum() > 0.0 {
        model::read_velocities(&mut file, trainer.network_mut())?;
    }
    let states = read_states(&mut file, &progress.experiment)?;
    trainer
        .restore(progress.epochs(), &states)
        .map_err(|source| ReadError::Value {
            path: path.to_owned(),
            source,
        })?;
    Ok((trainer, progress))
}

fn check_format(file: &TensorFile) -> Result<(), ReadError> {
    match file.text("format")? {
        CHECKPOINT_FORMAT => Ok(()),
        found => Err(ReadError::Format {
            path: file.path().to_owned(),
            expected: "`ohmgrad-checkpoint`",
            found: found.to_owned(),
        }),
    }
}

fn damaged(
    file: &TensorFile,
    key: &'static str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> ReadError {
    ReadError::Metadata {
        path: file.path().to_owned(),
        key,
        source: Box::new(error),
    }
}

fn read_progress(file: &TensorFile) -> Result<Progress, ReadError> {
    let settings = file.text("experiment")?;
    let experiment = Experiment::parse(settings, "experiment")
        .map_err(|error| damaged(file, "experiment", error))?;
    let metrics = serde_json::from_str(file.text("metrics")?)
        .map_err(|error| damaged(file, "metrics", error))?;
    Ok(Progress {
        experiment,
        metrics,
    })
}

fn state_tensor(batch: usize, l: usize, state: Vec<f32>) -> Tensor<'static> {
    let width = state.len() / batch;
    Tensor {
        name: state_name(l),
        shape: vec![batch, width],
        row: Box::new(move |i, row| row.copy_from_slice(&state[i * width..][..width])),
    }
}

fn state_name(l: usize) -> String {
    format!("state.v{}", l + 1)
}

fn read_states(file: &mut TensorFile, experiment: &Experiment) -> Result<Vec<Vec<f32>>, ReadError> {
    let batch = experiment.training.batch;
    let mut read = |l: usize| {
        let mut state = Vec::new();
        let finite = (f32::is_finite, "a potential must be finite");
        let shape = [batch, experiment.network.width(l)];
        file.read(&state_name(l), &shape, finite, |_, row| {
            state.extend_from_slice(row)
        })?;
        Ok(state)
    };
    (0..experiment.network.free_layers())
        .map(&mut read)
        .collect()
}

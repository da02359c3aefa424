//! Checkpoints: everything that a training run needs to go on as if it had never stopped.
//!
//! A checkpoint is a [model] file with the format `ohmgrad-checkpoint` and, beyond a
//! model, with the settings (metadata entry `experiment`, TOML), the metrics of all finished epochs
//! (`metrics`, JSON), the potentials that the next free phase starts from (tensors `state.v1, ...`,
//! one row per example) and the registers of the optimiser (`velocity.W1, ..., velocity.b1, ...` of momentum; `first_moment.W1, ...` and
//! `second_moment.W1, ...` of Adam), and the number of steps (`steps`).

use std::path::Path;

use super::model::{self, CHECKPOINT_FORMAT};
use super::tensors::{self, Tensor, TensorFile};
use super::{Progress, ReadError, WriteError, atomic};
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
        metadata.insert("steps", trainer.steps().to_string());
        metadata.insert("metrics", serde_json::to_string(&progress.metrics)?);
        let mut tensors = model::parameters(network);
        let registers = trainer.options().optimizer.update.register_names();
        for (r, name) in registers.iter().enumerate() {
            tensors.extend(model::like_parameters(
                network.architecture(),
                &format!("{name}."),
                move |l, i, row| trainer.read_register_row(r, l, i, row),
                move |l| trainer.read_register_of_biases(r, l),
            ));
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
    read_registers(&mut file, &mut trainer)?;
    let states = read_states(&mut file, &progress.experiment)?;
    let steps = read_steps(&file)?;
    trainer
        .restore((progress.epochs(), steps), &states)
        .map_err(|source| ReadError::Value {
            path: path.to_owned(),
            source,
        })?;
    Ok((trainer, progress))
}

/// Reads the settings of a checkpoint and how far its run had come, without the network.
///
/// # Errors
/// If the file is not a checkpoint, or its settings or metrics are damaged.
pub fn progress(path: &Path) -> Result<Progress, ReadError> {
    let file = TensorFile::open(path)?;
    check_format(&file)?;
    read_progress(&file)
}

/// The number of steps, which Adam's corrections depend on.
fn read_steps(file: &TensorFile) -> Result<u64, ReadError> {
    let steps = file.text("steps")?.parse();
    steps.map_err(|error| damaged(file, "steps", error))
}

/// Reads the optimiser's registers.
fn read_registers(file: &mut TensorFile, trainer: &mut Trainer) -> Result<(), ReadError> {
    let architecture = trainer.network().architecture().clone();
    let names = trainer.options().optimizer.update.register_names();
    let finite = (f32::is_finite as fn(f32) -> bool, "it must be finite");
    for (r, name) in names.iter().enumerate() {
        for l in 0..architecture.matrices() {
            let (rows, columns) = architecture.shape(l);
            let (matrix, biases) = (format!("{name}.W{}", l + 1), format!("{name}.b{}", l + 1));
            file.read(&matrix, &[rows, columns], finite, |i, row| {
                trainer.write_register_row(r, l, i, row);
            })?;
            file.read(&biases, &[columns], finite, |_, row| {
                trainer.write_register_of_biases(r, l, row);
            })?;
        }
    }
    Ok(())
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

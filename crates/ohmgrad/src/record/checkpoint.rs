//! Checkpoints: everything that training needs to go on as if it had never stopped.
//!
//! A checkpoint is a [model] file with the format `ohmgrad-checkpoint` and, beyond a model, with the potentials that the
//! next free phase starts from (tensors `state.v1, ...`, one row per example), the registers of the optimiser
//! (`velocity.W1, ..., velocity.b1, ...` of momentum; `first_moment.W1, ...` and `second_moment.W1, ...` of Adam) and the
//! number of steps (metadata entry `steps`). That of a training run has its settings (`experiment`, TOML) and the metrics
//! of all finished epochs (`metrics`, JSON); that of a [`Trainer`] alone its options (`options`, TOML), its `seed`, the
//! number of finished epochs (`epochs`), the mean cost of the first one (`first_cost`), and a text of whoever wrote it
//! (`history`).

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;

use super::model::{self, CHECKPOINT_FORMAT, ModelInfo};
use super::tensors::{self, Tensor, TensorFile};
use super::{Progress, ReadError, WriteError, atomic};
use crate::drn::{Architecture, default_threads};
use crate::experiment::Experiment;
use crate::learn::{TrainOptions, Trainer};

/// Writes a checkpoint of a run; the file appears whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn save(path: &Path, trainer: &Trainer, progress: &Progress) -> Result<(), WriteError> {
    atomic::write(path, |out| {
        let mut metadata = metadata(trainer, &progress.model_info())?;
        metadata.insert("experiment", model::toml_text(&progress.experiment)?);
        metadata.insert("metrics", serde_json::to_string(&progress.metrics)?);
        write(out, trainer, &metadata)
    })
}

/// Reads a checkpoint of a run, to be worked on by at most `threads` threads.
///
/// # Errors
/// If the file is not a whole and valid checkpoint.
pub fn load(path: &Path, threads: usize) -> Result<(Trainer, Progress), ReadError> {
    let mut file = TensorFile::open(path)?;
    check_format(&file)?;
    let progress = read_progress(&file)?;
    let trainer = read(&mut file, &Start::of_run(&progress), threads)?;
    Ok((trainer, progress))
}

/// Writes a checkpoint of a trainer without a run, with a text of your own; the file appears whole or not at all.
///
/// ```
/// use ohmgrad::drn::{Architecture, Network, Settling, SweepOrder};
/// use ohmgrad::experiment::Preset;
/// use ohmgrad::learn::Trainer;
/// use ohmgrad::record::checkpoint;
///
/// let experiment = Preset::named("digits")?.experiment()?;
/// let trainer = Trainer::new(experiment.initial_network(1)?, experiment.training, 7)?;
/// let path = std::env::temp_dir().join("ohmgrad-trainer-example.safetensors");
/// checkpoint::save_trainer(&path, &trainer, "just begun")?;
/// let (again, history) = checkpoint::load_trainer(&path, 1)?;
/// assert_eq!((again.options(), &history[..]), (trainer.options(), "just begun"));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be written.
pub fn save_trainer(path: &Path, trainer: &Trainer, history: &str) -> Result<(), WriteError> {
    atomic::write(path, |out| write_trainer(out, trainer, history))
}

/// As [`save_trainer`], to anything that takes bytes.
///
/// # Errors
/// If it does not take them.
pub fn write_trainer(out: &mut impl Write, trainer: &Trainer, history: &str) -> io::Result<()> {
    let info = ModelInfo::new(trainer.options().free_phase);
    let mut metadata = metadata(trainer, &info)?;
    metadata.insert("options", model::toml_text(trainer.options())?);
    metadata.insert("seed", trainer.seed().to_string());
    metadata.insert("epochs", trainer.epoch().to_string());
    if let Some(cost) = trainer.first_cost() {
        metadata.insert("first_cost", cost.to_string());
    }
    metadata.insert("history", history.to_owned());
    write(out, trainer, &metadata)
}

/// Reads the trainer of a checkpoint, and the text that it was written with; of a run's, which has none, an empty one.
/// `threads` is as for [`model::load`].
///
/// # Errors
/// If the file is not a whole and valid checkpoint.
pub fn load_trainer(
    path: &Path,
    threads: impl Into<Option<usize>>,
) -> Result<(Trainer, String), ReadError> {
    read_trainer(TensorFile::open(path)?, threads.into())
}

/// As [`load_trainer`], from the bytes of a checkpoint, which errors call by this name.
///
/// # Errors
/// As there.
pub fn trainer_from_bytes(
    name: &str,
    bytes: Vec<u8>,
    threads: impl Into<Option<usize>>,
) -> Result<(Trainer, String), ReadError> {
    read_trainer(TensorFile::in_memory(name, bytes)?, threads.into())
}

fn read_trainer(
    mut file: TensorFile,
    threads: Option<usize>,
) -> Result<(Trainer, String), ReadError> {
    check_format(&file)?;
    let (start, history) = match file.has("experiment") {
        true => (Start::of_run(&read_progress(&file)?), String::new()),
        false => (Start::of_trainer(&file)?, file.text("history")?.to_owned()),
    };
    let threads = threads.unwrap_or_else(|| default_threads(&start.network));
    Ok((read(&mut file, &start, threads)?, history))
}

/// Where training goes on.
struct Start {
    network: Architecture,
    options: TrainOptions,
    seed: u64,
    epochs: usize,
    first_cost: Option<f64>,
}

impl Start {
    fn of_run(progress: &Progress) -> Self {
        let first = progress.metrics.first();
        Self {
            network: progress.experiment.network.clone(),
            options: progress.experiment.training.clone(),
            seed: progress.experiment.seed,
            epochs: progress.epochs(),
            first_cost: first.map(|metrics| metrics.train_cost),
        }
    }

    fn of_trainer(file: &TensorFile) -> Result<Self, ReadError> {
        let cost = file.has("first_cost").then(|| number(file, "first_cost"));
        Ok(Self {
            network: file.toml("architecture")?,
            options: file.toml("options")?,
            seed: number(file, "seed")?,
            epochs: number(file, "epochs")?,
            first_cost: cost.transpose()?,
        })
    }
}

/// The metadata of every checkpoint.
fn metadata(trainer: &Trainer, info: &ModelInfo) -> io::Result<BTreeMap<&'static str, String>> {
    let architecture = trainer.network().architecture();
    let mut metadata = model::metadata(CHECKPOINT_FORMAT, architecture, info)?;
    metadata.insert("steps", trainer.steps().to_string());
    Ok(metadata)
}

/// Writes parameters, registers and states.
fn write(
    out: &mut impl Write,
    trainer: &Trainer,
    metadata: &BTreeMap<&'static str, String>,
) -> io::Result<()> {
    let network = trainer.network();
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
    tensors::write(out, metadata, &tensors)
}

/// Reads parameters, registers and states.
fn read(file: &mut TensorFile, start: &Start, threads: usize) -> Result<Trainer, ReadError> {
    let network = model::read_network(file, &start.network, threads)?;
    let mut trainer = Trainer::new(network, start.options.clone(), start.seed)
        .map_err(|error| damaged(file, "options", error))?;
    read_registers(file, &mut trainer)?;
    let states = read_states(file, start)?;
    let done = (start.epochs, number(file, "steps")?, start.first_cost);
    trainer
        .restore(done, &states)
        .map_err(|source| ReadError::Value {
            path: file.path().to_owned(),
            source,
        })?;
    Ok(trainer)
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

/// A metadata entry that is a number.
fn number<T: FromStr>(file: &TensorFile, key: &'static str) -> Result<T, ReadError>
where
    T::Err: Error + Send + Sync + 'static,
{
    let number = file.text(key)?.parse();
    number.map_err(|error| damaged(file, key, error))
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
    error: impl Error + Send + Sync + 'static,
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

fn read_states(file: &mut TensorFile, start: &Start) -> Result<Vec<Vec<f32>>, ReadError> {
    let batch = start.options.batch;
    let mut read = |l: usize| {
        let mut state = Vec::new();
        let finite = (f32::is_finite, "a potential must be finite");
        let shape = [batch, start.network.width(l)];
        file.read(&state_name(l), &shape, finite, |_, row| {
            state.extend_from_slice(row)
        })?;
        Ok(state)
    };
    (0..start.network.free_layers()).map(&mut read).collect()
}

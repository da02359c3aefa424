//! A training run and the folder that holds its results.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{EpochMetrics, Progress, ReadError, Receipt, WriteError, atomic, checkpoint, model};
use crate::data::Split;
use crate::drn::Network;
use crate::experiment::circuit::CircuitExperimentError;
use crate::experiment::{Data, DataSourceError, Experiment, ExperimentError, SettingsError};
use crate::learn::{
    Epoch, Evaluation, Step, TrainError, TrainOptions, Trainer, check_fit, evaluate,
};

pub(super) const CONFIG: &str = "config.toml";
pub(super) const METRICS: &str = "metrics.jsonl";
const CHECKPOINT: &str = "checkpoint.safetensors";
const LAST: &str = "last.safetensors";
const LOCK: &str = ".lock";

/// A training run that leaves its results in a folder of its own:
///
/// | file | content |
/// |---|---|
/// | `config.toml` | the [`Experiment`], complete |
/// | `metrics.jsonl` | one [`EpochMetrics`] per finished epoch, as JSON |
/// | `last.safetensors` | the [model] after the last epoch |
/// | `best.safetensors` | the model after the first epoch with the lowest test error |
/// | `checkpoint.safetensors` | the [checkpoint] to go on from |
/// | `receipts.jsonl` | a [`Receipt`] of each time that it was started or taken up again |
///
/// After each epoch the checkpoint is written first. A run that is killed at any moment loses at most
/// one epoch: [`Run::resume`] brings the other files in line with the checkpoint and goes on, and
/// everything but timings ends bit-identical to a run that was never stopped. While a run is open, no
/// other process can open it.
///
/// ```
/// use ohmgrad::experiment::Preset;
/// use ohmgrad::record::Run;
///
/// let mut experiment = Preset::named("digits")?.experiment()?;
/// experiment.epochs = 2;
/// # let folder = std::env::temp_dir().join(format!("ohmgrad-run-example-{}", std::process::id()));
/// let mut run = Run::create(&folder, experiment, 1)?;
/// while !run.is_finished() {
///     let metrics = run.train_epoch(|_| {})?;
///     println!("{} {:.2} %", metrics.epoch, metrics.test_error);
/// }
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Run {
    folder: PathBuf,
    split: Split,
    trainer: Trainer,
    progress: Progress,
    /// Held locked until the run is dropped.
    _lock: File,
}

/// Why a run cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Settings that are refused.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The examples cannot be had.
    #[error(transparent)]
    Data(#[from] DataSourceError),
    /// The data do not fit the network, or training cannot go on.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A network too large for this machine.
    #[error("the network's {conductances} conductances need more memory than there is")]
    Memory {
        /// Their number; each takes 4 bytes.
        conductances: usize,
    },
    /// A new run in a folder that holds one.
    #[error(
        "{folder} already holds a run: go on with it (`--resume {folder}`), or choose another folder"
    )]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder without a run.
    #[error("{folder} holds no run: there is no {CONFIG}")]
    NoRun {
        /// The folder.
        folder: PathBuf,
    },
    /// Metrics that are not as a run writes them.
    #[error(
        "{path} is damaged in line {line}: `ohmgrad train --resume` of its folder writes it anew from the checkpoint"
    )]
    Metrics {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// A run that another process is working on.
    #[error("another process is working on the run in {folder}: wait until it is done")]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder that cannot be made or used.
    #[error("{folder} cannot be used as the folder of a run")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Settings that differ from those of the checkpoint.
    #[error(
        "{folder}: its {CONFIG} has other settings than its checkpoint; only the epochs and the data's \
         place may change: undo the change, or start a new run"
    )]
    Changed {
        /// The folder.
        folder: PathBuf,
    },
    /// Fewer epochs than are finished already.
    #[error("{folder} has {finished} finished epochs: it cannot end after {epochs}")]
    FewerEpochs {
        /// The folder.
        folder: PathBuf,
        /// Finished epochs.
        finished: usize,
        /// Epochs asked for.
        epochs: usize,
    },
    /// The settings cannot be read or written.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// A file of the run cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The checkpoint cannot be read.
    #[error(
        "{path} cannot be gone on from: put a copy in its place, or remove it to start the run anew"
    )]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<ReadError>,
    },
    /// A learning task of a circuit is refused.
    #[error(transparent)]
    Circuit(#[from] CircuitExperimentError),
    /// A circuit cannot be trained or evaluated.
    #[error(transparent)]
    Learn(#[from] crate::learn::circuit::LearnError),
    /// A checkpoint of a circuit that is damaged.
    #[error(
        "{path} is no checkpoint of a circuit, or damaged: put a copy in its place, or remove it to start the run anew"
    )]
    CircuitCheckpoint {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// A checkpoint of a circuit whose optimiser remembers another number of values than that of the settings.
    #[error("{path} is damaged: what it says of the optimiser does not fit the settings")]
    OptimizerState {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Run {
    /// Name of the file of the model with the lowest test error.
    pub const BEST_MODEL: &str = "best.safetensors";

    /// Starts a run in a folder that is made for it, or that holds no run yet.
    ///
    /// `threads` is the number of threads to work with, at least one; no result depends on it.
    ///
    /// # Errors
    /// If a setting is refused, the data cannot be had or do not fit, or the folder cannot be used or
    /// holds a run.
    pub fn create(folder: &Path, experiment: Experiment, threads: usize) -> Result<Self, RunError> {
        experiment.validate()?;
        let split = load_data(&experiment)?;
        let trainer = new_trainer(&experiment, threads)?;
        let lock = lock(folder)?;
        if [CONFIG, METRICS, CHECKPOINT]
            .iter()
            .any(|name| folder.join(name).exists())
        {
            return Err(RunError::Taken {
                folder: folder.to_owned(),
            });
        }
        let run = Self {
            folder: folder.to_owned(),
            split,
            trainer,
            progress: Progress {
                experiment,
                metrics: Vec::new(),
            },
            _lock: lock,
        };
        run.write_config()?;
        run.write_receipt()?;
        Ok(run)
    }

    /// Whether a folder holds a run.
    pub fn exists(folder: &Path) -> bool {
        folder.join(CONFIG).exists()
    }

    /// Reads the settings of the run in a folder.
    ///
    /// # Errors
    /// If there is no run, or its settings are not valid.
    pub fn settings(folder: &Path) -> Result<Experiment, RunError> {
        match Self::exists(folder) {
            true => Ok(Experiment::from_file(&folder.join(CONFIG))?),
            false => Err(RunError::NoRun {
                folder: folder.to_owned(),
            }),
        }
    }

    /// Reads how far the run in a folder has come, without opening it: another process may be working on it.
    ///
    /// # Errors
    /// If there is no run, its settings are not valid, or its metrics are damaged.
    pub fn read(folder: &Path) -> Result<Progress, RunError> {
        let experiment = Self::settings(folder)?;
        let path = folder.join(METRICS);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|source| ReadError::Io {
                path: path.clone(),
                source,
            })?,
        };
        let metrics = parse_metrics(&path, &text)?;
        Ok(Progress {
            experiment,
            metrics,
        })
    }

    /// Goes on with the run in a folder, from its checkpoint or, if it has none yet, from the start.
    ///
    /// `experiment` are its [settings](Self::settings), with another number of epochs or another place
    /// of the data if so wished. `threads` as in [`Self::create`].
    ///
    /// # Errors
    /// If there is no run, other settings have changed, a file is damaged, or the data cannot be had.
    pub fn resume(folder: &Path, experiment: Experiment, threads: usize) -> Result<Self, RunError> {
        experiment.validate()?;
        let folder = folder.to_owned();
        if !Self::exists(&folder) {
            return Err(RunError::NoRun { folder });
        }
        let lock = lock(&folder)?;
        let split = load_data(&experiment)?;
        let path = folder.join(CHECKPOINT);
        let (trainer, metrics) = match path.exists() {
            true => {
                let loaded = checkpoint::load(&path, threads);
                let (trainer, progress) = loaded.map_err(|source| RunError::Checkpoint {
                    path: path.clone(),
                    source: source.into(),
                })?;
                check_unchanged(&folder, &progress, &experiment)?;
                (trainer, progress.metrics)
            }
            false => (new_trainer(&experiment, threads)?, Vec::new()),
        };
        let run = Self {
            folder,
            split,
            trainer,
            progress: Progress {
                experiment,
                metrics,
            },
            _lock: lock,
        };
        run.write_config()?;
        if !run.is_finished() {
            run.write_receipt()?;
        }
        run.publish()?;
        Ok(run)
    }

    /// Settings, and what each finished epoch showed.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The network as it stands.
    pub fn network(&self) -> &Network {
        self.trainer.network()
    }

    /// Number of training examples.
    pub fn examples(&self) -> usize {
        self.split.train.len()
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Path of the model with the lowest test error.
    pub fn best_model(&self) -> PathBuf {
        self.folder.join(Self::BEST_MODEL)
    }

    /// Whether all epochs are finished.
    pub fn is_finished(&self) -> bool {
        self.progress.epochs() >= self.progress.experiment.epochs
    }

    /// Trains for one epoch, measures the test error and writes all files; `observe` sees every step.
    ///
    /// # Errors
    /// If training cannot go on or a file cannot be written. The checkpoint of the epoch before stays:
    /// drop the run, and [resume](Self::resume) it when the cause is removed.
    pub fn train_epoch(
        &mut self,
        observe: impl FnMut(&Step) + Send,
    ) -> Result<EpochMetrics, RunError> {
        let start = Instant::now();
        let epoch = self.trainer.train_epoch(&self.split.train, observe)?;
        let seconds = start.elapsed().as_secs_f64();
        let TrainOptions {
            free_phase, cost, ..
        } = &self.progress.experiment.training;
        let network = self.trainer.network();
        let test = evaluate(network, &self.split.test, free_phase, *cost)?;
        let metrics = self.metrics(&epoch, &test, seconds);
        self.progress.metrics.push(metrics.clone());
        checkpoint::save(&self.folder.join(CHECKPOINT), &self.trainer, &self.progress)?;
        self.publish()?;
        Ok(metrics)
    }

    fn metrics(&self, epoch: &Epoch, test: &Evaluation, seconds: f64) -> EpochMetrics {
        let training = &self.progress.experiment.training;
        let index = self.progress.epochs();
        let steps = epoch.examples.div_ceil(training.batch) as f64;
        EpochMetrics {
            epoch: index + 1,
            train_error: epoch.error_percent(),
            test_error: test.error_percent(),
            train_cost: epoch.mean_cost(),
            test_cost: test.cost,
            seconds,
            examples_per_second: epoch.examples as f64 / seconds.max(1e-9),
            learning_rate_factor: training.optimizer.schedule.factor(index as f64),
            free_sweeps: epoch.sweeps[0] as f64 / steps,
            nudged_sweeps: epoch.sweeps[1] as f64 / steps,
        }
    }

    fn write_receipt(&self) -> Result<(), RunError> {
        let threads = self.network().threads();
        let (experiment, epochs) = (&self.progress.experiment, self.progress.epochs());
        let receipt = Receipt::new(experiment, &self.split, threads, epochs)?;
        Ok(receipt.append(&self.folder)?)
    }

    fn write_config(&self) -> Result<(), RunError> {
        let text = self.progress.experiment.to_toml()?;
        let path = self.folder.join(CONFIG);
        Ok(atomic::write(&path, |out| out.write_all(text.as_bytes()))?)
    }

    /// Writes metrics and models as they follow from the last epoch. The best model needs to be written
    /// only if that epoch is the best one: otherwise it was written in its turn.
    fn publish(&self) -> Result<(), WriteError> {
        let Some(best) = self.progress.best() else {
            return Ok(());
        };
        atomic::write(&self.folder.join(METRICS), |out| {
            for metrics in &self.progress.metrics {
                serde_json::to_writer(&mut *out, metrics)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        })?;
        let info = self.progress.model_info();
        let network = self.trainer.network();
        model::save(&self.folder.join(LAST), network, &info)?;
        match best.epoch == self.progress.epochs() {
            true => model::save(&self.folder.join(Self::BEST_MODEL), network, &info),
            false => Ok(()),
        }
    }
}

/// One object per line, for the epochs 1, 2, 3, ...
fn parse_metrics(path: &Path, text: &[u8]) -> Result<Vec<EpochMetrics>, RunError> {
    let lines = text.split_inclusive(|byte| *byte == b'\n').enumerate();
    let parsed = lines.map(|(i, line)| {
        let metrics = serde_json::from_slice(line).and_then(|metrics: EpochMetrics| {
            match metrics.epoch == i + 1 {
                true => Ok(metrics),
                false => Err(serde::de::Error::custom(format!(
                    "epoch is {}, not {}",
                    metrics.epoch,
                    i + 1
                ))),
            }
        });
        metrics.map_err(|source| RunError::Metrics {
            path: path.to_owned(),
            line: i + 1,
            source,
        })
    });
    parsed.collect()
}

/// Loads the data, and checks that they fit the network.
fn load_data(experiment: &Experiment) -> Result<Split, RunError> {
    let split = experiment.data.load(experiment.seed)?;
    check_fit(&experiment.network, &split.train, experiment.training.cost)?;
    Ok(split)
}

pub(super) fn new_trainer(experiment: &Experiment, threads: usize) -> Result<Trainer, RunError> {
    let conductances = experiment.network.conductances();
    if Vec::<f32>::new().try_reserve_exact(conductances).is_err() {
        return Err(RunError::Memory { conductances });
    }
    let network = experiment
        .initial_network(threads)
        .map_err(SettingsError::Network)?;
    let trainer = Trainer::new(network, experiment.training.clone(), experiment.seed);
    Ok(trainer.map_err(SettingsError::Training)?)
}

/// Makes the folder if need be, and locks it for this process.
pub(super) fn lock(folder: &Path) -> Result<File, RunError> {
    let failure = |source| RunError::Folder {
        folder: folder.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(failure)?;
    let file = File::create(folder.join(LOCK)).map_err(failure)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::Error(source)) => Err(failure(source)),
        Err(TryLockError::WouldBlock) => Err(RunError::Locked {
            folder: folder.to_owned(),
        }),
    }
}

/// Checks that only the number of epochs and the place of the data have changed.
fn check_unchanged(
    folder: &Path,
    progress: &Progress,
    experiment: &Experiment,
) -> Result<(), RunError> {
    let comparable = Experiment {
        epochs: progress.experiment.epochs,
        data: Data {
            source: progress.experiment.data.source.clone(),
            ..experiment.data.clone()
        },
        ..experiment.clone()
    };
    let unchanged = comparable == progress.experiment;
    check_goes_on(folder, unchanged, progress.epochs(), experiment.epochs)
}

/// Checks that a run with unchanged settings can go on to so many epochs.
pub(super) fn check_goes_on(
    folder: &Path,
    unchanged: bool,
    finished: usize,
    epochs: usize,
) -> Result<(), RunError> {
    let folder = folder.to_owned();
    match unchanged {
        false => Err(RunError::Changed { folder }),
        true if epochs < finished => Err(RunError::FewerEpochs {
            folder,
            finished,
            epochs,
        }),
        true => Ok(()),
    }
}

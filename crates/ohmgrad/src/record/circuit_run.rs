//! A training run of a circuit and the folder that holds its results.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::run::{CONFIG, METRICS, check_goes_on, lock};
use super::{ReadError, RunError, WriteError, atomic};
use crate::circuit::netlist;
use crate::experiment::circuit::{CircuitExperiment, CircuitProblem};
use crate::learn::circuit::{CircuitEvaluation, CircuitLearner, LearnError, LearnerState};

const CHECKPOINT: &str = "checkpoint.json";
const TRAINED: &str = "trained.cir";
/// The files are written no more often than that: an epoch of a small circuit takes less than a millisecond.
const BETWEEN_SAVES: Duration = Duration::from_secs(1);

/// A training run of a circuit that leaves its results in a folder of its own:
///
/// | file | content |
/// |---|---|
/// | `config.toml` | the [`CircuitExperiment`], complete |
/// | `metrics.jsonl` | one [`CircuitMetrics`] per finished epoch, as JSON |
/// | `trained.cir` | the circuit as it stands, as a netlist for ohmgrad and ngspice |
/// | `checkpoint.json` | what to go on from |
///
/// The files are written at the end, and every second until then, the checkpoint first. A run that is killed goes on from
/// its checkpoint by [`CircuitRun::resume`], which brings the other files in line with it, and everything but timings ends as in a run that was never stopped. While a run is open, no
/// other process can open it.
pub struct CircuitRun {
    folder: PathBuf,
    experiment: CircuitExperiment,
    problem: CircuitProblem,
    learner: CircuitLearner,
    metrics: Vec<CircuitMetrics>,
    saved: Instant,
    /// Held locked until the run is dropped.
    _lock: File,
}

/// What one epoch showed: one line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CircuitMetrics {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Mean cost of the free states during the epoch, in volt squared for squared errors of voltages.
    pub train_cost: f64,
    /// Wrong examples among the free states during the epoch, in percent; `None` without classes.
    pub train_error: Option<f64>,
    /// Mean cost after the epoch, of the test examples or, without them, of those to learn from.
    pub cost: f64,
    /// Wrong ones among the same examples, in percent; `None` without classes.
    pub error: Option<f64>,
    /// The largest distance of an output from its target among the same examples, in volt or ampere.
    pub worst: f64,
    /// Duration of the training, without evaluation and files, in seconds.
    pub seconds: f64,
}

#[derive(Serialize, Deserialize)]
struct Checkpoint {
    experiment: CircuitExperiment,
    #[serde(flatten)]
    state: LearnerState,
    metrics: Vec<CircuitMetrics>,
}

impl CircuitRun {
    /// Starts a run in a folder that is made for it, or that holds no run yet.
    ///
    /// # Errors
    /// If the task is refused, a file cannot be read, or the folder cannot be used or holds a run.
    pub fn create(folder: &Path, experiment: CircuitExperiment) -> Result<Self, RunError> {
        experiment.validate()?;
        let problem = experiment.load()?;
        let learner = experiment.learner(&problem)?;
        let lock = lock(folder)?;
        let folder = folder.to_owned();
        let files = [CONFIG, METRICS, CHECKPOINT];
        if files.iter().any(|name| folder.join(name).exists()) {
            return Err(RunError::Taken { folder });
        }
        let run = CircuitRun {
            folder,
            experiment,
            problem,
            learner,
            metrics: Vec::new(),
            saved: Instant::now(),
            _lock: lock,
        };
        run.write_config()?;
        Ok(run)
    }

    /// Reads the settings of the run in a folder.
    ///
    /// # Errors
    /// If there is no run, or its settings are not valid.
    pub fn settings(folder: &Path) -> Result<CircuitExperiment, RunError> {
        let path = folder.join(CONFIG);
        match path.exists() {
            true => Ok(CircuitExperiment::from_file(&path)?),
            false => Err(RunError::NoRun {
                folder: folder.to_owned(),
            }),
        }
    }

    /// Goes on with the run in a folder, from its checkpoint or, if it has none yet, from the start. `experiment` are its
    /// [settings](Self::settings), with another number of epochs if so wished.
    ///
    /// # Errors
    /// If there is no run, other settings have changed, or a file is damaged.
    pub fn resume(folder: &Path, experiment: CircuitExperiment) -> Result<Self, RunError> {
        experiment.validate()?;
        let folder = folder.to_owned();
        if !folder.join(CONFIG).exists() {
            return Err(RunError::NoRun { folder });
        }
        let lock = lock(&folder)?;
        let problem = experiment.load()?;
        let mut learner = experiment.learner(&problem)?;
        let mut metrics = Vec::new();
        if let Some(checkpoint) = read_checkpoint(&folder.join(CHECKPOINT))? {
            checkpoint.check_unchanged(&folder, &experiment)?;
            let restored = learner.restore(checkpoint.metrics.len(), checkpoint.state);
            restored.map_err(|error| match error {
                LearnError::OptimizerState => RunError::OptimizerState {
                    path: folder.join(CHECKPOINT),
                },
                error => error.into(),
            })?;
            metrics = checkpoint.metrics;
        }
        let run = CircuitRun {
            folder,
            experiment,
            problem,
            learner,
            metrics,
            saved: Instant::now(),
            _lock: lock,
        };
        run.write_config()?;
        run.publish()?;
        Ok(run)
    }

    /// The settings.
    pub fn experiment(&self) -> &CircuitExperiment {
        &self.experiment
    }

    /// The examples, and the circuit at the start.
    pub fn problem(&self) -> &CircuitProblem {
        &self.problem
    }

    /// The circuit as it stands, and its task.
    pub fn learner(&self) -> &CircuitLearner {
        &self.learner
    }

    /// What each finished epoch showed.
    pub fn metrics(&self) -> &[CircuitMetrics] {
        &self.metrics
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Path of the netlist of the circuit as it stands.
    pub fn trained_netlist(&self) -> PathBuf {
        self.folder.join(TRAINED)
    }

    /// Whether all epochs are finished.
    pub fn is_finished(&self) -> bool {
        self.metrics.len() >= self.experiment.epochs
    }

    /// Trains for one epoch, measures the error, and writes the files if it is the last epoch or they are old. `observe`
    /// gets the number of examples done.
    ///
    /// # Errors
    /// If training cannot go on or a file cannot be written. The last checkpoint stays.
    pub fn train_epoch(&mut self, observe: impl FnMut(usize)) -> Result<CircuitMetrics, RunError> {
        let start = Instant::now();
        let train = &self.problem.train;
        let during = self.learner.train_epoch(train, observe)?;
        let seconds = start.elapsed().as_secs_f64();
        let measured = self.problem.test.as_ref().unwrap_or(train);
        let after = self.learner.evaluate(measured)?;
        let metrics = CircuitMetrics {
            epoch: self.metrics.len() + 1,
            train_cost: during.cost,
            train_error: during.error_percent(),
            cost: after.cost,
            error: after.error_percent(),
            worst: after.worst,
            seconds,
        };
        self.metrics.push(metrics.clone());
        if self.is_finished() || self.saved.elapsed() > BETWEEN_SAVES {
            self.save()?;
        }
        Ok(metrics)
    }

    /// What the circuit as it stands answers to the examples to learn from.
    ///
    /// # Errors
    /// If a state does not exist or is not found.
    pub fn evaluate(&mut self) -> Result<CircuitEvaluation, RunError> {
        Ok(self.learner.evaluate(&self.problem.train)?)
    }

    /// Writes the checkpoint first: the other files follow from it.
    fn save(&mut self) -> Result<(), RunError> {
        let checkpoint = Checkpoint {
            experiment: self.experiment.clone(),
            state: self.learner.state(),
            metrics: self.metrics.clone(),
        };
        atomic::write(&self.folder.join(CHECKPOINT), |out| {
            Ok(serde_json::to_writer(out, &checkpoint)?)
        })?;
        self.publish()?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Writes metrics and netlist as they follow from the checkpoint.
    fn publish(&self) -> Result<(), WriteError> {
        if self.metrics.is_empty() {
            return Ok(());
        }
        atomic::write(&self.folder.join(METRICS), |out| {
            for metrics in &self.metrics {
                serde_json::to_writer(&mut *out, metrics)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        })?;
        let title = format!("{}, trained", self.problem.title);
        let text = netlist::write(self.learner.circuit(), &title);
        write_text(&self.trained_netlist(), &text)
    }

    fn write_config(&self) -> Result<(), RunError> {
        let text = self.experiment.to_toml()?;
        Ok(write_text(&self.folder.join(CONFIG), &text)?)
    }
}

impl Checkpoint {
    /// Checks that only the number of epochs has changed.
    fn check_unchanged(&self, folder: &Path, now: &CircuitExperiment) -> Result<(), RunError> {
        let comparable = CircuitExperiment {
            epochs: self.experiment.epochs,
            ..now.clone()
        };
        let unchanged = comparable == self.experiment;
        check_goes_on(folder, unchanged, self.metrics.len(), now.epochs)
    }
}

fn write_text(path: &Path, text: &str) -> Result<(), WriteError> {
    atomic::write(path, |out| out.write_all(text.as_bytes()))
}

/// The checkpoint, if there is one yet.
fn read_checkpoint(path: &Path) -> Result<Option<Checkpoint>, RunError> {
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read(path).map_err(|source| ReadError::Io {
        path: path.to_owned(),
        source,
    })?;
    let read = serde_json::from_slice(&text);
    read.map_err(|source| RunError::CircuitCheckpoint {
        path: path.to_owned(),
        source,
    })
}

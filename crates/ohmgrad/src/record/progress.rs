//! How far a training run has come.

use serde::{Deserialize, Serialize};

use super::model::{ModelInfo, Origin};
use crate::experiment::Experiment;

/// What one epoch showed: one line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Misclassified examples in the free phases of training, in percent.
    pub train_error: f64,
    /// Misclassified test examples after the epoch, in percent.
    pub test_error: f64,
    /// Mean cost in the free phases of training: half the squared distance to the target, in volt squared.
    pub train_cost: f64,
    /// Mean cost on the test examples.
    pub test_cost: f64,
    /// Duration of the training, without evaluation and files, in seconds.
    pub seconds: f64,
    /// Training examples per second.
    pub examples_per_second: f64,
    /// Factor on all learning rates in this epoch.
    pub learning_rate_factor: f64,
    /// Mean number of sweeps in the free phase of a step.
    pub free_sweeps: f64,
    /// Mean number of sweeps in the nudged phases of a step.
    pub nudged_sweeps: f64,
}

/// A training run so far, apart from the network: its settings, and what each finished epoch showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The settings.
    pub experiment: Experiment,
    /// One entry per finished epoch.
    pub metrics: Vec<EpochMetrics>,
}

impl Progress {
    /// Number of finished epochs.
    pub fn epochs(&self) -> usize {
        self.metrics.len()
    }

    /// The first epoch with the lowest test error, if there is one.
    pub fn best(&self) -> Option<&EpochMetrics> {
        self.metrics
            .iter()
            .min_by(|a, b| a.test_error.total_cmp(&b.test_error))
    }

    /// What the model file of the last finished epoch says.
    pub(super) fn model_info(&self) -> ModelInfo {
        ModelInfo {
            inference: self.experiment.training.free_phase,
            preprocessing: self.experiment.data.preprocessing,
            training: Some(Origin {
                name: self.experiment.name.clone(),
                seed: self.experiment.seed,
                epoch: self.epochs(),
                data: self.experiment.data.source.clone(),
                cost: self.experiment.training.cost,
            }),
        }
    }
}

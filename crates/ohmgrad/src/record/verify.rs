//! Checking a training run after the fact.

use std::path::Path;

use super::receipt::{data_checksum, settings_checksum};
use super::run::new_trainer;
use super::{EpochMetrics, Receipt, Run, RunError, checkpoint, model};
use crate::experiment::Experiment;
use crate::learn::{TrainOptions, evaluate};

/// One thing that was checked of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub what: String,
    /// What is wrong with it, if anything is.
    pub fault: Option<String>,
}

impl Check {
    fn new(what: impl Into<String>, fault: Option<String>) -> Self {
        Self {
            what: what.into(),
            fault,
        }
    }
}

/// Checks a run: that its settings and data are those of its receipts, that its files are whole and fit one another, and that
/// its first `replay` epochs come out bit-identical. The folder is not changed.
///
/// # Errors
/// If there is no run, its settings or metrics cannot be read, or its data cannot be had.
pub fn verify(folder: &Path, replay: usize, threads: usize) -> Result<Vec<Check>, RunError> {
    let progress = Run::read(folder)?;
    let experiment = &progress.experiment;
    let split = experiment.data.load(experiment.seed)?;
    let found = (
        settings_checksum(experiment)?,
        data_checksum(&split.train),
        data_checksum(&split.test),
    );
    let receipts = Receipt::read(folder)?;
    let mut checks = vec![Check::new(
        format!("{} receipts", receipts.len()),
        receipts.is_empty().then(|| "the run has none".to_owned()),
    )];
    for (k, receipt) in receipts.iter().enumerate() {
        for (what, now, then) in [
            ("settings", &found.0, &receipt.settings),
            ("training data", &found.1, &receipt.train_data),
            ("test data", &found.2, &receipt.test_data),
        ] {
            let fault = (now != then).then(|| format!("checksum {now}, in the receipt {then}"));
            checks.push(Check::new(format!("receipt {}: {what}", k + 1), fault));
        }
    }
    if progress.epochs() > 0 {
        checks.extend(check_files(folder, &progress.metrics));
    }
    if replay > 0 {
        checks.extend(check_replay(
            experiment,
            &split,
            &progress.metrics,
            replay,
            threads,
        )?);
    }
    Ok(checks)
}

/// The models and the checkpoint are whole, and of the epochs that the metrics tell.
fn check_files(folder: &Path, metrics: &[EpochMetrics]) -> Vec<Check> {
    let last = metrics.len();
    let best = metrics
        .iter()
        .min_by(|a, b| a.test_error.total_cmp(&b.test_error))
        .map_or(0, |best| best.epoch);
    let of_model = |name: &str, epoch: usize| {
        let fault = match model::load(&folder.join(name), 1) {
            Err(error) => Some(error.to_string()),
            Ok((_, info)) => match info.training.map(|origin| origin.epoch) {
                Some(found) if found == epoch => None,
                found => Some(format!("it is of epoch {found:?}, not {epoch}")),
            },
        };
        Check::new(name, fault)
    };
    let name = "checkpoint.safetensors";
    let fault = match checkpoint::load(&folder.join(name), 1) {
        Err(error) => Some(error.to_string()),
        Ok((_, progress)) if progress.metrics != metrics => {
            Some("its metrics are others than those of metrics.jsonl".to_owned())
        }
        Ok(_) => None,
    };
    vec![
        of_model("last.safetensors", last),
        of_model(Run::BEST_MODEL, best),
        Check::new(name, fault),
    ]
}

/// Trains the first epochs again.
fn check_replay(
    experiment: &Experiment,
    split: &crate::data::Split,
    metrics: &[EpochMetrics],
    epochs: usize,
    threads: usize,
) -> Result<Vec<Check>, RunError> {
    let mut trainer = new_trainer(experiment, threads)?;
    let TrainOptions {
        free_phase, cost, ..
    } = experiment.training;
    let mut checks = Vec::new();
    for told in metrics.iter().take(epochs) {
        let epoch = trainer.train_epoch(&split.train, |_| {})?;
        let test = evaluate(trainer.network(), &split.test, &free_phase, cost)?;
        let pairs = [
            ("train_error", epoch.error_percent(), told.train_error),
            ("train_cost", epoch.mean_cost(), told.train_cost),
            ("test_error", test.error_percent(), told.test_error),
            ("test_cost", test.cost, told.test_cost),
        ];
        let other = pairs
            .iter()
            .find(|(_, now, then)| now.to_bits() != then.to_bits());
        let fault = other.map(|(what, now, then)| format!("{what} is {now}, was {then}"));
        checks.push(Check::new(format!("epoch {} again", told.epoch), fault));
    }
    Ok(checks)
}

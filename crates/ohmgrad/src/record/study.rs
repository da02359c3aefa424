//! Studies: the runs of a table with several seeds, in one folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{EpochMetrics, Progress, Run, RunError, atomic};
use crate::drn::Architecture;
use crate::experiment::{Experiment, Table};

/// The file that says why a run has failed.
const FAILURE: &str = "failure.txt";

/// Runs that leave their results in folders of their own, in the folder of the study.
///
/// Several processes, on one machine or on many that share the folder, may work on a study at once: each run is locked by
/// the one that works on it. What is killed is taken up from its checkpoint.
#[derive(Clone, Debug)]
pub struct Study {
    /// The folder of all runs.
    pub folder: PathBuf,
    /// The runs, row after row of the table.
    pub runs: Vec<PlannedRun>,
}

/// A run of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRun {
    /// Name of its folder: that of the row, and the seed.
    pub name: String,
    /// Name of the row.
    pub row: String,
    /// Its settings.
    pub experiment: Experiment,
}

/// How far a run of a study has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunState {
    /// It has not begun.
    Missing,
    /// It has finished so many epochs, not all; it was interrupted, or is under way.
    Interrupted(usize),
    /// It cannot go on, for this reason.
    Failed(String),
    /// All its epochs are finished.
    Finished,
}

/// What happens while a study runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum StudyEvent<'a> {
    /// A run was opened, with so many examples per epoch.
    Opened(&'a Progress, usize),
    /// So many examples of the epoch are done.
    Step(usize),
    /// An epoch is finished.
    Epoch(&'a EpochMetrics),
    /// The run is finished, or an error has ended it.
    Ended(&'a Result<Progress, RunError>),
}

impl Study {
    /// The runs of a table's rows with these seeds.
    pub fn new(folder: &Path, table: &Table, seeds: &[u64]) -> Self {
        let run = |row: &Experiment, seed: u64| PlannedRun {
            name: format!("{}-seed{seed}", row.name),
            row: row.name.clone(),
            experiment: Experiment {
                seed,
                ..row.clone()
            },
        };
        let rows = table.rows.iter().map(|row| &row.experiment);
        Self {
            folder: folder.to_owned(),
            runs: rows
                .flat_map(|row| seeds.iter().map(move |seed| run(row, *seed)))
                .collect(),
        }
    }

    /// Keeps every `count`-th run, from that of number `index` (from 0): the share of one of `count` processes.
    pub fn keep_shard(&mut self, index: usize, count: usize) {
        let mut number = 0;
        self.runs.retain(|_| {
            number += 1;
            (number - 1) % count == index
        });
    }

    /// Runs the runs of the study, `jobs` at once, each with as many threads as `threads` says; `observe` is told what happens
    /// to which. A run that fails does not stop the others, and one that another process works on is left to it.
    pub fn run(
        &self,
        jobs: usize,
        threads: impl Fn(&Architecture) -> usize + Sync,
        observe: impl Fn(usize, StudyEvent<'_>) + Sync,
    ) {
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let k = next.fetch_add(1, Ordering::Relaxed);
                let Some(run) = self.runs.get(k) else {
                    break;
                };
                let threads = threads(&run.experiment.network);
                let outcome = self.finish(run, threads, |event| observe(k, event));
                observe(k, StudyEvent::Ended(&outcome));
            }
        };
        thread::scope(|scope| {
            for _ in 1..jobs.min(self.runs.len()) {
                scope.spawn(work);
            }
            work();
        });
    }

    /// Starts a run, or goes on with it, until all its epochs are finished.
    ///
    /// # Errors
    /// As [`Run::create`], [`Run::resume`] and [`Run::train_epoch`]. The reason is left in the run's folder, unless another
    /// process is at work there.
    pub fn finish(
        &self,
        run: &PlannedRun,
        threads: usize,
        observe: impl FnMut(StudyEvent<'_>) + Send,
    ) -> Result<Progress, RunError> {
        let folder = self.folder.join(&run.name);
        let finished = finish(&folder, run.experiment.clone(), threads, observe);
        let note = folder.join(FAILURE);
        match &finished {
            Ok(_) => drop(fs::remove_file(&note)),
            Err(RunError::Locked { .. }) => {}
            Err(error) => {
                let text = with_causes(error);
                let made = fs::create_dir_all(&folder);
                let written =
                    atomic::write(&note, |out| std::io::Write::write_all(out, text.as_bytes()));
                drop((made, written)); // the error itself is told, too
            }
        }
        finished
    }

    /// How far a run has come, and what its epochs showed.
    ///
    /// # Errors
    /// If its files are damaged.
    pub fn state(&self, run: &PlannedRun) -> Result<(RunState, Option<Progress>), RunError> {
        let folder = self.folder.join(&run.name);
        let failure = fs::read_to_string(folder.join(FAILURE));
        if !Run::exists(&folder) {
            let state = failure.map_or(RunState::Missing, RunState::Failed);
            return Ok((state, None));
        }
        let progress = Run::read(&folder)?;
        let state = match (failure, progress.epochs()) {
            (_, epochs) if epochs >= run.experiment.epochs => RunState::Finished,
            (Ok(reason), _) => RunState::Failed(reason),
            (Err(_), epochs) => RunState::Interrupted(epochs),
        };
        Ok((state, Some(progress)))
    }
}

fn finish(
    folder: &Path,
    experiment: Experiment,
    threads: usize,
    mut observe: impl FnMut(StudyEvent<'_>) + Send,
) -> Result<Progress, RunError> {
    let mut run = match Run::exists(folder) {
        true => Run::resume(folder, experiment, threads)?,
        false => Run::create(folder, experiment, threads)?,
    };
    observe(StudyEvent::Opened(run.progress(), run.examples()));
    while !run.is_finished() {
        let metrics = run.train_epoch(|step| observe(StudyEvent::Step(step.examples)))?;
        observe(StudyEvent::Epoch(&metrics));
    }
    Ok(run.progress().clone())
}

/// An error with its causes, in one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    match error.source() {
        None => error.to_string(),
        Some(cause) => format!("{error}: {}", with_causes(cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Preset, Row};
    use crate::learn::Rule;

    fn study(folder: &Path, seeds: &[u64]) -> Study {
        let mut experiment = Preset::named("digits").unwrap().experiment().unwrap();
        (experiment.epochs, experiment.network.hidden[0]) = (2, 8);
        experiment.training.rule = Rule::PositiveEp;
        let row = Row {
            experiment,
            test_error: None,
            train_error: None,
            time: None,
        };
        let table = Table {
            title: String::new(),
            rows: vec![row],
            seeds: None,
        };
        Study::new(folder, &table, seeds)
    }

    #[test]
    fn runs_of_all_shards_are_those_of_the_study() {
        let whole = study(Path::new("x"), &[0, 1, 2, 3, 4]);
        let mut runs = Vec::new();
        for index in 0..3 {
            let mut shard = whole.clone();
            shard.keep_shard(index, 3);
            runs.extend(shard.runs);
        }
        runs.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(runs, whole.runs);
    }

    #[test]
    fn jobs_at_once_end_as_one_after_the_other() {
        let [one, two] = [1, 2].map(|jobs| {
            let folder = tempfile::tempdir().unwrap();
            let study = study(folder.path(), &[0, 1, 2]);
            study.run(jobs, |_| 1, |_, _| {});
            let state = |run| study.state(run).unwrap();
            study
                .runs
                .iter()
                .map(state)
                .map(|(state, progress)| {
                    let metrics = progress.unwrap().metrics;
                    (
                        state,
                        metrics
                            .iter()
                            .map(|m| (m.test_cost, m.train_cost))
                            .collect::<Vec<_>>(),
                    )
                })
                .collect::<Vec<_>>()
        });
        assert!(
            one == two
                && one
                    .iter()
                    .all(|(state, costs)| *state == RunState::Finished && costs.len() == 2)
        );
    }

    #[test]
    fn missing_interrupted_failed_and_finished_runs_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let mut study = study(folder.path(), &[0, 1, 2]);
        study.finish(&study.runs[0], 1, |_| {}).unwrap();
        study.runs[0].experiment.epochs = 3;
        study.runs[2].experiment.network.features = 7;
        study.finish(&study.runs[2], 1, |_| {}).unwrap_err();
        let state = |k: usize| study.state(&study.runs[k]).unwrap().0;
        assert_eq!(
            (state(0), state(1)),
            (RunState::Interrupted(2), RunState::Missing)
        );
        // A run that fails before there is anything to keep.
        let early = state(2);
        assert!(
            matches!(&early, RunState::Failed(reason) if reason.contains("features")),
            "{early:?}"
        );
        study.runs[2].experiment.network.features = study.runs[1].experiment.network.features;
        study.finish(&study.runs[2], 1, |_| {}).unwrap();
        // A run that has begun, and whose settings change.
        study.runs[0].experiment.training.batch += 1;
        study.finish(&study.runs[0], 1, |_| {}).unwrap_err();
        let (state, _) = study.state(&study.runs[0]).unwrap();
        assert!(
            matches!(&state, RunState::Failed(reason) if reason.contains("other settings")),
            "{state:?}"
        );
        study.runs[0].experiment.training.batch -= 1;
        study.finish(&study.runs[0], 1, |_| {}).unwrap();
        assert_eq!(study.state(&study.runs[0]).unwrap().0, RunState::Finished);
    }
}

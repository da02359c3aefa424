//! `ohmgrad reproduce` and `ohmgrad collect`: the runs of a table with several seeds, compared with what was published.

mod live;
mod plan;
mod results;
mod shard;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use ohmgrad::experiment::{Experiment, Table};
use ohmgrad::record::{PlannedRun, Progress, RunError, RunState, Study, StudyEvent, with_causes};

use crate::train::place_data;
use crate::{at_least_one, processors, threads_for};
use live::Live;
use results::Results;
pub(crate) use results::duration;
use shard::Shard;

/// What runs belong to a study
#[derive(clap::Args)]
pub(crate) struct Selection {
    /// Folder of the experiment, or its name in the folder `experiments`
    experiment: PathBuf,
    /// First and last seed, or one [default: those of the table's grid, or 0..4]
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    seeds: Option<Seeds>,
    /// Rows, separated by commas [default: all]
    #[arg(long, value_name = "ROWS", value_delimiter = ',')]
    rows: Vec<String>,
    /// Number of epochs [default: those of each row]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    epochs: Option<usize>,
    /// Folder for the runs, results.csv and results.md [default: runs/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder of four IDX files to learn from [default: the data of each row]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Train the rows of a table with several seeds, and compare with what was published
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: Selection,
    /// Number of threads of a run; results do not depend on it [default: as many as pay for the size of the network, no more
    /// than processors for each job]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<usize>,
    /// Runs at once
    #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one)]
    jobs: usize,
    /// The I-th of N shares of the runs, for one of N processes [default on SLURM: that of the array's task]
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Print a script for sbatch that runs all shares as an array of so many tasks, and stop
    #[arg(long, value_name = "TASKS", value_parser = at_least_one, conflicts_with_all = ["shard", "dry_run"])]
    slurm: Option<usize>,
    /// Print what would be run, with memory and time, and stop
    #[arg(long)]
    dry_run: bool,
}

/// Compare the finished runs of a table, and name those that are missing, interrupted or failed
#[derive(clap::Args)]
pub(crate) struct CollectArguments {
    #[command(flatten)]
    selection: Selection,
}

/// The first and the last seed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seeds(u64, u64);

/// Parses `A..B`, both included, or `A`.
fn seeds(text: &str) -> Result<Seeds, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let seed = |text: &str| match text.parse() {
        Ok(seed) if seed <= Experiment::MAX_SEED => Ok(seed),
        _ => Err(format!("`{text}` is no seed: write 0..4, or 3")),
    };
    match (seed(first)?, seed(last)?) {
        (first, last) if first <= last => Ok(Seeds(first, last)),
        _ => Err(format!(
            "the last seed is before the first: write {last}..{first}"
        )),
    }
}

impl Selection {
    /// The table, and its runs.
    fn open(&self) -> anyhow::Result<(Table, Study)> {
        let folder = experiment_folder(&self.experiment);
        let mut table = Table::from_folder(&folder)
            .with_context(|| format!("{} is no folder of an experiment", folder.display()))?;
        if !self.rows.is_empty() {
            table.select(&self.rows)?;
        }
        let out = match &self.out {
            Some(out) => out.clone(),
            None => Path::new("runs").join(
                std::path::absolute(&folder)?
                    .file_name()
                    .unwrap_or_default(),
            ),
        };
        let seeds = match (self.seeds, &table.seeds) {
            (Some(Seeds(first, last)), _) => (first..=last).collect(),
            (None, Some(seeds)) => seeds.clone(),
            (None, None) => (0..=4).collect(),
        };
        let mut study = Study::new(&out, &table, &seeds);
        for run in &mut study.runs {
            let experiment = &mut run.experiment;
            experiment.epochs = self.epochs.unwrap_or(experiment.epochs);
            place_data(experiment, self.data.as_deref())?;
        }
        Ok((table, study))
    }
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let (table, mut study) = arguments.selection.open()?;
    if let Some(tasks) = arguments.slurm {
        return Ok(write!(io::stdout(), "{}", shard::sbatch_script(tasks)?)?);
    }
    let shard = arguments
        .shard
        .map_or_else(Shard::of_slurm, |shard| Ok(Some(shard)))?;
    if let Some(shard) = shard {
        study.keep_shard(shard.index, shard.count);
    }
    let (jobs, threads) = (arguments.jobs, arguments.threads);
    let of_job = move |architecture: &_| match jobs {
        1 => threads_for(architecture, threads),
        jobs => threads_for(architecture, threads).min((processors() / jobs).max(1)),
    };
    if arguments.dry_run {
        return plan::print(&study, jobs, of_job);
    }
    let live = Live::new(&study);
    let ended = Mutex::new(Ended {
        results: Results::new(&table),
        faults: Vec::new(),
    });
    study.run(jobs, of_job, |k, event| {
        live.show(k, &event);
        if let StudyEvent::Ended(outcome) = event {
            let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.add(&study, k, outcome, &live, shard.is_none());
        }
    });
    live.finish();
    end(
        &study,
        ended.into_inner().unwrap_or_else(PoisonError::into_inner),
    )
}

/// What is known of the runs that have ended.
struct Ended<'t> {
    results: Results<'t>,
    /// Runs that have failed, and what failed beside the run itself.
    faults: Vec<(usize, anyhow::Error)>,
}

impl Ended<'_> {
    /// Adds a run, and saves the results if all runs are done here; those of shares are collected.
    fn add(
        &mut self,
        study: &Study,
        k: usize,
        outcome: &Result<Progress, RunError>,
        live: &Live<'_>,
        saves: bool,
    ) {
        let run = &study.runs[k];
        match outcome {
            Ok(progress) => {
                self.results.add(&run.row, progress);
                let saved = match saves {
                    true => self.results.save(&study.folder),
                    false => Ok(()),
                };
                let printed = live.print(|| print_run(run, live.before(k), progress));
                let told = saved
                    .map_err(anyhow::Error::from)
                    .and_then(|()| Ok(printed?));
                self.faults.extend(told.err().map(|error| (k, error)));
            }
            Err(error @ RunError::Locked { .. }) => live.note(&format!("{}: {error}", run.name)),
            Err(error) => self.faults.push((k, anyhow::anyhow!(with_causes(error)))),
        }
    }
}

/// Prints the table, and fails if a run has failed.
fn end(study: &Study, Ended { results, faults }: Ended<'_>) -> anyhow::Result<()> {
    if results.has_runs() {
        write!(io::stdout(), "\n{}", results.table())?;
    }
    let count = faults.len();
    let Some((k, fault)) = faults.into_iter().min_by_key(|(k, _)| *k) else {
        return Ok(());
    };
    let run = &study.runs[k];
    let place = format!("row {}, seed {}", run.row, run.experiment.seed);
    let place = match count {
        1 => place,
        count => format!("{count} runs have failed, the first of them: {place}"),
    };
    Err(fault.context(place))
}

pub(crate) fn collect(arguments: CollectArguments) -> anyhow::Result<()> {
    let (table, study) = arguments.selection.open()?;
    let mut results = Results::new(&table);
    let mut unfinished = Vec::new();
    for run in &study.runs {
        let (name, epochs) = (&run.name, run.experiment.epochs);
        match study.state(run).with_context(|| name.clone())? {
            (RunState::Finished, Some(progress)) => results.add(&run.row, &progress),
            (RunState::Interrupted(done), _) => {
                unfinished.push(format!(
                    "{name}: interrupted after epoch {done} of {epochs}"
                ));
            }
            (RunState::Failed(reason), _) => unfinished.push(format!("{name}: failed: {reason}")),
            _ => unfinished.push(format!("{name}: missing")),
        }
    }
    if study.folder.is_dir() {
        results.save(&study.folder)?;
    }
    let mut out = io::stdout().lock();
    write!(out, "{}", results.table())?;
    if !unfinished.is_empty() {
        writeln!(out, "\nNot finished:\n{}", unfinished.join("\n"))?;
        bail!(
            "{} of {} runs are not finished",
            unfinished.len(),
            study.runs.len()
        );
    }
    Ok(())
}

/// The folder itself, or that of the name in `experiments`.
fn experiment_folder(experiment: &Path) -> PathBuf {
    let named = Path::new("experiments").join(experiment);
    match !experiment.exists() && named.exists() {
        true => named,
        false => experiment.to_owned(),
    }
}

/// How a run ended, and how many epochs it had before.
fn print_run(run: &PlannedRun, before: usize, progress: &Progress) -> io::Result<()> {
    let note = match before {
        0 => String::new(),
        n if n == progress.epochs() => ", finished before".to_owned(),
        n => format!(", resumed after epoch {n}"),
    };
    let Some(last) = progress.metrics.last() else {
        return Ok(());
    };
    let (name, test, train) = (&run.name, last.test_error, last.train_error);
    let time = duration(progress.metrics.iter().map(|m| m.seconds).sum());
    writeln!(
        io::stdout(),
        "{name}: test error {test:.2} %, train error {train:.2} %, {time}{note}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_one_or_a_range_with_both_ends() {
        assert_eq!(seeds("0..4"), Ok(Seeds(0, 4)));
        assert_eq!(seeds("3"), Ok(Seeds(3, 3)));
        assert!(seeds("4..0").unwrap_err().ends_with("write 0..4"));
        for text in ["", "..", "1..", "-1", "a..b", "0..9223372036854775808"] {
            assert!(seeds(text).unwrap_err().contains("is no seed"), "{text}");
        }
    }
}

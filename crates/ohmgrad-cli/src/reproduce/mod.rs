//! `ohmgrad reproduce`: trains the rows of a published table with several seeds, and compares.

mod results;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use ohmgrad::experiment::{Experiment, Row, Table};
use ohmgrad::record::Run;

use crate::train::{place_data, progress_bar, train_epoch};
use crate::{at_least_one, threads_for};
use results::{Results, duration};

/// Train the rows of a published table with several seeds, and compare
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder of the experiment, or its name in the folder `experiments`
    experiment: PathBuf,
    /// First and last seed, or one
    #[arg(long, value_name = "A..B", default_value = "0..4", value_parser = seeds)]
    seeds: Seeds,
    /// Rows, separated by commas [default: all]
    #[arg(long, value_name = "ROWS", value_delimiter = ',')]
    rows: Vec<String>,
    /// Number of epochs [default: those of each row]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    epochs: Option<usize>,
    /// Folder for the runs, results.csv and results.md [default: runs/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Number of threads; results do not depend on it [default: as many as pay for the size of the network]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<usize>,
    /// Folder of four IDX files to learn from [default: the data of each row]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
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

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let folder = experiment_folder(&arguments.experiment);
    let mut table = Table::from_folder(&folder)
        .with_context(|| format!("{} is no folder of an experiment", folder.display()))?;
    if !arguments.rows.is_empty() {
        table.select(&arguments.rows)?;
    }
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => Path::new("runs").join(
            std::path::absolute(&folder)?
                .file_name()
                .unwrap_or_default(),
        ),
    };
    let mut results = Results::new(&table);
    let Seeds(first, last) = arguments.seeds;
    for row in &table.rows {
        for seed in first..=last {
            let run = finish(row, seed, &out, &arguments)
                .with_context(|| format!("row {}, seed {seed}", row.name()))?;
            results.add(row, run.progress());
            results.save(&out)?;
        }
    }
    Ok(write!(io::stdout(), "\n{}", results.table())?)
}

/// The folder itself, or that of the name in `experiments`.
fn experiment_folder(experiment: &Path) -> PathBuf {
    let named = Path::new("experiments").join(experiment);
    match !experiment.exists() && named.exists() {
        true => named,
        false => experiment.to_owned(),
    }
}

/// Starts the run of a row and a seed, or goes on with it, until all epochs are finished.
fn finish(row: &Row, seed: u64, out: &Path, arguments: &Arguments) -> anyhow::Result<Run> {
    let mut experiment = Experiment {
        seed,
        ..row.experiment.clone()
    };
    experiment.epochs = arguments.epochs.unwrap_or(experiment.epochs);
    place_data(&mut experiment, arguments.data.as_deref())?;
    let name = format!("{}-seed{seed}", row.name());
    let threads = threads_for(&experiment.network, arguments.threads);
    let mut run = open(&out.join(&name), experiment, threads)?;
    let before = run.progress().epochs();
    while !run.is_finished() {
        let bar = progress_bar(&run, &format!("{name}, epoch"));
        train_epoch(&mut run, &bar)?;
    }
    print_run(&name, before, &run)?;
    Ok(run)
}

fn open(folder: &Path, experiment: Experiment, threads: usize) -> anyhow::Result<Run> {
    match Run::exists(folder) {
        true => Ok(Run::resume(folder, experiment, threads)?),
        false => Ok(Run::create(folder, experiment, threads)?),
    }
}

/// How a run ended, and how many epochs it had before.
fn print_run(name: &str, before: usize, run: &Run) -> io::Result<()> {
    let progress = run.progress();
    let note = match before {
        0 => String::new(),
        n if n == progress.epochs() => ", finished before".to_owned(),
        n => format!(", resumed after epoch {n}"),
    };
    let Some(last) = progress.metrics.last() else {
        return Ok(());
    };
    let (test, train) = (last.test_error, last.train_error);
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

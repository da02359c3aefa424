//! `ohmgrad train`: trains a network, and leaves everything about it in a folder.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use ohmgrad::experiment::{DataSource, Experiment, Preset};
use ohmgrad::record::{EpochMetrics, Run, RunError, forecast};

use crate::reproduce::duration;
use crate::{at_least_one, data_folder, event_file, in_unused_folder, is_read, size, threads_for};

/// Train a network
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A preset (see `ohmgrad presets`) or a TOML file
    #[arg(value_name = "PRESET|FILE.toml", required_unless_present = "resume")]
    experiment: Option<String>,
    /// Go on with the run in this folder, from its last checkpoint
    #[arg(long, value_name = "DIR", conflicts_with_all = ["experiment", "seed", "batch", "out"])]
    resume: Option<PathBuf>,
    /// Number of epochs, those of a resumed run included
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    epochs: Option<usize>,
    /// Seed of the initial conductances and of the order of the examples
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Number of threads; results do not depend on it [default: as many as pay for the size of the network]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<usize>,
    /// Examples per training step
    #[arg(long, value_name = "B", value_parser = at_least_one)]
    batch: Option<usize>,
    /// Folder of four IDX files to learn from, such as Fashion-MNIST [default: the settings' data; MNIST
    /// is searched for in $OHMGRAD_DATA, or data/mnist here and in the folders above]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder for the results [default: runs/NAME-seedS, with a number appended if it exists]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder for an event file, for TensorBoard, with the names and units of metrics.jsonl
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,
    /// Print how much memory and time the run will need, and stop
    #[arg(long, conflicts_with = "resume")]
    dry_run: bool,
    /// Print the last line only
    #[arg(long)]
    quiet: bool,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.dry_run {
        return print_forecast(arguments);
    }
    let mut quiet = arguments.quiet;
    let folder = arguments.tensorboard.clone();
    let mut run = open(arguments)?;
    let finished = run.progress().metrics.iter();
    let mut events = event_file(folder.as_deref(), finished.map(|m| (m.epoch, m)))?;
    if !quiet {
        quiet = !is_read(print_heading(&run))?;
    }
    while !run.is_finished() {
        let bar = match quiet {
            true => ProgressBar::hidden(),
            false => progress_bar(&run),
        };
        let metrics = train_epoch(&mut run, &bar)?;
        if let Some(events) = &mut events {
            events.write(metrics.epoch, &metrics)?;
        }
        if !quiet {
            quiet = !is_read(print_epoch(&metrics))?;
        }
    }
    print_result(&run)
}

/// What the run that the arguments ask for will need.
fn print_forecast(arguments: Arguments) -> anyhow::Result<()> {
    let asked = arguments.threads;
    let experiment = named(arguments.experiment.as_deref().unwrap_or_default())?;
    let experiment = changed(experiment, arguments)?;
    let threads = threads_for(&experiment.network, asked);
    let needs = forecast(&experiment, threads)?;
    writeln!(
        io::stdout(),
        "{}: {} epochs, about {} and {} MB",
        experiment.name,
        experiment.epochs,
        duration(needs.seconds_per_epoch * experiment.epochs as f64),
        needs.bytes.div_ceil(1_000_000)
    )?;
    Ok(())
}

/// Trains for one epoch, and shows on the bar how far it is.
fn train_epoch(run: &mut Run, bar: &ProgressBar) -> Result<EpochMetrics, RunError> {
    let metrics = run.train_epoch(|step| bar.set_position(step.examples as u64));
    bar.finish_and_clear();
    metrics
}

/// Starts or resumes the run that the arguments ask for.
fn open(arguments: Arguments) -> anyhow::Result<Run> {
    let asked = arguments.threads;
    if let Some(folder) = arguments.resume.clone() {
        let experiment = changed(Run::settings(&folder)?, arguments)?;
        let threads = threads_for(&experiment.network, asked);
        return Ok(Run::resume(&folder, experiment, threads)?);
    }
    let out = arguments.out.clone();
    let experiment = named(arguments.experiment.as_deref().unwrap_or_default())?;
    let experiment = changed(experiment, arguments)?;
    let threads = threads_for(&experiment.network, asked);
    let create = |folder: &Path| Run::create(folder, experiment.clone(), threads);
    Ok(match &out {
        Some(folder) => create(folder)?,
        None => in_unused_folder(&experiment.name, experiment.seed, create)?,
    })
}

/// The settings of a file, if the name is one of a file, or of a preset.
pub(crate) fn named(experiment: &str) -> anyhow::Result<Experiment> {
    let path = Path::new(experiment);
    let is_path = path.extension().is_some_and(|e| e == "toml") || path.components().count() > 1;
    match is_path {
        true => Ok(Experiment::from_file(path)?),
        false => Ok(Preset::named(experiment)?.experiment()?),
    }
}

/// The settings with what the arguments change.
fn changed(mut experiment: Experiment, arguments: Arguments) -> io::Result<Experiment> {
    if let Some(epochs) = arguments.epochs {
        experiment.epochs = epochs;
    }
    if let Some(seed) = arguments.seed {
        experiment.seed = seed;
    }
    if let Some(batch) = arguments.batch {
        experiment.training.batch = batch;
    }
    place_data(&mut experiment, arguments.data.as_deref())?;
    Ok(experiment)
}

/// Takes the data from a folder, if one is given, and makes the path absolute, so that the settings hold
/// in every folder.
pub(crate) fn place_data(experiment: &mut Experiment, folder: Option<&Path>) -> io::Result<()> {
    let own = match &experiment.data.source {
        DataSource::Folder(own) => Some(own.as_path()),
        _ => None,
    };
    if let Some(folder) = folder.or(own) {
        experiment.data.source = data_folder(folder)?;
    }
    Ok(())
}

/// The progress of one epoch on stderr, if that is a terminal.
fn progress_bar(run: &Run) -> ProgressBar {
    let template = "{msg} [{wide_bar}] {pos}/{len} examples, ETA {eta}";
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    let (epoch, epochs) = (
        run.progress().epochs() + 1,
        run.progress().experiment.epochs,
    );
    ProgressBar::new(run.examples() as u64)
        .with_style(style)
        .with_message(format!("epoch {epoch}/{epochs}"))
}

fn print_heading(run: &Run) -> io::Result<()> {
    let experiment = &run.progress().experiment;
    let (name, seed) = (&experiment.name, experiment.seed);
    let size = size(&experiment.network);
    let (threads, folder) = (run.network().threads(), run.folder().display());
    let mut out = io::stdout().lock();
    writeln!(out, "{name}: {size}, seed {seed}, threads {threads}")?;
    writeln!(out, "results: {folder}")?;
    writeln!(
        out,
        "epoch  train error  test error  test cost  seconds  examples/s"
    )?;
    drop(out);
    run.progress().metrics.iter().try_for_each(print_epoch)
}

fn print_epoch(metrics: &EpochMetrics) -> io::Result<()> {
    let EpochMetrics {
        epoch,
        train_error,
        test_error,
        test_cost,
        seconds,
        examples_per_second: rate,
        ..
    } = metrics;
    writeln!(
        io::stdout(),
        "{epoch:>5}  {train_error:>9.2} %  {test_error:>8.2} %  {test_cost:>9.5}  {seconds:>7.2}  {rate:>10.0}"
    )
}

fn print_result(run: &Run) -> anyhow::Result<()> {
    let progress = run.progress();
    if let (Some(last), Some(best)) = (progress.metrics.last(), progress.best()) {
        writeln!(
            io::stdout(),
            "test error {:.2} % after epoch {}, best {:.2} % after epoch {}: {}",
            last.test_error,
            last.epoch,
            best.test_error,
            best.epoch,
            run.best_model().display(),
        )?;
    }
    Ok(())
}

//! `ohmgrad learn`: trains a circuit, and leaves everything about it in a folder.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use ohmgrad::experiment::circuit::CircuitExperiment;
use ohmgrad::record::{CircuitMetrics, CircuitRun};

use crate::{at_least_one, event_file, grouped, in_unused_folder, is_read};

/// How many epochs have a line.
const LINES: usize = 20;
/// How many examples are shown with their outputs.
const SHOWN: usize = 12;

/// Train the resistors and sources of a circuit on a task
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The task, a TOML file beside a netlist
    #[arg(value_name = "TASK.toml", required_unless_present = "resume")]
    task: Option<PathBuf>,
    /// Go on with the run in this folder, from its last checkpoint
    #[arg(long, value_name = "DIR", conflicts_with_all = ["task", "seed", "out"])]
    resume: Option<PathBuf>,
    /// Number of epochs, those of a resumed run included
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    epochs: Option<usize>,
    /// Seed of the initial conductances and of the order of the examples
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Folder for the results [default: runs/NAME-seedS, with a number appended if it exists]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder for an event file, for TensorBoard, with the names and units of metrics.jsonl
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,
    /// Print the last line only
    #[arg(long)]
    quiet: bool,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut quiet = arguments.quiet;
    let folder = arguments.tensorboard.clone();
    let mut run = open(arguments)?;
    let finished = run.metrics().iter();
    let mut events = event_file(folder.as_deref(), finished.map(|m| (m.epoch, m)))?;
    if !quiet {
        quiet = !is_read(print_heading(&run))?;
    }
    let epochs = run.experiment().epochs;
    let bar = progress_bar(&run, quiet);
    while !run.is_finished() {
        let before = run.metrics().len() * run.problem().train.len();
        let trained = run.train_epoch(|done| bar.set_position((before + done) as u64));
        let metrics = trained.inspect_err(|_| bar.finish_and_clear())?;
        if let Some(events) = &mut events {
            events.write(metrics.epoch, &metrics)?;
        }
        if !quiet && is_shown(metrics.epoch, epochs) {
            quiet = !is_read(bar.suspend(|| print_epoch(&metrics)))?;
        }
    }
    bar.finish_and_clear();
    if !quiet {
        print_outputs(&mut run)?;
    }
    print_result(&run)
}

/// Starts or resumes the run that the arguments ask for.
fn open(arguments: Arguments) -> anyhow::Result<CircuitRun> {
    if let Some(folder) = &arguments.resume {
        let experiment = changed(CircuitRun::settings(folder)?, &arguments);
        return Ok(CircuitRun::resume(folder, experiment)?);
    }
    let task = arguments.task.as_deref().unwrap_or(Path::new(""));
    let experiment = changed(CircuitExperiment::from_file(task)?, &arguments);
    let create = |folder: &Path| CircuitRun::create(folder, experiment.clone());
    Ok(match &arguments.out {
        Some(folder) => create(folder)?,
        None => in_unused_folder(&experiment.name, experiment.seed, create)?,
    })
}

/// The settings with what the arguments change.
fn changed(mut experiment: CircuitExperiment, arguments: &Arguments) -> CircuitExperiment {
    experiment.epochs = arguments.epochs.unwrap_or(experiment.epochs);
    experiment.seed = arguments.seed.unwrap_or(experiment.seed);
    experiment
}

/// The progress of the run on stderr, if that is a terminal.
fn progress_bar(run: &CircuitRun, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let template = "[{wide_bar}] {pos}/{len} examples, ETA {eta}";
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    let examples = run.experiment().epochs * run.problem().train.len();
    ProgressBar::new(examples as u64).with_style(style)
}

/// Whether an epoch has a line: the first, the last, and evenly spaced ones between.
fn is_shown(epoch: usize, epochs: usize) -> bool {
    epoch == 1 || epoch == epochs || epoch.is_multiple_of(epochs.div_ceil(LINES))
}

fn print_heading(run: &CircuitRun) -> io::Result<()> {
    let (experiment, problem) = (run.experiment(), run.problem());
    let task = &problem.task;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{}: {} nodes, {} elements, {} trained, {} inputs, {} outputs, {} examples, seed {}",
        experiment.name,
        grouped(problem.circuit.node_names().len()),
        grouped(problem.circuit.elements().len()),
        grouped(task.trained().len()),
        task.inputs().len(),
        task.outputs().len(),
        grouped(problem.train.len()),
        experiment.seed
    )?;
    writeln!(out, "results: {}", run.folder().display())?;
    writeln!(
        out,
        "epoch  train cost  train error        cost     error  worst output"
    )?;
    drop(out);
    let finished = run.metrics().iter();
    let mut shown = finished.filter(|m| is_shown(m.epoch, experiment.epochs));
    shown.try_for_each(print_epoch)
}

fn print_epoch(metrics: &CircuitMetrics) -> io::Result<()> {
    let CircuitMetrics {
        epoch,
        train_cost,
        cost,
        worst,
        ..
    } = metrics;
    let train_error = percent(metrics.train_error);
    let error = percent(metrics.error);
    writeln!(
        io::stdout(),
        "{epoch:>5}  {train_cost:>10.3e}  {train_error:>11}  {cost:>10.3e}  {error:>8}  {worst:>12.3e}"
    )
}

fn percent(error: Option<f64>) -> String {
    error.map_or_else(|| "-".to_owned(), |error| format!("{error:.2} %"))
}

/// The first examples, with the outputs of the trained circuit.
fn print_outputs(run: &mut CircuitRun) -> anyhow::Result<()> {
    let evaluation = run.evaluate()?;
    let (problem, examples) = (run.problem(), &run.problem().train);
    let names = problem.task.outputs().iter();
    let names: Vec<String> = names.map(|o| o.name(&problem.circuit)).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "example  {} (target)", names.join(", "))?;
    for (k, outputs) in evaluation.outputs.iter().take(SHOWN).enumerate() {
        let pairs = outputs.iter().zip(examples.targets(k));
        let pairs: Vec<String> = pairs.map(|(o, y)| format!("{o:.4} ({y})")).collect();
        writeln!(out, "{:>7}  {}", k + 1, pairs.join(", "))?;
    }
    if examples.len() > SHOWN {
        writeln!(out, "    ...  {} more", examples.len() - SHOWN)?;
    }
    Ok(())
}

fn print_result(run: &CircuitRun) -> anyhow::Result<()> {
    if let Some(last) = run.metrics().last() {
        let error = last.error.map(|error| format!("error {error:.2} %, "));
        writeln!(
            io::stdout(),
            "{}cost {:.3e} after epoch {}: {}",
            error.unwrap_or_default(),
            last.cost,
            last.epoch,
            run.trained_netlist().display()
        )?;
    }
    Ok(())
}

//! `ohmgrad gradients`: how near a rule's gradient is to the exact one, for a choice of beta and sweeps.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use ohmgrad::drn::Network;
use ohmgrad::experiment::{Experiment, PRESETS};
use ohmgrad::learn::{GradientReport, GradientRow, compare_gradients};
use ohmgrad::record::{ReadError, Run, WriteError, atomic, checkpoint, model};
use serde::Serialize;

use crate::train::{named, place_data};
use crate::{at_least_one, size, threads_for};

/// Examples, if no number is given.
const EXAMPLES: usize = 64;
/// A cosine below this is marked.
const NEAR: f64 = 0.99;

/// Compare a rule's gradient with the exact one, to choose beta and sweeps before training
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A model or a checkpoint, a run's folder (its best model), or a TOML file or a preset (the network at the start)
    #[arg(value_name = "MODEL|FILE.toml|PRESET")]
    subject: String,
    /// Amplitudes to try, such as 0.01,0.1,1 [default: that of the settings]
    #[arg(
        long,
        value_name = "BETA,...",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    beta: Vec<f32>,
    /// Numbers of sweeps to try, in both phases, such as 4,10,100 [default: those of the settings]
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = at_least_one)]
    sweeps: Vec<usize>,
    /// Training examples to take the mean over, drawn at random; whole batches of them are used [default: 64, or one batch
    /// if that is more]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    examples: Option<usize>,
    /// Folder of four IDX files [default: the settings' data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Seed of the examples drawn and, without a model, of the initial conductances [default: that of the settings]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Number of threads; results do not depend on it [default: as many as pay for the size of the network]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<usize>,
    /// Write the table to a file, too, a line per beta, number of sweeps and parameter
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let (network, mut experiment) = subject(&arguments)?;
    place_data(&mut experiment, arguments.data.as_deref())?;
    let (options, batch) = (&experiment.training, experiment.training.batch);
    let seed = arguments.seed.unwrap_or(experiment.seed);
    let examples = arguments.examples.unwrap_or(EXAMPLES.max(batch));
    let data = experiment.data.load(experiment.seed)?.train;
    let data = data.drawn(examples, seed);
    let (betas, sweeps) = (&arguments.beta, &arguments.sweeps);
    let bar = progress_bar(betas.len().max(1) * sweeps.len().max(1));
    let compared = compare_gradients(&network, options, &data, betas, sweeps, |_| bar.inc(1));
    bar.finish_and_clear();
    let report = compared.with_context(|| format!("{}: no comparison", arguments.subject))?;
    let lines = lines(&experiment, &report)?;
    if let Some(path) = &arguments.csv {
        save(&lines, path)?;
    }
    let mut out = io::stdout().lock();
    let size = size(network.architecture());
    writeln!(out, "{}: {size}", arguments.subject)?;
    writeln!(
        out,
        "{}, batch {batch}, mean over {} training examples drawn with seed {seed}",
        lines[0].rule, report.examples
    )?;
    print_table(&mut out, &lines)?;
    print_notes(&mut out, &lines, &report)
}

/// The network that the gradients are of, and the settings of its training.
fn subject(arguments: &Arguments) -> anyhow::Result<(Network, Experiment)> {
    let (name, path) = (&arguments.subject, Path::new(&arguments.subject));
    let is = |kind: &str| path.extension().is_some_and(|extension| extension == kind);
    if is("toml") || PRESETS.iter().any(|preset| preset.name == name) {
        return initial(arguments);
    }
    if path.is_dir() {
        let model = path.join(Run::BEST_MODEL);
        if !model.exists() {
            bail!(
                "{name} is a folder without a trained model: name a model, a run's folder, a TOML file or a preset"
            );
        }
        return trained(&model, arguments);
    }
    match path.is_file() || is("safetensors") {
        true => trained(path, arguments),
        false => initial(arguments),
    }
}

/// The network at the start of training.
fn initial(arguments: &Arguments) -> anyhow::Result<(Network, Experiment)> {
    let mut experiment = named(&arguments.subject)?;
    experiment.seed = arguments.seed.unwrap_or(experiment.seed);
    experiment.validate()?;
    let threads = threads_for(&experiment.network, arguments.threads);
    Ok((experiment.initial_network(threads)?, experiment))
}

/// A model with the settings of its training: a checkpoint has them, a model of a run stands beside them.
fn trained(path: &Path, arguments: &Arguments) -> anyhow::Result<(Network, Experiment)> {
    let (network, _) = model::load(path, arguments.threads)?;
    let experiment = match checkpoint::progress(path) {
        Ok(progress) => progress.experiment,
        Err(ReadError::Format { .. }) => beside(path)?,
        Err(error) => return Err(error.into()),
    };
    if experiment.network != *network.architecture() {
        bail!(
            "{}: the settings beside it are those of another network ({}); put the config.toml of its run there",
            path.display(),
            size(&experiment.network)
        );
    }
    Ok((network, experiment))
}

/// The settings in the folder of a model.
fn beside(path: &Path) -> anyhow::Result<Experiment> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    Run::settings(folder).with_context(|| {
        format!(
            "{} does not say how it is trained: put the config.toml of its run beside it, or name a checkpoint",
            path.display()
        )
    })
}

/// How many of the gradients are known, on stderr, if that is a terminal; the exact one comes first.
fn progress_bar(rows: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("[{wide_bar}] {pos}/{len} gradients, {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    let bar = ProgressBar::new(rows as u64 + 1).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A line of the CSV file.
#[derive(Serialize)]
struct Line {
    rule: String,
    beta: Option<f32>,
    free_sweeps: usize,
    nudged_sweeps: usize,
    parameter: String,
    cosine: Option<f64>,
    ratio: Option<f64>,
    /// Why a number is missing.
    reason: Option<String>,
}

/// A line for every beta, number of sweeps and parameter.
fn lines(experiment: &Experiment, report: &GradientReport) -> anyhow::Result<Vec<Line>> {
    let rule = serde_json::to_value(experiment.training.rule)?;
    let rule = rule.as_str().unwrap_or_default();
    let of_row = |row: &GradientRow| -> Vec<Line> {
        let line = |parameter: &str, cosine, ratio, reason| Line {
            rule: rule.to_owned(),
            beta: row.beta,
            free_sweeps: row.sweeps[0],
            nudged_sweeps: row.sweeps[1],
            parameter: parameter.to_owned(),
            cosine,
            ratio,
            reason,
        };
        match &row.outcome {
            Ok(agreements) => agreements
                .iter()
                .map(|a| {
                    line(
                        &a.parameter,
                        a.cosine,
                        a.ratio,
                        a.missing().map(str::to_owned),
                    )
                })
                .collect(),
            Err(reason) => {
                let names = experiment.network.parameter_names().into_iter();
                names
                    .map(|name| line(&name, None, None, Some(reason.to_string())))
                    .collect()
            }
        }
    };
    Ok(report.rows.iter().flat_map(of_row).collect())
}

fn save(lines: &[Line], path: &Path) -> Result<(), WriteError> {
    atomic::write(path, |file| {
        let mut table = csv::Writer::from_writer(file);
        lines.iter().try_for_each(|line| table.serialize(line))?;
        table.flush()
    })
}

/// A line per parameter, after those of the same beta and sweeps; where there is no gradient, one line that says why.
fn print_table(out: &mut impl Write, lines: &[Line]) -> io::Result<()> {
    let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.6}"));
    writeln!(
        out,
        "      beta   sweeps  parameter     cosine        ratio"
    )?;
    let same = |a: &Line, b: &Line| {
        (a.beta, a.free_sweeps, a.nudged_sweeps) == (b.beta, b.free_sweeps, b.nudged_sweeps)
    };
    for row in lines.chunk_by(same) {
        let beta = row[0].beta.map_or("-".to_owned(), |beta| beta.to_string());
        let sweeps = match (row[0].free_sweeps, row[0].nudged_sweeps) {
            (free, nudged) if free == nudged => free.to_string(),
            (free, nudged) => format!("{free}/{nudged}"),
        };
        let has_none = row.iter().all(|line| line.ratio.is_none());
        if let (true, Some(reason)) = (has_none, &row[0].reason) {
            writeln!(out, "{beta:>10}  {sweeps:>7}  no gradient: {reason}")?;
            continue;
        }
        for line in row {
            let (cosine, ratio) = (number(line.cosine), number(line.ratio));
            let mark = if is_far(line) { "*" } else { " " };
            let reason = line.reason.as_deref().unwrap_or_default();
            let text = format!(
                "{beta:>10}  {sweeps:>7}  {:<9}  {cosine:>9}{mark}  {ratio:>10}  {reason}",
                line.parameter
            );
            writeln!(out, "{}", text.trim_end())?;
        }
    }
    Ok(())
}

/// Whether a gradient points elsewhere.
fn is_far(line: &Line) -> bool {
    line.cosine.is_some_and(|cosine| cosine < NEAR)
}

fn print_notes(
    out: &mut impl Write,
    lines: &[Line],
    report: &GradientReport,
) -> anyhow::Result<()> {
    writeln!(
        out,
        "cosine, ratio of norms: the rule's gradient to the exact one (adjoint, f64)"
    )?;
    let residual = report.residual;
    match report.is_settled() {
        true => writeln!(
            out,
            "residual {residual:.1e}, relative, of the exact gradient"
        )?,
        false => writeln!(
            out,
            "residual {residual:.1e}, relative, of the exact gradient: it did not settle, and this comparison cannot be trusted"
        )?,
    }
    if lines.iter().any(is_far) {
        writeln!(
            out,
            "* the cosine is below {NEAR}: another direction than the exact gradient's"
        )?;
    }
    Ok(())
}

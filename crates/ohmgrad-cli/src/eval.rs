//! `ohmgrad eval`: measures a model on the test examples.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use ohmgrad::data::{self, Split};
use ohmgrad::learn::{Evaluation, Physics, evaluate_physics};
use ohmgrad::record::model::{self, ModelInfo};
use serde_json::json;

use crate::{at_least_one, size};

/// Measure a model on the test examples
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A model or a checkpoint
    model: PathBuf,
    /// Folder of four IDX files [default: the data that the model was trained on]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Number of threads; results do not depend on it [default: as many as pay for the size of the network]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let path = &arguments.model;
    let (network, info) = model::load(path, arguments.threads)?;
    let examples = load_data(arguments.data, &info)?.test;
    let cost = info.training.as_ref().map(|origin| origin.cost);
    let cost = cost.unwrap_or_default();
    let evaluation = evaluate_physics(&network, &examples, &info.inference, cost)
        .with_context(|| format!("{} cannot be measured", path.display()))?;
    let physics = evaluation.physics.unwrap_or_default();
    if arguments.json {
        return print_json(&evaluation, &physics);
    }
    let mut out = io::stdout().lock();
    writeln!(out, "model       {}", path.display())?;
    writeln!(out, "network     {}", size(network.architecture()))?;
    print_measures(&mut out, &evaluation, &physics)?;
    print_confusion(&mut out, &evaluation)?;
    Ok(())
}

/// The data given, or else those that the model was trained on, as they drive it.
pub(crate) fn load_data(folder: Option<PathBuf>, info: &ModelInfo) -> anyhow::Result<Split> {
    let split = match (folder, &info.training) {
        (Some(folder), _) => data::idx_folder(&folder)?,
        (None, Some(origin)) => origin.data.load(origin.seed)?,
        (None, None) => {
            anyhow::bail!("the model does not say what it was trained on: give --data DIR")
        }
    };
    Ok(info.preprocessing.apply_to_both(split)?)
}

fn print_json(evaluation: &Evaluation, physics: &Physics) -> anyhow::Result<()> {
    let object = json!({
        "examples": evaluation.examples,
        "errors": evaluation.errors,
        "test_error": evaluation.error_percent(),
        "test_cost": evaluation.cost,
        "mean_power_watt": physics.mean_power,
        "mean_residual": physics.mean_residual,
        "max_residual": physics.max_residual,
        "max_sweeps": physics.max_sweeps,
        "confusion": evaluation.confusion,
    });
    Ok(writeln!(io::stdout(), "{object}")?)
}

fn print_measures(
    out: &mut impl Write,
    evaluation: &Evaluation,
    physics: &Physics,
) -> io::Result<()> {
    let (errors, examples) = (evaluation.errors, evaluation.examples);
    let error = evaluation.error_percent();
    writeln!(
        out,
        "test error  {error:.2} % ({errors} of {examples} examples)"
    )?;
    writeln!(out, "test cost   {:.5}", evaluation.cost)?;
    if let Some(power) = physics.mean_power {
        writeln!(out, "power       {power:.4e} W, mean over the examples")?;
    }
    let (mean, max, sweeps) = (
        physics.mean_residual,
        physics.max_residual,
        physics.max_sweeps,
    );
    writeln!(
        out,
        "residual    {mean:.2e} mean, {max:.2e} largest, relative, after {sweeps} sweeps"
    )
}

fn print_confusion(out: &mut impl Write, evaluation: &Evaluation) -> io::Result<()> {
    writeln!(out, "confusion   rows: label, columns: prediction")?;
    let width = evaluation.examples.to_string().len() + 2;
    write!(out, "    ")?;
    (0..evaluation.confusion.len()).try_for_each(|k| write!(out, "{k:>width$}"))?;
    writeln!(out)?;
    for (label, row) in evaluation.confusion.iter().enumerate() {
        write!(out, "{label:>4}")?;
        row.iter()
            .try_for_each(|count| write!(out, "{count:>width$}"))?;
        writeln!(out)?;
    }
    Ok(())
}

//! `ohmgrad export`: a trained network as a netlist.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use ohmgrad::circuit::netlist;
use ohmgrad::data::Dataset;
use ohmgrad::record::{atomic, model};

use crate::eval::load_data;

/// Write a trained network, driven by an example, as a SPICE netlist
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A model or a checkpoint
    model: PathBuf,
    /// Which of the test examples drives the network, from 0 [default: 0]
    #[arg(long, value_name = "K", conflicts_with = "input")]
    example: Option<usize>,
    /// CSV file of the features that drive the network instead, as many as it has: in volt over the input gain, after
    /// any preprocessing
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    input: Option<PathBuf>,
    /// The form of the netlist
    #[arg(long, value_enum, default_value_t = Format::Spice)]
    format: Format,
    /// Folder of four IDX files [default: the data that the model was trained on]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// File for the netlist [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A netlist that ngspice runs
    Spice,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let path = &arguments.model;
    let (network, info) = model::load(path, 1)?;
    let (input, origin) = match arguments.input {
        Some(file) => (read_features(&file)?, file.display().to_string()),
        None => {
            let examples = load_data(arguments.data, &info)?.test;
            test_example(&examples, arguments.example.unwrap_or(0))?
        }
    };
    let circuit = network
        .to_circuit(&input)
        .with_context(|| format!("{} and {origin} do not fit", path.display()))?;
    let title = format!("{}, {origin}", path.display());
    let text = match arguments.format {
        Format::Spice => netlist::write(&circuit, &title),
    };
    match arguments.out {
        Some(out) => Ok(atomic::write(&out, |file| file.write_all(text.as_bytes()))?),
        None => Ok(io::stdout().write_all(text.as_bytes())?),
    }
}

/// The features of a test example, and what it is.
fn test_example(examples: &Dataset, example: usize) -> anyhow::Result<(Vec<f64>, String)> {
    if example >= examples.len() {
        let last = examples.len() - 1;
        bail!("there is no test example {example}: the last one is number {last}");
    }
    let label = examples
        .label(example)
        .map_or_else(String::new, |label| format!(" (label {label})"));
    let origin = format!("test example {example}{label}");
    Ok((examples.input(example), origin))
}

/// All numbers of a CSV file, row after row.
fn read_features(path: &Path) -> anyhow::Result<Vec<f64>> {
    let read = || format!("{} cannot be read", path.display());
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_path(path)
        .with_context(read)?;
    let mut features = Vec::new();
    for record in reader.records() {
        let record = record.with_context(read)?;
        let line = record.position().map_or(0, |start| start.line());
        for cell in &record {
            let number = cell.parse::<f64>().ok().filter(|number| number.is_finite());
            let place = || format!("{}:{line}: `{cell}` is not a finite number", path.display());
            features.push(number.with_context(place)?);
        }
    }
    Ok(features)
}

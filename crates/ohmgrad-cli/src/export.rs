//! `ohmgrad export`: a trained network as a netlist.

use std::io::{self, Write};
use std::path::PathBuf;

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
    /// Which of the test examples drives the network, from 0
    #[arg(long, value_name = "K", default_value_t = 0)]
    example: usize,
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
    let examples = load_data(arguments.data, &info)?.test;
    let example = arguments.example;
    let input = input(&examples, example)?;
    let circuit = network
        .to_circuit(&input)
        .with_context(|| format!("{} and its examples do not fit", path.display()))?;
    let label = examples
        .label(example)
        .map_or_else(String::new, |label| format!(" (label {label})"));
    let title = format!("{}, test example {example}{label}", path.display());
    let text = match arguments.format {
        Format::Spice => netlist::write(&circuit, &title),
    };
    match arguments.out {
        Some(out) => Ok(atomic::write(&out, |file| file.write_all(text.as_bytes()))?),
        None => Ok(io::stdout().write_all(text.as_bytes())?),
    }
}

/// The features of an example, from 0 to 1.
fn input(examples: &Dataset, example: usize) -> anyhow::Result<Vec<f64>> {
    if example >= examples.len() {
        let last = examples.len() - 1;
        bail!("there is no test example {example}: the last one is number {last}");
    }
    Ok(examples.input(example))
}

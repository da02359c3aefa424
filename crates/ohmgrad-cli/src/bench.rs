//! `ohmgrad bench`: the speed of training beside the speed of memory.

use std::io::{self, Write};
use std::path::PathBuf;

use ohmgrad::experiment::Preset;
use ohmgrad::learn::{Benchmark, Trainer, benchmark};

use crate::{at_least_one, data_folder, grouped, size, threads_for};

/// Measure the speed of training, and how far it is from the speed of memory
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A preset (see `ohmgrad presets`)
    preset: String,
    /// Number of threads [default: as many as pay for the size of the network]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<usize>,
    /// Folder of four IDX files [default: the preset's data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object, times in seconds
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut experiment = Preset::named(&arguments.preset)?.experiment()?;
    if let Some(folder) = arguments.data {
        experiment.data.source = data_folder(folder)?;
    }
    let data = experiment.data.load(experiment.seed)?.train;
    let threads = threads_for(&experiment.network, arguments.threads);
    let network = experiment.initial_network(threads)?;
    let size = size(network.architecture());
    let mut trainer = Trainer::new(network, experiment.training, experiment.seed)?;
    let benchmark = benchmark(&mut trainer, &data)?;
    if arguments.json {
        return Ok(writeln!(
            io::stdout(),
            "{}",
            serde_json::to_string(&benchmark)?
        )?);
    }
    Ok(print(&experiment.name, &size, &benchmark)?)
}

fn print(name: &str, size: &str, b: &Benchmark) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let megabytes = 4e-6 * b.conductances as f64;
    writeln!(out, "{name}: {size}, batch {}", b.batch)?;
    writeln!(out, "threads      {} ({})", b.threads, b.simd)?;
    let bandwidth = b.bandwidth / 1e9;
    writeln!(
        out,
        "bandwidth    {bandwidth:.1} GB/s, read-modify-write in place of {megabytes:.1} MB"
    )?;
    let us = |seconds: f64| format!("{:>10.1} us", 1e6 * seconds);
    writeln!(
        out,
        "memory   {}  (floor: 8 bytes per weight and register / bandwidth)",
        us(b.floor)
    )?;
    writeln!(
        out,
        "compute  {}  (floor: multiply-adds of what is not at 0 V / {:.0} thousand million a second)",
        us(b.arithmetic_floor),
        1e-9 * b.multiply_adds_per_second
    )?;
    writeln!(
        out,
        "step     {}  (median of {})",
        us(b.step),
        grouped(b.steps)
    )?;
    let parts = [
        ("fused pass over the input matrix", b.breakdown.fused_pass),
        ("free phase", b.breakdown.free_phase),
        ("nudged phases", b.breakdown.nudged_phases),
        ("update of the other matrices", b.breakdown.inner_update),
        ("listing the inputs", b.breakdown.encode),
    ];
    for (part, seconds) in parts {
        writeln!(out, "         {}  {part}", us(seconds))?;
    }
    writeln!(out, "step/memory  {:.2}", b.step_over_floor)?;
    writeln!(out, "step/larger  {:.2}", b.step_over_larger_floor)?;
    writeln!(out, "examples/s   {:.0}", b.examples_per_second)?;
    writeln!(out, "s/epoch      {:.2}", b.seconds_per_epoch)
}

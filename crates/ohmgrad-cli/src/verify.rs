//! `ohmgrad verify`: whether a run is what its receipts say, and comes out again.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::bail;
use ohmgrad::record::{Run, verify};

use crate::{at_least_one, threads_for};

/// Check a run: its settings and data against its receipts, its files, and its first epochs by training them again
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder of the run
    run: PathBuf,
    /// Train the first epochs again: their errors and costs must be bit-identical
    #[arg(long, value_name = "EPOCHS", default_value = "0")]
    replay: usize,
    /// Number of threads; results do not depend on it [default: as many as pay for the size of the network]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<usize>,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let experiment = Run::settings(&arguments.run)?;
    let threads = threads_for(&experiment.network, arguments.threads);
    let checks = verify(&arguments.run, arguments.replay, threads)?;
    let mut out = io::stdout().lock();
    for check in &checks {
        match &check.fault {
            None => writeln!(out, "ok      {}", check.what)?,
            Some(fault) => writeln!(out, "FAILED  {}: {fault}", check.what)?,
        }
    }
    match checks.iter().filter(|check| check.fault.is_some()).count() {
        0 => Ok(()),
        faults => bail!(
            "{faults} of {} checks of {} failed",
            checks.len(),
            arguments.run.display()
        ),
    }
}

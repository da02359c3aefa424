//! `ohmgrad presets`: the experiments that come with the library.

use std::io::{self, Write};

use ohmgrad::experiment::{PRESETS, Preset};

use crate::{grouped, layers};

/// List the presets, or print one as a commented TOML file to edit
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The preset to print
    preset: Option<String>,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.preset {
        Some(name) => Ok(io::stdout().write_all(Preset::named(&name)?.toml.as_bytes())?),
        None => list(),
    }
}

fn list() -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let mut line = |[name, layers, weights, sweeps, epochs, error]: [&str; 6]| {
        writeln!(
            out,
            "{name:<13}{layers:<24}{weights:>12}{sweeps:>8}{epochs:>8}  {error}"
        )
    };
    let header = [
        "preset",
        "layers",
        "weights",
        "sweeps",
        "epochs",
        "published test error",
    ];
    line(header)?;
    for preset in PRESETS {
        let experiment = preset.experiment()?;
        let error = preset.published_test_error;
        line([
            preset.name,
            &layers(&experiment.network),
            &grouped(experiment.network.conductances()),
            &experiment.training.free_phase.sweeps.to_string(),
            &experiment.epochs.to_string(),
            &error.map_or("-".to_owned(), |percent| format!("{percent:.2} %")),
        ])?;
    }
    Ok(())
}

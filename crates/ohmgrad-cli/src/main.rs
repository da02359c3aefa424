//! The `ohmgrad` command: arguments to settings, a call of the library, and its results as text.

mod bench;
mod eval;
mod export;
mod gradients;
mod learn;
mod plot;
mod presets;
mod reproduce;
mod solve;
mod train;
mod verify;

use std::io::{self, ErrorKind, Write};
use std::num::NonZeroUsize;
use std::path::{self, Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use clap::{Parser, Subcommand};
use ohmgrad::drn::{Architecture, Energy, default_threads};
use ohmgrad::experiment::DataSource;
use ohmgrad::record::{EventFile, RunError, WriteError, set_commit};
use serde::Serialize;

/// Simulate and train nonlinear resistive networks.
#[derive(Parser)]
#[command(name = "ohmgrad", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Train(train::Arguments),
    Eval(eval::Arguments),
    Presets(presets::Arguments),
    Bench(bench::Arguments),
    Solve(solve::Arguments),
    Learn(learn::Arguments),
    Export(export::Arguments),
    Gradients(gradients::Arguments),
    Plot(plot::Arguments),
    Reproduce(reproduce::Arguments),
    Collect(reproduce::CollectArguments),
    Verify(verify::Arguments),
}

/// Exit code of every error: bad usage, bad input, or a run that cannot go on.
const FAILURE: u8 = 2;

fn main() -> ExitCode {
    if let Some(commit) = option_env!("OHMGRAD_COMMIT") {
        set_commit(commit);
    }
    let outcome = match Cli::parse().command {
        Command::Train(arguments) => train::run(arguments),
        Command::Eval(arguments) => eval::run(arguments),
        Command::Presets(arguments) => presets::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Solve(arguments) => solve::run(arguments),
        Command::Learn(arguments) => learn::run(arguments),
        Command::Export(arguments) => export::run(arguments),
        Command::Gradients(arguments) => gradients::run(arguments),
        Command::Plot(arguments) => plot::run(arguments),
        Command::Reproduce(arguments) => reproduce::run(arguments),
        Command::Collect(arguments) => reproduce::collect(arguments),
        Command::Verify(arguments) => verify::run(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // A full file system behind a named file is told with its name.
            let is_output = error.chain().len() == 1
                && error.downcast_ref::<io::Error>().map(io::Error::kind)
                    == Some(ErrorKind::StorageFull);
            let place = if is_output { "standard output: " } else { "" };
            // If nobody reads stderr, the exit code has to do.
            let text = readable(&format!("{place}{error:#}"));
            let _ = writeln!(io::stderr(), "error: {text}");
            ExitCode::from(FAILURE)
        }
    }
}

/// Whether the reader of stdout, such as `head`, has seen enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let causes = error.chain().filter_map(|e| e.downcast_ref::<io::Error>());
    causes
        .map(io::Error::kind)
        .any(|kind| kind == ErrorKind::BrokenPipe)
}

/// Whether somebody still reads stdout, to which something was printed. The files of a training are its product: it goes on
/// without a reader.
fn is_read(printed: io::Result<()>) -> io::Result<bool> {
    match printed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

/// A text from a file or an argument, fit for a terminal: not endless, and without control characters.
fn readable(text: &str) -> String {
    const LONGEST: usize = 4_000;
    let shown = text.chars().take(LONGEST).map(|c| match c {
        '\n' | '\t' => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    });
    let shown: String = shown.collect();
    match text.chars().nth(LONGEST) {
        Some(_) => format!("{shown} ..."),
        None => shown,
    }
}

/// Parses a number that must be at least 1.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}

/// The number of processors.
fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// The number of threads asked for, but no more than processors: threads that share one wait for each other. By default
/// those that pay.
fn threads_for(architecture: &Architecture, asked: Option<usize>) -> usize {
    let all = processors();
    match asked {
        None => default_threads(architecture),
        Some(threads) if threads > all => {
            // A note only: if nobody reads it, nothing is lost.
            let _ = writeln!(
                io::stderr(),
                "note: {all} threads, one per processor, not {threads}"
            );
            all
        }
        Some(threads) => threads,
    }
}

/// A data folder, by its absolute path, so that settings that name it hold in every folder.
fn data_folder(folder: impl AsRef<Path>) -> io::Result<DataSource> {
    path::absolute(folder).map(DataSource::Folder)
}

/// The event file in a folder, if one is asked for, with what the finished epochs showed.
fn event_file<'a>(
    folder: Option<&Path>,
    finished: impl Iterator<Item = (usize, &'a (impl Serialize + 'a))>,
) -> Result<Option<EventFile>, WriteError> {
    let Some(folder) = folder else {
        return Ok(None);
    };
    let mut events = EventFile::create(folder)?;
    for (epoch, metrics) in finished {
        events.write(epoch, metrics)?;
    }
    Ok(Some(events))
}

/// Creates a run in a folder of its own, by default: [`unused_folder`], or the next one if another process takes it first.
fn in_unused_folder<R>(
    name: &str,
    seed: u64,
    create: impl Fn(&Path) -> Result<R, RunError>,
) -> Result<R, RunError> {
    loop {
        let folder = unused_folder(name, seed);
        match create(&folder) {
            Err(RunError::Taken { .. } | RunError::Locked { .. }) if folder.exists() => (),
            created => return created,
        }
    }
}

/// `runs/NAME-seedS`, or the first of `runs/NAME-seedS-2`, `-3`, ... that does not exist.
fn unused_folder(name: &str, seed: u64) -> PathBuf {
    let first = format!("runs/{name}-seed{seed}");
    let mut folder = PathBuf::from(&first);
    let mut number = 2;
    while folder.exists() {
        folder = PathBuf::from(format!("{first}-{number}"));
        number += 1;
    }
    folder
}

/// What the weights are: conductances, except in a Hopfield network.
fn weights_noun(architecture: &Architecture) -> &'static str {
    match architecture.energy {
        Energy::CoContent => "conductances",
        _ => "weights",
    }
}

/// Layer sizes from input to output and the number of weights, such as `1568-100-10, 157,800 conductances`.
fn size(architecture: &Architecture) -> String {
    let count = grouped(architecture.conductances());
    let (layers, noun) = (layers(architecture), weights_noun(architecture));
    format!("{layers}, {count} {noun}")
}

/// Layer sizes from input to output, such as `1568-100-10`.
fn layers(architecture: &Architecture) -> String {
    let sizes = [architecture.input_nodes()]
        .into_iter()
        .chain(architecture.hidden.iter().copied())
        .chain([architecture.outputs]);
    sizes
        .map(|size| size.to_string())
        .collect::<Vec<_>>()
        .join("-")
}

/// A whole number with its thousands separated.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn texts_for_the_terminal_are_short_and_plain() {
        assert_eq!(readable("a\x1b[2Jb\n"), "a\\u{1b}[2Jb\n");
        assert!(readable(&"x".repeat(1 << 20)).len() < 5_000);
    }

    #[test]
    fn thousands_are_separated() {
        let all = [0, 999, 1000, 51_707_904].map(grouped);
        assert_eq!(all, ["0", "999", "1,000", "51,707,904"]);
    }
}

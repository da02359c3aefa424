//! `ohmgrad solve`: operating points of netlists.

mod report;
mod table;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use ohmgrad::circuit::netlist::{self, Caution, Netlist, ReadOptions};
use ohmgrad::solve::{Method, Solution, SolveOptions, Solver, Status, Step, Transfer};

/// Find the operating point of a SPICE netlist, with its certificate
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The netlist
    netlist: PathBuf,
    /// How to solve
    #[arg(long, value_enum, default_value_t = By::Auto)]
    method: By,
    /// What every measure of the certificate must be below, and every error bar relative to the largest voltage
    #[arg(long, value_name = "TOL", default_value_t = 1e-9, value_parser = tolerance)]
    tol: f64,
    /// For tables of thousands of rows: no error bars, as the column `accuracy` says then; rows are solved by their
    /// certificates alone
    #[arg(long)]
    no_error_bars: bool,
    /// Show the iterations on stderr
    #[arg(long, conflicts_with_all = ["sweep", "inputs", "dc"])]
    trace: bool,
    /// Print one JSON object
    #[arg(long, conflicts_with_all = ["sweep", "inputs"])]
    json: bool,
    /// The first line is a statement, not the title
    #[arg(long)]
    no_title: bool,
    /// Say what was read
    #[arg(long)]
    verbose: bool,
    /// Solve along a source, and write a table: its name, first and last value (as in netlists, such as -1m), and number of values
    #[arg(long, num_args = 4, value_names = ["SOURCE", "START", "STOP", "STEPS"], allow_hyphen_values = true)]
    sweep: Option<Vec<String>>,
    /// Solve along the source of the netlist's `.dc` statement, and write a table
    #[arg(long, conflicts_with_all = ["sweep", "inputs", "json"])]
    dc: bool,
    /// Solve for each row of a table (CSV) whose columns are named by sources, and write a table
    #[arg(long, value_name = "CSV", conflicts_with = "sweep")]
    inputs: Option<PathBuf>,
    /// File for the table [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// No progress bar
    #[arg(long)]
    quiet: bool,
}

/// The methods of the library.
#[derive(Clone, Copy, ValueEnum)]
enum By {
    /// Coordinate descent where it is likely to be fast, else direct
    Auto,
    /// Exact coordinate descent; direct if it does not converge
    Coordinate,
    /// Newton steps, each a sparse factorization
    Direct,
}

impl From<By> for Method {
    fn from(by: By) -> Method {
        match by {
            By::Auto => Method::Auto,
            By::Coordinate => Method::Coordinate,
            By::Direct => Method::Direct,
        }
    }
}

/// Parses a tolerance.
fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(tolerance) if tolerance > 0.0 && tolerance < 1.0 => Ok(tolerance),
        Ok(tolerance) => Err(format!("{tolerance} is not between 0 and 1")),
        Err(error) => Err(format!("{error}")),
    }
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    // The reader's errors are whole paragraphs with the text underlined.
    let options = ReadOptions::default().with_title(!arguments.no_title);
    let netlist = netlist::read_with(&arguments.netlist, &options);
    let netlist = netlist.map_err(|e| anyhow::anyhow!("{e}"))?;
    let circuit = &netlist.circuit;
    if arguments.verbose {
        report::print_summary(&netlist);
    }
    let options = SolveOptions::default()
        .with_tolerance(arguments.tol)
        .with_method(arguments.method.into());
    let table = match (&arguments.sweep, &arguments.inputs) {
        (Some(sweep), _) => Some(table::Inputs::sweep(circuit, sweep)?),
        (_, Some(path)) => Some(table::Inputs::read(circuit, path)?),
        _ if arguments.dc => Some(table::Inputs::dc(&netlist)?),
        _ => None,
    };
    if let Some(inputs) = table {
        report::print_warnings(&netlist);
        let options = options.with_error_bars(!arguments.no_error_bars);
        let mut solver = inputs.solver(circuit, options)?;
        let out = arguments.out.as_deref();
        return table::run(&mut solver, circuit, &inputs, out, arguments.quiet);
    }
    if arguments.out.is_some() {
        bail!("--out is for tables: give --sweep or --inputs as well, or use a pipe");
    }
    if arguments.no_error_bars {
        bail!("--no-error-bars is for tables: a single solve always has error bars");
    }
    let solution = solve(&netlist, &arguments, options)?;
    // What the operating point is, is told even if there is no transfer function.
    let (transfer, no_transfer) = match transfer(&netlist, &solution) {
        Ok(transfer) => (transfer, None),
        Err(error) => (None, Some(error)),
    };
    match arguments.json {
        true => report::print_json(&netlist, &solution, transfer)?,
        false => report::print(&netlist, &solution, transfer)?,
    }
    if solution.status != Status::Solved {
        let (status, tolerance) = (solution.status.name(), arguments.tol);
        let worst = solution.certificate.worst();
        let Some(bar) = solution.accuracy.iter().copied().reduce(f64::max) else {
            bail!("not solved ({status}): no state was found that obeys all laws");
        };
        bail!(
            "not solved ({status}): the certificate's worst measure is {worst:.1e}, the largest error bar {bar:.1e} V, for \
             a tolerance of {tolerance:.1e}"
        );
    }
    no_transfer.map_or(Ok(()), Err)
}

/// The operating point of a circuit. A line on stderr, if that is a terminal, tells how long it takes.
fn solve(
    netlist: &Netlist,
    arguments: &Arguments,
    options: SolveOptions,
) -> anyhow::Result<Solution> {
    let circuit = &netlist.circuit;
    let what = || no_operating_point(netlist, &arguments.netlist);
    let spinner = spinner(circuit.elements().len(), arguments.quiet || arguments.trace);
    let mut solver = Solver::new(circuit, options).with_context(what)?;
    if arguments.trace {
        solver.set_trace(Some(Box::new(print_step)));
    }
    let solution = solver.solve(circuit).with_context(what)?;
    spinner.finish_and_clear();
    Ok(solution)
}

/// Prints a step to stderr; if nobody reads it, the solve goes on.
fn print_step(step: &Step) {
    let (attempt, phase, number) = (step.attempt, step.phase.name(), step.number);
    let switched = match step.switched {
        0 => String::new(),
        1 => ", 1 diode switched".to_owned(),
        count => format!(", {count} diodes switched"),
    };
    let missed = step.missed;
    let _ = writeln!(
        io::stderr(),
        "attempt {attempt}, {phase} {number}: laws missed by {missed:.1e}{switched}"
    );
}

/// What the netlist's `.tf` asks for.
fn transfer(netlist: &Netlist, solution: &Solution) -> anyhow::Result<Option<Transfer>> {
    let Some(request) = &netlist.transfer else {
        return Ok(None);
    };
    let circuit = &netlist.circuit;
    let of_request = || -> anyhow::Result<Transfer> {
        let output = circuit.find_quantity(&request.output)?;
        let source = circuit.find_element(&request.source)?;
        Ok(solution.transfer(circuit, output, source)?)
    };
    let what = || format!(".tf {} {}", request.output, request.source);
    of_request().with_context(what).map(Some)
}

/// What is said of a circuit without an operating point: a title that was meant as an element may be why.
fn no_operating_point(netlist: &Netlist, path: &Path) -> String {
    let cautions = netlist.warnings.iter().map(|warning| &warning.caution);
    let is_title = |caution: &&Caution| matches!(caution, Caution::TitleIsStatement { .. });
    let title = cautions.into_iter().find(is_title);
    let title = title.map_or(String::new(), |caution| format!(" ({caution})"));
    format!("{} has no operating point{title}", path.display())
}

fn spinner(elements: usize, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} solving {msg} elements, {elapsed}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    let spinner = ProgressBar::new_spinner().with_style(style);
    spinner.set_message(elements.to_string());
    spinner.enable_steady_tick(Duration::from_millis(200));
    spinner
}

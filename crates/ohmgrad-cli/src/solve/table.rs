//! Tables of solves: along a source, or one for each row of a table of inputs.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use ohmgrad::circuit::netlist::{Netlist, parse_number};
use ohmgrad::circuit::{Circuit, ElementId};
use ohmgrad::device::Law;
use ohmgrad::record::atomic;
use ohmgrad::solve::{RowError, Solution, SolveOptions, Solver, Status};

/// Values for some sources of a circuit, row after row.
pub(super) struct Inputs {
    sources: Vec<ElementId>,
    values: Vec<f64>,
    origin: Origin,
}

/// The greatest number of values of a sweep's table: 1.6 GB of memory.
const LARGEST: usize = 200_000_000;

/// Where the rows come from.
enum Origin {
    Sweep,
    /// A file, and the line of each row.
    File(String, Vec<u64>),
}

impl Inputs {
    /// The values of `--sweep SOURCE START STOP STEPS`.
    pub(super) fn sweep(circuit: &Circuit, words: &[String]) -> anyhow::Result<Inputs> {
        let [name, start, stop, steps] = words else {
            bail!("--sweep takes a source, its first and last value and their number");
        };
        let number = |what: &str, text: &str| match parse_number(text) {
            Some(x) => Ok(x),
            None => bail!("--sweep: the {what} value `{text}` is not a finite number"),
        };
        let (start, stop) = (number("first", start)?, number("last", stop)?);
        let count = match steps.parse() {
            Ok(count) if count >= 2 => count,
            _ => bail!("--sweep: the number of values `{steps}` is not a whole number from 2 on"),
        };
        let columns = circuit.node_names().len() + shown(circuit).count();
        let most = LARGEST / columns;
        if count > most {
            bail!(
                "--sweep: {count} values make too large a table: at most {most} for this circuit; sweep in parts"
            );
        }
        let share = |k: usize| k as f64 / (count - 1) as f64;
        let value = |k| start * (1.0 - share(k)) + stop * share(k);
        Ok(Inputs {
            sources: vec![source(circuit, name).context("--sweep")?],
            values: (0..count).map(value).collect(),
            origin: Origin::Sweep,
        })
    }

    /// The values of the netlist's `.dc`.
    pub(super) fn dc(netlist: &Netlist) -> anyhow::Result<Inputs> {
        let sweep = netlist.sweep.as_ref();
        let sweep = sweep.context("--dc: the netlist has no `.dc SOURCE START STOP STEP`")?;
        Ok(Inputs {
            sources: vec![source(&netlist.circuit, &sweep.source).context("--dc")?],
            values: sweep.values().collect(),
            origin: Origin::Sweep,
        })
    }

    /// Reads a table whose header names sources.
    pub(super) fn read(circuit: &Circuit, path: &Path) -> anyhow::Result<Inputs> {
        let place = || path.display().to_string();
        let text = std::fs::read(path).with_context(|| format!("{} cannot be read", place()))?;
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(text.as_slice());
        let header = reader.headers().with_context(place)?.clone();
        let sources = header.iter().map(|name| source(circuit, name));
        let sources = sources
            .collect::<anyhow::Result<Vec<_>>>()
            .with_context(|| format!("{}:1", place()))?;
        let (mut values, mut lines) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let record = record.with_context(place)?;
            let line = record.position().map_or(0, |start| line(&text, start));
            lines.push(line);
            for (column, text) in record.iter().enumerate() {
                match parse_number(text) {
                    Some(value) => values.push(value),
                    None => bail!(
                        "{}:{line}, column {} ({}): `{text}` is not a finite number",
                        place(),
                        column + 1,
                        &header[column],
                    ),
                }
            }
        }
        if values.is_empty() {
            bail!(
                "{} has no rows: give a line of source names, then a line of values per solve",
                place()
            );
        }
        Ok(Inputs {
            sources,
            values,
            origin: Origin::File(place(), lines),
        })
    }

    fn rows(&self) -> usize {
        self.values.len() / self.sources.len()
    }

    /// Where a row stands, for people.
    fn place(&self, row: usize) -> String {
        match &self.origin {
            Origin::Sweep => format!("value {} of the sweep, {:?}", row + 1, self.values[row]),
            Origin::File(file, lines) => format!("{file}:{}", lines[row]),
        }
    }

    /// A solver for the circuit at the first row that has an operating point.
    pub(super) fn solver(
        &self,
        circuit: &Circuit,
        options: SolveOptions,
    ) -> anyhow::Result<Solver> {
        let solver = Solver::for_rows(circuit, &self.sources, &self.values, options);
        match solver {
            Err(RowError::Presolve { row, source }) => {
                let place = self.place(row);
                Err(source).with_context(|| format!("no row has an operating point; {place}"))
            }
            solver => Ok(solver?),
        }
    }
}

/// The line of a record, whose position comes before the blank lines in front of it.
fn line(text: &[u8], start: &csv::Position) -> u64 {
    let before = text.iter().skip(start.byte() as usize);
    let blank = before.take_while(|byte| byte.is_ascii_whitespace());
    start.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

/// The source of a name, in any case.
fn source(circuit: &Circuit, name: &str) -> anyhow::Result<ElementId> {
    let named = circuit.find_element(name).ok();
    let is_source = |id: &ElementId| {
        matches!(
            circuit[*id].law(),
            Law::VoltageSource { .. } | Law::CurrentSource { .. }
        )
    };
    named.filter(is_source).with_context(|| {
        let mut sources = circuit
            .element_ids()
            .filter(is_source)
            .map(|id| circuit.element_names()[id.index()].as_str());
        let some: Vec<_> = sources.by_ref().take(10).collect();
        let more = if sources.next().is_some() {
            ", ..."
        } else {
            ""
        };
        format!(
            "`{name}` is no source of the circuit: its sources are {}{more}",
            some.join(", ")
        )
    })
}

/// Solves for all rows, and writes a table of them.
pub(super) fn run(
    solver: &mut Solver,
    circuit: &Circuit,
    inputs: &Inputs,
    out: Option<&Path>,
    quiet: bool,
) -> anyhow::Result<()> {
    let progress = progress_bar(inputs.rows(), quiet);
    let solved = solver.solve_rows(circuit, &inputs.sources, &inputs.values, |_, solved| {
        progress.inc(1);
        Row::of(circuit, solved)
    });
    progress.finish_and_clear();
    let rows = solved?;
    let write = |out: &mut dyn Write| write_table(out, circuit, inputs, &rows);
    match out {
        Some(path) => atomic::write(path, |file| write(file))?,
        None => write(&mut io::stdout().lock())?,
    }
    report_failures(inputs, &rows)
}

/// Fails if a row has no solution, and names the first such row.
fn report_failures(inputs: &Inputs, rows: &[Row]) -> anyhow::Result<()> {
    let mut failed = rows.iter().enumerate().filter(|(_, row)| !row.is_solved);
    let Some((first, row)) = failed.next() else {
        return Ok(());
    };
    let (count, place) = (1 + failed.count(), inputs.place(first));
    bail!(
        "{count} of {} rows are not solved, see the column `status`; the first is {place}: {}",
        rows.len(),
        row.status
    );
}

/// What the table tells of a row.
struct Row {
    is_solved: bool,
    /// Empty if there is no operating point.
    numbers: Vec<f64>,
    status: Cow<'static, str>,
    residual: Option<f64>,
    /// The largest error bar, in volt, if there are error bars.
    accuracy: Option<f64>,
}

impl Row {
    fn of(circuit: &Circuit, solved: Result<Solution, RowError>) -> Row {
        match solved {
            Ok(solution) => Row::of_solution(circuit, &solution),
            Err(error) => Row {
                is_solved: false,
                numbers: Vec::new(),
                status: match error {
                    RowError::Presolve { source, .. } => format!("no operating point: {source}"),
                    error => error.to_string(),
                }
                .into(),
                residual: None,
                accuracy: None,
            },
        }
    }

    fn of_solution(circuit: &Circuit, solution: &Solution) -> Row {
        let potentials = solution.potentials.iter().skip(1).copied();
        let currents = shown(circuit).map(|id| solution.current(id));
        Row {
            is_solved: solution.status == Status::Solved,
            numbers: potentials.chain(currents).collect(),
            status: solution.status.name().into(),
            residual: Some(solution.certificate.worst()),
            accuracy: solution.accuracy.iter().copied().reduce(f64::max),
        }
    }
}

/// The elements whose currents are in the table: all but resistors and current sources.
fn shown(circuit: &Circuit) -> impl Iterator<Item = ElementId> {
    circuit.element_ids().filter(|id| {
        let law = circuit[*id].law();
        !matches!(law, Law::Resistor { .. } | Law::CurrentSource { .. })
    })
}

fn write_table(
    out: &mut dyn Write,
    circuit: &Circuit,
    inputs: &Inputs,
    rows: &[Row],
) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    let sources = inputs
        .sources
        .iter()
        .map(|id| circuit.element_names()[id.index()].clone());
    let nodes = circuit
        .node_names()
        .iter()
        .skip(1)
        .map(|name| format!("v({name})"));
    let currents = shown(circuit).map(|id| format!("i({})", circuit.element_names()[id.index()]));
    let last = ["status", "residual", "accuracy"].map(str::to_owned);
    let header = sources.chain(nodes).chain(currents).chain(last);
    table.write_record(header).map_err(of_output)?;
    let width = inputs.sources.len();
    let results = circuit.node_names().len() - 1 + shown(circuit).count();
    for (values, row) in inputs.values.chunks(width).zip(rows) {
        let numbers = values.iter().chain(&row.numbers).map(|x| format!("{x:?}"));
        let missing = std::iter::repeat_n(String::new(), results - row.numbers.len());
        let written = |x: Option<f64>| x.map_or(String::new(), |x| format!("{x:e}"));
        let accuracy = match (row.residual, row.accuracy) {
            (Some(_), None) => "left out".to_owned(),
            (_, accuracy) => written(accuracy),
        };
        let last = [row.status.to_string(), written(row.residual), accuracy];
        let record = numbers.chain(missing).chain(last);
        table.write_record(record).map_err(of_output)?;
    }
    table.flush()
}

/// The error of the output itself, which tells whether nobody reads it any more.
fn of_output(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// The progress of the rows on stderr, if that is a terminal.
fn progress_bar(rows: usize, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let template = "[{wide_bar}] {pos}/{len} rows, ETA {eta}";
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(rows as u64).with_style(style.progress_chars("=> "))
}

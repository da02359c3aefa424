//! What was measured, beside what was published.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use ohmgrad::experiment::{Row, Table};
use ohmgrad::record::{Progress, WriteError, atomic};
use serde::{Deserialize, Serialize};

/// A finished run: a line of `results.csv`. Errors are in percent.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Measured {
    row: String,
    seed: u64,
    epochs: usize,
    test_error: f64,
    train_error: f64,
    /// Of training, without evaluation and files.
    seconds: f64,
    published_test_error: Option<f64>,
    published_train_error: Option<f64>,
    published_time: Option<String>,
}

/// All finished runs of a table.
pub(super) struct Results<'a> {
    table: &'a Table,
    runs: Vec<Measured>,
}

/// The columns of `results.md`, and whether they hold words, which stand to the left.
const COLUMNS: [(&str, bool); 9] = [
    ("row", true),
    ("runs", false),
    ("epochs", false),
    ("test error", false),
    ("published", false),
    ("train error", false),
    ("published", false),
    ("time per run", false),
    ("published", false),
];

impl<'a> Results<'a> {
    pub(super) fn new(table: &'a Table) -> Self {
        let runs = Vec::new();
        Self { table, runs }
    }

    /// Adds a run with at least one epoch: what counts is its last one.
    pub(super) fn add(&mut self, name: &str, progress: &Progress) {
        let row = self.table.rows.iter().find(|row| row.name() == name);
        let (Some(row), Some(last)) = (row, progress.metrics.last()) else {
            return;
        };
        self.runs.push(Measured {
            row: row.name().to_owned(),
            seed: progress.experiment.seed,
            epochs: progress.epochs(),
            test_error: last.test_error,
            train_error: last.train_error,
            seconds: progress.metrics.iter().map(|m| m.seconds).sum(),
            published_test_error: row.test_error,
            published_train_error: row.train_error,
            published_time: row.time.clone(),
        });
    }

    /// Whether there are any.
    pub(super) fn has_runs(&self) -> bool {
        !self.runs.is_empty()
    }

    /// Writes `results.csv`, a line per run, and `results.md`, a line per row. What other processes have measured in the folder
    /// stays in `results.csv`.
    pub(super) fn save(&self, folder: &Path) -> Result<(), WriteError> {
        let path = folder.join("results.csv");
        let _lock = lock(folder)?;
        let others = measured_by_others(&path, &self.runs);
        atomic::write(&path, |file| {
            let mut lines = csv::Writer::from_writer(file);
            // In the order of the table, whichever ended first.
            let row = |run: &Measured| self.table.rows.iter().position(|row| row.name() == run.row);
            let mut runs: Vec<&Measured> = self.runs.iter().chain(&others).collect();
            runs.sort_by(|a, b| {
                let order = |run: &Measured| (row(run).is_none(), row(run), run.seed);
                order(a).cmp(&order(b)).then_with(|| a.row.cmp(&b.row))
            });
            runs.iter().try_for_each(|run| lines.serialize(run))?;
            lines.flush()
        })?;
        atomic::write(&folder.join("results.md"), |file| {
            file.write_all(self.table().as_bytes())
        })
    }

    /// Means and standard deviations beside the published figures, as text that is Markdown, too.
    pub(super) fn table(&self) -> String {
        let header = COLUMNS.map(|(name, _)| name.to_owned());
        let rows = self.table.rows.iter().filter_map(|row| self.line(row));
        let lines: Vec<_> = [header].into_iter().chain(rows).collect();
        format!(
            "{}\n\n{}\nErrors after the last epoch: mean ± standard deviation over the runs, which differ in their \
             seeds.\nTimes are those of training, without evaluation.\n",
            self.table.title,
            aligned(&lines)
        )
    }

    fn line(&self, row: &Row) -> Option<[String; COLUMNS.len()]> {
        let runs = || self.runs.iter().filter(|run| run.row == row.name());
        let epochs = runs().map(|run| run.epochs).max()?;
        let seconds = runs().map(|run| run.seconds).sum::<f64>() / runs().count() as f64;
        let percent = |error: Option<f64>| error.map_or("-".to_owned(), |e| format!("{e:.2} %"));
        Some([
            row.name().to_owned(),
            runs().count().to_string(),
            match row.experiment.epochs {
                published if published == epochs => epochs.to_string(),
                published => format!("{epochs} of {published}"),
            },
            spread(&runs().map(|run| run.test_error).collect::<Vec<_>>()),
            percent(row.test_error),
            spread(&runs().map(|run| run.train_error).collect::<Vec<_>>()),
            percent(row.train_error),
            duration(seconds),
            row.time.clone().unwrap_or("-".to_owned()),
        ])
    }
}

/// Mean and sample standard deviation of errors in percent; the latter needs two.
fn spread(errors: &[f64]) -> String {
    let n = errors.len() as f64;
    let mean = errors.iter().sum::<f64>() / n;
    let squares: f64 = errors.iter().map(|error| (error - mean).powi(2)).sum();
    match errors.len() {
        1 => format!("{mean:.2} %"),
        _ => format!("{mean:.2} ± {:.2} %", (squares / (n - 1.0)).sqrt()),
    }
}

/// A time in the unit that suits it.
pub(crate) fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match seconds {
        ..120.0 => format!("{seconds:.1} s"),
        ..7200.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{} h {:02} min", minutes / 60, minutes % 60),
    }
}

/// A Markdown table whose columns are aligned; the first line is its header.
fn aligned(lines: &[[String; COLUMNS.len()]]) -> String {
    let length = |text: &String| text.chars().count();
    let width = |k: usize| lines.iter().map(|line| length(&line[k])).max().unwrap_or(0);
    let widths: [usize; COLUMNS.len()] = std::array::from_fn(width);
    let rule = std::array::from_fn(|k| match COLUMNS[k].1 {
        true => "-".repeat(widths[k]),
        false => format!("{}:", "-".repeat(widths[k] - 1)),
    });
    let mut text = String::new();
    for line in lines[..1].iter().chain([&rule]).chain(&lines[1..]) {
        for (k, cell) in line.iter().enumerate() {
            let width = widths[k];
            text += &match COLUMNS[k].1 {
                true => format!("| {cell:<width$} "),
                false => format!("| {cell:>width$} "),
            };
        }
        text += "|\n";
    }
    text
}

/// Keeps other processes from writing the results meanwhile.
fn lock(folder: &Path) -> Result<File, WriteError> {
    let path = folder.join(".results.lock");
    let locked = File::create(&path).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|source| WriteError { path, source })
}

/// The lines of the results there are for other runs than these that have a folder. What cannot be read is written anew.
fn measured_by_others(path: &Path, own: &[Measured]) -> Vec<Measured> {
    let Ok(mut lines) = csv::Reader::from_path(path) else {
        return Vec::new();
    };
    let is_other = |run: &Measured| {
        let folder = path.with_file_name(format!("{}-seed{}", run.row, run.seed));
        let is_own = |own: &Measured| own.row == run.row && own.seed == run.seed;
        folder.is_dir() && !own.iter().any(is_own)
    };
    lines
        .deserialize()
        .filter_map(Result::ok)
        .filter(is_other)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_the_sample_standard_deviation() {
        assert_eq!(spread(&[3.5]), "3.50 %");
        assert_eq!(spread(&[3.0, 4.0, 5.0]), "4.00 ± 1.00 %");
    }

    #[test]
    fn times_have_the_unit_that_suits_them() {
        let all = [5.43, 90.0, 1800.0, 7199.0, 9360.0].map(duration);
        assert_eq!(
            all,
            ["5.4 s", "90.0 s", "30.0 min", "120.0 min", "2 h 36 min"]
        );
    }
}

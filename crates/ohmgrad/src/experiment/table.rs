//! Tables of experiments with their published results.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::grid::Grid;
use super::{Experiment, ExperimentError, nearest, parse_toml, read_text};

const TABLE: &str = "table.toml";

/// A folder of experiments: `table.toml` lists its rows and what was published of them. A row has the
/// name of its experiment.
///
/// ```toml
/// title = "Scellier (ICML 2024), Table 1"
///
/// [[row]]
/// file = "xs-ep.toml"    # the settings
/// test_error = 3.46      # percent; may be left out
/// train_error = 2.94     # percent; may be left out
/// time = "0 h 30 min"    # of a run; may be left out
///
/// [grid]                 # may be left out: every combination of these values is a row
/// rule = ["c-ep", "al"]
/// optimizer.learning_rate = [0.005, 0.01]
/// seed = [0, 1, 2]
/// ```
///
/// Entries of a grid are those of the settings file, by their places in it; `training`, `network` and `training.optimizer`
/// may be left out. `learning_rate` is that of all parameters. Where the rule changes and `beta` does not, rules without an
/// amplitude have none. Rows of a grid are named by what they change, and nothing is published of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What the table is and where it was published.
    pub title: String,
    /// Its rows, at least one.
    pub rows: Vec<Row>,
    /// The seeds of its grid, if it has them.
    pub seeds: Option<Vec<u64>>,
}

/// An experiment and its published results.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Settings; no other row of the table has the same name.
    pub experiment: Experiment,
    /// Published test error in percent.
    pub test_error: Option<f64>,
    /// Published error while training, in percent.
    pub train_error: Option<f64>,
    /// Published time of a run, in words.
    pub time: Option<String>,
}

/// `table.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    title: String,
    #[serde(default)]
    row: Vec<Published>,
    #[serde(default)]
    grid: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    file: PathBuf,
    test_error: Option<f64>,
    train_error: Option<f64>,
    time: Option<String>,
}

impl Table {
    /// Reads and checks the table and the settings of all its rows.
    ///
    /// # Errors
    /// If a file cannot be read or is not valid, or the table has no rows or two of one name.
    pub fn from_folder(folder: &Path) -> Result<Self, ExperimentError> {
        let path = folder.join(TABLE);
        let origin = path.display().to_string();
        let listing: Listing = parse_toml(&read_text(&path)?, &origin)?;
        let grid = Grid::new(listing.grid, &origin)?;
        if listing.row.is_empty() {
            return Err(ExperimentError::NoRows { path });
        }
        let mut rows: Vec<Row> = Vec::new();
        for published in listing.row {
            let row = Row::from_folder(folder, published)?;
            for row in row.expanded(&grid, &origin)? {
                if rows.iter().any(|other| other.name() == row.name()) {
                    return Err(ExperimentError::SameRows {
                        path,
                        name: row.name().to_owned(),
                    });
                }
                rows.push(row);
            }
        }
        Ok(Self {
            title: listing.title,
            rows,
            seeds: grid.seeds,
        })
    }

    /// Keeps the rows of these names, in their order.
    ///
    /// # Errors
    /// If there is no row of a name; the error says which is nearest.
    pub fn select(&mut self, names: &[String]) -> Result<(), ExperimentError> {
        let known = || self.rows.iter().map(Row::name);
        let unknown = names.iter().find(|name| known().all(|k| k != *name));
        if let Some(name) = unknown {
            return Err(ExperimentError::NoRow {
                name: name.clone(),
                rows: known().map(str::to_owned).collect(),
                nearest: nearest(name, known()),
            });
        }
        self.rows
            .retain(|row| names.iter().any(|name| name == row.name()));
        Ok(())
    }
}

impl Row {
    fn from_folder(folder: &Path, published: Published) -> Result<Self, ExperimentError> {
        Ok(Self {
            experiment: Experiment::from_file(&folder.join(published.file))?,
            test_error: published.test_error,
            train_error: published.train_error,
            time: published.time,
        })
    }

    /// The rows that a grid makes of it; nothing is published of those that it changes.
    fn expanded(self, grid: &Grid, origin: &str) -> Result<Vec<Self>, ExperimentError> {
        let experiments = grid.expand(&self.experiment, origin)?;
        let row = |experiment: Experiment| match experiment.name == self.experiment.name {
            true => self.clone(),
            false => Self {
                experiment,
                test_error: None,
                train_error: None,
                time: None,
            },
        };
        Ok(experiments.into_iter().map(row).collect())
    }

    /// Its name: that of its experiment.
    pub fn name(&self) -> &str {
        &self.experiment.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables in this repository, with the test errors and epochs of their rows.
    #[test]
    fn published_tables_are_valid() {
        let experiments = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments");
        let figures = |folder: &str| {
            let table = Table::from_folder(&experiments.join(folder)).unwrap();
            let figure = |row: &Row| (row.experiment.epochs, row.test_error.unwrap_or(0.0));
            table.rows.iter().map(figure).collect::<Vec<_>>()
        };
        let ep = [(10, 3.46), (50, 1.57), (50, 1.48), (50, 1.66), (100, 1.33)];
        let bp = [(10, 3.30), (50, 1.54), (50, 1.45), (50, 1.50), (100, 1.30)];
        let hopfield = [(100, 1.79), (100, 1.65), (100, 1.65)];
        let all = [&ep[..], &bp, &hopfield].concat();
        assert_eq!(figures("scellier-2024"), all);
        let mishra = [(100, 1.53), (100, 1.60), (100, 1.77)];
        assert_eq!(figures("scellier-mishra-2023"), mishra);
        assert_eq!(figures("digits"), [(40, 0.0); 10]);
    }
}

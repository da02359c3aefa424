//! Tables of examples, from CSV files or from the task itself.

use std::path::Path;

use super::super::nearest;
use super::CircuitExperimentError;

/// Named columns of text.
pub(super) struct Table {
    /// Where it is from.
    origin: String,
    columns: Vec<String>,
    rows: Vec<Row>,
}

pub(super) struct Row {
    /// Where it stands, for people.
    pub(super) place: String,
    pub(super) cells: Vec<String>,
}

impl Table {
    /// Reads a CSV file with a header; lines that start with `#` are comments.
    pub(super) fn read(path: &Path) -> Result<Table, CircuitExperimentError> {
        let origin = path.display().to_string();
        let fault = |error: csv::Error| CircuitExperimentError::Table(format!("{origin}: {error}"));
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .from_path(path)
            .map_err(fault)?;
        let columns = reader.headers().map_err(fault)?;
        let columns = columns.iter().map(str::to_owned).collect();
        let row = |record: csv::StringRecord| Row {
            place: format!(
                "{origin}:{}",
                record.position().map_or(0, |start| start.line())
            ),
            cells: record.iter().map(str::to_owned).collect(),
        };
        let rows = reader.records().map(|record| record.map(row));
        let rows = rows.collect::<Result<_, _>>().map_err(fault)?;
        Table::new(origin.clone(), columns, rows)
    }

    /// A table with these columns and rows.
    pub(super) fn inline(
        columns: &[String],
        rows: &[Vec<toml::Value>],
    ) -> Result<Table, CircuitExperimentError> {
        let text = |cell: &toml::Value| match cell {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let row = |(k, cells): (usize, &Vec<toml::Value>)| Row {
            place: format!("examples: row {}", k + 1),
            cells: cells.iter().map(text).collect(),
        };
        let rows = rows.iter().enumerate().map(row).collect();
        Table::new("examples: the table".to_owned(), columns.to_vec(), rows)
    }

    fn new(
        origin: String,
        columns: Vec<String>,
        rows: Vec<Row>,
    ) -> Result<Table, CircuitExperimentError> {
        let fault = |text: String| Err(CircuitExperimentError::Table(text));
        let is_twice = |(k, name): &(usize, &String)| columns[..*k].contains(name);
        if let Some((_, name)) = columns.iter().enumerate().find(is_twice) {
            return fault(format!("{origin} has two columns `{name}`"));
        }
        if rows.is_empty() {
            return fault(format!("{origin} has no rows"));
        }
        let width = columns.len();
        if let Some(row) = rows.iter().find(|row| row.cells.len() != width) {
            let (place, found) = (&row.place, row.cells.len());
            return fault(format!("{place} has {found} values for {width} columns"));
        }
        Ok(Table {
            origin,
            columns,
            rows,
        })
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The place of a column.
    pub(super) fn column(&self, name: &str) -> Result<usize, CircuitExperimentError> {
        let found = self.columns.iter().position(|column| column == name);
        found.ok_or_else(|| CircuitExperimentError::NoColumn {
            origin: self.origin.clone(),
            name: name.to_owned(),
            nearest: nearest(name, self.columns.iter().map(String::as_str)),
        })
    }

    /// The finite numbers of some columns, row by row.
    pub(super) fn numbers(
        &self,
        columns: &[impl AsRef<str>],
    ) -> Result<Vec<Vec<f64>>, CircuitExperimentError> {
        let places = columns.iter().map(|name| self.column(name.as_ref()));
        let places = places.collect::<Result<Vec<_>, _>>()?;
        let of_row = |row: &Row| places.iter().map(|k| self.number(row, *k)).collect();
        self.rows.iter().map(of_row).collect()
    }

    fn number(&self, row: &Row, column: usize) -> Result<f64, CircuitExperimentError> {
        let text = &row.cells[column];
        match text.parse() {
            Ok(number) if f64::is_finite(number) => Ok(number),
            _ => Err(CircuitExperimentError::Number {
                place: row.place.clone(),
                column: self.columns[column].clone(),
                text: text.clone(),
            }),
        }
    }
}

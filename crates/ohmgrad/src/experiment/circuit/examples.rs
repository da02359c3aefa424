//! The examples of a task.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::super::nearest;
use super::CircuitExperimentError;
use super::table::{Row, Table};
use crate::learn::circuit::CircuitExamples;

/// Where the examples of a task are, and what their columns mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleSource {
    /// A CSV file whose header names the columns; lines that start with `#` are comments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// A CSV file of examples to measure the error on. Default: those to learn from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_file: Option<PathBuf>,
    /// Instead of a file: the names of the columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Instead of a file: the rows, numbers and texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Vec<toml::Value>>,
    /// Columns of targets in volt or ampere, one for each output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Instead of targets: the column of class names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The classes, one for each output. The largest output is the prediction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Target of the outputs of other classes, and of that of the example's class, in volt or ampere. Default: 0 and 1,
    /// as cross-entropy needs it.
    #[serde(default = "default_levels")]
    pub levels: [f64; 2],
    /// Maps every input column to this range, in volt or ampere: its lowest value among the examples to learn from to
    /// the first, its highest to the second. Default: the values as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
}

fn default_levels() -> [f64; 2] {
    [0.0, 1.0]
}

impl ExampleSource {
    pub(super) fn validate(&self, outputs: usize) -> Result<(), CircuitExperimentError> {
        let has_rows = !self.columns.is_empty() || !self.rows.is_empty();
        if self.file.is_some() == has_rows {
            return Err(CircuitExperimentError::FileOrRows);
        }
        let has_classes = self.label.is_some() && !self.classes.is_empty();
        let has_some = self.label.is_some() || !self.classes.is_empty();
        if has_classes != has_some || has_some != self.targets.is_empty() {
            return Err(CircuitExperimentError::TargetsOrLabel);
        }
        let (what, found) = match has_classes {
            true => ("classes", self.classes.len()),
            false => ("targets", self.targets.len()),
        };
        if found != outputs {
            return Err(CircuitExperimentError::Count {
                what,
                found,
                outputs,
            });
        }
        check_pair("levels", self.levels)?;
        self.range
            .map_or(Ok(()), |range| check_pair("range", range))
    }

    /// The examples to learn from, and those to measure the error on, with these columns as inputs.
    pub(super) fn load(
        &self,
        columns: &[&str],
        outputs: usize,
    ) -> Result<(CircuitExamples, Option<CircuitExamples>), CircuitExperimentError> {
        let table = match &self.file {
            Some(file) => Table::read(file)?,
            None => Table::inline(&self.columns, &self.rows)?,
        };
        let inputs = table.numbers(columns)?;
        let scales = self.scales(&inputs);
        let train = self.examples(&table, scaled(inputs, &scales), outputs)?;
        let Some(file) = &self.test_file else {
            return Ok((train, None));
        };
        let table = Table::read(file)?;
        let inputs = scaled(table.numbers(columns)?, &scales);
        let test = self.examples(&table, inputs, outputs)?;
        Ok((train, Some(test)))
    }

    /// What each input column is multiplied by, and what is added then.
    fn scales(&self, inputs: &[Vec<f64>]) -> Vec<(f64, f64)> {
        let width = inputs.first().map_or(0, Vec::len);
        let Some([low, high]) = self.range else {
            return vec![(1.0, 0.0); width];
        };
        let scale = |column: usize| {
            let values = || inputs.iter().map(|row| row[column]);
            let least = values().fold(f64::INFINITY, f64::min);
            let most = values().fold(f64::NEG_INFINITY, f64::max);
            match most > least {
                true => {
                    let factor = (high - low) / (most - least);
                    (factor, low - factor * least)
                }
                false => (0.0, 0.5 * (low + high)),
            }
        };
        (0..width).map(scale).collect()
    }

    fn examples(
        &self,
        table: &Table,
        inputs: Vec<Vec<f64>>,
        outputs: usize,
    ) -> Result<CircuitExamples, CircuitExperimentError> {
        let Some(label) = &self.label else {
            let targets = table.numbers(&self.targets)?;
            return Ok(CircuitExamples::new(inputs, targets)?);
        };
        let column = table.column(label)?;
        let class = |row: &Row| {
            let text = &row.cells[column];
            let found = self.classes.iter().position(|class| class == text);
            found.ok_or_else(|| CircuitExperimentError::Label {
                place: row.place.clone(),
                column: label.clone(),
                text: text.clone(),
                nearest: nearest(text, self.classes.iter().map(String::as_str)),
            })
        };
        let labels = table.rows().iter().map(class);
        let labels = labels.collect::<Result<Vec<_>, _>>()?;
        let examples = CircuitExamples::of_classes(inputs, &labels, outputs, self.levels)?;
        Ok(examples)
    }
}

fn scaled(mut inputs: Vec<Vec<f64>>, scales: &[(f64, f64)]) -> Vec<Vec<f64>> {
    for row in &mut inputs {
        for (value, (factor, shift)) in row.iter_mut().zip(scales) {
            *value = factor * *value + shift;
        }
    }
    inputs
}

fn check_pair(name: &'static str, [low, high]: [f64; 2]) -> Result<(), CircuitExperimentError> {
    match low.is_finite() && high.is_finite() && low < high {
        true => Ok(()),
        false => Err(CircuitExperimentError::Pair { name, low, high }),
    }
}

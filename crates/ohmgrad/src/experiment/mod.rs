//! Experiments: everything that decides the outcome of a training run, as one TOML file.
//!
//! ```
//! use ohmgrad::experiment::{Experiment, Preset};
//!
//! let mut experiment = Preset::named("digits")?.experiment()?;
//! experiment.epochs = 3;
//! let text = experiment.to_toml()?;
//! assert_eq!(Experiment::parse(&text, "digits")?, experiment);
//! # Ok::<(), ohmgrad::experiment::ExperimentError>(())
//! ```

pub mod circuit;
mod data_source;
mod grid;
mod presets;
mod table;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::data::PreprocessingError;
use crate::drn::{Architecture, ArchitectureError, Network};
use crate::learn::{TrainOptions, TrainOptionsError};

pub use data_source::{Data, DataSource, DataSourceError};
pub use presets::{PRESETS, Preset};
pub use table::{Row, Table};

/// Everything that decides the outcome of a training run; the number of threads does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Name, of letters, digits, `-`, `_` and `.`, not starting with a dot; names the run's folder.
    pub name: String,
    /// Seed of the initial conductances, of the order of the examples and of the split of the digits.
    /// At most [`Experiment::MAX_SEED`]; default 0.
    #[serde(default)]
    pub seed: u64,
    /// Number of epochs. From 1 to [`Experiment::MAX_EPOCHS`].
    pub epochs: usize,
    /// What to learn from.
    pub data: Data,
    /// The network; features and outputs must be those of the data.
    pub network: Architecture,
    /// How it is trained.
    pub training: TrainOptions,
}

/// Why the settings of an [`Experiment`] are refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A name that cannot name a folder.
    #[error("name is {0:?}: use letters, digits, `-`, `_` and `.`, and no dot in front")]
    Name(String),
    /// A seed that TOML cannot hold.
    #[error("seed is {0}: at most {max} is possible", max = Experiment::MAX_SEED)]
    Seed(u64),
    /// No epochs, or too many.
    #[error("epochs is {0}: it must be from 1 to {max}", max = Experiment::MAX_EPOCHS)]
    Epochs(usize),
    /// What is done to the features.
    #[error("data: {0}")]
    Data(PreprocessingError),
    /// The network.
    #[error("network: {0}")]
    Network(ArchitectureError),
    /// The training options.
    #[error("training: {0}")]
    Training(TrainOptionsError),
}

/// Why an [`Experiment`] cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// The operating system failed to open or read the file.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Text that is no TOML, or not that of an experiment: the parser names line and column.
    #[error("{origin}: {}{}", error.to_string().trim_end(), help(nearest.as_deref()))]
    Syntax {
        /// Where the text is from.
        origin: String,
        /// What the parser said.
        error: Box<toml::de::Error>,
        /// The valid name that is nearest to an unknown one.
        nearest: Option<String>,
    },
    /// Settings that are refused.
    #[error("{origin}")]
    Settings {
        /// Where they are from.
        origin: String,
        /// What is wrong.
        source: SettingsError,
    },
    /// A preset that does not exist.
    #[error(
        "there is no preset `{name}`: the presets are {}{}",
        PRESETS.map(|preset| preset.name).join(", "),
        help(nearest.as_deref())
    )]
    NoPreset {
        /// Its name.
        name: String,
        /// The nearest one that exists.
        nearest: Option<String>,
    },
    /// A table without rows.
    #[error("{path} has no [[row]]: it names no experiment to run")]
    NoRows {
        /// The file of the table.
        path: PathBuf,
    },
    /// Two rows of one name.
    #[error("{path} has two rows `{name}`: give each row a name of its own")]
    SameRows {
        /// The file of the table.
        path: PathBuf,
        /// Their name.
        name: String,
    },
    /// A grid that makes no experiments.
    #[error("{origin}: grid.{setting}: {rule}")]
    Grid {
        /// The file of the table.
        origin: String,
        /// The setting.
        setting: String,
        /// What is allowed.
        rule: String,
    },
    /// A row that a table does not have.
    #[error("there is no row `{name}`: the rows are {}{}", rows.join(", "), help(nearest.as_deref()))]
    NoRow {
        /// Its name.
        name: String,
        /// The rows that there are.
        rows: Vec<String>,
        /// The nearest one.
        nearest: Option<String>,
    },
    /// Settings that TOML cannot express, such as a path that is not UTF-8.
    #[error("the settings cannot be written as TOML")]
    Write(#[from] toml::ser::Error),
}

fn help(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("\ndid you mean `{name}`?"))
}

impl Experiment {
    /// The largest seed: TOML has signed 64-bit integers.
    pub const MAX_SEED: u64 = i64::MAX as u64;
    /// The largest number of epochs.
    pub const MAX_EPOCHS: usize = 100_000;

    /// Reads and checks settings; `origin` says where the text is from, for error messages.
    ///
    /// # Errors
    /// If the text is no TOML, has an unknown or misspelt entry, or a setting is out of range.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ExperimentError> {
        let experiment: Self = parse_toml(text, origin)?;
        match experiment.validate() {
            Ok(()) => Ok(experiment),
            Err(source) => Err(ExperimentError::Settings {
                origin: origin.to_owned(),
                source,
            }),
        }
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// If the file cannot be read, and as [`Self::parse`].
    pub fn from_file(path: &Path) -> Result<Self, ExperimentError> {
        Self::parse(&read_text(path)?, &path.display().to_string())
    }

    /// Checks every setting that can be checked without the data.
    ///
    /// # Errors
    /// The first setting that is wrong, by name.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if !names_a_folder(&self.name) {
            return Err(SettingsError::Name(self.name.clone()));
        }
        if self.seed > Self::MAX_SEED {
            return Err(SettingsError::Seed(self.seed));
        }
        if !(1..=Self::MAX_EPOCHS).contains(&self.epochs) {
            return Err(SettingsError::Epochs(self.epochs));
        }
        let data = self.data.preprocessing.validate();
        data.map_err(SettingsError::Data)?;
        self.network.validate().map_err(SettingsError::Network)?;
        let checked = self.training.validate(&self.network);
        checked.map_err(SettingsError::Training)
    }

    /// All settings as TOML, with the version of ohmgrad as a comment.
    ///
    /// # Errors
    /// If the data's path is not UTF-8.
    pub fn to_toml(&self) -> Result<String, ExperimentError> {
        let version = env!("CARGO_PKG_VERSION");
        Ok(format!("# ohmgrad {version}\n{}", toml::to_string(self)?))
    }

    /// The network at the start of training, with conductances drawn by ChaCha8 from the seed.
    ///
    /// # Errors
    /// If its architecture is not valid.
    pub fn initial_network(&self, threads: usize) -> Result<Network, ArchitectureError> {
        Network::random(&self.network, self.seed, threads)
    }
}

fn read_text(path: &Path) -> Result<String, ExperimentError> {
    fs::read_to_string(path).map_err(|source| ExperimentError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Settings from a text, before they are checked.
fn parse_toml<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T, ExperimentError> {
    toml::from_str(text).map_err(|error| ExperimentError::Syntax {
        origin: origin.to_owned(),
        nearest: nearest_name(error.message()),
        error: error.into(),
    })
}

/// Whether a name can name a folder.
fn names_a_folder(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(allowed)
}

/// Entries that had other names in earlier versions.
const RENAMED: [(&str, &str); 4] = [
    (
        "decay",
        "optimizer.schedule = { kind = \"exponential\", factor = ... }",
    ),
    ("rate", "optimizer.learning_rates.conductances"),
    ("voltage_rate", "optimizer.learning_rates.voltages"),
    ("current_rate", "optimizer.learning_rates.currents"),
];

/// What an unknown name in a parser's message has become, or else the valid name that is nearest to it.
///
/// Serde reports an unknown entry as ``unknown field `x`, expected one of `a`, `b` `` with the names
/// that are valid in its place, whatever table that is.
fn nearest_name(message: &str) -> Option<String> {
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = names.next().filter(|_| message.starts_with("unknown "))?;
    match RENAMED.iter().find(|(old, _)| *old == unknown) {
        Some((_, new)) => Some((*new).to_owned()),
        None => nearest(unknown, names),
    }
}

/// The candidate that is the fewest edits away from `name`.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let edits = |candidate: &&str| strsim::damerau_levenshtein(name, candidate);
    candidates.min_by_key(edits).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Preprocessing;

    fn digits() -> Experiment {
        Preset::named("digits").unwrap().experiment().unwrap()
    }

    #[test]
    fn settings_survive_their_toml() {
        for preset in PRESETS {
            let experiment = preset.experiment().unwrap();
            let text = experiment.to_toml().unwrap();
            assert_eq!(Experiment::parse(&text, "again").unwrap(), experiment);
            assert!(text.contains(env!("CARGO_PKG_VERSION")), "{text}");
        }
    }

    #[test]
    fn unknown_names_are_reported_with_their_place_and_the_nearest_valid_one() {
        let text = digits().to_toml().unwrap();
        for (valid, unknown) in [
            ("epochs", "epoch"),
            ("hidden", "hiden"),
            ("free_phase", "fre_phase"),
            ("weight_decay", "weigth_decay"),
            ("dataset", "data_set"),
            ("asynchronous", "asynchronus"),
        ] {
            let text = text.replacen(valid, unknown, 1);
            let error = Experiment::parse(&text, "my.toml").unwrap_err().to_string();
            assert!(
                error.starts_with("my.toml: ") && error.contains("line"),
                "{error}"
            );
            assert!(error.contains(&format!("`{unknown}`")), "{error}");
            assert!(
                error.ends_with(&format!("did you mean `{valid}`?")),
                "{error}"
            );
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let refused = |change: fn(&mut Experiment)| {
            let mut experiment = digits();
            change(&mut experiment);
            experiment.validate().unwrap_err().to_string()
        };
        for (error, start) in [
            (refused(|e| e.name = "a/b".to_owned()), "name is \"a/b\""),
            (refused(|e| e.name = ".x".to_owned()), "name is \".x\""),
            (refused(|e| e.name.clear()), "name is \"\""),
            (refused(|e| e.seed = 1 << 63), "seed is 9223372036854775808"),
            (refused(|e| e.epochs = 0), "epochs is 0"),
            (
                refused(|e| e.network.hidden[0] = 0),
                "network: hidden layer 1",
            ),
            (
                refused(|e| e.network.input_gain = f32::NAN),
                "network: input_gain is NaN",
            ),
            (refused(|e| e.training.batch = 0), "training: batch is 0"),
            (
                refused(|e| {
                    e.data.preprocessing = Preprocessing::Affine {
                        scale: 0.0,
                        offset: 0.0,
                    }
                }),
                "data: preprocessing: scale is 0",
            ),
        ] {
            assert!(error.starts_with(start), "{error}");
        }
    }
}

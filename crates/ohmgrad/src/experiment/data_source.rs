//! Which examples an experiment learns from.

use std::env;
use std::io;
use std::path::PathBuf;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::data::{self, DataError, Preprocessing, Split};

/// The environment variable that says where MNIST is.
const VARIABLE: &str = "OHMGRAD_DATA";
/// Share of the digits that is held out as test examples.
const DIGITS_TEST_FRACTION: f64 = 0.2;
/// Stream of the seeded generator that draws the split of the digits.
const SPLIT_STREAM: u64 = 1;

/// Which examples an experiment learns from. In TOML: `dataset = "mnist"`, `dataset = "digits"`, or
/// `dir = "FOLDER"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
#[non_exhaustive]
pub enum DataSource {
    /// MNIST, from the folder that the environment variable `OHMGRAD_DATA` names or, without it, from
    /// `data/mnist` in the current folder or the nearest folder above it that has one.
    Mnist,
    /// The [digits](data::digits) of the library; a fifth of them, drawn at random, are the test examples.
    Digits,
    /// A folder of four IDX files, see [`data::idx_folder`]. A relative path starts at the current folder.
    Folder(PathBuf),
}

/// The `[data]` of an experiment: what it learns from, and what is done to the features before they drive the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "DataTable", into = "DataTable")]
pub struct Data {
    /// Which examples.
    pub source: DataSource,
    /// What is done to their features. Default: nothing.
    pub preprocessing: Preprocessing,
}

impl From<DataSource> for Data {
    fn from(source: DataSource) -> Self {
        let preprocessing = Preprocessing::None;
        Self {
            source,
            preprocessing,
        }
    }
}

impl Data {
    /// Loads training and test examples as they drive the network; `seed` decides how the digits are split.
    ///
    /// # Errors
    /// As [`DataSource::load`], and if a feature becomes too large.
    pub fn load(&self, seed: u64) -> Result<Split, DataSourceError> {
        Ok(self.preprocessing.apply_to_both(self.source.load(seed)?)?)
    }
}

/// Why the examples of an experiment cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataSourceError {
    /// MNIST was not found.
    #[error(
        "MNIST is not there: neither {from} nor a folder above it holds data/mnist; give its folder with \
         `--data DIR`, as `dir` under [data], or in the environment variable {VARIABLE}"
    )]
    NoMnist {
        /// The folder where the search began.
        from: PathBuf,
    },
    /// The current folder, where the search for MNIST begins, is not known.
    #[error("the current folder is not known")]
    CurrentFolder(#[source] io::Error),
    /// The examples were found, but are not valid.
    #[error(transparent)]
    Data(#[from] DataError),
}

impl DataSource {
    /// Loads training and test examples; `seed` decides how the digits are split.
    ///
    /// # Errors
    /// If MNIST is not found, or a file is missing or not valid.
    pub fn load(&self, seed: u64) -> Result<Split, DataSourceError> {
        match self {
            Self::Mnist => Ok(data::idx_folder(&mnist_folder()?)?),
            Self::Digits => Ok(split_digits(seed)?),
            Self::Folder(folder) => Ok(data::idx_folder(folder)?),
        }
    }
}

fn split_digits(seed: u64) -> Result<Split, DataError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(SPLIT_STREAM);
    let (train, test) = data::digits().split_by(DIGITS_TEST_FRACTION, &mut rng)?;
    Ok(Split { train, test })
}

fn mnist_folder() -> Result<PathBuf, DataSourceError> {
    if let Some(folder) = env::var_os(VARIABLE) {
        return Ok(folder.into());
    }
    let from = env::current_dir().map_err(DataSourceError::CurrentFolder)?;
    let mut candidates = from.ancestors().map(|folder| folder.join("data/mnist"));
    match candidates.find(|folder| folder.is_dir()) {
        Some(folder) => Ok(folder),
        None => Err(DataSourceError::NoMnist { from }),
    }
}

/// A [`DataSource`] as it stands in TOML.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset: Option<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<PathBuf>,
}

/// [`Data`] as it stands in TOML.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DataTable {
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset: Option<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Preprocessing::is_none")]
    preprocessing: Preprocessing,
}

impl TryFrom<DataTable> for Data {
    type Error = &'static str;

    fn try_from(table: DataTable) -> Result<Self, Self::Error> {
        let DataTable { dataset, dir, .. } = table;
        let source = DataSource::try_from(Table { dataset, dir })?;
        let preprocessing = table.preprocessing;
        Ok(Self {
            source,
            preprocessing,
        })
    }
}

impl From<Data> for DataTable {
    fn from(data: Data) -> Self {
        let Table { dataset, dir } = data.source.into();
        let preprocessing = data.preprocessing;
        Self {
            dataset,
            dir,
            preprocessing,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Named {
    Mnist,
    Digits,
}

impl TryFrom<Table> for DataSource {
    type Error = &'static str;

    fn try_from(table: Table) -> Result<Self, Self::Error> {
        match (table.dataset, table.dir) {
            (Some(Named::Mnist), None) => Ok(Self::Mnist),
            (Some(Named::Digits), None) => Ok(Self::Digits),
            (None, Some(folder)) if folder.as_os_str().is_empty() => {
                Err("`dir` is empty: name the folder of four IDX files")
            }
            (None, Some(folder)) => Ok(Self::Folder(folder)),
            _ => Err(
                "give one of `dataset = \"mnist\"`, `dataset = \"digits\"` and `dir = \"FOLDER\"`",
            ),
        }
    }
}

impl From<DataSource> for Table {
    fn from(source: DataSource) -> Self {
        let (dataset, dir) = match source {
            DataSource::Mnist => (Some(Named::Mnist), None),
            DataSource::Digits => (Some(Named::Digits), None),
            DataSource::Folder(folder) => (None, Some(folder)),
        };
        Self { dataset, dir }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_split_by_the_seed() {
        let split = DataSource::Digits.load(7).unwrap();
        assert_eq!((split.train.len(), split.test.len()), (1438, 359));
        assert_eq!(split, DataSource::Digits.load(7).unwrap());
        assert_ne!(split, DataSource::Digits.load(8).unwrap());
    }

    #[test]
    fn features_are_preprocessed_as_the_settings_say() {
        let text = "dataset = \"digits\"\n\n[preprocessing]\nkind = \"affine\"\nscale = 2.0\noffset = -1.0\n";
        let data: Data = toml::from_str(text).unwrap();
        assert_eq!(toml::to_string(&data).unwrap(), text);
        let (plain, changed) = (data.source.load(3).unwrap(), data.load(3).unwrap());
        let wanted: Vec<f64> = plain.test.input(5).iter().map(|x| 2.0 * x - 1.0).collect();
        assert_eq!(changed.test.input(5), wanted);
        assert_eq!(changed.train.len(), plain.train.len());
        let plain: Data = toml::from_str("dataset = \"digits\"").unwrap();
        assert_eq!(plain, DataSource::Digits.into());
    }

    #[test]
    fn toml_names_a_dataset_or_a_folder() {
        let folder = DataSource::Folder("some/where".into());
        for (source, text) in [
            (DataSource::Mnist, "dataset = \"mnist\"\n"),
            (DataSource::Digits, "dataset = \"digits\"\n"),
            (folder, "dir = \"some/where\"\n"),
        ] {
            assert_eq!(toml::to_string(&source).unwrap(), text);
            assert_eq!(toml::from_str::<DataSource>(text).unwrap(), source);
        }
        for text in [
            "",
            "dataset = \"mnist\"\ndir = \"x\"",
            "dataset = \"cifar\"",
        ] {
            toml::from_str::<DataSource>(text).unwrap_err();
        }
    }
}

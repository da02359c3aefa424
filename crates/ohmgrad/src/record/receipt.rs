//! Receipts: what a training run was made with.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use flate2::Crc;
use serde::{Deserialize, Serialize};

use super::{ReadError, WriteError};
use crate::data::{Dataset, Inputs, Split, Targets};
use crate::experiment::{Data, DataSource, Experiment, ExperimentError};

/// The file of a run's receipts.
const RECEIPTS: &str = "receipts.jsonl";

/// With what a training run was started or taken up again: a line of `receipts.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Epochs that were finished before.
    pub epochs_before: usize,
    /// Version of ohmgrad.
    pub version: String,
    /// The commit that it was built from, if that is known.
    pub commit: Option<String>,
    /// The processor, as it calls itself.
    pub cpu: String,
    /// Its instructions that matter here.
    pub features: Vec<String>,
    /// Threads that work on the network; no result depends on them.
    pub threads: usize,
    /// Checksum of the settings, but for the number of epochs and the place of the data: CRC-32 of their TOML, in hexadecimal
    /// digits.
    pub settings: String,
    /// Checksum of the training examples: CRC-32 of all features, then of all labels or target potentials.
    pub train_data: String,
    /// Checksum of the test examples.
    pub test_data: String,
}

impl Receipt {
    /// The receipt of a run that starts here and now.
    ///
    /// # Errors
    /// If the settings cannot be written as TOML.
    pub(super) fn new(
        experiment: &Experiment,
        split: &Split,
        threads: usize,
        epochs_before: usize,
    ) -> Result<Self, ExperimentError> {
        Ok(Self {
            epochs_before,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: COMMIT.get().cloned(),
            cpu: cpu(),
            features: features(),
            threads,
            settings: settings_checksum(experiment)?,
            train_data: data_checksum(&split.train),
            test_data: data_checksum(&split.test),
        })
    }

    /// Reads the receipts of a run, the oldest first; none, if it was made by a version that wrote none.
    ///
    /// # Errors
    /// If the file cannot be read, or is damaged.
    pub fn read(folder: &Path) -> Result<Vec<Self>, ReadError> {
        let path = folder.join(RECEIPTS);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.map_err(|source| ReadError::Io {
                path: path.clone(),
                source,
            })?,
        };
        let parsed = text.lines().enumerate().map(|(index, line)| {
            serde_json::from_str(line).map_err(|source| ReadError::Receipts {
                path: path.clone(),
                line: index + 1,
                source,
            })
        });
        parsed.collect()
    }

    /// Adds the receipt to those of a run.
    pub(super) fn append(&self, folder: &Path) -> Result<(), WriteError> {
        let path = folder.join(RECEIPTS);
        let before = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read,
        };
        let before = before.map_err(|source| WriteError {
            path: path.clone(),
            source,
        })?;
        super::atomic::write(&path, |file| {
            file.write_all(&before)?;
            serde_json::to_writer(&mut *file, self)?;
            file.write_all(b"\n")
        })
    }
}

/// What the program was built from.
static COMMIT: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Tells the commit that the program was built from, for receipts; the first one told holds.
pub fn set_commit(commit: &str) {
    let _ = COMMIT.set(commit.to_owned());
}

/// The checksum of settings, but for what may change in a run.
pub(super) fn settings_checksum(experiment: &Experiment) -> Result<String, ExperimentError> {
    let comparable = Experiment {
        epochs: 1,
        data: Data {
            source: DataSource::Digits,
            ..experiment.data.clone()
        },
        ..experiment.clone()
    };
    let mut sum = Crc::new();
    sum.update(toml::to_string(&comparable)?.as_bytes());
    Ok(format!("{:08x}", sum.sum()))
}

/// The checksum of examples.
pub(super) fn data_checksum(data: &Dataset) -> String {
    let mut sum = Crc::new();
    match data.inputs() {
        Inputs::Bytes { pixels, full_scale } => {
            sum.update(&[*full_scale]);
            sum.update(pixels);
        }
        Inputs::Values(values) => values.iter().for_each(|x| sum.update(&x.to_le_bytes())),
    }
    match data.targets() {
        Targets::Labels { labels, .. } => labels.iter().for_each(|l| sum.update(&l.to_le_bytes())),
        Targets::Values { values, .. } => values.iter().for_each(|y| sum.update(&y.to_le_bytes())),
    }
    format!("{:08x}", sum.sum())
}

/// The processor's own name, where the system tells it.
fn cpu() -> String {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = told.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(':'));
    name.map_or(std::env::consts::ARCH.to_owned(), |(_, name)| {
        name.trim().to_owned()
    })
}

/// The instructions of the processor that kernels are chosen by.
fn features() -> Vec<String> {
    #[cfg(target_arch = "x86_64")]
    let found = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let found = [("neon", cfg!(target_arch = "aarch64"))];
    let named = found.into_iter().filter(|(_, has)| *has);
    named.map(|(name, _)| name.to_owned()).collect()
}

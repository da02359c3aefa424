//! Models: the parameters of a network in a safetensors file.
//!
//! Weight matrices are the tensors `W1, W2, ...` (conductances in siemens, f32, shaped as
//! [`Architecture::shape`]), biases `b1, b2, ...` (ampere). The metadata are strings, readable by any
//! safetensors library:
//!
//! | entry | content |
//! |---|---|
//! | `format` | `ohmgrad-drn` |
//! | `version` | version of ohmgrad that wrote it |
//! | `architecture` | [`Architecture`] in TOML (JSON has no infinity) |
//! | `inference` | [`Settling`] in TOML: how the network is settled when it is used |
//! | `preprocessing` | [`Preprocessing`] in TOML: what is done to features before they drive it; absent if nothing is |
//! | `training` | [`Origin`] in TOML; absent if the model comes from elsewhere |
//!
//! A [checkpoint](super::checkpoint) has the same entries and tensors, and more.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::tensors::{self, Tensor, TensorFile};
use super::{ReadError, WriteError, atomic};
use crate::data::Preprocessing;
use crate::drn::{Architecture, Network, Settling, default_threads};
use crate::experiment::DataSource;
use crate::learn::Cost;

const FORMAT: &str = "ohmgrad-drn";
pub(super) const CHECKPOINT_FORMAT: &str = "ohmgrad-checkpoint";

/// What a model file says beside the network.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// How the network is settled when it is used.
    pub inference: Settling,
    /// What is done to features before they drive the network.
    pub preprocessing: Preprocessing,
    /// The training that it comes from, if any.
    pub training: Option<Origin>,
}

impl ModelInfo {
    /// That of a network that is settled so, of raw features and an unknown origin.
    pub fn new(inference: Settling) -> ModelInfo {
        ModelInfo {
            inference,
            preprocessing: Preprocessing::None,
            training: None,
        }
    }
}

/// The training that a model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The experiment's name.
    pub name: String,
    /// Its seed.
    pub seed: u64,
    /// Finished epochs.
    pub epoch: usize,
    /// The data it was trained on.
    pub data: DataSource,
    /// What training made small. Default: squared error.
    #[serde(default)]
    pub cost: Cost,
}

/// Writes a model; the file appears whole or not at all.
///
/// ```
/// use ohmgrad::drn::{Architecture, Network, Settling, SweepOrder};
/// use ohmgrad::record::model::{self, ModelInfo};
///
/// let architecture = Architecture::new(2, vec![4], 1);
/// let network = Network::random(&architecture, 0, 1)?;
/// let inference = Settling::sweeps(SweepOrder::Asynchronous, 4);
/// let info = ModelInfo::new(inference);
///
/// let path = std::env::temp_dir().join("ohmgrad-model-example.safetensors");
/// model::save(&path, &network, &info)?;
/// let (loaded, info_again) = model::load(&path, 1)?;
/// assert_eq!((loaded.weights(0), info_again), (network.weights(0), info));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be written.
pub fn save(path: &Path, network: &Network, info: &ModelInfo) -> Result<(), WriteError> {
    atomic::write(path, |out| {
        let metadata = metadata(FORMAT, network.architecture(), info)?;
        tensors::write(out, &metadata, &parameters(network))
    })
}

/// Reads a model, or the model in a checkpoint, to be worked on by at most `threads` threads; by
/// [those that pay](default_threads), if it is `None`.
///
/// Every value is checked: conductances must be finite and within the bounds, biases finite.
///
/// # Errors
/// If the file is not a whole and valid model.
pub fn load(
    path: &Path,
    threads: impl Into<Option<usize>>,
) -> Result<(Network, ModelInfo), ReadError> {
    let mut file = TensorFile::open(path)?;
    let architecture: Architecture = file.toml("architecture")?;
    match file.text("format")? {
        FORMAT => check_surplus(&file, &architecture)?,
        CHECKPOINT_FORMAT => {}
        found => {
            return Err(ReadError::Format {
                path: path.to_owned(),
                expected: "`ohmgrad-drn` or `ohmgrad-checkpoint`",
                found: found.to_owned(),
            });
        }
    }
    let info = read_info(&file)?;
    let threads = threads.into();
    let threads = threads.unwrap_or_else(|| default_threads(&architecture));
    let network = read_network(&mut file, &architecture, threads)?;
    Ok((network, info))
}

/// The metadata of a model or of a checkpoint.
pub(super) fn metadata(
    format: &str,
    architecture: &Architecture,
    info: &ModelInfo,
) -> io::Result<BTreeMap<&'static str, String>> {
    let mut entries = BTreeMap::from([
        ("format", format.to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("architecture", toml_text(architecture)?),
        ("inference", toml_text(&info.inference)?),
    ]);
    if !info.preprocessing.is_none() {
        entries.insert("preprocessing", toml_text(&info.preprocessing)?);
    }
    if let Some(origin) = &info.training {
        entries.insert("training", toml_text(origin)?);
    }
    Ok(entries)
}

pub(super) fn toml_text(value: &impl Serialize) -> io::Result<String> {
    toml::to_string(value).map_err(io::Error::other)
}

/// All parameters.
pub(super) fn parameters(network: &Network) -> Vec<Tensor<'_>> {
    like_parameters(
        network.architecture(),
        "",
        |l, i, row| network.read_row(l, i, row),
        |l| network.biases(l),
    )
}

/// Tensors named and shaped like the parameters, with a prefix to their names.
pub(super) fn like_parameters<'a>(
    architecture: &Architecture,
    prefix: &str,
    row: impl Fn(usize, usize, &mut [f32]) + Copy + 'a,
    biases: impl Fn(usize) -> Vec<f32> + Copy + 'a,
) -> Vec<Tensor<'a>> {
    let matrix = |l: usize| {
        let (rows, columns) = architecture.shape(l);
        Tensor {
            name: name(prefix, 'W', l),
            shape: vec![rows, columns],
            row: Box::new(move |i, values| row(l, i, values)),
        }
    };
    let vector = |l: usize| Tensor {
        name: name(prefix, 'b', l),
        shape: vec![architecture.width(l)],
        row: Box::new(move |_, values| values.copy_from_slice(&biases(l))),
    };
    let matrices = (0..architecture.matrices()).map(matrix);
    matrices
        .chain((0..architecture.free_layers()).map(vector))
        .collect()
}

/// Name of a tensor: that of the parameter, after a prefix.
fn name(prefix: &str, letter: char, l: usize) -> String {
    format!("{prefix}{letter}{}", l + 1)
}

fn read_info(file: &TensorFile) -> Result<ModelInfo, ReadError> {
    let inference: Settling = file.toml("inference")?;
    inference.validate().map_err(|source| ReadError::Settling {
        path: file.path().to_owned(),
        source,
    })?;
    let training = match file.text("training") {
        Ok(_) => Some(file.toml("training")?),
        Err(_) => None,
    };
    let preprocessing = match file.text("preprocessing") {
        Ok(_) => file.toml("preprocessing")?,
        Err(_) => Preprocessing::None,
    };
    let checked = Preprocessing::validate(&preprocessing);
    checked.map_err(|source| ReadError::Preprocessing {
        path: file.path().to_owned(),
        source,
    })?;
    Ok(ModelInfo {
        inference,
        preprocessing,
        training,
    })
}

fn check_surplus(file: &TensorFile, architecture: &Architecture) -> Result<(), ReadError> {
    let known = architecture.parameter_names();
    match file.names().into_iter().find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(name) => Err(ReadError::Surplus {
            path: file.path().to_owned(),
            name,
        }),
    }
}

/// Reads a network. Its architecture and all shapes are checked before it is allocated.
pub(super) fn read_network(
    file: &mut TensorFile,
    architecture: &Architecture,
    threads: usize,
) -> Result<Network, ReadError> {
    let path = file.path().to_owned();
    let invalid = |source| ReadError::Architecture {
        path: path.clone(),
        source,
    };
    architecture.validate().map_err(&invalid)?;
    for l in 0..architecture.matrices() {
        let (rows, columns) = architecture.shape(l);
        file.check(&name("", 'W', l), &[rows, columns])?;
        file.check(&name("", 'b', l), &[columns])?;
    }
    let mut network = Network::zero(architecture, threads).map_err(&invalid)?;
    let connections = network.chain().connections.clone();
    for (l, connection) in connections.into_iter().enumerate() {
        let shape = [connection.below, connection.above];
        let allowed = |g: f32| connection.allows(f64::from(g));
        let rule = (allowed, &connection.rule()[..]);
        file.read(&name("", 'W', l), &shape, rule, |i, row| {
            network.write_row(l, i, row);
        })?;
        let bounds = architecture.bias_bounds();
        let allowed = |bias: f32| bounds.allow(f64::from(bias));
        let rule = (allowed, &bounds.rule()[..]);
        file.read(&name("", 'b', l), &[connection.above], rule, |_, row| {
            network.write_biases(l, row);
        })?;
    }
    network.sum_conductances();
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drn::SweepOrder;
    use proptest::prelude::*;

    const PREPROCESSING: Preprocessing = Preprocessing::Affine {
        scale: 2.0,
        offset: -1.0,
    };

    /// A network with all parameters random, and its file.
    fn saved(architecture: &Architecture, threads: usize) -> (Network, tempfile::NamedTempFile) {
        let mut network = Network::random(architecture, 1, threads).unwrap();
        for l in 0..architecture.free_layers() {
            let biases: Vec<f32> = (0..architecture.width(l)).map(|j| j as f32 - 0.5).collect();
            network.set_biases(l, &biases).unwrap();
        }
        let info = ModelInfo {
            preprocessing: PREPROCESSING,
            ..ModelInfo::new(Settling::sweeps(SweepOrder::Forward, 3))
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        save(file.path(), &network, &info).unwrap();
        (network, file)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn networks_survive_their_file(
            (features, hidden, outputs) in (1..20usize, proptest::collection::vec(1..150usize, 0..3), 1..70usize),
            (threads, threads_again) in (1..4usize, 1..4usize),
        ) {
            let architecture = Architecture::new(features, hidden, outputs).with_bounds(1e-3, 7.0);
            let (network, file) = saved(&architecture, threads);
            let (loaded, info) = load(file.path(), threads_again).unwrap();
            prop_assert_eq!(loaded.architecture(), &architecture);
            prop_assert_eq!((info.inference.sweeps, info.training), (3, None));
            prop_assert_eq!(info.preprocessing, PREPROCESSING);
            for l in 0..architecture.matrices() {
                prop_assert_eq!(loaded.weights(l), network.weights(l));
                prop_assert_eq!(loaded.biases(l), network.biases(l));
            }
        }

        #[test]
        fn a_changed_byte_is_an_error_or_another_valid_model(at: prop::sample::Index, byte: u8) {
            let (_, file) = saved(&Architecture::new(1, vec![2], 1), 1);
            let mut bytes = std::fs::read(file.path()).unwrap();
            *at.get_mut(&mut bytes) = byte;
            std::fs::write(file.path(), &bytes).unwrap();
            if let Ok((network, _)) = load(file.path(), 1) {
                prop_assert!(network.weights(0).iter().all(|g| g.is_finite() && *g >= 0.0));
            }
        }

        #[test]
        fn a_shortened_file_is_refused(length: prop::sample::Index) {
            let (_, file) = saved(&Architecture::new(1, vec![2], 1), 1);
            let bytes = std::fs::read(file.path()).unwrap();
            std::fs::write(file.path(), &bytes[..length.index(bytes.len())]).unwrap();
            prop_assert!(load(file.path(), 1).is_err());
        }
    }

    #[test]
    fn equal_networks_give_equal_bytes() {
        let architecture = Architecture::new(3, vec![70, 5], 2);
        let bytes = |threads| std::fs::read(saved(&architecture, threads).1.path()).unwrap();
        assert_eq!(bytes(1), bytes(2));
    }
}

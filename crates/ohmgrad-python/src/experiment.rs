//! `ohmgrad.Experiment`, and the presets.

use std::path::PathBuf;

use ohmgrad::experiment::{Experiment, PRESETS, Preset};
use ohmgrad::record::model::ModelInfo;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::architecture::PyArchitecture;
use crate::dataset::PyDataset;
use crate::errors;
use crate::network::PyNetwork;
use crate::signals::detached;
use crate::trainer;

/// Everything that decides the outcome of a training run: a settings file (TOML) of the command line.
///
/// Parameters
/// ----------
/// toml : str
///     The settings.
///
/// Raises
/// ------
/// ValueError
///     If a setting is unknown or out of range; the message names it, with line and column.
///
/// Examples
/// --------
/// >>> import ohmgrad
/// >>> experiment = ohmgrad.Experiment.preset("digits")
/// >>> experiment.epochs, experiment.settings["rule"]
/// (40, 'c-ep')
/// >>> train, test = experiment.load_data()
/// >>> trainer = ohmgrad.Trainer(experiment.network(), **experiment.settings)
/// >>> epochs = trainer.train(train, 2)
/// >>> trainer.network.evaluate(test).error < 0.2
/// True
#[pyclass(name = "Experiment", module = "ohmgrad", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct PyExperiment(Experiment);

#[pymethods]
impl PyExperiment {
    #[new]
    fn new(toml: &str) -> PyResult<Self> {
        let experiment = Experiment::parse(toml, "toml").map_err(errors::experiment)?;
        Ok(Self(experiment))
    }

    /// The settings that come with ohmgrad under a name; ``presets`` lists the names.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Such as 'digits' or 'drn-xs'.
    ///
    /// Returns
    /// -------
    /// Experiment
    #[staticmethod]
    fn preset(name: &str) -> PyResult<Self> {
        let experiment = Preset::named(name).and_then(|preset| preset.experiment());
        Ok(Self(experiment.map_err(errors::experiment)?))
    }

    /// Reads a settings file.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     The file, such as the ``config.toml`` of a run.
    ///
    /// Returns
    /// -------
    /// Experiment
    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<Self> {
        let experiment = Experiment::from_file(&path).map_err(errors::experiment)?;
        Ok(Self(experiment))
    }

    /// The settings as the text of a settings file.
    #[getter]
    fn toml(&self) -> PyResult<String> {
        self.0.to_toml().map_err(errors::experiment)
    }

    /// Its name.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Seed of the initial conductances, of the order of the examples and of the split of the digits.
    #[getter]
    fn seed(&self) -> u64 {
        self.0.seed
    }

    /// Number of epochs.
    #[getter]
    fn epochs(&self) -> usize {
        self.0.epochs
    }

    /// The network's architecture.
    #[getter]
    fn architecture(&self) -> PyArchitecture {
        PyArchitecture(self.0.network.clone())
    }

    /// How it is trained: the keyword arguments of ``Trainer``.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        trainer::settings(py, &self.0.training, self.0.seed)
    }

    /// The network at the start of training.
    ///
    /// Parameters
    /// ----------
    /// threads : int, optional
    ///     As for ``Network``.
    ///
    /// Returns
    /// -------
    /// Network
    ///     Its ``inference`` is the experiment's free phase.
    #[pyo3(signature = (*, threads=None))]
    fn network(&self, py: Python<'_>, threads: Option<&Bound<'_, PyAny>>) -> PyResult<PyNetwork> {
        PyNetwork::initial(
            py,
            &self.0.network,
            self.0.seed,
            threads,
            ModelInfo {
                preprocessing: self.0.data.preprocessing,
                ..ModelInfo::new(self.0.training.free_phase)
            },
        )
    }

    /// Loads training and test examples, preprocessed as the settings say.
    ///
    /// Returns
    /// -------
    /// (Dataset, Dataset)
    ///
    /// Raises
    /// ------
    /// FileNotFoundError, OSError, ValueError
    ///     If a file is missing or not valid.
    fn load_data(&self, py: Python<'_>) -> PyResult<(PyDataset, PyDataset)> {
        let split = detached(py, || self.0.data.load(self.0.seed))?;
        let split = split.map_err(errors::data_source)?;
        Ok((split.train.into(), split.test.into()))
    }

    fn __repr__(&self) -> String {
        format!("<ohmgrad.Experiment {:?}>", self.0.name)
    }

    fn __getnewargs__(&self) -> PyResult<(String,)> {
        Ok((self.toml()?,))
    }
}

/// Names of the settings that come with ohmgrad: published networks, and one that needs no file.
///
/// Returns
/// -------
/// list of str
///
/// Examples
/// --------
/// >>> import ohmgrad
/// >>> ohmgrad.presets()[:5]
/// ['drn-xs', 'drn-1h', 'drn-2h', 'drn-3h', 'drn-xl']
#[pyfunction]
pub(crate) fn presets() -> Vec<&'static str> {
    PRESETS.map(|preset| preset.name).to_vec()
}

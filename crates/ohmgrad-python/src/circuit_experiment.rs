//! `ohmgrad.CircuitExperiment`: the learning tasks of `ohmgrad learn`.

use std::path::PathBuf;

use ohmgrad::experiment::circuit::{CircuitExperiment, CircuitExperimentError, CircuitProblem};
use ohmgrad::learn::circuit::CircuitExamples;
use pyo3::prelude::*;

use crate::arrays::{matrix, vector};
use crate::circuit::PyCircuit;
use crate::circuit_trainer::PyCircuitTrainer;
use crate::errors;
use crate::signals::detached;

/// Everything that decides the outcome of training a circuit: a task file (TOML) of ``ohmgrad learn``.
///
/// ``CircuitExperiment.load`` reads one.
///
/// Examples
/// --------
/// >>> import ohmgrad, pathlib, tempfile
/// >>> folder = pathlib.Path(tempfile.mkdtemp())
/// >>> _ = (folder / "line.cir").write_text("A divider\nV1 in 0 0\nR1 in out 1\nR2 out 0 1\n")
/// >>> _ = (folder / "line.toml").write_text('''
/// ... name = "line"
/// ... epochs = 100
/// ... netlist = "line.cir"
/// ... outputs = ["v(out)"]
/// ... inputs = { v1 = "x" }
/// ... examples = { columns = ["x", "y"], rows = [[1, 0.25], [2, 0.5]], targets = ["y"] }
/// ... ''')
/// >>> experiment = ohmgrad.CircuitExperiment.load(folder / "line.toml")
/// >>> train, test = experiment.load_data()
/// >>> trainer = experiment.trainer()
/// >>> trainer.train(train, experiment.epochs)[-1].cost < 1e-3
/// True
#[pyclass(name = "CircuitExperiment", module = "ohmgrad", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct PyCircuitExperiment(CircuitExperiment);

/// Arrays (X, y).
type Pair<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

#[pymethods]
impl PyCircuitExperiment {
    /// Reads a task file. Files that it names are looked for beside it.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     The file, such as the ``config.toml`` of a run.
    ///
    /// Returns
    /// -------
    /// CircuitExperiment
    ///
    /// Raises
    /// ------
    /// OSError
    ///     If the file cannot be read.
    /// ValueError
    ///     If a setting is unknown or out of range; the message names it, with line and column.
    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<Self> {
        Ok(Self(CircuitExperiment::from_file(&path).map_err(failure)?))
    }

    /// The settings as the text of a task file, with absolute paths.
    #[getter]
    fn toml(&self) -> PyResult<String> {
        self.0.to_toml().map_err(failure)
    }

    /// Its name.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Seed of the initial conductances and of the order of the examples.
    #[getter]
    fn seed(&self) -> u64 {
        self.0.seed
    }

    /// Number of epochs.
    #[getter]
    fn epochs(&self) -> usize {
        self.0.epochs
    }

    /// Reads the netlist: the circuit at the start of training.
    ///
    /// Returns
    /// -------
    /// Circuit
    ///
    /// Raises
    /// ------
    /// OSError, ValueError
    ///     If a file cannot be read or is not valid.
    fn circuit(&self, py: Python<'_>) -> PyResult<PyCircuit> {
        let problem = self.problem(py)?;
        PyCircuit::new(py, problem.circuit, problem.title)
    }

    /// Reads the examples to learn from, and those to measure the error on, if there are others.
    ///
    /// Returns
    /// -------
    /// ((X, y), (X, y) or None)
    ///     Values of the inputs, and labels or targets, as ``CircuitTrainer.train`` takes them.
    ///
    /// Raises
    /// ------
    /// OSError, ValueError
    ///     If a file cannot be read or is not valid.
    fn load_data<'py>(&self, py: Python<'py>) -> PyResult<(Pair<'py>, Option<Pair<'py>>)> {
        let problem = self.problem(py)?;
        let test = problem.test.as_ref().map(|test| arrays(py, test));
        Ok((arrays(py, &problem.train)?, test.transpose()?))
    }

    /// A trainer at the start of training.
    ///
    /// Returns
    /// -------
    /// CircuitTrainer
    ///
    /// Raises
    /// ------
    /// OSError, ValueError
    ///     If a file cannot be read or is not valid, or the circuit cannot learn the task.
    fn trainer<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let module = slf.py().import("ohmgrad.circuit_trainer")?;
        module
            .getattr("CircuitTrainer")?
            .call_method1("_of", (slf,))
    }

    fn _trainer(&self, py: Python<'_>) -> PyResult<PyCircuitTrainer> {
        let problem = self.problem(py)?;
        let learner = self.0.learner(&problem).map_err(failure)?;
        let levels = self.0.examples.levels;
        Ok(PyCircuitTrainer::of(problem.title, levels, learner))
    }

    fn __repr__(&self) -> String {
        format!("<ohmgrad.CircuitExperiment {:?}>", self.0.name)
    }
}

impl PyCircuitExperiment {
    fn problem(&self, py: Python<'_>) -> PyResult<CircuitProblem> {
        detached(py, || self.0.load())?.map_err(failure)
    }
}

/// Examples as arrays.
fn arrays<'py>(py: Python<'py>, examples: &CircuitExamples) -> PyResult<Pair<'py>> {
    let all = 0..examples.len();
    let inputs: Vec<f64> = all
        .clone()
        .flat_map(|k| examples.inputs(k).to_vec())
        .collect();
    let width = examples.inputs(0).len();
    let x = crate::arrays::table(py, inputs, (examples.len(), width))?.into_any();
    let y = match examples.classifies() {
        true => {
            let label =
                |k| ohmgrad::learn::prediction(examples.targets(k).iter().map(|y| *y as f32));
            vector(py, all.map(|k| label(k) as i64).collect()).into_any()
        }
        false => {
            let targets = all.flat_map(|k| examples.targets(k).to_vec()).collect();
            matrix(py, targets, examples.targets(0).len())?.into_any()
        }
    };
    Ok((x, y))
}

fn failure(error: CircuitExperimentError) -> PyErr {
    match error {
        CircuitExperimentError::Experiment(error) => errors::experiment(error),
        error => errors::value(error),
    }
}

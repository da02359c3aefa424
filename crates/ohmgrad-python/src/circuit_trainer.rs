//! `ohmgrad.CircuitTrainer`: what it needs of the library. Its loop over epochs is in `python/ohmgrad/circuit_trainer.py`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::Instant;

use numpy::ndarray::{Ix1, Ix2};
use numpy::{PyArray1, PyArray2, PyArrayDescrMethods, PyReadonlyArray, PyUntypedArrayMethods};
use ohmgrad::circuit::Circuit;
use ohmgrad::experiment::circuit::task;
use ohmgrad::learn::circuit::{
    CircuitEvaluation, CircuitExamples, CircuitLearner, CircuitOptions, LearnError, LearnerState,
};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};

use crate::arrays::{doubles, frozen, integers, matrix, untyped, vector};
use crate::circuit::PyCircuit;
use crate::dataset::PyDataset;
use crate::errors;
use crate::settings::{count, name_of, named, shortest, size};
use crate::signals::{detached, observed};
use crate::trainer::{Choice, new_optimizer, numbers, optimizer_settings};

/// The kinds of trained parameters.
const PARAMETERS: [&str; 3] = ["conductances", "voltages", "currents"];

/// The compiled part of ``ohmgrad.CircuitTrainer``.
#[pyclass(name = "CircuitTrainer", module = "ohmgrad._ohmgrad", frozen, subclass)]
pub(crate) struct PyCircuitTrainer {
    title: String,
    levels: [f64; 2],
    /// The circuit that training began with.
    start: Circuit,
    learner: Mutex<CircuitLearner>,
}

/// Examples as the library has them.
#[pyclass(name = "CircuitExamples", module = "ohmgrad._ohmgrad", frozen)]
pub(crate) struct PyCircuitExamples(pub(crate) Arc<CircuitExamples>);

#[pymethods]
impl PyCircuitExamples {
    fn __len__(&self) -> usize {
        self.0.len()
    }
}

#[pymethods]
impl PyCircuitTrainer {
    #[new]
    #[pyo3(signature = (circuit, inputs, outputs, *, train=None, rule="c-ep", beta=None, cost="squared-error",
        batch_size=None, learning_rate=None, optimizer=None, schedule=None, weight_decay=0.0, g_min=1e-9, g_max=1e3,
        levels=[0.0, 1.0], seed=None),
        text_signature = "(circuit, inputs, outputs, *, train=None, rule='c-ep', beta=None, cost='squared-error', \
            batch_size=4, learning_rate=0.1, optimizer='sgd', schedule='constant', weight_decay=0.0, g_min=1e-09, \
            g_max=1000.0, levels=(0.0, 1.0), seed=0)")]
    fn new(
        py: Python<'_>,
        circuit: &PyCircuit,
        inputs: Vec<String>,
        outputs: Vec<String>,
        train: Option<Vec<String>>,
        rule: &str,
        beta: Option<f32>,
        cost: &str,
        batch_size: Option<&Bound<'_, PyAny>>,
        learning_rate: Option<&Bound<'_, PyAny>>,
        optimizer: Option<Choice>,
        schedule: Option<Choice>,
        weight_decay: f32,
        g_min: f64,
        g_max: f64,
        levels: [f64; 2],
        seed: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let standard = CircuitOptions::default();
        let rates = match learning_rate {
            None => standard.optimizer.learning_rates.clone(),
            Some(rate) => numbers(rate, PARAMETERS.map(str::to_owned).into_iter())?,
        };
        let (update, course) = (
            Choice::table(optimizer, "method"),
            Choice::table(schedule, "kind"),
        );
        let optimizer = new_optimizer(update, course, weight_decay, rates)?;
        let batch = batch_size.map_or(Ok(4), |batch| size("batch_size", batch))?;
        let mut options = standard
            .with_rule(named("rule", rule)?)
            .with_cost(named("cost", cost)?)
            .with_optimizer(optimizer)
            .with_bounds(g_min, g_max)
            .with_batch(batch);
        options.beta = beta;
        let seed = seed.map_or(Ok(0), |seed| count("seed", seed))?;
        let copy = circuit.with(py, |state| state.circuit.clone());
        let names = inputs.iter().map(String::as_str);
        let task = task(&copy, names, &outputs, train.as_deref()).map_err(errors::value)?;
        let learner = CircuitLearner::new(&copy, task, options, seed).map_err(learn)?;
        Ok(Self::of(circuit.title().to_owned(), levels, learner))
    }

    /// The circuit as it stands: a copy.
    #[getter]
    fn circuit(&self, py: Python<'_>) -> PyResult<PyCircuit> {
        let circuit = self.learner()?.circuit().clone();
        PyCircuit::new(py, circuit, self.title.clone())
    }

    /// The circuit that training began with: a copy.
    #[getter]
    fn _start(&self, py: Python<'_>) -> PyResult<PyCircuit> {
        PyCircuit::new(py, self.start.clone(), self.title.clone())
    }

    /// Finished epochs.
    #[getter]
    fn epoch(&self) -> PyResult<usize> {
        Ok(self.learner()?.epochs())
    }

    /// The names of the trained elements.
    #[getter]
    fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let learner = self.learner()?;
        let names = learner.circuit().element_names();
        let trained = learner.task().trained().iter();
        PyTuple::new(py, trained.map(|id| &names[id.index()]))
    }

    /// The values of the trained elements, an array of float64 in the order of ``names``: conductances in siemens,
    /// voltages in volt, currents in ampere. A read-only copy; the attribute can be set, to values within the bounds:
    /// the optimizer then remembers nothing of the steps before.
    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        frozen(vector(py, self.learner()?.values()))
    }

    #[setter]
    fn set_values(&self, values: &Bound<'_, PyAny>) -> PyResult<()> {
        let values: PyReadonlyArray<'_, f64, Ix1> = doubles("values", values)?;
        let mut learner = self.learner()?;
        let epochs = learner.epochs();
        learner.resume(epochs, values.as_slice()?).map_err(learn)
    }

    /// The keyword arguments that make such a trainer, complete.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let learner = self.learner()?;
        let (circuit, task, options) = (learner.circuit(), learner.task(), learner.options());
        let names = circuit.element_names();
        let inputs = task.inputs().iter().map(|id| &names[id.index()]);
        let trained = task.trained().iter().map(|id| &names[id.index()]);
        let outputs = task.outputs().iter().map(|output| output.name(circuit));
        let settings = PyDict::new(py);
        settings.set_item("inputs", inputs.collect::<Vec<_>>())?;
        settings.set_item("outputs", outputs.collect::<Vec<_>>())?;
        settings.set_item("train", trained.collect::<Vec<_>>())?;
        settings.set_item("rule", name_of(&options.rule)?)?;
        settings.set_item("beta", options.beta.map(shortest))?;
        settings.set_item("cost", name_of(&options.cost)?)?;
        settings.set_item("batch_size", options.batch)?;
        optimizer_settings(py, &options.optimizer, &settings)?;
        settings.set_item("g_min", options.g_min)?;
        settings.set_item("g_max", options.g_max)?;
        settings.set_item("levels", (self.levels[0], self.levels[1]))?;
        settings.set_item("seed", learner.seed())?;
        Ok(settings)
    }

    /// Trains on every example once, in a new random order.
    ///
    /// Parameters
    /// ----------
    /// data : pair (X, y) or Dataset
    ///     Examples, see ``train``.
    /// progress : callable, optional
    ///     Called about 20 times per second with the number of examples trained on so far in this epoch; it
    ///     cannot use the trainer. If it raises an exception, training stops with that exception.
    ///
    /// Returns
    /// -------
    /// CircuitEpoch
    ///     What the free states showed, before each update.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     If the data are not valid or do not fit.
    /// TrainingError
    ///     If an operating point does not exist or is not found, or a trained value is not finite.
    /// KeyboardInterrupt
    ///     On Ctrl-C. As after every error, the circuit is then in the middle of the epoch, and usable.
    #[pyo3(signature = (data, progress=None))]
    fn train_epoch<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let data = self.given(data)?;
        let done = Arc::new(AtomicUsize::new(0));
        let observe = {
            let done = done.clone();
            move |py: Python<'_>| match &progress {
                Some(progress) => {
                    let done = done.load(Ordering::Relaxed);
                    progress.call1(py, (done,)).map(drop)
                }
                None => Ok(()),
            }
        };
        let start = Instant::now();
        let (epoch, found) = observed(py, observe, || {
            let mut learner = self.learner()?;
            let observe = |examples| done.store(examples, Ordering::Relaxed);
            let found = learner.train_epoch(&data, observe).map_err(learn)?;
            Ok::<_, PyErr>((learner.epochs(), found))
        })??;
        let seconds = start.elapsed().as_secs_f64();
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let class = CLASS.import(py, "ohmgrad.results", "CircuitEpoch")?;
        class.call1((epoch, found.examples, found.wrong, found.cost, seconds))
    }

    /// Measures how well the circuit answers.
    ///
    /// Parameters
    /// ----------
    /// data : pair (X, y) or Dataset
    ///     Examples, see ``train``.
    ///
    /// Returns
    /// -------
    /// CircuitEvaluation
    ///     Outputs, cost, and errors if y are labels.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError, TrainingError
    ///     As ``train_epoch``.
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let data = self.given(data)?;
        let found = detached(py, || self.learner()?.evaluate(&data).map_err(learn))??;
        let CircuitEvaluation {
            cost,
            worst,
            wrong,
            examples,
            outputs,
        } = found;
        let width = outputs.first().map_or(0, Vec::len);
        let outputs = matrix(py, outputs.concat(), width)?;
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let class = CLASS.import(py, "ohmgrad.results", "CircuitEvaluation")?;
        class.call1((examples, wrong, cost, worst, outputs))
    }

    /// What the circuit answers.
    ///
    /// Parameters
    /// ----------
    /// X : array of shape (n, inputs)
    ///     Values of the inputs, in volt or ampere.
    ///
    /// Returns
    /// -------
    /// array of float64, shape (n, outputs)
    ///     The outputs in volt or ampere.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError, TrainingError
    ///     As ``train_epoch``.
    #[allow(non_snake_case)]
    fn outputs<'py>(
        &self,
        py: Python<'py>,
        X: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let inputs = rows("X", X)?;
        let width = self.learner()?.task().outputs().len();
        let targets = vec![vec![0.0; width]; inputs.len()];
        let examples = CircuitExamples::new(inputs, targets).map_err(errors::value)?;
        let found = detached(py, || self.learner()?.evaluate(&examples).map_err(learn))??;
        matrix(py, found.outputs.concat(), width)
    }

    /// The mean of the rule's contrasts over all examples: the gradient of the mean cost by the trained values, or what
    /// the rule has in its place.
    ///
    /// Parameters
    /// ----------
    /// data : pair (X, y) or Dataset
    ///     Examples, see ``train``.
    ///
    /// Returns
    /// -------
    /// array of float64, shape (names,)
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError, TrainingError
    ///     As ``train_epoch``.
    fn gradient<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let data = self.given(data)?;
        let gradient = detached(py, || self.learner()?.gradient(&data).map_err(learn))??;
        Ok(vector(py, gradient))
    }

    /// Examples in the form in which they are used, whatever they are given as.
    fn _examples(&self, data: &Bound<'_, PyAny>) -> PyResult<PyCircuitExamples> {
        Ok(PyCircuitExamples(self.given(data)?))
    }

    /// What training goes on from, as JSON.
    fn _state(&self) -> PyResult<String> {
        let learner = self.learner()?;
        serde_json::to_string(&(learner.epochs(), learner.state())).map_err(errors::value)
    }

    /// Goes on from there.
    fn _restore(&self, state: &str) -> PyResult<()> {
        let (epochs, state): (usize, LearnerState) =
            serde_json::from_str(state).map_err(errors::value)?;
        self.learner()?.restore(epochs, state).map_err(learn)
    }
}

impl PyCircuitTrainer {
    /// A learner that is ready to train.
    pub(crate) fn of(title: String, levels: [f64; 2], learner: CircuitLearner) -> Self {
        Self {
            title,
            levels,
            start: learner.circuit().clone(),
            learner: Mutex::new(learner),
        }
    }

    /// The learner, unless it is at work.
    fn learner(&self) -> PyResult<MutexGuard<'_, CircuitLearner>> {
        match self.learner.try_lock() {
            Ok(learner) => Ok(learner),
            Err(TryLockError::Poisoned(learner)) => Ok(learner.into_inner()),
            Err(TryLockError::WouldBlock) => Err(PyRuntimeError::new_err(
                "this trainer is at work: a callback of its progress, a signal handler or another thread cannot use it",
            )),
        }
    }

    /// The examples of an argument.
    fn given(&self, data: &Bound<'_, PyAny>) -> PyResult<Arc<CircuitExamples>> {
        if let Ok(examples) = data.cast::<PyCircuitExamples>() {
            return Ok(examples.get().0.clone());
        }
        let (x, y) = match data.cast::<PyDataset>() {
            Ok(data) => (data.getattr("X")?, data.getattr("y")?),
            Err(_) => data.extract().map_err(|_| {
                PyTypeError::new_err("data must be a pair of arrays (X, y) or a Dataset")
            })?,
        };
        let inputs = rows("X", &x)?;
        let y = untyped("y", &y)?;
        if y.dtype().kind() == b'f' {
            let targets = match y.ndim() {
                1 => column(&y)?,
                _ => rows("y", &y)?,
            };
            let examples = CircuitExamples::new(inputs, targets);
            return examples.map(Arc::new).map_err(errors::value);
        }
        let labels: PyReadonlyArray<'_, i64, Ix1> = integers("y", &y)?;
        let label = |(k, label): (usize, &i64)| {
            usize::try_from(*label).map_err(|_| {
                PyValueError::new_err(format!(
                    "y[{k}] is {label}: labels count the outputs from 0"
                ))
            })
        };
        let labels = labels.as_slice()?.iter().enumerate().map(label);
        let labels = labels.collect::<PyResult<Vec<usize>>>()?;
        let outputs = self.learner()?.task().outputs().len();
        let examples = CircuitExamples::of_classes(inputs, &labels, outputs, self.levels);
        examples.map(Arc::new).map_err(errors::value)
    }
}

/// The rows of a matrix.
fn rows(name: &str, matrix: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<f64>>> {
    let matrix: PyReadonlyArray<'_, f64, Ix2> = doubles(name, matrix)?;
    let rows = matrix.as_array();
    Ok(rows.rows().into_iter().map(|row| row.to_vec()).collect())
}

/// A vector as a matrix of one column.
fn column(vector: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<f64>>> {
    let vector: PyReadonlyArray<'_, f64, Ix1> = doubles("y", vector)?;
    Ok(vector
        .as_slice()?
        .iter()
        .map(|value| vec![*value])
        .collect())
}

/// An error of learning: `TrainingError` where training cannot go on, `ValueError` where something does not fit.
fn learn(error: LearnError) -> PyErr {
    match error {
        LearnError::Value(_)
        | LearnError::Presolve { .. }
        | LearnError::NotConverged { .. }
        | LearnError::Open { .. } => errors::training(&error),
        error => errors::value(error),
    }
}

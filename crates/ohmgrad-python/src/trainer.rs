//! `ohmgrad.Trainer`: what it needs of the library. Its loop over epochs is in `python/ohmgrad/trainer.py`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use ohmgrad::drn::Architecture;
use ohmgrad::learn::{Optimizer, Rule, TrainOptions, Trainer};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};
use serde::Deserialize;
use toml::{Table, Value};

use crate::dataset::PyDataset;
use crate::errors;
use crate::gradients;
use crate::network::{Holder, PyNetwork, Shared};
use crate::settings::{count, name_of, named, shortest, size};
use crate::settling::PySettling;
use crate::signals::observed;

/// Trainers have numbers, so that one whose network was taken over notices.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The compiled part of ``ohmgrad.Trainer``.
#[pyclass(name = "Trainer", module = "ohmgrad._ohmgrad", frozen, subclass)]
pub(crate) struct PyTrainer {
    network: Py<PyNetwork>,
    shared: Arc<Shared>,
    number: u64,
    options: TrainOptions,
    seed: u64,
    /// Finished epochs.
    epoch: AtomicUsize,
}

/// One learning rate for all parameters, or one for each.
#[derive(FromPyObject)]
enum LearningRate {
    Common(f32),
    Each(BTreeMap<String, f32>),
}

/// One of several methods: its name, or the entries of its table in a settings file.
#[derive(FromPyObject)]
enum Choice {
    Name(String),
    Table(BTreeMap<String, Entry>),
}

#[derive(FromPyObject)]
enum Entry {
    Text(String),
    Whole(i64),
    Number(f64),
}

impl Choice {
    /// The table, in which the name is the entry `key`.
    fn table(choice: Option<Self>, key: &str) -> Table {
        let value = |entry| match entry {
            Entry::Text(text) => Value::String(text),
            Entry::Whole(number) => Value::Integer(number),
            Entry::Number(number) => Value::Float(number),
        };
        match choice {
            None => Table::new(),
            Some(Choice::Name(name)) => Table::from_iter([(key.to_owned(), Value::String(name))]),
            Some(Choice::Table(entries)) => {
                let entries = entries.into_iter();
                entries.map(|(key, entry)| (key, value(entry))).collect()
            }
        }
    }
}

#[pymethods]
impl PyTrainer {
    #[new]
    #[pyo3(signature = (network, rule="c-ep", *, beta=None, cost="squared-error", batch_size=None, initial_state="persistent",
        free_phase=None, nudged_phase=None, learning_rate=LearningRate::Common(0.01), optimizer=None,
        schedule=None, weight_decay=0.0, seed=None),
        text_signature = "(network, rule='c-ep', *, beta=None, cost='squared-error', batch_size=4, \
            initial_state='persistent', free_phase=None, nudged_phase=None, learning_rate=0.01, \
            optimizer='sgd', schedule='constant', weight_decay=0.0, seed=0)")]
    fn new(
        py: Python<'_>,
        network: Py<PyNetwork>,
        rule: &str,
        beta: Option<f32>,
        cost: &str,
        batch_size: Option<&Bound<'_, PyAny>>,
        initial_state: &str,
        free_phase: Option<PySettling>,
        nudged_phase: Option<PySettling>,
        learning_rate: LearningRate,
        optimizer: Option<Choice>,
        schedule: Option<Choice>,
        weight_decay: f32,
        seed: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let architecture = network.get().shape();
        let rule: Rule = named("rule", rule)?;
        let options = TrainOptions {
            rule,
            beta: beta.or_else(|| standard_beta(rule)),
            cost: named("cost", cost)?,
            batch: batch_size.map_or(Ok(4), |batch| size("batch_size", batch))?,
            initial_state: named("initial_state", initial_state)?,
            free_phase: free_phase.unwrap_or_default().0,
            nudged_phase: nudged_phase.unwrap_or_default().0,
            optimizer: new_optimizer(
                Choice::table(optimizer, "method"),
                Choice::table(schedule, "kind"),
                weight_decay,
                rates(learning_rate, architecture),
            )?,
        };
        options.validate(architecture).map_err(errors::value)?;
        let seed = seed.map_or(Ok(0), |seed| count("seed", seed))?;
        let trainer = Self {
            shared: network.get().shared.clone(),
            network,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            options,
            seed,
            epoch: AtomicUsize::new(0),
        };
        trainer.take_over(py)?;
        Ok(trainer)
    }

    /// The network that is trained: the one given, not a copy.
    #[getter]
    fn network(&self, py: Python<'_>) -> Py<PyNetwork> {
        self.network.clone_ref(py)
    }

    /// Finished epochs.
    #[getter]
    fn epoch(&self) -> usize {
        self.epoch.load(Ordering::Relaxed)
    }

    /// The keyword arguments that make such a trainer, complete.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        settings(py, &self.options, self.seed)
    }

    /// Trains on every example once, in a new random order.
    ///
    /// Parameters
    /// ----------
    /// data : Dataset
    ///     Examples with as many features and outputs as the network has.
    /// progress : callable, optional
    ///     Called about 20 times per second with the number of examples trained on so far in this epoch; it
    ///     cannot use the network. If it raises an exception, training stops with that exception.
    ///
    /// Returns
    /// -------
    /// Epoch
    ///     What the free phases showed, before each update.
    ///
    /// Raises
    /// ------
    /// TrainingError
    ///     If training diverged, or a negative nudge leaves the energy without a minimum.
    /// ValueError
    ///     If the data do not fit the network or the cost.
    /// KeyboardInterrupt
    ///     On Ctrl-C. As after every error, the network is then in the middle of the epoch, and usable.
    #[pyo3(signature = (data, progress=None))]
    fn train_epoch<'py>(
        &self,
        py: Python<'py>,
        data: &PyDataset,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let data = data.0.clone();
        let examples = Arc::new(AtomicUsize::new(0));
        let observe = {
            let examples = examples.clone();
            move |py: Python<'_>| match &progress {
                Some(progress) => {
                    let examples = examples.load(Ordering::Relaxed);
                    progress.call1(py, (examples,)).map(drop)
                }
                None => Ok(()),
            }
        };
        let start = Instant::now();
        let trained = observed(py, observe, || {
            self.shared.write_detached(|holder| {
                let trainer = self.own(holder)?;
                let trained = trainer.train_epoch(&data, |step| {
                    examples.store(step.examples, Ordering::Relaxed);
                });
                self.epoch.store(trainer.epoch(), Ordering::Relaxed);
                trained.map_err(errors::train)
            })
        });
        self.network.get().trained(self.options.free_phase);
        let epoch = trained??;
        let steps = epoch.examples.div_ceil(self.options.batch) as f64;
        class(py)?.call1((
            self.epoch(),
            epoch.examples,
            data.classes().map(|_| epoch.errors),
            epoch.mean_cost(),
            epoch.sweeps[0] as f64 / steps,
            epoch.sweeps[1] as f64 / steps,
            start.elapsed().as_secs_f64(),
        ))
    }

    /// Compares the gradients that training follows with the exact one, to choose ``beta`` and the sweeps.
    ///
    /// The network is not trained. The rule's gradients are the mean of what the steps of one pass over the examples would
    /// follow, with this trainer's batches, initial states and settling, in float32. The exact one is that of the cost at the
    /// settled state, by adjoint learning in float64, settled to a relative residual of 1e-11.
    ///
    /// Parameters
    /// ----------
    /// data : Dataset
    ///     At least one batch of examples; whole batches of them are used. Some tens are enough.
    /// betas : sequence of float, optional
    ///     Amplitudes to try. Default: that of the trainer.
    /// sweeps : sequence of int, optional
    ///     Numbers of sweeps to try, in both phases. Default: those of the trainer.
    ///
    /// Returns
    /// -------
    /// GradientReport
    ///     Cosine and ratio of norms for every beta, number of sweeps and parameter.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If there is less than one batch, an amplitude or a number of sweeps is refused, the data do not fit, or the network
    ///     is a Hopfield network.
    /// KeyboardInterrupt
    ///     On Ctrl-C.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> digits = ohmgrad.datasets.load_digits().split(0.02)[1]
    /// >>> network = ohmgrad.Network(ohmgrad.Architecture(64, [64], 10, input_gain=30))
    /// >>> trainer = ohmgrad.Trainer(network, "p-ep")
    /// >>> report = trainer.compare_gradients(digits, betas=[0.01, 1], sweeps=[4, 100])
    /// >>> min(row.cosine for row in report.rows if row.free_sweeps == 100) > 0.9
    /// True
    #[pyo3(signature = (data, *, betas=None, sweeps=None))]
    fn compare_gradients<'py>(
        &self,
        py: Python<'py>,
        data: &PyDataset,
        betas: Option<Vec<f32>>,
        sweeps: Option<Vec<Bound<'py, PyAny>>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (data, betas) = (data.0.clone(), betas.unwrap_or_default());
        let sweeps = sweeps.unwrap_or_default();
        let sweeps = sweeps.iter().map(|number| size("sweeps", number));
        let sweeps = sweeps.collect::<PyResult<Vec<usize>>>()?;
        let report = self.shared.read(py, |holder| {
            gradients::compare(holder.network()?, &self.options, &data, &betas, &sweeps)
        })?;
        let names = self.network.get().shape().parameter_names();
        gradients::report(py, &report, &names)
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "a Trainer cannot be copied or pickled: copy or pickle its network, and make a new Trainer with its settings",
        ))
    }
}

impl PyTrainer {
    /// Takes the network away from whoever trained it until now.
    fn take_over(&self, py: Python<'_>) -> PyResult<()> {
        self.shared.write(py, |holder| {
            let trainer = Trainer::new(holder.take()?, self.options.clone(), self.seed);
            *holder = Holder::Trainer(Box::new(trainer.map_err(errors::value)?), self.number);
            Ok(())
        })
    }

    /// The library's trainer, if it still is this one's.
    fn own<'a>(&self, holder: &'a mut Holder) -> PyResult<&'a mut Trainer> {
        match holder {
            Holder::Trainer(trainer, number) if *number == self.number => Ok(trainer),
            _ => Err(PyRuntimeError::new_err(
                "a later Trainer has taken the network over: use that one, or train a copy of the network",
            )),
        }
    }
}

impl Drop for PyTrainer {
    fn drop(&mut self) {
        self.shared.leave(self.number);
    }
}

/// The class in Python.
fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "ohmgrad.results", "Epoch")
}

/// 1 S for equilibrium propagation; of the other rules coupled learning has no natural amplitude, and the rest none.
fn standard_beta(rule: Rule) -> Option<f32> {
    matches!(rule, Rule::PositiveEp | Rule::NegativeEp | Rule::CenteredEp).then_some(1.0)
}

fn rates(rate: LearningRate, architecture: &Architecture) -> BTreeMap<String, f32> {
    match rate {
        LearningRate::Each(rates) => rates,
        LearningRate::Common(rate) => {
            let names = architecture.parameter_names().into_iter();
            names.map(|name| (name, rate)).collect()
        }
    }
}

/// The optimiser of these settings, read as from a settings file.
fn new_optimizer(
    mut table: Table,
    schedule: Table,
    weight_decay: f32,
    rates: BTreeMap<String, f32>,
) -> PyResult<Optimizer> {
    let number = |number: f32| Value::Float(number.into());
    let rates = rates.into_iter().map(|(name, rate)| (name, number(rate)));
    for (key, value) in [
        ("schedule", Value::Table(schedule)),
        ("weight_decay", number(weight_decay)),
        ("learning_rates", Value::Table(rates.collect())),
    ] {
        if table.insert(key.to_owned(), value).is_some() {
            return Err(PyValueError::new_err(format!(
                "optimizer: {key} is an argument of its own"
            )));
        }
    }
    let parsed = Optimizer::deserialize(Value::Table(table));
    parsed.map_err(|error| PyValueError::new_err(format!("optimizer: {}", error.message())))
}

/// Some entries of a table of a settings file.
fn entries<'py>(py: Python<'py>, table: &Table) -> PyResult<Bound<'py, PyDict>> {
    let entries = PyDict::new(py);
    for (key, value) in table {
        match value {
            Value::String(text) => entries.set_item(key, text)?,
            Value::Integer(number) => entries.set_item(key, number)?,
            Value::Float(number) => entries.set_item(key, shortest(*number as f32))?,
            _ => {}
        }
    }
    Ok(entries)
}

/// Options as keyword arguments of `ohmgrad.Trainer`.
pub(crate) fn settings<'py>(
    py: Python<'py>,
    options: &TrainOptions,
    seed: u64,
) -> PyResult<Bound<'py, PyDict>> {
    let optimizer = &options.optimizer;
    let settings = PyDict::new(py);
    settings.set_item("rule", name_of(&options.rule)?)?;
    settings.set_item("beta", options.beta.map(shortest))?;
    settings.set_item("cost", name_of(&options.cost)?)?;
    settings.set_item("batch_size", options.batch)?;
    settings.set_item("initial_state", name_of(&options.initial_state)?)?;
    settings.set_item("free_phase", PySettling(options.free_phase))?;
    settings.set_item("nudged_phase", PySettling(options.nudged_phase))?;
    let rates = optimizer.learning_rates.iter();
    let rates: BTreeMap<_, _> = rates.map(|(name, rate)| (name, shortest(*rate))).collect();
    settings.set_item("learning_rate", rates)?;
    let mut table = Table::try_from(optimizer).map_err(errors::value)?;
    table.remove("weight_decay");
    settings.set_item("optimizer", entries(py, &table)?)?;
    let schedule = Table::try_from(optimizer.schedule).map_err(errors::value)?;
    settings.set_item("schedule", entries(py, &schedule)?)?;
    settings.set_item("weight_decay", shortest(optimizer.weight_decay))?;
    settings.set_item("seed", seed)?;
    Ok(settings)
}

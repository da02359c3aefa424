//! `ohmgrad.Trainer`: what it needs of the library. Its loop over epochs is in `python/ohmgrad/trainer.py`.

mod settings;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use ohmgrad::learn::{Rule, TrainOptions, Trainer};
use ohmgrad::record::checkpoint;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyType};

use settings::rates;
pub(crate) use settings::{Choice, new_optimizer, numbers, optimizer_settings, settings};

use crate::dataset::PyDataset;
use crate::errors;
use crate::examples;
use crate::gradients;
use crate::network::{Holder, PyNetwork, Shared, WAITING};
use crate::settings::{count, named, size, threads};
use crate::settling::PySettling;
use crate::signals::{detached, observed};

/// Trainers have numbers, so that one whose network was taken over notices.
static NEXT: AtomicU64 = AtomicU64::new(WAITING + 1);

/// What makes a trainer go on: its network, its keyword arguments, and what its history says.
type Resumed<'py> = (PyNetwork, Bound<'py, PyDict>, String);

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

#[pymethods]
impl PyTrainer {
    #[new]
    #[pyo3(signature = (network, rule="c-ep", *, beta=None, cost="squared-error", batch_size=None, initial_state="persistent",
        free_phase=None, nudged_phase=None, learning_rate=None, optimizer=None,
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
        learning_rate: Option<&Bound<'_, PyAny>>,
        optimizer: Option<Choice>,
        schedule: Option<Choice>,
        weight_decay: f32,
        seed: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let architecture = network.get().shape();
        let rule: Rule = named("rule", rule)?;
        let standard = |holder: &Holder| Ok(TrainOptions::standard_beta(rule, holder.network()?));
        let beta = match beta {
            Some(beta) => Some(beta),
            None => network.get().shared.read(py, standard)?,
        };
        let options = TrainOptions {
            rule,
            beta,
            cost: named("cost", cost)?,
            batch: batch_size.map_or(Ok(4), |batch| size("batch_size", batch))?,
            initial_state: named("initial_state", initial_state)?,
            free_phase: free_phase.unwrap_or_default().0,
            nudged_phase: nudged_phase.unwrap_or_default().0,
            optimizer: new_optimizer(
                Choice::table(optimizer, "method"),
                Choice::table(schedule, "kind"),
                weight_decay,
                rates(learning_rate, architecture)?,
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
    /// data : Dataset or pair (X, y)
    ///     Examples with as many features and outputs as the network has. Arrays as ``Dataset`` takes them; labels
    ///     are those of the network's outputs.
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
        data: &Bound<'py, PyAny>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let data = examples::given(data, self.network.get().shape())?;
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
                trained.map_err(|error| examples::failure(error, &data))
            })
        });
        self.network.get().trained(self.options.free_phase);
        let epoch = trained??;
        let steps = epoch.examples.div_ceil(self.options.batch) as f64;
        let schedule = self.options.optimizer.schedule;
        class(py)?.call1((
            self.epoch(),
            epoch.examples,
            data.classes().map(|_| epoch.errors),
            epoch.mean_cost(),
            epoch.sweeps[0] as f64 / steps,
            epoch.sweeps[1] as f64 / steps,
            start.elapsed().as_secs_f64(),
            schedule.factor(self.epoch() as f64 - 1.0),
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
    /// data : Dataset or pair (X, y)
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
        data: &Bound<'py, PyAny>,
        betas: Option<Vec<f32>>,
        sweeps: Option<Vec<Bound<'py, PyAny>>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let data = examples::given(data, self.network.get().shape())?;
        let betas = betas.unwrap_or_default();
        let sweeps = sweeps.unwrap_or_default();
        let sweeps = sweeps.iter().map(|number| size("sweeps", number));
        let sweeps = sweeps.collect::<PyResult<Vec<usize>>>()?;
        let report = self.shared.read(py, |holder| {
            gradients::compare(holder.network()?, &self.options, &data, &betas, &sweeps)
        })?;
        let names = self.network.get().shape().parameter_names();
        gradients::report(py, &report, &names)
    }

    /// Examples as a Dataset, whatever they are given as.
    fn _examples(&self, data: &Bound<'_, PyAny>) -> PyResult<PyDataset> {
        Ok(PyDataset(examples::given(
            data,
            self.network.get().shape(),
        )?))
    }

    /// Writes a checkpoint, with what the history says.
    fn _save(&self, py: Python<'_>, path: PathBuf, history: &str) -> PyResult<()> {
        self.shared.write(py, |holder| {
            checkpoint::save_trainer(&path, self.own(holder)?, history).map_err(errors::write)
        })
    }

    /// A checkpoint as bytes.
    fn _state<'py>(&self, py: Python<'py>, history: &str) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.shared.write(py, |holder| {
            let mut bytes = Vec::new();
            checkpoint::write_trainer(&mut bytes, self.own(holder)?, history)?;
            Ok(bytes)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Reads a checkpoint: the path of a file, or bytes.
    #[staticmethod]
    fn _read<'py>(
        py: Python<'py>,
        checkpoint: &Bound<'py, PyAny>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Resumed<'py>> {
        let threads = self::threads(threads)?;
        let read = match checkpoint.cast::<PyBytes>() {
            Ok(bytes) => {
                let bytes = bytes.as_bytes().to_vec();
                detached(py, || {
                    checkpoint::trainer_from_bytes("<pickle>", bytes, threads)
                })?
            }
            Err(_) => {
                let path: PathBuf = checkpoint.extract()?;
                detached(py, || checkpoint::load_trainer(&path, threads))?
            }
        };
        let (trainer, history) = read.map_err(errors::read)?;
        let arguments = settings(py, trainer.options(), trainer.seed())?;
        Ok((PyNetwork::waiting(trainer), arguments, history))
    }
}

impl PyTrainer {
    /// Takes the network away from whoever trained it until now, or goes on with a trainer that was read from a file.
    fn take_over(&self, py: Python<'_>) -> PyResult<()> {
        self.shared.write(py, |holder| {
            if let Holder::Trainer(trainer, number) = holder
                && *number == WAITING
                && (trainer.options(), trainer.seed()) == (&self.options, self.seed)
            {
                *number = self.number;
                self.epoch.store(trainer.epoch(), Ordering::Relaxed);
                return Ok(());
            }
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

//! `ohmgrad.Network`.

mod holder;
mod parameters;
mod rust;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use numpy::{PyArray1, PyArray2, PyArrayDyn};
use ohmgrad::circuit::netlist;
use ohmgrad::record::model::{self, ModelInfo, Origin};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

pub(crate) use holder::{Holder, Shared, WAITING};

use crate::architecture::PyArchitecture;
use crate::circuit::PyCircuit;
use crate::errors;
use crate::evaluation;
use crate::settings::{count, threads};
use crate::settled;
use crate::settling::PySettling;
use crate::signals::detached;

/// A deep resistive network: an architecture with its conductances (siemens) and biases (ampere).
///
/// A new network has random conductances, uniform in ``[-1, 1] * gain / sqrt(fan-in)`` and then
/// clamped to the bounds, so that about half of them start at ``g_min``; its biases are 0.
///
/// Parameters are read and set by name as arrays of float32, ``network["W1"]``. Reading gives a copy that cannot be
/// written to, as the network would not follow: ``w = network["W1"].copy()``, change ``w``, ``network["W1"] = w``.
/// Several Python threads may use one network at once: whoever settles it sees the parameters either
/// before or after a change.
///
/// Parameters
/// ----------
/// architecture : Architecture
///     Layer sizes, gains and bounds.
/// seed : int, default 0
///     Seed of the random conductances, drawn by ChaCha8: the same numbers on every machine.
/// threads : int, optional
///     Number of threads that work on it, at least 1, at most one per 64 units of the widest layer.
///     No result depends on it. Default: one per 200,000 conductances, at most one per processor.
///
/// Raises
/// ------
/// MemoryError
///     If the conductances need more memory than there is.
///
/// Examples
/// --------
/// >>> import numpy, ohmgrad
/// >>> network = ohmgrad.Network(ohmgrad.Architecture(2, [4], 1), seed=1)
/// >>> network["W1"].shape
/// (4, 4)
/// >>> network["b1"] = numpy.array([0.1, 0.0, 0.0, 0.2])
/// >>> settled = network.settle([[0.3, 0.7], [1.0, 0.0]], tolerance=1e-5)
/// >>> settled.outputs.shape
/// (2, 1)
/// >>> bool((settled.residuals <= 1e-5).all())
/// True
#[pyclass(name = "Network", module = "ohmgrad", frozen)]
pub(crate) struct PyNetwork {
    pub(crate) shared: Arc<Shared>,
    architecture: PyArchitecture,
    threads: usize,
    info: Mutex<ModelInfo>,
}

#[pymethods]
impl PyNetwork {
    #[new]
    #[pyo3(signature = (architecture, *, seed=None, threads=None), text_signature = "(architecture, *, seed=0, threads=None)")]
    fn new(
        py: Python<'_>,
        architecture: PyArchitecture,
        seed: Option<&Bound<'_, PyAny>>,
        threads: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let seed = seed.map_or(Ok(0), |seed| count("seed", seed))?;
        Self::initial(
            py,
            &architecture.0,
            seed,
            threads,
            ModelInfo::new(PySettling::default().0),
        )
    }

    /// A network with given parameters.
    ///
    /// Parameters
    /// ----------
    /// architecture : Architecture
    ///     Layer sizes, gains and bounds.
    /// parameters : mapping of str to array
    ///     Every parameter by its name, shaped as ``architecture.shapes`` says.
    /// threads : int, optional
    ///     As for ``Network``.
    ///
    /// Returns
    /// -------
    /// Network
    ///
    /// Raises
    /// ------
    /// KeyError
    ///     If a parameter is missing or unknown.
    /// ValueError
    ///     If an array has the wrong shape, or a value that is not finite or not within the bounds.
    ///
    /// Examples
    /// --------
    /// >>> import numpy, ohmgrad
    /// >>> divider = ohmgrad.Architecture(1, [], 1)
    /// >>> parameters = {"W1": numpy.array([[3.0], [1.0]]), "b1": numpy.zeros(1)}
    /// >>> ohmgrad.Network.from_parameters(divider, parameters).settle([[2.0]]).outputs
    /// array([[1.]], dtype=float32)
    #[staticmethod]
    #[pyo3(signature = (architecture, parameters, *, threads=None))]
    fn from_parameters(
        py: Python<'_>,
        architecture: PyArchitecture,
        parameters: &Bound<'_, PyMapping>,
        threads: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let names = architecture.0.parameter_names();
        for name in &names {
            if !parameters.contains(name)? {
                return Err(PyKeyError::new_err(format!("{name} is missing")));
            }
        }
        let network = Self::initial(
            py,
            &architecture.0,
            0,
            threads,
            ModelInfo::new(PySettling::default().0),
        )?;
        network.set_parameters(py, parameters)?;
        Ok(network)
    }

    /// Reads a model file (``.safetensors``), or the model in a checkpoint, of the command line or of ``save``.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     The file.
    /// threads : int, optional
    ///     As for ``Network``.
    ///
    /// Returns
    /// -------
    /// Network
    ///     Its ``inference`` is that of the file.
    ///
    /// Raises
    /// ------
    /// OSError
    ///     If the file cannot be read.
    /// ValueError
    ///     If it is not a whole and valid model.
    #[staticmethod]
    #[pyo3(signature = (path, *, threads=None))]
    fn load(py: Python<'_>, path: PathBuf, threads: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let threads = self::threads(threads)?;
        let loaded = detached(py, || model::load(&path, threads))?;
        let (network, info) = loaded.map_err(errors::read)?;
        Ok(Self::from_network(network, info))
    }

    /// Writes a model file (``.safetensors``) that the command line reads, too; it appears whole or not at all.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     The file; what is there is replaced.
    ///
    /// Raises
    /// ------
    /// OSError
    ///     If the file cannot be written.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad, os, tempfile
    /// >>> network = ohmgrad.Network(ohmgrad.Architecture(2, [4], 1))
    /// >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    /// >>> network.save(path)
    /// >>> bool((ohmgrad.Network.load(path)["W1"] == network["W1"]).all())
    /// True
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let info = self.info().clone();
        self.shared.read(py, |holder| {
            model::save(&path, holder.network()?, &info).map_err(errors::write)
        })
    }

    /// Layer sizes, gains and bounds.
    #[getter]
    fn architecture(&self) -> PyArchitecture {
        self.architecture.clone()
    }

    /// Number of threads that work on the network.
    #[getter]
    fn threads(&self) -> usize {
        self.threads
    }

    /// How the network is settled where nothing else is said; saved with it. Training sets it to its free
    /// phase. Default: ``Settling(4)``.
    #[getter]
    fn inference(&self) -> PySettling {
        PySettling(self.info().inference)
    }

    #[setter]
    fn set_inference(&self, inference: PySettling) {
        self.info().inference = inference.0;
    }

    /// The parameter of that name, a read-only copy: conductances ``W1``, ``W2``, ... in siemens, or biases
    /// ``b1``, ``b2``, ... in ampere.
    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        name: &str,
    ) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        self.array(py, name)
    }

    /// Sets the parameter of that name; whoever trains the network goes on with it.
    fn __setitem__(&self, py: Python<'_>, name: &str, values: &Bound<'_, PyAny>) -> PyResult<()> {
        self.set(py, vec![(name.to_owned(), self.values(name, values)?)])
    }

    /// All parameters by name, as read-only copies.
    ///
    /// Returns
    /// -------
    /// dict of str to numpy.ndarray
    ///     Arrays of float32, shaped as ``architecture.shapes`` says.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> list(ohmgrad.Network(ohmgrad.Architecture(2, [4], 1)).parameters())
    /// ['W1', 'W2', 'b1', 'b2']
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let parameters = PyDict::new(py);
        for name in self.architecture.0.parameter_names() {
            let values = self.array(py, &name)?;
            parameters.set_item(name, values)?;
        }
        Ok(parameters)
    }

    /// Sets several parameters, all or none.
    ///
    /// Parameters
    /// ----------
    /// parameters : mapping of str to array
    ///     Arrays by the names of the parameters, shaped as ``architecture.shapes`` says; float32 in C order
    ///     are taken as they are, other numbers converted.
    ///
    /// Raises
    /// ------
    /// KeyError
    ///     If the network has no such parameter.
    /// TypeError
    ///     If an array does not hold numbers.
    /// ValueError
    ///     If an array has the wrong shape, or a value that is not finite or not within the bounds.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> network = ohmgrad.Network(ohmgrad.Architecture(2, [4], 1))
    /// >>> network.set_parameters({"b1": [0, 0, 0, 0.5], "b2": [0.25]})
    /// >>> network["b2"]
    /// array([0.25], dtype=float32)
    fn set_parameters(&self, py: Python<'_>, parameters: &Bound<'_, PyMapping>) -> PyResult<()> {
        let mut arrays = Vec::new();
        for item in parameters.items()? {
            let (name, values): (String, Bound<'_, PyAny>) = item.extract()?;
            let values = self.values(&name, &values)?;
            arrays.push((name, values));
        }
        self.set(py, arrays)
    }

    /// Settles examples from 0 V, each for itself.
    ///
    /// Parameters
    /// ----------
    /// X : array of shape (n, features) or Dataset
    ///     The features of n examples. Float32 in C order is read in place, other numbers are converted.
    /// sweeps, tolerance, order, relaxation : optional
    ///     As for ``Settling``. Without any of them, the network's ``inference`` holds. Examples are settled
    ///     256 at a time; a tolerance is to be met by all of them.
    ///
    /// Returns
    /// -------
    /// Settled
    ///     Potentials, residuals, power and energy.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     If X holds no numbers, has another shape, or a value that is not finite; if a setting is out of
    ///     range; if potentials exceed the range of float32.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> network = ohmgrad.Network(ohmgrad.Architecture(2, [4], 1))
    /// >>> settled = network.settle([[0.5, -0.5]], sweeps=10)
    /// >>> settled.hidden[0].shape, settled.sweeps
    /// ((1, 4), 10)
    #[pyo3(signature = (X, *, sweeps=None, tolerance=None, order=None, relaxation=None))]
    #[allow(non_snake_case)]
    fn settle<'py>(
        &self,
        py: Python<'py>,
        X: &Bound<'py, PyAny>,
        sweeps: Option<&Bound<'py, PyAny>>,
        tolerance: Option<f64>,
        order: Option<&str>,
        relaxation: Option<f32>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let settling = self.settling(sweeps, tolerance, order, relaxation)?;
        settled::settle(py, self, X, &settling)
    }

    /// What is read at the outputs, of examples settled from 0 V.
    ///
    /// Parameters
    /// ----------
    /// X : array of shape (n, features), Dataset or pair (X, y)
    ///     The features of n examples; of a Dataset or a pair these are taken.
    /// sweeps, tolerance, order, relaxation : optional
    ///     As for ``settle``.
    ///
    /// Returns
    /// -------
    /// array of float32, shape (n, outputs)
    ///     Potentials in volt; with ``readout='pairs'`` a column for each pair, the difference of its two nodes.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     As ``settle``.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> network = ohmgrad.Network(ohmgrad.Architecture(2, [4], 3))
    /// >>> network.outputs([[0.5, -0.5], [1, 2]]).shape
    /// (2, 3)
    #[pyo3(signature = (X, *, sweeps=None, tolerance=None, order=None, relaxation=None))]
    #[allow(non_snake_case)]
    fn outputs<'py>(
        &self,
        py: Python<'py>,
        X: &Bound<'py, PyAny>,
        sweeps: Option<&Bound<'_, PyAny>>,
        tolerance: Option<f64>,
        order: Option<&str>,
        relaxation: Option<f32>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let settling = self.settling(sweeps, tolerance, order, relaxation)?;
        settled::outputs(py, self, X, &settling)
    }

    /// The predicted class of each example: the largest of its outputs.
    ///
    /// Parameters
    /// ----------
    /// X : array of shape (n, features), Dataset or pair (X, y)
    ///     The features of n examples; of a Dataset or a pair these are taken.
    /// sweeps, tolerance, order, relaxation : optional
    ///     As for ``settle``.
    ///
    /// Returns
    /// -------
    /// array of int64, shape (n,)
    ///     Classes, counted from 0.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     As ``settle``; if the network has a single output, whose potential ``outputs`` tells.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> train, test = ohmgrad.datasets.load_digits().split(0.2)
    /// >>> network = ohmgrad.Network(ohmgrad.Architecture(64, [64], 10, input_gain=30))
    /// >>> _ = ohmgrad.Trainer(network).train(train, 3)
    /// >>> bool((network.predict(test) == test.y).mean() > 0.9)
    /// True
    #[pyo3(signature = (X, *, sweeps=None, tolerance=None, order=None, relaxation=None))]
    #[allow(non_snake_case)]
    fn predict<'py>(
        &self,
        py: Python<'py>,
        X: &Bound<'py, PyAny>,
        sweeps: Option<&Bound<'_, PyAny>>,
        tolerance: Option<f64>,
        order: Option<&str>,
        relaxation: Option<f32>,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let settling = self.settling(sweeps, tolerance, order, relaxation)?;
        settled::classes(py, self, X, &settling)
    }

    /// Measures how the network does on examples.
    ///
    /// Parameters
    /// ----------
    /// data : Dataset or pair (X, y)
    ///     Examples with as many features and outputs as the network has. Arrays as ``Dataset`` takes them; labels
    ///     are those of the network's outputs.
    /// cost : {'squared-error', 'cross-entropy'}, default 'squared-error'
    ///     What is averaged as ``cost``: half the squared distance of the outputs to the target, in volt
    ///     squared, or the negative logarithm of the softmax of the right output.
    /// physics : bool, default True
    ///     Whether to measure dissipated power and residuals, too.
    /// sweeps, tolerance, order, relaxation : optional
    ///     As for ``settle``.
    ///
    /// Returns
    /// -------
    /// Evaluation
    ///     Errors, cost, confusion matrix, dissipated power and residuals.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     If the data are not valid, or do not fit the network or the cost.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> network = ohmgrad.Network(ohmgrad.Architecture(64, [16], 10, input_gain=30))
    /// >>> network.evaluate(ohmgrad.datasets.load_digits()).examples
    /// 1797
    #[pyo3(signature = (data, *, cost="squared-error", physics=true, sweeps=None, tolerance=None, order=None, relaxation=None))]
    #[allow(clippy::too_many_arguments)] // keywords of one Python call
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        cost: &str,
        physics: bool,
        sweeps: Option<&Bound<'py, PyAny>>,
        tolerance: Option<f64>,
        order: Option<&str>,
        relaxation: Option<f32>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let settling = self.settling(sweeps, tolerance, order, relaxation)?;
        evaluation::evaluate(py, self, data, &settling, cost, physics)
    }

    /// The network, driven by one example, as a circuit.
    ///
    /// Feature i drives the nodes ``p<i>`` and ``n<i>`` by the voltage sources ``vp<i>`` and ``vn<i>``, at
    /// plus and minus the input gain times its value. Hidden units are the nodes ``h<l>_<j>`` (layers
    /// counted from 1), output nodes ``o<j>``. Conductances that are not zero are resistors
    /// ``r<l>_<i>_<j>``, biases current sources ``i<l>_<j>``, and what hidden units have by themselves
    /// elements ``d<l>_<j>`` to ground.
    ///
    /// Parameters
    /// ----------
    /// x : array_like of float, shape (features,)
    ///     The features.
    ///
    /// Returns
    /// -------
    /// Circuit
    ///     The circuit: its potentials are those that the network settles to.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     If x holds no numbers, has another shape, or a value that is not finite; for a Hopfield network.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> network = ohmgrad.Network(ohmgrad.Architecture(2, [4], 1))
    /// >>> "o0" in network.to_circuit([0.5, -0.5]).nodes
    /// True
    fn to_circuit(&self, py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<PyCircuit> {
        let circuit = self.circuit(py, x)?;
        PyCircuit::new(py, circuit, String::new())
    }

    /// The network, driven by one example, as a SPICE netlist: the netlist of ``to_circuit(x)``.
    ///
    /// Parameters
    /// ----------
    /// x : array_like of float, shape (features,)
    ///     The features.
    /// title : str, default ''
    ///     First line of the netlist.
    ///
    /// Returns
    /// -------
    /// str
    ///     A netlist for ngspice.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     As ``to_circuit``.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> network = ohmgrad.Network(ohmgrad.Architecture(2, [4], 1))
    /// >>> network.to_netlist([0.5, -0.5], "A network").splitlines()[:2]
    /// ['A network', 'vp0 p0 0 0.5']
    #[pyo3(signature = (x, title=""))]
    fn to_netlist(&self, py: Python<'_>, x: &Bound<'_, PyAny>, title: &str) -> PyResult<String> {
        let circuit = self.circuit(py, x)?;
        Ok(py.detach(|| netlist::write(&circuit, title)))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let architecture = self.architecture.clone().into_pyobject(py)?.repr()?;
        Ok(format!("<ohmgrad.Network of {architecture}>"))
    }

    fn __copy__(&self, py: Python<'_>) -> PyResult<Self> {
        let network = self
            .shared
            .read(py, |holder| Ok(holder.network()?.clone()))?;
        Ok(Self::from_network(network, self.info().clone()))
    }

    fn __deepcopy__(&self, py: Python<'_>, _memo: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.__copy__(py)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let restore = py.get_type::<Self>().getattr("_restore")?;
        let origin = match &self.info().training {
            Some(origin) => Some(toml::to_string(origin).map_err(errors::value)?),
            None => None,
        };
        let (architecture, parameters) = (self.architecture.clone(), self.parameters(py)?);
        let state = (
            architecture,
            parameters,
            self.threads,
            self.inference(),
            origin,
            toml::to_string(&self.preprocessing()).map_err(errors::value)?,
        );
        Ok((restore, state.into_pyobject(py)?.into_any()))
    }

    #[staticmethod]
    fn _restore(
        py: Python<'_>,
        architecture: PyArchitecture,
        parameters: &Bound<'_, PyMapping>,
        threads: &Bound<'_, PyAny>,
        inference: PySettling,
        origin: Option<&str>,
        preprocessing: &str,
    ) -> PyResult<Self> {
        let network = Self::from_parameters(py, architecture, parameters, Some(threads))?;
        let training: Option<Origin> = origin
            .map(toml::from_str)
            .transpose()
            .map_err(errors::value)?;
        *network.info() = ModelInfo {
            inference: inference.0,
            preprocessing: toml::from_str(preprocessing).map_err(errors::value)?,
            training,
        };
        Ok(network)
    }
}

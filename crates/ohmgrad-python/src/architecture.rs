//! `ohmgrad.Architecture`.

use ohmgrad::drn::Architecture;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors;
use crate::settings::{Arguments, name_of, named, shortest, size};

/// Layer sizes, gains and conductance bounds of a deep resistive network (DRN), or the layer sizes of a deep Hopfield
/// network.
///
/// Every layer is joined to the next by a dense matrix of conductances. The input layer holds two
/// voltage sources per feature x: one at ``+input_gain * x`` volt, its partner at
/// ``-input_gain * x`` volt. The first half of each hidden layer is excitatory (a diode to ground
/// keeps ``v >= 0``), the second half inhibitory (``v <= 0``); output nodes are linear.
///
/// Parameters
/// ----------
/// features : int
///     Number of input features; the input layer has twice as many nodes. At least 1.
/// hidden : sequence of int
///     Widths of the hidden layers, from input to output; may be empty (a linear network).
/// outputs : int
///     Number of output nodes. At least 1.
/// readout : {'nodes', 'pairs'}, default 'nodes'
///     Whether every output node is an output, or two of them are one: the voltage between nodes 2k and
///     2k + 1. Of a DRN only.
/// energy : {'co-content', 'hopfield'}, default 'co-content'
///     What the network minimises: a DRN its co-content; a deep Hopfield network, for comparison, an
///     energy without units whose weights may be negative. It has neither gains of the input nor bounds.
/// input_gain : float, default 1
///     Volt per unit of a feature. Finite and above 0.
/// weight_gains : sequence of float, default ()
///     Scale of the initial conductances of each matrix; empty means 1 for all.
/// g_min, g_max : float, default 0 and inf
///     Bounds of all conductances in siemens, ``0 <= g_min <= g_max``.
///
/// Raises
/// ------
/// ValueError
///     If a size, gain or bound is out of range.
///
/// References
/// ----------
/// B. Scellier, "A Fast Algorithm to Simulate Nonlinear Resistive Networks", ICML 2024.
///
/// Examples
/// --------
/// >>> import ohmgrad
/// >>> xs = ohmgrad.Architecture(784, [100], 10, input_gain=100)
/// >>> xs.conductances
/// 157800
/// >>> xs.shapes["W2"]
/// (100, 10)
#[pyclass(name = "Architecture", module = "ohmgrad", frozen, eq, from_py_object)]
#[derive(Clone, PartialEq)]
pub(crate) struct PyArchitecture(pub(crate) Architecture);

#[pymethods]
impl PyArchitecture {
    #[new]
    #[pyo3(signature = (features, hidden, outputs, *, readout="nodes", energy="co-content", input_gain=1.0, weight_gains=vec![], g_min=0.0, g_max=f32::INFINITY),
        text_signature = "(features, hidden, outputs, *, readout='nodes', energy='co-content', input_gain=1.0, weight_gains=(), g_min=0.0, g_max=1e999)")]
    fn new(
        features: &Bound<'_, PyAny>,
        hidden: &Bound<'_, PyAny>,
        outputs: &Bound<'_, PyAny>,
        readout: &str,
        energy: &str,
        input_gain: f32,
        weight_gains: Vec<f32>,
        g_min: f32,
        g_max: f32,
    ) -> PyResult<Self> {
        let Ok(widths) = hidden.extract::<Vec<Bound<'_, PyAny>>>() else {
            let hidden = hidden.repr()?;
            let text = format!(
                "hidden is {hidden}: it must be a sequence of widths, such as [64] or [64, 32]"
            );
            return Err(PyTypeError::new_err(text));
        };
        let hidden = widths.iter().map(|width| size("hidden", width));
        let architecture = Architecture {
            features: size("features", features)?,
            hidden: hidden.collect::<PyResult<_>>()?,
            outputs: size("outputs", outputs)?,
            readout: named("readout", readout)?,
            energy: named("energy", energy)?,
            input_gain,
            weight_gains,
            g_min,
            g_max,
        };
        architecture.validate().map_err(errors::value)?;
        Ok(Self(architecture))
    }

    /// Number of input features.
    #[getter]
    fn features(&self) -> usize {
        self.0.features
    }

    /// Widths of the hidden layers, from input to output.
    #[getter]
    fn hidden<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.0.hidden)
    }

    /// Number of output nodes.
    #[getter]
    fn outputs(&self) -> usize {
        self.0.outputs
    }

    /// Whether every output node is an output ('nodes'), or two of them are one ('pairs').
    #[getter]
    fn readout(&self) -> PyResult<String> {
        name_of(&self.0.readout)
    }

    /// What the network minimises.
    #[getter]
    fn energy(&self) -> PyResult<String> {
        name_of(&self.0.energy)
    }

    /// Volt per unit of a feature.
    #[getter]
    fn input_gain(&self) -> f64 {
        shortest(self.0.input_gain)
    }

    /// Scale of the initial conductances of each matrix; empty means 1 for all.
    #[getter]
    fn weight_gains<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.weight_gains.iter().map(|gain| shortest(*gain)))
    }

    /// Smallest conductance in siemens.
    #[getter]
    fn g_min(&self) -> f64 {
        shortest(self.0.g_min)
    }

    /// Largest conductance in siemens.
    #[getter]
    fn g_max(&self) -> f64 {
        shortest(self.0.g_max)
    }

    /// Number of trainable conductances.
    #[getter]
    fn conductances(&self) -> usize {
        self.0.conductances()
    }

    /// Shapes of all parameters by name: conductance matrices ``W1``, ``W2``, ... (nodes of the layer
    /// below, nodes of the layer above), then biases ``b1``, ``b2``, ... of the layers above the inputs.
    /// ``W1`` has ``2 * features`` rows: the positive sources of all features, then the negative ones.
    #[getter]
    fn shapes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let shapes = PyDict::new(py);
        for (at, name) in self.0.parameter_names().iter().enumerate() {
            match at.checked_sub(self.0.matrices()) {
                None => shapes.set_item(name, self.0.shape(at))?,
                Some(layer) => shapes.set_item(name, (self.0.width(layer),))?,
            }
        }
        Ok(shapes)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let Architecture {
            features,
            hidden,
            outputs,
            ..
        } = &self.0;
        let mut text = format!("Architecture({features}, {hidden:?}, {outputs}");
        for (name, value) in self.keywords(py)? {
            text += &format!(", {name}={}", value.repr()?);
        }
        Ok(text + ")")
    }

    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> Arguments<'py, (usize, Vec<usize>, usize)> {
        let positional = (self.0.features, self.0.hidden.clone(), self.0.outputs);
        Ok((positional, self.keywords(py)?))
    }
}

impl PyArchitecture {
    /// The keyword arguments that are not the defaults.
    fn keywords<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let default = Architecture::new(1, Vec::new(), 1);
        let keywords = PyDict::new(py);
        if self.0.readout != default.readout {
            keywords.set_item("readout", self.readout()?)?;
        }
        if self.0.energy != default.energy {
            keywords.set_item("energy", self.energy()?)?;
        }
        if self.0.input_gain != default.input_gain {
            keywords.set_item("input_gain", self.input_gain())?;
        }
        if !self.0.weight_gains.is_empty() {
            keywords.set_item("weight_gains", self.weight_gains(py)?)?;
        }
        if self.0.g_min != default.g_min {
            keywords.set_item("g_min", self.g_min())?;
        }
        if self.0.g_max != default.g_max {
            keywords.set_item("g_max", self.g_max())?;
        }
        Ok(keywords)
    }
}

//! `ohmgrad.Architecture`.

use ohmgrad::drn::Architecture;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors;
use crate::settings::{Arguments, from_dict, name_of, named, shortest, size, to_dict};

/// Layer sizes, gains and conductance bounds of a deep resistive network (DRN), or the layer sizes of a deep Hopfield
/// network.
///
/// Every layer is joined to the next by a dense matrix of conductances. The input layer holds two
/// voltage sources per feature x: one at ``+input_gain * x`` volt, its partner at
/// ``-input_gain * x`` volt. Each unit of a hidden layer has an element to ground, by default an ideal
/// diode: the first half of the layer is then excitatory (``v >= 0``), the second half inhibitory
/// (``v <= 0``); output nodes are linear.
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
/// laws : sequence of str or dict, default ()
///     What the units of the hidden layers have: one law for all of them, or one for each; empty means
///     ideal diodes. A law is a dict with its ``kind`` and its numbers, or its kind alone:
///     ``'ideal-diode'``; ``'linear'`` (nothing); ``'ideal-pair'`` with ``low`` and ``high`` (volt);
///     ``'shockley'`` with ``arrangement`` (``'single'`` or ``'double'``), ``saturation_current``
///     (ampere), ``thermal_voltage`` (volt) or ``ideality`` and ``temperature`` (kelvin),
///     ``offset_voltage`` (volt) and ``dead_zone`` (bool); ``'curve'`` with ``points`` (rows of volt and
///     ampere) or a CSV ``file`` of them, and ``beyond`` (``'linear'`` or ``'clamped'``); ``'tanh'`` with
///     ``limit`` (ampere) and ``scale`` (volt). Of a DRN only.
///
/// windows : sequence of (float, float), default ()
///     Smallest and largest conductance of each matrix in siemens, in place of ``g_min`` and ``g_max``. Of
///     a DRN only.
/// start : {'scaled', 'kaiming', 'kaiming-centred', 'uniform'}, default 'scaled'
///     What the conductances of a new network are drawn from, uniformly, before they are clamped to their
///     windows: within gain / sqrt(n) around 0, with n nodes below the matrix; within gain sqrt(6 / n)
///     around 0, or around the middle of the window; or anywhere in the window.
/// b_min, b_max : float, default -inf and inf
///     Bounds of all biases in ampere, ``b_min <= 0 <= b_max``.
///
/// Raises
/// ------
/// ValueError
///     If a size, gain or bound is out of range, or a law is not valid.
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
    #[pyo3(signature = (features, hidden, outputs, *, readout="nodes", energy="co-content", input_gain=1.0, weight_gains=vec![], g_min=0.0, g_max=f32::INFINITY, laws=vec![], windows=vec![], start="scaled",
        b_min=f32::NEG_INFINITY, b_max=f32::INFINITY),
        text_signature = "(features, hidden, outputs, *, readout='nodes', energy='co-content', input_gain=1.0, weight_gains=(), g_min=0.0, g_max=1e999, laws=(), windows=(), start='scaled', b_min=-1e999, b_max=1e999)")]
    #[allow(clippy::too_many_arguments)] // keywords of one Python call
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
        laws: Vec<Bound<'_, PyAny>>,
        windows: Vec<(f32, f32)>,
        start: &str,
        b_min: f32,
        b_max: f32,
    ) -> PyResult<Self> {
        let Ok(widths) = hidden.extract::<Vec<Bound<'_, PyAny>>>() else {
            let hidden = hidden.repr()?;
            let text = format!(
                "hidden is {hidden}: it must be a sequence of widths, such as [64] or [64, 32]"
            );
            return Err(PyTypeError::new_err(text));
        };
        let hidden = widths.iter().map(|width| size("hidden", width));
        let laws = laws.iter().map(|law| from_dict("laws", "kind", law));
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
            laws: laws.collect::<PyResult<_>>()?,
            windows: windows
                .into_iter()
                .map(|(least, largest)| [least, largest])
                .collect(),
            start: named("start", start)?,
            b_min,
            b_max,
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

    /// What the units of the hidden layers have: dicts as they are given; empty means ideal diodes.
    #[getter]
    fn laws<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let laws = self.0.laws.iter().map(|law| to_dict(py, law));
        PyTuple::new(py, laws.collect::<PyResult<Vec<_>>>()?)
    }

    /// Smallest and largest conductance of each matrix in siemens; empty means ``g_min`` and ``g_max``.
    #[getter]
    fn windows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let windows = self.0.windows.iter();
        PyTuple::new(
            py,
            windows.map(|[least, largest]| (shortest(*least), shortest(*largest))),
        )
    }

    /// What the conductances of a new network are drawn from.
    #[getter]
    fn start(&self) -> PyResult<String> {
        name_of(&self.0.start)
    }

    /// Smallest bias in ampere.
    #[getter]
    fn b_min(&self) -> f64 {
        shortest(self.0.b_min)
    }

    /// Largest bias in ampere.
    #[getter]
    fn b_max(&self) -> f64 {
        shortest(self.0.b_max)
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
        if !self.0.laws.is_empty() {
            keywords.set_item("laws", self.laws(py)?)?;
        }
        if !self.0.windows.is_empty() {
            keywords.set_item("windows", self.windows(py)?)?;
        }
        if self.0.start != default.start {
            keywords.set_item("start", self.start()?)?;
        }
        if self.0.b_min != default.b_min {
            keywords.set_item("b_min", self.b_min())?;
        }
        if self.0.b_max != default.b_max {
            keywords.set_item("b_max", self.b_max())?;
        }
        Ok(keywords)
    }
}

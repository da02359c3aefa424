//! `ohmgrad.CircuitBuilder`.

use ohmgrad::circuit::CircuitBuilder;
use ohmgrad::device::{Diode, Law, PowerLaw, Shockley, Tanh};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::circuit::PyCircuit;
use crate::element::curve;
use crate::errors;

/// Collects elements; ``build`` checks them and makes the circuit.
///
/// Every method that adds an element returns the builder, so that calls can be chained. Nodes come to be by being
/// named, by a str or an int; the node ``"0"``, ``0``, ``"gnd"`` or ``"GND"`` is ground. The voltage of an element is
/// that of its first node above its second; a current from the first through the element to the second is positive.
///
/// Parameters
/// ----------
/// title : str, default ''
///     What the circuit is, for people: the first line of its netlist.
///
/// Examples
/// --------
/// >>> import ohmgrad
/// >>> builder = ohmgrad.CircuitBuilder("A ladder").voltage_source("v1", "n0", "0", 1.0)
/// >>> for k in range(3):
/// ...     builder = builder.resistor(f"r{k}", f"n{k}", f"n{k + 1}", 1e3)
/// >>> ladder = builder.resistor("load", "n3", "0", 1e3).build()
/// >>> round(ladder.solve().nodes["n3"], 12)
/// 0.25
#[pyclass(name = "CircuitBuilder", module = "ohmgrad")]
pub(crate) struct PyCircuitBuilder {
    title: String,
    builder: CircuitBuilder,
}

/// The name of a node: a str, or an int, as SPICE has it.
pub(crate) struct NodeName(pub(crate) String);

impl<'py> FromPyObject<'_, 'py> for NodeName {
    type Error = PyErr;

    fn extract(name: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match name.extract::<String>() {
            Ok(name) => Ok(Self(name)),
            Err(_) => Ok(Self(
                name.extract::<u64>().map_err(|_| wrong(name))?.to_string(),
            )),
        }
    }
}

fn wrong(name: Borrowed<'_, '_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!(
        "a node's name must be a str or an int of at least 0, not {name:?}"
    ))
}

/// The builder that a method was called on.
type This<'py> = PyRefMut<'py, PyCircuitBuilder>;

#[pymethods]
impl PyCircuitBuilder {
    #[new]
    #[pyo3(signature = (title=String::new()), text_signature = "(title='')")]
    pub(crate) fn new(title: String) -> Self {
        let builder = CircuitBuilder::default();
        Self { title, builder }
    }

    /// Adds a resistor.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Name of the element.
    /// a, b : str or int
    ///     The nodes that it joins.
    /// resistance : float
    ///     In ohm, at least 0; 0 is a short.
    ///
    /// Returns
    /// -------
    /// CircuitBuilder
    ///     This one.
    fn resistor<'py>(
        slf: This<'py>,
        name: String,
        a: NodeName,
        b: NodeName,
        resistance: f64,
    ) -> This<'py> {
        Self::conductance(slf, name, a, b, 1.0 / resistance)
    }

    /// Adds a resistor of a conductance.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Name of the element.
    /// a, b : str or int
    ///     The nodes that it joins.
    /// conductance : float
    ///     In siemens, at least 0; 0 is open, infinity a short.
    ///
    /// Returns
    /// -------
    /// CircuitBuilder
    ///     This one.
    fn conductance<'py>(
        slf: This<'py>,
        name: String,
        a: NodeName,
        b: NodeName,
        conductance: f64,
    ) -> This<'py> {
        Self::add(slf, name, [a, b], Law::Resistor { conductance })
    }

    /// Adds a voltage source.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Name of the element.
    /// plus, minus : str or int
    ///     The nodes that it joins. As in SPICE, its current flows from ``plus`` through the source to ``minus``: one that
    ///     delivers power has a negative current.
    /// voltage : float
    ///     Of ``plus`` above ``minus``, in volt; finite.
    ///
    /// Returns
    /// -------
    /// CircuitBuilder
    ///     This one.
    fn voltage_source<'py>(
        slf: This<'py>,
        name: String,
        plus: NodeName,
        minus: NodeName,
        voltage: f64,
    ) -> This<'py> {
        Self::add(slf, name, [plus, minus], Law::VoltageSource { voltage })
    }

    /// Adds a current source.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Name of the element.
    /// start, end : str or int
    ///     The current flows from node ``start`` through the source to node ``end``.
    /// current : float
    ///     In ampere; finite.
    ///
    /// Returns
    /// -------
    /// CircuitBuilder
    ///     This one.
    fn current_source<'py>(
        slf: This<'py>,
        name: String,
        start: NodeName,
        end: NodeName,
        current: f64,
    ) -> This<'py> {
        Self::add(slf, name, [start, end], Law::CurrentSource { current })
    }

    /// Adds a voltage source that a voltage controls (E of SPICE).
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Name of the element.
    /// plus, minus : str or int
    ///     The nodes that it joins.
    /// control : tuple of two nodes
    ///     The voltage of the first above the second controls the source.
    /// gain : float
    ///     Volt per volt; finite.
    ///
    /// Returns
    /// -------
    /// CircuitBuilder
    ///     This one.
    ///
    /// Examples
    /// --------
    /// An amplifier between layers: a voltage gain of 4 up, a current gain of 0.25 down.
    ///
    /// >>> import ohmgrad
    /// >>> circuit = (
    /// ...     ohmgrad.CircuitBuilder()
    /// ...     .voltage_source("v1", "in", "0", 1.0).resistor("r1", "in", "low", 100.0)
    /// ...     .vcvs("e1", "sense", "0", ("low", "0"), 4.0)
    /// ...     .voltage_source("s1", "sense", "high", 0.0)
    /// ...     .cccs("f1", "low", "0", "s1", 0.25)
    /// ...     .resistor("r2", "high", "0", 100.0)
    /// ...     .build()
    /// ... )
    /// >>> solution = circuit.solve()
    /// >>> round(solution.nodes["low"], 12), round(solution.nodes["high"], 12)
    /// (0.5, 2.0)
    fn vcvs<'py>(
        mut slf: This<'py>,
        name: String,
        plus: NodeName,
        minus: NodeName,
        control: (NodeName, NodeName),
        gain: f64,
    ) -> This<'py> {
        let builder = std::mem::take(&mut slf.builder);
        slf.builder = builder.vcvs(name, &plus.0, &minus.0, [&control.0.0, &control.1.0], gain);
        slf
    }

    /// Adds a current source that a voltage controls (G of SPICE).
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Name of the element.
    /// start, end : str or int
    ///     The nodes that it joins.
    /// control : tuple of two nodes
    ///     The voltage of the first above the second controls the source.
    /// conductance : float
    ///     Ampere per volt; finite. The current flows from ``start`` through the source to ``end``.
    ///
    /// Returns
    /// -------
    /// CircuitBuilder
    ///     This one.
    fn vccs<'py>(
        mut slf: This<'py>,
        name: String,
        start: NodeName,
        end: NodeName,
        control: (NodeName, NodeName),
        conductance: f64,
    ) -> This<'py> {
        let builder = std::mem::take(&mut slf.builder);
        slf.builder = builder.vccs(
            name,
            &start.0,
            &end.0,
            [&control.0.0, &control.1.0],
            conductance,
        );
        slf
    }

    /// Adds a voltage source that a current controls (H of SPICE).
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Name of the element.
    /// plus, minus : str or int
    ///     The nodes that it joins.
    /// source : str
    ///     The voltage source whose current controls this one. It flows from that source's first node to its second.
    /// resistance : float
    ///     Volt per ampere; finite.
    ///
    /// Returns
    /// -------
    /// CircuitBuilder
    ///     This one.
    fn ccvs<'py>(
        mut slf: This<'py>,
        name: String,
        plus: NodeName,
        minus: NodeName,
        source: String,
        resistance: f64,
    ) -> This<'py> {
        let builder = std::mem::take(&mut slf.builder);
        slf.builder = builder.ccvs(name, &plus.0, &minus.0, &source, resistance);
        slf
    }

    /// Adds a current source that a current controls (F of SPICE).
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Name of the element.
    /// start, end : str or int
    ///     The nodes that it joins.
    /// source : str
    ///     The voltage source whose current controls this one. It flows from that source's first node to its second.
    /// gain : float
    ///     Ampere per ampere; finite. The current flows from ``start`` through the source to ``end``.
    ///
    /// Returns
    /// -------
    /// CircuitBuilder
    ///     This one.
    fn cccs<'py>(
        mut slf: This<'py>,
        name: String,
        start: NodeName,
        end: NodeName,
        source: String,
        gain: f64,
    ) -> This<'py> {
        let builder = std::mem::take(&mut slf.builder);
        slf.builder = builder.cccs(name, &start.0, &end.0, &source, gain);
        slf
    }

    /// Adds an ideal diode, or one of two straight lines that meet at its forward voltage.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Name of the element.
    /// anode, cathode : str or int
    ///     The nodes that it joins; it conducts from anode to cathode.
    /// forward_voltage : float, default 0
    ///     In volt; finite.
    /// on_conductance : float, default infinity
    ///     Its slope above the forward voltage, in siemens.
    /// off_conductance : float, default 0
    ///     Its slope below, in siemens: at least 0, and below ``on_conductance``.
    ///
    /// Returns
    /// -------
    /// CircuitBuilder
    ///     This one.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> rectifier = (
    /// ...     ohmgrad.CircuitBuilder()
    /// ...     .voltage_source("v1", "in", "0", 5.0)
    /// ...     .diode("d1", "in", "out", 0.7)
    /// ...     .resistor("r1", "out", "0", 1e3)
    /// ...     .build()
    /// ... )
    /// >>> round(rectifier.solve().nodes["out"], 12)
    /// 4.3
    #[pyo3(signature = (name, anode, cathode, forward_voltage=0.0, *, on_conductance=f64::INFINITY, off_conductance=0.0),
        text_signature = "($self, name, anode, cathode, forward_voltage=0.0, *, on_conductance=..., off_conductance=0.0)")]
    fn diode<'py>(
        slf: This<'py>,
        name: String,
        anode: NodeName,
        cathode: NodeName,
        forward_voltage: f64,
        on_conductance: f64,
        off_conductance: f64,
    ) -> This<'py> {
        let diode = Diode {
            forward_voltage,
            on_conductance,
            off_conductance,
        };
        Self::add(slf, name, [anode, cathode], diode)
    }

    /// Adds a diode with the exponential law of Shockley, behind a series resistance.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Name of the element.
    /// anode, cathode : str or int
    ///     The nodes that it joins.
    /// saturation_current : float
    ///     In ampere, above 0.
    /// thermal_voltage : float, optional
    ///     Ideality factor times kT/q, in volt; above 0. Default: kT/q at 27 degrees Celsius, about 25.9 mV.
    /// series_resistance : float, default 0
    ///     In ohm, at least 0.
    /// leakage : float, default 0
    ///     A conductance beside the junction, in siemens, at least 0. SPICE has 1e-12 there.
    ///
    /// Returns
    /// -------
    /// CircuitBuilder
    ///     This one.
    #[pyo3(signature = (name, anode, cathode, saturation_current, *, thermal_voltage=None, series_resistance=0.0, leakage=0.0))]
    fn shockley_diode<'py>(
        slf: This<'py>,
        name: String,
        anode: NodeName,
        cathode: NodeName,
        saturation_current: f64,
        thermal_voltage: Option<f64>,
        series_resistance: f64,
        leakage: f64,
    ) -> This<'py> {
        let standard = Shockley::new(saturation_current);
        let diode = Shockley {
            thermal_voltage: thermal_voltage.unwrap_or(standard.thermal_voltage),
            series_resistance,
            leakage,
            ..standard
        };
        Self::add(slf, name, [anode, cathode], diode)
    }

    /// Adds an element with a measured curve, straight between its points and beyond the first and the last.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Name of the element.
    /// a, b : str or int
    ///     The nodes that it joins.
    /// points : array of shape (n, 2)
    ///     Voltages in volt, rising from point to point, and currents in ampere, not falling; at least two points.
    ///
    /// Returns
    /// -------
    /// CircuitBuilder
    ///     This one.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     If the points make no such curve.
    fn curve<'py>(
        slf: This<'py>,
        name: String,
        a: NodeName,
        b: NodeName,
        points: &Bound<'py, PyAny>,
    ) -> PyResult<This<'py>> {
        Ok(Self::add(slf, name, [a, b], curve(points)?))
    }

    /// Adds a resistor that saturates: ``i = limit * tanh(u / scale)``.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Name of the element.
    /// a, b : str or int
    ///     The nodes that it joins.
    /// limit : float
    ///     The largest current, in ampere; above 0.
    /// scale : float
    ///     In volt, above 0.
    ///
    /// Returns
    /// -------
    /// CircuitBuilder
    ///     This one.
    fn tanh_resistor<'py>(
        slf: This<'py>,
        name: String,
        a: NodeName,
        b: NodeName,
        limit: f64,
        scale: f64,
    ) -> This<'py> {
        Self::add(slf, name, [a, b], Tanh { limit, scale })
    }

    /// Adds a resistor with a power law: ``i = coefficient * sign(u) * abs(u)**exponent``.
    ///
    /// Parameters
    /// ----------
    /// name : str
    ///     Name of the element.
    /// a, b : str or int
    ///     The nodes that it joins.
    /// coefficient : float
    ///     The current at 1 V, in ampere; above 0.
    /// exponent : float
    ///     Above 0.
    ///
    /// Returns
    /// -------
    /// CircuitBuilder
    ///     This one.
    fn power_law_resistor<'py>(
        slf: This<'py>,
        name: String,
        a: NodeName,
        b: NodeName,
        coefficient: f64,
        exponent: f64,
    ) -> This<'py> {
        let law = PowerLaw {
            coefficient,
            exponent,
        };
        Self::add(slf, name, [a, b], law)
    }

    /// Checks the elements and makes the circuit. The builder can be added to, and build others.
    ///
    /// Returns
    /// -------
    /// Circuit
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If a value is out of range, two elements have one name, or a name is empty or has white space in it.
    fn build(&self, py: Python<'_>) -> PyResult<PyCircuit> {
        let circuit = self.builder.clone().build().map_err(errors::value)?;
        PyCircuit::new(py, circuit, self.title.clone())
    }
}

impl PyCircuitBuilder {
    fn add<'py>(
        mut slf: This<'py>,
        name: String,
        [a, b]: [NodeName; 2],
        law: impl Into<Law>,
    ) -> This<'py> {
        slf.builder.push(name, &a.0, &b.0, law.into());
        slf
    }
}

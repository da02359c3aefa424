//! `ohmgrad.Element`: what an element is, as a tuple with names, and its values by their names.

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use ohmgrad::circuit::{Circuit, ElementId};
use ohmgrad::device::{IvCurve, Law};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

use crate::arrays::{doubles, matrix};
use crate::errors;

/// The class in Python.
fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "ohmgrad.solution", "Element")
}

/// An element of a circuit, by this law.
pub(crate) fn describe<'py>(
    py: Python<'py>,
    circuit: &Circuit,
    id: ElementId,
    law: &Law,
) -> PyResult<Bound<'py, PyAny>> {
    let [first, second] = circuit[id].nodes().map(|node| &circuit[node]);
    let values = values(py, law)?;
    let name = &circuit.element_names()[id.index()];
    class(py)?.call1((name, kind(law), (first, second), values))
}

/// The word for a kind of law.
pub(crate) fn kind(law: &Law) -> &'static str {
    match law {
        Law::Resistor { .. } => "resistor",
        Law::VoltageSource { .. } => "voltage source",
        Law::CurrentSource { .. } => "current source",
        Law::ControlledVoltage { .. } => "controlled voltage source",
        Law::ControlledCurrent { .. } => "controlled current source",
        Law::Diode(_) => "diode",
        Law::Shockley(_) => "shockley diode",
        Law::Curve(_) => "curve",
        Law::Tanh(_) => "tanh resistor",
        Law::PowerLaw(_) => "power-law resistor",
        Law::Junction(_) => "junction diode",
        Law::Regions(_) => "idealised diode",
        Law::Formula(_) => "formula",
        _ => "element",
    }
}

/// The names of the numbers of a law.
fn names(law: &Law) -> &'static [&'static str] {
    match law {
        Law::Resistor { .. } => &["conductance"],
        Law::VoltageSource { .. } => &["voltage"],
        Law::CurrentSource { .. } => &["current"],
        Law::ControlledVoltage { .. } | Law::ControlledCurrent { .. } => &["gain"],
        Law::Diode(_) => &["forward_voltage", "on_conductance", "off_conductance"],
        Law::Shockley(_) => &[
            "saturation_current",
            "thermal_voltage",
            "series_resistance",
            "leakage",
        ],
        Law::Tanh(_) => &["limit", "scale"],
        Law::PowerLaw(_) => &["coefficient", "exponent"],
        Law::Junction(_) => &[
            "saturation_current",
            "thermal_voltage",
            "series_resistance",
            "leakage",
            "forward_knee",
            "reverse_knee",
        ],
        Law::Regions(_) => &[
            "forward_voltage",
            "on_conductance",
            "off_conductance",
            "bend",
            "limit",
            "reverse_voltage",
            "reverse_conductance",
            "reverse_bend",
            "reverse_limit",
        ],
        Law::Formula(_) => &["constant", "conductance"],
        _ => &[],
    }
}

/// The number of a name.
fn number<'l>(law: &'l mut Law, name: &str) -> Option<&'l mut f64> {
    Some(match (law, name) {
        (Law::Resistor { conductance }, "conductance") => conductance,
        (Law::VoltageSource { voltage }, "voltage") => voltage,
        (Law::CurrentSource { current }, "current") => current,
        (Law::ControlledVoltage { gain } | Law::ControlledCurrent { gain }, "gain") => gain,
        (Law::Diode(diode), "forward_voltage") => &mut diode.forward_voltage,
        (Law::Diode(diode), "on_conductance") => &mut diode.on_conductance,
        (Law::Diode(diode), "off_conductance") => &mut diode.off_conductance,
        (Law::Shockley(diode), "saturation_current") => &mut diode.saturation_current,
        (Law::Shockley(diode), "thermal_voltage") => &mut diode.thermal_voltage,
        (Law::Shockley(diode), "series_resistance") => &mut diode.series_resistance,
        (Law::Shockley(diode), "leakage") => &mut diode.leakage,
        (Law::Tanh(tanh), "limit") => &mut tanh.limit,
        (Law::Tanh(tanh), "scale") => &mut tanh.scale,
        (Law::PowerLaw(power), "coefficient") => &mut power.coefficient,
        (Law::PowerLaw(power), "exponent") => &mut power.exponent,
        (Law::Junction(diode), "saturation_current") => &mut diode.shockley.saturation_current,
        (Law::Junction(diode), "thermal_voltage") => &mut diode.shockley.thermal_voltage,
        (Law::Junction(diode), "series_resistance") => &mut diode.shockley.series_resistance,
        (Law::Junction(diode), "leakage") => &mut diode.shockley.leakage,
        (Law::Junction(diode), "forward_knee") => &mut diode.forward_knee,
        (Law::Junction(diode), "reverse_knee") => &mut diode.reverse_knee,
        (Law::Regions(diode), "forward_voltage") => &mut diode.forward_voltage,
        (Law::Regions(diode), "on_conductance") => &mut diode.on_conductance,
        (Law::Regions(diode), "off_conductance") => &mut diode.off_conductance,
        (Law::Regions(diode), "bend") => &mut diode.bend,
        (Law::Regions(diode), "limit") => &mut diode.limit,
        (Law::Regions(diode), "reverse_voltage") => &mut diode.reverse_voltage,
        (Law::Regions(diode), "reverse_conductance") => &mut diode.reverse_conductance,
        (Law::Regions(diode), "reverse_bend") => &mut diode.reverse_bend,
        (Law::Regions(diode), "reverse_limit") => &mut diode.reverse_limit,
        (Law::Formula(formula), "constant") => &mut formula.constant,
        (Law::Formula(formula), "conductance") => &mut formula.conductance,
        _ => return None,
    })
}

fn values<'py>(py: Python<'py>, law: &Law) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(py);
    let mut law = law.clone();
    for name in names(&law) {
        values.set_item(name, number(&mut law, name).copied())?;
    }
    if let Law::Curve(curve) = &law {
        let points = curve.points().flat_map(|(u, i)| [u, i]).collect();
        values.set_item("points", matrix(py, points, 2)?)?;
    }
    Ok(values)
}

/// A value of a law; without the name of a quantity its only number, or that of a source or resistor.
pub(crate) fn value(element: &str, law: &Law, quantity: Option<&str>) -> PyResult<f64> {
    let mut law = law.clone();
    match (&law, quantity) {
        (Law::Resistor { conductance }, Some("resistance")) => Ok(1.0 / conductance),
        (_, Some(quantity)) => {
            let found = number(&mut law, quantity).copied();
            found.ok_or_else(|| unknown(element, &law, quantity))
        }
        (_, None) => match names(&law) {
            [name] => Ok(number(&mut law, name).copied().unwrap_or(f64::NAN)),
            names => Err(PyValueError::new_err(format!(
                "element {element}: a {} has several values: name one of {}",
                kind(&law),
                names.join(", ")
            ))),
        },
    }
}

/// Gives a quantity of a law another value; without the name of a quantity the voltage or current of a source, or the
/// resistance of a resistor. Whether there is such a quantity.
pub(crate) fn assign(law: &mut Law, quantity: Option<&str>, value: f64) -> bool {
    match (&mut *law, quantity) {
        (Law::Resistor { conductance }, None | Some("resistance")) => *conductance = 1.0 / value,
        (Law::VoltageSource { voltage }, None) => *voltage = value,
        (Law::CurrentSource { current }, None) => *current = value,
        (law, Some(quantity)) => match number(law, quantity) {
            Some(number) => *number = value,
            None => return false,
        },
        _ => return false,
    }
    true
}

/// Columns of values by their names, with a value for each element.
type Columns = Vec<(String, Vec<f64>)>;

/// The values for several elements: arrays, or numbers that are those of all.
pub(crate) fn columns(names: &[String], values: &Bound<'_, PyDict>) -> PyResult<Columns> {
    let column = |(quantity, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        let quantity: String = quantity.extract()?;
        if let Ok(number) = value.extract::<f64>() {
            return Ok((quantity, vec![number; names.len()]));
        }
        let array: PyReadonlyArray1<'_, f64> = doubles(&quantity, &value)?;
        match array.as_array().len() == names.len() {
            true => Ok((quantity, array.as_array().to_vec())),
            false => Err(PyValueError::new_err(format!(
                "{quantity} has {} values for {} elements: it must have one for each",
                array.as_array().len(),
                names.len()
            ))),
        }
    };
    values.iter().map(column).collect()
}

/// The values for one of the elements.
pub(crate) fn row<'py>(
    py: Python<'py>,
    columns: &Columns,
    k: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    for (quantity, values) in columns {
        row.set_item(quantity, values[k])?;
    }
    Ok(row)
}

/// A law with some of its values changed.
pub(crate) fn changed(element: &str, law: &Law, values: &Bound<'_, PyDict>) -> PyResult<Law> {
    let mut law = law.clone();
    for (name, value) in values {
        let name: String = name.extract()?;
        match (&mut law, name.as_str()) {
            (Law::Resistor { conductance }, "resistance") => {
                *conductance = 1.0 / value.extract::<f64>()?;
            }
            (Law::Curve(curve), "points") => **curve = self::curve(&value)?,
            (law, name) => match number(law, name) {
                Some(number) => *number = value.extract()?,
                None => return Err(unknown(element, law, name)),
            },
        }
    }
    Ok(law)
}

pub(crate) fn unknown(element: &str, law: &Law, name: &str) -> PyErr {
    let known = match law {
        Law::Resistor { .. } => "resistance, conductance".to_owned(),
        Law::Curve(_) => "points".to_owned(),
        law => names(law).join(", "),
    };
    PyValueError::new_err(format!(
        "element {element}: a {} has no {name}: it has {known}",
        kind(law)
    ))
}

/// A curve through points given as an array of two columns, volt and ampere.
pub(crate) fn curve(points: &Bound<'_, PyAny>) -> PyResult<IvCurve> {
    let points: PyReadonlyArray2<'_, f64> = doubles("points", points)?;
    let shape = points.as_array().dim();
    if shape.1 != 2 {
        return Err(PyValueError::new_err(format!(
            "points has the shape {shape:?}: it must be (n, 2), a column of volts and one of amperes"
        )));
    }
    let points = points
        .as_slice()?
        .chunks(2)
        .map(|point| (point[0], point[1]));
    IvCurve::new(points).map_err(errors::value)
}

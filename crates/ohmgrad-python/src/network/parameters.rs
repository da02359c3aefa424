//! The parameters of a network as arrays.

use numpy::ndarray::{Ix1, Ix2};
use numpy::{PyArrayDyn, PyArrayMethods, PyReadonlyArray};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;

use super::PyNetwork;
use crate::arrays;

/// A conductance matrix, or the biases of a layer, both counted from 0.
#[derive(Clone, Copy)]
pub(super) enum Parameter {
    Weights(usize),
    Biases(usize),
}

/// A new value of a parameter.
pub(super) enum Values<'py> {
    Weights(PyReadonlyArray<'py, f32, Ix2>),
    Biases(PyReadonlyArray<'py, f32, Ix1>),
}

impl PyNetwork {
    /// A parameter as a copy that cannot be written to.
    pub(super) fn array<'py>(
        &self,
        py: Python<'py>,
        name: &str,
    ) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        let parameter = self.parameter(name)?;
        let values = self.shared.read(py, |holder| {
            let network = holder.network()?;
            Ok(match parameter {
                Parameter::Weights(l) => network.weights(l),
                Parameter::Biases(l) => network.biases(l),
            })
        })?;
        let array = match parameter {
            Parameter::Weights(l) => arrays::matrix(py, values, self.architecture.0.shape(l).1)?
                .to_dyn()
                .clone(),
            Parameter::Biases(_) => arrays::vector(py, values).to_dyn().clone(),
        };
        arrays::frozen(array)
    }

    pub(super) fn parameter(&self, name: &str) -> PyResult<Parameter> {
        let names = self.architecture.0.parameter_names();
        let matrices = self.architecture.0.matrices();
        match names.iter().position(|known| known == name) {
            Some(at) if at < matrices => Ok(Parameter::Weights(at)),
            Some(at) => Ok(Parameter::Biases(at - matrices)),
            None => Err(PyKeyError::new_err(format!(
                "there is no parameter {name}: the parameters are {}",
                names.join(", ")
            ))),
        }
    }

    /// An argument as the value of a parameter; its shape is checked.
    pub(super) fn values<'py>(
        &self,
        name: &str,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<Values<'py>> {
        let wrong = |found: &[usize], expected: String| {
            PyValueError::new_err(format!(
                "{name} has the shape {found:?}: it must be {expected}"
            ))
        };
        match self.parameter(name)? {
            Parameter::Weights(l) => {
                let array = arrays::floats::<f32, Ix2>(name, value)?;
                let (rows, columns) = self.architecture.0.shape(l);
                match array.as_array().dim() == (rows, columns) {
                    true => Ok(Values::Weights(array)),
                    false => Err(wrong(
                        array.as_array().shape(),
                        format!("({rows}, {columns})"),
                    )),
                }
            }
            Parameter::Biases(l) => {
                let array = arrays::floats::<f32, Ix1>(name, value)?;
                let width = self.architecture.0.width(l);
                match array.as_array().len() == width {
                    true => Ok(Values::Biases(array)),
                    false => Err(wrong(array.as_array().shape(), format!("({width},)"))),
                }
            }
        }
    }

    /// Sets parameters, all or none.
    pub(super) fn set(&self, py: Python<'_>, arrays: Vec<(String, Values<'_>)>) -> PyResult<()> {
        let mut changes: Vec<(Parameter, &[f32])> = Vec::new();
        for (name, values) in &arrays {
            let values = match values {
                Values::Weights(array) => array.as_slice()?,
                Values::Biases(array) => array.as_slice()?,
            };
            changes.push((self.parameter(name)?, values));
        }
        self.shared.write(py, |holder| {
            let mut before: Vec<(Parameter, Vec<f32>)> = Vec::new();
            for (parameter, values) in changes {
                let network = holder.network()?;
                let old = match parameter {
                    Parameter::Weights(l) => network.weights(l),
                    Parameter::Biases(l) => network.biases(l),
                };
                if let Err(refused) = holder.set(parameter, values) {
                    for (parameter, old) in before {
                        holder.set(parameter, &old)?;
                    }
                    return Err(refused);
                }
                before.push((parameter, old));
            }
            Ok(())
        })?;
        self.info().training = None;
        Ok(())
    }
}

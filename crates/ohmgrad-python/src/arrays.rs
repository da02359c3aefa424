//! Arrays from Python and to it.

use numpy::ndarray::{Array2, Dimension};
use numpy::{
    Element, IntoPyArray, PyArray, PyArray1, PyArray2, PyArrayDescrMethods, PyArrayMethods,
    PyReadonlyArray, PyUntypedArray, PyUntypedArrayMethods, dtype,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

/// An array of f32 or f64 in C order: the argument itself where it is one, else a converted copy.
pub(crate) fn floats<'py, T: Element, D: Dimension>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArray<'py, T, D>> {
    unmasked(name, value)?;
    match value.cast::<PyArray<T, D>>() {
        Ok(array) if array.is_c_contiguous() && array.is_aligned() => Ok(array.try_readonly()?),
        _ => converted(name, &untyped(name, value)?, b"buif", "numbers"),
    }
}

/// An array of float64 in C order: the argument itself where it is one, else a converted copy.
pub(crate) fn doubles<'py, D: Dimension>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArray<'py, f64, D>> {
    converted(name, &untyped(name, value)?, b"buif", "numbers")
}

/// Whole numbers in C order.
pub(crate) fn integers<'py, D: Dimension>(
    name: &str,
    array: &Bound<'py, PyUntypedArray>,
) -> PyResult<PyReadonlyArray<'py, i64, D>> {
    converted(name, array, b"bui", "integers")
}

/// Refuses arrays of `numpy.ma` with values that are masked: an array has no place to leave out.
pub(crate) fn unmasked(name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = value.py();
    if !value.is_instance_of::<PyUntypedArray>() || value.is_exact_instance_of::<PyUntypedArray>() {
        return Ok(());
    }
    let masked = py
        .import("numpy.ma")?
        .call_method1("count_masked", (value,))?;
    match masked.extract::<usize>()? {
        0 => Ok(()),
        masked => Err(PyValueError::new_err(format!(
            "{name} is a masked array with {masked} masked value{}: fill them, such as by {name}.filled(0), or leave \
             those examples out",
            if masked == 1 { "" } else { "s" }
        ))),
    }
}

/// What NumPy makes of an argument.
pub(crate) fn untyped<'py>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyUntypedArray>> {
    unmasked(name, value)?;
    let array = value
        .py()
        .import("numpy")?
        .call_method1("asarray", (value,));
    match array {
        Ok(array) => Ok(array.cast_into()?),
        Err(error) => {
            let text = format!("{name} cannot be made an array: {error}");
            let wrong = PyValueError::new_err(text);
            wrong.set_cause(value.py(), Some(error));
            Err(wrong)
        }
    }
}

/// An array in C order whose kind of numbers is one of `kinds`, in NumPy's letters.
fn converted<'py, T: Element, D: Dimension>(
    name: &str,
    array: &Bound<'py, PyUntypedArray>,
    kinds: &[u8],
    wanted: &str,
) -> PyResult<PyReadonlyArray<'py, T, D>> {
    let py = array.py();
    let found = array.dtype();
    if !kinds.contains(&found.kind()) {
        let hint = match found.kind() {
            b'U' | b'S' if wanted == "integers" => {
                ": numpy.unique(y, return_inverse=True)[1] numbers them"
            }
            _ => "",
        };
        let text = format!("{name} must be an array of {wanted}, not of {found}{hint}");
        return Err(PyTypeError::new_err(text));
    }
    if let Some(dimensions) = D::NDIM.filter(|n| *n != array.ndim()) {
        let shape = array.shape();
        return Err(PyValueError::new_err(format!(
            "{name} has the shape {shape:?}: it must have {dimensions} dimension{}",
            if dimensions == 1 { "" } else { "s" }
        )));
    }
    let array = py
        .import("numpy")?
        .call_method1("require", (array, dtype::<T>(py), "CA"))?;
    Ok(array.cast_into::<PyArray<T, D>>()?.try_readonly()?)
}

/// A matrix, row after row; takes the memory over.
pub(crate) fn matrix<'py, T: Element>(
    py: Python<'py>,
    values: Vec<T>,
    columns: usize,
) -> PyResult<Bound<'py, PyArray2<T>>> {
    let rows = values.len() / columns.max(1);
    table(py, values, (rows, columns))
}

/// A matrix of rows and columns, which may be none.
pub(crate) fn table<'py, T: Element>(
    py: Python<'py>,
    values: Vec<T>,
    shape: (usize, usize),
) -> PyResult<Bound<'py, PyArray2<T>>> {
    match Array2::from_shape_vec(shape, values) {
        Ok(matrix) => Ok(matrix.into_pyarray(py)),
        Err(error) => Err(PyValueError::new_err(error.to_string())),
    }
}

/// The same array, which cannot be written to any more.
pub(crate) fn frozen<'py, T: Element, D: Dimension>(
    array: Bound<'py, PyArray<T, D>>,
) -> PyResult<Bound<'py, PyArray<T, D>>> {
    array.call_method1("setflags", (false,))?;
    Ok(array)
}

/// A vector; takes the memory over.
pub(crate) fn vector<T: Element>(py: Python<'_>, values: Vec<T>) -> Bound<'_, PyArray1<T>> {
    PyArray1::from_vec(py, values)
}

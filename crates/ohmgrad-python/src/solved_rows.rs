//! `ohmgrad.SolvedRows`: solves for many rows of source values.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use numpy::ndarray::{Array2, Axis};
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use ohmgrad::circuit::{Circuit, ElementId, NodeId};
use ohmgrad::solve::{RowError, Solution, SolveOptions, Solver, Status};
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};

use crate::arrays::{self, doubles, matrix, vector};
use crate::circuit::{PyCircuit, find, find_node};
use crate::errors;
use crate::signals::detached;
use crate::solution::voltage;

/// The values of some sources, an array of two dimensions.
pub(crate) fn table(sources: &[String], values: &Bound<'_, PyAny>) -> PyResult<Array2<f64>> {
    let values: PyReadonlyArray2<'_, f64> = doubles("values", values)?;
    let values = values.as_array();
    let width = sources.len();
    if values.is_empty() || values.ncols() != width {
        return Err(PyValueError::new_err(format!(
            "values has the shape {:?}: it must be (n, {width}), with a column for each source and at least one row",
            values.dim()
        )));
    }
    Ok(values.to_owned())
}

/// The values of one source, an array of one dimension.
pub(crate) fn column(values: &Bound<'_, PyAny>) -> PyResult<Array2<f64>> {
    let values: PyReadonlyArray1<'_, f64> = doubles("values", values)?;
    let values = values.as_array();
    if values.is_empty() {
        return Err(PyValueError::new_err(
            "values is empty: at least one is needed",
        ));
    }
    Ok(values.to_owned().insert_axis(Axis(1)))
}

/// What is wanted of each row.
struct Wanted {
    nodes: Vec<NodeId>,
    elements: Vec<ElementId>,
}

/// The numbers of one row.
struct Row<'a> {
    potentials: &'a mut [f64],
    voltages: &'a mut [f64],
    currents: &'a mut [f64],
}

/// What is known of a row beside them: whether it is solved, its residual and its power, or why there is none.
type Outcome = Result<(bool, f64, f64), RowError>;

/// All rows.
struct Rows {
    potentials: Vec<f64>,
    voltages: Vec<f64>,
    currents: Vec<f64>,
    outcomes: Vec<Outcome>,
}

impl Wanted {
    fn new(
        circuit: &Circuit,
        nodes: Option<&[String]>,
        elements: Option<&[String]>,
    ) -> PyResult<Self> {
        Ok(Self {
            nodes: match nodes {
                Some(names) => names
                    .iter()
                    .map(|name| find_node(circuit, name))
                    .collect::<PyResult<_>>()?,
                None => circuit.node_ids().collect(),
            },
            elements: match elements {
                Some(names) => names
                    .iter()
                    .map(|name| find(circuit, name))
                    .collect::<PyResult<_>>()?,
                None => circuit.element_ids().collect(),
            },
        })
    }

    fn copy(&self, circuit: &Circuit, solution: &Solution, row: &mut Row) {
        for (to, node) in row.potentials.iter_mut().zip(&self.nodes) {
            *to = solution.potential(*node);
        }
        let to = row.voltages.iter_mut().zip(&mut *row.currents);
        for ((voltage, current), element) in to.zip(&self.elements) {
            *voltage = self::voltage(&circuit[*element], solution);
            *current = solution.current(*element);
        }
    }

    fn solve(
        &self,
        circuit: &Circuit,
        sources: &[ElementId],
        values: &[f64],
        options: SolveOptions,
    ) -> PyResult<Rows> {
        let mut solver =
            Solver::for_rows(circuit, sources, values, options).map_err(errors::value)?;
        let count = values.len() / sources.len();
        let mut potentials = not_a_number(count, self.nodes.len())?;
        let mut voltages = not_a_number(count, self.elements.len())?;
        let mut currents = not_a_number(count, self.elements.len())?;
        let rows = parts(&mut potentials, count).into_iter();
        let rows = rows
            .zip(parts(&mut voltages, count))
            .zip(parts(&mut currents, count));
        let row = |((potentials, voltages), currents)| {
            Mutex::new(Row {
                potentials,
                voltages,
                currents,
            })
        };
        let rows: Vec<Mutex<Row>> = rows.map(row).collect();
        let solved = solver.solve_rows(circuit, sources, values, |k, solved| {
            solved.map(|solution| {
                let mut row = rows[k].lock().unwrap_or_else(PoisonError::into_inner);
                self.copy(circuit, &solution, &mut row);
                let is_solved = solution.status == Status::Solved;
                (
                    is_solved,
                    solution.certificate.worst(),
                    solution.dissipated_power,
                )
            })
        });
        let outcomes = solved.map_err(errors::value)?;
        drop(rows);
        Ok(Rows {
            potentials,
            voltages,
            currents,
            outcomes,
        })
    }
}

/// As many numbers as rows and columns, to be filled in.
fn not_a_number(rows: usize, columns: usize) -> PyResult<Vec<f64>> {
    let mut numbers = Vec::new();
    let count = rows.checked_mul(columns);
    match count.map(|count| (count, numbers.try_reserve_exact(count))) {
        Some((count, Ok(()))) => numbers.resize(count, f64::NAN),
        _ => {
            return Err(PyMemoryError::new_err(format!(
                "{rows} rows of {columns} numbers need more memory than there is: name the nodes and elements that are wanted"
            )));
        }
    }
    Ok(numbers)
}

/// Equal parts, which may be empty.
fn parts(mut numbers: &mut [f64], count: usize) -> Vec<&mut [f64]> {
    let width = numbers.len() / count;
    let part = |_| {
        let (part, rest) = std::mem::take(&mut numbers).split_at_mut(width);
        numbers = rest;
        part
    };
    (0..count).map(part).collect()
}

pub(crate) fn solve<'py>(
    circuit: &Bound<'py, PyCircuit>,
    sources: Vec<String>,
    values: &Array2<f64>,
    nodes: Option<Vec<String>>,
    elements: Option<Vec<String>>,
    options: SolveOptions,
) -> PyResult<Bound<'py, PyAny>> {
    let py = circuit.py();
    let copy = circuit.get().with(py, |state| state.circuit.clone());
    let wanted = Wanted::new(&copy, nodes.as_deref(), elements.as_deref())?;
    let columns = sources.iter().map(|name| find(&copy, name));
    let columns = columns.collect::<PyResult<Vec<_>>>()?;
    let flat: Vec<f64> = values.iter().copied().collect();
    // Rows have no error bars: each would take a factorization.
    let options = options.with_error_bars(false);
    let rows = detached(py, || wanted.solve(&copy, &columns, &flat, options))??;
    let names = |given: Option<Vec<String>>, all: Bound<'py, PyTuple>| match given {
        Some(names) => PyTuple::new(py, names),
        None => Ok(all),
    };
    let nodes = names(nodes, circuit.get().nodes(py))?;
    let elements = names(elements, circuit.get().elements(py))?;
    let inputs = matrix(py, flat, sources.len())?;
    tell(
        py,
        (PyTuple::new(py, sources)?, inputs),
        (nodes, elements),
        rows,
    )
}

/// Rows as `ohmgrad.SolvedRows`; a value that is not finite is an error.
fn tell<'py>(
    py: Python<'py>,
    (sources, inputs): (Bound<'py, PyTuple>, Bound<'py, numpy::PyArray2<f64>>),
    (nodes, elements): (Bound<'py, PyTuple>, Bound<'py, PyTuple>),
    rows: Rows,
) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let (mut solved, mut residuals, mut powers) = (Vec::new(), Vec::new(), Vec::new());
    let mut reasons = BTreeMap::new();
    for (row, outcome) in rows.outcomes.into_iter().enumerate() {
        let (is_solved, residual, power) = match outcome {
            Ok(numbers) => numbers,
            Err(RowError::Presolve { source, .. }) => {
                reasons.insert(row, source.to_string());
                (false, f64::NAN, f64::NAN)
            }
            Err(error) => return Err(errors::value(error)),
        };
        solved.push(is_solved);
        residuals.push(residual);
        powers.push(power);
    }
    let count = solved.len();
    let (width, breadth) = (nodes.len(), elements.len());
    CLASS.import(py, "ohmgrad.solution", "SolvedRows")?.call1((
        sources,
        inputs,
        nodes,
        elements,
        arrays::table(py, rows.potentials, (count, width))?,
        arrays::table(py, rows.voltages, (count, breadth))?,
        arrays::table(py, rows.currents, (count, breadth))?,
        vector(py, powers),
        vector(py, residuals),
        vector(py, solved),
        reasons,
    ))
}

//! `ohmgrad.SolvedRows`: solves for many rows of values.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use numpy::ndarray::{Array2, Axis};
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use ohmgrad::circuit::{Circuit, ElementId, NodeId};
use ohmgrad::device::Law;
use ohmgrad::solve::{RowError, Solution, SolveOptions, Solver, Status, solve_variants};
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};

use crate::arrays::{self, doubles, matrix, vector};
use crate::circuit::{OPEN, PyCircuit, State, find, find_node};
use crate::element;
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

/// What a column of values is given to.
struct Column {
    element: ElementId,
    /// Its law in the circuit; of a voltage source that is open, one of NaN volt.
    own: Law,
    /// Its quantity, unless it is the one that its name alone means.
    quantity: Option<String>,
    /// Whether the element has an earlier column.
    is_next: bool,
}

impl Column {
    /// The columns of names: of elements, or of elements and quantities.
    fn named(state: &State, names: &[String]) -> PyResult<Vec<Self>> {
        let circuit = &state.circuit;
        let mut columns: Vec<Self> = Vec::new();
        for name in names {
            let (element, quantity) = match (circuit.find_element(name), name.rsplit_once('.')) {
                (Err(_), Some((element, quantity))) => {
                    (find(circuit, element)?, Some(quantity.to_owned()))
                }
                (found, _) => (found.map_err(errors::value)?, None),
            };
            let own = state.law(element).clone();
            if !element::assign(&mut own.clone(), quantity.as_deref(), 1.0) {
                return Err(match &quantity {
                    Some(quantity) => element::unknown(name, &own, quantity),
                    None => PyValueError::new_err(format!(
                        "element {name} is a {}: name one of its quantities, such as {name}.forward_voltage",
                        element::kind(&own)
                    )),
                });
            }
            if columns
                .iter()
                .any(|c| (c.element, &c.quantity) == (element, &quantity))
            {
                return Err(PyValueError::new_err(format!(
                    "element {name} has two columns: leave one out"
                )));
            }
            columns.push(Self {
                is_next: columns.iter().any(|column| column.element == element),
                element,
                own,
                quantity,
            });
        }
        Ok(columns)
    }

    fn is_source(&self) -> bool {
        let is_source = matches!(
            self.own,
            Law::VoltageSource { .. } | Law::CurrentSource { .. }
        );
        is_source && self.quantity.is_none()
    }

    /// The law of its element with a value; without a voltage a voltage source is open.
    fn law(&self, variant: &Circuit, value: f64) -> Law {
        let mut law = match self.is_next {
            true => variant[self.element].law().clone(),
            false => self.own.clone(),
        };
        element::assign(&mut law, self.quantity.as_deref(), value);
        match law {
            Law::VoltageSource { voltage } if voltage.is_nan() => OPEN,
            law => law,
        }
    }
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
        columns: &[Column],
        values: &[f64],
        options: SolveOptions,
    ) -> PyResult<Rows> {
        let count = values.len() / columns.len();
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
        let read = |k: usize, solved: Result<Solution, RowError>| {
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
        };
        let are_sources = columns.iter().all(Column::is_source);
        let solved = match are_sources && values.iter().all(|value| value.is_finite()) {
            true => {
                let sources: Vec<ElementId> = columns.iter().map(|column| column.element).collect();
                let mut closed = circuit.clone();
                for (column, value) in columns.iter().zip(values) {
                    let set = closed.set_law(column.element, column.law(circuit, *value));
                    set.map_err(errors::value)?;
                }
                let solver = Solver::for_rows(&closed, &sources, values, options);
                solver.and_then(|mut solver| solver.solve_rows(&closed, &sources, values, read))
            }
            false => {
                let change = |row: usize, variant: &mut Circuit| {
                    let row = &values[row * columns.len()..][..columns.len()];
                    columns.iter().zip(row).try_for_each(|(column, value)| {
                        variant.set_law(column.element, column.law(variant, *value))
                    })
                };
                solve_variants(circuit, options, count, change, read)
            }
        };
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
    let state = circuit.get().with(py, |state| state.copy());
    let copy = state.circuit.clone();
    let wanted = Wanted::new(&copy, nodes.as_deref(), elements.as_deref())?;
    let columns = Column::named(&state, &sources)?;
    let flat: Vec<f64> = values.iter().copied().collect();
    // Rows have no error bars: each would take a factorization.
    let options = options.with_error_bars(false);
    let rows = detached(py, || wanted.solve(&copy, &columns, &flat, options))??;
    let node_names = wanted.nodes.iter().map(|id| &copy[*id]);
    let all = copy.element_names();
    let element_names = wanted.elements.iter().map(|id| &all[id.index()]);
    let nodes = match nodes {
        Some(_) => PyTuple::new(py, node_names)?,
        None => circuit.get().nodes(py),
    };
    let elements = match elements {
        Some(_) => PyTuple::new(py, element_names)?,
        None => circuit.get().elements(py),
    };
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
